"""Locals that are read and written through the C API: `PyFrame_GetLocals`, `PyEval_GetLocals`, `PyEval_GetFrameLocals`, proxies that are made of a frame."""

import pytest

PROGRAM = """
import ctypes, sys
api = ctypes.pythonapi
api.PyFrame_GetLocals.argtypes = [ctypes.py_object]
api.PyFrame_GetLocals.restype = api.PyEval_GetFrameLocals.restype = ctypes.py_object
api.PyEval_GetLocals.restype = ctypes.c_void_p
Proxy = type((lambda: sys._getframe().f_locals)())

def borrowed():
    return ctypes.cast(api.PyEval_GetLocals(), ctypes.py_object).value

def own(n):
    x, total = n * 2, 0
    for i in range(n):
        total += i * 3
    y = total + 0.5
    found = api.PyFrame_GetLocals(sys._getframe())
    return [(name, found[name]) for name in ("n", "x", "y", "total", "i")], found

def current(n):
    x = n * 2.5
    seen = api.PyEval_GetFrameLocals()
    return sorted(seen.items())

def current_borrowed(n):
    x = n * 2.5
    seen = ctypes.cast(api.PyEval_GetLocals(), ctypes.py_object).value
    return sorted((name, value) for name, value in seen.items() if name != "seen")

def reads():
    found = api.PyFrame_GetLocals(sys._getframe(1))
    return found["x"], found["total"]

def makes_a_proxy():
    return Proxy(sys._getframe(1))["total"]

def caller(n):
    total = 0
    seen = []
    for i in range(n):
        x = i * 1.5
        total += i
        if i % 3 == 0:
            seen.append(reads())
        if i % 5 == 0:
            seen.append(makes_a_proxy())
    return total, seen

def writes():
    api.PyFrame_GetLocals(sys._getframe(1))["total"] = 1000
    api.PyFrame_GetLocals(sys._getframe(1))["thing"] = [1]

def written(n):
    total = 0
    thing = [0]
    for i in range(n):
        total += i
        if i == n - 3:
            writes()
    return total, thing

for turn in range(40):
    n = turn % 7 + 4
    seen, proxy = own(n)
    print(seen, proxy["x"], proxy["y"])
    proxy = None
    print(current(n), current_borrowed(n), caller(n), written(n))
"""


@pytest.mark.parametrize("threshold", ["1", "5"])
@pytest.mark.parametrize("exits", ["0", "7"])
def test_locals_through_the_c_api(run_both, threshold, exits):
    run_both(PROGRAM, options={"COACHWHIP_THRESHOLD": threshold, "COACHWHIP_LOOP_THRESHOLD": threshold, "COACHWHIP_STRESS_EXITS": exits})
