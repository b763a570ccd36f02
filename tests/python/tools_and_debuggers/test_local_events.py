"""Events of one code object (`sys.monitoring.set_local_events`)."""

import pytest

#: A function that a tool is to listen to, and one that calls it.
LISTENED = """def listened(x):
    return x + 1

def hot(n):
    total = 0
    for i in range(n):
        total += listened(i)
    return total

lines = []
sys.monitoring.use_tool_id(2, "test")
sys.monitoring.register_callback(2, sys.monitoring.events.LINE, lambda code, line: lines.append(line))
"""


@pytest.mark.parametrize("place", ("before", "frame", "thread"))
def test_only_that_function_is_interpreted(run_program, place, mode):
    run = run_program("local_events", place, options=mode)
    assert run.code == 0, run
    assert "False" not in run.stdout.replace("False, False", ""), run


def test_events_that_were_there_before(run_program):
    """Coachwhip is switched on when the tool listens already."""
    run_program(
        """
import sys
import coachwhip, probe
coachwhip.disable()
"""
        + LISTENED
        + """
sys.monitoring.set_local_events(2, listened.__code__, sys.monitoring.events.LINE)
if probe.ON:
    coachwhip.enable(threshold=10, loop_threshold=10, background=False)
print(hot(100), len(lines))
print(probe.runs_compiled(hot, 100), probe.is_interpreted(listened), len(lines))
sys.monitoring.set_local_events(2, listened.__code__, 0)
print(probe.runs_compiled(hot, 100), len(lines))
print(probe.runs_compiled(listened, 100), len(lines))
"""
    )


def test_while_the_compiler_is_at_work(run_program):
    """What was captured before the tool came is not installed."""
    run_program(
        """
import sys
import probe
"""
        + LISTENED
        + """
for turn in range(10):
    sys.monitoring.set_local_events(2, listened.__code__, sys.monitoring.events.LINE)
    lines.clear()
    for i in range(2000):
        hot(10)
    print(len(lines))
    sys.monitoring.set_local_events(2, listened.__code__, 0)
    lines.clear()
    for i in range(2000):
        hot(10)
    print(len(lines))
""",
        options={"COACHWHIP_BACKGROUND": "1", "COACHWHIP_THRESHOLD": "100", "COACHWHIP_LOOP_THRESHOLD": "100", "COACHWHIP_WARM_UP": "0"},
    )
