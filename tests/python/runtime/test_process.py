"""The start of a process, forks, and its end."""

import os
import subprocess
import sys

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
