"""Whole programs about what the runtime does: exceptions, frames that are looked at, deep recursion, tracing, signals, threads, things that change under compiled code."""

from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"

#: Everything at its first call; a little later, so that there is feedback, with few exits allowed; guards that fail on purpose.
MODES = {
    "first": {},
    "second": {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "4", "COACHWHIP_EXIT_LIMIT": "2"},
    "stress": {"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3", "COACHWHIP_STRESS_EXITS": "7"},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", sorted(path.stem for path in PROGRAMS.glob("*.py")))
def test_program(run_both, program, mode):
    """The output is the same."""
    # The program ends with an exception that nobody catches where it is about exceptions: then there is no summary.
    run_both((PROGRAMS / f"{program}.py").read_text(encoding="utf-8"), options=MODES[mode], entered=program != "exceptions")
