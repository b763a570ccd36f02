"""The cap on machine code: cold code makes room, new code is still compiled, everything stays equal."""

import os
import subprocess
import sys

PROGRAM = """
import gc, os, sys
import coachwhip

CAP = 1
assert coachwhip.enable(threshold=1, loop_threshold=1, background=0, code_cap=CAP)

def make(number):
    namespace = {}
    text = f"def work{number}(n):\\n    total = {number}\\n    for i in range(n):\\n        total += i * {number % 7 + 1} & 15\\n        if total > 1000000: total -= i\\n    return total\\n"
    exec(text, namespace)
    return namespace[f"work{number}"]

def expected(number, n):
    return number + sum(i * (number % 7 + 1) & 15 for i in range(n))

coachwhip.never(expected)
coachwhip.never(make)

def hot(n):
    return n + 1

keep = []
most = 0
for number in range(700):
    function = make(number)
    keep.append(function)
    for _ in range(3):
        assert function(10) == expected(number, 10)
    assert coachwhip.is_compiled(function), coachwhip.explain(function)
    for _ in range(50):
        hot(number)
    most = max(most, coachwhip.stats()["code_bytes"])
    if number % 50 == 0:
        for other in keep:
            assert other(3) == expected(keep.index(other), 3)
stats = coachwhip.stats()
print("bounded", most <= CAP << 20, "evicted", stats["evictions"] > 100)
print("hot stays", coachwhip.is_compiled(hot))
print("compiled at last", sum(coachwhip.is_compiled(function) for function in keep) > 50)
# Dead functions leave nothing behind.
del function, other
keep.clear()
gc.collect()
for _ in range(100): hot(1)
print("left", coachwhip.stats()["code_bytes"] < 250_000)

# A frame that runs keeps its code.
def outer(depth):
    total = 0
    for number in range(depth):
        function = make(1000 + number)
        function(5)
        total += function(5)
    return total

print(outer(400) == sum(expected(1000 + number, 5) for number in range(400)))
"""


def test_cold_code_makes_room():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    process = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=300)
    expected = "bounded True evicted True\nhot stays True\ncompiled at last True\nleft True\nTrue\n"
    assert (process.stdout, process.stderr) == (expected, "")
