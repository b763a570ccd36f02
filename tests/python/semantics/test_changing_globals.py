"""Names and classes that keep changing: code that uses them is compiled without relying on them, once, and not again after each change."""

import re

CHANGING_GLOBAL = """
import sys
COUNT = 0
STEP = 1

def tick(by):
    global COUNT
    COUNT += by
    return COUNT + STEP

def run(n):
    total = 0
    for i in range(n):
        total += tick(i)
    return total

for i in range(40):
    print(run(50))
STEP = 7
print(run(50))
del COUNT
try:
    run(1)
except NameError as error:
    print(error)
COUNT = "text"
try:
    run(1)
except TypeError as error:
    print(error)
"""

CHANGING_CLASS = """
class Counter:
    made = 0
    def __init__(self, value):
        Counter.made += 1
        self.value = value
    def get(self):
        return self.value + Counter.made

def run(n):
    return sum([Counter(i).get() for i in range(n)])

for i in range(40):
    print(run(20))
Counter.get = lambda self: -1
print(run(20))
"""


def counter(summary, name):
    found = re.search(rf"^  {name}: ([\d,]+)", summary, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


def test_changing_global(run_both):
    run = run_both(CHANGING_GLOBAL)
    assert counter(run.summary, "invalidations") < 10


def test_changing_class(run_both):
    run = run_both(CHANGING_CLASS)
    assert counter(run.summary, "invalidations") < 40


def test_changing_global_in_the_background(run_both):
    """The value changes while the code that relies on it is compiled."""
    run = run_both(CHANGING_GLOBAL, options={"COACHWHIP_BACKGROUND": "1"}, entered=False)
    assert counter(run.summary, "compiled functions") < 60


INSTANCES_WITH_DICTS = """
class Point:
    def __init__(self, x):
        self.x = x
    def get(self):
        return self.x
    def add(self, other):
        self.x = self.x + other.x
        return self
    kind = "point"

def run(points):
    total = 0
    for point in points:
        total += point.get() + point.x
        point.x += 1
        point.add(point)
        total += len(point.kind)
    return total

points = [Point(i) for i in range(20)]
for point in points:
    point.__dict__["late"] = 1
    point.__dict__ = dict(point.__dict__)
for i in range(60):
    print(run(points))
points[3].get = lambda: 1000
points[4].kind = "a very special point"
print(run(points), run(points))
points[5].__dict__ = {1: 2, "x": 5}
print(run(points), run(points))
del points[6].x
try:
    run(points)
except AttributeError as error:
    print(error)
class Names(dict):
    def __getitem__(self, key):
        return 77
points[6].__dict__ = Names(x=4)
print(run(points), run(points))
import gc
print(points[7].__dict__, gc.is_tracked(points[7].__dict__))
"""


def test_instances_with_dicts(run_both):
    for options in ({}, {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "10", "COACHWHIP_EXIT_LIMIT": "2"}):
        run_both(INSTANCES_WITH_DICTS, options=options)
