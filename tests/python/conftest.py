"""What the Python tests share: compiled code is compared with an interpreted copy of itself, and counters prove that it really ran.

- `compiled(f, calls)` compiles a function now, after some calls that let the interpreter specialise it.
- `same(f, calls)` compares the compiled function with an interpreted twin: results, changed arguments, exceptions with their tracebacks, reference counts.
- `run_both(source)` runs a program in processes without and with everything compiled, and compares output, errors and exit code.

A call is a tuple of arguments, or a function without parameters that returns a fresh one each time (for arguments that are changed).
"""

import os
import re
import subprocess
import sys
import traceback
import types
from pathlib import Path

import pytest

import coachwhip

#: Everything is compiled at its first call, in the foreground.
EVERYTHING = {"COACHWHIP": "1", "COACHWHIP_THRESHOLD": "1", "COACHWHIP_LOOP_THRESHOLD": "1", "COACHWHIP_BACKGROUND": "0"}

NOT_WIRED = "coachwhip: off: the engine is not wired yet\n"


@pytest.fixture(scope="session")
def engine():
    """Coachwhip, on, with thresholds that nothing reaches by itself: only what a test asks for is compiled."""
    if not coachwhip.enable(threshold=10**9, loop_threshold=10**9, background=False, verify=True):
        if "not wired" in coachwhip.explain(lambda: None):
            pytest.skip("the engine is not wired yet")
        pytest.fail("Coachwhip stays off on this interpreter")
    return coachwhip


def arguments_of(call):
    """The arguments of a call, fresh if the call makes them."""
    return call() if callable(call) else call


def make_compiled(function, calls=(), warm=30):
    """Compile a function now; `calls` warm it up first (their exceptions are ignored). Fails if it is not compiled then."""
    for _ in range(warm):
        for call in calls:
            try:
                function(*arguments_of(call))
            except Exception:
                pass
    coachwhip.compile(function)
    assert coachwhip.is_compiled(function), coachwhip.explain(function)
    return function


@pytest.fixture
def compiled(engine):
    """`compiled(function, calls=(), warm=30)`: the function itself, compiled; usable without calls as a decorator."""
    return make_compiled


def interpreted_twin(function):
    """A function that does the same and is never compiled: its code object is a copy with inline caches of its own."""
    twin = types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    twin.__kwdefaults__ = dict(function.__kwdefaults__) if function.__kwdefaults__ else None
    twin.__qualname__ = function.__qualname__
    return coachwhip.never(twin)


def describe(value):
    """A text by which values are compared: the type counts, the sign of a zero counts, addresses do not."""
    return f"{type(value).__qualname__}: {without_addresses(repr(value))}"


def without_addresses(text):
    """Object addresses differ from run to run."""
    return re.sub(r"\b0x[0-9a-f]{6,}", "0x...", text)


def describe_exception(error):
    """Type, arguments and traceback text, without the frames of this file at its start."""
    error.__traceback__ = error.__traceback__.tb_next
    lines = traceback.format_exception(error)
    return f"{describe(error)}\n{without_addresses(''.join(lines))}"


def observe(function, arguments):
    """What one call does: its outcome, what it did to its arguments, and whose references it kept or lost."""
    before = [sys.getrefcount(argument) for argument in arguments]
    try:
        result = function(*arguments)
    except Exception as error:
        outcome = describe_exception(error)
        count = None
    else:
        outcome = describe(result)
        count = sys.getrefcount(result)
        del result
    after = [sys.getrefcount(argument) for argument in arguments]
    return {
        "outcome": outcome,
        "arguments": [describe(argument) for argument in arguments],
        "references of the arguments": [late - early for early, late in zip(before, after)],
        "references of the result": count,
    }


@pytest.fixture
def same(engine):
    """`same(function, calls, warm=..., exits=None, entered=True, repeat=3)`: compares compiled and interpreted runs of each call.

    `warm` are the calls that warm the function up (default: `calls`), so that a test can train it with other types than it is called with then.
    `exits` is how many exits there must be at least (0: none at all); `entered=False` when the calls need not reach compiled code.
    """

    def check(function, calls, warm=None, exits=None, entered=True, repeat=3):
        twin = interpreted_twin(function)
        make_compiled(function, calls if warm is None else warm)
        for call in calls:
            for turn in range(repeat):
                expected = observe(twin, arguments_of(call))
                before = coachwhip.stats()
                found = observe(function, arguments_of(call))
                after = coachwhip.stats()
                assert found == expected, f"turn {turn} of {call}"
                if entered and turn == 0:
                    assert after["entries"] > before["entries"], f"the call did not enter compiled code\n{coachwhip.explain(function)}"
                if exits == 0:
                    assert after["exits"] == before["exits"], coachwhip.explain(function)
                elif exits and turn == 0:
                    assert after["exits"] - before["exits"] >= exits, f"too few exits\n{coachwhip.explain(function)}"
        return function

    return check


class Run:
    """What a process did."""

    def __init__(self, stdout, stderr, code, summary):
        self.stdout = stdout
        self.stderr = stderr
        self.code = code
        self.summary = summary

    def __eq__(self, other):
        return (self.stdout, self.stderr, self.code) == (other.stdout, other.stderr, other.code)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def run_process(arguments, environment=None, stdin="", cwd=None, timeout=120):
    """Run a command with no COACHWHIP variable but the given ones."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    variables["PYTHONHASHSEED"] = "0"
    variables.update(environment or {})
    process = subprocess.run(arguments, env=variables, input=stdin, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    stderr = process.stderr.replace(NOT_WIRED, "")
    # Child processes print theirs, too.
    summary = re.compile(r"^coachwhip: summary\n(?:  .*\n)*", re.MULTILINE)
    summaries = "".join(summary.findall(stderr))
    return Run(without_addresses(process.stdout), without_addresses(summary.sub("", stderr)), process.returncode, summaries)


@pytest.fixture
def run_both(tmp_path):
    """`run_both(source, *arguments, options={}, entered=True, stdin="")`: the run with everything compiled, after it was found equal to the one without.

    `entered=False` when the program need not reach compiled code, or ends in a way that skips the summary at exit.
    """

    def run(source, *arguments, options=None, entered=True, stdin=""):
        path = tmp_path / "app.py"
        path.write_text(source, encoding="utf-8")
        command = [sys.executable, str(path), *arguments]
        without = run_process(command, stdin=stdin)
        with_ = run_process(command, {**EVERYTHING, "COACHWHIP_STATS": "1", "COACHWHIP_VERIFY": "1", **(options or {})}, stdin=stdin)
        assert with_ == without
        if entered:
            if not coachwhip.is_enabled() and "not wired" in coachwhip.explain(run):
                pytest.skip("equal, but the engine is not wired yet")
            assert re.search(r"^  (loop )?entries: [1-9]", with_.summary, re.MULTILINE), f"no compiled code was entered\n{with_.summary}"
        return with_

    return run


#: For programs under tools (`tests/python/tools_and_debuggers`): everything at its first call; later, so that the interpreter has specialised the code and
#: compiled code guesses and inlines.
MODES = {
    "first": {},
    "warm": {"COACHWHIP_THRESHOLD": "20", "COACHWHIP_LOOP_THRESHOLD": "30"},
}


@pytest.fixture(params=MODES)
def mode(request):
    """The options of one of the modes."""
    return MODES[request.param]


@pytest.fixture
def command_of(tmp_path):
    """`command_of(source, *options)`: the command that runs a program with options of Python's; the module `probe`, by which it proves what runs compiled, is beside it."""
    programs = Path(__file__).parent / "tools_and_debuggers" / "programs"
    (tmp_path / "probe.py").write_text((programs / "probe.py").read_text(encoding="utf-8"), encoding="utf-8")

    def make(source, *options):
        path = tmp_path / "app.py"
        path.write_text(source, encoding="utf-8")
        return [sys.executable, *options, str(path)]

    return make


@pytest.fixture
def run_program(run_both, command_of):
    """`run_program(source, or the name of one of the programs, *arguments, ...)`: as `run_both`, with `probe` beside the program."""
    programs = Path(__file__).parent / "tools_and_debuggers" / "programs"

    def run(program, *arguments, **keywords):
        source = program if "\n" in program else (programs / f"{program}.py").read_text(encoding="utf-8")
        return run_both(source, *arguments, **keywords)

    return run


@pytest.fixture
def started(command_of):
    """Starts a program with exactly these options of Coachwhip in its environment, and returns when it has written `True`; it is killed at the end of the test."""
    processes = []

    def start(source, options):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
        process = subprocess.Popen(command_of(source), env=variables | options, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "True\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
