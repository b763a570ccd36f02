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
        if self.chance(0.4):
            for _ in range(self.pick((1, 1, 1, 1, 1, 2))):
                if self.chance(0.5):
                    getattr(self, "scenario_" + self.pick(self.scenarios))()
                else:
                    self.template()
            if self.chance(0.9):
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

    def late(self, type, kind=None):
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
            value = self.variable(self.module, "object") if self.chance(0.4) else None
            if value is None or kind and self.kind_of(self.module, value) is not kind:
                scope = Scope("function", self.module)
                scope.variables["turn"] = "int"
                value = self.instance(scope, kind or self.pick(self.classes), 1) if self.classes else "None"
        else:
            value = self.pick(usual[type])
        if self.chance(0.15):
            other = self.pick([text for texts in usual.values() for text in texts[:2]] + ["None", "2**70", "float('nan')", "True"])
            value = f"({value} if turn {self.pick(('<', '<', '!=', '%'))} {self.number(3, 24)} else {other})"
        return value

    def calls(self):
        """What calls the functions: mostly a small function that the prelude's `repeat` calls, else loops in a function or at module level."""
        form = self.pick(("repeat",) * 7 + ("main",) * 2 + ("module",))
        if form == "main":
            self.write("def main():")
            self.indent += 1
        for index, function in enumerate(self.functions if self.chance(0.5) else self.functions[-2:]):
            first = [self.late(type, function.kinds.get(name)) for name, type in function.parameters]
            call = f"{function.name}({', '.join(first)})"
            if function.kind == "generator":
                call = self.pick((f"list({call})", f"sum({call})", f"[v for v in {call}]", f"next({call}, None)"))
            turns = f"TURNS{self.pick(('', '', '', ' + 10', ' // 2'))}"
            objects = self.module.of_type("object")
            if form == "repeat":
                self.write(f"def step{index}(turn):")
            else:
                self.write(f"for turn in range({turns}):")
            for _ in range(self.pick((0, 0, 1, 1, 2))):
                change = self.change(self.module)
                if change:
                    self.write(f"    if turn == {self.number(2, 25)}:")
                    for line in change:
                        self.write("        " + line)
            target = self.pick(objects) if objects else None
            known = target and self.kind_of(self.module, target)
            method = self.pick(list(known.methods.values())) if known and known.methods and self.chance(0.5) else None
            second = f"show({target}.{method.name}({', '.join(self.late(type) for _, type in method.parameters)}))" if method and method.cost < 200 else None
            if form == "repeat":
                if second:
                    self.write("    " + second)
                self.write(f"    return {call}")
                self.write(f"repeat(step{index}, {turns})")
                continue
            self.write("    try:")
            self.write(f"        show({call})" if self.chance(0.8) else f"        {self.pick(('R', 'last'))} = {call}")
            if second:
                self.write("        " + second)
            self.write(f"    except {self.pick(('Exception', 'Exception', 'Exception', '(TypeError, ValueError)'))} as error:")
            self.write("        report(error)")
        if form == "main":
            self.indent -= 1
            self.write("main()")


def generate(seed):
    """The text of the program with this seed."""
    return Generator(seed).program()
