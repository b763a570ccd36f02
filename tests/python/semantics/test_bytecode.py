"""What a program sees of bytecode: our events leave nothing in it."""

import dis
import io

import pytest


def loop(n):
    total = 0
    while n:
        if n == 3:
            total += 1
        else:
            total += n
        n -= 1
    return total


def generate():
    for i in range(3):
        yield i


def adaptive(function):
    """The bytecode as it stands in the code object, as dis shows it."""
    out = io.StringIO()
    dis.dis(function, adaptive=True, file=out)
    return out.getvalue()


def test_nothing_is_instrumented(engine):
    loop(5), list(generate())
    assert "INSTRUMENTED" not in adaptive(loop) + adaptive(generate)
    assert "RESUME_CHECK" in adaptive(loop)
    assert "JUMP_BACKWARD " in adaptive(generate)


def test_code_that_did_not_run(engine):
    def function():
        pass

    assert "RESUME_CHECK" not in adaptive(function)


def test_the_same_as_without(run_both):
    """Compiled at its first call, so nothing is specialised; RESUME and the jumps must be what they were."""
    run_both(
        """
import dis
def plain(x, y=0):
    a, b = x, y
    return a, b
def jumps(n):
    while n:
        n = None
    for x in ():
        pass
dis.dis(plain, adaptive=True)
for _ in range(3):
    plain(0, 0)
    jumps(1)
dis.dis(plain, adaptive=True)
print(jumps.__code__.co_code == jumps.__code__.replace().co_code)
"""
    )


def test_events_of_others_are_shown(run_both):
    run_both(
        """
import dis, sys
def function():
    return 1
monitoring = sys.monitoring
monitoring.use_tool_id(2, "other")
function()
monitoring.set_local_events(2, function.__code__, monitoring.events.PY_START)
dis.dis(function, adaptive=True)
""",
        entered=False,
    )


@pytest.mark.parametrize("change", ["nothing", "before", "while compiled"])
def test_calls_of_functions_that_were_compiled_are_specialised(engine, change):
    """A compiled function has no version for the interpreter; the one that it had is put back with CPython's vectorcall, unless the function was changed."""
    namespace = {}
    exec("def callee(x): return x + 1\ndef caller(): return callee(1)\n", namespace)
    callee, caller = namespace["callee"], namespace["caller"]
    if change == "while compiled":
        assert engine.compile(callee) and callee(1) == 2
    if change != "nothing":
        callee.__code__ = (lambda x: x + 2).__code__
    callee(1)
    assert engine.compile(callee)
    with engine.pause():
        results = {caller() for _ in range(20)}
        # Functions that were changed have no version in the interpreter either (`_PyFunction_SetVersion`, Objects/funcobject.c).
        assert ("CALL_PY_EXACT_ARGS" in adaptive(caller)) == (change == "nothing")
        # Whoever was specialised for what it was does not take it for what it is.
        callee.__code__ = (lambda x: -x).__code__
        results.add(caller())
    assert results == {2 if change == "nothing" else 3, -1}
