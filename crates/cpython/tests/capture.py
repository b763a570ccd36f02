# Each function is run until the interpreter has specialised it; then its facts must say what was seen.
import gc
import importlib
import math
import os
import os.path
import probe
import re
import sys
import types


def warm(function, *arguments, times=120):
    for _ in range(times):
        function(*arguments)
    return probe.facts(function)


def check(text, *expected, absent=()):
    """Every pattern must be found in the text (which is of code0 if not said otherwise)."""
    for pattern in expected:
        assert re.search(pattern, text, re.MULTILINE), f"{pattern!r} not in:\n{text}"
    for pattern in absent:
        assert not re.search(pattern, text, re.MULTILINE), f"{pattern!r} in:\n{text}"


# ---- Attributes ----

class Plain:
    number = 5

    def __init__(self, x, y=2):
        self.x = x
        self.y = y

    def method(self, a, *, b=1):
        return self.x + a

    @property
    def getter(self):
        return self.x

    def __getitem__(self, index):
        return index


class Slots:
    __slots__ = ("a",)


class Listed(list):
    def method(self):
        return 1


class Finalised:
    def __del__(self):
        pass


class Big:
    pass


def attributes(plain, slots, listed, big):
    plain.y = plain.x
    plain.number
    plain.method(3)
    plain.getter
    slots.a = 1
    slots.a
    listed.method()
    big.last = 1
    big.last
    Plain.number
    math.sqrt(2.0)
    os.path.join


big = Big()
for number in range(40):
    setattr(big, f"a{number}", number)
big.last = 0
slots = Slots()
text = warm(attributes, Plain(1), slots, Listed(), big)
check(
    text,
    r"LOAD_ATTR .* inline value 0 of class\d+ Plain",
    r"STORE_ATTR .* inline value 1 of class\d+ Plain",
    r"class attribute obj\d+ 5 of class\d+ Plain, keys [1-9]",
    r"method obj\d+ function Plain.method of class\d+ Plain, keys [1-9]",
    r"property obj\d+ function Plain.getter of class\d+ Plain",
    r"STORE_ATTR .* slot at 16 of class\d+ Slots",
    r"LOAD_ATTR .* slot at 16 of class\d+ Slots",
    r"method obj\d+ function Listed.method of class\d+ Listed without dict",
    r"STORE_ATTR .* dict entry 40 of class\d+ Big",
    r"LOAD_ATTR .* dict entry 40 of class\d+ Big",
    r"obj\d+ 5 of the class object class\d+ Plain",
    r"built-in math.sqrt of a module with obj\d+ an object of dict",
    r"function join of a module with obj\d+ an object of dict",
    r"^code\d+ Plain.method",
    r"^obj\d+ Function function Plain.__init__: code\d+, defaults \[obj\d+\]",
    r"^obj\d+ Function function Plain.method: code\d+, b=obj\d+",
    r"^obj\d+ Function function join: code\d+, other globals",
    r"^class\d+ Plain Other version \d+, size 16, init obj\d+, inline values, shared keys, plain destructor",
    r"^depends on b$",
    r"^depends on math$",
    r"^depends on sqrt$",
)

# A compiled getter has version 0: the interpreter gives the property up, the facts do not.
probe.hook(Plain.getter.fget)
check(warm(attributes, Plain(1), slots, Listed(), big), r"property obj\d+ function Plain.getter of class\d+ Plain")

# A class that has changed since is another version: nothing is believed of the old one.
Plain.method = lambda self, a: 0
check(probe.facts(attributes), absent=[r"function Plain.method of"])
check(warm(attributes, Plain(1), slots, Listed(), big), r"method obj\d+ function <lambda> of class\d+ Plain")


# ---- Operators, subscripts, truth ----

def operators(i, f, s, l, t, d, plain, flag):
    i + i, i * i, i - i
    f + f, f * f, f - f
    s + s
    s += s
    i < i
    f < f
    s == s
    i / i
    l[0], t[0], s[0], d["a"]
    plain[0]
    l[0] = 1
    d["a"] = 1
    if i: pass
    if flag: pass
    if s: pass
    if l: pass
    if None: pass
    if plain: pass
    "a" in d
    a, b = t
    a, b = l


class Indexed:
    def __getitem__(self, index):
        return index


text = warm(operators, 3, 1.5, "abc", [1, 2], (1, 2), {"a": 1}, Indexed(), True)
lines = [line.strip() for line in text.splitlines()]
for wanted, count in {
    r"BINARY_OP .* Operands\(Int\)": 3,
    r"BINARY_OP .* Operands\(Float\)": 3,
    r"BINARY_OP .* Operands\(Str\)": 2,
    r"BINARY_OP .* generic": 1,
    r"COMPARE_OP .* Operands\(Int\)": 1,
    r"COMPARE_OP .* Operands\(Float\)": 1,
    r"COMPARE_OP .* Operands\(Str\)": 1,
    r"BINARY_SUBSCR .* Subscript\(List\)": 1,
    r"BINARY_SUBSCR .* Subscript\(Tuple\)": 1,
    r"BINARY_SUBSCR .* Subscript\(Str\)": 1,
    r"BINARY_SUBSCR .* Subscript\(Dict\)": 1,
    r"BINARY_SUBSCR .* subscript of class\d+ Indexed by obj\d+ function Indexed.__getitem__": 1,
    r"STORE_SUBSCR .* Subscript\(List\)": 1,
    r"STORE_SUBSCR .* Subscript\(Dict\)": 1,
    r"TO_BOOL .* Truth\(Int\)": 1,
    r"TO_BOOL .* Truth\(Bool\)": 1,
    r"TO_BOOL .* Truth\(Str\)": 1,
    r"TO_BOOL .* Truth\(List\)": 1,
    r"TO_BOOL .* always true: class\d+ Indexed": 1,
    r"CONTAINS_OP .* Contains\(Dict\)": 1,
    r"UNPACK_SEQUENCE .* Unpack\(Tuple\)": 1,
    r"UNPACK_SEQUENCE .* Unpack\(List\)": 1,
    r"POP_JUMP_IF_FALSE .* branch 0000000000000000": 5,
}.items():
    found = [line for line in lines if re.search(wanted, line)]
    assert len(found) == count, f"{wanted}: {len(found)} of {count} in\n{text}"


# ---- Calls, loops, globals ----

def callee(a, b=3):
    return a + b


def generator():
    yield 1


def calls(l, s, plain, unknown):
    callee(1)
    bound = plain.method
    bound(1)
    Plain(1, 2)
    list(s)
    type(l)
    str(1)
    tuple(l)
    len(l)
    isinstance(l, list)
    l.append(1)
    l.clear()
    ord("a")
    unknown()
    for _ in range(2): pass
    for _ in l: pass
    for _ in (1, 2): pass
    for _ in generator(): pass
    super


class Callable:
    def __call__(self):
        pass


class Base:
    def f(self):
        return 1


class Derived(Base):
    def f(self):
        return super().f()

    def g(self):
        return super().f


class Fresh:
    def __init__(self, x, y=2):
        self.x = x

    def method(self, a):
        pass


Plain = Fresh
text = warm(calls, [1], "abc", Fresh(1), Callable())
for name in ["Python", "BoundMethod", "ClassWithInit", "BuiltinClass", "Type1", "Str1", "Tuple1", "Len", "IsInstance", "ListAppend", "MethodDescriptor",
             "Builtin", "Other"]:
    check(text, rf"CALL .* Call\({name}\)")
for name in ["RangeIterator", "ListIterator", "TupleIterator", "Generator"]:
    check(text, rf"FOR_ITER .* Iterator\({name}\)")
check(
    text,
    r"^code\d+ callee",
    r"^code\d+ generator .* no direct entry$",
    r"^obj\d+ BuiltinFunction built-in builtins.len: one_argument",
    r"^obj\d+ BuiltinFunction built-in builtins.isinstance: fast",
    r"^obj\d+ MethodDescriptor method list.append: one_argument",
    r"^obj\d+ MethodDescriptor method list.clear: no_arguments",
    r"^depends on len \(absent\)$",
    r"^depends on len$",
)
instance = Derived()
for _ in range(30):
    instance.f(), instance.g()
check(probe.facts(Derived.f), r"LOAD_SUPER_ATTR .* Super\(true\)")
check(probe.facts(Derived.g), r"LOAD_SUPER_ATTR .* Super\(false\)")

counter = 0
unstable = 1


def bump():
    global counter
    counter += 1


def globals_that_change():
    bump()
    missing if counter < 0 else unstable


text = warm(globals_that_change)
check(text, r"LOAD_GLOBAL .* global obj\d+ function bump", absent=[r"depends on counter", r"depends on unstable", r"global obj\d+ \d"])
assert text.count("generic") >= 3, text


def never_run(a):
    if a:
        a.x + a[1]
        a()


check(warm(never_run, 0), r"LOAD_ATTR .* cold", r"BINARY_OP .* cold", r"BINARY_SUBSCR .* cold", r"CALL .* cold")


class A:
    pass


class B(A):
    x = 1


class C(A):
    def __init__(self):
        self.x = 2


def polymorphic(objects):
    for one in objects:
        one.x


warm(polymorphic, [B(), C(), types.SimpleNamespace(x=1)] * 40, times=100)


# ---- Destructors, versions ----

def makes():
    Finalised, Plain, Listed, ValueError


check(probe.facts(makes), r"class\d+ Finalised .*", r"class\d+ Fresh .* plain destructor", absent=[r"class\d+ Finalised .* plain destructor", r"Listed .*plain destr"])


def changes_too_often():
    Hopeless


class Hopeless:
    pass


for number in range(1100):
    Hopeless.attribute = number
    Hopeless().attribute
text = probe.facts(changes_too_often)
check(text, r"^obj\d+ Type class Hopeless$", absent=[r"^class\d+ Hopeless"])


# ---- Frames, instrumentation ----

def looping(items, first):
    total = 0.5
    held = lambda: first
    for item in items:
        total += item
    return total


def watch(event, function, *arguments):
    monitoring = sys.monitoring
    monitoring.use_tool_id(5, "test")
    monitoring.register_callback(5, event, probe.frame_facts)
    monitoring.set_local_events(5, function.__code__, event)
    probe.seen = ""
    function(*arguments)
    monitoring.set_local_events(5, function.__code__, 0)
    monitoring.register_callback(5, event, None)
    monitoring.free_tool_id(5)
    return probe.seen


warm(looping, [1.5, 2.5] * 10, "first")
text = watch(sys.monitoring.events.JUMP, looping, [1.5, 2.5] * 10, "first")
check(text, r"^slots: List Cell Float Function Float ListIterator$", r"JUMP_BACKWARD", r"BINARY_OP .* Operands\(Float\)", r"Iterator\(ListIterator\)")
text = watch(sys.monitoring.events.PY_START, looping, [1.5], "first")
check(text, r"^arguments: List Str$", r"BINARY_OP .* Operands\(Float\)")

sys.settrace(lambda *arguments: lambda *arguments: None)
looping([1.5, 2.5] * 10, "first")
text = probe.facts(looping)
sys.settrace(None)
check(text, r"FOR_ITER", r"RETURN_VALUE")


# ---- Everything at hand: no crash, no leak ----

for name in ["argparse", "asyncio", "dataclasses", "inspect", "json", "typing", "email", "logging", "unittest", "ast", "enum", "statistics", "pathlib", "pickle"]:
    importlib.import_module(name)
functions = [one for one in gc.get_objects() if type(one) is types.FunctionType]
before = [sys.getrefcount(one) for one in functions]
one = None
for position in range(len(functions)):
    text = probe.facts(functions[position])
    assert text.startswith("code0 "), text
after = [sys.getrefcount(one) for one in functions]
one = None
assert before == after
