"""What each program finds in its namespace: output, reports of exceptions and places, tracers that record, small classes. None of it is ever compiled."""

import builtins
import gc
import math
import re
import signal
import sys
import threading
import types
import weakref
from collections import Counter, defaultdict, deque, namedtuple
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache, partial, reduce, total_ordering
from itertools import chain, count, islice
import json

# Programs change builtins: what is ours keeps what there was.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})

FILE = "<fuzz>"
#: What one program may record.
LINES = 20000
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")

#: What programs take from the standard library, by the names they use.
LIBRARY = {
    value.__name__: value
    for value in (builtins, gc, math, signal, sys, threading, types, weakref, json, Counter, defaultdict, deque, namedtuple, contextmanager, suppress, dataclass, Enum, cached_property, lru_cache, partial, reduce, total_ordering, chain, count, islice)
}


class TooMuch(BaseException):
    """The program has written more than it may."""


class Recorder:
    """What one program lets us know, in order."""

    def __init__(self):
        self.lines = []
        self.quiet = False

    def add(self, text):
        """One line."""
        if self.quiet:
            return
        if len(self.lines) > LINES:
            raise TooMuch
        self.lines.append(text)

    def text(self):
        """All lines, without addresses."""
        return ADDRESS.sub("0x...", "\n".join(self.lines))


def written(value):
    """The repr of a value, cut."""
    try:
        text = repr(value)
    except TooMuch:
        raise
    except BaseException as error:
        return f"<repr raised {type(error).__name__}>"
    if type(value) is int and len(text) > 200:
        return f"{text[:40]}...{len(text)}"
    return text if len(text) <= 300 else f"{text[:250]}...{len(text)}"


def of_program(code):
    """Whether code is the program's own, or from a text of the program's."""
    return code.co_filename.startswith("<") and not code.co_filename.startswith("<frozen")


def described(error, locals_too, seen=()):
    """Type, text, each traceback entry with line and instruction, locals of the frames; causes and groups."""
    lines = [f"{type(error).__name__}: {text_of(error)}"]
    entry = error.__traceback__
    count = 0
    while entry is not None:
        frame = entry.tb_frame
        if of_program(frame.f_code):
            count += 1
            if count <= 12:
                place = f"  {frame.f_code.co_qualname}:{entry.tb_lineno}@{entry.tb_lasti}"
                if locals_too and frame.f_code.co_flags & 1:
                    place += " " + ", ".join(f"{name}={written(value)}" for name, value in frame.f_locals.items())
                lines.append(place)
        entry = entry.tb_next
    if count > 12:
        lines.append("  more")
    if len(seen) < 4:
        for name, other in (("cause", error.__cause__), ("context", None if error.__suppress_context__ else error.__context__)):
            if other is not None and other not in seen:
                lines += [f" {name}:"] + ["  " + line for line in described(other, False, (*seen, other))]
        if isinstance(error, BaseExceptionGroup):
            for other in error.exceptions:
                lines += [" member:"] + ["  " + line for line in described(other, False, (*seen, other))]
    return lines


def text_of(error):
    """The text of an exception; that of a recursion error depends on where the limit was met."""
    if isinstance(error, RecursionError):
        return ""
    try:
        return str(error)[:300]
    except BaseException as problem:
        return f"<str raised {type(problem).__name__}>"


def namespace(recorder, turns):
    """A fresh namespace for a program."""

    def show(*values):
        recorder.add(" ".join(map(written, values)))

    def report(error):
        for line in described(error, True):
            recorder.add(line)

    def repeat(step, turns):
        for turn in range(turns):
            try:
                show(step(turn))
            except Exception as error:
                report(error)

    def where():
        frame = sys._getframe(1)
        recorder.add(f"at {frame.f_code.co_qualname}:{frame.f_lineno}@{frame.f_lasti}")

    def look():
        frame = sys._getframe(1)
        recorder.add(f"in {frame.f_code.co_qualname}:{frame.f_lineno}@{frame.f_lasti}")
        if frame.f_code.co_flags & 1:
            for name, value in frame.f_locals.items():
                recorder.add(f"  {name} = {written(value)}")

    def set_local(name, value):
        proxy = sys._getframe(1).f_locals
        if name in proxy:
            proxy[name] = value

    def tracer(frame, event, argument):
        if not of_program(frame.f_code):
            return None
        recorder.add(f"trace {event} {frame.f_code.co_name}:{frame.f_lineno} {written(argument) if event == 'return' else ''}")
        return tracer

    def other_tracer(frame, event, argument):
        if not of_program(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        recorder.add(f"other {event} {frame.f_code.co_name}:{frame.f_lasti}")
        return other_tracer

    def trace_here():
        sys.settrace(tracer)
        sys._getframe(1).f_trace = tracer

    def profiler(frame, event, argument):
        if of_program(frame.f_code):
            recorder.add(f"profile {event} {frame.f_code.co_name}:{frame.f_lineno} {getattr(argument, '__name__', '')}")

    def monitor(which):
        monitoring = sys.monitoring
        unmonitor()
        monitoring.use_tool_id(3, "fuzz")
        events = monitoring.events
        chosen = (
            events.PY_START | events.PY_RETURN | events.PY_YIELD | events.PY_RESUME,
            events.LINE | events.RAISE,
            events.CALL | events.PY_UNWIND,
            events.JUMP | events.BRANCH,
            events.PY_THROW | events.STOP_ITERATION | events.EXCEPTION_HANDLED | events.RERAISE | events.RAISE,
        )[which]
        for event in range(19):
            if chosen >> event & 1:
                monitoring.register_callback(3, 1 << event, listener(event))
        monitoring.set_events(3, chosen)

    def listener(event):
        def listen(code, *details):
            if of_program(code):
                # Where an exception came from is told by the instruction before the call, or by the call's last cache: by what the call was specialised to.
                if event in (10, 12, 14):
                    details = ()
                recorder.add(f"event {event} {code.co_name} {' '.join(str(detail) for detail in details if type(detail) is int)}")

        return never(listen)

    def unmonitor():
        if sys.monitoring.get_tool(3):
            sys.monitoring.set_events(3, 0)
            for event in range(19):
                sys.monitoring.register_callback(3, 1 << event, None)
            sys.monitoring.free_tool_id(3)

    def monitor_code(function):
        unmonitor()
        sys.monitoring.use_tool_id(3, "fuzz")
        # The interpreter loses events of functions on one line unless another tool is at work (docs/differences.md).
        if type(function) is types.FunctionType and len({line for _, _, line in function.__code__.co_lines()}) > 1:
            sys.monitoring.register_callback(3, sys.monitoring.events.LINE, listener(5))
            sys.monitoring.set_local_events(3, function.__code__, sys.monitoring.events.LINE)

    class Manager:
        def __init__(self, swallow):
            self.swallow = swallow

        def __enter__(self):
            show("enter")
            return self

        def __exit__(self, kind, value, traceback):
            show("exit", kind and kind.__name__)
            return self.swallow

    @contextmanager
    def manager():
        show("begin")
        try:
            yield 5
        except ZeroDivisionError:
            show("swallowed")
        finally:
            show("end")

    class Data:
        def __init__(self, n):
            self.n = n

        def __get__(self, instance, owner):
            return self.n if instance is None else self.n * 2

        def __set__(self, instance, value):
            self.n = value

    class Plain:
        def __init__(self, n):
            self.n = n

        def __get__(self, instance, owner):
            return self.n + 100

    class Meta(type):
        def __getattr__(cls, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return 21

    class CallingMeta(type):
        def __call__(cls, *arguments, **keywords):
            show("calling", cls.__name__)
            return super().__call__(*arguments, **keywords)

    class Other:
        y = 77

        def m0(self, *a):
            return 33

        def get(self, *a):
            return 44

    def decorated(value):
        return value

    helpers = (show, report, repeat, where, look, set_local, tracer, other_tracer, trace_here, profiler, monitor, unmonitor, monitor_code, Manager, manager, Data, Plain, Meta, CallingMeta, Other, decorated)
    for helper in helpers:
        if type(helper) is types.FunctionType:
            never(helper)
    return {
        "__name__": "__main__",
        "__builtins__": builtins,
        "TURNS": turns,
        **LIBRARY,
        **{helper.__name__: helper for helper in helpers},
    }


def never(function):
    """Set by the worker that has Coachwhip: keeps a function interpreted."""
    return function
