"""Attributes and methods of several classes at one place: a branch for each class that came by, direct calls of what was found."""

import re

PROGRAM = """
import sys

class Base:
    kind = "base"
    def __init__(self, value):
        self.value = value
    def area(self, by):
        return self.value * by
    def shared(self):
        return self.kind
    def fail(self, at):
        if self.value == at:
            raise ValueError(self.value)
        return 1

class Circle(Base):
    kind = "circle"
    def area(self, by):
        return self.value + by

class Square(Base):
    def __init__(self, value):
        self.side = value
        self.value = value
    def area(self, by):
        return sum(x for x in (self.side, by))

class Slotted:
    __slots__ = ("value", "kind_of")
    kind = "slotted"
    def __init__(self, value):
        self.value = value
    def area(self, by):
        return by
    def shared(self):
        return "own"
    def fail(self, at):
        return self.value

class Computed(Base):
    @property
    def value(self):
        return self._value
    @value.setter
    def value(self, value):
        self._value = value

def areas(shapes, by):
    total = 0
    for shape in shapes:
        total += shape.area(by)
    return total

def attributes(shapes):
    total = 0
    for shape in shapes:
        total += shape.value + len(shape.kind) + len(shape.shared())
    return total

def store(shapes):
    for shape in shapes:
        shape.value = shape.value + 1

def failing(shapes, at):
    count = 0
    for shape in shapes:
        try:
            count += shape.fail(at)
        except ValueError as error:
            count += 100 + error.args[0]
        finally:
            count += 1
    return count

class Frames(Base):
    def area(self, by):
        return sys._getframe(1).f_lineno * 0 + len(sys._getframe(1).f_locals)

def rounds(shapes):
    for i in range(30):
        print(areas(shapes, i), attributes(shapes), failing(shapes, i))
        store(shapes)

two = [Base(1), Circle(2)] * 3
rounds(two)
three = [Circle(5), Slotted(3), Base(1)]
rounds(three)
many = [Base(1), Circle(2), Square(3), Slotted(4)]
rounds(many)
all_of_them = many + [Computed(5), Frames(6)]
rounds(all_of_them)
rounds(two)
# The class changes between the attribute and the call.
class Turner:
    def __init__(self, shape):
        self.shape = shape
    def __index__(self):
        self.shape.__class__ = Base if type(self.shape) is Circle else Circle
        return 1
def turning(shapes):
    total = 0
    for shape in shapes:
        total += shape.area([10, 20][Turner(shape)])
        total += type(shape) is Circle
    return total
shapes = [Base(1), Circle(2), Base(3)]
for i in range(30):
    print(turning(shapes))
# One method is replaced, an instance gets an attribute of the name.
Circle.area = lambda self, by: -by
print(areas(many, 3), areas(all_of_them, 3))
many[0].area = lambda by: 1000
print(areas(many, 3), areas(all_of_them, 3))
many[1].kind = "a kind of its own"
print(attributes(many), attributes(all_of_them))
del Slotted.area
try:
    areas(many, 1)
except AttributeError as error:
    print(error)
    tb = error.__traceback__
    while tb:
        print(tb.tb_frame.f_code.co_name, tb.tb_lineno)
        tb = tb.tb_next
"""

OPTIONS = [
    {},
    {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "10", "COACHWHIP_EXIT_LIMIT": "2"},
    {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "10", "COACHWHIP_EXIT_LIMIT": "3", "COACHWHIP_STRESS_EXITS": "9"},
]


def test_polymorphic(run_both):
    for options in OPTIONS:
        run_both(PROGRAM, options=options)


HOT = """
class A:
    def __init__(self): self.v = 1
    def f(self, x): return self.v
class B(A):
    def f(self, x): return self.v + 1
class C(A):
    def f(self, x): return self.v + 2
class D(A):
    def f(self, x): return self.v + 3
def run(objects, n):
    total = 0
    for i in range(n):
        for one in objects:
            total += one.f(i)
    return total
objects = [A(), B(), C(), D()]
for i in range(100):
    run(objects, 100)
print(run(objects, 100))
"""


def test_all_classes_are_expected(run_both):
    """Once all classes have come by, none of them leaves compiled code."""
    run = run_both(HOT, options={"COACHWHIP_THRESHOLD": "100", "COACHWHIP_LOOP_THRESHOLD": "100", "COACHWHIP_EXIT_LIMIT": "10"})
    exits = int(re.search(r"^  exits: ([\d,]+)", run.summary, re.MULTILINE)[1].replace(",", ""))
    assert exits < 200, run.summary
