"""pdb, driven by its standard input: the same session without and with Coachwhip."""

import pytest

from conftest import EVERYTHING, run_process

PROGRAM = """
import sys
import probe

def scaled(x, factor):
    return x * factor

class Shape:
    def __init__(self, size):
        self.size = size

    def area(self, stop):
        result = self.size * self.size
        if stop:
            breakpoint()
        return result

def hot(n, at):
    total = 0
    weight = 0.5
    for i in range(n):
        shape = Shape(i)
        total += shape.area(i == at)
        weight *= 1.001
        total += scaled(i, 2)
    return total, round(weight, 9)

def direct(n, at):
    count = 0
    for i in range(n):
        count += 1
        if i == at:
            breakpoint()
        count += scaled(i, 3)
    return count

print(probe.runs_compiled(hot, 60, -1), probe.runs_compiled(direct, 60, -1))
before = probe.seconds(hot, 4000, -1), probe.seconds(direct, 4000, -1)
for function in (hot, direct):
    for turn in range(2):
        print(function(60, 45))
    print(probe.runs_compiled(function, 60, -1))
print(probe.is_as_fast(before[0], hot, 4000, -1), probe.is_as_fast(before[1], direct, 4000, -1))
"""

#: What is typed at each of the four stops, and what must be seen.
SESSIONS = {
    "step": ["step", "step", "next", "next", "next", "where", "continue"],
    "up": ["where", "up", "p total, weight, i", "!total = 100000", "!weight = 8.0", "down", "args", "up", "p total", "continue"],
    "change": ["!result = 5", "!count = 7", "p locals().get('result'), locals().get('count')", "next", "next", "p locals()", "continue"],
    "return": ["return", "next", "up", "p sorted(k for k in locals() if not k.startswith('__'))[:3]", "continue"],
    "until": ["up", "until", "next", "until", "continue"],
    "break": ["tbreak scaled", "continue", "args", "!x = 1000", "continue"],
    "break with a condition": ["tbreak scaled, x == 50", "continue", "args", "continue"],
    "jump": ["next", "next", "list .", "jump 27", "next", "continue"],
    "display": ["display total", "next", "next", "undisplay total", "continue"],
    "interact": ["pp list(locals())", "whatis i", "source scaled", "continue"],
}


@pytest.mark.parametrize("session", SESSIONS)
def test_session(run_program, session, mode):
    run = run_program(PROGRAM, stdin="\n".join(SESSIONS[session] * 4) + "\n", options=mode)
    assert run.code == 0, run
    assert run.stdout.count("True") >= 6 and "False" not in run.stdout, run
    assert run.stdout.count("(Pdb)") > 2 * len(SESSIONS[session])


def test_post_mortem(run_program, mode):
    source = """
import pdb, sys
import probe

def divide(a, b):
    share = a / b
    return share

def hot(n, bad):
    total = 0.0
    for i in range(n):
        total += divide(i, i - bad)
    return total

print(probe.runs_compiled(hot, 60, -1))
try:
    hot(60, 40)
except ZeroDivisionError:
    pdb.post_mortem()
print(probe.runs_compiled(hot, 60, -1))
"""
    run = run_program(source, stdin="where\nargs\nup\np total, i, bad\nquit\n", options=mode)
    assert run.stdout.count("True") == 2, run


def test_run_under_pdb(command_of, tmp_path):
    """`python -m pdb app.py` without breakpoints: the program runs compiled as soon as it continues."""
    source = """
import probe

def hot(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

print(probe.runs_compiled(hot, 60))
"""
    command = command_of(source, "-m", "pdb")
    without = run_process(command, stdin="continue\nquit\n", cwd=tmp_path)
    with_ = run_process(command, EVERYTHING, stdin="continue\nquit\n", cwd=tmp_path)
    assert with_ == without
    assert "True" in with_.stdout, with_
