"""Options: a mistake in the environment costs one line and never the program; a mistake in Python code is an exception; COACHWHIP=0 always wins."""

import os
import shutil
import sys

import pytest

import coachwhip
from conftest import run_process

HELLO = [sys.executable, "-c", "print('hello')"]


def run_hello(**variables):
    run = run_process(HELLO, variables)
    assert (run.stdout, run.code) == ("hello\n", 0)
    return run.stderr


def test_nothing_is_imported_without_the_variable():
    code = [sys.executable, "-c", "import sys; print('coachwhip' in sys.modules)"]
    assert run_process(code).stdout == "False\n"
    assert run_process(code, {"COACHWHIP": "0"}).stdout == "False\n"
    assert run_process(code, {"COACHWHIP": ""}).stdout == "False\n"
    assert run_process(code, {"COACHWHIP": "1"}).stdout == "True\n"


def test_a_wrong_value_costs_one_line():
    assert run_hello(COACHWHIP="1", COACHWHIP_THRESHOLD="many") == "coachwhip: COACHWHIP_THRESHOLD=many is not a whole number; using 1000\n"
    assert run_hello(COACHWHIP="1", COACHWHIP_BACKGROUND="no") == "coachwhip: COACHWHIP_BACKGROUND=no is not 0 or 1; using 1\n"
    assert run_hello(COACHWHIP="yes") == "coachwhip: COACHWHIP=yes is not 0 or 1; using 0\n"
    assert run_hello(COACHWHIP="1", COACHWHIP_THRESHOLD="") == ""


def test_a_misspelt_variable_is_pointed_out():
    assert run_hello(COACHWHIP="1", COACHWHIP_TRESHOLD="1") == "coachwhip: COACHWHIP_TRESHOLD is no option; did you mean COACHWHIP_THRESHOLD?\n"
    assert run_hello(COACHWHIP="1", COACHWHIP_NONSENSE_OF_MINE="1").startswith("coachwhip: COACHWHIP_NONSENSE_OF_MINE is no option; ")


def test_the_environment_is_read_once():
    code = "import coachwhip\nfor i in range(3): coachwhip.enable()"
    assert run_process([sys.executable, "-c", code], {"COACHWHIP_SEED": "x"}).stderr == "coachwhip: COACHWHIP_SEED=x is not a whole number; using 1\n"


def test_no_line_while_it_is_off():
    assert run_hello(COACHWHIP="0", COACHWHIP_THRESHOLD="many") == ""
    assert run_hello(COACHWHIP_THRESHOLD="many") == ""


def test_no_stderr():
    run = run_process([sys.executable, "-c", "import sys; sys.stderr = None; import coachwhip; coachwhip.enable(); print('hello')"], {"COACHWHIP_SEED": "x"})
    assert (run.stdout, run.code) == ("hello\n", 0)


def test_keywords():
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'treshold'\. Did you mean 'threshold'\?"):
        coachwhip.enable(treshold=1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'enabled'"):
        coachwhip.enable(enabled=False)
    with pytest.raises(ValueError, match="threshold=-1 is not a whole number"):
        coachwhip.enable(threshold=-1)
    with pytest.raises(ValueError, match="background=2 is not 0 or 1"):
        coachwhip.enable(background=2)


def test_stubs_name_every_option():
    with open(os.path.join(os.path.dirname(coachwhip.__file__), "_coachwhip.pyi"), encoding="utf-8") as file:
        stub = file.read()
    types = {"flag": "bool", "number": "int", "text": "str"}
    for row in coachwhip.describe_options():
        assert row["name"] == "enabled" or f"    {row['name']}: {types[row['kind']]} = ...,\n" in stub


def test_everything_public_is_documented():
    for name in coachwhip.__all__:
        assert getattr(coachwhip, name).__doc__, name


def test_an_interpreter_without_the_module(tmp_path):
    package = tmp_path / "coachwhip"
    shutil.copytree(os.path.dirname(coachwhip.__file__), package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    code = "import coachwhip as c\nfor i in range(2): print(c.enable(), c.is_enabled(), c.compile(len) is len, c.stats())\nwith c.pause(): pass"
    run = run_process([sys.executable, "-c", code], {"PYTHONPATH": str(tmp_path)})
    assert (run.stdout, run.code) == ("False False True {}\n" * 2, 0)
    assert run.stderr.count("\n") == 1 and run.stderr.startswith("coachwhip: off: this Python cannot load the extension module (")
    assert [name for name in coachwhip.__all__ if not hasattr(__import__("coachwhip._absent")._absent, name)] == []


@pytest.mark.parametrize("culprit", ["raise RuntimeError('broken')", "raise SystemExit(7)", "raise KeyboardInterrupt"])
def test_a_crash_at_start_never_breaks_the_program(tmp_path, culprit):
    package = tmp_path / "coachwhip"
    package.mkdir()
    shutil.copy(os.path.join(os.path.dirname(coachwhip.__file__), "_startup.py"), package)
    (package / "__init__.py").write_text(f"def enable():\n    {culprit}\n")
    run = run_process(HELLO, {"COACHWHIP": "1", "PYTHONPATH": str(tmp_path)})
    assert (run.stdout, run.code) == ("hello\n", 0) and run.stderr.startswith("coachwhip: not started: ")


def test_what_is_no_function():
    for function in (coachwhip.compile, coachwhip.never, coachwhip.is_compiled, coachwhip.explain, coachwhip.dump):
        with pytest.raises(TypeError, match=r"takes a Python function, not <built-in function len>"):
            function(len)


def test_what_wraps_a_function():
    import functools

    class Class:
        def method(self):
            return 1

        @staticmethod
        def static():
            return 2

        @property
        def value(self):
            return 3

    cached = functools.lru_cache(Class.method)
    for given in (Class.method, Class().method, Class.__dict__["static"], Class.static, Class.value, cached, functools.partial(Class.method), Class.method.__code__):
        assert coachwhip.never(given) is given
        assert coachwhip.is_compiled(given) is False


def test_pause_nests_and_survives_misuse():
    pause = coachwhip.pause()
    with pause, pause, coachwhip.pause():
        pass
    assert pause.__exit__(None, None, None) is False
    with pytest.raises(ZeroDivisionError), coachwhip.pause():
        1 / 0


def test_stats_has_every_counter():
    stats = coachwhip.stats()
    assert {"entries", "exits", "compiled_functions", "code_bytes"} <= stats.keys()


def test_summary_at_exit():
    run = run_process([sys.executable, "-c", "import atexit; atexit.register(print, 'mine')"], {"COACHWHIP": "1", "COACHWHIP_STATS": "1"})
    if not coachwhip.enable(threshold=10**9, loop_threshold=10**9):
        pytest.skip("the engine is not wired yet")
    assert run.summary.startswith("coachwhip: summary\n") and run.stdout == "mine\n"
