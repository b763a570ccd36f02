"""Statements: assignments, loops, branches, exceptions, context managers, matches, nested functions, and things that happen in the middle of a loop."""

from tools.fuzz.scope import COMMON, Function, Scope

#: What may be raised and what handlers name.
EXCEPTIONS = ("ValueError", "KeyError", "TypeError", "ZeroDivisionError", "IndexError", "AttributeError", "OverflowError", "StopIteration", "Exception", "LookupError", "ArithmeticError")
#: After a loop's multiplications, numbers are brought back below one of these.
LIMITS = ("1000", "2**30", "2**31", "2**60", "2**62", "2**63", "2**64", "2**80")


class Statements:
    """Writes statements into `self.lines`."""

    def write(self, text):
        """One line."""
        self.lines.append("    " * self.indent + text)

    def body(self, scope, count):
        """An indented block of so many statements."""
        self.indent += 1
        scope.depth += 1
        start = len(self.lines)
        for _ in range(count):
            self.statement(scope)
        if len(self.lines) == start:
            self.write("pass")
        scope.depth -= 1
        self.indent -= 1

    def branch(self, scope, count):
        """A block that may not run: what it defines is not in sight behind it."""
        before = dict(scope.variables)
        self.body(scope, count)
        scope.variables = {name: type for name, type in scope.variables.items() if name in before} if self.chance(0.97) else scope.variables

    def new_name(self, scope, type):
        """A name for a variable: a new one, or one that changes its type."""
        if scope.variables and self.chance(0.04):
            names = [name for name in scope.variables if name not in scope.fixed]
            if names:
                return self.pick(names)
        letter = {"int": "i", "float": "f", "bool": "b", "str": "s", "list": "l", "floats": "w", "tuple": "t", "dict": "d", "numbers": "n", "set": "u", "bytes": "y", "object": "o"}[type]
        return f"{letter}{self.number(0, 3)}" if scope.kind != "module" else f"{letter.upper()}{self.number(0, 3)}"

    def define(self, scope, type=None):
        """A variable gets its first value."""
        type = type or self.pick(COMMON)
        if type == "object" and not self.classes:
            type = "int"
        value = self.expression(scope, type, 2 if scope.kind != "module" else 1)
        name = self.new_name(scope, type)
        if name in scope.fixed:
            return
        if type == "object":
            scope.kinds[name] = next((known for known in self.classes if value.startswith(known.name + "(")), None) or self.kind_of(scope, value)
        scope.variables[name] = type
        annotation = f": {type if type in ('int', 'float', 'str', 'list') else 'object'}" if self.chance(0.03) and scope.kind == "function" and name not in scope.nonlocals else ""
        self.write(f"{name}{annotation} = {value}")

    def statement(self, scope):
        """One statement of any kind that fits here."""
        scope.pay()
        scope.room -= 1
        if scope.cost > self.cost_limit or scope.room < 0:
            self.write(f"show({self.expression(scope, 'any', 0)})" if self.chance(0.3) else "pass")
            return
        kinds = self.weights_deep if scope.depth >= 3 else self.weights
        kind = self.random.choices(kinds[0], cum_weights=kinds[1])[0]
        getattr(self, kind)(scope)

    def assign(self, scope):
        """`x = ...`, mostly to a variable that exists."""
        if self.chance(0.35) or not scope.variables:
            self.define(scope)
            return
        type = self.pick(COMMON)
        name = self.assignable(scope, type) or self.assignable(scope, "int")
        if name is None:
            self.define(scope)
            return
        type = scope.variables[name]
        self.write(f"{name} = {self.expression(scope, type, 3)}")
        self.bound(scope, name, type)

    def bound(self, scope, name, type):
        """Keep a variable small that grows in a loop."""
        if scope.multiplier == 1:
            return
        if type == "int" and (self.chance(0.6) or "*" in self.lines[-1] or "<<" in self.lines[-1]):
            limit = self.pick(LIMITS)
            form = self.number(0, 3)
            if form == 0:
                self.write(f"{name} %= {limit}")
            elif form == 1:
                self.write(f"{name} = {name} & ({limit} - 1)")
            else:
                self.write(f"if not -({limit}) < {name} < {limit}:")
                self.write(f"    {name} = {self.pick((self.int_constant(), name + ' >> 40', '-' + name + ' % 1000', '0'))}")
                if form == 3:
                    return
        if type == "str":
            self.write(f"{name} = {name}[-{self.number(3, 20)}:]")
        if type in ("list", "tuple", "floats", "bytes"):
            self.write(f"{name} = {name}[:{self.number(3, 9)}]")

    def augment(self, scope):
        """`x += ...`."""
        type = self.pick(("int", "int", "int", "float", "float", "str", "list", "set", "tuple"))
        name = self.assignable(scope, type) or self.assignable(scope, "int")
        if name is None:
            self.define(scope)
            return
        type = scope.variables[name]
        if type == "int":
            operator = self.pick(("+=", "+=", "+=", "-=", "-=", "*=", "//=", "%=", "&=", "|=", "^=", ">>="))
            value = self.expression(scope, "int", 2)
            if operator in ("//=", "%="):
                value = f"({value} | 1)"
            if operator == ">>=":
                value = f"({value} & 7)"
        elif type == "float":
            operator, value = self.pick(("+=", "-=", "*=", "/=")), self.expression(scope, self.pick(("float", "float", "int")), 2)
        elif type == "set":
            operator, value = self.pick(("|=", "&=", "-=", "^=")), self.expression(scope, "set", 1)
        elif type in ("str", "list", "tuple"):
            operator, value = "+=", self.expression(scope, type, 1)
        else:
            self.write(f"{name} = {self.expression(scope, type, 2)}")
            return
        self.write(f"{name} {operator} {value}")
        self.bound(scope, name, type)

    def unpack(self, scope):
        """`a, b = ...`."""
        form = self.number(0, 5)
        first, second = self.assignable(scope, "int"), self.assignable(scope, "int")
        if form == 0 and first and second:
            self.write(f"{first}, {second} = {second}, {first}")
            return
        if form == 1:
            names = [self.new_name(scope, "int") for _ in range(2)]
            source = f"{self.expression(scope, 'int', 1)}, {self.expression(scope, 'int', 1)}"
        elif form == 2:
            names = [self.new_name(scope, "int") for _ in range(3)]
            source = f"[{', '.join(self.expression(scope, 'int', 1) for _ in range(3))}]" if self.chance(0.9) else self.expression(scope, self.pick(("tuple", "list")), 1) + "[:3]"
        elif form == 3:
            names = [self.new_name(scope, "int"), "*" + self.new_name(scope, "list")]
            source = f"(0, *{self.expression(scope, self.pick(('tuple', 'list', 'list')), 1)}, 5)"
            if self.chance(0.4):
                names.append(self.new_name(scope, "int"))
        elif form == 4:
            names = [self.new_name(scope, "int"), self.new_name(scope, "int")]
            source = f"divmod({self.expression(scope, 'int', 1)}, {self.number(1, 50)})"
        else:
            names = [self.new_name(scope, "int"), f"({self.new_name(scope, 'int')}, {self.new_name(scope, 'float')})"]
            source = f"{self.expression(scope, 'int', 1)}, ({self.expression(scope, 'int', 1)}, {self.expression(scope, 'float', 1)})"
        if any(name.strip("*(").split(",")[0] in scope.fixed for name in names) or scope.fixed & set("".join(names).replace("(", " ").replace(")", " ").replace(",", " ").split()):
            return
        self.write(f"{', '.join(names)} = {source}")
        for name in names:
            if name.startswith("("):
                left, right = name[1:-1].split(", ")
                scope.variables[left] = "int"
                scope.variables[right] = "float"
            else:
                scope.variables[name.lstrip("*")] = "list" if name.startswith("*") else "int"

    def store_item(self, scope):
        """`container[index] = ...`, also with slices and augmented."""
        type = self.pick(("list", "list", "dict", "numbers", "floats"))
        name = self.variable(scope, type)
        if name is None:
            self.define(scope, type)
            return
        if type == "dict":
            target, value = f"{name}[{self.pick(('str(' + self.expression(scope, 'int', 0) + ' % 5)', self.expression(scope, 'str', 0)))}]", self.expression(scope, "int", 2)
        elif type == "numbers":
            target, value = f"{name}[{self.expression(scope, 'int', 0)} % 7]", self.expression(scope, "int", 2)
        elif self.chance(0.12):
            self.write(f"{name}[{self.slice(scope)}] = {self.expression(scope, type, 1)}[:3]")
            self.write(f"del {name}[7:]")
            return
        else:
            target, value = f"{name}[{self.place(scope, name)}]", self.expression(scope, "int" if type == "list" else "float", 2)
        operator = self.pick(("=", "=", "=", "+=", "-="))
        self.write(f"{target} {operator} {value}")

    def store_field(self, scope):
        """`o.x = ...`."""
        name = self.variable(scope, "object")
        kinds = [known for known in self.classes if known.fields]
        kind = name and (self.kind_of(scope, name) or self.pick(kinds) if kinds else None)
        if not kind or not kind.fields:
            self.define(scope, "object")
            return
        field, type = self.pick(list(kind.fields.items()))
        if self.chance(0.08):
            field = self.pick(("extra", "x", "zz", "m0"))
        operator = "=" if type not in ("int", "float") else self.pick(("=", "=", "+=", "-=", "+="))
        self.write(f"{name}.{field} {operator} {self.expression(scope, type, 2)}")
        if type == "int":
            self.write(f"if {name}.{field} > {self.pick(LIMITS)}:")
            self.write(f"    {name}.{field} = {self.int_constant()}")

    def delete(self, scope):
        """`del` of a variable, item, slice or attribute."""
        form = self.number(0, 5)
        if form == 0:
            name = self.assignable(scope, self.pick(COMMON))
            if name and len(scope.variables) > 2 and name not in scope.nonlocals and scope.depth == 0:
                self.write(f"del {name}")
                del scope.variables[name]
                return
        if form == 1:
            name = self.assignable(scope, "int")
            if name and name not in scope.nonlocals:
                self.write(f"if {self.expression(scope, 'bool', 1)}:")
                self.write(f"    del {name}")
                if self.chance(0.8):
                    self.write(f"    {name} = {self.expression(scope, 'int', 0)}")
                return
        if form == 2:
            name = self.variable(scope, "list")
            if name:
                self.write(f"del {name}[{self.pick((self.slice(scope), self.slice(scope), self.index(scope)))}]")
                return
        if form == 3:
            name = self.variable(scope, self.pick(("dict", "numbers")))
            if name:
                self.write(f"{name}.pop({self.expression(scope, self.pick(('str', 'int')), 0)}, None)")
                return
        if form == 4:
            name = self.variable(scope, "object")
            if name:
                self.write(f"if hasattr({name}, 'extra'):")
                self.write(f"    del {name}.extra")
                return
        self.assign(scope)

    def mutate(self, scope):
        """A container's method that changes it."""
        type = self.pick(("list", "list", "list", "dict", "numbers", "set", "floats"))
        name = self.variable(scope, type)
        if name is None:
            self.define(scope, type)
            return
        e = self.expression
        if type in ("list", "floats"):
            item = "int" if type == "list" else "float"
            self.write(
                name
                + self.pick(
                    (
                        f".append({e(scope, item, 2)})",
                        f".append({e(scope, item, 2)})",
                        f".append({e(scope, item, 2)})",
                        f".extend({e(scope, type, 1)}[:3])",
                        f".insert({self.index(scope)}, {e(scope, item, 1)})",
                        f".append({e(scope, item, 2)})",
                        ".reverse()",
                        ".sort()",
                        f".insert(0, {e(scope, item, 1)})",
                        ".pop()" if self.chance(0.4) else ".sort()",
                    )
                )
            )
            if self.chance(0.7):
                self.write(f"del {name}[8:]")
        elif type == "set":
            self.write(f"{name}.{self.pick(('add', 'discard'))}({e(scope, 'int', 1)} % 9)")
        else:
            key = "str" if type == "dict" else "int"
            self.write(
                name
                + self.pick(
                    (
                        f".setdefault({e(scope, key, 0)}, {e(scope, 'int', 1)})",
                        f".update({e(scope, type, 1)})",
                        f".get({e(scope, key, 0)})",
                        f".pop({e(scope, key, 0)}, 0)",
                        ".clear()",
                    )
                )
            )
            self.write(f"while len({name}) > 9:")
            self.write(f"    {name}.popitem()")

    def show(self, scope):
        """Output; at times with the place, or with all locals."""
        roll = self.random.random()
        if roll < 0.12:
            self.write("where()")
        elif roll < 0.2:
            self.write("look()")
        elif roll < 0.25 and scope.kind == "function":
            self.write("show(sorted(locals()))")
        else:
            self.write(f"show({', '.join(self.expression(scope, 'any', 2) for _ in range(self.number(1, 2)))})")
        scope.pay(3)

    def branch_statement(self, scope):
        """`if`, `elif`, `else`."""
        self.write(f"if {self.expression(scope, 'bool', 2)}:")
        self.branch(scope, self.number(1, 3))
        if self.chance(0.2):
            self.write(f"elif {self.expression(scope, 'bool', 2)}:")
            self.branch(scope, self.number(1, 2))
        if self.chance(0.5):
            self.write("else:")
            self.branch(scope, self.number(1, 2))

    def loop(self, scope):
        """`for` over something small."""
        turns = self.number(2, 12) if scope.multiplier == 1 else self.number(2, 5)
        if scope.multiplier * turns > 300 or scope.loops >= 3:
            self.assign(scope)
            return
        e = self.expression
        name = self.loop_name(scope)
        names = {}
        form = self.number(0, 13)
        if form <= 4:
            bounds = self.pick((f"{turns}", f"{turns}", f"{self.number(-3, 0)}, {turns - 2}", f"{turns}, 0, -1", f"0, {2 * turns}, 2", f"{e(scope, 'int', 1)} % {turns + 1}", f"len({e(scope, 'list', 0)}[:12])"))
            source = f"range({bounds})"
            names[name] = "int"
        elif form <= 6:
            source = e(scope, self.pick(("list", "tuple")), 1) + ("[:12]" if self.chance(0.9) else "")
            names[name] = "int"
        elif form == 7:
            source, names[name] = e(scope, "floats", 1) + "[:9]", "float"
        elif form == 8:
            source, names[name] = e(scope, "str", 1) + "[:9]", "str"
        elif form == 9:
            second = self.loop_name(scope)
            source = self.pick((f"enumerate({e(scope, 'list', 1)}[:9])", f"list({e(scope, 'numbers', 1)}.items())", f"zip(range({turns}), {e(scope, 'list', 1)})", f"{e(scope, 'numbers', 0)}.items()"))
            names = {name: "int", second: "int"}
        elif form == 10:
            source, names[name] = e(scope, "dict", 1), "str"
            source = f"list({source})" if self.chance(0.7) else source
        elif form == 11:
            source = f"({self.comprehension(scope, 'int', 1)})"
            names[name] = "int"
        elif form == 12:
            producers = [function for function in self.functions if function.kind == "generator" and function.cost * scope.multiplier < self.cost_limit - scope.cost]
            if not producers:
                self.assign(scope)
                return
            producer = self.pick(producers)
            scope.pay(producer.cost)
            source = f"{producer.name}({self.arguments(scope, producer, 1)})"
            names[name] = "int"
        else:
            source, names[name] = f"reversed({e(scope, 'list', 1)}[:9])", "int"
        self.write(f"for {', '.join(names)} in {source}:")
        before = dict(scope.variables)
        scope.variables.update(names)
        self.turns(scope, turns, set())
        scope.variables = {key: type for key, type in scope.variables.items() if key in before or (key in names and self.chance(0.3))}
        if self.chance(0.12):
            self.write("else:")
            self.branch(scope, 1)

    def loop_name(self, scope):
        """A loop variable."""
        return self.pick(("i", "j", "k", "v", "x", "i0" if self.chance(0.2) else "e")) if scope.kind != "module" else self.pick(("I", "J", "K", "V"))

    def turns(self, scope, turns, fixed):
        """The body of a loop."""
        multiplier = scope.multiplier
        scope.multiplier *= turns
        scope.loops += 1
        fixed = fixed - scope.fixed
        scope.fixed |= fixed
        self.body(scope, self.number(1, 4))
        self.indent += 1
        if self.chance(0.12):
            self.write(f"if {self.expression(scope, 'bool', 1)}:")
            self.write(f"    {self.pick(('break', 'continue'))}")
            if self.chance(0.5):
                self.statement(scope)
        self.indent -= 1
        scope.fixed -= fixed
        scope.loops -= 1
        scope.multiplier = multiplier

    def while_loop(self, scope):
        """`while` with a counter that bounds it."""
        turns = self.number(2, 10) if scope.multiplier == 1 else self.number(2, 4)
        if scope.multiplier * turns > 300 or scope.loops >= 3:
            self.assign(scope)
            return
        counter = f"c{scope.loops}{self.number(0, 9)}" if scope.kind != "module" else f"C{scope.loops}{self.number(0, 9)}"
        if counter in scope.variables:
            self.assign(scope)
            return
        self.write(f"{counter} = 0")
        condition = f"{counter} < {turns}" + (f" and {self.expression(scope, 'bool', 1)}" if self.chance(0.3) else "")
        self.write(f"while {condition}:")
        self.indent += 1
        self.write(f"{counter} += 1")
        self.indent -= 1
        scope.variables[counter] = "int"
        self.turns(scope, turns, {counter})
        if self.chance(0.15):
            self.write("else:")
            self.branch(scope, 1)
        scope.variables.pop(counter, None)

    def try_statement(self, scope):
        """`try` with handlers, `else`, `finally`."""
        self.write("try:")
        scope.handled += 1
        self.branch(scope, self.number(1, 3))
        if self.chance(0.3):
            self.indent += 1
            self.raise_statement(scope)
            self.indent -= 1
        scope.handled -= 1
        form = self.number(0, 9)
        if form <= 7:
            for _ in range(self.number(1, 2)):
                kinds = self.pick(("Exception", "Exception", "Exception", self.pick(EXCEPTIONS), f"({self.pick(EXCEPTIONS)}, {self.pick(EXCEPTIONS)})", "ZeroDivisionError", "TypeError"))
                named = self.chance(0.5)
                self.write(f"except {kinds}{' as error' if named else ''}:")
                self.indent += 1
                if named and self.chance(0.6):
                    self.write(self.pick(("report(error)", "show(type(error).__name__, error.args)")))
                if self.chance(0.08):
                    self.write("raise" if self.chance(0.6) else f"raise ValueError({self.expression(scope, 'int', 0)}){' from error' if named and self.chance(0.5) else ''}")
                self.indent -= 1
                self.branch(scope, 1)
            if self.chance(0.2):
                self.write("else:")
                self.branch(scope, 1)
        if form > 7 or self.chance(0.15):
            self.write("finally:")
            self.branch(scope, self.number(1, 2))

    def raise_statement(self, scope):
        """`raise`, under a condition."""
        self.write(f"if {self.expression(scope, 'bool', 1)}:")
        self.write(f"    raise {self.pick(EXCEPTIONS)}{'(' + self.expression(scope, 'any', 1) + ')' if self.chance(0.8) else ''}")

    def assert_statement(self, scope):
        """`assert`."""
        self.write(f"assert {self.expression(scope, 'bool', 2)} or {self.expression(scope, 'bool', 1)} or {self.expression(scope, 'int', 1)}, {self.expression(scope, 'any', 0)}")

    def with_statement(self, scope):
        """`with` one of the prelude's context managers or of the program's."""
        managers = [known.name for known in self.classes if "manager" in known.features and not known.parameters]
        manager = self.pick(managers) if managers and self.chance(0.6) else self.pick((f"Manager({self.pick(('True', 'False'))})", "suppress(ZeroDivisionError, TypeError)", "manager()"))
        self.write(f"with {manager}{' as m' if self.chance(0.3) else ''}:")
        self.branch(scope, self.number(1, 3))

    def match_statement(self, scope):
        """`match` with patterns of each kind."""
        self.write(f"match {self.expression(scope, self.pick(('int', 'tuple', 'list', 'dict', 'object', 'str', 'any')), 1)}:")
        self.indent += 1
        for _ in range(self.number(1, 3)):
            form = self.number(0, 8)
            bound = {}
            if form == 0:
                pattern = self.pick(("0 | 1 | 2", "-1", "2.5", "None", "True", "'abc'"))
            elif form == 1:
                pattern, bound = "[a0, b0]", {"a0": "int", "b0": "int"}
            elif form == 2:
                pattern, bound = "(a0, *r0)", {"a0": "int", "r0": "list"}
            elif form == 3:
                pattern, bound = "{'abc': a0, **rest}", {"a0": "int", "rest": "dict"}
            elif form == 4:
                pattern, bound = self.pick(("int(a0)", "int() as a0")), {"a0": "int"}
            elif form == 5 and self.classes:
                known = self.pick(self.classes)
                fields = list(known.fields)
                pattern, bound = (f"{known.name}({fields[0]}=a0)", {"a0": known.fields[fields[0]]}) if fields else (f"{known.name}()", {})
            elif form == 6:
                pattern, bound = "str(s0)" if self.chance(0.5) else "[int(a0), *_] | (str(a0))", {}
            else:
                pattern, bound = "a0", {"a0": "any"}
                bound = {}
                pattern = f"a0 if {self.expression(scope, 'bool', 1)}"
            self.write(f"case {pattern}:")
            before = dict(scope.variables)
            scope.variables.update(bound)
            self.branch(scope, self.number(1, 2))
            scope.variables = before
        if self.chance(0.5):
            self.write("case _:")
            self.branch(scope, 1)
        self.indent -= 1

    def nested(self, scope):
        """A closure: reads and writes variables of this function, is called at once or in a loop."""
        if scope.kind != "function" or scope.parent and scope.parent.kind == "function":
            self.assign(scope)
            return
        name = f"inner{self.number(0, 2)}"
        written = [key for key, type in scope.variables.items() if type == "int" and key not in scope.fixed and key != "p0"]
        written = written[: self.number(0, 2)]
        if self.chance(0.2):
            self.write(f"{name} = lambda p0=2, *r: {self.expression(scope, 'int', 2)} + p0")
            scope.pay(3)
        else:
            self.write(f"def {name}(p0=1):")
            inner = Scope("function", scope)
            inner.variables = {"p0": "int"}
            inner.room = 4
            inner.depth = 2
            inner.result = "int"
            inner.multiplier = scope.multiplier
            inner.cost = scope.cost
            self.indent += 1
            inner.kinds = scope.kinds
            if written:
                self.write(f"nonlocal {', '.join(written)}")
                inner.nonlocals |= set(written)
                inner.variables.update({key: "int" for key in written})
            self.indent -= 1
            self.body(inner, self.number(1, 3))
            self.indent += 1
            self.write(f"return {self.expression(inner, 'int', 1)}")
            self.indent -= 1
            scope.cost = inner.cost
        target = self.new_name(scope, "int")
        if target in scope.fixed:
            return
        self.write(f"{target} = {name}({self.expression(scope, 'int', 1) if self.chance(0.7) else ''})")
        self.bound(scope, target, "int")
        scope.variables[target] = "int"

    def global_statement(self, scope):
        """Something is done to a global variable."""
        if not scope.declares or not self.counters:
            self.assign(scope)
            return
        name = self.pick(self.counters)
        self.write(f"{name} = ({name} {self.pick(('+', '-', '^'))} {self.expression(scope, 'int', 1)}) % {self.pick(LIMITS)}")

    def call_statement(self, scope):
        """A call for its effect."""
        candidates = [function for function in self.functions if function.kind == "function" and function.cost * scope.multiplier < self.cost_limit - scope.cost]
        if not candidates:
            self.mutate(scope)
            return
        function = self.pick(candidates)
        scope.pay(function.cost)
        self.write(f"show({function.name}({self.arguments(scope, function, 2)}))" if self.chance(0.4) else f"{function.name}({self.arguments(scope, function, 2)})")

    def yield_statement(self, scope):
        """`yield` in generators, else an assignment."""
        if not scope.generator:
            self.assign(scope)
            return
        form = self.number(0, 5)
        if form <= 3:
            self.write(f"yield {self.expression(scope, 'int', 2)}")
        elif form == 4:
            name = self.new_name(scope, "int")
            if name in scope.fixed:
                return
            self.write(f"{name} = (yield {self.expression(scope, 'int', 1)}) or {self.number(0, 3)}")
            scope.variables[name] = "int"
        else:
            producers = [function for function in self.functions if function.kind == "generator" and function.cost * scope.multiplier < self.cost_limit - scope.cost]
            source = "range(2)"
            if producers and self.chance(0.6):
                producer = self.pick(producers)
                scope.pay(producer.cost)
                source = f"{producer.name}({self.arguments(scope, producer, 1)})"
            self.write(f"yield from {source}")

    def return_statement(self, scope):
        """An early return."""
        if scope.result is None:
            self.assign(scope)
            return
        self.write(f"if {self.expression(scope, 'bool', 2)}:")
        self.write(f"    return {self.expression(scope, scope.result, 2)}")

    def surprise(self, scope):
        """Late in a loop a variable changes its type, or the world changes."""
        names = [name for name in scope.variables if name not in scope.fixed and name not in scope.nonlocals]
        if not names or self.chance(0.5):
            change = self.change(scope)
            if change:
                self.write(f"if {self.expression(scope, 'int', 0)} == {self.number(0, 6)}:")
                for line in change:
                    self.write(f"    {line}")
                return
        if names:
            name = self.pick(names)
            self.write(f"if {self.expression(scope, 'int', 1)} == {self.number(0, 9)}:")
            self.write(f"    {name} = {self.expression(scope, self.pick(('float', 'str', 'int', 'bool', 'none', 'object', 'list')), 1)}")

    def function(self, name, kind=None, method_of=None, room=None, header=None):
        """A function, generator or method; returns what callers need to know."""
        kind = kind or ("generator" if self.chance(0.12) else "function")
        scope = Scope("function", self.module)
        scope.room = room or self.number(4, 12)
        parameters = []
        for index in range(self.number(1, 3)):
            type = self.pick(COMMON)
            if type == "object" and not self.classes:
                type = "int"
            parameters.append((f"p{index}", type))
        if not any(type == "int" for _, type in parameters):
            parameters[0] = ("p0", "int")
        scope.variables.update(parameters)
        for key, type in parameters:
            if type == "object":
                scope.kinds[key] = self.pick(self.classes)
        kinds = dict(scope.kinds)
        defaults = self.number(1, len(parameters)) if self.chance(0.15) else 0
        star = self.chance(0.08)
        keywords = [f"w{index}" for index in range(self.number(1, 2))] if self.chance(0.1) else []
        texts = [key for key, _ in parameters]
        for index in range(len(parameters) - defaults, len(parameters)):
            texts[index] += f"={self.expression(self.module, parameters[index][1], 0)}"
        if self.chance(0.04):
            texts.insert(self.number(1, len(texts)), "/")
            if "/" in texts and self.chance(0.5):
                pass
        if star:
            texts.append("*rest")
            scope.variables["rest"] = "tuple"
        elif keywords:
            texts.append("*")
        for key in keywords:
            texts.append(f"{key}={self.number(-2, 9)}")
            scope.variables[key] = "int"
        if method_of is not None:
            texts.insert(0, "self")
            scope.variables["self"] = "object"
            scope.kinds["self"] = method_of
            scope.fixed.add("self")
        result = "int" if kind == "generator" else self.pick(("int", "int", "int", "int", "float", "float", "str", "list", "tuple", "object" if self.classes else "int"))
        scope.result = None if kind == "generator" else result
        scope.generator = kind == "generator"
        self.write(f"def {name}({', '.join(texts)}):")
        self.indent += 1
        if self.counters and self.chance(0.3):
            self.write(f"global {', '.join(self.counters)}")
            scope.declares = True
        for _ in range(self.number(1, 3)):
            self.define(scope)
        self.indent -= 1
        self.body(scope, self.number(2, 5))
        self.indent += 1
        if kind == "generator":
            self.write(f"yield {self.expression(scope, 'int', 2)}")
        else:
            self.write(f"return {self.expression(scope, result, 2)}")
        self.indent -= 1
        made = Function(name, parameters, result, scope.cost, kind, keywords, defaults, star)
        made.kinds = kinds
        return made
