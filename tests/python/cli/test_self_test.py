"""The self-test at the start finds a layout that is wrong on purpose: Coachwhip stays off, says so in one line, and the program runs. (That each field is noticed is tested in
`crates/cpython/tests/capture.rs`.)"""

import sys

import pytest

from conftest import EVERYTHING, run_process

PROGRAM = """
import sys
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
print([work(n) for n in range(30)], sys.argv)
coachwhip = sys.modules.get("coachwhip")
if coachwhip:
    print(coachwhip.is_enabled(), coachwhip.is_compiled(work), coachwhip.explain(work), coachwhip.stats()["entries"], file=sys.stderr)
"""

#: One of each kind: told by CPython's own table, by a probe, in a running frame, on the data stack, where the first callback is registered.
FIELDS = ["frame::PREVIOUS:8", "dict_keys::DK_NENTRIES:-8", "frame::RETURN_OFFSET:2", "thread_state::DATASTACK_LIMIT:-8", "interpreter::EVAL_FRAME:8", "interpreter::MONITORS:8"]


@pytest.mark.parametrize("field", FIELDS)
def test_off_and_one_line(tmp_path, field):
    (tmp_path / "app.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "app.py"), "argument"]
    without = run_process(command)
    run = run_process(command, {**EVERYTHING, "COACHWHIP_WRONG_LAYOUT": field})
    assert (run.stdout, run.code) == (without.stdout, 0)
    first, *rest = run.stderr.splitlines()
    assert first.startswith("coachwhip: off: ") and rest[0].startswith("False False Coachwhip is off."), run.stderr
    assert not any("coachwhip: " in line for line in rest)
    # In a program that asks for it, too, and again.
    source = "import coachwhip\nprint([coachwhip.enable(), coachwhip.is_enabled(), coachwhip.enable()])"
    run = run_process([sys.executable, "-c", source], {"COACHWHIP_WRONG_LAYOUT": field})
    assert run.stdout == "[False, False, False]\n" and run.code == 0 and run.stderr.splitlines()[0] == first


def test_a_right_layout_is_found_right(tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM, encoding="utf-8")
    run = run_process([sys.executable, str(tmp_path / "app.py")], {**EVERYTHING, "COACHWHIP_WRONG_LAYOUT": "frame::PREVIOUS:0"})
    assert run.code == 0 and run.stderr.startswith("True True "), run.stderr


def test_no_field(tmp_path):
    run = run_process([sys.executable, "-c", "print(1)"], {"COACHWHIP": "1", "COACHWHIP_WRONG_LAYOUT": "something"})
    assert run.stdout == "1\n" and run.stderr.count("\n") == 1
