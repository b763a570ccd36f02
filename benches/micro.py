"""What single operations cost without and with Coachwhip: the table of the performance model (`docs/benchmarks.md`).

Each operation stands in a `for` loop of a function of its own; the cost of the loop itself, measured the same way, is taken off. Both modes run in processes of
their own, alternating; the CPU time of the best of several samples counts, as noise only adds.
"""

import argparse
import json
import os
import subprocess
import sys
import time

#: Turns of each loop in one sample.
TURNS = 200_000
ROUNDS = 2


class Point:
    """Two fields."""

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def method(self):
        return self


def nothing(a, b):
    return a


def steps(n):
    i = 0
    while i < n:
        yield i
        i += 1


def loop(n):
    for i in range(n):
        pass


def int_add(n):
    total = 0
    for i in range(n):
        total = total + i
    return total


def int_compare(n):
    count = 0
    for i in range(n):
        if i < 0:
            count = 1
    return count


def float_multiply_add(n):
    total = 0.5
    for i in range(n):
        total = total * 0.999 + 1.5
    return total


def list_subscript(n):
    items = [1, 2, 3, 4]
    for i in range(n):
        items[2]


def list_store(n):
    items = [1, 2, 3, 4]
    for i in range(n):
        items[2] = i


def dict_subscript(n):
    items = {"one": 1, "two": 2}
    for i in range(n):
        items["two"]


def attribute_read(n):
    point = Point(1, 2)
    for i in range(n):
        point.x


def attribute_write(n):
    point = Point(1, 2)
    for i in range(n):
        point.x = i


def function_call(n):
    for i in range(n):
        nothing(i, i)


def method_call(n):
    point = Point(1, 2)
    for i in range(n):
        point.method()


def c_call_len(n):
    items = [1, 2, 3]
    for i in range(n):
        len(items)


def c_call_ord(n):
    letter = "x"
    for i in range(n):
        ord(letter)


def list_append(n):
    items = []
    for i in range(n):
        items.append(i)


def object_creation(n):
    for i in range(n):
        Point(i, i)


def object_creation_escaping(n):
    kept = [None]
    for i in range(n):
        kept[0] = Point(i, i)


def generator_step(n):
    for i in steps(n):
        pass


def string_concatenation(n):
    left = "spam"
    for i in range(n):
        left + "eggs"


def tuple_unpacking(n):
    pair = (1, 2)
    for i in range(n):
        a, b = pair


#: What the table shows: the name, the function, and the goal of the performance model in nanoseconds.
OPERATIONS = [
    ("one step of `for i in range(n)`", loop, 0.4),
    ("int add", int_add, 0.5),
    ("int compare", int_compare, 0.5),
    ("float multiply-add", float_multiply_add, 1.0),
    ("list[i]", list_subscript, 1.0),
    ("list[i] = x", list_store, None),
    ("dict['key']", dict_subscript, None),
    ("point.x", attribute_read, 0.7),
    ("point.x = i", attribute_write, 1.5),
    ("call of a Python function", function_call, 6.0),
    ("method call", method_call, 7.0),
    ("len(list)", c_call_len, None),
    ("ord(letter)", c_call_ord, None),
    ("list.append(i)", list_append, None),
    ("P(x, y), dropped", object_creation, 0.0),
    ("P(x, y), kept", object_creation_escaping, 35.0),
    ("one step of a generator", generator_step, 5.0),
    ("str + str", string_concatenation, None),
    ("a, b = pair", tuple_unpacking, None),
]


def sample_all(chosen):
    """Nanoseconds for one turn of each operation's loop, in this process."""
    result = {}
    for name, function, _ in OPERATIONS:
        if function is not loop and name not in chosen:
            continue
        # Warm-up by calls, then by time: a background compilation needs a moment.
        for _ in range(300):
            function(20)
        for _ in range(10):
            function(TURNS // 10)
        time.sleep(0.05)
        times = []
        for _ in range(7):
            start = time.thread_time_ns()
            function(TURNS)
            times.append((time.thread_time_ns() - start) / TURNS)
        result[name] = min(times)
    return result


def run(compiled, chosen):
    """The same in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if compiled or not name.startswith("COACHWHIP")}
    if compiled:
        environment["COACHWHIP"] = "1"
    command = [sys.executable, __file__, "--sample", "--only", ";".join(chosen)]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def main():
    from table import interpreter_line, off_line

    parser = argparse.ArgumentParser(description="What single operations cost without and with Coachwhip.")
    parser.add_argument("--only", help="names of functions in this file, separated by commas")
    parser.add_argument("--sample", action="store_true", help="measure in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.sample:
        print(json.dumps(sample_all(arguments.only.split(";"))))
        return 0
    only = arguments.only.split(",") if arguments.only else None
    chosen = [name for name, function, _ in OPERATIONS if only is None or function.__name__ in only]
    print(interpreter_line())
    best = ({}, {})
    for _ in range(ROUNDS):
        for compiled in (False, True):
            for name, nanoseconds in run(compiled, chosen).items():
                best[compiled][name] = min(nanoseconds, best[compiled].get(name, nanoseconds))
    print(f"{'operation (the loop taken off)':<34} {'without':>10} {'with':>10} {'goal':>10}")
    base = OPERATIONS[0][0]
    for name, function, goal in OPERATIONS:
        if name not in chosen:
            continue
        shown = [mode[name] - (mode[base] if name != base else 0) for mode in best]
        print(f"{name:<34} {shown[0]:>7.2f} ns {shown[1]:>7.2f} ns {'' if goal is None else f'{goal:.1f} ns':>10}")
    off = off_line()
    if off:
        print(off)
    return 0


if __name__ == "__main__":
    sys.exit(main())
