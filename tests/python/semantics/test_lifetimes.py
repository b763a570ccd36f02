"""When objects die: destructors, weak references' callbacks, `close` of generators and callbacks of the collector come at the same moments, in the same order."""

import pytest

#: From everything at once to what is hot: with inlining, with feedback, with guards that fail on purpose.
MODES = {
    "first": {},
    "third": {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "4"},
    "hot": {"COACHWHIP_THRESHOLD": "20", "COACHWHIP_LOOP_THRESHOLD": "20"},
    "never again": {"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "2", "COACHWHIP_RECOMPILATION_LIMIT": "0"},
    "exits": {"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3", "COACHWHIP_STRESS_EXITS": "5"},
}

PRELUDE = """
import coachwhip, gc, sys, weakref
EVENTS = []
TURNS = 30

class Noisy:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        EVENTS.append(f"gone {self.name}")

class Child(Noisy):
    __slots__ = ("more",)

def tell(*what):
    EVENTS.append(" ".join(map(str, what)))

def same(value):
    return value

@coachwhip.never
def repeat(case):
    for turn in range(TURNS):
        EVENTS.clear()
        try:
            case(turn)
        except Exception as error:
            tell("raised", type(error).__name__, error)
            error = None
        tell("over")
        # Most turns are the same: print what is new.
        text = "; ".join(EVENTS)
        if text != getattr(repeat, "last", None):
            print(case.__name__, turn, text)
            repeat.last = text
"""

LOCALS = """
def deleted(turn):
    a, b = Noisy("a"), Noisy("b")
    tell("both")
    del a
    tell("no a")
    b = None
    tell("no b")

def overwritten(turn):
    a = Noisy(1)
    tell("one")
    a = Noisy(2)
    tell("two")
    a = same(a)
    tell("same")
    a, b = Noisy(3), a
    tell("three")
    a, b = b, a
    tell("swapped")

def order_at_return(turn):
    c = Noisy("c")
    a = Noisy("a")
    b = Noisy("b")
    return same(tell("return"))

def parameters_at_return(p, q=None):
    own = Noisy("own")
    tell("in")

def order_of_parameters(turn):
    parameters_at_return(Noisy("p"), Noisy("q"))
    parameters_at_return(Noisy("p"))
    parameters_at_return(q=Noisy("q"), p=1)
    tell("after")

def loop_variables(turn):
    for thing in [Noisy(0), Noisy(1), Noisy(2)]:
        tell("turn", thing.name)
    tell("loop over")
    for thing in (Noisy(i) for i in range(3)):
        tell("turn", thing.name)
    tell("loop over")
    for thing in map(Noisy, "xyz"):
        if thing.name == "y":
            break
    tell("broke")

def counted(turn):
    last = None
    for i in range(4):
        last = Noisy(i)
        tell(i)
    tell("end")

def while_loop(turn):
    things = [Noisy(i) for i in range(3)]
    while things:
        thing = things.pop()
        tell("popped", thing.name)
    tell("empty")

def conditional(turn):
    a = Noisy("a") if turn % 2 else None
    b = a or Noisy("b")
    tell("have")
    b = a and Noisy("c")
    tell("end")

def walrus(turn):
    if (a := Noisy("a")) and (a := Noisy("b")):
        tell("in")
    tell("end")

def unbound(turn):
    a = Noisy("a")
    del a
    try:
        a
    except UnboundLocalError:
        tell("unbound")
    a = Noisy("again")

def holder():
    mine = Noisy("mine")
    return mine

def returned(turn):
    holder()
    tell("dropped")
    a = holder()
    tell("kept")
"""

TEMPORARIES = """
class Numeric(Noisy):
    def __add__(self, other):
        tell("add", self.name, other.name)
        return Numeric(self.name + other.name)
    def __lt__(self, other):
        return self.name < other.name
    def __getitem__(self, key):
        return Noisy(key)
    def __len__(self):
        return 3
    def __bool__(self):
        return True
    def __iter__(self):
        return iter((Noisy("i1"), Noisy("i2")))
    def __contains__(self, other):
        return True
    @property
    def attribute(self):
        return Noisy("attribute of " + self.name)
    def method(self, other):
        tell("method", self.name, other)
        return self

def operators(turn):
    result = Numeric("a") + Numeric("b") + Numeric("c")
    tell("added")
    tell(Numeric("d") < Numeric("e"), Numeric("f") in Numeric("g"))
    result += Numeric("h")
    tell("end")

def subscripts(turn):
    tell(Numeric("a")["key"].name)
    tell([Noisy(0), Noisy(1)][1].name)
    tell((Noisy(0), Noisy(1))[0].name)
    tell({"k": Noisy("v")}["k"].name)
    tell("end")

def attributes(turn):
    tell(Numeric("a").attribute.name)
    tell(Numeric("b").method(1).method(2).name)
    tell("end")

def calls(turn):
    same(Noisy("a"))
    tell("dropped")
    tell(len(Numeric("b")), bool(Numeric("c")), isinstance(Noisy("d"), Noisy), str(Noisy("e").name))
    tell("end")

def conditions(turn):
    if Numeric("a"):
        tell("true")
    if not Numeric("b"):
        tell("false")
    x = Numeric("c") and Numeric("d") or Numeric("e")
    if Noisy("f") is None or Noisy("g") is not None:
        tell("is")
    tell("end")

def displays(turn):
    [Noisy(1), Noisy(2)]
    tell("list")
    (Noisy(1), turn, Noisy(2))
    tell("tuple")
    {"a": Noisy(1), "b": Noisy(2)}
    tell("dict")
    {Noisy(1)}
    tell("set")
    f"{Noisy('f').name}{Noisy('g').name}"
    tell("text")
    lambda a=Noisy("default"): a
    tell("function")

def unpacked(turn):
    a, b = Numeric("x")
    tell("pair")
    a, *b = [Noisy(0), Noisy(1), Noisy(2)]
    tell("star")
    (a, b), c = (Noisy(3), Noisy(4)), Noisy(5)
    tell("nested")

def chained(turn):
    a = b = Noisy("both")
    tell(Numeric("a") < Numeric("b") < Numeric("c"))
    a = None
    tell("end")

def many_arguments(a, b, c):
    tell("many")

class Callable(Noisy):
    def __call__(self, *arguments, **keywords):
        self = None
        tell("called")
    def method(self, *arguments):
        self = arguments = None
        tell("method")

class Refuses(Noisy):
    def __call__(self, a):
        raise ValueError

def callables(turn):
    Callable("callable")(Noisy("a"), Noisy("b"))
    tell("instance")
    Callable("callable")(Noisy("a"), key=Noisy("b"))
    tell("keywords")
    method = Callable("bound").method
    method(Noisy("a"))
    tell("bound")
    method = None
    [Callable("list").method][0](Noisy("a"))
    tell("temporary")
    [same][0](Noisy("function"))
    [len][0]([Noisy("length")])
    [dict.get][0]({"k": Noisy("v")}, Noisy("key"), Noisy("default"))
    try:
        Refuses("refuses")(Noisy("a"))
    except ValueError:
        tell("refused")
    tell("end")

def argument_order(turn):
    many_arguments(Noisy(1), b=Noisy(2), c=Noisy(3))
    many_arguments(*[Noisy(1), Noisy(2)], Noisy(3))
    tell("end")
"""

CONTAINERS = """
class Index(Noisy):
    def __index__(self):
        return self.name

def slices(turn):
    tell(len([1, 2, 3, 4][Index(1):Index(3)]))
    things = [Noisy(i) for i in range(4)]
    things[Index(0):Index(2)] = [Noisy("new")]
    tell("stored")
    tell([thing.name for thing in things[Index(0):]])
    del things[Index(0)], things[Index(0):Index(1)]
    tell("end")

class Slots:
    __slots__ = ("left", "right")

def replaced(turn):
    things = [Noisy(0), Noisy(1), Noisy(2)]
    things[1] = Noisy("new")
    tell("item")
    things[0:2] = [Noisy("x")]
    tell("slice")
    del things[0]
    tell("deleted")
    things.append(Noisy("appended"))
    things.pop()
    tell("popped")
    things.clear()
    tell("cleared")

def in_dicts(turn):
    table = {"a": Noisy("a"), "b": Noisy("b")}
    table["a"] = Noisy("new a")
    tell("replaced")
    del table["b"]
    tell("deleted")
    table.update(a=Noisy("newest"))
    tell("updated")
    table = None
    tell("end")

def in_attributes(turn):
    holder = Noisy("holder")
    holder.thing = Noisy(1)
    holder.thing = Noisy(2)
    tell("replaced")
    del holder.thing
    tell("deleted")
    holder.__dict__["thing"] = Noisy(3)
    holder.thing = None
    tell("end")

def in_slots(turn):
    slots = Slots()
    slots.left, slots.right = Noisy("left"), Noisy("right")
    slots.left = Noisy("new left")
    tell("replaced")
    slots.left, slots.right = slots.right, slots.left
    tell("swapped")
    del slots.left
    tell("end")

class Owner:
    def __init__(self):
        self.things = []
        self.last = None
    def put(self, thing):
        self.things.append(thing)
        self.last = thing
    def take(self):
        self.last = None
        return self.things.pop()

def methods(turn):
    owner = Owner()
    for i in range(4):
        owner.put(Noisy(i))
    while owner.things:
        owner.take()
        tell("taken")

def globals_replaced(turn):
    global thing
    thing = Noisy("global")
    tell("set")
    thing = Noisy("another")
    tell("replaced")
    del thing
    tell("deleted")

def in_cells(turn):
    cell = Noisy("cell")
    def inner():
        nonlocal cell
        tell("inner", cell.name)
        cell = Noisy("new")
        tell("changed")
    inner()
    del inner
    tell("no function")
    cell = None
    tell("end")

def kept_by_closures(turn):
    held = Noisy("held")
    function = lambda: held
    held = None
    held = Noisy("second")
    tell("second")
    function = None
    tell("end")

def comprehensions(turn):
    x = Noisy("outer")
    names = [x.name for x in (Noisy(0), Noisy(1))]
    tell("list")
    table = {x.name: x for x in map(Noisy, "ab")}
    tell("dict")
    table = None
    found = [y for y in [Noisy(2), Noisy(3)] if y.name == 3]
    tell("filtered")
    nested = [[y for y in (x, Noisy(4))] for x in [Noisy(5)]]
    tell("end")

def cycles(turn):
    a, b = Noisy("a"), Noisy("b")
    a.other, b.other = b, a
    del a, b
    tell("cycle")
    gc.collect()
    tell("collected")
"""

EXCEPTIONS = """
def fails(name):
    local = Noisy("local of " + name)
    raise ValueError(name)

def caught(turn):
    try:
        fails("one")
    except ValueError as error:
        tell("caught")
    tell("out")

def kept_traceback(turn):
    kept = None
    try:
        fails("two")
    except ValueError as error:
        kept = error
        tell("caught")
    tell("kept")
    kept.__traceback__ = None
    tell("without traceback")
    kept = None

def cleared(turn):
    try:
        fails("three")
    except ValueError as error:
        error.__traceback__.tb_next.tb_frame.clear()
        tell("cleared")
    tell("out")

def temporaries_in_expressions(turn):
    try:
        many(Noisy("a"), [Noisy("b"), fails("four")], Noisy("never"))
    except ValueError:
        tell("caught")
    try:
        Noisy("c").missing
    except AttributeError as error:
        tell("missing")
    tell("out")

def many(*arguments):
    return arguments

def through_frames(turn):
    def deep(n):
        mine = Noisy(n)
        if n == 0:
            raise KeyError
        deep(n - 1)
        tell("never")
    try:
        deep(3)
    except KeyError:
        tell("caught")
    tell("out")

def finally_order(turn):
    a = Noisy("a")
    try:
        b = Noisy("b")
        return Noisy("result")
    finally:
        b = None
        tell("finally")

def loops_with_errors(turn):
    for i in range(4):
        try:
            thing = Noisy(i)
            if i % 2:
                raise IndexError(Noisy("argument"))
        except IndexError as error:
            tell("caught", i)
            continue
        finally:
            tell("finally", i)
    tell("out")

def raising_destructors(turn):
    class Raises:
        def __del__(self):
            tell("raises")
            try:
                raise ValueError
            except ValueError:
                tell("handled")
    try:
        a = Raises()
        raise KeyError("outer")
    except KeyError as error:
        a = None
        tell(error, sys.exception() is error)
    tell("out")

def uncaught(turn):
    a = Noisy("a")
    for i in range(3):
        b = Noisy(i)
        if i == 2:
            fails("five")

class Manager(Noisy):
    def __enter__(self):
        return Noisy("entered")
    def __exit__(self, *details):
        tell("exit", details[0])
        return True

def with_statement(turn):
    with Manager("m") as thing:
        tell("inside")
    tell("after")
    with Manager("n"):
        fails("six")
    tell("end")
"""

OTHERS = """
def generate(name, n):
    mine = Noisy("mine of " + name)
    try:
        for i in range(n):
            yield Noisy(f"{name}{i}")
    finally:
        tell("closing", name)

def breaking(turn):
    for thing in generate("a", 5):
        tell(thing.name)
        if thing.name == "a1":
            break
    tell("broke")
    for thing in generate("b", 2):
        pass
    tell("exhausted")

def dropping(turn):
    generator = generate("c", 3)
    next(generator)
    tell("started")
    generator = None
    tell("dropped")
    generate("d", 3)
    tell("never started")
    first, *_ = generate("e", 2)
    tell("unpacked")

def returning(turn):
    for thing in generate("f", 3):
        return tell("returning")

def raising(turn):
    for thing in generate("g", 3):
        raise ValueError("in a loop")

def expressions(turn):
    tell(any(thing.name == "h1" for thing in generate("h", 3)))
    tell(sum(len(thing.name) for thing in generate("i", 2)))
    tell("end")

def sending(turn):
    generator = generate("j", 3)
    generator.send(None)
    try:
        generator.throw(KeyError)
    except KeyError:
        tell("thrown")
    generator.close()
    tell("closed")

def weak_references(turn):
    a = Noisy("a")
    first = weakref.ref(a, lambda reference: tell("first", reference() is None))
    second = weakref.ref(a, lambda reference: tell("second"))
    weakref.finalize(a, tell, "finalised")
    a = None
    tell("end")

def weak_containers(turn):
    values = weakref.WeakValueDictionary()
    keys = weakref.WeakKeyDictionary()
    for name in "xyz":
        thing = Noisy(name)
        values[name] = thing
        keys[thing] = name
        tell(len(values), len(keys))
    thing = None
    tell(len(values), len(keys))

def functions(turn):
    def make():
        held = Noisy("held by a function")
        def inner(n=3):
            return held, n
        return inner
    function = make()
    for i in range(5):
        function()
    reference = weakref.ref(function, lambda reference: tell("function gone"))
    function = None
    tell("end", reference())

def classes(turn):
    if turn % 10:
        return
    class Local:
        thing = Noisy("of a class")
        def method(self):
            return self.thing
    local = Local()
    for i in range(4):
        local.method()
    reference = weakref.ref(Local, lambda reference: tell("class gone"))
    del local, Local
    tell("deleted")
    gc.collect()
    tell("collected", reference())

def collections(turn):
    seen = []
    def callback(phase, info):
        tell(phase, info["generation"])
    a = Noisy("a")
    a.itself = a
    a = None
    gc.callbacks.append(callback)
    try:
        gc.collect(0)
        gc.collect(1)
        tell("two")
        gc.collect()
    finally:
        gc.callbacks.remove(callback)
    tell("end")

def resurrection(turn):
    kept = []
    class Lazarus:
        def __del__(self):
            tell("dying")
            kept.append(self)
    a = Lazarus()
    a = None
    tell("alive", len(kept))
    kept.clear()
    tell("end", len(kept))

def looking(turn):
    class Looks:
        def __init__(self, name):
            self.name = name
        def __del__(self):
            frame = sys._getframe(1)
            tell(self.name, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, sorted(frame.f_locals))
    a = Looks("a")
    b = Looks("b")
    a = b
    del b
    a = Looks("c")
    tell("end")
"""

ARGUMENTS = """
def takes(a, b=None, *rest, key=None, **more):
    local = Noisy("local")
    tell("in", a.name)
    a = None
    tell("no a")
    rest = more = None
    tell("no more")

def spread(turn):
    takes(*[Noisy("a"), Noisy("b"), Noisy("c")])
    tell("list")
    takes(*(Noisy("a"), Noisy("b")))
    tell("tuple")
    values = (Noisy("a"), Noisy("b"))
    takes(*values)
    tell("local")
    takes(*values, Noisy("c"))
    values = None
    tell("end")

def spread_keywords(turn):
    takes(Noisy("a"), **{"b": Noisy("b"), "key": Noisy("key"), "other": Noisy("other")})
    tell("dict")
    table = {"b": Noisy("b")}
    takes(Noisy("a"), **table)
    table = None
    tell("local")
    takes(*[Noisy("a")], Noisy("b"), key=Noisy("key"), **{})
    tell("end")

def spread_errors(turn):
    for attempt in (0, 1, 2, 3, 4):
        try:
            if attempt == 0:
                takes(*[])
            elif attempt == 1:
                takes(*[Noisy("a")], a=Noisy("again"))
            elif attempt == 2:
                takes(**{"a": Noisy("a"), 3: Noisy("3")})
            elif attempt == 3:
                takes(*Noisy("no iterable"))
            else:
                takes(Noisy("a"), **Noisy("no mapping"))
        except TypeError as error:
            tell(error)
            error = None
        tell("next")

def forwards(*arguments, **keywords):
    tell("forwards")
    return takes(*arguments, **keywords)

def forwarding(turn):
    forwards(Noisy("a"), Noisy("b"))
    tell("positional")
    forwards(Noisy("a"), key=Noisy("key"))
    tell("end")

class Callable:
    def __call__(self, *arguments):
        local = Noisy("local")
        arguments = None
        tell("called")
    def method(self, a, b):
        a = b = None
        tell("method")

def spread_to_others(turn):
    Callable()(*[Noisy("a")])
    tell("instance")
    Callable().method(*[Noisy("a"), Noisy("b")])
    tell("method")
    Callable.method(*[Callable(), Noisy("a"), Noisy("b")])
    tell("function")
    print(*[], end="")
    len(*[[Noisy("a")]])
    tell("end")
"""

# The caller must be compiled: interpreted code keeps what it has made of an iterable that is neither tuple nor list (docs/differences.md).
ITERABLES = ARGUMENTS[: ARGUMENTS.index("def spread(")] + """
def spread_generators(turn):
    takes(*(Noisy(i) for i in range(3)))
    tell("generator")
    takes(*map(Noisy, "ab"))
    tell("map")
"""

PARTS = {"locals": LOCALS, "temporaries": TEMPORARIES, "containers": CONTAINERS, "exceptions": EXCEPTIONS, "others": OTHERS, "arguments": ARGUMENTS}

DRIVER = """
CASES = [value for name, value in list(globals().items()) if getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("turn",)]
for case in CASES:
    repeat(case)
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("part", PARTS)
def test_objects_die_at_the_same_moments(run_both, part, mode):
    run_both(PRELUDE + PARTS[part] + DRIVER, options=MODES[mode])


@pytest.mark.parametrize("mode", ["first", "third"])
def test_arguments_from_iterables(run_both, mode):
    run_both(PRELUDE + ITERABLES + "for turn in range(8):\n    spread_generators(turn)\n" + "TURNS = 20\nrepeat(spread_generators)\n", options=MODES[mode])


@pytest.mark.parametrize("mode", ["first", "third"])
def test_calls_from_interpreted_code(run_both, mode):
    """The caller is interpreted, the callee is compiled."""
    marked = ARGUMENTS.replace("\ndef spread", "\n@coachwhip.never\ndef spread").replace("\ndef forwarding", "\n@coachwhip.never\ndef forwarding")
    run_both(PRELUDE + marked + DRIVER, options=MODES[mode])


def test_functions_that_compiled_code_names(run_both):
    """A closure dies when the last one drops it, though compiled code compares with it; a global variable's value dies when it is replaced."""
    run_both(
        """
import coachwhip, gc, weakref
gc.disable()

class Noisy:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("gone", self.name)

def make(name):
    held = Noisy(name)
    def inner(n):
        return n + 1 if held else n
    return inner

def calls(function):
    total = 0
    for i in range(50):
        total += function(i)
    return total

for turn in range(5):
    function = make(turn)
    print(calls(function))
    reference = weakref.ref(function)
    function = None
    print("dropped", reference())

thing = Noisy("first")

def named():
    return thing.name

def replace(turn):
    global thing
    for i in range(4):
        thing = Noisy((turn, i))
        print(named())

for turn in range(20):
    named()
thing = Noisy("second")
print("replaced", named())
for turn in range(4):
    replace(turn)
del thing
print("deleted")
"""
    )


def test_references_are_counted_the_same(run_both):
    """Numbers of references that C code sees (here by another name of getrefcount), where nothing but the evaluation stack is in between."""
    run_both(
        """
import sys
count = getattr(sys, "get" + "refcount")

def make():
    def inner():
        return 1
    return inner

def work(function):
    total = 0
    for i in range(30):
        total += function()
    return total

class Class:
    value = [1]
    def method(self):
        return self.value

function, thing = make(), Class()
for turn in range(30):
    work(function)
    thing.method()
print(count(function), count(thing), count(Class.value), count(thing.method()))
print(count(Class.__dict__["method"]), count(work))
"""
    )
