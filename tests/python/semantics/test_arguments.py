"""Who owns the arguments of a call: when they die, whoever calls."""

import pytest

PROGRAM = """
import contextvars
import functools
import coachwhip

class Noisy:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("gone", self.name)

def plain(a, b=None):
    x = Noisy("local")
    print("in plain")

def forgets(a, b=0):
    del a
    print("forgot")
    b = None
    return Noisy("result")

def keywords(a, *rest, key=None, **more):
    x = Noisy("local")
    rest = key = more = None
    print("in keywords")

def raises(a):
    x = Noisy("local")
    raise ValueError("raised")

class Class:
    def __init__(self, a=None):
        self.a = a
    def method(self, a):
        x = Noisy("local")
        self = None
        print("in method")
    def __call__(self, a):
        x = Noisy("local")
        print("in call")
    def __del__(self):
        print("gone", "instance")

def many(a, b, c, d, e, f, g, h, *rest):
    a = d = None
    print("in many")
    return len(rest)

@coachwhip.never
def calls():
    held = Noisy("held")
    plain(Noisy("a"))
    plain(Noisy("a"), Noisy("b"))
    plain(held, held)
    plain(b=Noisy("b"), a=Noisy("a"))
    forgets(Noisy("a"))
    forgets(held, Noisy("b"))
    keywords(Noisy("a"))
    keywords(Noisy("a"), Noisy("b"), Noisy("c"), key=Noisy("key"), other=Noisy("other"))
    Class().method(Noisy("a"))
    method = Class().method
    method(Noisy("a"))
    method = None
    Class.method(Class(), Noisy("a"))
    Class()(Noisy("a"))
    Class(Noisy("a"))
    many(Noisy(0), Noisy(1), Noisy(2), Noisy(3), Noisy(4), Noisy(5), Noisy(6), Noisy(7), Noisy(8))
    for attempt in (lambda: raises(Noisy("a")), lambda: plain(Noisy("a"), Noisy("b"), Noisy("c")), lambda: plain(Noisy("a"), none=Noisy("b")), lambda: keywords()):
        try:
            coachwhip.never(attempt)()
        except (TypeError, ValueError) as error:
            print(type(error), error)

@coachwhip.never
def calls_by_c():
    held = Noisy("held")
    functools.partial(plain)(Noisy("a"))
    functools.partial(plain, Noisy("a"))(Noisy("b"))
    functools.partial(plain)(held, b=held)
    functools.partial(plain, b=Noisy("b"))(Noisy("a"))
    contextvars.copy_context().run(plain, Noisy("a"))
    contextvars.copy_context().run(plain, Noisy("a"), b=Noisy("b"))
    print(len(list(map(forgets, [Noisy("a"), held], (1, 2)))))
    print(sorted([held, Noisy("a")], key=lambda noisy: noisy.name)[0].name)
    print(functools.reduce(lambda a, b: b, [Noisy("a"), held, Noisy("b")]).name)
    property(forgets).__get__(held)
    classmethod(plain).__get__(held)(Noisy("a"))
    print(max([Noisy("a"), held], key=lambda noisy: noisy.name).name)

for turn in range(6):
    calls()
    calls_by_c()
    print(turn, "-" * 20)
"""


def test_arguments_die_when_the_callee_drops_them(run_both):
    run_both(PROGRAM.replace("    calls_by_c()\n", ""))


@pytest.mark.parametrize("threshold", ["1", "3"])
def test_arguments_that_c_functions_pass_on(run_both, threshold):
    run_both(PROGRAM.replace("    calls()\n", ""), options={"COACHWHIP_THRESHOLD": threshold})


def test_arguments_of_functions_that_are_replaced(run_both):
    """Code that is thrown away between calls: the vectorcall is ours, the interpreter runs the call."""
    run_both(
        """
import coachwhip
class Noisy:
    def __del__(self):
        print("gone")
limit = 1
def f(a, b=2, *, c=3):
    x = Noisy() if limit else None
    a = None
    print("in f", limit)
@coachwhip.never
def calls():
    global limit
    for turn in range(60):
        limit = turn % 3
        f(Noisy())
        f(Noisy(), c=Noisy())
        f(Noisy(), Noisy())
calls()
"""
    )


def test_another_evaluator(run_both):
    """While another extension evaluates frames (PEP 523) it sees each call; afterwards compiled code runs again."""
    pytest.importorskip("_testinternalcapi")
    run_both(
        """
import _testinternalcapi, coachwhip
def inner(n):
    return n + 1
def outer(n):
    total = 0
    for turn in range(n):
        total += inner(turn)
    return total
def switch(seen):
    if seen is None:
        _testinternalcapi.set_eval_frame_default()
    else:
        _testinternalcapi.set_eval_frame_record(seen)
for turn in range(30):
    outer(5)
for turn in range(3):
    seen = []
    switch(seen)
    outer(3)
    switch(None)
    print(seen)
before = coachwhip.stats()["entries"]
for turn in range(300):
    outer(5)
if coachwhip.is_enabled():
    assert coachwhip.stats()["entries"] > before + 250, coachwhip.explain(outer)
"""
    )
