"""One program for one seed: a few classes and functions, loops that call them, changes in the middle, final values. The text is the program."""

import random

from tools.fuzz.classes import Classes
from tools.fuzz.expressions import Expressions
from tools.fuzz.scenarios import Changes, Scenarios
from tools.fuzz.scope import Scope
from tools.fuzz.statements import Statements

WEIGHTS = {
    "assign": 20,
    "augment": 14,
    "unpack": 5,
    "store_item": 6,
    "store_field": 6,
    "delete": 3,
    "mutate": 6,
    "show": 4,
    "branch_statement": 9,
    "loop": 12,
    "while_loop": 4,
    "try_statement": 5,
    "raise_statement": 1,
    "assert_statement": 1,
    "with_statement": 2,
    "match_statement": 2,
    "nested": 3,
    "global_statement": 4,
    "call_statement": 4,
    "yield_statement": 5,
    "return_statement": 2,
    "surprise": 3,
}
COMPOUND = {"branch_statement", "loop", "while_loop", "try_statement", "with_statement", "match_statement", "nested"}


def cumulative(weights):
    """Names and cumulative weights, as random.choices wants them."""
    total, sums = 0, []
    for weight in weights.values():
        total += weight
        sums.append(total)
    return list(weights), sums


class Generator(Expressions, Statements, Classes, Changes, Scenarios):
    """Writes one program."""

    weights = cumulative(WEIGHTS)
    weights_deep = cumulative({name: weight for name, weight in WEIGHTS.items() if name not in COMPOUND})

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.indent = 0
        self.functions = []
        self.classes = []
        self.counters = []
        self.module = Scope("module")
        self.module.room = 1000
        self.inside_comprehension = False
        self.cost_limit = self.pick((40, 100, 200, 400))
        #: How often an expression has another type than the one that is asked for.
        self.strangeness = self.pick((0.0, 0.0, 0.005, 0.01, 0.04))

    def program(self):
        """The text of the program."""
        if self.chance(0.3):
            for _ in range(self.pick((1, 1, 1, 2))):
                getattr(self, "scenario_" + self.pick(self.scenarios))()
            if self.chance(0.7):
                return "\n".join(self.lines) + "\n"
        self.globals()
        for index in range(self.pick((0, 0, 1, 1, 2, 3))):
            self.class_statement(f"C{index}")
        for index in range(self.pick((1, 1, 2, 2, 3))):
            self.functions.append(self.function(f"fn{index}"))
        self.globals()
        if self.chance(0.15):
            self.module.room = 6
            self.module.cost = 0
            for _ in range(self.number(1, 3)):
                self.statement(self.module)
        self.calls()
        return "\n".join(self.lines) + "\n"

    def globals(self):
        """Some global variables."""
        if not self.counters:
            self.counters = [f"G{index}" for index in range(self.number(0, 2))]
            for name in self.counters:
                self.write(f"{name} = {self.int_constant()}")
                self.module.variables[name] = "int"
                self.module.fixed.add(name)
        for _ in range(self.number(0, 2)):
            self.define(self.module)
        if self.classes and self.chance(0.7):
            self.define(self.module, "object")

    def late(self, type):
        """An argument that depends on `turn`; late it may have another type."""
        usual = {
            "int": ("turn", "turn - 5", "turn % 7", "turn * 1000", "2**30 - 8 + turn", "2**60 - 8 + turn", "2**63 - 8 + turn", "-turn", "turn"),
            "float": ("turn * 0.5", "turn / 3", "-turn * 1.5", "0.1 * turn", "turn * 1e20"),
            "bool": ("turn > 9", "turn % 2 == 0"),
            "str": ("str(turn)", "'abc' * (turn % 3)", "chr(97 + turn % 26)"),
            "list": ("[turn, 2, 3]", "list(range(turn % 6))", "[1, turn % 3, 5, 7]", "[3, 1, 2]"),
            "floats": ("[turn * 0.5, 1.5, 2.0]", "[0.5] * 3"),
            "tuple": ("(turn, 1, 2)", "(1, 2, 3)", "(turn % 2,) * 3"),
            "dict": ("{'a': turn, 'abc': 1}", "{'abc': 2, '': turn}"),
            "numbers": ("{0: turn, 1: 2, 2: 3}", "{k: k * turn for k in range(4)}"),
            "set": ("{1, 2, turn % 9}",),
            "bytes": ("b'abc'", "bytes([turn % 200, 1, 2])"),
        }
        if type == "object":
            value = self.variable(self.module, "object") if self.chance(0.5) else None
            if value is None:
                scope = Scope("function", self.module)
                scope.variables["turn"] = "int"
                value = self.instance(scope, self.pick(self.classes), 1) if self.classes else "None"
        else:
            value = self.pick(usual[type])
        if self.chance(0.15):
            other = self.pick([text for texts in usual.values() for text in texts[:2]] + ["None", "2**70", "float('nan')", "True"])
            value = f"({value} if turn {self.pick(('<', '<', '!=', '%'))} {self.number(3, 24)} else {other})"
        return value

    def calls(self):
        """Loops that call the functions: at module level or in a function."""
        inside = self.chance(0.4)
        if inside:
            self.write("def main():")
            self.indent += 1
        for function in self.functions if self.chance(0.5) else self.functions[-2:]:
            first = [f"{self.late(type)}" for _, type in function.parameters]
            call = f"{function.name}({', '.join(first)})"
            if function.kind == "generator":
                call = self.pick((f"list({call})", f"sum({call})", f"[v for v in {call}]", f"next({call}, None)"))
            objects = self.module.of_type("object")
            self.write(f"for turn in range(TURNS{self.pick(('', '', '', ' + 10', ' // 2'))}):")
            for _ in range(self.pick((0, 0, 1, 1, 2))):
                change = self.change(self.module)
                if change:
                    self.write(f"    if turn == {self.number(2, 25)}:")
                    for line in change:
                        self.write("        " + line)
            self.write("    try:")
            self.write(f"        show({call})" if self.chance(0.8) else f"        {self.pick(('R', 'last'))} = {call}")
            known = self.pick(self.classes) if self.classes and objects else None
            if known and known.methods and self.chance(0.5):
                method = self.pick(list(known.methods.values()))
                if method.cost < 200:
                    self.write(f"        show({self.pick(objects)}.{method.name}({', '.join(self.late(type) for _, type in method.parameters)}))")
            self.write(f"    except {self.pick(('Exception', 'Exception', 'Exception', '(TypeError, ValueError)'))} as error:")
            self.write("        report(error)")
        if inside:
            self.indent -= 1
            self.write("main()")


def generate(seed):
    """The text of the program with this seed."""
    return Generator(seed).program()
