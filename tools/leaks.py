"""Looks for leaks in compiled code: programs and functions run thousands of times in one process, and nothing may grow.

    python -m tools.leaks functions [--turns 10000] [--stress 0]     # tests/python/runtime/leaks/functions.py, each function by itself
    python -m tools.leaks programs [--turns 1000] [--stress 0]       # tests/python/runtime/programs: their code again and again in one namespace
    python -m tools.leaks fuzz [--turns 200] [--programs 20] [--seed 1] [--stress 0]    # programs of the fuzzer, each turn compiled from its text
    python -m tools.leaks tests [--turns 20] [PATH ...]              # tests that call compiled functions in this process (regrtest's -R does the same)

Compared are the interpreter's blocks of memory, the objects that the collector knows, the references to objects that all programs share (built-in functions, modules,
the program's constants; a release build of CPython has no total), the bytes of machine code, and the resident memory of the process. They may rise while things get
hot; from a third of the turns on they may not.
"""

import argparse
import builtins
import contextlib
import gc
import io
import os
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTIONS = os.path.join(ROOT, "tests", "python", "runtime", "leaks", "functions.py")
PROGRAMS = os.path.join(ROOT, "tests", "python", "runtime", "programs")
#: Measurements after the warm-up.
POINTS = 4
#: What may come and go, caches above all: blocks and objects in all, and one for each 500 turns.
SLACK = 120
#: Resident memory that may come and go, in bytes.
RESIDENT_SLACK = 3 << 20
NAMES = ("blocks", "objects", "references", "code", "resident")


def constants(code, found):
    """The constants of code and of the code in it."""
    for value in code.co_consts:
        found.append(value)
        if isinstance(value, types.CodeType):
            constants(value, found)
    return found


def shared_objects(code=()):
    """Objects whose references are counted."""
    found = [value for value in vars(builtins).values() if isinstance(value, types.BuiltinFunctionType)]
    found += [module for module in sys.modules.values() if isinstance(module, types.ModuleType)]
    for one in code:
        constants(one, found)
    return found


def resident():
    """The process's memory in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Measures, and tells what grows."""

    def __init__(self, turns, shared):
        self.turns = turns
        self.shared = shared
        self.rows = []
        first = max(1, turns // 3)
        self.points = {first + (turns - first) * index // (POINTS - 1) for index in range(POINTS)}
        # What measuring itself needs for the first time is no leak.
        for _ in range(2):
            self.measure()
        self.rows.clear()

    def after(self, turn):
        """To be called after each turn; the first is number 1."""
        if turn in self.points:
            self.measure()

    def measure(self):
        """One row."""
        import coachwhip

        # A loop's turn: what goes out of use in a collection is freed at the next check.
        for _ in range(3):
            gc.collect()
        references = sum(map(sys.getrefcount, self.shared))
        self.rows.append((sys.getallocatedblocks(), len(gc.get_objects()), references, coachwhip.stats()["code_bytes"], resident()))

    def growing(self):
        """What has grown from each measurement to the next by more than its part of what is allowed. Caches that fill up grow less and less."""
        found = []
        for name, values in zip(NAMES, zip(*self.rows)):
            slack = RESIDENT_SLACK if name == "resident" else 20_000 if name == "code" else SLACK + self.turns // 500
            if min(late - early for early, late in zip(values, values[1:])) > slack / (POINTS - 1):
                found.append(f"{name} {' '.join(map(str, values))}")
        return found


def repeat(run, turns, shared=()):
    """Run something many times; what grows. A cache that fills up does not fill up again: what grows must do so in three times the turns, too."""
    for count in (turns, 3 * turns):
        meter = Meter(count, list(shared))
        for turn in range(1, count + 1):
            run(turn)
            meter.after(turn)
        growing = meter.growing()
        if not growing:
            break
    return growing


def engine(options):
    """Coachwhip with everything compiled; what exists already stays interpreted."""
    import coachwhip

    if not coachwhip.enable(threshold=2, loop_threshold=3, warm_up=0, background=False, **options):
        sys.exit("Coachwhip stays off")
    for module in (sys.modules[__name__], contextlib, gc):
        for value in list(vars(module).values()):
            if isinstance(value, types.FunctionType):
                coachwhip.never(value)
    for value in vars(Meter).values():
        if isinstance(value, types.FunctionType):
            coachwhip.never(value)
    return coachwhip


def report(name, growing):
    """One line for what leaks; how many."""
    if growing:
        print(f"{name}: {'; '.join(growing)}", flush=True)
    return bool(growing)


def functions(arguments):
    """Each function of the collection by itself."""
    coachwhip = engine({"stress_exits": arguments.stress})
    space = {"__name__": "functions"}
    with open(FUNCTIONS, encoding="utf-8") as file:
        exec(compile(file.read(), FUNCTIONS, "exec"), space)
    leaks = 0
    for case in space["CASES"]:
        if arguments.only and case.__name__ not in arguments.only:
            continue
        shared = shared_objects([case.__code__]) + [space["SENTINEL"], space["Thing"], *space["NAMES"]]
        leaks += report(case.__name__, repeat(case, arguments.turns, shared))
    compiled = sum(coachwhip.is_compiled(case) for case in space["CASES"])
    print(f"{len(space['CASES'])} functions, {compiled} compiled, {coachwhip.stats()['exits']} exits, {leaks} leak")
    return leaks


def programs(arguments):
    """The code of each program again and again in one namespace."""
    coachwhip = engine({"stress_exits": arguments.stress})
    leaks = 0
    for name in sorted(os.listdir(PROGRAMS)):
        path = os.path.join(PROGRAMS, name)
        if arguments.only and name.removesuffix(".py") not in arguments.only or not name.endswith(".py"):
            continue
        with open(path, encoding="utf-8") as file:
            code = compile(file.read(), path, "exec")
        space = {"__name__": "__main__"}
        limit = sys.getrecursionlimit()

        def run(turn):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                try:
                    exec(code, space)
                except Exception as error:
                    error.__traceback__ = None
                except SystemExit:
                    pass
                finally:
                    sys.settrace(None)
                    sys.setprofile(None)
                    sys.setrecursionlimit(limit)

        leaks += report(name, repeat(coachwhip.never(run), arguments.turns, shared_objects([code])))
    print(f"programs: {coachwhip.stats()['entries']} entries, {coachwhip.stats()['exits']} exits, {leaks} leak")
    return leaks


def fuzz(arguments):
    """Programs of the fuzzer, each turn compiled from its text: their code dies with them."""
    from tools.fuzz import worker
    from tools.fuzz.generator import generate

    worker.warnings.simplefilter("ignore")
    options = {"threshold": 2, "loop_threshold": 3, "warm_up": 0, "background": False, "stress_exits": arguments.stress}
    coachwhip = worker.switch_on(options)
    for function in (repeat, Meter.measure, Meter.after, Meter.growing, shared_objects, constants, resident):
        coachwhip.never(function)
    runner = worker.Runner(20, 0)
    leaks = 0
    for seed in range(arguments.seed * 10**8, arguments.seed * 10**8 + arguments.programs):
        source = generate(seed)
        leaks += report(str(seed), repeat(coachwhip.never(lambda turn: runner.run(source)), arguments.turns, shared_objects()))
    print(f"fuzz: {arguments.programs} programs, {coachwhip.stats()['compiled_functions']} compiled functions, {coachwhip.stats()['exits']} exits, {leaks} leak")
    return leaks


class Again:
    """A pytest plugin that runs each test function many times."""

    def __init__(self, turns):
        self.turns = turns
        self.tests = 0
        self.leaks = []

    def pytest_pyfunc_call(self, pyfuncitem):
        """Tests that start processes are left out: what happens there is not seen here."""
        import pytest

        if {"run_both", "fuzz"} & set(pyfuncitem.fixturenames):
            pytest.skip("starts processes")
        names = pyfuncitem._fixtureinfo.argnames
        given = {name: pyfuncitem.funcargs[name] for name in names}
        growing = repeat(lambda turn: pyfuncitem.obj(**given), self.turns, shared_objects())
        self.tests += 1
        if growing:
            self.leaks.append(f"{pyfuncitem.nodeid}: {'; '.join(growing)}")
        return True


def tests(arguments):
    """The tests that call compiled functions in this process."""
    import pytest

    global SLACK, RESIDENT_SLACK
    SLACK, RESIDENT_SLACK = arguments.turns // 2, 32 << 20
    again = Again(arguments.turns)
    paths = arguments.only or [os.path.join(ROOT, "tests", "python", "semantics")]
    pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "-r", "f", *paths], plugins=[again])
    print(*again.leaks, sep="\n")
    print(f"{again.tests} tests, {len(again.leaks)} leak")
    return len(again.leaks)


def main():
    """Run what is asked for; exit code 1 if something grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("functions", "programs", "fuzz", "tests"))
    parser.add_argument("only", nargs="*", help="these functions, programs or paths of tests")
    parser.add_argument("--turns", type=int)
    parser.add_argument("--stress", type=int, default=0, help="guards fail on purpose, about one in so many")
    parser.add_argument("--programs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.turns = arguments.turns or {"functions": 10_000, "programs": 1000, "fuzz": 200, "tests": 20}[arguments.what]
    leaks = {"functions": functions, "programs": programs, "fuzz": fuzz, "tests": tests}[arguments.what](arguments)
    sys.stdout.flush()
    os._exit(1 if leaks else 0)


if __name__ == "__main__":
    main()
