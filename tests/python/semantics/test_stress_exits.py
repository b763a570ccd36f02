"""Programs in which guards fail on purpose: an exit must not repeat what was done already."""

STRESS = {"COACHWHIP_STRESS_EXITS": "2", "COACHWHIP_EXIT_LIMIT": "1000000000"}


def test_loops_over_any_iterator(run_both):
    run_both(
        "def collect(rows):\n    found = []\n    for row in rows:\n        for item in iter(row.items()):\n            found.append(item)\n    return found\n"
        "for turn in range(50):\n    print(collect({turn: [{1: 2, 3: 4}, {5: 6}, {}]}[turn]), collect(iter([{7: 8}])), collect({}))\n",
        options=STRESS,
    )
