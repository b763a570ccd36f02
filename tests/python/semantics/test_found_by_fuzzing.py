"""Programs that `make fuzz` found and made small: each did something else in compiled code once."""

import sys

from conftest import EVERYTHING, run_process

import pytest


@pytest.mark.parametrize("call", ["f(9)", "[f(2) for turn in range(9)]"])
def test_never_holds_for_loops(call, tmp_path):
    path = tmp_path / "app.py"
    path.write_text(
        "import coachwhip\n"
        "coachwhip.enable()\n"
        "@coachwhip.never\n"
        "def f(n):\n    total = 0\n    for turn in range(n):\n        total += turn\n    return total\n"
        f"{call}\n"
        "print('machine code' in coachwhip.explain(f))\n"
    )
    assert run_process([sys.executable, str(path)], EVERYTHING).stdout == "False\n"


def test_functions_over_the_same_code_with_other_globals(run_both):
    run_both(
        "import types, builtins\n"
        "G = 1\n"
        "def helper():\n    return 1\n"
        "def read(n):\n    total = 0\n    for turn in range(3):\n        total += G + len('ab') + helper()\n    return total + n\n"
        "def call(f, n):\n    return f(n)\n"
        "others = {**globals(), 'G': 20, 'helper': lambda: 5}\n"
        "blind = {**globals(), '__builtins__': {**vars(builtins), 'len': lambda text: 70}}\n"
        "functions = [read, types.FunctionType(read.__code__, others), types.FunctionType(read.__code__, blind)]\n"
        "for turn in range(60):\n    print([call(f, turn) for f in functions], call(functions[turn % 3], turn))\n"
        "    if turn == 40:\n        G = others['G'] = 2.5\n"
    )


def test_modules_over_the_same_code(run_both):
    run_both(
        "code = compile('total = 0\\nfor turn in range(60):\\n    total += step\\n    if turn == 30: show(total, name)\\nshow(total)', '<made>', 'exec')\n"
        "for turn in range(6):\n    exec(code, {'step': [1, 2.5, 'a'][turn % 3] if turn % 3 < 2 else 3, 'name': turn, 'show': print, 'range': [range, lambda n: [1, 2]][turn % 2]})\n"
    )


def test_a_loop_variable_behind_another_empty_local(engine):
    """Two locals are empty before the loop; the parameter of its way out stands for the one that the loop sets."""

    def go(base):
        found = [v for v in base]
        for q in range(1):
            pass
        return locals()

    for _ in range(20):
        go([])
    engine.compile(go)
    for _ in range(20):
        assert go([]) == {"base": [], "found": [], "q": 0}
    assert engine.is_compiled(go)


def test_a_loop_variable_behind_a_loop_that_was_entered_in_the_middle(run_both):
    """What is empty at the start of the loop's code is known from a guard there."""
    run_both(
        """
def go(numbers):
    v = 0
    found = [v for v in numbers]
    for q in range(3):
        more = [k + q for k in range(3)]
    return q

for i in range(200):
    print(go([1, 2, 3]))
""",
        options={"COACHWHIP_THRESHOLD": "8", "COACHWHIP_LOOP_THRESHOLD": "8", "COACHWHIP_STRESS_EXITS": "20"},
    )


LOOPS_IN_LOOPS = {
    "the outer loop's head is reached by a jump back alone": """
class C:
    @classmethod
    def take(cls, value):
        pass
kind = C
def main():
    for turn in range(120):
        try:
            kind.take(2 if turn < 1 else {k: k for k in range(1)})
        except Exception as error:
            print(error)
main()
print("end")
""",
    "what a comprehension saves is empty on the way back": """
def run(n):
    count = 0
    while count < 2:
        count += 1
        three = 4
        squares = {str(k): 12 for k in range(4)}
        for k, e in enumerate(([n, -2, n, three, n][:4] + [n, 9, three][:4])[:9]):
            pass
            pass
            pass
            pass
        pass
def main():
    for turn in range(120):
        print(run(-turn))
main()
""",
}


@pytest.mark.parametrize("name", LOOPS_IN_LOOPS)
def test_loops_entered_inside_others(name, tmp_path):
    path = tmp_path / "app.py"
    report = "import coachwhip\nif coachwhip.is_enabled():\n    stats = coachwhip.stats()\n    print(stats['loop_entries'] > 0, stats['unsupported_reasons'], file=sys.stderr)\n"
    path.write_text("import sys\n" + LOOPS_IN_LOOPS[name] + report)
    options = {"COACHWHIP": "1", "COACHWHIP_THRESHOLD": "50", "COACHWHIP_LOOP_THRESHOLD": "50", "COACHWHIP_WARM_UP": "0", "COACHWHIP_BACKGROUND": "0"}
    options |= {"COACHWHIP_STRESS_EXITS": "7", "COACHWHIP_SEED": "872943", "COACHWHIP_EXIT_LIMIT": "1"}
    expected = run_process([sys.executable, str(path)], {})
    found = run_process([sys.executable, str(path)], {**options, "COACHWHIP_VERIFY": "1"})
    assert found.stdout == expected.stdout
    assert found.stderr == "True {}\n"
