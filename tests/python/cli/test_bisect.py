"""``python -m coachwhip bisect``: programs that notice on purpose that a function is compiled, and go wrong then."""

import sys

from conftest import run_process

PROGRAM = """
import sys

def innocent(n):
    return n + 1

def culprit(n):
    total = 0
    for i in range(n):
        total += i
    return total

def accomplice(n):
    return [i * 2 for i in range(n)]

for i in range(60):
    innocent(i)
    culprit(i)
    accomplice(i)

coachwhip = sys.modules.get("coachwhip")
compiled = coachwhip.is_compiled if coachwhip and coachwhip.is_enabled() else lambda function: False
{ending}
"""

OPTIONS = {"COACHWHIP_THRESHOLD": "5", "COACHWHIP_LOOP_THRESHOLD": "20"}


def bisect(tmp_path, ending, *more):
    (tmp_path / "app.py").write_text(PROGRAM.format(ending=ending), encoding="utf-8")
    report = tmp_path / "report"
    command = [sys.executable, "-m", "coachwhip", "bisect", "--report", str(report), *more, "--", sys.executable, str(tmp_path / "app.py")]
    run = run_process(command, OPTIONS)
    return run, (report / "report.md").read_text(encoding="utf-8") if report.exists() else "", report


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_one_function(tmp_path):
    run, text, report = bisect(tmp_path, "sys.exit(3 if compiled(culprit) else 0)")
    assert run.code == 0, run.stderr
    found = lines(report / "functions")
    assert len(found) == 1 and found[0].endswith(":culprit")
    assert "Without Coachwhip: exit code 0. With it: exit code 3." in text
    assert "with all optional passes left out" in text
    stages = (report / "compilations.txt").read_text(encoding="utf-8")
    assert "culprit" in stages and "; ---- IR after unbox " in stages and "innocent" not in stages
    assert f"COACHWHIP_ALLOW={'functions'}" in text


def test_two_functions_together_and_the_output(tmp_path):
    run, text, report = bisect(tmp_path, "print('wrong' if compiled(culprit) and compiled(accomplice) else 'right')", "--output")
    assert run.code == 0, run.stderr
    assert sorted(place.rpartition(":")[2] for place in lines(report / "functions")) == ["accomplice", "culprit"]
    assert "other output" in text


def test_the_pass_and_the_change(tmp_path):
    run, text, report = bisect(tmp_path, "sys.exit(3 if compiled(culprit) and 'unbox_int' not in coachwhip.dump(culprit, 'ir') else 0)")
    assert run.code == 0, run.stderr
    assert [place.rpartition(":")[2] for place in lines(report / "functions")] == ["culprit"]
    assert "It works without the pass: " in text and "unbox" in text.partition("It works without the pass: ")[2].partition("\n")[0]
    assert "It breaks from `COACHWHIP_FUEL=" in text


def test_a_crash(tmp_path):
    run, text, _ = bisect(tmp_path, "import os, signal\nif compiled(innocent): os.kill(os.getpid(), signal.SIGKILL)")
    assert run.code == 0 and "With it: signal 9." in text


def test_nothing_wrong(tmp_path):
    run, text, _ = bisect(tmp_path, "print(compiled(culprit))")
    assert run.code == 1 and text == "" and "nothing goes wrong" in run.stderr


def test_no_such_command(tmp_path):
    run = run_process([sys.executable, "-m", "coachwhip", "bisect", "--", str(tmp_path / "nothing")])
    assert run.code != 0 and "No such file" in run.stderr and "Traceback" not in run.stderr
