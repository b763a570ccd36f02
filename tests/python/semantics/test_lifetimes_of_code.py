"""Compiled code keeps nothing alive that the interpreter would let go."""

import gc
import weakref


def test_a_closure_and_its_code_die(engine):
    class Thing:
        pass

    def make(text):
        namespace = {}
        exec(text, namespace)
        return namespace.pop("outer")

    def run():
        thing = Thing()
        inner = make("def outer(thing):\n    def inner():\n        return thing\n    return inner\n")(thing)
        inner()
        assert engine.compile(inner)
        assert inner() is thing
        return weakref.ref(thing), weakref.ref(inner), weakref.ref(inner.__code__)

    references = run()
    gc.collect()
    assert [reference() for reference in references] == [None, None, None]


def replaced(change):
    if change:
        replaced.__code__ = (lambda change: 3).__code__
    values = [1, 2, 3]
    return sum(values) + len(str(change))


def test_code_that_is_replaced_while_it_runs(engine):
    replaced(False)
    assert engine.compile(replaced)
    assert replaced(True) == 10
    assert replaced(False) == 3


def test_extra_slots_of_others(run_both):
    """Another extension's function for its extra slots is called for code objects in which it has set one, and for no others."""
    run_both(
        """
import ctypes, gc

FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
free = FREE(lambda pointer: print("free", pointer))
index = ctypes.pythonapi.PyUnstable_Eval_RequestCodeExtraIndex(free)
set_extra = ctypes.pythonapi.PyUnstable_Code_SetExtra
set_extra.argtypes = (ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p)

def make():
    namespace = {}
    exec("def work(n):\\n    total = 0\\n    for i in range(n):\\n        total += i\\n    return total", namespace)
    return namespace["work"]

for value in (None, 300):
    work = make()
    if value:
        set_extra(work.__code__, index, value)
    for _ in range(3):
        work(10)
    del work
    gc.collect()
import os, sys
sys.stdout.flush()
os._exit(0)
""",
        entered=False,
    )


def test_a_module_that_a_loop_of_module_level_code_has_called(run_both, tmp_path):
    (tmp_path / "told.py").write_text("class Told:\n    def __del__(self):\n        print('deleted')\nthing = Told()\ndef total():\n    return 1\n")
    run_both(
        "import gc, sys, told\n"
        "for i in range(6):\n    told.total()\n"
        "del sys.modules['told'], told\n"
        "gc.collect()\n"
        "print('collected')\n",
        options={"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3"},
    )


def test_a_function_that_a_loop_compares_with(run_both):
    """The function is in a cycle with an object that tells of its end; the loop's code knows it by its address."""
    run_both(
        """
import gc

class Told:
    def __del__(self):
        print("deleted")

def make():
    told = Told()
    def inner():
        return told
    told.inner = inner
    return inner

def work(function):
    for i in range(8):
        function()

function = make()
for i in range(8):
    function()
work(function)
del function
gc.collect()
print("collected")
""",
        options={"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3"},
    )


def test_attributes_of_classes(run_both):
    """An object that a class has, and that leads back to the class; one that is replaced."""
    run_both(
        """
import gc, weakref
class Told:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("gone", self.name)

def make(turn):
    class Owner:
        thing = Told(turn)
        def run(self):
            return self.thing.name
    Owner.thing.owner = Owner
    owner = Owner()
    for i in range(6):
        owner.run()
    return weakref.ref(Owner)

for turn in range(4):
    reference = make(turn)
    print("made")
    gc.collect()
    print(turn, reference())

class Kept:
    thing = Told("first")
    def run(self):
        return self.thing.name

kept = Kept()
for turn in range(6):
    kept.run()
Kept.thing = Told("second")
print("replaced", kept.run())
del Kept.thing
print("deleted")
"""
    )


def test_defaults_and_code_of_functions(run_both):
    """What belongs to a function that compiled code names dies with it."""
    run_both(
        """
import gc, weakref
gc.disable()
class Told:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("gone", self.name)

def make(turn):
    namespace = {"Told": Told}
    exec(f"def inner(n, told=Told({turn}), *, key=Told('key')):\\n    return told.name + n", namespace)
    return namespace.pop("inner")

def work(function):
    return sum([function(i) for i in range(8)])

for turn in range(5):
    function = make(turn)
    print(work(function))
    code = weakref.ref(function.__code__)
    function.__defaults__ = (Told(turn * 10),)
    print("defaults", work(function))
    del function
    print("deleted", code())
"""
    )
