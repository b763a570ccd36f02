"""Compiled code is thrown away at random while it runs: results stay, it is compiled again, and the seed decides where."""

import re

STRESS = {"COACHWHIP_STRESS_EXITS": "9", "COACHWHIP_STRESS_DISCARD": "60"}

CALLS_AND_LOOPS = """
class Node:
    def __init__(self, value, rest):
        self.value, self.rest = value, rest

    def total(self):
        return self.value + (self.rest.total() if self.rest else 0)

def ackermann(m, n):
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))

def work(count):
    found, node, total = [], None, 0.5
    for index in range(count):
        try:
            if index % 7 == 3:
                raise KeyError(index)
            node = Node(index, node if index % 20 else None)
            total += sum([item * index for item in range(index % 5)]) / 2
        except KeyError as error:
            found.append(error.args[0])
        else:
            total += node.total()
        words = sorted("the quick brown fox".split(), key=lambda word: (len(word), word[index % 3]))
        found.append("".join(words))
    return found, total, ackermann(2, count % 4)

for count in range(12):
    print(work(count))
"""

def value(summary, name):
    """A counter of the summary at exit."""
    found = re.search(rf"^  {name}: ([\d,]+)", summary, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


def test_results_stay_and_code_is_compiled_again(run_both):
    run = run_both(CALLS_AND_LOOPS, options=STRESS)
    assert value(run.summary, "discards") > 10, run.summary
    # More pieces than the program has functions and loops.
    assert value(run.summary, "compiled functions") + value(run.summary, "compiled loops") > 10, run.summary
    assert value(run.summary, "invalidations") == 0, run.summary


def test_the_seed_decides(run_both):
    def discards(seed):
        run = run_both(CALLS_AND_LOOPS, options={**STRESS, "COACHWHIP_SEED": seed})
        return [value(run.summary, name) for name in ("discards", "exits", "compiled functions", "compiled loops")]

    first = discards("5")
    assert discards("5") == first
    assert discards("6") != first
