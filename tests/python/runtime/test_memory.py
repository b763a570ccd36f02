"""There is no memory: compiled code raises MemoryError as the interpreter does, or goes on, and never ends the process."""

import sys

import pytest

from conftest import EVERYTHING, run_process


def test_memory_errors_are_caught(run_both):
    run_both("""
import sys

def too_large(n):
    try:
        return [0] * n
    except MemoryError as error:
        return repr(error), sys.exception() is error

def raising(n):
    total = 0
    for i in range(n):
        total += i
        if i == n - 1:
            raise MemoryError("by hand", total)
    return total

for turn in range(5):
    print(too_large(sys.maxsize // 16), len(too_large(10)))
    try:
        print(bytearray(sys.maxsize), "x" * (sys.maxsize - 100))
    except MemoryError as error:
        print(repr(error))
    try:
        raising(10)
    except MemoryError as error:
        print(error.args)
""")


LIMITED = """
import resource, sys

def fill(items, n):
    "Boxes a number in each turn."
    total = 0
    for i in range(n):
        total += i * 1000003
        items.append(total)
    return total

def fill_floats(items, n):
    total = 0.5
    for i in range(n):
        total += i * 1.25
        items.append(total)
    return total

class Node:
    def __init__(self, value):
        self.value = value

def nodes(items, n):
    for i in range(n):
        items.append(Node(i * 1000003))
    return items[-1].value

def strings(n):
    text = ""
    for i in range(n):
        text += str(i * 1000003)
    return {text: [text + "x"]}

def attempt(what):
    try:
        what()
    except MemoryError as error:
        return type(error).__name__
    return "enough"

for turn in range(5):
    fill([], 100), fill_floats([], 100), nodes([], 100), strings(100)
spare = bytearray(16 << 20)
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
soft = pages * resource.getpagesize() + (48 << 20)
resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
for turn in range(3):
    print(attempt(lambda: fill([], 1 << 30)), attempt(lambda: fill_floats([], 1 << 30)), attempt(lambda: nodes([], 1 << 30)))
    print(fill([], 1000), fill_floats([], 1000), nodes([], 1000), len(strings(1000)))
def fresh(n):
    "Compiled while memory is short."
    return [i * 1000003 for i in range(n)]
hog = []
print(attempt(lambda: fill(hog, 1 << 30)))
# Neither the interpreter nor the compiler's thread has anything left.
del spare
print([sum(fresh(n)) for n in range(30)])
del hog
print([sum(fresh(n)) for n in range(30)])
"""


@pytest.mark.parametrize("mode", ["foreground", "background"])
def test_address_space_is_limited(run_both, mode):
    background = {"COACHWHIP_BACKGROUND": "1", "COACHWHIP_THRESHOLD": "20", "COACHWHIP_LOOP_THRESHOLD": "50", "COACHWHIP_WARM_UP": "0"}
    # The compiler's thread may come when there is no memory for it: then nothing is compiled, which is right, too.
    run = run_both(LIMITED, options=background if mode == "background" else {"COACHWHIP_WARM_UP": "0"}, entered=mode == "foreground")
    assert run.code == 0 and run.stdout.count("MemoryError") == 10, run


def test_an_error_is_shown_while_memory_is_short(tmp_path):
    """To show it the interpreter imports modules, for whose code there is no memory when it gets hot: it stays interpreted."""
    (tmp_path / "app.py").write_text(LIMITED.partition("# Neither the interpreter")[0] + "raise MemoryError\n")
    for turn in range(3):
        run = run_process([sys.executable, str(tmp_path / "app.py")], {**EVERYTHING, "COACHWHIP_STATS": "1"})
        assert run.code == 1 and run.stdout.count("MemoryError") == 10 and "memory allocation" not in run.stderr, run


def test_no_allocation_succeeds(tmp_path):
    """From some allocation on, each one after the other, all fail for a while. The interpreter allocates elsewhere, so what is compared is the outcome: right, or MemoryError."""
    pytest.importorskip("_testcapi")
    (tmp_path / "app.py").write_text("""
import _testcapi, collections, sys

class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def length(self):
        return self.x * self.x + self.y * self.y

def ints(n):
    total = 1 << 40
    for i in range(n):
        total = total * 3 + i & 0xFFFFFFFFFFFFFF
    return total

def floats(n):
    total = 0.5
    for i in range(n):
        total = total * 1.5 + i
    return total

def boxes(n):
    out = [None] * n
    for i in range(n):
        out[i] = i * 1000003
    return out[n - 1]

def points(n):
    total = 0
    for i in range(n):
        total += Point(i * 1000, i * 3.5).length()
    return total

def handled(n):
    total = 0
    for i in range(n):
        try:
            total += 1000003 * i
            if i & 1:
                raise KeyError(i)
        except KeyError as error:
            total += error.args[0]
    return total

def leaves(n, x):
    "Leaves in the middle, with unboxed locals, where an inlined function meets another class."
    total, scale = 1 << 40, 0.25
    for i in range(n):
        total += i * 1000003
        scale += 0.5
        scale += twice(x if i == n - 1 else i)
    return total, scale

def twice(x):
    return x * 2 + 1

calls = [(ints, 40), (floats, 40), (boxes, 40), (points, 10), (handled, 20), (leaves, 20, 2.5), (leaves, 20, True)]
expected = [call[0](*call[1:]) for call in calls]
for _ in range(60):
    for call in calls:
        call[0](*call[1:])
outcomes = collections.Counter()
def attempt(call, first, last):
    function, arguments = call[0], call[1:]
    result = None
    _testcapi.set_nomemory(first, last)
    try:
        result = function(*arguments)
    except MemoryError:
        result = MemoryError
    finally:
        _testcapi.remove_mem_hooks()
    return result
for length in (1, 2, 10, 0):
    for first in range(1, 90):
        for call, right in zip(calls, expected):
            result = attempt(call, first, first + length if length else 0)
            assert result is MemoryError or result == right, (call, first, length, result, right)
            outcomes[result is MemoryError] += 1
            assert call[0](*call[1:]) == right
print("some", bool(outcomes[True]), "others", bool(outcomes[False]))
""", encoding="utf-8")
    for options in ({}, EVERYTHING, {**EVERYTHING, "COACHWHIP_THRESHOLD": "30", "COACHWHIP_LOOP_THRESHOLD": "40"}, {**EVERYTHING, "COACHWHIP_STRESS_EXITS": "5"}):
        run = run_process([sys.executable, str(tmp_path / "app.py")], {**options, "COACHWHIP_STATS": "1"} if options else {})
        assert (run.code, run.stdout, run.stderr) == (0, "some True others True\n", ""), (options, run)
        assert not options or " entries: " in run.summary
