"""pyperformance's own scripts without and with Coachwhip in one run (`make bench`), in the steady state.

Every benchmark runs in processes of its own, alternating (without, with, without, with); each process warms up and then takes samples (pyperformance_worker.py).
The table has the medians. What is below its goal gets further rounds, together with which the medians are taken anew. Scripts that need packages beyond pyperf are left out, and so are those that time other processes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import typing

from table import Progress, geometric_mean, interpreter_line, off_line, select

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "pyperformance_worker.py")
BENCHMARKS = os.path.join(sysconfig.get_path("purelib"), "pyperformance", "data-files", "benchmarks")
TIMEOUT = 300

#: What does not fit, and why.
LEFT_OUT = {
    "2to3": "times other processes",
    "python_startup": "times other processes: start-up is measured on its own",
    "python_startup_no_site": "times other processes",
}

#: What the project promises (ratio at least).
GOALS = {
    "richards": 2.0,
    "nbody": 2.0,
    "spectral_norm": 3.0,
    "fannkuch": 2.0,
    "float": 1.5,
    "chaos": 1.5,
    "deltablue": 1.5,
    "hexiom": 1.2,
    "pyflate": 1.3,
    "raytrace": 1.5,
    "scimark_fft": 1.8,
    "scimark_lu": 1.8,
    "scimark_monte_carlo": 1.8,
    "scimark_sor": 1.8,
    "scimark_sparse_mat_mult": 1.8,
}
LEAST = 0.95
LEAST_MEAN = 1.4


def scripts():
    """The scripts of the manifest that need nothing but pyperf: name -> (script, options)."""
    result = {}
    with open(os.path.join(BENCHMARKS, "MANIFEST"), encoding="utf-8") as file:
        section = ""
        for line in file:
            line = line.strip()
            if line.startswith("["):
                section = line
            fields = line.split()
            if section != "[benchmarks]" or len(fields) != 2 or fields[0] == "name" or fields[0].startswith("#") or fields[0] in LEFT_OUT:
                continue
            name, place = fields
            base = place.strip("<>").partition(":")[2] or name
            folder = os.path.join(BENCHMARKS, f"bm_{base}")
            metafile = os.path.join(folder, "pyproject.toml" if base == name else f"bm_{name}.toml")
            with open(os.path.join(folder, "pyproject.toml"), "rb") as base_file:
                needs = tomllib.load(base_file)["project"].get("dependencies", [])
            if needs != ["pyperf"] or os.path.exists(os.path.join(folder, "requirements.txt")):
                continue
            with open(metafile, "rb") as meta:
                options = tomllib.load(meta).get("tool", {}).get("pyperformance", {}).get("extra_opts", [])
            result[name] = (os.path.join(folder, "run_benchmark.py"), options)
    return result


def work(script, options, compiled, *more):
    """Run the worker: what it found, or a text that says what went wrong."""
    environment = {name: value for name, value in os.environ.items() if compiled or not name.startswith("COACHWHIP")}
    environment["PYTHONHASHSEED"] = "0"
    if compiled:
        environment["COACHWHIP"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "result.json")
        command = [sys.executable, WORKER, "--script", script, "--output", output, *more, "--", *options]
        try:
            process = subprocess.run(
                command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            return f"no end after {TIMEOUT} s"
        if process.returncode != 0:
            lines = process.stdout.decode(errors="replace").strip().splitlines() or ["no output"]
            return f"exit code {process.returncode}: {lines[-1]}"
        with open(output, encoding="utf-8") as file:
            return json.load(file)


def tasks(chosen, available, progress):
    """Each benchmark of each chosen script: (name, script, options, task)."""
    result = []
    for name in chosen:
        script, options = available[name]
        progress.show(f"looking at {name}")
        found = work(script, options, False)
        if isinstance(found, str):
            print(f"{name}: left out ({found})")
            continue
        names = found["found"]
        for task in names:
            result.append((name if len(names) == 1 else task, script, options, task))
    return result


def format_time(seconds):
    """A time with a fitting unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def measure(results, rounds, name, script, options, task, arguments, progress):
    """Runs a benchmark so many times in each mode, alternating; what came out goes to `results`. Returns what went wrong, or None."""
    more = ["--warmup", str(arguments.warmup), "--samples", str(arguments.samples)]
    for _ in range(rounds):
        for compiled in (False, True):
            progress.show(f"{name}, round {len(results[compiled]) + 1}, {'with' if compiled else 'without'}")
            found = work(script, options, compiled, "--task", task, *more)
            if isinstance(found, str):
                return f"{name} {'with' if compiled else 'without'} Coachwhip: {found}"
            results[compiled].append(found)
    return None


class Row(typing.NamedTuple):
    """A benchmark's numbers: medians of its processes, in seconds, and how much more memory it takes."""

    without: float
    with_: float
    megabytes: float

    @property
    def ratio(self):
        """How many times as fast it is."""
        return self.without / self.with_


def summary(results):
    """The row of a benchmark's results."""
    without, with_ = (statistics.median(found["result"]["seconds"] for found in mode) for mode in results)
    memory = [statistics.median(found["result"]["peak_kilobytes"] for found in mode) for mode in results]
    return Row(without, with_, (memory[1] - memory[0]) / 1024)


def main():
    parser = argparse.ArgumentParser(description="Runs pyperformance's scripts without and with Coachwhip.")
    parser.add_argument("--only", help="scripts to run, separated by commas (names of pyperformance's manifest)")
    parser.add_argument("--rounds", type=int, default=2, help="processes for each benchmark and mode (default: 2)")
    parser.add_argument("--more-rounds", type=int, default=3, help="further rounds for a benchmark that is below its goal (default: 3)")
    parser.add_argument("--warmup", type=float, default=3.0, help="seconds of warm-up in each process (default: 3)")
    parser.add_argument("--samples", type=int, default=5, help="samples in each process (default: 5)")
    parser.add_argument("--json", help="write all results to this file")
    parser.add_argument("--list", action="store_true", help="list the scripts and stop")
    arguments = parser.parse_args()
    available = scripts()
    if arguments.list:
        print("\n".join(available))
        return 0
    chosen = select(arguments.only, available, parser)

    print(interpreter_line())
    todo = tasks(chosen, available, Progress(0))
    print(f"{'benchmark':<34} {'without':>9} {'with':>9} {'ratio':>8} {'memory':>9}")
    ratios, failures, below, everything = [], [], [], {}
    progress = Progress(len(todo))
    for name, script, options, task in todo:
        goal = GOALS.get(name, LEAST)
        results = everything[name] = ([], [])
        problem = measure(results, arguments.rounds, name, script, options, task, arguments, progress)
        if not problem and summary(results).ratio < goal:
            # A noisy machine or a slow program? More rounds decide, together with the first ones.
            problem = measure(results, arguments.more_rounds, name, script, options, task, arguments, progress)
        progress.done()
        if problem:
            failures.append(problem)
            print(f"{name:<34} FAILED: {problem}", flush=True)
            continue
        row = summary(results)
        ratios.append(row.ratio)
        mark = "" if row.ratio >= goal else f"  below the goal of {goal}"
        if mark:
            below.append(name)
        print(f"{name:<34} {format_time(row.without):>9} {format_time(row.with_):>9} {row.ratio:>7.2f}x {row.megabytes:>+6.1f} MB{mark}", flush=True)
    if ratios:
        mean = geometric_mean(ratios)
        mark = f"  below the goal of {LEAST_MEAN}" if mean < LEAST_MEAN and not arguments.only else ""
        print(f"{'geometric mean of ' + str(len(ratios)):<34} {'':>9} {'':>9} {mean:>7.2f}x{mark}")
    if below:
        print(f"below their goals: {', '.join(below)}")
    if not arguments.only:
        print("left out: " + "; ".join(f"{name} ({reason})" for name, reason in LEFT_OUT.items()) + "; scripts that need more packages than pyperf")
    off = off_line()
    if off:
        print(off)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
