"""Tracers, profilers and other tools of `sys.monitoring` beside Coachwhip: they get the same events, and do not see that it listens, too."""

HEAD = """
import sys

def show(frame, event, argument):
    print(frame.f_code.co_name, frame.f_lineno, event)
    return show
"""


def test_tracer_switched_on_by_a_call_that_raises(run_both):
    """The frame that catches the exception is compiled: it must tell the tracer and go on in the interpreter."""
    run_both(
        HEAD
        + """
def start_and_raise():
    sys.settrace(show)
    sys._getframe().f_back.f_trace = show
    raise ValueError("x")

def catch():
    try:
        start_and_raise()
    except ValueError:
        value = 1
    return value

for _ in range(3):
    catch()
    sys.settrace(None)
"""
    )


def test_tracer_switched_on_by_a_call_that_raises_through(run_both):
    """No handler: the frame's end is told, too."""
    run_both(
        HEAD
        + """
def start_and_raise():
    sys.settrace(show)
    frame = sys._getframe().f_back
    while frame:
        frame.f_trace = show
        frame = frame.f_back
    raise ValueError("x")

def through():
    start_and_raise()
    return 1

def catch():
    try:
        through()
    except ValueError:
        pass
    sys.settrace(None)

for _ in range(3):
    catch()
"""
    )


def test_events_of_another_tool(run_both):
    run_both(
        """
import sys

monitoring = sys.monitoring
names = ("RAISE", "EXCEPTION_HANDLED", "PY_UNWIND", "PY_RETURN")

def start_and_raise():
    events = 0
    for name in names:
        event = getattr(monitoring.events, name)
        monitoring.register_callback(2, event, lambda code, offset, value, name=name: print(name, code.co_name, value))
        events |= event
    monitoring.set_events(2, events)
    raise ValueError("x")

def through():
    start_and_raise()
    return 1

def catch():
    try:
        through()
    except ValueError:
        pass
    return 2

monitoring.use_tool_id(2, "test")
for _ in range(3):
    catch()
    monitoring.set_events(2, 0)
monitoring.free_tool_id(2)
"""
    )


def test_own_events_are_not_shown(run_both):
    run_both(
        """
import sys

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

for _ in range(3):
    work(10)
print(sys.monitoring._all_events(), [sys.monitoring.get_events(tool) for tool in range(6)])
"""
    )


def test_opcode_events_that_were_asked_for_before_tracing(run_both):
    """With a second tool on an event CPython 3.13 would forget the INSTRUCTION events of the code: `breakpoint()` would stop one line too late."""
    run_both(
        HEAD
        + """
def start():
    frame = sys._getframe().f_back
    frame.f_trace = show
    frame.f_trace_opcodes = True
    sys.settrace(show)

def work():
    start(); value = 1
    return value

for _ in range(3):
    work()
    sys.settrace(None)
"""
    )


def test_strings_are_as_large_as_before(run_both):
    run_both(
        """
import sys

def work():
    return len("h\\xe4\\u20ac")

for _ in range(3):
    work()
print([sys.getsizeof(constant) for constant in work.__code__.co_consts if isinstance(constant, str)])
"""
    )
