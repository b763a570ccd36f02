"""Runs CPython's whole test suite without and with Coachwhip, in several modes, compares each single test, and writes a report.

Usage: python tools/conformance.py [options] [test_int test_str ...]     (make conformance CONFORMANCE_OPTIONS="--mode stress" TESTS="test_int test_str")

The modules are those that the interpreter's own regrtest finds; all of its resources but RESOURCES_LEFT_OUT are on. Several modules share a process (--together), since
the start of each takes seconds where everything is compiled; what differs there, and all of a process that does not end well, runs again with each module in a process of its own.
Modes: `normal` as a user runs it, `first-call` everything compiled at its first call in the foreground, `stress` everything compiled, guards that fail on purpose and
code that is thrown away while it runs, both by --seed. A module with differences is run again; a test is different only if no outcome of one side occurs on the other.

Results are kept in .cache/test_cpython as those of tools/test_cpython.py: a run that was broken off goes on where it was, and results of another build, interpreter or
seed are not mixed in. The report is .cache/conformance/report.md, written anew after each module. Exit code 1 if anything differs.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time

import test_cpython
from test_cpython import ROOT, by_design

MODES = ("normal", "first-call", "stress")
RESOURCES_LEFT_OUT = {
    "network": "needs the Internet",
    "urlfetch": "needs the Internet",
    "audio": "needs a sound device",
    "gui": "needs a display",
    "largefile": "writes gigabytes, and tests the file system",
}
ARGUMENTS = ["-u", ",".join(["all", *(f"-{name}" for name in RESOURCES_LEFT_OUT)]), "--randseed", "1"]
# For CI: seconds each, and between them most of what the compiler does.
QUICK = """
    test_coroutines test_yield_from test_generators test_scope test_patma test_with test_class test_unpack_ex test_dictcomps test_named_expressions test_exception_variations
    test_contains test_userlist test_bool
""".split()
# Seconds without Coachwhip for each module of a process, besides --timeout.
SHARE = 60
REPORT = os.path.join(ROOT, ".cache", "conformance", "report.md")


def suite():
    """The modules of the interpreter's test suite, packages split as regrtest splits them."""
    from test.libregrtest.findtests import findtests

    return findtests()


def slice_of(text):
    """`2/5`: the second of five slices."""
    number, count = (int(part) for part in text.split("/"))
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError("a slice is N/M with N from 1 to M")
    return number, count


def check_arguments():
    """Stops if this interpreter's regrtest does not take the arguments: then no test would run on either side, and all would be the same."""
    answer = subprocess.run([sys.executable, "-m", "test", *ARGUMENTS, "--list-tests", "test_bool"], capture_output=True, text=True)
    if answer.stdout.split()[-1:] != ["test_bool"]:
        sys.exit(f"conformance: regrtest does not run: {answer.stdout}{answer.stderr}")


def shares(tests, modules):
    """The outcomes of a process that ran several modules, by module. What does not say to which it belongs (doctests) goes with the test before it."""
    result = {module: {} for module in modules}
    prefixes = {f"test.{module.removeprefix('test.')}.": module for module in modules}
    owner, waiting = None, {}
    for name, outcome in tests.items():
        found = [prefix for prefix in prefixes if name.startswith(prefix) or f"({prefix}" in name]
        owner = prefixes[max(found, key=len)] if found else owner
        (waiting if owner is None else result[owner])[name] = outcome
    if owner is not None:
        result[next(module for module in modules if result[module])].update(waiting)
    return result


class Verdicts:
    """What was found out about each module in one mode with one build, kept in a file each."""

    def __init__(self, mode, options):
        self.mode, self.options = mode, options
        base = test_cpython.interpreter_folder()
        settings = test_cpython.variables_of(mode)
        self.variables = {name: value for name, value in test_cpython.environment(mode).items() if name.startswith("COACHWHIP") or name in settings}
        text = " ".join(f"{name}={value}" for name, value in sorted(self.variables.items()))
        more = test_cpython.digest(" ".join(ARGUMENTS))
        self.without = os.path.join(base, f"without-{more}")
        self.folder = os.path.join(base, f"{mode}-{test_cpython.digest(f'{options.build} {text}')}-{more}")
        self.path = os.path.join(self.folder, "verdicts")
        os.makedirs(self.path, exist_ok=True)

    def known(self, module):
        """The verdict of an earlier run, or None."""
        path = os.path.join(self.path, f"{module}.json")
        if self.options.fresh or not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def limit(self, without):
        """Seconds for a module with Coachwhip: compiling takes time, in each process that the tests start anew."""
        return self.options.timeout + 20 * without["seconds"]

    def find_together(self, modules):
        """Runs several modules in one process on each side: the verdicts of those that do not differ, and the rows that differ of the others."""
        line = " ".join(modules)
        without = test_cpython.kept(line, None, self.options.timeout + SHARE * len(modules), self.without, self.options.fresh, ARGUMENTS)
        if without["end"] != "ended":
            return {}, {}
        with_ = test_cpython.kept(line, self.mode, self.limit(without), self.folder, self.options.fresh, ARGUMENTS)
        if with_["end"] != "ended":
            return {}, {}
        settled, differ = {}, {}
        tests = [shares(result["tests"], modules) for result in (without, with_)]
        for module in modules:
            before, after = (side[module] for side in tests)
            rows = [[name, before.get(name, "not run"), after.get(name, "not run")] for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
            designed = by_design({name for name, *_ in rows})
            notes = ["" if side[module] else test_cpython.why_none(result["log"], re.escape(module)) for side, result in zip(tests, (without, with_))]
            if len(rows) > len(designed) or notes[0] != notes[1] or notes[0] == test_cpython.NO_REASON:
                differ[module] = rows
                continue
            settled[module] = self.keep(
                {
                    "module": module,
                    "together": len(modules),
                    "tests": len(before.keys() & after.keys()),
                    "seconds": [result["seconds"] / len(modules) for result in (without, with_)],
                    "end": "ended",
                    "note": notes[0],
                    "different": [],
                    "by_design": rows,
                    "unsteady": [],
                    "log": with_["log"],
                    "when": with_["when"],
                }
            )
        return settled, differ

    def find(self, module, before=()):
        """Runs a module on both sides, again if there are differences. `before` has the rows that differed when it ran with others."""
        all_without, all_with, first, names = test_cpython.compare(module, self.mode, (self.without, self.folder), self.options, self.limit, ARGUMENTS)
        without, with_ = all_without[0], all_with[0]

        def row(name, number):
            return [name, *(result["tests"].get(name, "not run") if name else result["end"] for result in (all_without[number], all_with[number]))]

        both = [{name for result in results for name in result["tests"]} for results in (all_without, all_with)]
        verdict = {
            "module": module,
            "together": 1,
            "tests": len(both[0] & both[1]),
            "seconds": [without["seconds"], with_["seconds"]],
            "end": without["end"],
            "note": without.get("note", ""),
            "different": [row(name, -1) for name in sorted(names - by_design(names))],
            "by_design": [row(name, -1) for name in sorted(by_design(names))],
            "unsteady": [row(name, 0) for name in sorted(first - names)] + [one for one in before if one[0] not in first and not by_design({one[0]})],
            "log": all_with[-1]["log"],
            "when": with_["when"],
        }
        return self.keep(verdict)

    def keep(self, verdict):
        """Writes a verdict into its file."""
        path = os.path.join(self.path, f"{verdict['module']}.json")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(verdict, file)
        os.replace(f"{path}.new", path)
        return verdict

    def command(self, module, name):
        """A line for the shell that runs one test again."""
        settings = [f"{key}={shlex.quote(value)}" for key, value in sorted(self.variables.items())]
        pick = ["-m", name] if name and " " not in name else []
        return " ".join([*settings, "PYTHONHASHSEED=0", shlex.join([sys.executable, "-m", "test", "-v", *ARGUMENTS, *pick, module])])


def headline(verdict):
    """A verdict in one line."""
    times = "{:.1f} s without, {:.1f} s with".format(*verdict["seconds"])
    if verdict["different"]:
        what = f"{len(verdict['different'])} DIFFERENT"
    elif verdict["end"] != "ended":
        what = f"same, but without Coachwhip it did not end well either: {verdict['end']}"
    elif verdict["note"]:
        what = f"same: {verdict['note']}"
    else:
        what = "same"
    for kind in ("unsteady", "by_design"):
        if verdict[kind]:
            what += f", {len(verdict[kind])} {kind.replace('_', ' ')}"
    return f"{verdict['tests']} tests, {times}: {what}"


def counts(verdicts):
    """The numbers of one mode."""
    rows = list(verdicts.values())
    return {
        "modules": len(rows),
        "tests compared": sum(row["tests"] for row in rows),
        "modules with differences": sum(bool(row["different"]) for row in rows),
        "different": sum(len(row["different"]) for row in rows),
        "by design": sum(len(row["by_design"]) for row in rows),
        "unsteady": sum(len(row["unsteady"]) for row in rows),
        "no test without Coachwhip": sum(bool(row["note"]) or row["end"] != "ended" for row in rows),
    }


def commit():
    """The commit of the working tree, if there is git."""
    answer = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return answer.stdout.strip() or "unknown"


def write_report(options, modes, found, modules):
    """The report: `found` has the verdicts of each mode, by module."""
    lines = ["# CPython's test suite without and with Coachwhip", ""]
    lines.append(f"CPython {sys.version.split()[0]} ({sys.executable}), Coachwhip at {commit()}, build {options.build}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC.")
    lines.append("Resources left out: " + ", ".join(f"{name} ({why})" for name, why in RESOURCES_LEFT_OUT.items()) + ".")
    lines.append("")
    titles = list(counts({}))
    lines += ["| mode | " + " | ".join(titles) + " | not run yet |", "|---|" + "---|" * (len(titles) + 1)]
    for mode, verdicts in found.items():
        lines.append(f"| {mode} | " + " | ".join(str(number) for number in counts(verdicts).values()) + f" | {len(set(modules) - set(verdicts))} |")
    lines.append("")
    for mode, verdicts in found.items():
        lines.append(f"The settings of mode {mode}: `{' '.join(f'{name}={value}' for name, value in sorted(modes[mode].variables.items()))}`")
        lines.append("")
    for kind, title in (("different", "Different"), ("unsteady", "Unsteady: sometimes different"), ("by_design", "Different by design (docs/differences.md)")):
        lines += [f"## {title}", ""]
        before = len(lines)
        for mode, verdicts in found.items():
            for module, verdict in sorted(verdicts.items()):
                for name, without, with_ in verdict[kind]:
                    lines.append(f"- {mode}: `{name or module}`: {with_} (without: {without})")
                    if kind != "by_design":
                        lines.append(f"  `{modes[mode].command(module, name)}`")
                if verdict[kind]:
                    lines.append(f"  log: {os.path.relpath(verdict['log'], ROOT)}")
        if len(lines) == before:
            lines.append("None.")
        lines.append("")
    lines += ["## Modules that run no test without Coachwhip either", ""]
    silent = {module: verdict["note"] or verdict["end"] for verdicts in found.values() for module, verdict in verdicts.items() if verdict["note"] or verdict["end"] != "ended"}
    lines += [f"- {module}: {why}" for module, why in sorted(silent.items())] or ["None."]
    os.makedirs(os.path.dirname(REPORT), exist_ok=True)
    with open(f"{REPORT}.new", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(f"{REPORT}.new", REPORT)


def duration(seconds):
    """`1 h 05 min`, `12 min`, `40 s`"""
    if seconds >= 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


class Progress:
    """One line for each module that is done, with what is left."""

    def __init__(self, total):
        self.total, self.done, self.ran, self.start, self.lock = total, 0, 0, time.monotonic(), threading.Lock()

    def tell(self, mode, verdict, is_new):
        self.done += 1
        self.ran += is_new
        if not is_new:
            return
        left = (time.monotonic() - self.start) / self.ran * (self.total - self.done)
        print(f"[{self.done}/{self.total} {100 * self.done // self.total} %, about {duration(left)} left] {mode} {verdict['module']}: {headline(verdict)}", flush=True)
        for name, without, with_ in verdict["different"][:20]:
            print(f"    {name or 'the process'}: {with_} (without: {without})", flush=True)
        if len(verdict["different"]) > 20:
            print(f"    and {len(verdict['different']) - 20} more", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Compares CPython's whole test suite without and with Coachwhip.")
    parser.add_argument("modules", nargs="*", metavar="module", help="test modules (default: the whole suite)")
    parser.add_argument("--mode", action="append", choices=test_cpython.MODES, help="a mode to run; may be given several times (default: normal, first-call, stress)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--together", type=int, default=8, help="modules to a process; 1: each has its own (default: 8)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for a module; with Coachwhip twenty times what it took without on top (default: 600)")
    parser.add_argument("--again", type=int, default=1, help="how often a module with differences is run again (default: 1)")
    parser.add_argument("--seed", default="1", help="the seed of mode stress (default: 1)")
    parser.add_argument("--quick", action="store_true", help="a few modules that take seconds each, for CI")
    parser.add_argument("--slice", type=slice_of, metavar="N/M", help="every M-th module from the N-th on")
    parser.add_argument("--minutes", type=float, help="start no module after so many minutes")
    parser.add_argument("--fresh", action="store_true", help="use no kept result")
    parser.add_argument("--list", action="store_true", help="only print the modules")
    options = parser.parse_args()
    modules = options.modules or (QUICK if options.quick else suite())
    if options.slice:
        modules = modules[options.slice[0] - 1 :: options.slice[1]]
    if options.list:
        print("\n".join(modules))
        return 0
    names = list(dict.fromkeys(options.mode or MODES))
    test_cpython.MODES["stress"]["COACHWHIP_SEED"] = options.seed
    options.build = test_cpython.build_identity()
    check_arguments()
    for mode in names:
        test_cpython.check_works(mode)
    modes = {mode: Verdicts(mode, options) for mode in names}
    print(f"CPython {sys.version.split()[0]}, build {options.build}, {len(modules)} modules, modes {' '.join(names)}; report: {os.path.relpath(REPORT)}", flush=True)
    found = {mode: {} for mode in names}
    progress = Progress(len(modules) * len(names))
    groups = [modules[start : start + options.together] for start in range(0, len(modules), options.together)]
    # A short run has something of each mode even if it does not come to the end.
    work = [(mode, group) for group in groups for mode in names] if options.quick else [(mode, group) for mode in names for group in groups]

    def late():
        return options.minutes is not None and time.monotonic() - progress.start > options.minutes * 60

    def told(mode, verdict, is_new):
        with progress.lock:
            found[mode][verdict["module"]] = verdict
            progress.tell(mode, verdict, is_new)
            if is_new:
                write_report(options, modes, found, modules)

    def several(mode, group):
        left = []
        for module in group:
            known = modes[mode].known(module)
            if known is None:
                left.append(module)
            else:
                told(mode, known, False)
        before = {}
        if len(left) > 1 and not late():
            settled, before = modes[mode].find_together(left)
            for verdict in settled.values():
                told(mode, verdict, True)
            left = [module for module in left if module not in settled]
        for module in left:
            if not late():
                told(mode, modes[mode].find(module, before.get(module, ())), True)

    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        futures = [pool.submit(several, mode, group) for mode, group in work]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    write_report(options, modes, found, modules)
    failed = False
    print(f"{duration(time.monotonic() - progress.start)}, {progress.done - progress.ran} results of earlier runs; report: {os.path.relpath(REPORT)}")
    for mode, verdicts in found.items():
        print(f"{mode}: " + ", ".join(f"{number} {title}" for title, number in counts(verdicts).items()) + f", {len(modules) - len(verdicts)} modules not run")
        different = sorted(module for module, verdict in verdicts.items() if verdict["different"])
        if different:
            failed = True
            print(f"  different: {' '.join(different)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
