"""Arithmetic of a float with what is now an int, now a float: one form for both, without an exit; everything else does what the interpreter does."""

import types


def copy_of(function):
    """The same function with inline caches, and a record of refuted guesses, of its own."""
    return types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__)


def dot(a, b):
    total = 0
    for x in a:
        for y in b:
            total += (x * 0.5) * y
            total -= y - x * 0.25
            total = y / 2.0 + total
    return total


def invert(x):
    total = 0
    for y in x:
        total += 1.0 / y
    return total


class Odd(int):
    def __rmul__(self, other):
        return 42.0


FLOATS = [1.5, -0.0, 3.25]
OTHERS = [[1, -2, 0], [2**29, 2**30 - 1, -(2**30) + 1], [2**30, -(2**30)], [2**53 + 1], [2**70], [True, False], [Odd(3)], [None], ["x"], [1j], [10**400], [float("nan")], []]


def test_mixed_operands(same):
    calls = [(FLOATS, FLOATS), (FLOATS, [1, 2])] + [(FLOATS, other) for other in OTHERS] + [(other, FLOATS) for other in OTHERS]
    same(copy_of(dot), calls)
    same(copy_of(dot), calls, warm=[(FLOATS, FLOATS)])
    same(copy_of(dot), calls, warm=[(FLOATS, [1, 2])])


def test_division_by_zero(same):
    same(copy_of(invert), [([1.0, 2],), ([1, 0],), ([0.0],), ([-0.0, 1],), ([True, 0.5],)], warm=[([1.0, 2],)])


def test_settles_without_exits(engine, compiled):
    function = copy_of(dot)
    ints, floats = [1, 2, 3], [0.5, 1.5]
    compiled(function, [(floats, floats)])
    calls = [(floats, floats), (floats, ints), (ints, floats), (ints, ints)]
    for _ in range(5000):
        before = engine.stats()
        assert [function(*call) for call in calls] == [dot(*call) for call in calls]
        after = engine.stats()
        if after["exits"] == before["exits"] and after["entries"] > before["entries"]:
            break
    else:
        raise AssertionError(engine.explain(function))
