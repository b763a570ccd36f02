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
