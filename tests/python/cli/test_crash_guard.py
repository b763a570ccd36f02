"""A crash while compiled code runs keeps Coachwhip out of the next start of the same program, once."""

import os
import signal
import sys

from conftest import run_process

PROGRAM = """
import ctypes, sys, {more}

def work(n):
    total = 0
    for i in range(n):
        total += i
    if total == 45 and len(sys.argv) > 1:
        {crash}
    return total

for i in range(11):
    work(i)
print("end", "coachwhip" in sys.modules and sys.modules["coachwhip"].stats()["entries"] > 0)
"""

SETTINGS = {"COACHWHIP": "1", "COACHWHIP_BACKGROUND": "0", "COACHWHIP_WARM_UP": "0", "COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "4"}


def runner(tmp_path, crash="ctypes._string_at(0, -1)", more="faulthandler", **options):
    path = tmp_path / "app.py"
    path.write_text(PROGRAM.format(crash=crash, more=more), encoding="utf-8")

    def run(*arguments, command=(str(path),)):
        return run_process([sys.executable, *command, *arguments], {**SETTINGS, "XDG_CACHE_HOME": str(tmp_path / "cache"), **options})

    return run


def notes(tmp_path):
    folder = tmp_path / "cache" / "coachwhip"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_next_start_stays_without_once(tmp_path):
    run = runner(tmp_path)
    assert run("crash").code == -signal.SIGSEGV
    assert len(notes(tmp_path)) == 1
    next_one = run()
    assert next_one.stdout == "end False\n" and next_one.code == 0
    assert next_one.stderr.startswith("coachwhip: off: for this run only, because the last run of this program crashed while compiled code ran (signal 11 in work, ")
    assert next_one.stderr.count("\n") == 1
    assert notes(tmp_path) == []
    assert run() == run() and run().stdout == "end True\n" and run().stderr == ""


def test_other_programs_do_not_mind(tmp_path):
    run = runner(tmp_path)
    run("crash")
    (tmp_path / "other.py").write_text((tmp_path / "app.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert run(command=(str(tmp_path / "other.py"),)).stdout == "end True\n"
    assert run(command=("-c", "print(1)")).stderr == ""
    assert len(notes(tmp_path)) == 1


def test_faulthandler_has_its_say(tmp_path):
    run = runner(tmp_path, crash="faulthandler.enable(); ctypes._string_at(0, -1)")
    crashed = run("crash")
    assert crashed.code == -signal.SIGSEGV and "Fatal Python error: Segmentation fault" in crashed.stderr and ", line 9 in work" in crashed.stderr
    assert len(notes(tmp_path)) == 1


def test_aborts_count_and_signals_of_others_do_not(tmp_path):
    run = runner(tmp_path, crash="os.abort()", more="os")
    assert run("crash").code == -signal.SIGABRT
    assert "signal 06" in run().stderr
    run = runner(tmp_path, crash="subprocess.run(['kill', '-SEGV', str(os.getpid())]); time.sleep(9)", more="os, subprocess, time")
    assert run("crash").code == -signal.SIGSEGV
    assert notes(tmp_path) == [] and run().stderr == ""


def test_a_crash_in_the_interpreter_is_not_ours(tmp_path):
    run = runner(tmp_path, COACHWHIP_THRESHOLD="1000", COACHWHIP_LOOP_THRESHOLD="1000")
    assert run("crash").code == -signal.SIGSEGV
    assert notes(tmp_path) == []


def test_it_can_be_switched_off(tmp_path):
    run = runner(tmp_path, COACHWHIP_CRASH_GUARD="0")
    assert run("crash").code == -signal.SIGSEGV
    assert notes(tmp_path) == [] and run().stdout == "end True\n"


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path):
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    run = runner(tmp_path)
    assert run("crash").code == -signal.SIGSEGV
    assert run().stdout == "end True\n" and os.path.isfile(tmp_path / "cache")
