"""``python -m coachwhip verify app.py``: runs a program without Coachwhip and with everything compiled, and compares what can be seen of both from outside:
exit code, standard output, standard error, byte for byte.

The program's input is empty, or read beforehand and given to each run (``--stdin``). Where the runs differ it is run without Coachwhip once more: a program that does not do
the same twice says nothing about Coachwhip. Object addresses (``0x7f...``) differ from run to run and are masked when nothing else differs.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from typing import NamedTuple

#: What both runs share; what the caller has set stays as it is.
BOTH = {"PYTHONHASHSEED": "0"}
#: Everything is compiled when it first runs, at once, and the compiler checks its own work.
EVERYTHING = {
    "COACHWHIP": "1",
    "COACHWHIP_THRESHOLD": "1",
    "COACHWHIP_LOOP_THRESHOLD": "1",
    "COACHWHIP_BACKGROUND": "0",
    "COACHWHIP_WARM_UP": "0",
    "COACHWHIP_VERIFY": "1",
    "COACHWHIP_CRASH_GUARD": "0",
    "COACHWHIP_STATS": "1",
}
#: What ``--stress`` runs besides: code that has run before it is compiled, so that there is something to guess, with guards that fail on purpose and code that is thrown away.
STRESS = {
    "guards fail on purpose": {"COACHWHIP_THRESHOLD": "60", "COACHWHIP_LOOP_THRESHOLD": "60", "COACHWHIP_STRESS_EXITS": "7"},
    "code is thrown away": {"COACHWHIP_THRESHOLD": "60", "COACHWHIP_LOOP_THRESHOLD": "60", "COACHWHIP_STRESS_DISCARD": "50"},
}
SUMMARY = re.compile(rb"^coachwhip: summary\n(?:  .*\n)*", re.MULTILINE)
ADDRESS = re.compile(rb"\b0x[0-9a-f]{6,}")
#: So much of a line is shown where it differs.
SHOWN = 60


class Run(NamedTuple):
    """What can be seen of a run."""

    code: int | None
    stdout: bytes
    stderr: bytes

    def masked(self):
        """The same without addresses of objects."""
        return Run(self.code, ADDRESS.sub(b"0x...", self.stdout), ADDRESS.sub(b"0x...", self.stderr))

    def __str__(self):
        if self.code is None:
            return "no end"
        return f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"


def say(text):
    """A line about the outcome."""
    print(f"coachwhip: verify: {text}", file=sys.stderr, flush=True)


def run(command, variables, stdin, timeout):
    """Runs the program once: what is seen, and the counters that it printed at its end."""
    environment = {name: value for name, value in os.environ.items() if name != "COACHWHIP"}
    for name, value in {**BOTH, **variables}.items():
        # Without these two nothing would be compared.
        if name not in environment or name in ("COACHWHIP_STATS", "COACHWHIP_CRASH_GUARD"):
            environment[name] = value
    try:
        process = subprocess.run(command, env=environment, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        return Run(None, error.stdout or b"", error.stderr or b""), b""
    except OSError as error:
        sys.exit(f"coachwhip: verify: {shlex.join(command)}: {error}")
    return Run(process.returncode, process.stdout, SUMMARY.sub(b"", process.stderr)), b"".join(SUMMARY.findall(process.stderr))


def counter(summary, label):
    """The sum of a counter over all processes that printed a summary."""
    return sum(int(number.replace(b",", b"")) for number in re.findall(rb"^  %s: ([\d,]+)$" % label.encode(), summary, re.MULTILINE))


def shown(line, column):
    """The part of a line around a column, as Python would write it."""
    if line is None:
        return "nothing"
    start = max(column - SHOWN // 2, 0)
    part = line[start : start + SHOWN]
    return f"{'...' if start else ''}{part.decode(errors='backslashreplace')!r}{'...' if len(line) > start + SHOWN else ''}"


def difference(without, with_):
    """Where two runs differ, in one line; nothing if they are the same."""
    for name in ("stdout", "stderr"):
        left, right = getattr(without, name), getattr(with_, name)
        if left == right:
            continue
        left, right = left.split(b"\n"), right.split(b"\n")
        number = next((index for index, pair in enumerate(zip(left, right)) if pair[0] != pair[1]), min(len(left), len(right)))
        left = left[number] if number < len(left) else None
        right = right[number] if number < len(right) else None
        pairs = zip(left or b"", right or b"")
        column = next((index for index, pair in enumerate(pairs) if pair[0] != pair[1]), min(len(left or b""), len(right or b"")))
        codes = "" if without.code == with_.code else f" ({without} without, {with_} with it)"
        return f"{name} differs at line {number + 1}, column {column + 1}: {shown(left, column)} without Coachwhip, {shown(right, column)} with it{codes}"
    if without.code != with_.code:
        return f"{without} without Coachwhip, {with_} with it; the output is the same"
    return ""


def compare(without, with_):
    """The same, but addresses of objects may differ."""
    return difference(without, with_) and difference(without.masked(), with_.masked())


def verify(command, settings, stdin, timeout, without):
    """One comparison: the exit code for it."""
    found, summary = run(command, settings, stdin, timeout)
    where = compare(without, found)
    if not where:
        functions, loops = counter(summary, "compiled functions"), counter(summary, "compiled loops")
        entries = counter(summary, "entries") + counter(summary, "loop entries")
        same = f"the same: {without}, {len(without.stdout):,} bytes on stdout, {len(without.stderr):,} on stderr"
        if not summary:
            say(f"{same}; it ended without the counters, so nobody knows what ran compiled")
        elif not entries:
            say(f"{same}; but nothing ran compiled")
        else:
            say(f"{same}; {functions:,} functions and {loops:,} loops were compiled, and entered {entries:,} times")
        return 0
    again, _ = run(command, {"COACHWHIP": "0"}, stdin, timeout)
    itself = compare(without, again)
    if itself:
        say(f"two runs without Coachwhip differ from each other, so nothing can be compared: {itself.replace('without Coachwhip', 'once').replace('with it', 'once more')}")
        return 2
    say(where)
    kept = {name: value for name, value in settings.items() if name not in ("COACHWHIP", "COACHWHIP_STATS", "COACHWHIP_VERIFY", "COACHWHIP_CRASH_GUARD")}
    # bisect compares the exit code alone unless it is asked for more.
    output = "" if without.code != found.code else " --output"
    say(f"to find the function: {' '.join(f'{name}={value}' for name, value in kept.items())} python -m coachwhip bisect{output} -- {shlex.join(command)}")
    return 1


def split(arguments):
    """Our own options at the front, and the program with the options that are python's (which argparse cannot tell apart)."""
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if word == "--":
            return arguments[:position], arguments[position + 1 :]
        if word == "--timeout":
            position += 1
        elif word not in ("-h", "--help", "--stress", "--stdin") and not word.startswith("--timeout="):
            break
        position += 1
    return arguments[:position], arguments[position:]


def main(arguments, options):
    """Runs the command line behind ``verify``; `options` are the interpreter's own. The exit code: 0 the same, 1 not the same, 2 nothing can be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m coachwhip verify",
        usage="python -m coachwhip verify [-h] [--stress] [--stdin] [--timeout SECONDS] [--] [Python's options] app.py [argument ...]",
        description="Runs a program without Coachwhip and with everything compiled, and compares exit code, stdout and stderr.",
        epilog="Exit code: 0 the same, 1 not the same, 2 the program does not do the same twice by itself.",
    )
    parser.add_argument("--stress", action="store_true", help="compare two more runs: guards fail on purpose, compiled code is thrown away at random")
    parser.add_argument("--stdin", action="store_true", help="read standard input to its end and give it to each run (default: no input)")
    parser.add_argument("--timeout", type=float, help="seconds after which a run has no end (default: 60 and 50 times what it takes without Coachwhip)")
    own, program = split(arguments)
    parsed = parser.parse_args(own)
    if not program:
        parser.error("no program given")
    stdin = sys.stdin.buffer.read() if parsed.stdin else b""
    command = [sys.executable, *options, *program]
    started = time.monotonic()
    without, _ = run(command, {"COACHWHIP": "0"}, stdin, parsed.timeout)
    if without.code is None:
        say(f"no end within {parsed.timeout:g} seconds without Coachwhip, so nothing can be compared")
        return 2
    timeout = parsed.timeout or 60 + 50 * (time.monotonic() - started)
    outcome = verify(command, EVERYTHING, stdin, timeout, without)
    if parsed.stress:
        for what, settings in STRESS.items():
            if outcome:
                break
            say(f"once more, where {what}")
            outcome = verify(command, {**EVERYTHING, **settings}, stdin, timeout, without)
    return outcome
