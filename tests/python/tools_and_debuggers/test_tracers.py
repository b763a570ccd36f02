"""`sys.settrace`, `sys.setprofile` and `sys.monitoring`, switched on and off in every place: the same events, and compiled code again afterwards."""

import pytest

TOOLS = ("settrace", "opcodes", "settrace_all_threads", "setprofile", "setprofile_all_threads", "monitoring")
PLACES = ("before", "frame", "callee", "thread")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tool", TOOLS)
def test_events(run_program, tool, place, mode):
    run = run_program("tracers", tool, place, options=mode)
    assert run.code == 0, run
    assert run.stdout.count("True\n") == 4 and "True {}\n" in run.stdout, run
    assert run.stdout.count("\n") > 20, "the tool saw nothing"


def test_a_tool_that_c_code_switches_off(run_program):
    """Extensions switch tracing on and off by `PyEval_SetTrace`, of which nothing tells: compiled code runs again, after a garbage collection at the latest."""
    run_program(
        """
import ctypes, gc, sys, threading
import probe

def inner(x):
    return x + 1

def hot(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total

calls = 0

@ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)
def count(self, frame, what, argument):
    global calls
    if what == 0 and frame.f_code.co_name == "inner":
        calls += 1
    return 0

set_trace = ctypes.pythonapi.PyEval_SetTrace
set_trace.argtypes = (ctypes.c_void_p, ctypes.py_object)
print(probe.runs_compiled(hot, 60))
before = probe.seconds(hot, 3000)
for turn in range(3):
    if turn == 1:
        # What Python code has switched on C code switches off.
        sys.settrace(lambda *arguments: None)
    set_trace(ctypes.cast(count, ctypes.c_void_p), None)
    print(hot(50))
    set_trace(None, None)
    print(calls)
    gc.collect()
    print(probe.runs_compiled(hot, 60), probe.is_as_fast(before, hot, 3000), calls)
"""
    )


def test_calls_of_compiled_functions_are_not_calls_of_c_functions(run_program, mode):
    """C_RETURN and C_RAISE come for C functions only."""
    run_program(
        """
import sys
import probe

monitoring = sys.monitoring
events = monitoring.events
log = []

class Point:
    def __init__(self, x):
        self.x = x

    def __call__(self, y):
        return self.x + y

    def fail(self):
        raise ValueError(self.x)

def keywords(*, a=1, **rest):
    return a, sorted(rest)

def hot(n):
    total = 0
    for i in range(n):
        point = Point(i)
        total += point(1) + len(str(i)) + keywords(a=i, b=2)[0] + keywords(**{"a": 1})[0] + max(*(i, 1))
        try:
            point.fail()
        except ValueError:
            total += 1
        try:
            int("x")
        except ValueError:
            total += 1
    return total

def note(name):
    return lambda code, offset, *rest: log.append((name, code.co_name, *(getattr(value, "__name__", type(value).__name__) for value in rest)))

monitoring.use_tool_id(4, "test")
for name in ("CALL", "C_RETURN", "C_RAISE"):
    monitoring.register_callback(4, getattr(events, name), note(name))
print(probe.runs_compiled(hot, 40))
for turn in range(3):
    for switch in (lambda events: monitoring.set_events(4, events), lambda events: monitoring.set_local_events(4, hot.__code__, events)):
        switch(events.CALL)
        print(hot(5))
        switch(0)
        print([row for row in log if row[1] == "hot"])
        log.clear()
        print(probe.runs_compiled(hot, 40), log)
"""
    )
