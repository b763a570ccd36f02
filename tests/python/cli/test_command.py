"""`python -m coachwhip` and `COACHWHIP=1 python`: everything that a program sees of its start and its end is as `python` gives it."""

import os
import re
import signal
import subprocess
import sys
import time
import textwrap
import zipfile

import pytest

from conftest import NOT_WIRED, run_process

#: Prints what a program can see of how it was started. COACHWHIP in the environment is the one thing that may differ.
LOOK = """
import os, sys
print(sys.argv, sys.path[0], sys.flags, sys.orig_argv[1:], sys.executable, sys.warnoptions, sys._xoptions.keys())
main = sys.modules["__main__"]
print(sorted(vars(main)), type(main), main.__name__)
for name in ("__file__", "__cached__", "__spec__", "__package__", "__doc__", "__annotations__", "__builtins__"):
    print(name, vars(main).get(name, "missing"))
print(type(main.__loader__).__name__ if not isinstance(main.__loader__, type) else main.__loader__.__name__)
print(sys.stdin.read())
print(sorted(name for name in os.environ if not name.startswith("COACHWHIP")))
depth = 0
frame = sys._getframe()
while frame:
    print(frame.f_code.co_name, frame.f_code.co_filename)
    frame = frame.f_back
"""

FAIL = """
import sys
def inner(x):
    return 1 / x + len(sys.argv)
def outer(x):
    try:
        return inner(x)
    except ZeroDivisionError as error:
        raise ValueError("outer") from error
outer(0)
"""


def same_three(arguments, options=(), **keywords):
    """Run `python arguments`, `python -m coachwhip arguments` and `COACHWHIP=1 python arguments`, which must be the same; returns the first."""
    plain = run_process([sys.executable, *options, *arguments], **keywords)
    by_command = run_process([sys.executable, *options, "-m", "coachwhip", *arguments], **keywords)
    assert by_command == plain
    environment = {**keywords.pop("environment", {}), "COACHWHIP": "1"}
    by_variable = run_process([sys.executable, *options, *arguments], environment, **keywords)
    assert by_variable == plain
    return plain


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


def test_script(tmp_path):
    app = write(tmp_path, "app.py", LOOK)
    run = same_three([app, "one", "--two", "-c", "-m"], stdin="some text")
    assert run.code == 0 and run.stdout.startswith(f"['{app}', 'one', '--two', '-c', '-m'] {tmp_path} ")


def test_script_by_relative_path(tmp_path):
    write(tmp_path, "folder/app.py", LOOK)
    same_three([os.path.join("folder", "app.py")], cwd=tmp_path)


@pytest.mark.parametrize("options", [["-O"], ["-I"], ["-E", "-s"], ["-W", "error", "-X", "utf8"], ["-Bq"], ["-P"], ["-X", "dev"], ["-u", "-bb"]], ids=" ".join)
def test_interpreter_options(tmp_path, options):
    same_three([write(tmp_path, "app.py", LOOK), "argument"], options)


@pytest.mark.parametrize("command", [["-mcoachwhip"], ["-Bm", "coachwhip"], ["-OBmcoachwhip"], ["-O", "-m", "coachwhip", "-B"]], ids=" ".join)
def test_ways_to_write_the_command(tmp_path, command):
    app = write(tmp_path, "app.py", "import sys; print(sys.argv, sys.flags)")
    letters = [f"-{letter}" for letter in "BO" if any(letter in word for word in command)]
    assert run_process([sys.executable, *command, app, "x"]) == run_process([sys.executable, *letters, app, "x"])


def test_module(tmp_path):
    write(tmp_path, "tool.py", LOOK)
    same_three(["-m", "tool", "x"], cwd=tmp_path)


def test_package(tmp_path):
    write(tmp_path, "package/__init__.py", "print('package')")
    write(tmp_path, "package/__main__.py", LOOK)
    same_three(["-m", "package", "-h", "--help"], cwd=tmp_path)


def test_missing_module(tmp_path):
    assert same_three(["-m", "no_such_module"], cwd=tmp_path).code == 1


def test_module_of_the_library(tmp_path):
    assert same_three(["-m", "json.tool", "--indent", "1"], stdin='{"a": [1, 2]}').stdout == '{\n "a": [\n  1,\n  2\n ]\n}\n'


def test_code():
    same_three(["-c", LOOK, "one", "-m"], stdin="text")


def test_program_on_stdin():
    same_three(["-", "x"], stdin="import sys\nprint(sys.argv)\n1/0\n")


def test_folder_and_archive(tmp_path):
    write(tmp_path, "app/__main__.py", LOOK)
    same_three([str(tmp_path / "app"), "x"])
    archive = tmp_path / "app.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", LOOK)
    same_three([str(archive), "x"])


def test_missing_file_and_syntax_error(tmp_path):
    assert same_three([str(tmp_path / "no.py")]).code == 2
    run = same_three([write(tmp_path, "bad.py", "x = = 1\n")])
    assert run.code == 1 and "SyntaxError" in run.stderr


@pytest.mark.parametrize("way", ["script", "module", "code"])
def test_uncaught_exception(tmp_path, way):
    app = write(tmp_path, "app.py", FAIL)
    run = same_three({"script": [app], "module": ["-m", "app"], "code": ["-c", FAIL]}[way], cwd=tmp_path)
    assert run.code == 1 and "~~^~~" in run.stderr.replace("<string>", "~~^~~") and "direct cause" in run.stderr


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("sys.exit()", 0),
        ("sys.exit(0)", 0),
        ("sys.exit(3)", 3),
        ("sys.exit(True)", 1),
        ("sys.exit(-1)", 255),
        ("sys.exit(2**40)", 0),
        ("sys.exit('a message')", 1),
        ("sys.exit((1, 2))", 1),
        ("raise SystemExit(None)", 0),
        ("raise SystemExit(1, 2)", 1),
        ("os._exit(9)", 9),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("raise GeneratorExit", 1),
        ("os.kill(os.getpid(), 15)", -15),
        ("atexit.register(print, 'bye'); 1 / 0", 1),
        ("sys.excepthook = lambda *a: print(a[0], 'hooked'); 1 / 0", 1),
    ],
)
def test_exit_codes(tmp_path, statement, code):
    run = same_three([write(tmp_path, "app.py", f"import atexit, os, sys\nprint('started', flush=True)\n{statement}\n")])
    assert run.code == code and run.stdout.startswith("started")


def test_interrupt_from_outside(tmp_path):
    app = write(tmp_path, "app.py", "import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ends = []
    for command in ([], ["-m", "coachwhip"]):
        with subprocess.Popen([sys.executable, *command, app], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(1)  # until it sleeps: the traceback must be of that line
            process.send_signal(signal.SIGINT)
            stderr = process.communicate(timeout=60)[1]
            ends.append((process.returncode, stderr.replace(NOT_WIRED, "")))
    assert ends[0] == ends[1] and "KeyboardInterrupt" in ends[0][1]


def test_children_run_with_it_too(tmp_path):
    app = write(tmp_path, "app.py", "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'import os; print(os.environ[\"COACHWHIP\"])']))")
    assert run_process([sys.executable, "-m", "coachwhip", app]).stdout == "b'1\\n'\n"


def test_help_lists_every_option():
    import coachwhip

    run = run_process([sys.executable, "-m", "coachwhip", "--help"])
    assert run.code == 0 and run.stderr == ""
    rows = coachwhip.describe_options()
    assert len(rows) > 10
    for row in rows:
        assert re.search(rf"\b{row['variable']}\b", run.stdout)
        assert row["doc"].split()[0] in run.stdout
    assert run_process([sys.executable, "-m", "coachwhip", "-h"]) == run


def test_nothing_to_run():
    run = run_process([sys.executable, "-m", "coachwhip"])
    assert run.code == 2 and run.stderr.startswith("usage: python -m coachwhip") and run.stdout == ""
    run = run_process([sys.executable, "-m", "coachwhip", "--stats"])
    assert run.code == 2 and run.stderr == "coachwhip: no program given\n"


def test_version():
    assert run_process([sys.executable, "-m", "coachwhip", "--version"]).stdout.startswith("Coachwhip 0.")


def test_options_as_arguments(tmp_path):
    app = write(tmp_path, "app.py", "import os, sys; print(sys.argv[1:], sorted(i for i in os.environ.items() if i[0].startswith('COACHWHIP')))")
    run = run_process([sys.executable, "-m", "coachwhip", "--threshold=7", "--log-compiled=0", "--verify", app, "--threshold=8"])
    assert run.stdout == "['--threshold=8'] [('COACHWHIP', '1'), ('COACHWHIP_LOG_COMPILED', '0'), ('COACHWHIP_THRESHOLD', '7'), ('COACHWHIP_VERIFY', '1')]\n"
    run = run_process([sys.executable, "-m", "coachwhip", "--threshold", app])
    assert run.code == 2 and run.stderr == "coachwhip: --threshold needs a value: --threshold=NUMBER\n"


def test_zero_wins(tmp_path):
    app = write(tmp_path, "app.py", "import coachwhip, os; print(coachwhip.enable(), coachwhip.is_enabled(), os.environ['COACHWHIP'])")
    run = run_process([sys.executable, "-m", "coachwhip", app], {"COACHWHIP": "0"})
    assert (run.stdout, run.stderr, run.code) == ("False False 0\n", "", 0)
