"""A tool listens to one code object: only that function is interpreted, wherever it was inlined; afterwards it is compiled again."""

import sys
import threading

import probe

WHERE = sys.argv[1]
monitoring = sys.monitoring
events = monitoring.events
log = []


def small(x):
    return x * x + 1


class Point:
    def __init__(self, x):
        self.x = x

    def shifted(self, by):
        return self.x + by


def other(x):
    total = 0
    for i in range(4):
        total += i ^ x
    return total


def hot(n, action=None):
    total = 0
    for i in range(n):
        if action and i == n // 2:
            action()
        total += small(i)
        total += Point(i).shifted(i)
        total += other(i)
    return total


def bystander(n):
    total = 0
    for i in range(n):
        total += other(i)
    return total


def listen(code, *which):
    for name in which:
        monitoring.register_callback(2, getattr(events, name), lambda code, *rest, name=name: log.append((name, code.co_name, *map(type_or_int, rest))))
    monitoring.set_local_events(2, code, sum(getattr(events, name) for name in which if name != "C_RETURN"))


def type_or_int(value):
    return value if isinstance(value, int) else type(value).__name__


def run(action):
    """In the place that was asked for."""
    if WHERE == "before":
        action()
        return hot(8)
    if WHERE == "thread":
        def in_thread():
            thread = threading.Thread(target=action)
            thread.start()
            thread.join()
        return hot(8, in_thread)
    return hot(8, action)


monitoring.use_tool_id(2, "test")
print(probe.runs_compiled(hot, 40), probe.runs_compiled(bystander, 40))
before = probe.seconds(hot, 3000)
for function in (small, Point.shifted, Point.__init__, other, hot):
    for names in (("PY_START", "PY_RETURN"), ("LINE",), ("INSTRUCTION", "JUMP", "BRANCH", "CALL", "C_RETURN")):
        print(function.__qualname__, names, run(lambda: listen(function.__code__, *names)), log)
        log.clear()
        # Once more, with everything hot: the others are compiled, and this one is not.
        hot(40)
        log.clear()
        others = [row for row in (hot, bystander, other) if row is not function]
        # While somebody is told of calls the interpreter must not take them for calls of C functions: then only compiled code enters compiled functions.
        print(probe.is_interpreted(function), "CALL" in names or [probe.runs_compiled(row, 40) for row in others])
        log.clear()
        print(hot(3), log)
        log.clear()
        print(run(lambda: monitoring.set_local_events(2, function.__code__, 0)), log)
        log.clear()
        print([probe.runs_compiled(row, 40) for row in (hot, bystander)], probe.is_as_fast(before, hot, 3000), log)

# A tool that listens to nothing is none.
monitoring.set_local_events(2, other.__code__, 0)
print(probe.runs_compiled(other, 1), log)
