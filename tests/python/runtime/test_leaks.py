"""Compiled code keeps nothing alive: cycles through code objects, which the garbage collector does not see, are collected all the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import gc, weakref
import coachwhip

assert coachwhip.enable(threshold=1, loop_threshold=1, background=0)

def local_classes(number):
    class Local:
        count = 0
        def __init__(self, x):
            self.x = x
            Local.count += 1
        def add(self, y):
            return Local(y).x + self.x
        @staticmethod
        def make(value):
            return Local(value).add(1)
        @property
        def kind(self):
            return Local
    thing = Local(number)
    for i in range(3):
        thing.add(i); Local.make(i); thing.kind
    return [weakref.ref(Local), weakref.ref(Local.add)]

def derived_classes(number):
    class Base:
        def work(self): return self.step() + 1
        def step(self): return 1
    class Child(Base):
        def step(self): return super().step() + 1
    instance = Child()
    def use(): return instance.work() + Child().work()
    for i in range(3): use()
    return [weakref.ref(object) for object in (Base, Child, instance, use)]

def closures(number):
    cell = [number]
    def inner(n):
        return cell[0] if n == 0 else inner(n - 1) + 1
    def one(): return two() + 1
    def two(): return inner(2)
    for i in range(3):
        one(); inner(3)
    return [weakref.ref(function) for function in (inner, one, two)]

NAMESPACE = '''
class Helper:
    owner = None
    def __init__(self): self.k = 1
    def step(self, x): return A.helper.k + x + len(self.owner.table)

class A:
    table = (1, 2)
    helper = Helper()
    cache = {}
    def run(self, n):
        total = 0
        for i in range(n):
            total += self.helper.step(i)
            self.cache[i] = self
            total += self.value + self.static(i) + self.of_class(i)
        return total
    @property
    def value(self): return self.helper.k
    @staticmethod
    def static(i): return A.helper.k + i
    @classmethod
    def of_class(cls, i): return cls.helper.k + i

Helper.owner = A
A.self = A()
THING = A()
BOUND = THING.run
def generate(n):
    for i in range(n): yield THING.helper.step(i)
def main(n): return BOUND(n) + A.self.run(n) + sum(generate(n))
for _ in range(4): main(5)
'''

def namespaces(number):
    namespace = {}
    exec(NAMESPACE, namespace)
    return [weakref.ref(namespace[name]) for name in ("Helper", "A", "THING", "main", "generate")]

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

for name, make, count in (("local classes", local_classes, 200), ("derived classes", derived_classes, 50), ("closures", closures, 50), ("namespaces", namespaces, 20)):
    sizes = []
    for turn in range(3):
        references = []
        for number in range(count):
            references.extend(make(number))
        del number
        gc.collect()
        left = sum(reference() is not None for reference in references)
        sizes.append((coachwhip.stats()["code_bytes"], resident()))
    (code, memory), (last_code, last_memory) = sizes[-2], sizes[-1]
    print(name, left, "flat", abs(last_code - code) < 50_000, last_memory - memory < 3_000_000)
"""


def test_nothing_is_left():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    process = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=600)
    names = ("local classes", "derived classes", "closures", "namespaces")
    assert (process.stdout, process.stderr) == ("".join(f"{name} 0 flat True True\n" for name in names), "")


ROOT = Path(__file__).parents[3]


def leaks(*arguments):
    """Run tools/leaks.py; what it printed."""
    if not (ROOT / "tools" / "leaks.py").exists():
        pytest.skip("no sources of the tools here")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    process = subprocess.run([sys.executable, "-m", "tools.leaks", *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0 and process.stderr == "", process.stdout + process.stderr
    return process.stdout


@pytest.mark.parametrize("stress", ["0", "7"])
def test_functions_leave_nothing(stress):
    """Ten thousand turns of each small function; blocks, objects, references, machine code and memory stay as they are."""
    summary = leaks("functions", "--turns", "10000", "--stress", stress)
    numbers = list(map(int, re.findall(r"\d+", summary)))
    assert numbers[0] >= 40 and numbers[1] >= numbers[0] - 2 and numbers[2] > 1000 and numbers[3] == 0, summary


def test_programs_leave_nothing():
    """Programs of the fuzzer, whose code dies each turn, and a program about exceptions."""
    assert leaks("fuzz", "--turns", "60", "--programs", "2").endswith(" 0 leak\n")
    assert leaks("programs", "exceptions", "inspection", "--turns", "60").endswith(" 0 leak\n")


FUNCTIONS = """
import gc, os
import coachwhip

assert coachwhip.enable(threshold=1, loop_threshold=1, background=0)
TEXTS = [
    "def work(n):\\n    total = NUMBER\\n    for i in range(n):\\n        total += i\\n    return total\\n",
    "def work(n):\\n    held = [NUMBER]\\n    def inner(k):\\n        return held[0] + k\\n    return inner(n) + inner(1)\\n",
    "class Class:\\n    def __init__(self, n):\\n        self.n = n\\n    def add(self):\\n        return self.n + NUMBER\\ndef work(n):\\n    return Class(n).add()\\n",
    "def work(n):\\n    try:\\n        return [NUMBER][n]\\n    except IndexError as error:\\n        return len(error.args)\\n",
]

@coachwhip.never
def one(number):
    namespace = {}
    exec(TEXTS[number % len(TEXTS)].replace("NUMBER", str(number)), namespace)
    for turn in range(3):
        namespace["work"](3)
    assert coachwhip.is_compiled(namespace["work"])

@coachwhip.never
def measure():
    gc.collect()
    gc.collect()
    return coachwhip.stats()["code_bytes"], int(open("/proc/self/statm").read().split()[1]) * 4096, len(gc.get_objects())

@coachwhip.never
def main():
    rows = []
    for number in range(COUNT):
        one(number)
        if number % (COUNT // 4) == COUNT // 4 - 1:
            rows.append(measure())
    stats = coachwhip.stats()
    assert stats["compiled_functions"] >= COUNT, stats
    (code, memory, objects), (last_code, last_memory, last_objects) = rows[0], rows[-1]
    print("code", last_code - code < 50_000, "memory", last_memory - memory < 4_000_000 or rows, "objects", last_objects - objects < 50 or rows)

main()
"""


def test_code_of_dead_functions_is_freed():
    """Functions, closures and classes that are made, compiled and dropped."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
    count = os.environ.get("LEAK_FUNCTIONS", "1200")
    process = subprocess.run([sys.executable, "-c", FUNCTIONS.replace("COUNT", count)], env=environment, capture_output=True, text=True, timeout=3000)
    assert (process.stdout, process.stderr) == ("code True memory True objects True\n", "")
