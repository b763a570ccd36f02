"""A tool is switched on before a hot function, in its loop, in what it calls, or from another thread, and off again."""

import sys
import threading

import probe

TOOL, WHERE = sys.argv[1:]
START, STOP = 24, 36
log = {}
monitoring = sys.monitoring
#: Events whose callbacks get an offset that is the same whether or not the call was specialised.
EVENTS = ("PY_START", "PY_RETURN", "LINE", "CALL", "C_RETURN", "JUMP", "BRANCH", "STOP_ITERATION", "PY_YIELD", "PY_RESUME", "INSTRUCTION")


def note(*row):
    log.setdefault(threading.current_thread().name, []).append(row)


def tracer(frame, event, argument):
    if frame.f_code.co_filename != __file__:
        return None
    if TOOL == "opcodes":
        frame.f_trace_opcodes = True
    note(frame.f_code.co_name, event, frame.f_lineno, frame.f_lasti, type(argument).__name__)
    return tracer


def profiler(frame, event, argument):
    if frame.f_code.co_filename == __file__:
        note(frame.f_code.co_name, event, frame.f_lineno, getattr(argument, "__name__", type(argument).__name__))


def trace_frames():
    frame = sys._getframe(1)
    while frame:
        frame.f_trace = tracer
        frame = frame.f_back


def on():
    if TOOL in ("settrace", "opcodes"):
        trace_frames()
        sys.settrace(tracer)
    elif TOOL == "settrace_all_threads":
        trace_frames()
        threading.settrace_all_threads(tracer)
    elif TOOL == "setprofile":
        sys.setprofile(profiler)
    elif TOOL == "setprofile_all_threads":
        threading.setprofile_all_threads(profiler)
    else:
        events = 0
        for name in EVENTS:
            event = getattr(monitoring.events, name)
            # Branches are reported by whoever executes them: an interpreter's loop and its callees alike.
            monitoring.register_callback(3, event, lambda code, *rest, name=name: code.co_filename == __file__ and note(name, code.co_name, *map(plain, rest)))
            if name != "C_RETURN":
                events |= event
        monitoring.set_events(3, events)


def plain(value):
    return value if isinstance(value, int) else getattr(value, "__name__", type(value).__name__)


def off():
    if TOOL in ("settrace", "opcodes"):
        sys.settrace(None)
    elif TOOL == "settrace_all_threads":
        threading.settrace_all_threads(None)
    elif TOOL == "setprofile":
        sys.setprofile(None)
    elif TOOL == "setprofile_all_threads":
        threading.setprofile_all_threads(None)
    else:
        monitoring.set_events(3, 0)


questions, answers = threading.Semaphore(0), threading.Semaphore(0)


def serve():
    while True:
        questions.acquire()
        action = actions.pop()
        if action is None:
            return
        action()
        answers.release()


actions = []


def ask(action):
    actions.append(action)
    questions.release()
    if action:
        answers.acquire()


def square(x):
    return x * x


class Counter:
    def __init__(self):
        self.value = 0

    def add(self, amount):
        self.value += amount


def callee(i, armed):
    if armed and i == START:
        if WHERE == "callee":
            on()
        elif WHERE == "thread":
            ask(on)
    if armed and i == STOP:
        if WHERE == "callee":
            off()
        elif WHERE == "thread":
            ask(off)
    return i & 3


def pairs(n):
    for i in range(n):
        yield i, i + 1


def hot(n, armed):
    total = 0
    scale = 1.5
    counter = Counter()
    for i in range(n):
        if armed and WHERE == "frame":
            if i == START:
                on()
            if i == STOP:
                off()
        total += square(i)
        if i % 3 == 0:
            total -= callee(i, armed)
        counter.add(i)
        scale *= 1.01
        try:
            if i % 6 == 5:
                raise KeyError(i)
        except KeyError as error:
            total += error.args[0]
    for a, b in pairs(2):
        total += a * b
    return total, round(scale, 6), counter.value


monitoring.use_tool_id(3, "test")
server = threading.Thread(target=serve, name="server", daemon=True)
server.start()
print(probe.runs_compiled(hot, 60, False))
before = probe.seconds(hot, 3000, False)
for turn in range(3):
    if WHERE == "before":
        on()
    print(hot(60, True))
    if WHERE == "before":
        off()
    for name, rows in sorted(log.items()):
        print(name, len(rows))
        for row in rows:
            print(row)
    log.clear()
    print(probe.runs_compiled(hot, 60, False))
print(probe.is_as_fast(before, hot, 3000, False), log)
ask(None)
server.join()
