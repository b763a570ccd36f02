"""Another extension evaluates frames (PEP 523, as torch.compile's does): set before Coachwhip starts, under compiled code, and taken away again."""

import shutil
import subprocess
import sys

import pytest

from conftest import run_process

#: Counts the frames, and runs them with CPython's own loop.
SOURCE = """
extern void *_PyEval_EvalFrameDefault(void *, void *, int);
long count, depth, deepest;

void *evaluate(void *tstate, void *frame, int throwing) {
    count++;
    if (++depth > deepest) deepest = depth;
    void *result = _PyEval_EvalFrameDefault(tstate, frame, throwing);
    depth--;
    return result;
}
"""

MODULE = """
import ctypes, os

library = ctypes.PyDLL(os.path.join(os.path.dirname(__file__), "library.so"))
get, change = ctypes.pythonapi.PyInterpreterState_Get, ctypes.pythonapi._PyInterpreterState_SetEvalFrameFunc
get.restype = ctypes.c_void_p
change.argtypes = ctypes.c_void_p, ctypes.c_void_p
own = ctypes.cast(ctypes.pythonapi._PyEval_EvalFrameDefault, ctypes.c_void_p).value
other = ctypes.cast(library.evaluate, ctypes.c_void_p).value
count, depth, deepest = (ctypes.c_long.in_dll(library, name) for name in ("count", "depth", "deepest"))

def set():
    change(get(), other)

def reset():
    change(get(), own)

def take():
    result = count.value, depth.value, deepest.value
    count.value = deepest.value = 0
    return result
"""


@pytest.fixture(scope="session")
def evaluator(tmp_path_factory):
    """The folder of a module `evaluator` with such an evaluator."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("evaluator")
    (folder / "library.c").write_text(SOURCE, encoding="utf-8")
    (folder / "evaluator.py").write_text(MODULE, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "library.c", "-o", "library.so"], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def run_with(run_both, evaluator):
    """`run_both` for programs that import it."""
    return lambda source, **keywords: run_both(f"import sys\nsys.path.insert(0, {str(evaluator)!r})\nimport evaluator\n{source}", **keywords)


PROGRAM = """
def inner(x):
    return x * 3 + 1

def outer(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total

class Thing:
    def __init__(self, x):
        self.x = x
    def get(self):
        return inner(self.x)
    @property
    def double(self):
        return self.x * 2
    def __getitem__(self, key):
        return key + self.x

def things(n):
    total = 0
    for i in range(n):
        thing = Thing(i)
        total += thing.get() + thing.double + thing[i]
    return total

def recursive(n):
    return recursive(n - 1) + 1 if n else 0

def caught(n):
    try:
        return 1 // n
    except ZeroDivisionError as error:
        return len(repr(error)) + inner(n)

def everything():
    return outer(10), things(5), recursive(50), caught(0), caught(1), max([1, 2], key=inner), [inner(x) for x in range(3)]

def entries():
    coachwhip = sys.modules.get("coachwhip")
    if not coachwhip or not coachwhip.is_enabled():
        return None
    stats = coachwhip.stats()
    return stats["entries"] + stats["loop_entries"]
"""


def test_set_and_reset_under_compiled_code(run_with):
    """Each frame goes through it while it is set; compiled code runs before and afterwards, and not meanwhile."""
    run_with(PROGRAM + """
for turn in range(40):
    everything()
for turn in range(4):
    before = entries()
    evaluator.set()
    print(everything(), evaluator.take())
    during = entries()
    evaluator.reset()
    print(everything(), evaluator.take())
    if before is not None:
        # The functions that ask and that set it were entered before it was set.
        assert during <= before + 2, (before, during)
        assert entries() > during + 50, (during, entries())
""")


def test_set_in_the_middle_of_compiled_code(run_with):
    run_with(PROGRAM + """
def switch(i):
    if i == 5:
        evaluator.set()
    elif i == 10:
        evaluator.reset()
    return i

def loop(n):
    total, seen = 0.5, []
    for i in range(n):
        total += switch(i) + inner(i)
        if i in (4, 9, 14):
            seen.append(evaluator.take()[0])
    return total, seen

def nested(n):
    if n:
        return nested(n - 1) + inner(n)
    evaluator.set()
    return outer(3)

for turn in range(4):
    print(loop(20))
    print(nested(10), evaluator.take()[0], outer(4), evaluator.take()[0])
    evaluator.reset()
    print(nested(0), evaluator.take()[0])
    evaluator.reset()
""")


def test_threads_generators_and_tracers(run_with):
    run_with(PROGRAM + """
import asyncio, threading
def numbers(n):
    for i in range(n):
        yield inner(i)
async def later(n):
    await asyncio.sleep(0)
    return outer(n)
async def tasks():
    return await asyncio.gather(*(later(n) for n in range(5)))
def run(results):
    for turn in range(20):
        results.append(outer(turn))
for turn in range(3):
    sum(numbers(10)), asyncio.run(tasks())
for turn in range(2):
    evaluator.set()
    print(sum(numbers(10)), asyncio.run(tasks()), evaluator.take()[0] > 0)
    lists = [[] for _ in range(3)]
    threads = [threading.Thread(target=run, args=(results,)) for results in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(lists, evaluator.take()[0] > 0)
    events = []
    sys.settrace(lambda frame, event, argument: events.append((event, frame.f_code.co_name)))
    outer(2)
    sys.settrace(None)
    print(events)
    evaluator.reset()
    evaluator.take()
    print(sum(numbers(10)), asyncio.run(tasks()), evaluator.take())
""")


def test_set_before_coachwhip(tmp_path, evaluator):
    """It stays off, says so in one line, and can be switched on when the evaluator is gone."""
    source = f"import sys\nsys.path.insert(0, {str(evaluator)!r})\nimport evaluator\n" + PROGRAM + """
import contextlib, io
def enable(expected):
    if "with" not in sys.argv:
        return
    import coachwhip
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        answer = coachwhip.enable(threshold=1, loop_threshold=1, background=False)
    assert answer is expected and coachwhip.is_enabled() is expected
    assert text.getvalue() == ("" if expected else "coachwhip: off: another extension has replaced the interpreter's frame evaluation (PEP 523)\\n"), text.getvalue()
evaluator.set()
enable(False)
evaluator.take()
print(everything(), evaluator.take())
evaluator.reset()
enable(True)
print(everything(), everything())
evaluator.take()
evaluator.set()
print(everything(), evaluator.take())
evaluator.reset()
print(everything(), everything())
assert "with" not in sys.argv or entries() > 100
"""
    path = tmp_path / "app.py"
    path.write_text(source, encoding="utf-8")
    without, with_ = (run_process([sys.executable, str(path), *more]) for more in ([], ["with"]))
    assert without.code == 0 and with_ == without
