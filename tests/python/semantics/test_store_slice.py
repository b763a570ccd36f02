"""Slices of lists that are assigned lists of the same and of other lengths."""

import types

import pytest


def store(a, i, j, b):
    a[i:j] = b
    return a, len(a)


class Noisy:
    def __init__(self, name, log, seen):
        self.name, self.log, self.seen = name, log, seen

    def __del__(self):
        self.log.append((self.name, [getattr(item, "name", item) for item in self.seen]))

    def __repr__(self):
        return f"Noisy({self.name})"


class Index:
    def __index__(self):
        return 1


BOUNDS = [None, 0, 1, 2, 5, -1, -3, 100, -100, 2**70, True, Index(), "x"]


@pytest.mark.parametrize("size", [0, 1, 3, 9, 32, 33, 40])
def test_bounds_and_lengths(same, size):
    function = types.FunctionType(store.__code__.replace(), globals(), "store")
    calls = [lambda i=i, j=j, count=count: (list(range(size)), i, j, list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[:count]))
             for i in BOUNDS for j in (None, 0, 3, -1, 100) for count in {0, 1, 2, size, 36}]
    same(function, calls, warm=calls[:3], repeat=1)


def test_other_values(same):
    function = types.FunctionType(store.__code__.replace(), globals(), "store")
    shared = [1, 2, 3]
    calls = [lambda value=value: ([7, 8, 9], 0, 2, value) for value in [(1, 2), "ab", iter((3, 4)), {5: 6}, None, 4, range(2)][:2] + [None, 4, range(2), {5: 6}]]
    same(function, calls + [lambda: (shared[:], 1, 2, shared)])
    same(function, [lambda: (lambda a: (a, 0, 3, a))([1, 2, 3]), lambda: (lambda a: (a, 1, 2, a))([1, 2, 3])])


def test_old_items_end_in_the_list_s_order(compiled):
    def run(function):
        log, items = [], []
        items.extend(Noisy(f"old{i}", log, items) for i in range(4))
        function(items, 1, 3, [1, 2])
        return log

    function = types.FunctionType(store.__code__.replace(), globals(), "store")
    expected = run(store)
    assert len(expected) == 2
    compiled(function, [lambda: ([1, 2, 3], 0, 2, [4, 5])])
    assert run(function) == expected
