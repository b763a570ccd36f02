"""The start of a process, forks, and its end."""

import ctypes
import os
import subprocess
import sys

import pytest

from conftest import EVERYTHING, run_process

PROGRAM = """
import os, sys, time
import coachwhip

def inner(x):
    return x * 3 + 1

def work(n):
    total = 0
    for i in range(n):
        total += inner(i) & 7
    return total

def go():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for _ in range(100):
            assert work(30) == 103
        if coachwhip.is_compiled(work):
            return True
    return False
"""


def run(source, **environment):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")} | environment
    return subprocess.run([sys.executable, "-c", PROGRAM + source], env=environment, capture_output=True, text=True, timeout=120)


def test_a_young_process_compiles_what_is_hot():
    for warm_up in ("0", "1000000", "50"):
        process = run("coachwhip.enable()\nprint(go())", COACHWHIP_WARM_UP=warm_up)
        assert (process.stdout, process.stderr) == ("True\n", "")


def test_a_young_process_leaves_cold_code_alone():
    source = "coachwhip.enable(warm_up=1000000)\nfor _ in range(100): work(30)\ntext = coachwhip.explain(inner)\nprint(coachwhip.stats()['compiled_functions'], 'has not run' in text or 'started 0 times' in text)"
    process = run(source)
    assert (process.stdout, process.stderr) == ("0 True\n", "")


FORK = """
def both(when):
    child = os.fork()
    compiled = go()
    if not child:
        os._exit(0 if compiled else 1)
    _, status = os.waitpid(child, 0)
    print(when, compiled, status)

coachwhip.enable()
both("young")
"""


def test_forks():
    """The child compiles too, and the parent is not warned of threads that are none of the program's."""
    for warm_up in ("0", "1000000"):
        process = run(FORK + "both('old')", COACHWHIP_WARM_UP=warm_up, PYTHONWARNINGS="error")
        assert (process.stdout, process.stderr) == ("young True 0\nold True 0\n", "")


ALONE = """
import ctypes, threading
flag = ctypes.c_byte.in_dll(ctypes.CDLL(None), "__libc_single_threaded")
threads = lambda: len(os.listdir("/proc/self/task"))

def settled(of_the_program):
    end = time.monotonic() + 60
    while (threads() > of_the_program) and time.monotonic() < end:
        time.sleep(0.01)
    return flag.value, threads()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "__libc_single_threaded"), reason="this C library has no such flag")
@pytest.mark.skipif(os.stat("/proc/self/task").st_nlink - 2 != len(os.listdir("/proc/self/task")), reason="this system does not count threads there")
@pytest.mark.parametrize("warm_up", ["0", "50", "1000000"])
def test_a_process_with_one_thread_is_one_for_the_c_library(warm_up):
    """What samples and compiles is a thread; when it has ended `malloc` and mutexes are as fast as they were, unless the program has threads."""
    source = "print(flag.value)\ncoachwhip.enable()\nprint(go())\ncoachwhip.disable()\nprint(settled(1))"
    process = run(ALONE + source, COACHWHIP_WARM_UP=warm_up)
    assert (process.stdout, process.stderr) == ("1\nTrue\n(1, 1)\n", "")
    if warm_up == "1000000":
        # Samples are taken all the time.
        return
    source = """
coachwhip.enable()
print(go(), settled(1))
end = threading.Event()
other = threading.Thread(target=end.wait)
other.start()
again = lambda x: x + 1
while not coachwhip.is_compiled(again): again(1)
print(settled(2))
end.set()
other.join()
print(settled(1))
"""
    process = run(ALONE + source, COACHWHIP_WARM_UP=warm_up)
    assert (process.stdout, process.stderr) == ("True (1, 1)\n(0, 2)\n(0, 1)\n", "")


def test_the_end_does_not_wait_for_the_compiler():
    source = """
text = "def big(x):\\n" + "\\n".join(f"    x = x * {i % 7} + {i} & 15 if x & {i + 1} else x - {i}" for i in range(300)) + "\\n    return x"
exec(text)
coachwhip.enable(warm_up=0, threshold=100, size_limit=100000)
for i in range(3000): big(i)
import atexit
atexit.register(lambda: print("end", flush=True))
"""
    process = run(source)
    assert (process.stdout, process.stderr, process.returncode) == ("end\n", "", 0)


def test_a_child_that_works_long_is_compiled():
    """Young children leave code alone, also what their parent has never run; those who go on working do not."""
    source = """
def fresh(n):
    return sum([inner(i) & 7 for i in range(n)])

coachwhip.enable(warm_up=0)
child = os.fork()
if not child:
    end = time.monotonic() + 60
    while time.monotonic() < end and not (coachwhip.is_compiled(fresh) and coachwhip.is_compiled(inner)):
        for _ in range(100):
            fresh(30)
    os._exit(0 if coachwhip.is_compiled(fresh) and coachwhip.is_compiled(inner) else 1)
print(os.waitpid(child, 0)[1])
"""
    process = run(source)
    assert (process.stdout, process.stderr) == ("0\n", "")


def test_young_children_make_no_code_and_run_that_of_their_parent():
    source = """
total = 0

def counted(n):
    return total + inner(n)

def other(n):
    return inner(n) + total

coachwhip.enable(warm_up=0)
go()
coachwhip.compile(counted)
before = coachwhip.stats()
for _ in range(5):
    child = os.fork()
    if not child:
        total = 1
        fine = [{counted(i) - other(i) for i in range(1500)} == {0}, work(30) == 103]
        after = coachwhip.stats()
        fine += [coachwhip.is_compiled(work), not coachwhip.is_compiled(counted), not coachwhip.is_compiled(other)]
        fine += [after["entries"] > before["entries"], after["compiled_functions"] == before["compiled_functions"]]
        os._exit(fine.index(False) if False in fine else 100)
    print(os.waitpid(child, 0)[1] >> 8, coachwhip.is_compiled(counted))
"""
    process = run(source)
    assert (process.stdout, process.stderr) == ("100 True\n" * 5, "")


def test_children_end_as_they_would():
    """What compiled code names is destroyed at the end of a child, too."""
    source = """
class Loud:
    def __del__(self):
        os.write(1, b"gone\\\\n")

def use(x):
    return holder.value + x

class Holder:
    value = 3
    loud = Loud()

holder = Holder()
coachwhip.enable(warm_up=0)
for i in range(10): use(i)
coachwhip.compile(use)
child = os.fork()
if child:
    os.waitpid(child, 0)
    os.write(1, b"parent\\\\n")
else:
    use(1)
"""
    process = run(source.replace("\\\\", "\\"))
    assert (process.stdout, process.stderr) == ("gone\nparent\ngone\n", "")


def test_audit_hooks_hear_nothing_of_the_end(run_both):
    """At the end of a program our callbacks are taken out of `sys.monitoring`, whose `register_callback` is audited."""
    run = run_both(
        """
import sys

def work(n):
    return sum([i & 7 for i in range(n)])

sys.addaudithook(lambda event, arguments: event.startswith("sys.") and print(event))
for _ in range(20):
    work(30)
sys._getframe()
"""
    )
    assert run.stdout == "sys._getframe\n"


def test_children_of_threads_end_with_their_thread():
    """A child that a thread forks and that returns from it ends with its last thread: ours must not be the last."""
    source = """
import threading

def fork():
    if not os.fork():
        go() if long else work(30)
        return
    print(os.wait()[1])

coachwhip.enable()
for long in (False, True):
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
"""
    for warm_up in ("1000000", "0"):
        process = run(source, COACHWHIP_WARM_UP=warm_up, PYTHONWARNINGS="ignore")
        assert (process.stdout, process.stderr) == ("0\n0\n", "")


def test_watchers_have_the_numbers_that_they_would_have(run_both):
    """Other extensions' watchers get the same numbers, which are in messages of CPython; ours are the last but one."""
    run = run_both(
        """
import ctypes

def work(n):
    return sum([i & 7 for i in range(n)])

for _ in range(20):
    work(30)
callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)
for kind in ("Dict", "Type", "Function"):
    add, clear = (getattr(ctypes.pythonapi, f"Py{kind}_{what}Watcher") for what in ("Add", "Clear"))
    numbers = [add(callback)]
    while numbers[-1] < 7:
        numbers.append(add(callback))
    print(kind, numbers[:4], numbers[-1], {clear(number) for number in numbers})
"""
    )
    assert run.stdout.count(" 7 {0}") == 3


CHANGED = """
import gc, os, sys, threading, weakref

class Owner:
    def __init__(self, name): self.name = name
    def greet(self): return self.name

class Method:
    def __call__(self, owner): return 1

current = Owner("first")
Owner.act = Method()

def name():
    return current.greet()

def act(owner):
    return Owner.act(owner)

gc.disable()
def warm():
    for _ in range(5):
        name(), act(current)

warm()
ends = []
value = weakref.ref(current, lambda _: ends.append("value"))
attribute = weakref.ref(Owner.act, lambda _: ends.append("attribute"))

def replace():
    global current
    current = Owner("second")
    Owner.act = None

sys.stdout.flush()
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    replace()
    print(name(), ends, value(), attribute())
    coachwhip = sys.modules.get("coachwhip")
    if coachwhip:
        stats = coachwhip.stats()
        print(stats["compiled_functions"] >= 2, stats["entries"] > 0, stats["invalidations"] > 0, file=sys.stderr)
    sys.stdout.flush()
    os._exit(0)
"""


def test_what_a_child_replaces_ends_at_once():
    """Invalid code is not freed in young children, but what it alone would hold of the program is given back."""
    plain, everything = (run_process([sys.executable, "-c", CHANGED], more) for more in ({}, EVERYTHING))
    assert plain.stdout == everything.stdout == "second ['value', 'attribute'] None None\n"
    assert (plain.stderr, everything.stderr) == ("", "True True True\n")


def test_a_young_process_that_forks_often_counts():
    source = """
coachwhip.enable(warm_up=1000000)
for _ in range(5):
    child = os.fork()
    if not child:
        os._exit(3)
    print(os.waitpid(child, 0)[1] >> 8, end=" ")
def fresh(x):
    return inner(x) + 1
for i in range(100): fresh(i)
print("started 0 times" not in coachwhip.explain(fresh) and "has not run" not in coachwhip.explain(fresh), go())
"""
    process = run(source)
    assert (process.stdout, process.stderr) == ("3 3 3 3 3 True True\n", "")


def test_what_waits_for_the_compiler_is_compiled_in_a_child_too():
    """The parent forks as soon as a function is hot, again and again; a child that goes on working compiles what it has inherited."""
    source = """
coachwhip.enable(warm_up=0)
for turn in range(20):
    exec(f"def f(x):\\n    " + "\\n    ".join(f"x = x * {i + turn} + 1 & 1023" for i in range(100)) + "\\n    return x")
    for i in range(1600):
        f(i)
    child = os.fork()
    if not child:
        end = time.monotonic() + 60
        while time.monotonic() < end and not coachwhip.is_compiled(f):
            f(1)
        os._exit(0 if coachwhip.is_compiled(f) else 1)
    print(os.waitpid(child, 0)[1], end=" ")
"""
    process = run(source)
    assert (process.stdout, process.stderr) == ("0 " * 20, "")
