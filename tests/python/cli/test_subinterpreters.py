"""Subinterpreters run without Coachwhip, and without a word about it."""

PROGRAM = """
import _interpreters
def work(n):
    return sum(range(n))
for turn in range(20):
    work(turn)
for turn in range(2):
    number = _interpreters.create()
    print(_interpreters.run_string(number, "def f(n):\\n    return n + 1\\nprint([f(n) for n in range(5)])"))
    _interpreters.destroy(number)
print(work(100))
"""


def test_silent(run_both):
    run = run_both(PROGRAM)
    assert run.stderr == "" and run.stdout.count("[1, 2, 3, 4, 5]") == 2
