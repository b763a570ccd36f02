"""Runs CPython's own test modules without Coachwhip and with everything compiled, and compares the outcome of each single test.

Usage: python tools/test_cpython.py [options] [test_int test_str ...]     (make test-cpython TESTS="test_int test_str")

The interpreter's own `test` package is used. With means one of the modes below; a COACHWHIP_ variable that is set in the environment wins over the mode's.
A module with differences is run again, without and with: a test counts as different only if no outcome of one side occurs on the other, else it is noted as unsteady.
Those that differ by design (docs/differences.md) do not count. tools/conformance.py runs the whole suite with what is here.
Results are kept in .cache/test_cpython: those without for the interpreter, those with for the very build of the module and the variables. So a run that was
broken off goes on where it was, and --fresh begins anew. Logs of all runs lie there too. Exit code 1 if any outcome differs.
"""

import argparse
import concurrent.futures
import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MODULES = """
    test_int test_long test_float test_complex test_bool test_str test_bytes test_list test_tuple test_dict
    test_set test_range test_slice test_enumerate test_iter test_class test_descr test_property test_super test_dataclasses test_enum test_functools test_operator
    test_exceptions test_exception_group test_except_star test_raise test_with test_contextlib test_traceback test_scope test_call test_extcall test_keywordonlyarg
    test_positional_only_arg test_unpack test_unpack_ex test_augassign test_compare test_richcmp test_opcodes test_patma test_fstring test_string test_listcomps
    test_generators test_itertools test_collections test_heapq test_bisect test_copy test_pickle test_json test_re test_decimal test_fractions test_statistics
    test_math test_random test_struct test_weakref test_gc test_sys test_inspect test_frame test_threading test_thread test_signal test_sys_settrace
    test_sys_setprofile test_monitoring test_bdb test_pdb test_unittest test_doctest test_ast test_compile test_dis test_code test_funcattrs test_decorators
    test_global test_builtin
""".split()

MODES = {
    # Every function at its first call, every loop at its first turn.
    "first-call": {"COACHWHIP_THRESHOLD": "1", "COACHWHIP_LOOP_THRESHOLD": "1"},
    # A little later, when the interpreter has begun to specialise; and one guard in seven fails on purpose.
    "exits": {"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3", "COACHWHIP_STRESS_EXITS": "7"},
    # As a user runs it: hot code is compiled on a thread.
    "normal": {"COACHWHIP_BACKGROUND": "1"},
    # Guards fail more seldom, so that compiled code comes further, and code is thrown away while it runs.
    "stress": {
        "COACHWHIP_THRESHOLD": "2",
        "COACHWHIP_LOOP_THRESHOLD": "3",
        "COACHWHIP_STRESS_EXITS": "31",
        "COACHWHIP_STRESS_DISCARD": "3000",
        "COACHWHIP_SEED": "1",
    },
}
# Tests whose outcome differs by design; docs/differences.md says why. All of these look for specialised instructions in code that runs compiled here.
SPECIALISED = {
    "test_dis.DisTests": "test_loop_quicken",
    "test_dis.DisWithFileTests": "test_loop_quicken",
    "test_opcache.TestCallCache": "test_assign_init_code",
    "test_opcache.TestRacesDoNotCrash": """
        test_binary_subscr_getitem test_binary_subscr_list_int test_for_iter_gen test_for_iter_list test_load_attr_class
        test_load_attr_getattribute_overridden test_load_attr_instance_value test_load_attr_method_lazy_dict test_load_attr_method_no_dict
        test_load_attr_method_with_values test_load_attr_module test_load_attr_property test_load_attr_with_hint test_load_global_module
        test_store_attr_instance_value test_store_attr_with_hint test_store_subscr_list_int test_unpack_sequence_list
    """,
    "test_type_cache.TypeCacheWithSpecializationTests": """
        test_class_call_specialization_user_type test_class_load_attr_specialization_static_type test_class_load_attr_specialization_user_type
        test_property_load_attr_specialization_user_type test_store_attr_specialization_user_type test_to_bool_specialization_user_type
    """,
}
BY_DESIGN = {f"test.{group}.{name}" for group, names in SPECIALISED.items() for name in names.split()} | {
    # `_interpreters.call` refuses functions whose code has been instrumented.
    "test.test_interpreters.test_api.LowLevelTests.test_call",
    "test.test_interpreters.test_api.TestInterpreterCall.test_call",
    "test.test_interpreters.test_api.TestInterpreterCall.test_call_in_thread",
    # `-X perf` evaluates frames itself, so Coachwhip stays off, and says so on stderr, where these expect nothing.
    "test.test_perf_profiler.TestPerfTrampoline.test_trampoline_works",
    "test.test_perf_profiler.TestPerfTrampoline.test_trampoline_works_after_fork_with_many_code_objects",
    "test.test_perf_profiler.TestPerfTrampoline.test_trampoline_works_with_forks",
}
ALWAYS = {"COACHWHIP": "1", "COACHWHIP_BACKGROUND": "0", "COACHWHIP_CRASH_GUARD": "0"}


def by_design(names):
    """Those that differ by design; subtests go with their test."""
    return {name for name in names if name.partition(" ")[0] in BY_DESIGN}


def digest(text):
    """A short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def interpreter_folder():
    """A folder for this very interpreter."""
    name = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}-{digest(f'{sys.version} {os.path.realpath(sys.executable)}')}"
    return os.path.join(ROOT, ".cache", "test_cpython", name)


def build_identity():
    """What tells this build of Coachwhip from others: its compiled module and its Python files."""
    package = importlib.util.find_spec("coachwhip")
    if package is None:
        sys.exit("test_cpython: this Python has no coachwhip; `make build` installs it into .venv")
    folder = package.submodule_search_locations[0]
    result = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        if name.endswith((".so", ".py")):
            with open(os.path.join(folder, name), "rb") as file:
                result.update(file.read())
    return result.hexdigest()[:12]


def variables_of(mode):
    """What a mode sets."""
    return ALWAYS | MODES[mode]


def environment(mode):
    """The environment of one mode; None is without Coachwhip."""
    result = {name: value for name, value in os.environ.items() if mode or not name.startswith("COACHWHIP")}
    if mode:
        for name, value in variables_of(mode).items():
            result.setdefault(name, value)
    # The order of sets must not make the difference.
    result["PYTHONHASHSEED"] = "0"
    return result


def check_works(mode):
    """Stops if Coachwhip is not really on in the processes of the tests: then all would be the same, and nothing shown."""
    program = (
        "import sys, time; c = sys.modules.get('coachwhip'); f = lambda: 1; end = time.monotonic() + 20\n"
        "while c is not None and not c.stats()['compiled_functions'] and time.monotonic() < end: [f() for _ in range(1000)]\n"
        "print(c is not None and c.stats()['compiled_functions'] > 0)"
    )
    answer = subprocess.run([sys.executable, "-c", program], env=environment(mode), capture_output=True, text=True)
    if answer.stdout.strip() != "True":
        sys.exit(f"test_cpython: nothing is compiled in mode {mode}: {answer.stdout}{answer.stderr}")


ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")


def outcomes(file):
    """The outcome of each test in a JUnit report: name -> passed, failure, error, skipped."""
    result = {}
    for case in xml.etree.ElementTree.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = next((kind for kind in ("error", "failure", "skipped") if kind in kinds), "passed")
        # The parameters of a subtest may have an object in them.
        name = ADDRESS.sub("0x...", case.get("name", ""))
        if name and case.get("classname"):
            # pytest's reports; regrtest's have it all in the name.
            name = f"{case.get('classname')}.{name}"
        if not name:
            # regrtest writes one for a test with subtests that failed; the test itself is not among the others then.
            continue
        if name in result:
            # A name that occurs several times (doctests, generated classes): all its outcomes, in their order.
            outcome = f"{result[name]}, {outcome}"
        result[name] = outcome
    return result


# A line of the tests' own report, `name (module.Class.name) ... ok`; the first line of a docstring may stand in between.
LOGGED = re.compile(r"^(\w+) \(([\w.]+\.\1)(?: \[[^\n]*\])?\)(?:\n[^\n]*?)? \.\.\. (ok|FAIL|ERROR|skipped)\b", re.MULTILINE)
# Exit codes of regrtest for a module that was skipped: then it writes no report.
NO_TESTS = (0, 4)
LOGGED_AS = {"ok": "passed", "FAIL": "failure", "ERROR": "error", "skipped": "skipped"}


def logged_outcomes(file):
    """The outcomes that a log tells of, where a process did not live to write its report."""
    with open(file, encoding="utf-8", errors="replace") as log:
        return {name: LOGGED_AS[word] for _, name, word in LOGGED.findall(log.read())}


NO_REASON = "no test"


def why_none(file, module=r"\S+"):
    """Why no test of a module ran, as its log tells; `module` is a pattern."""
    with open(file, encoding="utf-8", errors="replace") as log:
        found = re.search(rf"^{module} (skipped|run no tests|failed)\b(?: -- )?(.*)$", log.read(), re.MULTILINE)
    return f"{found[1]} {found[2]}".strip() if found else NO_REASON


def stop(process):
    """Ends a process that takes too long: first it shows where it is (regrtest registers the signal with faulthandler)."""
    try:
        process.send_signal(signal.SIGUSR1)
        process.wait(2)
    except subprocess.TimeoutExpired:
        pass
    # Its own session: the tests' children go with it, also when this tool is interrupted.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run(modules, mode, timeout, folder, arguments=()):
    """Run a module, or several separated by spaces in one process, with more arguments for regrtest: {"seconds", "end", "tests", "log", "when"}, and "note" if no test ran."""
    os.makedirs(folder, exist_ok=True)
    stem = os.path.join(folder, name_of_run(modules))
    report = f"{stem}.xml"
    if os.path.exists(report):
        os.unlink(report)
    command = [sys.executable, "-m", "test", "-v", *arguments, "--junit-xml", report, *modules.split()]
    start = time.monotonic()
    with open(f"{stem}.log", "wb") as log:
        process = subprocess.Popen(
            command, env=environment(mode), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout)
            end = "ended" if code >= 0 else f"killed by signal {-code}"
        except subprocess.TimeoutExpired:
            end = f"no end after {timeout:.0f} s"
        finally:
            stop(process)
    result = {"seconds": time.monotonic() - start, "end": end, "tests": {}, "log": f"{stem}.log", "when": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())}
    if os.path.exists(report):
        try:
            result["tests"] = outcomes(report)
        except xml.etree.ElementTree.ParseError as error:
            result["end"] += f", report not readable: {error}"
    elif end == "ended" and code not in NO_TESTS:
        result["end"] = f"no report, exit code {code}"
    if result["end"] != "ended":
        result["tests"] = result["tests"] or logged_outcomes(result["log"])
    elif not result["tests"]:
        result["note"] = why_none(result["log"])
    return result


def name_of_run(modules):
    """The name of a run's files."""
    first, *others = modules.split()
    return f"{first}+{len(others)}-{digest(modules)}" if others else first


def kept(modules, mode, timeout, folder, fresh, arguments=()):
    """The result of a run, from an earlier one if there is one that ended well, else run now."""
    path = os.path.join(folder, f"{name_of_run(modules)}.json")
    if not fresh and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        # The log beside it is of that run, or of a later one.
        return result | {"again": False}
    result = run(modules, mode, timeout, folder, arguments)
    if result["end"] == "ended":
        # First another name: whoever interrupts this leaves no half of a file.
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(result, file)
        os.replace(f"{path}.new", path)
    return result | {"again": True}


def last_lines(path, count=12):
    """The end of a log."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip() for line in file.readlines()[-count:]]


def outcome_of(result, name):
    """The outcome of a test; None if its process ended before."""
    return result["tests"].get(name, "not run" if result["end"] == "ended" else None)


NO_END = "no end"


def end_of(result):
    """How a process ended, whatever its time limit was."""
    return NO_END if result["end"].startswith(NO_END) else result["end"]


def differences(without, with_):
    """The names of tests whose outcomes differ, "" for the end of the module itself; `without` and `with_` are lists of results of which any may agree."""
    names = {name for result in without + with_ for name in result["tests"]}
    different = set()
    for name in names:
        before, after = {outcome_of(result, name) for result in without}, {outcome_of(result, name) for result in with_}
        # What a process did not come to says nothing; its end does.
        if before - {None} and after - {None} and not (before & after) - {None}:
            different.add(name)
    before, after = ({end_of(result) for result in results} for results in (without, with_))
    # What is too slow without may be too slow with, or quick enough.
    if not before & after and not (NO_END in before and after <= {"ended"}):
        different.add("")
    return different


def lines_of(names, without, with_):
    """The differences as lines."""
    lines = []
    for name in sorted(names):
        if not name:
            lines.append(f"{with_['end']} (without: {without['end']})")
            lines += (f"    {line}" for line in last_lines(with_["log"]))
            if not with_["tests"]:
                break
            continue
        before, after = without["tests"].get(name, "not run"), with_["tests"].get(name, "not run")
        lines.append(f"{name}: {after} (without: {before})")
    return lines


def compare(module, mode, folders, options, limit, arguments=()):
    """Runs a module on both sides, and again while tests differ that should not: an unsteady test or a busy machine are no difference.

    `folders` keep the results, `options` has `timeout`, `fresh` and `again`, `limit(result without)` is the time limit with Coachwhip, `arguments` are regrtest's.
    Returns the results without, those with, the names that differed at first, and those that differ in all runs."""
    all_without = [kept(module, None, options.timeout, folders[0], options.fresh, arguments)]
    all_with = [kept(module, mode, limit(all_without[0]), folders[1], options.fresh, arguments)]
    first = names = differences(all_without, all_with)
    for _ in range(options.again):
        if not names - by_design(names):
            break
        all_without.append(run(module, None, options.timeout, os.path.join(folders[0], "again"), arguments))
        all_with.append(run(module, mode, limit(all_without[0]), os.path.join(folders[1], "again"), arguments))
        names = differences(all_without, all_with)
    return all_without, all_with, first, names


def check(module, arguments, folders):
    """Both runs of a module: the lines to print for it, and whether it differs."""
    if arguments.baseline:
        without = kept(module, None, arguments.timeout, folders[0], arguments.fresh)
        return f"{len(without['tests'])} tests, {without['seconds']:.1f} s: {without['end']}", [], len(without["tests"]), False
    all_without, all_with, first, names = compare(module, arguments.mode, folders, arguments, lambda without: arguments.timeout)
    without, with_ = all_without[0], all_with[0]
    designed = by_design(names)
    names, first = names - designed, first - designed
    verdict = f"{len(names)} different" if names else "same"
    if designed:
        verdict += f" but for {len(designed)} by design"
    if not names and without["end"] != "ended":
        verdict = f"same, but it did not end well: {without['end']}"
    if not with_["again"]:
        verdict += f" (run at {with_['when']})"
    lines = lines_of(names, all_without[-1], all_with[-1])
    lines += (f"unsteady, not counted: {line}" for line in lines_of(first - names, without, with_))
    return f"{len(without['tests'])} tests, {without['seconds']:.1f} s without, {with_['seconds']:.1f} s with: {verdict}", lines, len(without["tests"]), bool(names)


def main():
    parser = argparse.ArgumentParser(description="Compares CPython's own tests without and with Coachwhip.")
    parser.add_argument("modules", nargs="*", metavar="module", help="test modules (default: the project's list)")
    parser.add_argument("--mode", choices=MODES, default="first-call", help="when is compiled, and what fails on purpose (default: first-call)")
    parser.add_argument("--workers", type=int, default=1, help="modules at a time (default: 1; tests that measure time like no company)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one module in one mode (default: 900)")
    parser.add_argument("--again", type=int, default=1, help="how often a module with differences is run again (default: 1)")
    parser.add_argument("--fresh", action="store_true", help="use no kept result")
    parser.add_argument("--baseline", action="store_true", help="run only the tests without Coachwhip")
    arguments = parser.parse_args()
    folder = interpreter_folder()
    build, folders = "", (os.path.join(folder, "without"), "")
    if not arguments.baseline:
        check_works(arguments.mode)
        build = build_identity()
        variables = " ".join(f"{name}={value}" for name, value in sorted(environment(arguments.mode).items()) if name.startswith("COACHWHIP"))
        folders = folders[0], os.path.join(folder, f"{arguments.mode}-{digest(f'{build} {variables}')}")
        print(f"{sys.version.split()[0]}, build {build}, {variables}; logs in {os.path.relpath(folders[1])}", flush=True)
    modules = arguments.modules or MODULES
    different, total, start = [], 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        futures = {pool.submit(check, module, arguments, folders): module for module in modules}
        try:
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                head, lines, tests, differs = future.result()
                total += tests
                print(f"[{number}/{len(modules)}] {futures[future]}: {head}", flush=True)
                for line in lines[:40]:
                    print(f"    {line}", flush=True)
                if len(lines) > 40:
                    print(f"    and {len(lines) - 40} more", flush=True)
                if differs:
                    different.append(futures[future])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(f"{len(modules)} modules, {total} tests, {time.monotonic() - start:.0f} s: {len(modules) - len(different)} same, {len(different)} different")
    if different:
        print("different: " + " ".join(sorted(different)))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
