"""cProfile and tracemalloc, from the start and in the middle; py-spy, which reads the memory of a process that runs compiled code."""

import json
import os
import subprocess
import sys

import pytest

from conftest import EVERYTHING, run_process

CALLS = """
import cProfile, pstats, sys
import probe

WHEN = sys.argv[1]

def square(x):
    return x * x

class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return Point(self.x + by)

def recursive(n):
    return 1 if n < 2 else recursive(n - 1) + recursive(n - 2)

def generate(n):
    for i in range(n):
        yield i

def hot(n, profile=None):
    total = 0
    items = []
    for i in range(n):
        if profile and i == n // 2 and WHEN == "middle":
            profile.enable()
        total += square(i) + len(items) + abs(-i)
        items.append(Point(i).moved(1).x)
        if i % 7 == 0:
            total += recursive(5) + sum(generate(3))
            try:
                int("x")
            except ValueError:
                total += max(i, 3)
    return total

print(probe.runs_compiled(hot, 60))
before = probe.seconds(hot, 2000)
for turn in range(2):
    profile = cProfile.Profile(builtins=turn == 0)
    if WHEN == "before":
        profile.enable()
    print(hot(100, profile))
    profile.disable()
    # Of code that is not this program's only what it calls directly is the same: pstats shows Coachwhip nowhere.
    for place, (primitive, calls, _, _, callers) in sorted(pstats.Stats(profile).stats.items()):
        print(place, primitive, calls, sorted((caller, row[:2]) for caller, row in callers.items()))
    print(probe.runs_compiled(hot, 60), probe.is_as_fast(before, hot, 2000))
"""


@pytest.mark.parametrize("when", ("before", "middle"))
def test_call_counts(run_program, when, mode):
    run = run_program(CALLS, when, options=mode)
    assert run.code == 0 and run.stdout.count("True") == 5, run
    assert "'square'" in run.stdout and "coachwhip" not in run.stdout, run


def test_profile_of_a_whole_program(command_of, tmp_path):
    """`python -m cProfile`."""
    source = CALLS[: CALLS.index("print(")].replace("import probe", "").replace("sys.argv[1]", "''") + "\nfor _ in range(50): hot(60)\n"
    command = command_of(source, "-m", "cProfile", "-s", "name")
    counts = []
    for environment in ({}, EVERYTHING):
        run = run_process(command, environment, cwd=tmp_path)
        assert run.code == 0, run
        rows = [line.split() for line in run.stdout.splitlines() if "app.py:" in line]
        counts.append([(row[0], row[-1]) for row in rows])
    assert counts[0] == counts[1] and len(counts[0]) > 5


MEMORY = """
import sys, tracemalloc
import probe

WHEN = sys.argv[1]
kept = []

class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

def pair(a, b):
    return (a, b)

def scaled(x):
    return x * 1.5

def hot(n, action=None):
    count = 10 ** 6
    for i in range(n):
        if action and i == 50:
            action()
        kept.append(
            i + count
        )
        kept.append([i, count])
        kept.append({i: 1})
        kept.append(
            pair(i, count)
        )
        kept.append(scaled(i))
        kept.append(Point(i, scaled(i)))
        kept.append(f"{i} and {count}")
        kept.append((i, i + 1))
        kept.append([x for x in (i, i)])
        count += 1
    return count

def lines(statistics):
    own = [row for row in statistics if row.traceback[0].filename == __file__]
    return sorted((row.traceback[0].lineno, row.count, row.size) for row in own)

for _ in range(50):
    hot(100)
    kept.clear()
print(probe.runs_compiled(hot, 100))
before = probe.seconds(hot, 300)
for turn in range(2):
    kept.clear()
    if WHEN == "before":
        tracemalloc.start(3)
        hot(200)
    else:
        hot(200, lambda: tracemalloc.start(3))
    snapshot = tracemalloc.take_snapshot()
    for row in lines(snapshot.statistics("lineno")):
        print(*row)
    tracemalloc.stop()
    kept.clear()
    print(probe.runs_compiled(hot, 100))
    kept.clear()
    print(probe.is_as_fast(before, hot, 300))
"""


@pytest.mark.parametrize("when", ("before", "middle"))
def test_allocations(run_program, command_of, tmp_path, when, mode):
    """The same lines, with the same numbers of blocks: but for the list that grows, whose block may be reported by either of two lines."""
    command = [*command_of(MEMORY), when]
    without, with_ = (run_process(command, environment, cwd=tmp_path) for environment in ({}, {**EVERYTHING, **mode}))
    assert without.code == with_.code == 0, with_
    assert with_.stdout.count("True") == 5, with_
    rows = [[[int(word) for word in line.split()] for line in run.stdout.splitlines() if line[0].isdigit()] for run in (without, with_)]
    assert [row[0] for row in rows[0]] == [row[0] for row in rows[1]], (without, with_)
    for expected, found in zip(*rows):
        assert abs(expected[1] - found[1]) <= 3 and abs(expected[2] - found[2]) <= expected[2] * 0.02 + 200, (expected, found, without, with_)


def test_tracing_from_the_start(command_of, tmp_path):
    """`PYTHONTRACEMALLOC`: nothing is compiled, until it is stopped."""
    source = MEMORY[: MEMORY.index("for _ in range(50)")] + """
for _ in range(50):
    hot(100)
    kept.clear()
print(probe.ON and probe.coachwhip.stats()["entries"])
hot(50)
first = hot.__code__.co_firstlineno
for row in lines(tracemalloc.take_snapshot().statistics("lineno")):
    if first < row[0] < first + 25:
        print(*row)
tracemalloc.stop()
print(probe.runs_compiled(hot, 100))
"""
    command = [*command_of(source), "before"]
    without, with_ = (run_process(command, {"PYTHONTRACEMALLOC": "2", **environment}, cwd=tmp_path) for environment in ({}, EVERYTHING))
    assert without.code == with_.code == 0, with_
    assert with_.stdout.startswith("0\n") and with_.stdout.endswith("True\n"), with_
    assert without.stdout.splitlines()[1:] == with_.stdout.splitlines()[1:]
    assert with_.stdout.count("\n") > 6


SPIN = """
import sys, time
import probe

def innermost(n):
    total = 0
    for i in range(n):
        total += i & 3
        total ^= 1
    return total

def caller(n):
    total = 0
    for i in range(5):
        total += innermost(n)
    return total

def main():
    for _ in range(100):
        caller(100)
    print(probe.runs_compiled(caller, 100), flush=True)
    while True:
        caller(200000)

main()
"""


def lines_of(source, function):
    """The lines of a function in a source text."""
    rows = source.splitlines()
    first = next(number for number, row in enumerate(rows, 1) if row.startswith(f"def {function}("))
    last = next((number for number in range(first + 1, len(rows) + 1) if rows[number - 1] and not rows[number - 1].startswith(" ")), len(rows) + 1)
    return range(first, last)


@pytest.mark.parametrize("on", (False, True))
def test_py_spy(started, on, mode):
    """Names of all functions, and their lines: of those that call the call's, of the innermost one of its own."""
    process = started(SPIN, {**EVERYTHING, **mode} if on else {})
    py_spy = os.path.join(os.path.dirname(sys.executable), "py-spy")
    innermost = set()
    samples = 0
    for _ in range(40):
        if samples == 5:
            break
        output = subprocess.run([py_spy, "dump", "--json", "--pid", str(process.pid)], capture_output=True, text=True, timeout=60)
        assert output.returncode == 0, output.stderr
        threads = json.loads(output.stdout)
        (frames,) = [thread["frames"] for thread in threads if any(frame["name"] == "main" for frame in thread["frames"])]
        names = [(frame["name"], frame["line"]) for frame in frames]
        assert [name for name, _ in names] == ["innermost", "caller", "main", "<module>"][-len(names) :]
        if len(names) < 3:
            # Not in the calls yet, or between two of them.
            continue
        samples += 1
        source = SPIN.splitlines()
        for name, line in names[-3:] if len(names) == 3 else names[1:]:
            expected = {"caller": ("innermost(n)", "for i in", "return total"), "main": ("caller(200000)",), "<module>": ("main()",)}[name]
            assert any(text in source[line - 1] for text in expected), names
        if len(names) == 4:
            innermost.add(names[0][1])
    assert innermost and all(line in lines_of(SPIN, "innermost") for line in innermost)
    assert samples == 5
    if innermost:
        assert any("for i" in SPIN.splitlines()[line - 1] or "total" in SPIN.splitlines()[line - 1] for line in innermost), innermost
