"""``python -m coachwhip bisect -- command``: finds the function whose compilation breaks a command, then the pass and the change, and writes a report about it.

The command is run without Coachwhip and with it. What is compared is the exit code, with ``--output`` also what it prints. When the two differ, functions are
allowed and forbidden until a smallest set is left with which the command still goes wrong (delta debugging: Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002).
"""

import argparse
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

LOGGED = re.compile(r"^coachwhip: compiling (.*)\n?", re.MULTILINE)
#: What the report has of each compilation, see docs/contributing/debugging.md.
STAGES = "bytecode,facts,ir:all,clif,asm,recipes"
#: The most changes that the optional passes make to one function; the search for the one that breaks it ends here.
MOST_FUEL = 1 << 20


class Outcome(NamedTuple):
    """What a run did, as far as it is compared."""

    code: int | None
    output: str

    def __str__(self):
        if self.code is None:
            return "no end"
        return f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"


class Command:
    """The command and how it is judged."""

    def __init__(self, words, output, timeout, runs):
        self.words = words
        self.output = output
        self.timeout = timeout
        self.runs = runs
        self.count = 0
        self.expected = None
        self.settings = {}

    def run(self, **variables):
        """Runs it once: the outcome, and what it printed on stderr."""
        self.count += 1
        environment = {**os.environ, **self.settings, **variables}
        try:
            process = subprocess.run(
                self.words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self.timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            return Outcome(None, ""), (error.stderr or b"").decode(errors="replace")
        except OSError as error:
            sys.exit(f"coachwhip: bisect: {shlex.join(self.words)}: {error}")
        stderr = process.stderr.decode(errors="replace")
        output = process.stdout.decode(errors="replace") + "\0" + LOGGED.sub("", stderr) if self.output else ""
        return Outcome(process.returncode, output), stderr

    def breaks(self, **variables):
        """Whether some of the runs with these options differ from the one without Coachwhip."""
        return any(self.run(COACHWHIP="1", **variables)[0] != self.expected for _ in range(self.runs))

    def breaks_with(self, functions, **variables):
        """The same when only these functions may be compiled."""
        with tempfile.NamedTemporaryFile("w", suffix=".allow", encoding="utf-8") as file:
            file.writelines(f"{place}\n" for place in functions)
            file.flush()
            return self.breaks(COACHWHIP_ALLOW=file.name, **variables)


def say(text):
    """A line about what goes on."""
    print(f"coachwhip: bisect: {text}", file=sys.stderr, flush=True)


def smallest(items, breaks, progress):
    """A part of the items that still breaks, and no longer does without any single one of them (the algorithm ddmin)."""
    parts = 2
    while len(items) > 1:
        progress(len(items))
        size = -(-len(items) // parts)
        pieces = [items[start : start + size] for start in range(0, len(items), size)]
        rests = [[item for item in items if item not in piece] for piece in pieces] if len(pieces) > 2 else []
        for candidate, next_parts in [(piece, 2) for piece in pieces] + [(rest, max(parts - 1, 2)) for rest in rests]:
            if breaks(candidate):
                items, parts = candidate, next_parts
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), parts * 2)
    return items


def settle(command):
    """Runs it both ways; makes the failure as repeatable as can be. Returns the outcome with Coachwhip and the functions that were compiled."""
    started = time.monotonic()
    command.expected, _ = command.run(COACHWHIP="0")
    if command.timeout is None:
        command.timeout = 60 + 20 * (time.monotonic() - started)
    say(f"without Coachwhip: {command.expected}")
    again, _ = command.run(COACHWHIP="0")
    if again != command.expected:
        sys.exit("coachwhip: bisect: two runs without Coachwhip differ from each other, so nothing can be compared")
    for settings in ({"COACHWHIP_BACKGROUND": "0"}, {"COACHWHIP_BACKGROUND": "0", "COACHWHIP_WARM_UP": "0"}, {}):
        command.settings = {name: value for name, value in settings.items() if name not in os.environ}
        for _ in range(command.runs):
            found, stderr = command.run(COACHWHIP="1", COACHWHIP_LOG_COMPILED="1")
            if found != command.expected:
                functions = list(dict.fromkeys(LOGGED.findall(stderr)))
                say(f"with Coachwhip: {found}, {'the output differs, ' if found.code == command.expected.code else ''}{len(functions)} functions compiled")
                return found, functions
    return command.expected, []


def narrow(command, functions):
    """The passes that alone must be left out for it to work, and how many changes it takes to break."""
    passes, fuel = [], None
    if not command.breaks_with(functions, COACHWHIP_DISABLE_PASSES="all"):
        from coachwhip import describe_passes

        names = [row["name"] for row in describe_passes() if row["optional"]]
        passes = [name for name in names if not command.breaks_with(functions, COACHWHIP_DISABLE_PASSES=name)]
        low, high = 0, 1
        while high <= MOST_FUEL and not command.breaks_with(functions, COACHWHIP_FUEL=str(high)):
            low, high = high, high * 2
        if high <= MOST_FUEL:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if command.breaks_with(functions, COACHWHIP_FUEL=str(middle)) else (middle, high)
            fuel = high
    return passes, fuel


def write_report(command, folder, found, functions, passes, fuel):
    """Writes what somebody needs who is to mend it."""
    from coachwhip import __version__

    os.makedirs(folder, exist_ok=True)
    allowed = os.path.join(folder, "functions")
    with open(allowed, "w", encoding="utf-8") as file:
        file.writelines(f"{place}\n" for place in functions)
    _, stderr = command.run(COACHWHIP="1", COACHWHIP_ALLOW=allowed, COACHWHIP_LOG_COMPILED="1", COACHWHIP_DUMP=STAGES)
    with open(os.path.join(folder, "compilations.txt"), "w", encoding="utf-8") as file:
        file.write(stderr)
    settings = {"COACHWHIP": "1", "COACHWHIP_ALLOW": "functions", **command.settings}
    settings.update((name, value) for name, value in os.environ.items() if name.startswith("COACHWHIP_"))
    lines = [
        "# A command that Coachwhip breaks",
        "",
        f"- Command: `{shlex.join(command.words)}`",
        f"- Without Coachwhip: {command.expected}. With it: {found}{', other output' if found.code == command.expected.code else ''}.",
        "- Functions whose compilation is enough: " + ", ".join(f"`{place}`" for place in functions),
        f"- It works without the pass: {', '.join(passes) or 'no single one'}",
        f"- It breaks from `COACHWHIP_FUEL={fuel}` on" if fuel else "- It breaks with all optional passes left out" if not passes else "- No number of changes was found",
        f"- To repeat it: `{' '.join(f'{name}={shlex.quote(value)}' for name, value in sorted(settings.items()))} {shlex.join(command.words)}`",
        f"- Coachwhip {__version__}; {platform.python_implementation()} {sys.version.replace(chr(10), ' ')}; {platform.platform()}",
        "",
        "`compilations.txt` has what was compiled: bytecode, facts, IR after each pass, machine code.",
    ]
    with open(os.path.join(folder, "report.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main(arguments):
    """Runs the command line behind ``bisect``; returns the exit code: 0 if something was found, 1 if nothing goes wrong."""
    parser = argparse.ArgumentParser(prog="python -m coachwhip bisect", description="Finds the function whose compilation breaks a command, and writes a report.")
    parser.add_argument("--output", action="store_true", help="compare what it prints, too, not the exit code alone")
    parser.add_argument("--timeout", type=float, help="seconds after which a run counts as broken (default: 60 and 20 times what it takes without Coachwhip)")
    parser.add_argument("--runs", type=int, default=1, help="how often it runs before it counts as working (default: 1)")
    parser.add_argument("--report", default="coachwhip-report", help="the folder for the report (default: coachwhip-report)")
    parser.add_argument("command", nargs="+", help="the command and its arguments, behind --")
    options = parser.parse_args(arguments)
    command = Command(options.command, options.output, options.timeout, max(options.runs, 1))
    found, functions = settle(command)
    if found == command.expected:
        say(f"nothing goes wrong with Coachwhip, in {command.count} runs")
        return 1
    if not functions:
        say("it goes wrong, but no function was compiled, or stderr was not ours to read: it is the runtime's doing")
        return 1
    if not command.breaks_with(functions):
        say("it does not go wrong each time; try --runs 5")
        return 1
    functions = smallest(functions, command.breaks_with, lambda count: say(f"{count} functions"))
    say("enough to break it: " + ", ".join(functions))
    passes, fuel = narrow(command, functions)
    write_report(command, options.report, found, functions, passes, fuel)
    say(f"{command.count} runs; the report is in {options.report}")
    return 0
