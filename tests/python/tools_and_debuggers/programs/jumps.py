"""Tracers set `f_lineno`: a frame that was compiled goes on at another line."""

import sys

import probe


def first(function):
    return function.__code__.co_firstlineno


class Jump:
    """Jumps from one line of a function to another, at the n-th time that it comes there."""

    def __init__(self, function, source, target, times=1):
        self.code = function.__code__
        self.source = first(function) + source
        self.target = first(function) + target
        self.times = times
        self.log = []

    def __call__(self, frame, event, argument):
        if frame.f_code is not self.code:
            return self
        self.log.append((event, frame.f_lineno - first_of(self.code)))
        if event == "line" and frame.f_lineno == self.source:
            self.times -= 1
            if self.times == 0:
                try:
                    frame.f_lineno = self.target
                except ValueError as error:
                    self.log.append(str(error))
        return self


def first_of(code):
    return code.co_firstlineno


def start(jump):
    """Called in the middle of the loop."""
    if jump:
        sys._getframe(1).f_trace = jump
        sys.settrace(jump)


def forward(n, jump):
    total = 0
    for i in range(n):
        if i == n - 4:
            start(jump)
        total += i
        total *= 2
        total -= 1
    return total


def out_of_loop(n, jump):
    total = 0
    for i in range(n):
        if i == n - 4:
            start(jump)
        total += i
    total += 1000
    return total


def into_loop(n, jump):
    total = 0
    for i in range(3):
        total += i
    if n:
        start(jump)
    total += 1
    for i in range(n):
        total += 2
    return total


def unbound(n, jump):
    for i in range(n):
        if i == n - 4:
            start(jump)
        value = i * 1.5
        last = value + 1
    return last


def over_exception(n, jump):
    total = 0
    for i in range(n):
        if i == n - 4:
            start(jump)
        try:
            total += 1
            raise ValueError(i)
        except ValueError:
            total += 10
    return total


CASES = (
    (forward, 5, 7),
    (forward, 7, 5),
    (forward, 5, 1),
    (out_of_loop, 5, 6),
    (out_of_loop, 5, 1),
    (into_loop, 6, 8),
    (into_loop, 6, 3),
    (into_loop, 6, 1),
    (unbound, 4, 5),
    (over_exception, 6, 8),
    (over_exception, 7, 4),
    (over_exception, 9, 6),
)


def run(function, n, jump):
    try:
        return function(n, jump)
    except Exception as error:
        return repr(error), error.__traceback__.tb_next.tb_lineno - first(function)
    finally:
        sys.settrace(None)


for function, source, target in CASES:
    print(function.__name__, source, target, probe.runs_compiled(function, 50, None))
    for times in (1, 2):
        jump = Jump(function, source, target, times)
        print(run(function, 50, jump), jump.log)
    print(probe.enters(lambda: [function(50, None) for _ in range(40)]))
