"""Runs CPython's own test modules without Coachwhip and with everything compiled at its first call, and compares the outcome of each single test.

Usage: python tools/test_cpython.py [options] [test_int test_str ...]     (make test-cpython TESTS="test_int test_str")

The interpreter's own `test` package is used. With means COACHWHIP=1 COACHWHIP_THRESHOLD=1 COACHWHIP_LOOP_THRESHOLD=1 COACHWHIP_BACKGROUND=0, unless those
variables are set otherwise in the environment. Results without are kept in .cache/test_cpython and used again; logs of every run lie there too.
Exit code 1 if any outcome differs.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
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

COMPILED = {"COACHWHIP": "1", "COACHWHIP_THRESHOLD": "1", "COACHWHIP_LOOP_THRESHOLD": "1", "COACHWHIP_BACKGROUND": "0"}


def cache_folder():
    """A folder for this very interpreter."""
    identity = hashlib.sha256(f"{sys.version} {os.path.realpath(sys.executable)}".encode()).hexdigest()[:12]
    folder = os.path.join(ROOT, ".cache", "test_cpython", f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}-{identity}")
    os.makedirs(folder, exist_ok=True)
    return folder


def environment(compiled):
    """The environment of one mode."""
    result = {name: value for name, value in os.environ.items() if compiled or not name.startswith("COACHWHIP")}
    if compiled:
        for name, value in COMPILED.items():
            result.setdefault(name, value)
    # The order of sets must not make the difference.
    result["PYTHONHASHSEED"] = "0"
    return result


def outcomes(file):
    """The outcome of each test in a JUnit report: name -> passed, failed, error, skipped."""
    result = {}
    for case in xml.etree.ElementTree.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = next((kind for kind in ("error", "failure", "skipped") if kind in kinds), "passed")
        name = case.get("name")
        if name in result:
            # A name that occurs several times (doctests, generated classes): all its outcomes, in their order.
            outcome = f"{result[name]}, {outcome}"
        result[name] = outcome
    return result


def run(module, compiled, timeout, folder):
    """Run one module: {"seconds", "end", "tests"}."""
    stem = os.path.join(folder, f"{module}.{'with' if compiled else 'without'}")
    report = f"{stem}.xml"
    if os.path.exists(report):
        os.unlink(report)
    command = [sys.executable, "-m", "test", "-v", "--junit-xml", report, module]
    start = time.monotonic()
    with open(f"{stem}.log", "wb") as log:
        process = subprocess.Popen(
            command, env=environment(compiled), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout)
            end = "ended" if code >= 0 else f"killed by signal {-code}"
        except subprocess.TimeoutExpired:
            # Its own session: the tests' children go with it.
            os.killpg(process.pid, 9)
            process.wait()
            end = f"no end after {timeout} s"
    tests = {}
    if os.path.exists(report):
        try:
            tests = outcomes(report)
        except xml.etree.ElementTree.ParseError as error:
            end += f", report not readable: {error}"
    elif end == "ended":
        end = f"no report, exit code {code}"
    return {"seconds": time.monotonic() - start, "end": end, "tests": tests, "log": f"{stem}.log"}


def baseline(module, timeout, folder, fresh):
    """The results without, from the cache if there."""
    path = os.path.join(folder, f"{module}.without.json")
    if not fresh and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    result = run(module, False, timeout, folder)
    if result["end"] == "ended":
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file)
    return result


def last_lines(path, count=12):
    """The end of a log."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip() for line in file.readlines()[-count:]]


def compare(without, with_):
    """The differences as lines."""
    lines = []
    if with_["end"] != without["end"]:
        lines.append(f"{with_['end']} (without: {without['end']})")
        lines += (f"    {line}" for line in last_lines(with_["log"]))
        if not with_["tests"]:
            return lines
    for name in sorted(without["tests"].keys() | with_["tests"].keys()):
        before, after = without["tests"].get(name, "not run"), with_["tests"].get(name, "not run")
        if before != after:
            lines.append(f"{name}: {after} (without: {before})")
    return lines


def check(module, arguments, folder):
    """Both runs of a module and the differences between them."""
    without = baseline(module, arguments.timeout, folder, arguments.fresh)
    if arguments.baseline:
        return module, without, without, []
    with_ = run(module, True, arguments.timeout, folder)
    return module, without, with_, compare(without, with_)


def main():
    parser = argparse.ArgumentParser(description="Compares CPython's own tests without and with Coachwhip.")
    parser.add_argument("modules", nargs="*", metavar="module", help="test modules (default: the project's list)")
    parser.add_argument("--workers", type=int, default=2, help="modules at a time (default: 2)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one module in one mode (default: 900)")
    parser.add_argument("--fresh", action="store_true", help="run the tests without Coachwhip again, too")
    parser.add_argument("--baseline", action="store_true", help="run only the tests without Coachwhip")
    arguments = parser.parse_args()
    folder = cache_folder()
    modules = arguments.modules or MODULES
    different, tests = [], 0
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        futures = [pool.submit(check, module, arguments, folder) for module in modules]
        for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
            module, without, with_, lines = future.result()
            tests += len(without["tests"])
            verdict = f"{len(lines)} differences" if lines else "same"
            if not lines and without["end"] != "ended":
                verdict = f"same, but it did not end well: {without['end']}"
            print(f"[{number}/{len(modules)}] {module}: {len(without['tests'])} tests, {without['seconds']:.1f} s without, {with_['seconds']:.1f} s with: {verdict}", flush=True)
            for line in lines[:40]:
                print(f"    {line}", flush=True)
            if len(lines) > 40:
                print(f"    and {len(lines) - 40} more; the log is {with_['log']}")
            if lines:
                different.append(module)
    print(f"{len(modules)} modules, {tests} tests, {time.monotonic() - start:.0f} s: {len(modules) - len(different)} same, {len(different)} different")
    if different:
        print("different: " + " ".join(sorted(different)))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
