"""What the benchmark drivers share: a progress line, means, and the choice of a subset."""

import math
import os
import platform
import subprocess
import sys


class Progress:
    """One line on the terminal that says what runs now; silent when stderr is no terminal."""

    def __init__(self, total):
        self.total = total
        self.finished = 0
        self.width = 0
        self.terminal = sys.stderr.isatty()

    def show(self, what):
        """Replace the line."""
        if self.terminal:
            line = f"[{self.finished + 1}/{self.total}] {what}"
            print(f"\r{line:<{self.width}}", end="", file=sys.stderr, flush=True)
            self.width = len(line)

    def done(self):
        """One more is finished: clear the line for the table."""
        self.finished += 1
        if self.terminal:
            print(f"\r{'':<{self.width}}\r", end="", file=sys.stderr, flush=True)


def geometric_mean(values):
    """The geometric mean of positive numbers."""
    return math.exp(sum(map(math.log, values)) / len(values))


def interpreter_line():
    """Which interpreter is measured, on what."""
    return f"CPython {platform.python_version()} at {os.path.realpath(sys.executable)}, {platform.machine()}, {os.cpu_count()} processors"


def off_line():
    """A line that says that Coachwhip stays off on this interpreter, so that nobody takes the table for a measurement; None if it is on."""
    code = "import coachwhip; print(coachwhip.is_enabled())"
    process = subprocess.run([sys.executable, "-c", code], env={**os.environ, "COACHWHIP": "1"}, capture_output=True, text=True)
    if process.stdout.strip() == "True":
        return None
    reason = process.stderr.strip().splitlines()[-1:] or ["it is not installed"]
    return f"Coachwhip was OFF in all runs: {reason[0]}"


def select(only, names, parser):
    """The chosen names; an unknown one ends the program with a message."""
    if not only:
        return list(names)
    chosen = [name for name in only.split(",") if name]
    for name in chosen:
        if name not in names:
            parser.error(f"no {name}; there are: {', '.join(names)}")
    return chosen
