# Run by helpers.rs with HELPERS = {name: (address, parameter kinds, kind of the rest or None, what it yields, whether it raises)}.
# Each helper is called from Python code by ctypes, so that the frame it finds is the calling code's, and compared with what the interpreter does.

import ctypes
import faulthandler
import functools
import gc
import operator
import random
import re
import sys
import types

faulthandler.enable()
increment = ctypes.pythonapi.Py_IncRef
increment.argtypes = [ctypes.py_object]
increment.restype = None
thread_state = ctypes.pythonapi.PyThreadState_Get
thread_state.restype = ctypes.c_void_p
THREAD = thread_state()
ARGUMENT = {"Object": ctypes.py_object, "ObjectOrNull": ctypes.c_void_p, "Stolen": ctypes.c_void_p, "StolenOrNull": ctypes.c_void_p, "Int": ctypes.c_int64,
            "Float": ctypes.c_double, "Pointer": ctypes.c_void_p}
RESULT = {"New": ctypes.py_object, "Int": ctypes.c_int64, "Bool": ctypes.c_int64, "Float": ctypes.c_double, "Nothing": None}
NULL = type("NULL", (), {})


def address(value):
    return None if value is NULL else id(value)


def bind(name, row):
    location, kinds, rest, yields, _ = row
    # What may be NULL without an exception comes back as an address.
    optional = name in ("iter_next", "method_receiver")
    result = ctypes.c_void_p if optional else RESULT[yields]
    arguments = [ctypes.c_void_p] + [ARGUMENT[kind] for kind in kinds] + ([ctypes.c_void_p, ctypes.c_size_t] if rest else [])
    function = ctypes.PYFUNCTYPE(result, *arguments)(location)
    if not rest and all(kind in ("Object", "Int", "Float", "Pointer") for kind in kinds):
        return functools.partial(function, THREAD)

    def convert(*values):
        converted = []
        for kind, value in zip(kinds, values):
            if kind in ("Stolen", "StolenOrNull") and value is not NULL:
                increment(value)
            converted.append(address(value) if kind in ("Stolen", "StolenOrNull", "ObjectOrNull") else value)
        if rest:
            items = values[len(kinds)]
            if rest == "Stolen":
                for item in items:
                    increment(item)
            converted += [(ctypes.c_void_p * max(len(items), 1))(*[id(item) for item in items]), len(items)]
        return function(THREAD, *converted)

    return convert


H = types.SimpleNamespace(**{name: bind(name, row) for name, row in HELPERS.items()})


def taken(location):
    "The object of a new reference that came back as an address."
    if location is None:
        return NULL
    value = ctypes.cast(location, ctypes.py_object).value
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(value))
    return value


def shown(value):
    return re.sub(r"0x[0-9a-f]+", "0x", repr(value))


def outcome(function, *arguments):
    "What a call comes to, as something to compare."
    try:
        value = function(*arguments)
    except BaseException as error:
        extra = tuple(shown(getattr(error, name, None)) for name in ("name", "obj", "path", "name_from"))
        return "raised", type(error), str(error), extra, shown(error.__cause__), shown(error.__context__), error.__suppress_context__
    return "value", type(value), shown(value)


failures = []
checks = 0


def check(what, got, expected):
    global checks
    checks += 1
    if got != expected:
        failures.append(f"{what}:\n   got      {got}\n   expected {expected}")


def same(what, helper, reference, make, effects=lambda arguments: None):
    """Compares `helper(*make())` with `reference(*make())`, what they did to their arguments, and looks for references lost or left over."""
    arguments, others = make(), make()
    got, expected = outcome(helper, *arguments), outcome(reference, *others)
    check(what, got, expected)
    check(what + " (arguments after)", [shown(argument) for argument in arguments], [shown(argument) for argument in others])
    # Leaks: blocks and counts after many calls.
    arguments = make()

    def attempt():
        try:
            helper(*arguments)
        except BaseException:
            pass

    for _ in range(5):
        attempt()
    if [shown(argument) for argument in arguments] != [shown(argument) for argument in make()]:
        return  # It changes its arguments: counts mean nothing.
    counts = [sys.getrefcount(argument) for argument in arguments]
    blocks = sys.getallocatedblocks()
    for _ in range(40):
        attempt()
    grown = sys.getallocatedblocks() - blocks
    after = [sys.getrefcount(argument) for argument in arguments]
    check(what + " (counts)", after, counts)
    check(what + " (blocks)", grown < 30, True)


class Left:
    def __add__(self, other): return "left add"
    def __eq__(self, other): return Truth("eq")
    def __lt__(self, other): raise ValueError("lt")
    def __contains__(self, item): return item == 1
    def __getitem__(self, key): return key
    def __setitem__(self, key, value): raise OSError("no")
    def __delitem__(self, key): raise OSError("nodel")
    def __len__(self): return -1
    def __bool__(self): raise ZeroDivisionError("bool")
    def __iter__(self): return iter((1, 2))
    __hash__ = None
    def __repr__(self): return "<Left>"


class Truth:
    def __init__(self, name): self.name = name
    def __bool__(self): raise IndexError(self.name)
    def __repr__(self): return f"<Truth {self.name}>"


class Text(str):
    pass


class Number(int):
    def __add__(self, other): return "number"


VALUES = [0, 1, -1, 5, 255, 256, -6, 2**30, -(2**30), 2**62, 2**64, -(2**70), True, False, None, 0.0, -0.0, 1.5, -2.5, float("inf"), float("nan"), 1e308,
          "", "a", "abc", "äöü", "\u20ac", "\U0001f40d", "a\u0100", b"x", [], [1, 2], (1,), {}, {1: 2}, {1, 2}, frozenset((1,)), 1j, Text("t"), Number(3), ...]
BINARY = [operator.add, operator.and_, operator.floordiv, operator.lshift, operator.matmul, operator.mul, operator.mod, operator.or_, operator.pow,
          operator.rshift, operator.sub, operator.truediv, operator.xor]
INPLACE = [operator.iadd, operator.iand, operator.ifloordiv, operator.ilshift, operator.imatmul, operator.imul, operator.imod, operator.ior, operator.ipow,
           operator.irshift, operator.isub, operator.itruediv, operator.ixor]
COMPARE = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]


def copy(value):
    return value.copy() if isinstance(value, (list, dict, set)) else value


def small(left, right, number):
    "Whether an operation stays within reason."
    if number in (8, 21, 3, 16) and isinstance(left, int) and isinstance(right, int):
        return abs(right) < 300 and abs(left) < 2**31
    return not (number in (5, 18) and any(isinstance(value, int) and abs(value) > 1000 for value in (left, right)) and
                any(isinstance(value, (str, bytes, list, tuple)) for value in (left, right)))


def test_operators():
    values = VALUES + [Left()]
    for left in values:
        for right in values:
            for number, function in enumerate(BINARY + INPLACE):
                if small(left, right, number):
                    got = outcome(H.binary_operation, copy(left), copy(right), number)
                    expected = outcome(function, copy(left), copy(right))
                    check(f"binary_operation {number} {left!r} {right!r}", got, expected)
            for number, function in enumerate(COMPARE):
                check(f"rich_compare {number} {left!r} {right!r}", outcome(H.rich_compare, left, right, number), outcome(function, left, right))
                expected = outcome(lambda: int(bool(function(left, right))))
                check(f"rich_compare_bool {number} {left!r} {right!r}", outcome(H.rich_compare_bool, left, right, number), expected)
            check(f"contains {left!r} {right!r}", outcome(H.contains, left, right), outcome(lambda: int(right in left)))
        for name, function in (("unary_negative", operator.neg), ("unary_invert", operator.invert)):
            if not isinstance(left, bool):
                check(f"{name} {left!r}", outcome(getattr(H, name), left), outcome(function, left))
        check(f"is_true {left!r}", outcome(H.is_true, left), outcome(lambda: int(bool(left))))
        check(f"length {left!r}", outcome(H.length, left), outcome(len, left))
    ints = [value for value in VALUES if type(value) is int]
    for left in ints:
        for right in ints:
            for name, function in (("long_add", operator.add), ("long_subtract", operator.sub), ("long_multiply", operator.mul)):
                check(f"{name} {left} {right}", outcome(getattr(H, name), left, right), outcome(function, left, right))
            for number, function in enumerate(COMPARE):
                check(f"long_compare {number} {left} {right}", H.long_compare(left, right, number), int(function(left, right)))
    floats = [0.0, -0.0, 1.5, -2.5, 7.0, -7.0, 3.0, 1e-300, 1e300, -1e300, float("inf"), float("-inf"), float("nan"), 0.1, -0.3]
    for left in floats:
        for right in floats:
            if right != 0:
                check(f"float_remainder {left} {right}", shown(H.float_remainder(left, right)), shown(left % right))
                check(f"float_floor_divide {left} {right}", shown(H.float_floor_divide(left, right)), shown(left // right))
            if left > 0 and abs(right) < 10:
                # Where Python raises OverflowError the helper yields infinity: its callers look.
                expected = outcome(pow, left, right)
                expected = ("value", float, "inf") if expected[1] is OverflowError else expected
                check(f"float_power {left} {right}", outcome(H.float_power, left, right), expected)
    strs = [value for value in VALUES if type(value) is str]
    for left in strs:
        for right in strs:
            check(f"str_equal {left!r} {right!r}", H.str_equal(left, right), int(left == right))
            check(f"str_concatenate {left!r} {right!r}", outcome(H.str_concatenate, left, right), outcome(operator.add, left, right))
            check(f"str_append {left!r} {right!r}", outcome(H.str_append, left, right), outcome(operator.add, left, right))
            for number, function in enumerate(COMPARE):
                check(f"str_compare {number} {left!r} {right!r}", H.str_compare(left, right, number), int(function(left, right)))
        for index, character in enumerate(left):
            check(f"str_get {left!r} {index}", outcome(H.str_get, left, index), ("value", str, repr(character)))
    check("str_get identity", H.str_get("xay", 1) is H.str_get("a", 0), True)
    for helper, arguments in ((H.binary_operation, ("abc" * 9, "d" * 20, 0)), (H.long_add, (2**80, 2**81)), (H.str_concatenate, ("q" * 50, "r")),
                              (H.str_append, ("q" * 50, "r")), (H.rich_compare, (Left(), 3, 2)), (H.rich_compare_bool, (Left(), 3, 2)),
                              (H.str_get, ("\u20ac\u20ad", 1)), (H.long_compare, (2**90, 2**91, 0)), (H.contains, ({(1, 2): 3}, (1, 2)))):
        same(f"{helper} leaks", helper, helper, lambda: arguments)


class Index:
    def __init__(self, value): self.value = value
    def __index__(self): return self.value
    def __repr__(self): return f"<Index {self.value}>"


class Unhashable:
    __hash__ = None
    def __repr__(self): return "<Unhashable>"


class BadEqual:
    def __hash__(self): return 7
    def __eq__(self, other): raise MemoryError("eq")
    def __repr__(self): return "<BadEqual>"


class MyDict(dict):
    def __missing__(self, key): return ("missing", key)


def test_subscripts():
    keys = [0, 1, -1, 2, -3, 5, 2**40, -(2**40), 2**70, True, None, "a", 1.0, Index(1), Index(-9), slice(0, 1), (1, 2), Unhashable()]
    containers = [lambda: [10, 20, 30], lambda: (10, 20, 30), lambda: "xyz", lambda: "\u20acbc", lambda: b"xyz", lambda: {0: "zero", "a": "A", None: 1},
                  lambda: bytearray(b"xyz"), lambda: range(3), lambda: MyDict({1: 2}), lambda: Left(), lambda: 5, lambda: {7: 1}, lambda: types.SimpleNamespace()]
    for make in containers:
        for key in keys:
            same(f"get_item {make()!r} {key!r}", H.get_item, operator.getitem, lambda: (make(), key))
            same(f"set_item {make()!r} {key!r}", H.set_item, lambda c, k, v: (operator.setitem(c, k, v), 0)[1], lambda: (make(), key, 65))
            same(f"delete_item {make()!r} {key!r}", H.delete_item, lambda c, k: (operator.delitem(c, k), 0)[1], lambda: (make(), key))
        if type(make()) is dict:
            for key in keys + [BadEqual()]:
                same(f"dict_get_item {make()!r} {key!r}", H.dict_get_item, operator.getitem, lambda: (make(), key))
                same(f"dict_set_item {make()!r} {key!r}", H.dict_set_item, lambda c, k, v: (operator.setitem(c, k, v), 0)[1], lambda: (make(), key, 65))
        bounds = [None, 0, 1, 2, 3, 7, -1, -2, -9, 2**40, -(2**40), 2**80, -(2**80), True, "a", Index(1)]
        for start in bounds:
            for stop in bounds:
                same(f"get_slice {make()!r} {start!r} {stop!r}", H.get_slice, lambda c, a, b: c[a:b], lambda: (make(), start, stop))

                def store(c, a, b, v):
                    c[a:b] = v
                    return 0

                for value in ([1, 2], b"pq", 3):
                    got, expected = [make(), start, stop, value], [make(), start, stop, value]
                    check(f"set_slice {make()!r} {start!r} {stop!r} {value!r}", outcome(H.set_slice, *got), outcome(store, *expected))
                    check(f"set_slice {make()!r} {start!r} {stop!r} {value!r} after", shown(got), shown(expected))
    triple = (1, 2, 3)
    check("whole tuple", H.get_slice(triple, None, None) is triple, True)
    check("whole str", H.get_slice(text := "abc" * 3, 0, 2**40) is text, True)
    items = []
    for number in range(100):
        H.list_append(items, value := [number])
        check("list_append", (items[-1] is value, sys.getrefcount(value)), (True, 3))
    check("list_append", items, [[number] for number in range(100)])

    class Noisy:
        def __init__(self, log): self.log = log
        def __del__(self): self.log.append("gone")

    log = []
    holder = [Noisy(log)]
    H.set_item(holder, 0, None)
    check("set_item drops", log, ["gone"])


def test_names():
    namespace = {"H": H, "outcome": outcome, "visible": 1}
    source = "def f():\n return visible\ndef load(name):\n return H.load_global(name)\ndef store(name, value):\n return H.store_global(name, value)\n" \
             "def delete(name):\n return H.delete_global(name)\ndef build():\n return H.load_build_class()\n" \
             "def either(ns, name):\n return H.load_from_dict_or_globals(ns, name)\n"
    exec(source, namespace)
    for name in ("visible", "len", "nothing_of_that_name", "__name__"):
        check(f"load_global {name}", outcome(namespace["load"], name), outcome(eval, name, namespace))
    check("store_global", (namespace["store"]("made", 5), namespace["made"]), (0, 5))
    check("delete_global", (namespace["delete"]("made"), "made" in namespace), (0, False))
    check("delete_global", outcome(namespace["delete"], "made")[:3], ("raised", NameError, "name 'made' is not defined"))
    check("load_build_class", namespace["build"]() is __build_class__, True)

    class Mapping(dict):
        def __getitem__(self, key):
            if key == "bad": raise OSError("bad")
            return dict.__getitem__(self, key)
        def __setitem__(self, key, value): dict.__setitem__(self, key, ("set", value))

    for ns in ({"x": 1}, Mapping(x=1)):
        for name in ("x", "bad", "visible", "len", "nothing"):
            def reference():
                if name == "bad" and type(ns) is Mapping: raise OSError("bad")
                return ns["x"] if name == "x" else eval(name, namespace)
            check(f"load_from_dict_or_globals {type(ns)} {name}", outcome(namespace["either"], ns, name)[:3], outcome(reference)[:3])
    # Builtins that are no dict, or not there.
    strange = {"__builtins__": Mapping(x=1, bad=2), "H": H, "visible": 1}
    exec(source, strange)
    for name in ("x", "visible", "bad", "len"):
        expected = {"x": ("value", int, "1"), "visible": ("value", int, "1"), "bad": ("raised", OSError, "bad"), "len": ("raised", NameError, "name 'len' is not defined")}[name]
        check(f"load_global with mapping {name}", outcome(strange["load"], name)[:3], expected)
    check("load_build_class", outcome(strange["build"])[:3], ("raised", NameError, "__build_class__ not found"))

    # Namespaces: module code and class bodies.
    for helper, plain in (
        ("r = H.load_name('visible')", "r = visible"), ("r = H.load_name('len')", "r = len"), ("r = H.load_name('nothing')", "r = nothing"),
        ("r = H.load_name('local')", "r = local"), ("r = H.load_name('bad')", "r = bad"), ("H.store_name('made', 3)", "made = 3"),
        ("H.delete_name('local')", "del local"), ("H.delete_name('nothing')", "del nothing"),
        ("r = H.load_locals() is locals()", "r = True"), ("H.setup_annotations()", "if 0: r: int"),
    ):
        for make in (lambda: {"local": 7}, lambda: Mapping(local=7)):
            results = []
            for text in (helper, plain):
                ns = make()
                env = {"H": H, "visible": 1}
                results.append((outcome(exec, text, env, ns)[:4], sorted(map(shown, ns.items()))))
            check(f"{helper} in {type(make())}", *results)
    for name, arguments in (("load_name", ("x",)), ("store_name", ("x", 1)), ("delete_name", ("x",)), ("load_locals", ()), ("setup_annotations", ())):
        message = {"load_name": "no locals found", "store_name": "no locals found when storing 'x'", "delete_name": "no locals when deleting 'x'",
                   "load_locals": "no locals found", "setup_annotations": "no locals found when setting up annotations"}[name]
        check(f"{name} in a function", outcome(getattr(H, name), *arguments)[:3], ("raised", SystemError, message))

    def unbound():
        cell = 1
        if cell == 2:
            local = 1

        def inner():
            return cell, H.raise_unbound(0), free
        if cell == 3:
            free = 1
        try:
            H.raise_unbound(unbound.__code__.co_varnames.index("local"))
        except UnboundLocalError as error:
            first = str(error)
        try:
            inner_slot = inner.__code__.co_freevars.index("free")
            def probe():
                free
                H.raise_unbound(0)
            probe()
        except NameError as error:
            return first, type(error).__name__, str(error)

    local_text = "cannot access local variable 'local' where it is not associated with a value"
    free_text = "cannot access free variable '{}' where it is not associated with a value in enclosing scope"
    got = unbound()
    check("raise_unbound", (got[0], got[1]), (local_text, "NameError"))

    def outer():
        def inner(ns):
            return H.load_from_dict_or_deref(ns, cell_of(inner, "free"), len(inner.__code__.co_varnames)), free
        return inner

    def cell_of(function, name):
        return function.__closure__[function.__code__.co_freevars.index(name)]

    def with_free():
        free = "outer"

        def inner(ns):
            names = inner.__code__.co_varnames + inner.__code__.co_cellvars + inner.__code__.co_freevars
            return H.load_from_dict_or_deref(ns, cell_of(inner, "free"), names.index("free")), free
        return inner

    check("load_from_dict_or_deref", with_free()({"free": "dict"}), ("dict", "outer"))
    check("load_from_dict_or_deref", with_free()({}), ("outer", "outer"))

    def with_empty():
        def inner(ns):
            names = inner.__code__.co_varnames + inner.__code__.co_cellvars + inner.__code__.co_freevars
            return H.load_from_dict_or_deref(ns, cell_of(inner, "free"), names.index("free")), free
        if not inner:
            free = 1
        return inner

    check("load_from_dict_or_deref", outcome(with_empty(), {})[:3], ("raised", NameError, free_text.format("free")))


def test_calls():
    def f(*args, **keywords): return args, keywords
    for args in ((1, 2), [1, 2], "ab", 5, iter((1,)), Left(), (), {1: 2}):
        for keywords in (NULL, {}, {"a": 1}, {1: 2}):
            kw = {} if keywords is NULL else keywords
            for callable in (f, print.__class__, 5, dict):
                if isinstance(args, type(iter(()))):
                    continue
                check(f"call_function_ex {callable} {args} {keywords}", outcome(H.call_function_ex, callable, args, keywords),
                      outcome(lambda: callable(*args, **kw)))
    same("call_function_ex", H.call_function_ex, lambda c, a, k: c(*a, **k), lambda: (f, [1, 2], {"q": object}))
    check("intrinsic positive", outcome(H.call_intrinsic_1, True, 5), ("value", int, "1"))
    check("intrinsic list to tuple", outcome(H.call_intrinsic_1, [1, 2], 6), ("value", tuple, "(1, 2)"))
    check("intrinsic error", outcome(H.call_intrinsic_1, "x", 5)[:3], outcome(operator.pos, "x")[:3])
    check("intrinsic 2", outcome(H.call_intrinsic_2, "T", lambda: int, 2)[:2], ("value", __import__("typing").TypeVar))

    made = H.make_function(f.__code__)
    check("make_function", (made.__globals__ is globals(), made(1, a=2), made.__name__, made.__qualname__), (True, f(1, a=2), f.__name__, f.__qualname__))

    def g(a, b=2, *, c=3): return a, b, c, free
    free = 9
    made = H.make_function(g.__code__)
    for value, which in (((4, 5), 1), ({"c": 6}, 2), (("a", int), 4), (g.__closure__, 8)):
        H.set_function_attribute(made, value, which)
    check("set_function_attribute", (made(), made.__defaults__, made.__kwdefaults__, made.__closure__ is g.__closure__, made.__annotations__),
          ((4, 5, 6, 9), (4, 5), {"c": 6}, True, {"a": int}))
    class C:
        __slots__ = ("x",)
    class Meta(type):
        def __instancecheck__(cls, instance): raise KeyError("check")
    class D(metaclass=Meta):
        pass
    for value in (1, True, "a", C(), D(), None):
        for classes in (int, (int, str), C, D, 5, int | str, (C, (str, D))):
            check(f"is_instance {value!r} {classes!r}", outcome(H.is_instance, value, classes), outcome(lambda: int(isinstance(value, classes))))
    same("allocate_instance", lambda cls: type(H.allocate_instance(cls)), lambda cls: cls, lambda: (C,))
    check("check_init", outcome(H.check_init, None), ("value", int, "0"))
    check("check_init", outcome(H.check_init, 5)[:3], ("raised", TypeError, "__init__() should return None, not 'int'"))
    cell = H.make_cell(value := ["x"])
    check("make_cell", (type(cell), cell.cell_contents is value), (types.CellType, True))
    check("make_cell", outcome(lambda: H.make_cell(NULL).cell_contents)[:3], ("raised", ValueError, "Cell is empty"))
    same("make_cell", lambda v: H.make_cell(v).cell_contents, lambda v: v, lambda: ([1],))


def test_imports():
    import os
    import warnings

    def name_of(module, name):
        return H.import_from(module, name)

    def plainly(module, name):
        env = {"__builtins__": {"__import__": lambda *arguments: module}}
        exec(f"from m import {name}", env)
        return env[name]

    class Odd:
        __name__ = "odd"
        def __getattr__(self, name):
            if name == "boom": raise OSError("boom")
            raise AttributeError(name)

    unnamed = types.ModuleType("unnamed")
    del unnamed.__name__
    initializing = types.ModuleType("initializing")
    initializing.__spec__ = types.SimpleNamespace(name="n", loader=None, _initializing=True, origin="/somewhere/initializing.py", has_location=True)
    shadow = types.ModuleType("random")
    shadow.__spec__ = types.SimpleNamespace(name="n", loader=None, _initializing=True, origin=os.path.join(sys.path[0] or os.getcwd(), "random.py"), has_location=True)
    filed = types.ModuleType("filed")
    filed.__file__ = "/somewhere/filed.py"
    sub = types.ModuleType("pkg")
    sys.modules["pkg.child"] = child = types.ModuleType("pkg.child")
    for module in (os, sys, random, types.ModuleType("fresh"), Odd(), unnamed, initializing, shadow, filed, sub, 5, types.SimpleNamespace(__name__="sn", __spec__=None)):
        for name in ("path", "missing_name", "boom", "child", "__name__", "randint"):
            got, expected = outcome(name_of, module, name), outcome(plainly, module, name)
            check(f"import_from {shown(module)} {name}", got, expected)
    try:
        name_of(os, "missing_name")
    except ImportError as error:
        check("import_from traceback", error.__traceback__.tb_next.tb_next, None)
    same("import_from leaks", name_of, plainly, lambda: (os, "missing_name"))

    def importing(name, from_list, level): return H.import_name(name, from_list, level)
    check("import_name", importing("os.path", None, 0) is os, True)
    check("import_name", importing("os.path", ("join",), 0) is os.path, True)
    check("import_name", outcome(importing, "no_such_module", None, 0)[:3], ("raised", ModuleNotFoundError, "No module named 'no_such_module'"))
    check("import_name", outcome(importing, "x", None, 1)[:3], outcome(exec, "from . import x", {"__name__": "__main__"})[:3])
    check("import_name", outcome(importing, "x", None, 2**70)[:2], ("raised", OverflowError))
    calls = []
    def own(*arguments):
        calls.append(arguments[0:1] + arguments[3:])
        return "imported"
    env = {"__builtins__": {"__import__": own}, "H": H}
    exec("def f(): return H.import_name('a.b', ('c',), 0)\nr = f()\ns = H.import_name('q', None, 0)", env)
    check("import_name with its own __import__", (env["r"], env["s"], calls), ("imported", "imported", [("a.b", ("c",), 0), ("q", None, 0)]))
    env = {"__builtins__": {}, "H": H}
    check("import_name without", outcome(exec, "H.import_name('q', None, 0)", env)[:3], ("raised", ImportError, "__import__ not found"))


def test_displays():
    items = [[1], "b", 3.5, (), {}]
    for count in (0, 1, 2, 5):
        some = items[:count]
        same(f"build_list {count}", H.build_list, list, lambda: (some,))
        same(f"build_tuple {count}", H.build_tuple, tuple, lambda: (some,))
    check("build_tuple", H.build_tuple([]) is tuple(), True)
    built = H.build_list([1, [2]])
    built.append(3)
    check("build_list", (built, gc.is_tracked(built)), ([1, [2], 3], True))
    for some in ([], [1, 2, 1], ["a", True, 1], [Unhashable()], [1, [2]], [BadEqual(), 7]):
        same(f"build_set {some!r}", H.build_set, set, lambda: (some,))
        pairs = [value for item in some for value in (item, [item])]
        same(f"build_map {pairs!r}", H.build_map, lambda flat: {flat[n]: flat[n + 1] for n in range(0, len(flat), 2)}, lambda: (pairs,))
    same("build_const_key_map", H.build_const_key_map, lambda k, v: dict(zip(k, v)), lambda: (("a", "b", "a"), [1, [2], 3]))
    for pieces in (["a", "b"], ["", "x"], ["\u20ac", "a", "\U0001f40d"], ["", ""], ["one"]):
        same(f"build_string {pieces}", H.build_string, "".join, lambda: (pieces,))
    same("build_slice", H.build_slice, slice, lambda: (1, None, ["x"]))

    def extend(c, i): c.extend(i) if hasattr(type(i), "__iter__") or hasattr(type(i), "__getitem__") else [*i]; return 0

    class Old:
        def __getitem__(self, index):
            if index > 2: raise IndexError
            return index
        def __repr__(self): return "<Old>"

    class BadIter:
        def __iter__(self): raise TypeError("bad iter")
        def __repr__(self): return "<BadIter>"

    class NotIter:
        def __iter__(self): return 5
        def __repr__(self): return "<NotIter>"

    for iterable in ([1, 2], (1,), "ab", {1: 2}, 5, None, Old(), BadIter(), NotIter(), {7}):
        def star(c, i):
            c[:] = [*c, *i]
            return 0
        def braces(c, i):
            {*i}  # raises what the display raises
            c.update(i)  # the order of a set depends on the order of insertions
            return 0
        same(f"list_extend {iterable!r}", H.list_extend, star, lambda: ([0], iterable))
        same(f"set_update {iterable!r}", H.set_update, braces, lambda: ({0}, iterable))
    for item in (1, "a", Unhashable(), BadEqual()):
        same(f"set_add {item!r}", H.set_add, lambda s, i: (s.add(i), 0)[1], lambda: ({7}, item))

    class Keys:
        def keys(self): return ["k", "l"]
        def __getitem__(self, key): return key * 2
        def __repr__(self): return "<Keys>"

    class BadKeys:
        def keys(self): raise AttributeError("inside")
        def __repr__(self): return "<BadKeys>"

    class KeyErrors:
        def keys(self): return ["k"]
        def __getitem__(self, key): raise KeyError("a", "b")
        def __repr__(self): return "<KeyErrors>"

    def function(**keywords): return keywords
    for update in ({1: 2}, {"a": 5}, {"b": 1}, Keys(), BadKeys(), KeyErrors(), 5, None, [1], {}):
        def spread(d, u):
            new = {**d, **u}
            d.clear()
            d.update(new)
            return 0
        same(f"dict_update {update!r}", H.dict_update, spread, lambda: ({"a": 1}, update))

        def merge(d, u, f):
            f(**{"a": 1}, **u) if u != {1: 2} else None
            d.update(u)
            return 0
        for callable in (function, dict, [].append):
            if update != {1: 2}:
                got, expected = [{"a": 1}, update, callable], [{"a": 1}, update, callable]
                result = outcome(lambda: callable(**{"a": 1}, **update))
                helped = outcome(H.dict_merge, *got)
                if helped[0] == "raised" or "argument after" in str(result[2]) or "multiple values" in str(result[2]):
                    check(f"dict_merge {update!r} {callable}", helped, result)
    for key in (1, "k", Unhashable(), BadEqual()):
        same(f"map_add {key!r}", H.map_add, lambda d, k, v: (operator.setitem(d, k, v), 0)[1], lambda: ({7: 1}, key, ["v"]))

    class Formatted:
        def __format__(self, spec): return f"<{spec}>"
        def __str__(self): return "str"
        def __repr__(self): return "\u20acrepr"

    class BadFormat:
        def __format__(self, spec): return 5
        def __str__(self): return 5
        def __repr__(self): raise OSError("repr")

    for value in (1, 1.5, "text", Text("sub"), None, Formatted(), [1], 10**20):
        same(f"format_simple {value!r}", H.format_simple, lambda v: f"{v}", lambda: (value,))
        for spec in ("", "5", ">10", "x", "zz"):
            same(f"format_with_spec {value!r} {spec}", H.format_with_spec, lambda v, s: f"{v:{s}}", lambda: (value, spec))
        for number, convert in ((1, str), (2, repr), (3, ascii)):
            same(f"convert_value {value!r} {number}", H.convert_value, lambda v, n: convert(v), lambda: (value, number))
    bad = BadFormat()
    check("format_simple", outcome(H.format_simple, bad)[:3], outcome(lambda: f"{bad}")[:3])
    for number, convert in ((1, str), (2, repr), (3, ascii)):
        check(f"convert_value bad {number}", outcome(H.convert_value, bad, number)[:3], outcome(convert, bad)[:3])


def test_iteration():
    class Raises:
        def __iter__(self): return self
        def __next__(self): raise ValueError("next")
        def __repr__(self): return "<Raises>"

    class Stops:
        def __iter__(self): return self
        def __next__(self): raise StopIteration(5)
        def __repr__(self): return "<Stops>"

    class Sub:
        def __iter__(self): return self
        def __next__(self): raise type("MyStop", (StopIteration,), {})("x")
        def __repr__(self): return "<Sub>"

    def generate():
        yield 1
        yield [2]
        return 7

    for make in (lambda: [1, [2]], lambda: (1,), lambda: "ab", lambda: range(2), lambda: {1: 2}, lambda: Raises(), lambda: Stops(), lambda: Sub(), generate):
        iterator = H.get_iter(make())
        reference = iter(make())
        for _ in range(4):
            got = outcome(lambda: taken(H.iter_next(iterator)))
            expected = outcome(next, reference, NULL)
            check(f"iter_next {shown(make())}", got[:3], expected[:3])
    for value in (5, None, Left(), [1]):
        check(f"get_iter {value!r}", outcome(H.get_iter, value), outcome(iter, value))
    for make in (lambda: [1, [2]], lambda: (1, [2]), lambda: "ab", lambda: iter([1, 2]), lambda: range(3), lambda: 5, lambda: None, Raises, Stops, lambda: Left(),
                 lambda: list(range(40)), lambda: tuple(range(40)), lambda: iter(range(40)), lambda: {1: 2, 3: 4}, lambda: (), lambda: []):
        for count in (0, 1, 2, 3, 40):
            targets = "".join(f"a{number}," for number in range(count))
            code = f"def unpack(s):\n [{targets}] = s\n return ({targets})" if count else "def unpack(s):\n [] = s\n return ()"
            env = {}
            exec(code, env)
            check(f"unpack_sequence {shown(make())} {count}", outcome(H.unpack_sequence, make(), count), outcome(env["unpack"], make()))
        for before in (0, 1, 2, 20):
            for after in (0, 1, 3):
                head = "".join(f"a{number}," for number in range(before))
                tail = "".join(f",b{number}" for number in range(after))
                env = {}
                exec(f"def unpack(s):\n [{head} *m {tail}] = s\n return ({head} m {tail},)", env)
                check(f"unpack_ex {shown(make())} {before} {after}", outcome(H.unpack_ex, make(), before, after), outcome(env["unpack"], make()))
    same("unpack_sequence leaks", H.unpack_sequence, lambda s, n: tuple(s), lambda: ([[1], [2]], 2))
    same("unpack_sequence leaks", H.unpack_sequence, lambda s, n: tuple(s), lambda: ({(1, 2): 1, "b": 2}, 2))
    same("unpack_ex leaks", H.unpack_ex, lambda s, a, b: (s[0], s[1:-1], s[-1]), lambda: ([[1], [2], [3]], 1, 1))


def test_matching():
    class Point:
        __match_args__ = ("x", "y")
        def __init__(self, x, y): self.x, self.y = x, y
        def __repr__(self): return f"Point({self.x}, {self.y})"

    class BadArgs:
        __match_args__ = 5

    class Duplicate:
        __match_args__ = ("x", "x")
        x = 1

    for subject in ({}, {1: 2}, [], (), "a", b"", range(3), 5, types.MappingProxyType({})):
        check(f"match_flags mapping {subject!r}", H.match_flags(subject, 1 << 6), int(isinstance(subject, (dict, types.MappingProxyType))))
        check(f"match_flags sequence {subject!r}", H.match_flags(subject, 1 << 5), int(isinstance(subject, (list, tuple, range))))
        check(f"get_len {subject!r}", outcome(H.get_len, subject), outcome(len, subject))
    check("match_keys", outcome(H.match_keys, {"a": 1, "b": [2]}, ("a", "b")), ("value", tuple, "(1, [2])"))
    check("match_keys", outcome(H.match_keys, {"a": 1}, ("a", "b")), ("value", type(None), "None"))
    check("match_keys", outcome(H.match_keys, {"a": 1}, ("a", "a"))[:3], ("raised", ValueError, "mapping pattern checks duplicate key ('a')"))
    check("match_class", outcome(H.match_class, Point(1, 2), Point, ("y",), 1), ("value", tuple, "(1, 2)"))
    check("match_class", outcome(H.match_class, 5, Point, (), 1), ("value", type(None), "None"))
    check("match_class", outcome(H.match_class, 5, int, (), 1), ("value", tuple, "(5,)"))
    for arguments in ((Point(1, 2), Point, (), 3), (BadArgs(), BadArgs, (), 1), (Duplicate(), Duplicate, (), 2), (5, 6, (), 0), (Point(1, 2), Point, ("z",), 0)):
        names = "".join(f", {name}=_" for name in arguments[2])
        pattern = ", ".join(["_"] * arguments[3]) + names
        def run():
            env = {"subject": arguments[0], "cls": arguments[1]}
            exec(f"match subject:\n case cls({pattern.strip(', ')}): r = 'yes'\n case _: r = None", env)
            return env["r"]
        got, expected = outcome(H.match_class, *arguments), outcome(run)
        check(f"match_class {arguments}", got[:3] if got[0] == "raised" else got[2] != "None", expected[:3] if expected[0] == "raised" else expected[2] != "None")
    same("match_class leaks", H.match_class, lambda *_: (1, 2), lambda: (Point(1, 2), Point, ("y",), 1))


def test_exceptions():
    class Strange(Exception):
        def __new__(cls): return 5

    class Failing(Exception):
        def __init__(self): raise OSError("init")

    instance = ValueError("v")
    causes = [NULL, None, KeyError("c"), KeyError, 5, Strange, Failing]

    def plainly(exception, cause):
        if cause is NULL: raise exception
        raise exception from cause

    for exception in (ValueError, instance, 5, "text", Strange, Failing, object, None, StopIteration, int):
        for cause in causes:
            fresh = lambda value: ValueError("v") if value is instance else value
            check(f"raise {exception!r} from {cause!r}", outcome(lambda: H.__dict__["raise"](fresh(exception), cause)),
                  outcome(lambda: plainly(fresh(exception), cause)))
            def handling(action):
                try:
                    raise RuntimeError("context")
                except RuntimeError:
                    action()
            check(f"raise {exception!r} from {cause!r} while handling", outcome(handling, lambda: H.__dict__["raise"](fresh(exception), cause)),
                  outcome(handling, lambda: plainly(fresh(exception), cause)))
    raising = H.__dict__["raise"]
    check("bare raise", outcome(raising, NULL, NULL)[:3], ("raised", RuntimeError, "No active exception to reraise"))

    def again():
        try:
            raise ValueError("handled")
        except ValueError:
            raising(NULL, NULL)

    check("bare raise", outcome(again)[:3], ("raised", ValueError, "handled"))
    raised = ValueError("leaks")
    for _ in range(3):
        outcome(raising, raised, NULL)
        raised.__traceback__ = None
    count = sys.getrefcount(raised)
    for _ in range(20):
        outcome(raising, raised, KeyError)
        raised.__traceback__ = raised.__cause__ = raised.__context__ = None
    check("raise leaks", sys.getrefcount(raised), count)
    check("reraise", outcome(H.reraise, raised, NULL)[:3], ("raised", ValueError, "leaks"))
    raised.__traceback__ = None
    check("reraise leaks", sys.getrefcount(raised), count)

    first = ValueError("first")
    previous = H.push_exc_info(first)
    handled = sys.exception()
    H.pop_except(previous)
    check("push_exc_info", (previous, handled is first, sys.exception()), (None, True, None))
    try:
        raise KeyError("outer")
    except KeyError as outer:
        previous = H.push_exc_info(first)
        handled = sys.exception()
        same_one = previous is outer
        H.pop_except(previous)
        check("push_exc_info nested", (same_one, handled is first, sys.exception() is outer), (True, True, True))
        del handled, previous
    count = sys.getrefcount(first)
    for _ in range(10):
        H.pop_except(H.push_exc_info(first))
    check("push_exc_info leaks", sys.getrefcount(first), count)

    for classes in (ValueError, (KeyError, ValueError), KeyError, 5, (KeyError, 5), Exception, ()):
        def plain():
            try:
                raise ValueError("x")
            except classes:
                return 1
            except BaseException as error:
                if isinstance(error, ValueError): return 0
                raise error from None
        got, expected = outcome(H.check_exc_match, ValueError("x"), classes), outcome(plain)
        check(f"check_exc_match {classes}", got[:3], expected[:3])
    group = ExceptionGroup("g", [ValueError(1), KeyError(2)])
    check("check_eg_match", shown(H.check_eg_match(group, ValueError)), "(ExceptionGroup('g', [KeyError(2)]), ExceptionGroup('g', [ValueError(1)]))")
    check("check_eg_match", shown(sys.exception()), "ExceptionGroup('g', [ValueError(1)])")
    H.pop_except(None)
    try:
        raise ValueError(1)
    except* ValueError as error:
        wrapped = shown(error)
    check("check_eg_match", shown(H.check_eg_match(ValueError(1), ValueError)), f"(None, {wrapped})")
    H.pop_except(None)
    check("check_eg_match", shown(H.check_eg_match(group, OSError)), "(ExceptionGroup('g', [ValueError(1), KeyError(2)]), None)")
    for bad in (5, ExceptionGroup, (ValueError, BaseExceptionGroup), int):
        def star():
            try:
                raise ValueError
            except* bad:
                pass
        check(f"check_eg_match {bad}", outcome(H.check_eg_match, group, bad)[:3], outcome(star)[:3])
    check("assertion_error", H.assertion_error() is AssertionError, True)

    class Manager:
        def __enter__(self): return self
        def __exit__(self, *details): return details
        def __repr__(self): return "<Manager>"
    class NoExit:
        def __enter__(self): return self
    class NoEnter:
        def __exit__(self, *details): pass
    class BadEnter:
        def __enter__(self): raise OSError("enter")
        def __exit__(self, *details): pass
    class Static:
        __enter__ = staticmethod(lambda: "static")
        __exit__ = staticmethod(lambda *details: details)
    manager = Manager()
    exit, value = H.before_with(manager)
    check("before_with", (exit, value), (manager.__exit__, manager))
    for value in (NoExit(), NoEnter(), BadEnter(), 5):
        def plain():
            with value: pass
        check(f"before_with {value!r}", outcome(H.before_with, value)[:3], outcome(plain)[:3])
    check("before_with static", H.before_with(Static())[1], "static")
    try:
        1 / 0
    except ZeroDivisionError as error:
        check("with_except_start", H.with_except_start(exit, error), (ZeroDivisionError, error, error.__traceback__))
        check("with_except_start", H.with_except_start(lambda *a: a, ValueError("n"))[2], None)
        check("with_except_start", outcome(H.with_except_start, 5, error)[:3], ("raised", TypeError, "'int' object is not callable"))
    same("before_with leaks", H.before_with, lambda m: (m.__exit__, m), lambda: (manager,))


def cell():
    return (ctypes.c_uint64 * 8)()


class Site:
    "One place in compiled code that loads, calls or stores an attribute."
    def __init__(self, name):
        self.name = name
        self.cells = cell(), cell(), cell()

    def load(self, value):
        return H.load_attribute(value, self.name, ctypes.addressof(self.cells[0]))

    def method(self, value):
        found = H.load_method(value, self.name, ctypes.addressof(self.cells[1]))
        receiver = taken(H.method_receiver(value))
        if receiver is NULL:
            return found
        assert receiver is value
        return type(found).__get__(found, value, type(value))

    def store(self, value, new):
        return H.store_attribute(value, self.name, new, ctypes.addressof(self.cells[2]))

    def check(self, value):
        expected = outcome(getattr, value, self.name)
        check(f"load_attribute {shown(value)} {self.name}", outcome(self.load, value), expected)
        check(f"load_method {shown(value)} {self.name}", outcome(self.method, value), outcome(method_reference, value, self.name))


get_method = ctypes.pythonapi._PyObject_GetMethod
get_method.argtypes = [ctypes.py_object, ctypes.py_object, ctypes.POINTER(ctypes.c_void_p)]


def method_reference(value, name):
    "LOAD_ATTR of a method call: some errors differ from those of getattr."
    found = ctypes.c_void_p()
    takes_receiver = get_method(value, name, found)
    found = taken(found.value)
    return type(found).__get__(found, value, type(value)) if takes_receiver else found


class Getter:
    "A descriptor whose class may get __get__ and __set__ later."
    def __repr__(self): return "<Getter>"


def make_classes():
    class Plain:
        def method(self): return "plain"
        def __repr__(self): return f"<{type(self).__name__}>"
        default = 1

    class Slots:
        __slots__ = ("x", "y", "weird")
        def method(self): return "slots"
        def __repr__(self): return "<Slots>"

    class SlotsAndDict(Slots):
        @property
        def prop(self): return "prop"
        def __repr__(self): return "<SlotsAndDict>"

    class Properties(Plain):
        @property
        def x(self): return self.__dict__.get("hidden", "no hidden")
        @x.setter
        def x(self, value): self.__dict__["hidden"] = value
        @property
        def y(self): raise AttributeError("inside y")
        @functools.cached_property
        def cached(self): return "cached"
        @staticmethod
        def static(): return "static"
        @classmethod
        def klass(cls): return "klass"

    class Hooked(Plain):
        def __getattr__(self, name):
            if name.startswith("dyn"): return f"<{name}>"
            raise AttributeError(f"hooked {name}", name="n", obj=1)

    class HookedSlots:
        __slots__ = ("x", "y")
        @property
        def prop(self): raise AttributeError("prop")
        @property
        def static(self): return "fine"
        def __getattr__(self, name): return f"hooked {name}"
        def __repr__(self): return "<HookedSlots>"
        z = 5

    class Getattribute(Plain):
        def __getattribute__(self, name):
            if name == "x": return "always x"
            return object.__getattribute__(self, name)

    class DictSub(dict):
        def method(self): return "dictsub"

    class ErrorSub(Exception):
        def method(self): return "error"

    class Meta(type):
        @property
        def meta(cls): return "meta property"
        def method(cls): return "meta method"
        x = "meta x"

    class WithMeta(metaclass=Meta):
        @staticmethod
        def static(): return 1
        @classmethod
        def klass(cls): return cls
        default = 5
        descr = Getter()
        @property
        def prop(self): return 1
        def z(self): pass

    class Setter(Plain):
        def __setattr__(self, name, value): object.__setattr__(self, name, ("set", value))

    class TupleSub(tuple):
        def method(self): return "tuple"

    return [Plain, Slots, SlotsAndDict, Properties, Hooked, HookedSlots, Getattribute, DictSub, ErrorSub, WithMeta, Setter, TupleSub]


def instance_of(cls):
    return cls.__new__(cls)


NAMES = ["x", "y", "z", "method", "default", "prop", "cached", "static", "klass", "dynamic", "weird", "meta", "__class__", "__dict__", "__doc__", "args", "descr"]


def test_attributes():
    sites = {name: Site(name) for name in NAMES}
    classes = make_classes()
    objects = [instance_of(cls) for cls in classes] + classes + [random, 5, "text", [1], None, len, [].append, type, Getter(), object(), ctypes]
    for _ in range(3):
        for value in objects:
            for site in sites.values():
                site.check(value)
    # Each value many times at a site of its own, so that its entries are used.
    for value in objects:
        for name in NAMES:
            site = Site(name)
            for _ in range(3):
                site.check(value)


def test_attributes_at_random():
    for seed in range(int(__import__("os").environ.get("HELPERS_SEEDS", "20"))):
        chance = random.Random(seed)
        classes = make_classes()
        sites = {name: Site(name) for name in NAMES}
        # The same program on a second set of objects, with the interpreter's own operations for stores.
        mirror = make_classes()
        objects = [instance_of(cls) for cls in classes * 2]
        copies = [instance_of(cls) for cls in mirror * 2]
        getter = type("Getter", (), {"__repr__": lambda self: "<Getter>"})
        getters = [getter(), getter()]
        for step in range(250):
            index = chance.randrange(len(objects))
            value, other = objects[index], copies[index]
            number = chance.randrange(len(classes))
            name = chance.choice(NAMES)
            what = chance.randrange(16)
            label = f"seed {seed} step {step} {what} {shown(value)} {name}"
            if what < 6:
                new = chance.randrange(10**6)
                if name in ("__class__", "__dict__"):
                    continue
                check(f"store_attribute {label}", outcome(sites[name].store, value, new)[:4], (lambda r: r if r[0] == "raised" else ("value", int, "0"))(outcome(setattr, other, name, new))[:4])
            elif what == 6:
                check(f"delete_attribute {label}", outcome(H.delete_attribute, value, name)[:3],
                      (lambda r: r if r[0] == "raised" else ("value", int, "0"))(outcome(delattr, other, name))[:3])
            elif what == 7:
                for cls in (classes[number], mirror[number]):
                    outcome(setattr, cls, name, "class attribute")
            elif what == 8:
                for cls in (classes[number], mirror[number]):
                    outcome(delattr, cls, name)
            elif what == 9:
                for cls in (classes[number], mirror[number]):
                    outcome(setattr, cls, name, chance.choice(getters) if False else getters[0])
            elif what == 10:
                attribute = chance.choice(["__get__", "__set__"])
                if hasattr(getter, attribute):
                    delattr(getter, attribute)
                else:
                    setattr(getter, attribute, lambda self, *arguments: None if len(arguments) == 2 and arguments[1] is not type(arguments[0]) else "got")
            elif what == 11:
                for thing in (value, other):
                    outcome(lambda: thing.__dict__.update(zip(["x", "k1", "k2"], range(3))))
            elif what == 12:
                for thing in (value, other):
                    outcome(lambda: setattr(thing, "__dict__", dict(thing.__dict__)))
            elif what == 13:
                for thing, cls in ((value, classes[number]), (other, mirror[number])):
                    outcome(setattr, thing, "__class__", cls)
            elif what == 14:
                for thing in (value, other):
                    for extra in range(40):
                        outcome(setattr, thing, f"extra{extra}", extra)
            else:
                objects[index], copies[index] = instance_of(type(value)) , instance_of(type(other))
            for name in NAMES:
                if chance.random() < 0.3:
                    site = sites[name]
                    site.check(objects[index])
                    if name not in ("__dict__", "__class__"):
                        check(f"mirror {label} {name}", outcome(getattr, objects[index], name)[:3], outcome(getattr, copies[index], name)[:3])
                    if chance.random() < 0.2:
                        site.check(classes[number])
            left, right = getattr(objects[index], "__dict__", None), getattr(copies[index], "__dict__", None)
            if chance.random() < 0.1:
                check(f"dict {label}", shown(left), shown(right))


def test_attribute_references():
    class Plain:
        pass

    value = ["value"]
    plain = Plain()
    site = Site("x")
    for _ in range(5):
        site.store(plain, value)
        site.load(plain)
        site.method(plain)
    count = sys.getrefcount(value), sys.getrefcount(plain)
    for _ in range(50):
        site.store(plain, value)
        site.load(plain)
        site.method(plain)
    check("attribute counts", (sys.getrefcount(value), sys.getrefcount(plain)), count)

    class Method:
        def m(self): return self
        @property
        def p(self): return value
        k = value

    instance = Method()
    for name in ("m", "p", "k"):
        site = Site(name)
        for _ in range(5):
            site.load(instance), site.method(instance)
        function = Method.__dict__[name]
        count = sys.getrefcount(function), sys.getrefcount(instance), sys.getrefcount(value)
        for _ in range(50):
            site.load(instance), site.method(instance), site.load(Method)
        check(f"{name} counts", (sys.getrefcount(function), sys.getrefcount(instance), sys.getrefcount(value)), count)


def test_super():
    class Base:
        def method(self): return "base"
        @property
        def prop(self): return "base prop"
        @classmethod
        def klass(cls): return cls.__name__
        attribute = 5

    class Derived(Base):
        def method(self): return "derived"

    class Mine(super):
        pass

    value = Derived()
    for name in ("method", "prop", "klass", "attribute", "nothing"):
        for cls in (Derived, Base, int, 5):
            for receiver in (value, Derived, None, 5):
                for kind in (super, Mine):
                    for flags in (2, 3):
                        def helped():
                            found = H.load_super_attribute(kind, cls, receiver, name, flags)
                            bound = taken(H.method_receiver(receiver)) if flags & 1 else NULL
                            return found if bound is NULL else found.__get__(bound)
                        if receiver is None and kind is super and isinstance(cls, type):
                            message = f"super(type, obj): obj (instance of NoneType) is not an instance or subtype of type ({cls.__name__})."
                            check(f"super of None {cls} {name}", outcome(helped)[:3], ("raised", TypeError, message))
                            continue
                        check(f"super {kind} {cls} {receiver} {name} {flags}", outcome(helped), outcome(lambda: getattr(kind(cls, receiver), name)))

    class Zero(Base):
        def method(self):
            __class__
            found = H.load_super_attribute(super, Zero, self, "method", 1)
            return found(taken(H.method_receiver(self)))
        def general(self):
            __class__
            return H.load_super_attribute(lambda *a: super(Zero, self) if not a else None, Zero, self, "method", 0)()

    check("zero-argument super", (Zero().method(), Zero().general()), ("base", "base"))


for name, test in sorted(globals().items()):
    if name.startswith("test_"):
        before = len(failures)
        test()
        if len(failures) != before:
            print(f"{name}: {len(failures) - before} differences")
            for failure in failures[before : before + 15]:
                print(failure, flush=True)
if failures:
    raise SystemExit(f"{len(failures)} differences in {checks} checks")
print(f"{checks} checks")
