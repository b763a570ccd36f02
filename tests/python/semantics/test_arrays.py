"""Arrays of the module `array`: items are read and written unboxed; what does not fit leaves."""

import types
from array import array

import pytest

CODES = "bBhHiIlqdfLQ"
VALUES = [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32769, 65535, 65536, 2**31 - 1, 2**31, -(2**31) - 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63,
          -(2**63), 2**53, 2**53 + 1, 2.5, float("inf"), True, None, "x", 1j]


def read(a, n):
    total = 0
    for i in range(n):
        total += a[i]
    return total, a[0], a[-1]


def write(a, n, value):
    for i in range(n):
        a[i] = value
    a[-1] = value


def swap(a, i, j):
    a[i], a[j] = a[j], a[i]
    a[i] -= a[j]
    return len(a)


def copy_of(function):
    """The same function with inline caches, and a record of refuted guesses, of its own."""
    return types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__)


def until_no_exits(engine, function, call, turns=5000):
    """Calls it until compiled code runs and nothing leaves any more; whether that is so."""
    quiet = 0
    for _ in range(turns):
        before = engine.stats()
        function(*call)
        after = engine.stats()
        quiet = quiet + 1 if after["exits"] == before["exits"] and after["entries"] > before["entries"] else 0
        if quiet == 5:
            return True
    return False


@pytest.mark.parametrize("code", CODES)
def test_reading(same, code):
    items = array(code, range(100))
    same(copy_of(read), [(items, 100), (items, 3), (items, 0), (items, 101), (array(code), 0), (list(range(5)), 5), (bytes(range(9)), 9), (array("d", [1.5]), 1)])


@pytest.mark.parametrize("code", CODES)
def test_writing(same, code):
    calls = [lambda value=value: (array(code, [0, 0, 0]), 3, value) for value in VALUES]
    same(copy_of(write), calls, warm=calls[:1])
    same(copy_of(write), [lambda: (array(code, [0, 0]), 3, 1), lambda: (array(code), 0, 1), lambda: ([0, 0], 2, None), lambda: (bytearray(3), 3, 1)])


@pytest.mark.parametrize("code", CODES)
def test_swapping(same, code):
    calls = [lambda: (array(code, [7, 5, 3]), 0, 2), lambda: (array(code, [7, 5, 3]), -1, 1), lambda: (array(code, [7, 5]), 0, 2)]
    same(copy_of(swap), calls)


@pytest.mark.parametrize("code", "bBhHiIlqd")
def test_settles_without_exits(engine, compiled, code):
    function = copy_of(read)
    items = array(code, range(100))
    assert read(items, 100) == compiled(function, [(items, 100)])(items, 100)
    assert until_no_exits(engine, function, (items, 100)), engine.explain(function)
    before = engine.stats()
    assert function(items, 100) == read(items, 100)
    after = engine.stats()
    assert after["exits"] == before["exits"], engine.explain(function)
    assert after["entries"] > before["entries"]


class Sub(array):
    def __getitem__(self, index):
        return ("sub", index)


def test_subclasses_and_other_objects(same):
    arrays = [array("d", [1.0, 2.0]), Sub("d", [1.0, 2.0])]
    calls = [(a, 0) for a in arrays] + [(memoryview(arrays[0]), 1), ({0: 1}, 0), ("ab", 1), (5, 0), (None, 0)]
    same(copy_of(item), calls, warm=calls[:1])


def item(a, i):
    return a[i | 0]


def shrinks(a):
    total = 0.0
    try:
        for i in range(10):
            total += a[i]
            if i == 4:
                del a[5:]
                a.append(9.0)
    except IndexError as error:
        return total, str(error)
    return total


def test_the_size_changes_in_the_loop(same):
    same(copy_of(shrinks), [lambda: (array("d", range(10)),), lambda: (array("d", range(20)),), lambda: (array("i", range(10)),)])


def grows(a):
    for i in range(300):
        a.append(i)
        a[i] = a[i] + 1
    return a


def test_the_items_move_in_the_loop(same):
    same(copy_of(grows), [lambda: (array("d"),), lambda: (array("l"),)])


def seen_by_others(a):
    view = memoryview(a)
    found = []
    for i in range(3):
        a[i] = a[i] * 2.0
        found.append((view[i], a[i]))
        view[i] = 100.0
        found.append(a[i])
    return found


def test_a_view_sees_what_is_written(same):
    same(copy_of(seen_by_others), [lambda: (array("d", [1.0, 2.0, 3.0]),)])


def test_nan_and_negative_zero_keep_their_bits(same):
    nan = array("d", bytes.fromhex("010000000000f47f"))[0]

    def move(a, b):
        for i in range(len(a)):
            b[i] = a[i]
        return b.tobytes().hex()

    same(move, [lambda: (array("d", bytes.fromhex("010000000000f47f0000000000000080")), array("d", [0.0, nan]))])
