"""The fixtures themselves: they find what they are there to find."""

import pytest

from conftest import describe, interpreted_twin, observe, run_process


def add(a, b=1, *, c=2):
    return a + b + c


def test_a_twin_does_the_same():
    twin = interpreted_twin(add)
    assert twin(1) == add(1) == 4 and twin.__code__ is not add.__code__
    assert observe(twin, ("x",)) == observe(add, ("x",))
    assert "TypeError" in observe(add, ("x",))["outcome"] and "conftest" not in observe(add, ("x",))["outcome"]


def test_descriptions_tell_values_apart():
    assert describe(1) != describe(True) != describe(1.0)
    assert describe(0.0) != describe(-0.0)
    assert describe([1]) != describe([True])
    assert describe(object()) == describe(object())


def test_lost_references_are_seen():
    kept = []
    assert observe(kept.append, (object(),))["references of the arguments"] == [1]
    assert observe(len, ([],))["references of the arguments"] == [0]


def test_compiled_equals_interpreted(same):
    same(add, [(1, 2), (1.5, 2), ("x", "y"), (None, 1), (1 << 80, 1)], warm=[(1, 2)])


def test_different_programs_are_told_apart(run_both):
    run_both("def f():\n    return [i for i in range(3)]\nprint(f())")
    with pytest.raises(AssertionError):
        run_both("import os\nprint('COACHWHIP' in os.environ)", entered=False)


def test_exit_codes_are_told_apart():
    assert run_process(["sh", "-c", "exit 1"]) != run_process(["sh", "-c", "exit 2"])
