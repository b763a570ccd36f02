"""Frames of compiled code that others look at and change: `f_locals`, `f_lineno`, `faulthandler`, `sys._current_frames`."""

import pytest


@pytest.mark.parametrize("program", ("frames", "jumps"))
def test_program(run_program, program, mode):
    run = run_program(program, options=mode)
    assert run.code == 0, run
    assert "True" in run.stdout and "False" not in run.stdout, run
