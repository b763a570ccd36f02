"""Subinterpreters run without Coachwhip, and without a word about it."""

PROGRAM = """
import _interpreters
def work(n):
    return sum(range(n))
for turn in range(20):
    work(turn)
for turn in range(2):
    number = _interpreters.create()
    print(_interpreters.run_string(number, "def f(n):\\n    return n + 1\\nprint([f(n) for n in range(5)])"))
    _interpreters.destroy(number)
print(work(100))
"""


def test_silent(run_both):
    run = run_both(PROGRAM)
    assert run.stderr == "" and run.stdout.count("[1, 2, 3, 4, 5]") == 2


def test_at_the_same_time(run_both):
    """Subinterpreters with a GIL of their own trace, monitor, look at frames and fail while the main one runs compiled code; what is switched on there is not switched on here."""
    run = run_both('''
import _interpreters, sys, threading

SOURCE = """
import sys
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total, sorted(locals())
events = []
def trace(frame, event, argument):
    events.append(event)
    frame.f_locals
    return trace
monitoring = sys.monitoring
for turn in range(20):
    sys.settrace(trace)
    f(5)
    sys.settrace(None)
    sys.setprofile(lambda *arguments: None)
    f(5)
    sys.setprofile(None)
    monitoring.use_tool_id(3, "test")
    monitoring.register_callback(3, monitoring.events.PY_START, lambda *arguments: events.append("start"))
    monitoring.set_events(3, monitoring.events.PY_START)
    f(3)
    monitoring.set_events(3, 0)
    monitoring.set_local_events(3, f.__code__, monitoring.events.LINE)
    f(3)
    monitoring.set_local_events(3, f.__code__, 0)
    monitoring.free_tool_id(3)
    eval("f(4)"), exec("g = f(5)"), vars(), dir()
assert monitoring.get_tool(5) is None and not monitoring.get_events(5), monitoring._all_events()
import os
os.write(descriptor, repr((len(events), sorted(set(events)), f(10))).encode() + b"\\\\n")
try:
    f("x")
except TypeError as error:
    os.write(descriptor, repr(error).encode() + b"\\\\n")
"""

def work(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total

def inner(i):
    return i * 3 & 0xFF

def run():
    number = _interpreters.create()
    failure = _interpreters.run_string(number, SOURCE, shared={"descriptor": write})
    assert failure is None, failure
    _interpreters.destroy(number)

import os
read, write = os.pipe()
for turn in range(5):
    work(20)
threads = [threading.Thread(target=run) for _ in range(3)]
for thread in threads:
    thread.start()
totals = set()
while any(thread.is_alive() for thread in threads):
    totals.add(work(300))
for thread in threads:
    thread.join()
os.close(write)
with open(read) as file:
    print(sorted(file.read().splitlines()), totals)
coachwhip = sys.modules.get("coachwhip")
if coachwhip and coachwhip.is_enabled():
    before = coachwhip.stats()["entries"]
    work(200)
    assert coachwhip.stats()["entries"] > before + 100, coachwhip.explain(work)
''')
    assert run.code == 0 and run.stderr == "" and run.stdout.count("cannot be interpreted as an integer") == 3


def test_asked_for_in_a_subinterpreter(run_both):
    """`import coachwhip` works there, `enable()` says no in one line, and the rest of its API answers."""
    run_both('''
import _interpreters, sys
number = _interpreters.create()
source = """
import sys
def f(n):
    return n + 1
lines = []
class Stream:
    def write(self, text):
        lines.append(text)
    def flush(self):
        pass
sys.stderr = Stream()
import coachwhip
assert coachwhip.enable() is False and not coachwhip.is_enabled()
text = "".join(lines)
assert text.count("\\\\n") == 1 and "subinterpreter" in text, text
assert not coachwhip.is_compiled(f) and coachwhip.never(f) is f and isinstance(coachwhip.explain(f), str) and isinstance(coachwhip.stats(), dict)
with coachwhip.pause():
    assert f(1) == 2
coachwhip.disable()
"""
def work(n):
    return sum([i for i in range(n)])
for turn in range(3):
    work(10)
    print(_interpreters.run_string(number, source))
_interpreters.destroy(number)
print(work(10))
''')
