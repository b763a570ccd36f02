"""Compiled code keeps nothing alive that the interpreter would let go."""

import gc
import weakref

import pytest


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


@pytest.mark.xfail(strict=True, reason="code that runs keeps a reference to what a guard compares with, and nobody tells it when that is the last one")
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
