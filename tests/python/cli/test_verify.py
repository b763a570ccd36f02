"""``python -m coachwhip verify``: programs that are the same, programs that notice on purpose that they run compiled, and programs that are never the same twice."""

import os
import sys

import pytest

from conftest import run_process

PROGRAM = """
import os, sys

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

print([work(n) for n in range(80)])
coachwhip = sys.modules.get("coachwhip")
compiled = bool(coachwhip and coachwhip.is_enabled() and coachwhip.is_compiled(work))
{ending}
"""


def verify(tmp_path, ending, *more, program=(), stdin="", environment=None):
    (tmp_path / "app.py").write_text(PROGRAM.format(ending=ending), encoding="utf-8")
    command = [sys.executable, "-m", "coachwhip", "verify", *more, *(program or [str(tmp_path / "app.py")])]
    return run_process(command, environment, stdin=stdin, cwd=tmp_path)


def test_the_same(tmp_path):
    run = verify(tmp_path, "print(sys.argv[1:], file=sys.stderr)\nsys.exit(3)", program=["app.py", "--stress", "--", "x"])
    assert (run.code, run.stdout) == (0, "")
    assert run.stderr.startswith("coachwhip: verify: the same: exit code 3, ") and run.stderr.count("\n") == 1
    assert " functions and " in run.stderr and " 0 times" not in run.stderr


@pytest.mark.parametrize("program", [["--", "app.py"], ["-B", "app.py"], ["--", "-X", "utf8", "app.py"], ["-c", "import app"], ["-m", "app", "argument"]], ids=" ".join)
def test_programs_as_python_takes_them(tmp_path, program):
    run = verify(tmp_path, "print(sys.flags, __name__, sys.argv[1:])", program=program)
    assert run.code == 0 and "the same: exit code 0" in run.stderr and "entered" in run.stderr


def test_stdout(tmp_path):
    run = verify(tmp_path, "print('a')\nprint('left', 'wrong' if compiled else 'right')\nprint('b')")
    assert run.code == 1 and run.stdout == ""
    first, second = run.stderr.splitlines()
    assert first == "coachwhip: verify: stdout differs at line 3, column 6: 'left right' without Coachwhip, 'left wrong' with it"
    assert "COACHWHIP_THRESHOLD=1" in second and f"python -m coachwhip bisect --output -- {sys.executable} {tmp_path / 'app.py'}" in second


def test_what_is_suggested_finds_it(tmp_path):
    run = verify(tmp_path, "print('wrong' if compiled else 'right')")
    suggestion = run.stderr.splitlines()[1].partition("to find the function: ")[2].replace("python -m", f"{sys.executable} -m").replace(" bisect", " bisect --report report")
    found = run_process(["/bin/sh", "-c", suggestion], cwd=tmp_path)
    assert found.code == 0, found.stderr
    assert (tmp_path / "report" / "functions").read_text(encoding="utf-8").endswith(":work\n")


def test_stderr_exit_code_and_signal(tmp_path):
    assert "stderr differs at line 1, column 1: '' without Coachwhip, 'oops' with it" in verify(tmp_path, "if compiled: sys.exit('oops')\nsys.exit(1)").stderr
    run = verify(tmp_path, "sys.exit(4 if compiled else 0)")
    assert run.code == 1 and "exit code 0 without Coachwhip, exit code 4 with it; the output is the same" in run.stderr and "bisect -- " in run.stderr
    run = verify(tmp_path, "if compiled: os.kill(os.getpid(), 9)")
    assert run.code == 1 and "signal 9" in run.stderr


def test_output_that_ends_early(tmp_path):
    run = verify(tmp_path, "if not compiled: sys.stdout.write('more')")
    assert run.code == 1 and "stdout differs at line 2, column 1: 'more' without Coachwhip, '' with it" in run.stderr
    run = verify(tmp_path, "sys.stdout.write('more' if compiled else 'more\\n')")
    assert "stdout differs at line 3, column 1: '' without Coachwhip, nothing with it" in run.stderr


def test_never_the_same(tmp_path):
    run = verify(tmp_path, "print(os.getpid())")
    assert run.code == 2 and "two runs without Coachwhip differ from each other" in run.stderr and "bisect" not in run.stderr


def test_addresses_do_not_matter(tmp_path):
    run = verify(tmp_path, "print(object(), hex(id(work)))\nprint({'b', 'a', 'c'})")
    assert run.code == 0, run.stderr


def test_no_end(tmp_path):
    run = verify(tmp_path, "while compiled: pass", "--timeout", "10")
    assert run.code == 1 and "no end with it" in run.stderr


def test_stdin(tmp_path):
    ending = "print(sys.stdin.read())"
    assert verify(tmp_path, ending, stdin="some text").stderr.replace(",", "") != ""
    short, long = (verify(tmp_path, ending, *more, stdin="some text") for more in ([], ["--stdin"]))
    size = [int(run.stderr.partition("exit code 0, ")[2].partition(" bytes")[0].replace(",", "")) for run in (short, long)]
    assert size[1] == size[0] + len("some text")


def test_stress(tmp_path):
    run = verify(tmp_path, "print(work(1000))", "--stress")
    assert run.code == 0 and run.stderr.count("the same: ") == 3
    assert "guards fail on purpose" in run.stderr and "code is thrown away" in run.stderr


def test_nothing_ran_compiled(tmp_path):
    run = verify(tmp_path, "", environment={"COACHWHIP_THRESHOLD": "1000000", "COACHWHIP_LOOP_THRESHOLD": "1000000"})
    assert run.code == 0 and "but nothing ran compiled" in run.stderr


def test_a_file_of_that_name_is_a_program(tmp_path):
    (tmp_path / "verify").write_text("print('the file')", encoding="utf-8")
    command = [sys.executable, "-m", "coachwhip", "verify"]
    assert run_process(command, cwd=tmp_path).stdout == "the file\n"
    assert "the same" in run_process([*command, "--", "-c", "1"], cwd=tmp_path).stderr


def test_wrong_uses(tmp_path):
    command = [sys.executable, "-m", "coachwhip", "verify"]
    assert run_process(command, cwd=tmp_path).code == 2
    run = run_process([*command, "--help"], cwd=tmp_path)
    assert run.code == 0 and "--stress" in run.stdout
    assert "python -m coachwhip verify" in run_process([sys.executable, "-m", "coachwhip", "--help"]).stdout
    run = run_process([*command, os.fspath(tmp_path / "nothing.py")], cwd=tmp_path)
    assert run.code == 0 and "exit code 2" in run.stderr
