"""The aids for finding the function, the pass and the change that break a program: they must not change what it does, and must do what they say."""

import re
import sys

from conftest import EVERYTHING, run_process

PROGRAM = """
def even(n):
    return n % 2 == 0

def odd_sum(numbers):
    total = 0
    for number in numbers:
        if not even(number):
            total += number
    return total

for i in range(20):
    print(odd_sum(range(i)))
"""

LINE = re.compile(r"^coachwhip: compiling (.*)$", re.MULTILINE)


def run(tmp_path, **options):
    path = tmp_path / "app.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return run_process([sys.executable, str(path)], {**EVERYTHING, "COACHWHIP_LOG_COMPILED": "1", **options})


def own(process):
    """The functions of the program that were compiled."""
    return {place.rpartition(":")[2] for place in LINE.findall(process.stderr) if "app.py" in place}


def test_list_of_functions(tmp_path):
    everything = run(tmp_path)
    assert own(everything) == {"even", "odd_sum", "<module>"}
    for prefix in ("", "coachwhip: compiling "):
        chosen = [place for place in LINE.findall(everything.stderr) if place.endswith(":even")]
        allowed = tmp_path / "allowed"
        allowed.write_text("".join(f"{prefix}{place}\n" for place in chosen), encoding="utf-8")
        some = run(tmp_path, COACHWHIP_ALLOW=str(allowed))
        assert own(some) == {"even"}
        assert LINE.findall(some.stderr) == chosen[: len(LINE.findall(some.stderr))]
        assert some.stdout == everything.stdout


def test_filter(tmp_path):
    some = run(tmp_path, COACHWHIP_FILTER="odd_*")
    assert own(some) == {"odd_sum"}
    assert some.stdout == run(tmp_path).stdout


def changes(process, stage):
    return process.stderr.count(f"; ---- IR after {stage} ")


def test_passes_and_fuel(tmp_path):
    plain = run(tmp_path)
    none = run(tmp_path, COACHWHIP_DISABLE_PASSES="all", COACHWHIP_DUMP="ir:all", COACHWHIP_FILTER="odd_sum")
    assert changes(none, "references") and not changes(none, "simplify")
    without = run(tmp_path, COACHWHIP_DISABLE_PASSES="unbox", COACHWHIP_DUMP="ir:all", COACHWHIP_FILTER="odd_sum")
    assert changes(without, "simplify") and not changes(without, "unbox")
    outputs = {none.stdout, without.stdout, plain.stdout}
    for fuel in (1, 2, 5, 10, 100):
        outputs.add(run(tmp_path, COACHWHIP_FUEL=str(fuel), COACHWHIP_VERIFY="1").stdout)
    assert len(outputs) == 1
