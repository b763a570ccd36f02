"""What the compiler finds out about what goes around loops, and subscripts of user classes: right guesses leave nowhere, wrong ones do what the interpreter does."""

import types
from array import array


def copy_of(function):
    """The same function with inline caches, and a record of refuted guesses, of its own."""
    return types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__)


class Rows:
    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return self.rows[index[1]][index[0]]
        return self.rows[index]

    def __repr__(self):
        return f"Rows({self.rows})"


class Columns:
    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, index):
        if isinstance(index, int):
            return self.rows[0]
        return len(index)

    def __repr__(self):
        return f"Columns({self.rows})"


class Odd(int):
    pass


def nested(table, n):
    total = 0
    for i in range(n):
        for j in range(n):
            for k in range(2):
                total += table[i][j] * k
                total -= table[j][i]
    return total


def rows():
    return Rows([array("d", [1.0, 2.0, 3.0]) for _ in range(3)])


def test_subscripts_of_two_classes(same):
    calls = [lambda: (rows(), 3), lambda: (Rows([[1, 2], [3, 4]]), 2), lambda: (Columns([[5, 6], [7, 8]]), 2), lambda: (rows(), 4), lambda: ([[1, 2], [3, 4]], 2),
             lambda: (Rows([array("i", [1, 2]), [3.5, 4]]), 2), lambda: (5, 1)]
    same(copy_of(nested), calls)
    same(copy_of(nested), calls, warm=calls[2:3])


def test_settles_without_exits(engine, compiled):
    function, table = copy_of(nested), rows()
    expected = nested(table, 3)
    assert compiled(function, [(table, 3), (Columns([[5, 6, 7]]), 3)])(table, 3) == expected
    for _ in range(5000):
        before = engine.stats()
        assert function(table, 3) == expected
        after = engine.stats()
        if after["exits"] == before["exits"] and after["entries"] > before["entries"]:
            break
    else:
        raise AssertionError(engine.explain(function))


def changes_class(n):
    x = 0
    seen = []
    for i in range(n):
        seen.append((x, isinstance(x, int), isinstance(x, float), isinstance(x, tuple), isinstance(x, bool)))
        if i == 3:
            x = 0.5
        elif i == 5:
            x = (x, i)
        elif i == 7:
            x = True
        elif i == 9:
            x = Odd(4)
        elif i == 11:
            x = 2**70
        elif i == 13:
            x = None
        elif i < 13:
            x = x + 1 if not isinstance(x, tuple) else x
    return seen


def test_a_local_changes_its_class_in_the_loop(same):
    same(copy_of(changes_class), [(20,), (4,), (6,), (12,)], warm=[(3,)])
    same(copy_of(changes_class), [(20,), (3,)])


def swaps(a, b, n):
    out = []
    for i in range(n):
        for j in range(2):
            a, b = b, a
            out.append((a, b, isinstance(a, str)))
        a, b, i = i, a, b
    return out, a, b


def test_locals_swap_their_classes(same):
    same(copy_of(swaps), [(1, "x", 5), (1.5, None, 4), ("s", [1], 3)], warm=[(1, 2, 2)])


def deleted(n):
    value = 1
    for i in range(n):
        if i == 2:
            del value
        if i == 4:
            value = "again"
        try:
            value = value
        except UnboundLocalError as error:
            print(error)
            continue
        last = value
    return last


def test_a_local_is_unbound_for_some_turns(same):
    same(copy_of(deleted), [(7,), (1,), (3,)], warm=[(1,)])


def while_loop(x, n):
    while n:
        y = x
        while y:
            y = y - 1 if isinstance(y, int) else None
            if y == 3:
                y = 3.0 if n == 2 else False
        x = y if y is not None else n
        n -= 1
    return x, y


def test_while_loops(same):
    same(copy_of(while_loop), [(5, 4), (2, 1), (5.5, 2), (True, 3), (2**65, 1)][:4], warm=[(2, 1)])


def instances(x):
    return [isinstance(x | 1, kind) for kind in (int,)], isinstance(x | 1, bool), isinstance((x, 1), list), isinstance([x], (list, tuple)), isinstance(1.5, object)


def test_isinstance_of_known_classes(same):
    same(copy_of(instances), [(1,), (2,)], exits=0)
    same(copy_of(instances), [(1,), (True,)])
