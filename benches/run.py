"""The main job (`make run`): real programs without and with Coachwhip, each run a process of its own, outputs compared byte for byte, times and ratios in a table.

Runs alternate (without, with, without, with), so that a machine that gets slower or faster by the minute does so for both; the table has the medians of the wall
times of whole processes, start-up and compiling included. Exit code 1 if an output differs or a program fails.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from table import Progress, geometric_mean, interpreter_line, off_line, select

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
TIMEOUT = 300


def programs():
    """The names of all programs, in the order of the alphabet."""
    return sorted(name.removesuffix(".py") for name in os.listdir(PROGRAMS) if name.endswith(".py") and name != "corpus.py")


def environment(compiled):
    """The environment of one mode: no COACHWHIP option but those given on purpose reaches the run without."""
    result = {name: value for name, value in os.environ.items() if compiled or not name.startswith("COACHWHIP")}
    if compiled:
        result["COACHWHIP"] = "1"
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    result["PYTHONHASHSEED"] = "0"
    return result


def run(name, compiled):
    """One run: the wall time in seconds, the exit code, the output, and what stood on stderr."""
    start = time.perf_counter()
    try:
        process = subprocess.run(
            [sys.executable, os.path.join(PROGRAMS, f"{name}.py")],
            env=environment(compiled),
            cwd=PROGRAMS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
        )
        code, output, errors = process.returncode, process.stdout, process.stderr
    except subprocess.TimeoutExpired:
        code, output, errors = f"no end after {TIMEOUT} s", b"", b""
    return time.perf_counter() - start, code, output, errors


def difference(name, without, with_):
    """What differs between two runs, or None."""
    if without[1] != 0:
        return f"{name} fails without Coachwhip: exit code {without[1]}\n{tail(without[3])}"
    if with_[1] != without[1]:
        return f"{name}: exit code {with_[1]} instead of {without[1]}\n{tail(with_[3])}"
    if with_[2] != without[2]:
        left, right = without[2].splitlines(), with_[2].splitlines()
        for number, (one, other) in enumerate(zip(left, right), 1):
            if one != other:
                return f"{name}: line {number} differs\n  without: {one[:200]!r}\n  with:    {other[:200]!r}"
        return f"{name}: {len(right)} lines of output instead of {len(left)}"
    return None


def tail(text):
    """The last lines of a message."""
    return "\n".join(f"  {line}" for line in text.decode(errors="replace").splitlines()[-8:])


def measure(name, rounds, progress):
    """The times without and with, and the first difference."""
    times = ([], [])
    for round in range(rounds):
        results = []
        for compiled in (False, True):
            progress.show(f"{name}, round {round + 1} of {rounds}, {'with' if compiled else 'without'}")
            results.append(run(name, compiled))
            times[compiled].append(results[-1][0])
        found = difference(name, *results)
        if found:
            return times, found
    return times, None


def main():
    parser = argparse.ArgumentParser(description="Runs the programs in benches/programs without and with Coachwhip.")
    parser.add_argument("--only", help="programs to run, separated by commas")
    parser.add_argument("--rounds", type=int, default=2, help="how often each program runs in each mode (default: 2)")
    arguments = parser.parse_args()
    chosen = select(arguments.only, programs(), parser)

    print(interpreter_line())
    print(f"{'program':<18} {'without':>9} {'with':>9} {'ratio':>8}   output")
    ratios, failures = [], []
    progress = Progress(len(chosen))
    for name in chosen:
        times, found = measure(name, arguments.rounds, progress)
        progress.done()
        if found:
            failures.append(found)
            print(f"{name:<18} {'':>9} {'':>9} {'':>8}   DIFFERENT", flush=True)
            continue
        without, with_ = map(statistics.median, times)
        ratios.append(without / with_)
        print(f"{name:<18} {without:>7.2f} s {with_:>7.2f} s {ratios[-1]:>7.2f}x   equal", flush=True)
    if ratios:
        print(f"{'geometric mean':<18} {'':>9} {'':>9} {geometric_mean(ratios):>7.2f}x   {len(ratios)} equal, {len(failures)} different")
    off = off_line()
    if off:
        print(off)
    for found in failures:
        print(f"\n{found}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
