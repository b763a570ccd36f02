"""Recursion to and beyond every limit: a million frames, the recursion limit, the C stack, small stacks of threads."""

import pytest

MILLION = """
import sys
sys.setrecursionlimit(10**6)

def plain(n):
    return plain(n - 1) + 1 if n else 0

def even(n):
    return odd(n - 1) if n else True

def odd(n):
    return even(n - 1) if n else False

def small(x):
    return x + 1

def with_inlined(n, total):
    total = small(total)
    return with_inlined(n - 1, small(total)) if n else total

class Tree:
    def __init__(self, n):
        self.child = Tree(n - 1) if n else None
    def depth(self):
        return self.child.depth() + 1 if self.child else 0
    def drop(self):
        while self.child:
            self.child = self.child.child

def generators(n):
    yield n
    if n:
        yield from generators(n - 1)

def keywords(n, *, step=1, **more):
    return keywords(n - step, step=step, **more) + 1 if n else 0

def with_try(n):
    try:
        return with_try(n - 1) + 1 if n else 0
    finally:
        n = None

for turn in range(3):
    plain(10), even(10), with_inlined(10, 0), Tree(10).depth(), sum(generators(10)), keywords(10, a=1), with_try(10)
"""


def test_a_million_frames(run_both):
    run_both(MILLION + """
print(plain(900_000), even(900_001), with_inlined(900_000, 0), with_try(900_000))
tree = Tree(2000)
print(tree.depth())
tree.drop()
print(sum(generators(2000)), plain(500), plain(900_000))
""")


@pytest.mark.parametrize(
    ("function", "limit"),
    [(function, limit) for function in ("plain(n)", "even(n)", "with_inlined(n, 0)", "with_try(n)") for limit in (300, 1000, 50_000)] + [("generators_of(n)", 1000)],
)
def test_the_limit_is_where_it_was(run_both, function, limit):
    """The deepest recursion that works is the same to a frame, and so is what one more says and how long its traceback is."""
    run_both(MILLION + f"""
def generators_of(n):
    return max(generators(n))

def works(n):
    try:
        {function}
    except RecursionError as error:
        return False
    return True

sys.setrecursionlimit({limit})
low, high = 0, {limit}
while high - low > 1:
    middle = (low + high) // 2
    low, high = (middle, high) if works(middle) else (low, middle)
print(low)
for turn in range(3):
    n = low + 1
    try:
        {function}
    except RecursionError as error:
        length, traceback = 0, error.__traceback__
        while traceback:
            length, traceback = length + 1, traceback.tb_next
        print(str(error), length)
    n = low
    print({function})
""")


C_RECURSION = """
import json, pickle, re, sys, copy, functools, ast

class Attribute:
    def __init__(self, n):
        self.n = n
    def __getattr__(self, name):
        if name.startswith("x"):
            return getattr(self, name[1:])
        raise AttributeError(name)
    def __repr__(self):
        return "A" + repr(Attribute(self.n - 1)) if self.n else "."
    def __eq__(self, other):
        return Attribute(self.n - 1) == Attribute(self.n - 1) if self.n else True
    def __hash__(self):
        return hash((self.n, Attribute(self.n - 1))) if self.n else 1
    def __getitem__(self, n):
        return self[n - 1] + 1 if n else 0
    def __call__(self, n):
        return self(n - 1) + 1 if n else 0
    def __lt__(self, other):
        return max(self, Attribute(self.n - 1)) is self if self.n else False
    def __del__(self):
        pass

def nested(n):
    items = []
    for _ in range(n):
        items = [items]
    return items

def through_map(n):
    return list(map(through_map, [n - 1]))[0] + 1 if n else 0

def through_sorted(n):
    return sorted([n], key=lambda x: through_sorted(x - 1) if x else 0)[0]

def through_reduce(n):
    return functools.reduce(lambda a, b: a + through_reduce(n - 1) if n else 0, [1, 2])

def outcome(call):
    try:
        value = call()
    except RecursionError as error:
        return "RecursionError"
    except (ValueError, MemoryError) as error:
        return type(error).__name__
    return value if isinstance(value, (int, bool)) else len(value) if isinstance(value, (str, bytes, list)) else type(value).__name__

def work(n):
    "Compiled code that calls C functions which recurse."
    results = []
    for call in (
        lambda: repr(nested(n)), lambda: json.dumps(nested(n)), lambda: pickle.dumps(nested(n)), lambda: copy.deepcopy(nested(n)),
        lambda: re.compile("(" * n + "a" + ")" * n), lambda: nested(n) == nested(n), lambda: hash(Attribute(n)), lambda: repr(Attribute(n)),
        lambda: Attribute(n) == 1, lambda: Attribute(0)[n], lambda: Attribute(0)(n), lambda: getattr(Attribute(0), "x" * n, 5),
        lambda: max(Attribute(n), Attribute(n)) is None, lambda: through_map(n), lambda: through_sorted(n), lambda: through_reduce(n),
        lambda: ast.parse("(" * min(n, 150) + ")" * min(n, 150)),
    ):
        results.append(outcome(call))
    return results
"""


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_c_functions_that_recurse(run_both, size):
    """From compiled code, through the C API and back. Shallow recursion works, deep recursion raises as it does in the interpreter."""
    run_both(C_RECURSION + f"""
import threading
def run():
    for n in (5, 50, 150):
        print(n, work(n))
threading.stack_size({size})
thread = threading.Thread(target=run)
thread.start()
thread.join()
run()
""")


def test_the_c_stack_is_exhausted(run_both):
    """Far beyond what fits: an exception, and all goes on afterwards. (With a recursion limit of a million the interpreter itself crashes in some of these.)"""
    run_both(C_RECURSION + """
for turn in range(2):
    for n in (3000, 100_000):
        items = nested(n)
        print(n, [outcome(call) for call in (lambda: repr(items), lambda: json.dumps(items), lambda: pickle.dumps(items), lambda: items == nested(n))])
        while items:
            items = items[0]
    work(20)
for call in (
    lambda: repr(Attribute(10**6)), lambda: Attribute(10**6) == 1, lambda: hash(Attribute(10**6)), lambda: through_map(10**6), lambda: through_sorted(10**6),
    lambda: through_reduce(10**6),
):
    print(outcome(call))
    print(work(30))
""")


def test_destructors_and_comparisons_that_recurse(run_both):
    run_both("""
import sys
sys.setrecursionlimit(10**6)

class Node:
    def __init__(self, next):
        self.next = next
    def __del__(self):
        global count
        count += 1

def chain(n):
    node = None
    for _ in range(n):
        node = Node(node)
    return node

for turn in range(3):
    count = 0
    node = chain(100)
    del node
    print(count)
count = 0
node = chain(200_000)
del node
print(count)
""")
