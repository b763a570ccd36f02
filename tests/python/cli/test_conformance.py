"""The tools that compare CPython's own tests: what they call different, and the report of a run."""

import importlib
import json
import os
import subprocess
import sys

import pytest

TOOLS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "tools")

LOG = """
test_a (test.test_x.A.test_a) ... ok
test_b (test.test_x.A.test_b)
What it is about. ... FAIL
test_c (test.test_x.A.test_c) ... skipped 'no such thing'
test_d (test.test_x.A.test_d)
What it is about ... or not
test_e (test.test_x.A.test_e) ... ERROR
doctests (test.test_x.__test__) ... ok
test_f (test.test_x.A.test_f) ... Fatal Python error: Segmentation fault
"""


@pytest.fixture
def tools(monkeypatch):
    """The two modules."""
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("test_cpython"), importlib.import_module("conformance")


def result(tests, end="ended"):
    return {"tests": tests, "end": end}


def test_what_differs(tools):
    differences = tools[0].differences
    passed, failed = result({"a": "passed", "b": "passed"}), result({"a": "passed", "b": "failure"})
    assert differences([passed], [passed]) == set()
    assert differences([passed], [failed]) == {"b"}
    assert differences([passed, failed], [failed]) == set(), "unsteady on one side"
    assert differences([passed], [result({"a": "passed"})]) == {"b"}, "it was not run"
    assert differences([passed], [result({"a": "passed"}, "killed by signal 11")]) == {""}, "the process did not come to it"
    assert differences([passed], [result({"a": "failure"}, "killed by signal 11")]) == {"", "a"}
    slow = result({"a": "passed"}, "no end after 10 s")
    assert differences([passed], [slow]) == {""}
    assert differences([slow], [result({"a": "passed"}, "no end after 99 s")]) == differences([slow], [passed]) == set(), "slow without already"


def test_log_of_a_process_that_died(tools, tmp_path):
    path = tmp_path / "log"
    path.write_text(LOG)
    found = {name.rpartition("_")[2]: outcome for name, outcome in tools[0].logged_outcomes(path).items()}
    assert found == {"a": "passed", "b": "failure", "c": "skipped", "e": "error"}


def test_names_have_no_addresses(tools, tmp_path):
    path = tmp_path / "report.xml"
    path.write_text('<testsuites><testcase name="test_a (call=&lt;function f at 0x7fd820e2e1f0&gt;)"><skipped/></testcase></testsuites>')
    assert tools[0].outcomes(path) == {"test_a (call=<function f at 0x...>)": "skipped"}


def test_reason_for_no_test(tools, tmp_path):
    path = tmp_path / "log"
    path.write_text("0:00:00 load avg: 0.10 [1/1] test_kqueue\ntest_kqueue skipped -- test works only on BSD\n")
    assert tools[0].why_none(path) == "skipped test works only on BSD"


def test_slices_are_the_whole(tools):
    modules = tools[1].suite()
    assert len(modules) > 400 and set(tools[1].QUICK) <= set(modules)
    slices = [modules[number - 1 :: count] for number, count in map(tools[1].slice_of, ("1/3", "2/3", "3/3"))]
    assert sorted(sum(slices, [])) == sorted(modules)


def test_a_run_and_its_report(tools, tmp_path):
    """One small module in a copy of the tools, so that its results are its own; the second run takes them from the first."""
    (tmp_path / "tools").mkdir()
    for name in ("conformance.py", "test_cpython.py"):
        with open(os.path.join(TOOLS, name)) as file:
            (tmp_path / "tools" / name).write_text(file.read())
    command = [sys.executable, str(tmp_path / "tools" / "conformance.py"), "--mode", "normal", "test_genexps", "test_kqueue"]
    first = subprocess.run(command, capture_output=True, text=True)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "normal: 2 modules, 1 tests compared, 0 modules with differences" in first.stdout
    second = subprocess.run(command, capture_output=True, text=True)
    assert "2 results of earlier runs" in second.stdout
    report = (tmp_path / ".cache" / "conformance" / "report.md").read_text()
    assert "| normal | 2 | 1 |" in report and "- test_kqueue: skipped" in report
    # What a difference would look like.
    [path] = (tmp_path / ".cache").glob("test_cpython/*/normal-*/verdicts/test_genexps.json")
    verdict = json.loads(path.read_text())
    verdict["different"] = [["test.test_genexps.test_x", "passed", "failure"], ["", "ended", "killed by signal 11"]]
    path.write_text(json.dumps(verdict))
    third = subprocess.run(command, capture_output=True, text=True)
    assert third.returncode == 1 and "different: test_genexps" in third.stdout
    report = (tmp_path / ".cache" / "conformance" / "report.md").read_text()
    assert "- normal: `test.test_genexps.test_x`: failure (without: passed)" in report
    assert "COACHWHIP=1" in report and "-m test.test_genexps.test_x test_genexps" in report
    assert "- normal: `test_genexps`: killed by signal 11 (without: ended)" in report
