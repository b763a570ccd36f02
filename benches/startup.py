"""What Coachwhip costs at the start of a program (`make startup`): processes without and with, in an order that changes by chance, the mean of the faster half of each.

- the line of the start-up hook while COACHWHIP is not set.
- `import coachwhip; coachwhip.enable()`, timed inside the process. The goal is 15 ms at most.
- a program that only imports forty standard modules. The goal is 3 % more at most.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time

from table import interpreter_line

MODULES = """
    argparse ast asyncio base64 bisect calendar collections configparser contextlib copy csv dataclasses datetime decimal difflib email.message enum fractions
    functools glob hashlib heapq html.parser http.client inspect itertools json logging operator pathlib pickle pprint random re shutil statistics subprocess
    tempfile textwrap typing
""".split()

ENABLE = """
import time
start = time.perf_counter()
import coachwhip
on = coachwhip.enable()
print(time.perf_counter() - start, on)
"""


def run(code, compiled):
    """The wall time of a process, and its output."""
    environment = {name: value for name, value in os.environ.items() if compiled or not name.startswith("COACHWHIP")}
    if compiled:
        environment["COACHWHIP"] = "1"
    start = time.perf_counter()
    output = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return time.perf_counter() - start, output


def faster_half(times):
    """The mean of the faster half: what else runs on the machine only ever adds time."""
    return statistics.mean(sorted(times)[: max(len(times) // 2, 1)])


def main():
    parser = argparse.ArgumentParser(description="What Coachwhip costs at the start of a program.")
    parser.add_argument("--rounds", type=int, default=250, help="processes of each kind (default: 250)")
    arguments = parser.parse_args()
    print(interpreter_line())

    with open(os.path.join(os.path.dirname(os.path.dirname(__import__("coachwhip").__file__)), "coachwhip_startup.pth"), encoding="utf-8") as file:
        line = file.read()
    start = time.perf_counter()
    for _ in range(1000):
        exec(line, {})
    print(f"the hook's line while COACHWHIP is not set: {(time.perf_counter() - start) * 1e3:.0f} us")

    enable = []
    times = ([], [])
    code = "\n".join(f"import {name}" for name in MODULES)
    for _ in range(arguments.rounds):
        enable.append(float(run(ENABLE, False)[1].split()[0]))
        for compiled in random.sample((False, True), 2):
            times[compiled].append(run(code, compiled)[0])
    print(f"import coachwhip; coachwhip.enable(): {min(enable) * 1e3:.1f} ms at best, {statistics.median(enable) * 1e3:.1f} ms in the middle (goal: 15)")
    without, with_ = faster_half(times[False]), faster_half(times[True])
    print(f"{len(MODULES)} imports: {without * 1e3:.1f} ms without, {with_ * 1e3:.1f} ms with: {(with_ / without - 1) * 100:+.1f} % (goal: +3)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
