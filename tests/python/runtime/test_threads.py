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
