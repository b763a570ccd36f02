"""Frames that are looked at and changed by what they call, by other threads, and by tracers."""

import faulthandler
import re
import sys
import tempfile
import threading

import probe

NUMBERS = {"small": 7, "large": 2**70, "float": 2.5, "text": "changed", "none": None, "list": [1, 2]}


def write(names, values):
    """What a debugger does: changes its caller's variables."""
    frame = sys._getframe(1)
    for name, value in zip(names, values):
        frame.f_locals[name] = value


def look():
    frame = sys._getframe(1)
    return frame.f_lineno, sorted((name, repr(value)) for name, value in frame.f_locals.items() if not callable(value))


def change_numbers(n, at, value):
    count = 0
    scale = 1.0
    total = 0
    for i in range(n):
        count += 1
        scale *= 1.5
        if i == at:
            write(("count", "scale"), (value, value))
        total += i
    return count, scale, total


def change_loop_variable(n, at, value):
    seen = []
    for i in range(n):
        if i == at:
            write(("i",), (value,))
        seen.append(i)
    return seen[-3:], i


def change_objects(n, at, value):
    text = "a"
    items = []
    for i in range(n):
        if i == at:
            write(("text", "items", "unbound"), (value, [value], value))
        items.append(text)
    return text, items[-3:], unbound if at < n else None  # noqa: F821


def change_and_look(n, at, value):
    count = 0
    rows = []
    for i in range(n):
        count += 2
        if i == at:
            write(("count",), (value,))
            rows.append(look())
            count = 5
            rows.append(look())
    rows.append(look())
    return count, rows


def write_in_other_ways(way, value):
    proxy = sys._getframe(1).f_locals
    if way == 0:
        proxy.update({"count": value, "items": [value], "absent": 1})
    elif way == 1:
        proxy |= {"count": value, "items": [value]}
    elif way == 2:
        proxy.__setitem__("count", value)
        type(proxy).__setitem__(proxy, "items", [value])
    elif way == 3:
        type(proxy).update(proxy, {"count": value, "unbound": value})
    elif way == 4:
        proxy.setdefault("count", value)
        proxy.setdefault("unbound", value)
        proxy.__ior__({"items": [value]})
    else:
        for action in (lambda: proxy.update(5), lambda: proxy.__delitem__("count"), lambda: proxy.pop("items"), lambda: proxy.update({"count": value, 5: 6})):
            try:
                action()
            except Exception as error:
                caught.append(repr(error))


caught = []


def change_in_other_ways(n, at, value):
    rows = []
    for way in range(6):
        count = 0
        items = []
        for i in range(n):
            count += 1
            items.append(count)
            if i == at:
                write_in_other_ways(way, value)
        rows.append((count, items[-3:], i))
        if way < 0:
            unbound = None
    return rows, unbound if at < n else None


def change_outer(n, at, value):
    """Two compiled frames up."""
    count = 0
    for i in range(n):
        count += 1
        if i == at:
            middle(value)
    return count


def middle(value):
    kept = 1.5
    inner(value)
    return kept


def inner(value):
    frame = sys._getframe(2)
    frame.f_locals["count"] = value
    sys._getframe(1).f_locals["kept"] = value


def change_after(n, at, value):
    """The proxy is used after the frame went on, and after it is over."""
    count = 0
    proxy = sys._getframe().f_locals
    for i in range(n):
        count += 1
        if i == at:
            proxy["count"] = value
    return proxy


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        traceback = error.__traceback__
        while traceback.tb_next:
            traceback = traceback.tb_next
        frame = traceback.tb_frame
        return repr(error), traceback.tb_lineno, sorted((name, repr(value)) for name, value in frame.f_locals.items() if name != "proxy")


print("--- f_locals")
for function in (change_numbers, change_loop_variable, change_objects, change_and_look, change_in_other_ways, change_outer, change_after):
    print(function.__name__, probe.runs_compiled(lambda: attempt(function, 50, 1000, 0)) and probe.enters(lambda: [attempt(function, 50, 1000, 0) for _ in range(40)]))
    for name, value in NUMBERS.items():
        result = attempt(function, 60, 40, value)
        print(name, sorted(result.items()) if hasattr(result, "items") else result)
    print(probe.enters(lambda: [attempt(function, 50, 1000, 0) for _ in range(40)]), caught)
    caught.clear()

print("--- faulthandler")


def report(all_threads):
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads)
        file.seek(0)
        return re.sub(r"0x[0-9a-f]+", "0x", file.read())


def dumping(n, at, all_threads=False):
    total = 0
    text = ""
    for i in range(n):
        total += i
        if i == at:
            text = report(all_threads)
    return text


def above(n, at):
    value = 1.0
    for i in range(3):
        value *= 2.0
    return dumping(n, at)


print(probe.runs_compiled(above, 60, 1000), probe.is_compiled(dumping))
for _ in range(3):
    print(above(60, 50))

print("--- other threads")
started, finish = threading.Semaphore(0), threading.Semaphore(0)


def wait(i, at):
    if i == at:
        started.release()
        finish.acquire()
    return 1


def busy(n, at):
    count = 0
    part = 0.5
    for i in range(n):
        count += wait(i, at)
        part += 0.25
    return count, part


def chain(function):
    rows = []
    frame = sys._current_frames()[thread.ident]
    while frame:
        if frame.f_code.co_filename == __file__:
            rows.append((frame.f_code.co_name, frame.f_lineno, function(frame)))
        frame = frame.f_back
    return rows


print(probe.runs_compiled(busy, 60, 1000))
for change in (False, True):
    results = []
    thread = threading.Thread(target=lambda: results.append(busy(60, 40)), daemon=True)
    thread.start()
    started.acquire()
    print(chain(lambda frame: sorted((name, repr(value)) for name, value in frame.f_locals.items() if not callable(value) and name != "results")))
    if change:
        print(chain(lambda frame: frame.f_locals.update({"count": 1000, "part": 1000.0}) if frame.f_code.co_name == "busy" else None))
    print([line for line in report(True).splitlines() if __file__ in line])
    finish.release()
    thread.join()
    print(results)
print(probe.runs_compiled(busy, 60, 1000))

print("--- a thread that calls nothing")
stop = False


def spin():
    count = 0
    while not stop:
        count += 1
    return count > 0


def start_and_look():
    global stop, thread
    stop = False
    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    first = spin.__code__.co_firstlineno
    seen = set()
    for _ in range(30):
        for name, line, names in chain(lambda frame: sorted(frame.f_locals)):
            seen.add((name, first <= line <= first + 4 if name == "spin" else line, tuple(names)))
    stop = True
    thread.join()
    return {row for row in seen if row[0] == "spin" and row[2]}


print(probe.enters(lambda: [start_and_look() for _ in range(3)]))
print(start_and_look())

print("--- a watchdog looks")


def turn(n):
    total = 0
    for i in range(n):
        total += i & 7
    return total


def around(n):
    total = 0
    while not finished():
        total += turn(n)
    return total


def finished():
    global tries
    tries += 1
    return "in turn" in written() or tries > 300


def written():
    with open(file.name) as reader:
        return reader.read()


with tempfile.NamedTemporaryFile("w") as file:
    print(probe.runs_compiled(turn, 60))
    tries = 300
    around(10)
    tries = 0
    faulthandler.dump_traceback_later(0.05, repeat=True, file=file)
    around(200000)
    faulthandler.cancel_dump_traceback_later()
    first = turn.__code__.co_firstlineno
    found = [(name, int(line) - first) for line, name in re.findall(r"line (\d+) in (turn|around)", written())]
    print(probe.is_compiled(turn), {name for name, _ in found} == {"turn", "around"}, all(1 <= line <= 4 for name, line in found if name == "turn"))
