"""Programs in which guards fail on purpose: an exit must not repeat what was done already."""

STRESS = {"COACHWHIP_STRESS_EXITS": "2", "COACHWHIP_EXIT_LIMIT": "1000000000"}


def test_loops_over_any_iterator(run_both):
    run_both(
        "def collect(rows):\n    found = []\n    for row in rows:\n        for item in iter(row.items()):\n            found.append(item)\n    return found\n"
        "for turn in range(50):\n    print(collect({turn: [{1: 2, 3: 4}, {5: 6}, {}]}[turn]), collect(iter([{7: 8}])), collect({}))\n",
        options=STRESS,
    )


def test_loops_entered_inside_comprehensions(run_both):
    run_both(
        "def prefixes(rows):\n    found = []\n    for row in rows:\n        for item in [x.lower() for x in row]:\n            for x in [y + item for y in row]:\n                found.append(x)\n    return found\n"
        "for turn in range(20):\n    print(prefixes([['A', 'B'], ['C'], []]))\n",
    )
