"""For programs that are run without and with Coachwhip: whether compiled code runs, and whether it is as fast as before. The answers are the same in both runs."""

import os
import time

import coachwhip

ON = os.environ.get("COACHWHIP") == "1"
assert coachwhip.is_enabled() == ON


def entries():
    counters = coachwhip.stats()
    return counters["entries"] + counters["loop_entries"]


def runs_compiled(function, *arguments, calls=60):
    """Whether some calls of a function (which may be what makes it hot) leave it compiled, and one more enters compiled code."""
    for _ in range(calls):
        function(*arguments)
    before = entries()
    function(*arguments)
    return not ON or (entries() > before and coachwhip.is_compiled(function))


def enters(action):
    """Whether compiled code is entered while something is done."""
    before = entries()
    action()
    return not ON or entries() > before


def is_compiled(function):
    return not ON or coachwhip.is_compiled(function)


def is_interpreted(function):
    return not ON or not coachwhip.is_compiled(function)


def seconds(function, *arguments):
    """The best of some runs."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def is_as_fast(before, function, *arguments):
    """Whether a function takes at most twice the time that it took, in one of several attempts: other processes are at work, too."""
    return any(seconds(function, *arguments) < 2 * before for _ in range(20))


for helper in (entries, runs_compiled, enters, is_compiled, is_interpreted, seconds, is_as_fast):
    coachwhip.never(helper)
