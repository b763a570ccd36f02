"""Compiled code in threads: each has its own machine stack, and enters compiled code as fast as the main thread."""

import re

PROGRAM = """
import sys, threading

def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)

def work(n):
    total = 0
    for i in range(n):
        total += depth(3)
    return total

everything = []
def run(n, results):
    results.append(work(n))
    try:
        depth(10 ** 6)
    except RecursionError as error:
        results.append(str(error))
    results.append(depth(500))

everything.append([])
run(200, everything[-1])
for size in (0, 256 * 1024, 4 << 20):
    threading.stack_size(size)
    lists = [[] for _ in range(3)]
    everything += lists
    threads = [threading.Thread(target=run, args=(200, results)) for results in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
sys.setrecursionlimit(100_000)
threading.stack_size(512 * 1024)
def deep():
    everything.append(depth(50_000))
thread = threading.Thread(target=deep)
thread.start()
thread.join()
print(everything)
"""


def test_threads(run_both):
    run = run_both(PROGRAM)
    entries = int(re.search(r"^  entries: ([\d,]+)", run.summary, re.MULTILINE)[1].replace(",", ""))
    # Most calls of `depth` are entered by the fast way, which alone counts.
    assert entries > 5000, run.summary


def test_a_loop_that_calls_nothing_lets_others_run(run_both):
    """Another thread gets the GIL within the switch interval (and some), and its exception ends the loop."""
    run = run_both("""
import ctypes, sys, threading, time

class Stop(BaseException):
    pass

def spin(limit):
    n = turns = 0
    while turns != limit:
        n = n * 5 + 1 & 0xFFFF
        turns += 1
    return n

def endless():
    try:
        spin(-1)
    except Stop as error:
        frame = error.__traceback__.tb_next.tb_frame
        everything.append((frame.f_code.co_name, type(frame.f_locals["turns"]), frame.f_locals["turns"] > 1000))

for turn in range(3):
    spin(1000)
everything = []
for interval in (1e-6, 0.005, 0.05):
    sys.setswitchinterval(interval)
    threads = [threading.Thread(target=endless) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    slowest = 0
    for _ in range(10):
        started = time.monotonic()
        time.sleep(0)
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 3 * interval + 2, slowest
    for thread in threads:
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop)) == 1
        thread.join(30)
        assert not thread.is_alive()
print(everything)
""")
    assert int(re.search(r"^  loop entries: ([\d,]+)|^  entries: ([\d,]+)", run.summary, re.MULTILINE)[0].rpartition(" ")[2].replace(",", "")) > 3


SIGNALS = """
import os, signal, sys, threading, time

def spin():
    n = 0
    while True:
        n = n + 1 & 0xFFFF

def shallow(limit):
    n = 0
    while n < limit:
        n += 1

def nested(depth):
    return nested(depth - 1) if depth else spin()

for turn in range(3):
    shallow(1000)
"""


def test_keyboard_interrupt_out_of_while_true(run_both):
    run_both(SIGNALS + """
for depth in (0, 3):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        nested(depth)
    except KeyboardInterrupt as error:
        names, traceback = [], error.__traceback__
        while traceback:
            names.append(traceback.tb_frame.f_code.co_name)
            traceback = traceback.tb_next
        print(names)
    assert time.monotonic() - started < 10
""")


def test_an_interrupt_that_nobody_catches(run_both):
    run = run_both(SIGNALS + "\nthreading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\nspin()\n")
    assert run.code == -2 and run.stderr.endswith("KeyboardInterrupt\n")


def test_signal_handlers_run_in_time(run_both):
    run_both(SIGNALS + """
class Enough(Exception):
    pass

seen = []
def handler(number, frame):
    seen.append((signal.Signals(number).name, frame.f_code.co_name, type(frame.f_locals["n"])))
    if len(seen) == 5:
        raise Enough

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
started = time.monotonic()
try:
    spin()
except Enough:
    signal.setitimer(signal.ITIMER_REAL, 0)
assert time.monotonic() - started < 10
print(seen)
""")
