"""Small functions that each go through a corner of reference counting; `tools/leaks.py` calls each many times and looks whether anything is left."""

import contextlib
import functools
import sys
import weakref


class Thing:
    """Counted; with and without slots, with a property, with operators that raise."""

    kind = "thing"

    def __init__(self, number=0, other=None):
        self.number = number
        self.other = other

    def add(self, number):
        return Thing(self.number + number, self)

    def give(self, *rest, key=None, **more):
        return rest, key, more

    @property
    def twice(self):
        return Thing(self.number * 2)

    def __add__(self, other):
        if self.number % 7 == 6:
            raise ValueError(other)
        return Thing(self.number + 1)

    def __eq__(self, other):
        return isinstance(other, Thing) and self.number == other.number

    def __hash__(self):
        return hash(self.number)


class Slotted:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, left, right):
        self.left, self.right = left, right


class Manager:
    def __enter__(self):
        return Thing(1)

    def __exit__(self, kind, error, traceback):
        return kind is KeyError


SENTINEL = object()
NAMES = ["alpha", "beta", "gamma", "delta"]
changing = 0


def spread(a, b=None, *rest, key=None, **more):
    return a, key


def numbers(turn):
    total = 0
    for i in range(20):
        total += i * 3 ^ turn
    return total + 2.5 * turn


def big_numbers(turn):
    value = 1 << 70
    for i in range(8):
        value = value * 3 + turn
    return value


def overflow(turn):
    value = 1 << 61
    for i in range(4):
        value += value
    return value


def floats(turn):
    x = 0.5
    for i in range(10):
        x = x * 1.5 + i
    return x


def strings(turn):
    text = ""
    for name in NAMES:
        text += name + str(turn)
    return f"{text!r:>40} {turn:5d}".split()


def lists(turn):
    values = [Thing(i) for i in range(5)]
    values[2] = SENTINEL
    values.append(values.pop(0))
    del values[1]
    values[1:2] = [SENTINEL, SENTINEL]
    return sorted(values, key=id)[0]


def dicts(turn):
    table = {name: Thing(turn) for name in NAMES}
    table["alpha"] = SENTINEL
    table.pop("beta", None)
    del table["gamma"]
    table |= {"delta": SENTINEL}
    return [key for key, value in table.items() if value is SENTINEL]


def sets(turn):
    return {Thing(i & 3) for i in range(8)} | {SENTINEL}


def attributes(turn):
    thing = Thing(turn)
    thing.other = Thing(1, thing.other)
    thing.fresh = thing.twice.add(3)
    thing.number = SENTINEL
    del thing.fresh
    return thing.other


def many_attributes(turn):
    thing = Thing()
    for i in range(40):
        setattr(thing, f"name{i}", i)
    thing.name39 = SENTINEL
    return thing.name39, thing.kind


def slots(turn):
    pair = Slotted(SENTINEL, Thing())
    pair.left, pair.right = pair.right, pair.left
    del pair.left
    return pair.right


def missing_attribute(turn):
    try:
        return Thing().missing
    except AttributeError as error:
        return error.obj.number


def closures(turn):
    cell = Thing(turn)

    def inner(n):
        nonlocal cell
        cell = cell.add(n)
        return cell if n == 0 else inner(n - 1)

    return inner(3)


def defaults(turn):
    def inner(a=Thing(1), *, b=SENTINEL):
        return a, b

    return inner(), inner(b=turn)


def star_arguments(turn):
    values = [Thing(1), Thing(2), SENTINEL]
    return spread(*values), spread(*tuple(values), key=SENTINEL), spread(*(Thing(i) for i in range(3)))


def star_keywords(turn):
    table = {"key": Thing(3), "other": SENTINEL}
    return spread(1, **table), spread(*[SENTINEL], **{"b": Thing(2)}), Thing().give(*NAMES, more=1, **table)


def wrong_arguments(turn):
    caught = []
    for attempt in (lambda: spread(*[]), lambda: spread(1, a=Thing()), lambda: spread(**{3: Thing()}), lambda: spread(*turn), lambda: spread(1, **Thing())):
        try:
            attempt()
        except TypeError as error:
            caught.append(str(error))
    return caught


def keyword_calls(turn):
    return spread(a=Thing(1), b=Thing(2), key=SENTINEL), spread(b=1, a=2, other=Thing())


def bound_methods(turn):
    method = Thing(turn).add
    return method(1), method(*[2]), list(map(method, (1, 2, 3)))


def partials(turn):
    return functools.partial(spread, Thing(1))(Thing(2)), functools.reduce(lambda a, b: a.add(b), (1, 2, 3), Thing())


def raising(turn):
    try:
        for i in range(10):
            thing = Thing(i) + SENTINEL
    except ValueError as error:
        return error.args[0], thing


def raise_through(turn):
    def deep(n):
        mine = Thing(n)
        if n == 0:
            raise KeyError(mine)
        return deep(n - 1)

    try:
        deep(5)
    except KeyError as error:
        kept = error.__traceback__.tb_next.tb_frame.f_locals["n"]
    return kept


def finally_clauses(turn):
    seen = []
    for i in range(4):
        try:
            if i == 2:
                continue
            if i == 3:
                break
            seen.append(Thing(i))
        finally:
            seen.append(SENTINEL)
    return seen


def chained(turn):
    try:
        try:
            [][Thing()]
        except TypeError as error:
            raise ValueError(SENTINEL) from error
    except ValueError as error:
        return type(error.__cause__), type(error.__context__)


def with_statements(turn):
    with Manager() as thing, contextlib.suppress(ValueError):
        thing.number += 1
        thing = thing + Thing(6) + SENTINEL + SENTINEL + SENTINEL + SENTINEL + SENTINEL
    with Manager():
        raise KeyError(thing)
    return thing


def generators(turn):
    def count(n):
        held = Thing(n)
        try:
            for i in range(n):
                yield held.add(i)
        finally:
            held = None

    for thing in count(10):
        if thing.number > 12:
            break
    return [value.number for value in count(3)], sum(value.number for value in count(3))


def unpacking(turn):
    first, *middle, last = [Thing(i) for i in range(5)]
    (a, b), c = (first, last), middle
    a, b = b, a
    try:
        a, b = [Thing()]
    except ValueError:
        pass
    return a, b, c


def matching(turn):
    found = []
    for subject in ([1, Thing()], {"a": SENTINEL, "b": 2}, Thing(3), "text", 4.5):
        match subject:
            case [_, Thing(number=number)]:
                found.append(number)
            case {"a": value, **rest}:
                found.append((value, rest))
            case Thing(number=3):
                found.append(SENTINEL)
            case str() | float():
                found.append(subject)
    return found


def comparisons(turn):
    things = [Thing(i) for i in range(4)]
    return things[1] == things[2], things[0] in things, SENTINEL is not things, 1 < turn < 3.5, things == list(things)


def changing_classes(turn):
    values = [Thing(1), Slotted(1, 2), 3, "text", None, [SENTINEL]]
    found = []
    for value in values:
        found.append(getattr(value, "number", SENTINEL))
        try:
            found.append(value + value)
        except TypeError:
            found.append(None)
    return found


def changing_globals(turn):
    global changing
    changing = Thing(turn) if turn % 50 == 0 else changing
    return changing


def looking(turn):
    x, thing = turn * 2, Thing(turn)
    y = x + 1.5
    return dict(locals()), sys._getframe().f_locals["y"]


def writing(turn):
    x, thing = turn, Thing(turn)
    sys._getframe().f_locals["thing"] = SENTINEL
    sys._getframe().f_locals["x"] = Thing(3)
    return x, thing


def weak(turn):
    thing = Thing(turn)
    seen = []
    reference = weakref.ref(thing, seen.append)
    del thing
    return len(seen), reference()


def classes(turn):
    if turn % 100:
        return None

    class Local(Thing):
        def add(self, number):
            return super().add(number).number + len(Local.__name__)

    return Local(3).add(4)


def comprehensions(turn):
    return [[Thing(j) for j in range(i)] for i in range(4)], {i: SENTINEL for i in NAMES}, {x for x in (SENTINEL, 1)}


def deletions(turn):
    thing = other = Thing(turn)
    del thing
    try:
        return thing
    except UnboundLocalError:
        return other


def deep(turn):
    def down(n, held):
        return held if n == 0 else down(n - 1, Thing(n, held))

    return down(30, SENTINEL)


def slices(turn):
    text, values = "abcdefgh" * 3, [SENTINEL] * 10
    values[2:4] = (Thing(), Thing())
    return text[turn % 5 : -2], values[::2], values[-3:], values[5]


def iterators(turn):
    found = []
    for index, (name, value) in enumerate(zip(NAMES, map(Thing, range(9)))):
        found.append((index, name, value))
    for item in iter(lambda: found.pop() if found else None, None):
        pass
    return reversed(NAMES), dict(zip(NAMES, NAMES))


def asserting(turn):
    try:
        assert turn < 0, Thing(turn)
    except AssertionError as error:
        return error.args


CASES = [value for value in list(globals().values()) if callable(value) and getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("turn",)]
