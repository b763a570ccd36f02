"""Runs the test suites of packages from PyPI without and with Coachwhip, compares each single test, and writes a report.

Usage: python tools/packages.py [options]     (make packages PACKAGES=attrs,lxml PACKAGES_OPTIONS="--mode first-call")

SUITES below is the table: which packages in which versions, where their tests come from (the source distribution on PyPI, or the installed package itself), what of them
is run, and how. What else is installed is pinned in tools/packages/constraints.txt. Each package has a virtual environment of its own, with the wheel of Coachwhip that
`make build` made. A suite runs from a fresh copy in one process without Coachwhip and in one with it; hash and random seeds are fixed. A package with differences is run
again, without and with: a test is different only if no outcome of one side occurs on the other, else it is noted as unsteady.

tools/packages/witness.py is imported at the start of each process of the tests and notes at its end whether Coachwhip was on and how much was compiled: a run with
Coachwhip in which nothing was compiled, and one without in which it was on, end as failed.

All is kept in .cache/packages: downloads, environments, logs, results (those without for the interpreter and the suite, those with for the build and the variables, too).
So a run that was broken off goes on where it was. The report is .cache/packages/report.md. Exit code 1 if anything differs or a suite did not run.
"""

import argparse
import dataclasses
import fcntl
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import xml.etree.ElementTree
import zipfile

import conformance
import test_cpython
from test_cpython import ROOT, digest

CACHE = os.path.join(ROOT, ".cache", "packages")
HERE = os.path.join(ROOT, "tools", "packages")
CONSTRAINTS = os.path.join(HERE, "constraints.txt")
REPORT = os.path.join(CACHE, "report.md")
PYTEST = "pytest==9.2.0"
# For suites that the newest does not take.
PYTEST_8 = "pytest==8.4.2"
# What is set for all: no cache, no other order, everything in the log.
PYTEST_ARGUMENTS = ["-v", "--tb=short", "-p", "no:cacheprovider", "-p", "no:randomly"]
# Hypothesis has a profile for CI: the same examples each time, no time limit for one, no database.
HYPOTHESIS = {"CI": "true"}


@dataclasses.dataclass(frozen=True)
class Suite:
    """How the tests of one package are had and run."""

    name: str
    version: str
    # Of pytest; of the script, if `script` is given.
    arguments: str
    # What part of its tests that is, for people; nothing: all.
    part: str = ""
    # What it needs besides, pinned here or in constraints.txt.
    needs: str = ""
    # "sdist": the tests come with the source distribution; "wheel": with the installed package.
    source: str = "sdist"
    # What is taken of the source distribution, so that the installed package is tested and not the sources; nothing: all.
    take: str = ""
    # The folder, within what was taken, in which the tests are started.
    below: str = "."
    # A script to run in place of pytest, whose log has a line for each test as unittest writes them.
    script: str = ""
    variables: dict = dataclasses.field(default_factory=dict)
    pytest: str = PYTEST
    # Why it is not the package that one would expect here, or not all that one would expect.
    note: str = ""

    def requirements(self):
        return [f"{self.name}=={self.version}", self.pytest, *self.needs.split()]


SUITES = [
    Suite("attrs", "26.1.0", "tests", needs="cloudpickle hypothesis pympler", take="tests pyproject.toml", variables=HYPOTHESIS),
    Suite("boltons", "26.2.0", "tests", take="tests pyproject.toml"),
    Suite(
        "cattrs",
        "26.2.1",
        "-o addopts= tests",
        needs="hypothesis immutables msgspec pyyaml pymongo ujson orjson cbor2 msgpack tomlkit",
        take="tests pyproject.toml",
        variables=HYPOTHESIS,
        note="in place of hypothesis, whose tests are not on PyPI: it finds its examples with it",
    ),
    Suite(
        "cffi",
        "2.1.1",
        " ".join(["src/c/test_c.py", *(f"testing/cffi0/test_{name}.py" for name in "cdata ctypes ffi_backend function model parsing unicode_literals version".split())]),
        part="the module in C and the ABI mode",
        needs="setuptools",
        take="src/c/test_c.py testing pyproject.toml",
        note="the others compile C code at run time",
    ),
    Suite("click", "8.5.1", "tests", take="tests pyproject.toml"),
    Suite(
        "django",
        "6.1.3",
        "-v 2 --parallel 1 --noinput aggregation annotations expressions forms_tests lookup model_fields model_forms queries template_tests urlpatterns_reverse utils_tests",
        part="ORM, forms, templates, URLs, utils",
        needs="tzdata jinja2 docutils",
        take="tests",
        below="tests",
        script="runtests.py",
    ),
    Suite("docutils", "0.23", "test", needs="pygments==2.21.0"),
    Suite("greenlet", "3.5.6", "--pyargs greenlet.tests", source="wheel", needs="psutil objgraph"),
    Suite("hypothesis", "6.170.15", "--doctest-modules --doctest-ignore-import-errors --pyargs hypothesis", part="its doctests", source="wheel", variables=HYPOTHESIS, note="its tests are not on PyPI; see cattrs"),
    Suite("intervaltree", "3.2.1", "test", take="test", note="in place of sortedcontainers, whose tests are not on PyPI: it is made of them"),
    Suite("itsdangerous", "2.2.0", "tests", take="tests pyproject.toml", needs="freezegun"),
    Suite("jinja2", "3.1.6", "tests", take="tests pyproject.toml", needs="trio"),
    Suite("lark", "1.3.1", "tests", take="tests pyproject.toml examples", needs="interegular regex"),
    Suite("lxml", "6.1.3", "src/lxml/tests", take="src/lxml/tests doc", part="all but the doctests of lxml.html"),
    Suite("markdown", "3.11.3", "--continue-on-collection-errors tests", take="tests pyproject.toml", needs="pyyaml"),
    Suite("more-itertools", "11.2.1", "tests", take="tests"),
    Suite("mpmath", "1.4.1", "--pyargs mpmath -m 'not slow'", source="wheel", needs="hypothesis pexpect", variables=HYPOTHESIS),
    Suite(
        "networkx",
        "3.7",
        "--pyargs networkx.classes networkx.readwrite networkx.utils networkx.algorithms.tests networkx.algorithms.shortest_paths networkx.algorithms.flow "
        "networkx.algorithms.isomorphism networkx.algorithms.community networkx.algorithms.centrality",
        part="classes, readwrite, utils, half of the algorithms",
        source="wheel",
    ),
    Suite(
        "numpy",
        "2.5.5",
        "--pyargs numpy.lib numpy.ma numpy.polynomial numpy._core.tests.test_numeric numpy._core.tests.test_multiarray numpy._core.tests.test_einsum -m 'not slow'",
        part="lib, ma, polynomial, and three modules of the core",
        needs="hypothesis",
        source="wheel",
        variables=HYPOTHESIS,
    ),
    Suite(
        "pandas",
        "3.1.1",
        "--pyargs pandas.tests.reshape pandas.tests.series pandas.tests.tools pandas.tests.tseries.offsets.test_offsets -m 'not slow and not network and not db'",
        part="reshape, series, tools",
        needs="numpy==2.5.5 hypothesis",
        source="wheel",
        variables=HYPOTHESIS,
    ),
    Suite(
        "pydantic",
        "2.14.3",
        "tests --ignore tests/benchmarks --ignore tests/mypy --ignore tests/typechecking --ignore tests/test_docs.py",
        part="all but benchmarks, type checkers and the documentation",
        needs="dirty-equals pytest-mock pytest-benchmark pytest-examples jsonschema faker pytz time-machine email-validator pytest-run-parallel cloudpickle",
        take="tests pyproject.toml",
    ),
    Suite("pygments", "2.21.0", "tests", needs="wcag-contrast-ratio", take="tests pyproject.toml", pytest=PYTEST_8),
    Suite("pyparsing", "3.3.3", "tests", needs="jinja2 railroad-diagrams", take="tests examples"),
    Suite("pyrsistent", "0.20.0", "tests", needs="hypothesis", take="tests", variables=HYPOTHESIS, note="its vectors are tested by Hypothesis's state machines"),
    Suite(
        "pytest",
        "9.2.0",
        "testing/code testing/io testing/logging testing/python testing/test_assertion.py testing/test_assertrewrite.py testing/test_collection.py testing/test_mark.py "
        "testing/test_monkeypatch.py testing/test_runner.py testing/test_skipping.py testing/test_unittest.py",
        part="code, io, logging, python, and seven modules",
        needs="attrs hypothesis mock setuptools xmlschema requests",
        take="testing pyproject.toml",
    ),
    Suite("sortedcontainers", "2.4.0", "--doctest-modules --pyargs sortedcontainers", part="its doctests", source="wheel", note="its tests are not on PyPI; see intervaltree"),
    Suite(
        "sqlalchemy",
        "2.1.9",
        "test/base test/engine test/ext test/sql test/orm/declarative test/orm/inheritance test/orm/test_query.py test/orm/test_unitofwork.py test/orm/test_session.py",
        part="base, engine, ext, sql, some of the ORM",
        needs="greenlet==3.5.6",
        take="test lib tools examples pyproject.toml setup.cfg",
        note="its tests take the sources beside them, which have all in Python, not the compiled modules of the wheel",
    ),
    Suite(
        "sympy",
        "1.14.0",
        "-m 'not slow' --pyargs sympy.core.tests sympy.combinatorics sympy.functions.elementary sympy.logic sympy.ntheory sympy.polys.tests.test_polytools sympy.printing "
        "sympy.sets sympy.simplify.tests.test_simplify sympy.solvers.tests.test_solvers sympy.utilities",
        part="core, combinatorics, elementary functions, logic, number theory, printing, sets, utilities, some of polys, simplify, solvers",
        needs="mpmath==1.3.0 hypothesis",
        source="wheel",
        variables=HYPOTHESIS,
    ),
    Suite("toolz", "1.2.0", "--pyargs toolz", source="wheel"),
    Suite("tornado", "6.6.1", "--pyargs tornado.test", source="wheel", note="an event loop, coroutines, servers"),
    Suite("werkzeug", "3.1.9", "tests", needs="cffi==2.1.1 cryptography ephemeral-port-reserve pytest-timeout watchdog", take="tests pyproject.toml"),
]


def suites(text):
    """Some of the table, by name."""
    by_name = {suite.name: suite for suite in SUITES}
    unknown = [name for name in text.split(",") if name not in by_name]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {' '.join(unknown)}; there are {' '.join(by_name)}")
    return [by_name[name] for name in text.split(",")]


def write(path, text):
    """Writes a file whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def read(path):
    """The text of a file, "" if there is none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def newest_wheel():
    """The wheel that `make build` made."""
    wheels = glob.glob(os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "wheels", "coachwhip-*.whl"))
    return max(wheels, key=os.path.getmtime) if wheels else None


def wheel_identity(wheel):
    """What tells this build from others; the same that test_cpython.build_identity() finds where it is installed."""
    result = test_cpython.hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if os.path.dirname(name) == "coachwhip" and name.endswith((".so", ".py"))]
        for name in sorted(names):
            result.update(archive.read(name))
    return result.hexdigest()[:12]


def pip(*arguments):
    """Runs pip; stops the tool if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode:
        sys.exit(f"packages: {shlex.join(command)}\n{answer.stdout}")
    return answer.stdout


class Place:
    """Where a suite is run: its environment, with this build of Coachwhip, and its sources."""

    def __init__(self, suite, options):
        self.suite, self.options = suite, options
        constraints = "" if options.lock else "".join(line for line in read(CONSTRAINTS).splitlines(True) if not line.startswith("#"))
        # Only what is installed counts, not the whole file: adding a package leaves the others' environments alone.
        self.needed = " ".join(suite.requirements())
        base = os.path.basename(test_cpython.interpreter_folder())
        self.constraints = constraints
        self.environment = os.path.join(CACHE, "environments", f"{suite.name}-{digest(f'{self.needed} {base}')}")
        self.python = os.path.join(self.environment, "bin", "python")
        self.run = os.path.join(CACHE, "run", suite.name)

    def freeze(self):
        """What is installed there, without Coachwhip."""
        return [line for line in pip("--python", self.python, "freeze", "--all").splitlines() if "==" in line and not line.startswith(("coachwhip", "pip=="))]

    def make_environment(self):
        """Makes the environment, or keeps it, and installs Coachwhip and the witness."""
        stamp = os.path.join(self.environment, "made")
        if not os.path.exists(stamp):
            shutil.rmtree(self.environment, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.environment], check=True)
            constraints = ["--constraint", CONSTRAINTS] if self.constraints else []
            pip("--python", self.python, "install", *constraints, *self.suite.requirements())
            write(stamp, "\n".join(self.freeze()) + "\n")
        self.installed = digest(read(stamp))
        stamp = os.path.join(self.environment, "coachwhip")
        if read(stamp) != self.options.build:
            pip("--python", self.python, "install", "--no-deps", "--force-reinstall", self.options.wheel)
            write(stamp, self.options.build)
        site = glob.glob(os.path.join(self.environment, "lib", "python3*", "site-packages"))[0]
        shutil.copy(os.path.join(HERE, "witness.py"), os.path.join(site, "packages_witness.py"))
        # Its name sorts behind that of Coachwhip's hook: what it registers for the end runs before Coachwhip's.
        write(os.path.join(site, "packages_witness.pth"), 'import os; os.environ.get("PACKAGES_WITNESS") and __import__("packages_witness")\n')

    def download(self):
        """Fetches the source distribution, if the tests come with that."""
        suite = self.suite
        self.archive = os.path.join(CACHE, "downloads", f"{suite.name}-{suite.version}.tar.gz")
        if suite.source != "sdist" or os.path.exists(self.archive):
            return
        folder = f"{self.archive}.new"
        shutil.rmtree(folder, ignore_errors=True)
        pip("download", "--no-deps", "--no-binary", suite.name, "--dest", folder, f"{suite.name}=={suite.version}")
        os.replace(glob.glob(os.path.join(folder, "*.tar.gz"))[0], self.archive)
        shutil.rmtree(folder)

    def unpack(self):
        """A fresh copy of the tests, always in the same place: the folder to start them in."""
        shutil.rmtree(self.run, ignore_errors=True)
        for name in ("tests", "home", "witness"):
            os.makedirs(os.path.join(self.run, name))
        folder = os.path.join(self.run, "tests")
        if self.suite.source == "sdist":
            wanted = self.suite.take.split()
            with tarfile.open(self.archive) as archive:

                def chosen(member, path):
                    # The first folder is the name with the version.
                    member = member.replace(name=member.name.partition("/")[2], deep=False)
                    inside = not wanted or any(member.name == name or member.name.startswith(f"{name}/") for name in wanted)
                    return tarfile.data_filter(member, path) if member.name and inside else None

                archive.extractall(folder, filter=chosen)
        return os.path.join(folder, self.suite.below)

    def command(self, report):
        """What is started."""
        rest = shlex.split(self.suite.arguments)
        if self.suite.script:
            return [self.python, self.suite.script, *rest]
        return [self.python, "-m", "pytest", *PYTEST_ARGUMENTS, "--junit-xml", report, *rest]

    def variables(self, mode):
        """The environment of the processes."""
        result = test_cpython.environment(mode)
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "CI"):
            result.pop(name, None)
        result["PATH"] = os.path.dirname(self.python) + os.pathsep + result.get("PATH", os.defpath)
        result["HOME"] = os.path.join(self.run, "home")
        result["PACKAGES_WITNESS"] = os.path.join(self.run, "witness")
        return result | {"LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "80", "NO_COLOR": "1"} | self.suite.variables


def witnessed(folder, process):
    """What the witness saw: in the tests' own process, and in all."""
    seen = {name: json.loads(read(os.path.join(folder, name))) for name in os.listdir(folder) if name.endswith(".json")}
    own = seen.get(f"{process}.json")
    return {"own": own, "processes": len(seen), "compiled": sum((one["compiled"] or 0) for one in seen.values())}


def start(place, mode, stem, timeout):
    """Runs a suite: a result as test_cpython.run() gives it, and "witness"."""
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    folder, report = place.unpack(), f"{stem}.xml"
    if os.path.exists(report):
        os.unlink(report)
    begin = time.monotonic()
    with open(f"{stem}.log", "wb") as log:
        process = subprocess.Popen(
            place.command(report), env=place.variables(mode), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout)
            end = f"exit code {code}" if code > 1 else "ended" if code >= 0 else f"killed by signal {-code}"
        except subprocess.TimeoutExpired:
            end = f"{test_cpython.NO_END} after {timeout:.0f} s"
        finally:
            test_cpython.stop(process)
    result = {"seconds": time.monotonic() - begin, "end": end, "tests": {}, "log": f"{stem}.log", "when": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())}
    result["witness"] = seen = witnessed(os.path.join(place.run, "witness"), process.pid)
    if place.suite.script:
        result["tests"] = test_cpython.logged_outcomes(f"{stem}.log")
    elif os.path.exists(report):
        try:
            result["tests"] = test_cpython.outcomes(report)
        except xml.etree.ElementTree.ParseError as error:
            result["end"] += f", report not readable: {error}"
    if end == "ended":
        if not seen["own"]:
            result["end"] = "no witness of its end"
        elif mode and not seen["own"]["compiled"]:
            result["end"] = "nothing was compiled"
        elif not mode and seen["own"]["compiled"] is not None:
            result["end"] = "Coachwhip was there without being asked"
        elif not result["tests"]:
            result["end"] = "no test"
    return result


def kept(place, mode, stem, timeout, fresh):
    """The result of an earlier run that ended well, else of one now."""
    path = f"{stem}.json"
    if not fresh and os.path.exists(path):
        return json.loads(read(path))
    result = start(place, mode, stem, timeout)
    if result["end"] == "ended":
        write(path, json.dumps(result))
    return result


def tally(tests):
    """passed/failed/skipped; a name that occurs several times has several outcomes."""
    counts = {"passed": 0, "failure": 0, "error": 0, "skipped": 0}
    for outcome in tests.values():
        for one in outcome.split(", "):
            counts[one] += 1
    return f"{counts['passed']}/{counts['failure'] + counts['error']}/{counts['skipped']}"


class Verdicts:
    """What was found out about each suite in one mode with one build."""

    def __init__(self, mode, options):
        self.mode, self.options = mode, options
        base = os.path.join(CACHE, "results", os.path.basename(test_cpython.interpreter_folder()))
        settings = test_cpython.variables_of(mode)
        variables = {name: value for name, value in test_cpython.environment(mode).items() if name.startswith("COACHWHIP") or name in settings}
        self.variables = " ".join(f"{name}={value}" for name, value in sorted(variables.items()))
        self.without = os.path.join(base, "without")
        self.folder = os.path.join(base, f"{mode}-{digest(f'{options.build} {self.variables}')}")

    def path(self, suite):
        # Another suite, if its row changes.
        return os.path.join(self.folder, "verdicts", f"{suite.name}-{digest(repr(suite))}.json")

    def known(self, suite):
        text = read(self.path(suite))
        return json.loads(text) if text else None

    def find(self, suite):
        """Runs a suite on both sides, again if there are differences."""
        options, place = self.options, Place(suite, self.options)
        place.make_environment()
        place.download()
        name = f"{suite.name}-{digest(f'{suite!r} {place.installed}')}"
        sides = [(None, os.path.join(self.without, name)), (self.mode, os.path.join(self.folder, name))]
        without = kept(place, *sides[0], options.timeout, options.fresh)
        # Compiling takes time, in each process that the tests start anew.
        limit = options.timeout + 10 * without["seconds"]
        with_ = kept(place, *sides[1], limit, options.fresh)
        all_without, all_with = [without], [with_]
        first = names = test_cpython.differences(all_without, all_with)
        for _ in range(options.again):
            if not names:
                break
            all_without.append(start(place, None, f"{sides[0][1]}-again", options.timeout))
            all_with.append(start(place, self.mode, f"{sides[1][1]}-again", limit))
            names = test_cpython.differences(all_without, all_with)

        def row(name, number):
            return [name, *(result["tests"].get(name, "not run") if name else result["end"] for result in (all_without[number], all_with[number]))]

        verdict = {
            "package": suite.name,
            "version": suite.version,
            "tests": len(set(without["tests"]) & set(with_["tests"])),
            "tallies": [tally(without["tests"]), tally(with_["tests"])],
            "seconds": [without["seconds"], with_["seconds"]],
            "ends": [without["end"], with_["end"]],
            "compiled": with_["witness"]["compiled"],
            "processes": with_["witness"]["processes"],
            "different": [row(name, -1) for name in sorted(names)],
            "unsteady": [row(name, 0) for name in sorted(first - names)],
            "logs": [without["log"], all_with[-1]["log"]],
            "when": with_["when"],
        }
        write(self.path(suite), json.dumps(verdict))
        return verdict


def is_well(verdict):
    """Whether something was compared, and nothing differs."""
    return not verdict["different"] and verdict["ends"] == ["ended", "ended"]


def headline(verdict):
    """A verdict in one line."""
    parts = ["{} tests, {} without, {} with (passed/failed/skipped)".format(verdict["tests"], *verdict["tallies"])]
    parts.append("{:.1f} s without, {:.1f} s with".format(*verdict["seconds"]))
    parts.append(f"{verdict['compiled']} functions compiled in {verdict['processes']} process{'es' if verdict['processes'] != 1 else ''}")
    text = ", ".join(parts) + ": " + (f"{len(verdict['different'])} DIFFERENT" if verdict["different"] else "same")
    if verdict["unsteady"]:
        text += f", {len(verdict['unsteady'])} unsteady"
    if verdict["ends"] != ["ended", "ended"]:
        text += "; without: {}, with: {}".format(*verdict["ends"])
    return text


TITLES = "package|version|part|tests|passed/failed/skipped without|with|different|unsteady|seconds without|with|compiled functions".split("|")


def cells(suite, verdict):
    """A row of the report's table."""
    part = suite.part or "all"
    middle = [verdict["tests"], *verdict["tallies"], len(verdict["different"]), len(verdict["unsteady"])]
    return [suite.name, suite.version, part, *middle, *(f"{number:.0f}" for number in verdict["seconds"]), verdict["compiled"]]


def write_report(options):
    """The report: all modes in which anything was run with this build."""
    lines = ["# Test suites of packages without and with Coachwhip", ""]
    lines += [f"CPython {sys.version.split()[0]} ({sys.executable}), Coachwhip at {conformance.commit()}, build {options.build}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC.", ""]
    for mode in test_cpython.MODES:
        verdicts = Verdicts(mode, options)
        found = [(suite, verdicts.known(suite)) for suite in SUITES]
        if not any(verdict for _, verdict in found):
            continue
        lines += [f"## Mode {mode}", "", f"`{verdicts.variables}`", "", "| " + " | ".join(TITLES) + " |", "|---" * len(TITLES) + "|"]
        lines += ["| " + " | ".join(map(str, cells(suite, verdict))) + " |" for suite, verdict in found if verdict]
        lines.append("")
        for kind in ("different", "unsteady"):
            for suite, verdict in found:
                for name, without, with_ in verdict[kind] if verdict else ():
                    lines.append(f"- {kind}: {suite.name}: `{name or 'the process'}`: {with_} (without: {without}); log: {os.path.relpath(verdict['logs'][1], ROOT)}")
        for suite, verdict in found:
            if verdict and verdict["ends"] != ["ended", "ended"]:
                lines.append("- {}: without: {}, with: {}; logs: {}, {}".format(suite.name, *verdict["ends"], *(os.path.relpath(log, ROOT) for log in verdict["logs"])))
        missing = [suite.name for suite, verdict in found if not verdict]
        if missing:
            lines.append(f"- not run yet: {' '.join(missing)}")
        lines.append("")
    write(REPORT, "\n".join(lines))


def lock(options, chosen):
    """Writes constraints.txt anew from what pip chooses for each environment."""
    pins = {}
    for suite in chosen:
        place = Place(suite, options)
        shutil.rmtree(place.environment, ignore_errors=True)
        place.make_environment()
        given = {re.split("[=<>]", text)[0].lower() for text in suite.requirements() if "==" in text}
        for line in place.freeze():
            name, _, version = line.partition("==")
            if name.lower() not in given and pins.setdefault(name, version) != version:
                # Pip could not take the newer one here; the table must pin one of them.
                print(f"{suite.name}: {name} {version}, elsewhere {pins[name]}", flush=True)
        print(suite.name, flush=True)
    write(CONSTRAINTS, "# Written by `tools/packages.py --lock`: what the packages of its table need.\n" + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins, key=str.lower)))


def main():
    parser = argparse.ArgumentParser(description="Compares the test suites of packages from PyPI without and with Coachwhip.")
    parser.add_argument("--only", type=suites, default=SUITES, metavar="NAME,NAME", help="these packages (default: all)")
    parser.add_argument("--mode", choices=test_cpython.MODES, default="normal", help="when is compiled, and what fails on purpose (default: normal)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for a package; with Coachwhip ten times what it took without on top (default: 600)")
    parser.add_argument("--again", type=int, default=1, help="how often a package with differences is run again (default: 1)")
    parser.add_argument("--minutes", type=float, help="start no package after so many minutes")
    parser.add_argument("--fresh", action="store_true", help="use no kept result")
    parser.add_argument("--wheel", help="the wheel of Coachwhip (default: the one that `make build` made)")
    parser.add_argument("--prepare", action="store_true", help="only download and install")
    parser.add_argument("--lock", action="store_true", help="choose the versions of what the packages need anew, and write tools/packages/constraints.txt")
    parser.add_argument("--list", action="store_true", help="only print the packages")
    options = parser.parse_args()
    options.wheel = options.wheel or newest_wheel()
    if options.list:
        print("\n".join(f"{suite.name} {suite.version}" for suite in options.only))
        return 0
    if not options.wheel:
        sys.exit("packages: there is no wheel of Coachwhip; `make build` makes it")
    options.build = wheel_identity(options.wheel)
    # Suites without a configuration of their own must not find that of Coachwhip's tests.
    write(os.path.join(CACHE, "pytest.ini"), "[pytest]\n")
    # Suites run in one place, so that all paths are the same on both sides.
    guard = open(os.path.join(CACHE, "lock"), "w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("packages: another run is under way here")
    if options.lock:
        lock(options, options.only)
        return 0
    if options.prepare:
        for suite in options.only:
            place = Place(suite, options)
            place.make_environment()
            place.download()
            print(suite.name, flush=True)
        return 0
    verdicts = Verdicts(options.mode, options)
    print(f"CPython {sys.version.split()[0]}, build {options.build}, mode {options.mode}: {verdicts.variables}; report: {os.path.relpath(REPORT)}", flush=True)
    begin, done = time.monotonic(), []
    for number, suite in enumerate(options.only, 1):
        verdict = None if options.fresh else verdicts.known(suite)
        again = " (run at {})".format(verdict["when"]) if verdict else ""
        if not verdict:
            if options.minutes is not None and time.monotonic() - begin > options.minutes * 60:
                break
            verdict = verdicts.find(suite)
            write_report(options)
        done.append(verdict)
        print(f"[{number}/{len(options.only)}] {suite.name} {suite.version}: {headline(verdict)}{again}", flush=True)
        for kind in ("different", "unsteady"):
            for name, without, with_ in verdict[kind][:20]:
                print(f"    {kind}: {name or 'the process'}: {with_} (without: {without})", flush=True)
            if len(verdict[kind]) > 20:
                print(f"    and {len(verdict[kind]) - 20} more", flush=True)
    write_report(options)
    bad = [verdict["package"] for verdict in done if not is_well(verdict)]
    total = sum(verdict["tests"] for verdict in done)
    print(f"{len(done)} packages, {total} tests compared, {conformance.duration(time.monotonic() - begin)}: {len(done) - len(bad)} same, {len(bad)} different")
    if bad:
        print("different: " + " ".join(bad))
    if len(done) < len(options.only):
        print(f"{len(options.only) - len(done)} packages not run")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
