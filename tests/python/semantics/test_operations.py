"""Every kind of operation that compiled code leaves to a routine of the runtime, on values of many classes and with the errors they raise.

The functions are compiled after they ran with all these values, so that the operations know nothing in particular, and once more after they ran with the
first of them only, so that they are specialised for it and must leave for others: both must do what the interpreter does.
"""

import functools
import itertools
import operator
import sys
import types

import pytest


class Loud:
    """Answers every operator in its own way, or refuses."""

    def __add__(self, other): return "loud add"
    def __radd__(self, other): return "loud radd"
    def __iadd__(self, other): return "loud iadd"
    def __eq__(self, other): return Truthless()
    def __lt__(self, other): raise ValueError("loud lt")
    def __contains__(self, item): return item == 1
    def __getitem__(self, key): return ("got", repr(key))
    def __setitem__(self, key, value): raise OSError("loud set")
    def __delitem__(self, key): raise OSError("loud delete")
    def __neg__(self): return "loud neg"
    def __len__(self): return -1
    def __bool__(self): raise ZeroDivisionError("loud bool")
    def __iter__(self): return iter((1, 2))
    def __format__(self, specification): return f"<{specification}>"
    __hash__ = None
    def __repr__(self): return "<Loud>"


class Truthless:
    def __bool__(self): raise IndexError("truthless")
    def __repr__(self): return "<Truthless>"


class Unhashable:
    __hash__ = None
    def __repr__(self): return "<Unhashable>"


class MissingDict(dict):
    def __missing__(self, key): return ("missing", key)


class Plain:
    kind = "class attribute"

    def __init__(self, x): self.x = x
    def method(self, y=1): return self.x, y
    @property
    def prop(self): return self.x
    @property
    def broken(self): raise AttributeError("broken inside")
    @functools.cached_property
    def cached(self): return [self.x]
    @classmethod
    def klass(cls): return cls.__name__
    @staticmethod
    def static(): return "static"
    def __repr__(self): return f"<{type(self).__name__} {self.__dict__}>"


class Derived(Plain):
    kind = "derived"

    def method(self, y=2): return "derived", super().method(y), super().kind
    def missing(self): return super().no_such_attribute
    def explicit(self): return super(Derived, self).method()


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self): self.x = 1
    def method(self): return "slotted"
    def __repr__(self): return "<Slotted>"


class Hooked(Plain):
    def __getattr__(self, name):
        if name.startswith("dynamic"): return f"<{name}>"
        raise AttributeError(f"hooked {name}")


class Overridden(Plain):
    def __getattribute__(self, name): return f"always {name}" if name == "x" else object.__getattribute__(self, name)
    def __setattr__(self, name, value): object.__setattr__(self, name, ("set", value))


class Meta(type):
    meta = "of the metaclass"
    def __len__(cls): return 3


class WithMeta(metaclass=Meta):
    plain = 5


class Manager:
    def __init__(self, swallow=False, fail=None): self.swallow, self.fail = swallow, fail
    def __enter__(self):
        if self.fail == "enter": raise OSError("enter")
        return "entered"
    def __exit__(self, kind, value, traceback):
        if self.fail == "exit": raise OSError("exit")
        return self.swallow
    def __repr__(self): return "<Manager>"


class NoExit:
    def __enter__(self): return 1
    def __repr__(self): return "<NoExit>"


class Point:
    __match_args__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
    def __repr__(self): return f"Point({self.x}, {self.y})"


class Mapping:
    def keys(self): return ["k", "l"]
    def __getitem__(self, key): return key * 2
    def __repr__(self): return "<Mapping>"


VALUES = [0, -7, 2**31, -(2**80), True, None, -0.0, 2.5, "abc", "\u20ac\U0001f40d", b"xy", [1, 2], (1,), {1: 2}, {1, 2}]
CONTAINERS = [lambda: [10, 20, 30], lambda: (10, 20, 30), lambda: "a\u20ac\U0001f40d", lambda: b"abc", lambda: bytearray(b"abc"), lambda: {0: "zero", "a": 1, None: 2},
              lambda: MissingDict({0: 1}), lambda: range(3), Loud, lambda: 5]
KEYS = [0, -1, 3, 2**70, True, None, "a", 1.5, slice(0, 2), Unhashable()]
BOUNDS = [None, 1, -2, 5, 2**70, "a"]


def pairs(left, right):
    return list(itertools.product(left, right))


def making(*makers):
    """Calls whose arguments are made anew each time: functions make an argument, everything else is one."""
    return [(lambda arguments=arguments: tuple(maker() if isinstance(maker, (types.FunctionType, type)) else maker for maker in arguments))
            for arguments in itertools.product(*makers)]


OPERATORS = {"+": VALUES + [Loud()], "-": VALUES, "*": [0, 3, -2, 2.5, "ab", [1], (2,), None, 2**70], "/": [0, 1, -7, 2.5, 0.0, None, "a"], "//": [0, 1, -7, 2.5, 0.0, -0.5, None],
             "%": [0, 1, -7, 2.5, 0.0, -0.5, "a%s", None], "**": [0, 1, -2, 2.5, -2.5, 0.0, 400, None], "<<": [0, 3, -1, 70, 2.0], ">>": [0, 3, -1, 70, 2**70, 2.0],
             "&": [0, 6, True, {1}, -1, 1.0], "|": [0, 6, True, {1}, {1: 2}, int, 1.0], "^": [0, 6, True, {1}, 1.0], "@": [1, Loud()],
             "<": VALUES + [Loud()], "<=": VALUES, "==": VALUES + [Loud()], "!=": VALUES, ">": VALUES, ">=": VALUES, "in": VALUES, "not in": VALUES, "is": [None, 1, "a"]}
INPLACE = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@"]


def make(source, **names):
    """A function from source, `f`."""
    namespace = dict(globals(), **names)
    exec(source, namespace)
    return namespace["f"]


def both_ways(same, source, calls, **names):
    """Compares the function compiled after running all these calls, and again compiled after running the first of them."""
    same(make(source, **names), calls, entered=False, repeat=2)
    same(make(source, **names), calls, warm=calls[:1], entered=False, repeat=1)


@pytest.mark.parametrize("operator", OPERATORS)
def test_binary_operators(same, operator):
    values = OPERATORS[operator]
    both_ways(same, f"def f(a, b): return a {operator} b", pairs(values, values))
    both_ways(same, f"def f(a, b):\n if a {operator} b: return 'yes'\n return 'no'", pairs(values, values))


@pytest.mark.parametrize("operator", INPLACE)
def test_inplace_operators(same, operator):
    values = [value for value in OPERATORS[operator] if not isinstance(value, (list, set, dict))]
    both_ways(same, f"def f(a, b):\n a {operator}= b\n return a", pairs(values, values))
    both_ways(same, f"def f(a, b):\n a {operator}= b\n return a", making([lambda: [1], lambda: {1}, lambda: {1: 2}], [1, (2, 3), {4}, {5: 6}]))


def test_strings_grow_in_place(same):
    both_ways(same, "def f(n, piece):\n s = ''\n for _ in range(n):\n  s += piece\n return s", [(0, "a"), (50, "ab"), (20, "\u20ac"), (3, b"x")])


@pytest.mark.parametrize("expression", ["-a", "~a", "+a", "not a", "bool(a)", "1 if a else 2", "len(a)", "a and 1", "a or 1"])
def test_unary_operators(same, expression):
    values = [value for value in VALUES + [Loud()] if not (expression == "~a" and isinstance(value, bool))]
    both_ways(same, f"def f(a): return {expression}", [(value,) for value in values])


def test_chained_comparisons(same):
    both_ways(same, "def f(a, b, c): return a < b <= c", [(1, 2, 2), (2, 1, 0), (1, "a", 2), (Loud(), 1, 2), (1.0, 2, 2**70)])


def test_subscripts(same):
    both_ways(same, "def f(c, k): return c[k]", making(CONTAINERS, KEYS))
    both_ways(same, "def f(c, k):\n c[k] = 65\n return c", making(CONTAINERS, [key for key in KEYS if not isinstance(key, slice)]))
    both_ways(same, "def f(c, k):\n del c[k]\n return c", making(CONTAINERS, KEYS))
    both_ways(same, "def f(c, k):\n c[k] += 1\n return c", making(CONTAINERS, [0, 1, "a", None, 9]))


def test_slices(same):
    both_ways(same, "def f(c, a, b): return c[a:b]", making(CONTAINERS, BOUNDS, BOUNDS))
    both_ways(same, "def f(c, a, b): return c[a:b:2], c[::-1]", making(CONTAINERS[:5], BOUNDS[:5], BOUNDS[:5]))
    both_ways(same, "def f(c, a, b, v):\n c[a:b] = v\n return c", making(CONTAINERS[:5], BOUNDS[:4], BOUNDS[:4], [b"pq", 3]))


ATTRIBUTES = ["x", "kind", "method", "prop", "broken", "cached", "klass", "static", "dynamic", "y", "__class__", "nothing", "plain", "meta", "sqrt", "append", "__name__"]
OWNERS = [lambda: Plain(1), lambda: Derived(2), Slotted, lambda: Hooked(3), lambda: Overridden(4)]
OWNER_VALUES = [5, "text", [1], None, __import__("math"), len, lambda: type]


def comparable(value):
    return value if isinstance(value, (int, str, list, type)) else type(value)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(same, name):
    classes = [lambda: Plain, lambda: Derived, lambda: WithMeta, lambda: Slotted]
    owners = OWNERS + classes + OWNER_VALUES
    # (Functions print themselves with their address: compare what can be compared.)
    both_ways(same, f"def f(o): return comparable(o.{name})", making(owners))
    both_ways(same, f"def f(o): return o.{name}()", making(owners))
    both_ways(same, f"def f(o):\n o.{name} = 7\n return o", making(OWNERS + [5, "text", object]))
    both_ways(same, f"def f(o):\n del o.{name}\n return o", making(OWNERS + [5, "text", object]))


def test_attributes_of_changing_classes(same):
    source = """
def f(which):
    class Base:
        value = 1
        def m(self): return "m"
    class Sub(Base):
        pass
    o = Sub()
    out = []
    for step in range(12):
        out.append((o.value, o.m()))
        if step == 3: o.value = 2
        if step == 5: Sub.m = lambda self: "sub"
        if step == 6: o.m = lambda: "instance"
        if step == 7: Sub.value = property(lambda self: "property")
        if step == 8: del o.m
        if step == 9: del Sub.m; del Sub.value
        if step == 10 and which: o.__dict__ = {"value": "replaced"}
        if step == 10 and not which: o.__class__ = Base
    return out
"""
    both_ways(same, source, [(0,), (1,)])
    source = "def f(o, n):\n for i in range(n):\n  setattr(o, f'a{i}', i)\n  o.x = o.x + i\n return o"
    both_ways(same, source, making([lambda: Plain(0), lambda: Hooked(0)], [0, 1, 50]))


def test_super(same):
    both_ways(same, "def f(o): return o.method(), o.method(5), o.explicit()", making([lambda: Derived(1)]))
    both_ways(same, "def f(o): return o.missing()", making([lambda: Derived(1)]))
    method = Derived.method
    same(types.FunctionType(method.__code__, globals(), "method", method.__defaults__, method.__closure__), making([lambda: Derived(1), lambda: Plain(1), None, 5]), entered=False)


def test_names(same):
    both_ways(same, "def f(): return visible, len('ab'), __name__", [()], visible=5)
    both_ways(same, "def f(): return no_such_name", [()])
    both_ways(same, "def f(v):\n global made\n made = v\n r = made\n del made\n return r", [(1,), ([],)])
    both_ways(same, "def f():\n global made\n del made", [()])
    both_ways(same, "def f(a):\n if a: x = 1\n return x", [(0,), (1,)])
    both_ways(same, "def f(a):\n x = 1\n if a: del x\n del x\n return a", [(0,), (1,)])
    both_ways(same, "def f(a):\n def g(): return x\n if a: x = a\n return g()", [(0,), (1,)])
    both_ways(same, "def f(a):\n def g(): return x\n x = a\n del x\n return g()", [(0,), (1,)])
    both_ways(same, "def f(a):\n class C:\n  y = a\n  a = 2\n  z: int = a\n  len = len\n return C.y, C.a, C.z, C.__annotations__, C.__name__", [(1,), ("s",)])
    both_ways(same, "def f(a):\n class C:\n  del nothing", [(1,)])
    both_ways(same, "def f(a):\n class C(metaclass=a): pass\n return type(C).__name__", [(Meta,), (5,), (type,)])


CALLEES = "def g(*args, **keywords): return args, keywords\n"


def test_calls(same):
    arguments = [(1, 2), [1], "ab", 5, None, {1: 2}, Loud()]
    keywords = [{}, {"a": 1}, {1: 2}, Mapping(), 5, None]
    both_ways(same, CALLEES + "def f(a, k): return g(*a, **k)", pairs(arguments, keywords))
    both_ways(same, CALLEES + "def f(a, k): return g(0, *a, 1, x=2, **k)", pairs(arguments, keywords + [{"x": 3}]))
    both_ways(same, CALLEES + "def f(a, k): return g(**k, **a)", pairs([{"a": 1}, {}], keywords))
    both_ways(same, "def f(c): return c(1, 2)", [(max,), (divmod,), (5,), (Point,), (Loud(),), (operator.add,), (object,)])
    both_ways(same, "def f(a):\n def g(x, y=a, *z, k=a, **q) -> 'r': return x, y, z, k, q, a\n return g(1), g(1, 2, 3, k=4, l=5), g.__defaults__, g.__kwdefaults__, g.__annotations__",
              [(1,), ("a",)])
    both_ways(same, "def f(a):\n def g[T](x: T) -> T: return x\n return g.__type_params__[0].__name__, g(a)", [(1,)])


def test_imports(same):
    both_ways(same, "def f():\n import os.path as p, sys\n from math import sqrt, floor as fl\n return p is not None, sys.maxsize, sqrt(4), fl(2.5)", [()])
    both_ways(same, "def f():\n import no_such_module_at_all", [()])
    both_ways(same, "def f():\n from os import no_such_name_at_all", [()])
    both_ways(same, "def f():\n from . import x", [()])


def test_displays(same):
    both_ways(same, "def f(a, b): return [a, b], (a, b), [], (), {'k': a, b: a}, {'x': a, 'y': b}", pairs([1, "a", None, 2.5], [1, "a", None, 2.5]))
    both_ways(same, "def f(a, b): return {a, b}, {a: b}", [(1, 2), (1, True), (Unhashable(), 1), (1, Unhashable())])
    iterables = [[1, 2], (1,), "ab", {1: 2}, 5, None, Loud(), range(2)]
    both_ways(same, "def f(a, b): return [*a, 0, *b], (*a, *b)", pairs(iterables, iterables))
    both_ways(same, "def f(a, b): return {*a, *b}", pairs(iterables, iterables))
    mappings = [{}, {1: 2}, {"k": 1}, Mapping(), 5, [1]]
    both_ways(same, "def f(a, b): return {**a, 'k': 0, **b}", pairs(mappings, mappings))
    both_ways(same, "def f(n): return [i * i for i in range(n)], {i % 3 for i in range(n)}, {i: str(i) for i in range(n)}, list(i for i in range(n))", [(0,), (7,), ("a",)])
    both_ways(same, "def f(s): return {k: 1 for k in s}, {k for k in s}", [([1, 2],), ([Unhashable()],), (5,)])
    both_ways(same, "def f(a, b, c): return slice(a, b, c), [0, 1, 2, 3][a:b:c]", [(0, 3, 2), (None, None, -1), (0, 1, 0), ("a", 1, 1)])


def test_formatting(same):
    values = [1, 2.5, "text", None, [1], Loud(), 10**20, True]
    both_ways(same, "def f(a, b): return f'{a}-{b!r}|{a!s}{b!a}'", pairs(values, values))
    both_ways(same, "def f(a, s): return f'{a:{s}}', f'{a:>8}'", pairs(values, ["", "5", "x", "zz"]))
    both_ways(same, "def f(a): return f'{a}'", [(value,) for value in values])


class Raising:
    def __iter__(self): return self
    def __next__(self): raise ValueError("next")
    def __repr__(self): return "<Raising>"


ITERABLES = [lambda: [1, 2], lambda: (1, 2), lambda: "ab", lambda: {1: 2, 3: 4}, lambda: range(2), lambda: iter([1, 2]), lambda: (n for n in (1, 2)), Raising, Loud, 5, None,
             lambda: [1], lambda: (1, 2, 3), lambda: [], lambda: zip("ab", "cd"), lambda: map(str, (1, 2))]


def fixed(*makers):
    """As `making`, for iterators, whose text has no address to compare: only what they yield counts."""
    return making(*makers)


def test_iteration(same):
    plain = [maker for maker in ITERABLES]
    both_ways(same, "def f(m):\n s = m() if isinstance(m, type(f)) or m is Raising or m is Loud else m\n out = []\n for x in s:\n  out.append(x)\n else:\n  out.append('end')\n return out",
              [(maker,) for maker in plain])
    for target in ("a, b", "[a]", "a, *b", "*a, b, c", "a, *b, c", "a, (b, c)"):
        names = "(" + ", ".join(sorted(set(filter(str.isalpha, target)))) + ",)"
        both_ways(same, f"def f(m):\n s = m() if isinstance(m, type(f)) or m is Raising or m is Loud else m\n {target} = s\n return {names}", [(maker,) for maker in plain])
    many = ", ".join(f"v{number}" for number in range(30))
    both_ways(same, f"def f(s):\n {many} = s\n return v0, v29", [(list(range(30)),), (tuple(range(30)),), (range(30),), (range(29),), (range(31),), ([],)])


def test_matching(same):
    source = """
def f(s):
    match s:
        case {"kind": k, "size": [a, *rest], **others}: return "mapping", k, a, rest, others
        case {"kind": k}: return "kind", k
        case [1, x, 3]: return "three", x
        case [a, *middle, b]: return "many", a, middle, b
        case Point(x=0, y=y): return "axis", y
        case Point(x, y) if x == y: return "diagonal", x
        case Point(): return "point"
        case int(n) | float(n): return "number", n
        case str() as t: return "text", t
        case None: return "none"
        case _: return "other"
"""
    both_ways(same, source, [(value,) for value in VALUES + [{"kind": 1, "size": [1, 2], "z": 0}, {"kind": 2}, [1, 2, 3], (4, 5), Point(0, 1), Point(2, 2), Point(1, 2)]])
    both_ways(same, "def f(s, c):\n match s:\n  case c(a, b, d): return a\n  case c(a): return a\n return 0", [(Point(1, 2), Point), (5, int), (5, 6), (Point(1, 2), int)])


RAISED = [ValueError("v"), ValueError, KeyError("k"), KeyError, "text", 5, None, object, StopIteration, type("Odd", (Exception,), {"__new__": lambda cls: 5})]


def fresh(exception):
    """Exceptions collect tracebacks and causes: a new one for each call."""
    return (lambda: type(exception)(*exception.args)) if isinstance(exception, BaseException) else (lambda: exception)


def test_raising(same):
    both_ways(same, "def f(e): raise e", making([fresh(exception) for exception in RAISED]))
    both_ways(same, "def f(e, c): raise e from c", making([fresh(exception) for exception in RAISED], [fresh(exception) for exception in RAISED]))
    both_ways(same, "def f(e):\n try:\n  raise e\n except ValueError:\n  raise\n except KeyError as k:\n  raise OSError('other')\n finally:\n  len('')", making([fresh(e) for e in RAISED]))
    both_ways(same, "def f(): raise", [()])
    both_ways(same, "def f(a):\n assert a, a\n return a", [(0,), (1,), ("",), (Loud(),)])
    both_ways(same, "def f(a):\n assert a\n return a", [(0,), (1,)])


def test_handling(same):
    source = """
def f(a, b, kinds):
    out = []
    try:
        out.append(a / b)
    except kinds as error:
        out.append(type(error).__name__)
        out.append(error.__context__)
    else:
        out.append("else")
    finally:
        out.append("finally")
    return out
"""
    kinds = [ZeroDivisionError, (TypeError, ZeroDivisionError), KeyError, 5, (KeyError, "x"), ()]
    both_ways(same, source, [(1, 2, kind) for kind in kinds] + [(1, 0, kind) for kind in kinds] + [(1, "a", kind) for kind in kinds])
    source = """
def f(numbers):
    out = []
    for number in numbers:
        try:
            try:
                if number == 2: continue
                if number == 3: break
                out.append(10 // number)
            finally:
                out.append(("inner", number))
        except ZeroDivisionError:
            try:
                raise KeyError(number)
            except KeyError as error:
                out.append((repr(error), repr(error.__context__)))
    return out
"""
    both_ways(same, source, [([1, 0, 2, 1, 3, 1],), ([0, 0],), ([],), ([1, "a"],), (5,)])
    source = """
def f(make):
    out = []
    try:
        raise make()
    except* ValueError as group:
        out.append(("value", repr(group)))
    except* (KeyError, TypeError) as group:
        out.append(("key", repr(group)))
    return out
"""
    group = lambda: ExceptionGroup("g", [ValueError(1), KeyError(2), ExceptionGroup("h", [TypeError(3), OSError(4)])])
    both_ways(same, source, [(group,), (lambda: ValueError(1),), (lambda: OSError(1),), (lambda: ExceptionGroup("k", [KeyError(1)]),)])


def test_with(same):
    source = """
def f(make, fail):
    out = []
    with make() as value:
        out.append(value)
        if fail: raise KeyError("body")
        out.append("body")
    out.append("after")
    return out
"""
    makers = [Manager, lambda: Manager(True), lambda: Manager(False, "enter"), lambda: Manager(False, "exit"), NoExit, lambda: 5]
    both_ways(same, source, pairs(makers, [0, 1]))
    both_ways(same, "def f(a):\n for i in range(3):\n  with Manager(True):\n   if i == a: return i\n   if i == a + 1: break\n   1 / 0\n return 'end'", [(0,), (1,), (-1,), (5,)])


def test_cells(same):
    both_ways(same, "def f(n):\n fs = []\n for i in range(n):\n  def g(d=i): nonlocal total; total += d; return total, i\n  fs.append(g)\n total = 0\n return [g() for g in fs]", [(0,), (3,), ("a",)])
    both_ways(same, "def f(a):\n x = a\n def g():\n  nonlocal x\n  x += 1\n  return x\n return g(), g(), x", [(1,), (2.5,), ("a",)])


def test_references_are_balanced(same):
    """The reference counts that `same` compares, on objects made for it."""
    source = "def f(a, b):\n l = [a, b]\n t = (a, *l)\n d = {'k': a, **{'q': b}}\n x, *y = t\n l.append(a)\n l[0] = b\n o = Plain(a)\n o.x = b\n o.z = a\n return l[1] is o.x, d['q'] is b, len(y)"
    both_ways(same, source, [(object(), object()), ([], {}), ("text" * 3, 2**70)])
    assert sys.getrefcount(source) >= 1
