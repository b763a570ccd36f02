"""coverage.py: the same lines and branches with each of its cores."""

import json
import os
import subprocess
import sys

import pytest

from conftest import EVERYTHING

PROGRAM = """
import sys
import probe

def classify(x):
    if x % 15 == 0:
        return "both"
    elif x % 5 == 0:
        return "five"
    elif x % 3 == 0:
        return "three"
    elif x > 1000:
        return "never"
    return x

def generate(n):
    for i in range(n):
        if i % 2:
            yield i
        else:
            continue

def hot(n):
    kinds = {}
    for i in range(n):
        kind = classify(i)
        if isinstance(kind, str):
            kinds[kind] = kinds.get(kind, 0) + 1
        try:
            if i % 10 == 9:
                raise ValueError(i)
        except ValueError:
            kinds["raised"] = kinds.get("raised", 0) + 1
        except KeyError:
            kinds["never"] = 1
        else:
            kinds["fine"] = [x for x in (i,) if x]
    for _ in generate(5):
        while n > 10 ** 9:
            n -= 1
    with open(__file__) as file:
        match len(kinds):
            case 3:
                kinds["three"] = 0
            case _:
                kinds["many"] = 0
    return sorted(kinds)

def late(n):
    total = 0
    for i in range(n):
        if i > n - 2:
            total += 1
        total += i
    return total
"""

#: `coverage run` from the start; and with the tool switched on and off while the functions run compiled.
WHOLE = PROGRAM + "\nfor _ in range(40):\n    hot(50)\nprint(hot(300), late(300))\n"
MIDDLE = (
    "import coverage, os\n"
    + PROGRAM
    + """
print(probe.runs_compiled(hot, 50), probe.runs_compiled(late, 50))
before = probe.seconds(late, 20000)
for turn in range(2):
    tool = coverage.Coverage(data_file=f".coverage.{turn}", branch=BRANCH, include=[__file__])
    tool.start()
    print(hot(30), late(40))
    tool.stop()
    tool.save()
    print(tool.json_report(outfile=f"{turn}.json", show_contexts=False))
    # Behind it everything is compiled again; but not behind the core sysmon, which gives its number back and leaves its events on: CPython 3.13 goes on with them.
    if BRANCH:
        print(probe.runs_compiled(hot, 50), probe.runs_compiled(late, 50), probe.is_as_fast(before, late, 20000))
"""
)
CORES = {"ctrace": True, "pytrace": True, "sysmon": False}


def run(command, environment, folder):
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("COACHWHIP", "COVERAGE"))}
    process = subprocess.run(command, env=variables | environment, cwd=folder, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    return process.stdout, process.stderr


def report(path):
    """What was measured, without the time of day."""
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    data["meta"].pop("timestamp")
    return data


@pytest.mark.parametrize("core", CORES)
def test_whole_program(command_of, tmp_path, core, mode):
    results = []
    options = ["--branch"] if CORES[core] else []
    for environment in ({}, {**EVERYTHING, **mode}):
        command = command_of(WHOLE, "-m", "coverage", "run", *options)
        output = run(command, {"COVERAGE_CORE": core, **environment}, tmp_path)
        run([sys.executable, "-m", "coverage", "json", "-o", "report.json"], {}, tmp_path)
        results.append((output, report(tmp_path / "report.json")))
    assert results[0] == results[1]
    (name,) = [name for name in results[0][1]["files"] if name.endswith("app.py")]
    assert len(results[0][1]["files"][name]["executed_lines"]) > 30


@pytest.mark.parametrize("core", CORES)
def test_part_of_a_program(command_of, tmp_path, core, mode):
    results = []
    for environment in ({}, {**EVERYTHING, **mode}):
        command = command_of(MIDDLE.replace("BRANCH", str(CORES[core])))
        output = run(command, {"COVERAGE_CORE": core, **environment}, tmp_path)
        results.append((output, [report(tmp_path / f"{turn}.json") for turn in range(2)]))
    assert results[0] == results[1]
    output = results[1][0][0]
    assert output.count("True") == (8 if CORES[core] else 2) and "False" not in output, output


def test_events_that_coverage_leaves_behind(command_of, tmp_path):
    """The core sysmon records what runs after `stop()`, for CPython 3.13 goes on reporting it: so must we."""
    source = MIDDLE.replace("BRANCH", "False").replace("tool.stop()", "tool.stop(); classify(1001), hot(10 ** 9 if turn > 5 else 3)")
    results = []
    for environment in ({}, EVERYTHING):
        output = run(command_of(source), {"COVERAGE_CORE": "sysmon", **environment}, tmp_path)
        results.append((output, [report(tmp_path / f"{turn}.json") for turn in range(2)]))
    assert results[0] == results[1]
