"""COACHWHIP_PERF=1: names of compiled functions for `perf report`."""

import os
import re
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
import coachwhip

def inner(x):
    return x * 3 + 1

def work(n):
    total = 0
    for i in range(n):
        total += inner(i) & 7
    return total

for _ in range(TURNS): work(1000)
if FORK:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
print(os.getpid(), flush=True)
"""


def run(tmp_path, turns, fork, command=()):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.replace("TURNS", str(turns)).replace("FORK", str(fork)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    environment |= {"COACHWHIP_PERF": "1", "COACHWHIP_THRESHOLD": "50", "COACHWHIP_LOOP_THRESHOLD": "50", "COACHWHIP_BACKGROUND": "0"}
    process = subprocess.run(
        [*command, sys.executable, "-c", f"import coachwhip, runpy; coachwhip.enable(); runpy.run_path({str(path)!r}, run_name='__main__')"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert process.returncode == 0, process.stderr
    return path, [int(line) for line in process.stdout.split()]


def test_the_map_names_functions_and_loops(tmp_path):
    path, processes = run(tmp_path, 100, True)
    assert len(processes) == 2
    for process in processes:
        name = f"/tmp/perf-{process}.map"
        with open(name, encoding="utf-8") as file:
            lines = file.read().splitlines()
        os.remove(name)
        assert all(re.fullmatch(r"[0-9a-f]+ [0-9a-f]+ py::[^:]+:.+:\d+(:loop@\d+)?", line) for line in lines)
        names = {line.split(" ", 2)[2] for line in lines}
        assert {f"py::inner:{path}:5", f"py::work:{path}:8"} <= names
        assert any(name.startswith(f"py::work:{path}:8:loop@") for name in names)


def test_perf_finds_the_names(tmp_path):
    if not shutil.which("perf"):
        pytest.skip("there is no perf here")
    try:
        path, (process,) = run(tmp_path, 20000, False, ("perf", "record", "-o", "perf.data"))
    except AssertionError as error:
        pytest.skip(f"perf does not work here: {error}")
    report = subprocess.run(["perf", "report", "-i", "perf.data", "--sort", "symbol"], capture_output=True, text=True, cwd=tmp_path, timeout=120).stdout
    os.remove(f"/tmp/perf-{process}.map")
    assert f"py::work:{path}:8" in report
