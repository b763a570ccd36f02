"""Exits inside an `__init__` that was inlined into the call of its class."""


class Pair:
    def __init__(self, left, right):
        self.left = left
        self.right = left + right


def make(left, right):
    return Pair(left, right).right


def test_exits_inside_an_inlined_init(same):
    same(make, [(1, 2), ("a", "b"), ([1], [2]), (1, None)], warm=[(1, 2)])


def test_every_exit_of_an_inlined_init(run_both):
    run_both(
        "class Pair:\n    def __init__(self, left, right):\n        self.left = left\n        self.right = left + right\n"
        "def make(left, right):\n    return Pair(left, right).right\n"
        "print([make(i, i) for i in range(100)])\n",
        options={"COACHWHIP_STRESS_EXITS": "2", "COACHWHIP_EXIT_LIMIT": "1000000000"},
    )
