"""Expressions: for each loose type the ways to make a value of it, from variables in sight, constants at the edges, containers, objects and calls."""

#: Ints where representations change: one digit of 30 bits, two digits, 63 and 64 bits; and the cache of small ints.
EDGES = (-6, -5, 255, 256, 257, 2**15, 2**29, 2**30 - 1, 2**30, -(2**30), 2**31 - 1, 2**32, 2**53, 2**60 - 1, 2**60, -(2**60), 2**62, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 2**70)
FLOATS = ("0.0", "-0.0", "1.0", "0.5", "-2.5", "1e10", "3.7", "1e308", "5e-324", "float('inf')", "float('-inf')", "float('nan')", "2.0**53", "0.1", "-1.0")
STRINGS = ("''", "'a'", "'abc'", "'hello world'", "'\\xe9t\\xe9'", "'\\u4e2d\\u6587'", "'\\U0001f600x'", "'12'", "'x,y,z'", "'AbC'")
BYTES = ("b''", "b'a'", "b'abc'", "b'\\x00\\xff'", "bytes(3)", "b'hello'")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Expressions:
    """Writes expressions. `depth` is how many levels may still follow below."""

    def chance(self, probability):
        """True in so many cases."""
        return self.random.random() < probability

    def pick(self, choices):
        """One of a sequence."""
        return choices[int(self.random.random() * len(choices))]

    def number(self, low, high):
        """A number from low to high, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def variable(self, scope, type):
        """A variable of a type that is in sight, or None."""
        names = scope.of_type(type)
        outer = scope.parent
        if (not names or self.chance(0.15)) and outer is not None:
            while outer is not None:
                # Functions do not see the names of a class body.
                if outer.kind != "class":
                    names = names + [name for name in outer.of_type(type) if name not in scope.variables]
                outer = outer.parent
        return self.pick(names) if names else None

    def expression(self, scope, type, depth=2):
        """An expression of a type; rarely one of another type."""
        if type == "any":
            type = self.pick(("int", "float", "str", "tuple", "list", "bool", "object"))
        if self.chance(self.strangeness):
            type = self.pick(("int", "float", "str", "bool", "list", "object", "none"))
        return getattr(self, f"{type}_expression")(scope, depth)

    def none_expression(self, scope, depth):
        """None, or something strange."""
        return self.pick(("None", "None", "Ellipsis", "NotImplemented", "1j", "len"))

    def int_constant(self):
        """Small mostly, else at an edge."""
        roll = self.random.random()
        if roll < 0.7:
            return str(self.number(-3, 12))
        if roll < 0.85:
            return str(self.number(-300, 2000))
        return str(self.pick(EDGES) + self.number(-1, 1))

    def int_expression(self, scope, depth):
        """An int."""
        name = self.variable(scope, "int")
        if depth <= 0 or self.chance(0.3):
            return name if name and self.chance(0.75) else self.int_constant()
        d = depth - 1
        e = self.expression
        roll = self.number(0, 45)
        if roll <= 9:
            return f"({e(scope, 'int', d)} {self.pick('+-+-+-*')} {e(scope, 'int', d)})"
        if roll <= 11:
            return f"({e(scope, 'int', d)} {self.pick(('//', '%'))} {self.pick((str(self.number(1, 50)), str(self.number(1, 9)), '-7', '(' + e(scope, 'int', d) + ' | 1)', '(' + e(scope, 'int', d) + ' | 1)', self.int_constant(), e(scope, 'int', 0)))})"
        if roll <= 14:
            return f"({e(scope, 'int', d)} {self.pick('&|^')} {e(scope, 'int', d)})"
        if roll == 15:
            return f"({e(scope, 'int', d)} {self.pick(('<<', '>>'))} ({e(scope, 'int', d)} & {self.pick((3, 7, 15, 63))}))"
        if roll == 16:
            return f"({self.pick('-~+')}{e(scope, 'int', d)})"
        if roll == 17:
            return f"{self.pick(('abs', 'int', 'hash'))}({e(scope, self.pick(('int', 'int', 'bool')), d)})"
        if roll == 18:
            return f"{self.pick(('min', 'max'))}({e(scope, 'int', d)}, {e(scope, 'int', d)}{', ' + e(scope, 'int', d) if self.chance(0.3) else ''})"
        if roll == 19:
            return f"({e(scope, 'int', d)} if {e(scope, 'bool', d)} else {e(scope, 'int', d)})"
        if roll <= 22:
            return self.item(scope, d, "int")
        if roll <= 24:
            return self.special(scope, "len", "len({o})") or f"len({e(scope, self.pick(('list', 'str', 'tuple', 'dict', 'set', 'floats', 'bytes')), d)})"
        if roll <= 28:
            return self.field(scope, "int") or self.int_constant()
        if roll <= 33:
            return self.call(scope, "int", d)
        if roll == 34:
            return f"sum({e(scope, self.pick(('list', 'tuple')), d)})"
        if roll == 35:
            return f"sum({self.comprehension(scope, 'int', d)})"
        if roll == 36:
            return f"ord(({e(scope, 'str', d)} or 'q')[0])"
        if roll == 37:
            target = self.assignable(scope, "int")
            return f"({target} := {e(scope, 'int', d)})" if target and scope.kind == "function" and not self.inside_comprehension else self.int_constant()
        if roll == 38:
            return f"(({e(scope, 'int', d)}, {e(scope, 'int', d)})[{e(scope, 'bool', d)}])"
        if roll == 39:
            return f"divmod({e(scope, 'int', d)}, {self.pick((str(self.number(1, 30)), '(' + e(scope, 'int', 0) + ' | 1)'))})[{self.number(0, 1)}]"
        if roll == 40:
            return f"(lambda {self.pick('pq')}={e(scope, 'int', d)}: {e(scope, 'int', d)})()"
        if roll == 41:
            return f"(({e(scope, 'int', 0)} & 15) ** {self.number(0, 3)})"
        if roll == 42:
            return f"({e(scope, 'int', d)}).bit_length()"
        if roll == 43:
            return f"({e(scope, 'int', d)} {self.pick(('and', 'or'))} {e(scope, 'int', d)})"
        if roll == 44:
            return self.special(scope, "add", "({o} + " + e(scope, "int", 0) + ")") or f"{e(scope, self.pick(('list', 'tuple')), d)}.count({e(scope, 'int', 0)})"
        return f"pow({e(scope, 'int', d)}, {self.number(0, 3)}, {self.number(2, 99)})"

    def float_expression(self, scope, depth):
        """A float."""
        name = self.variable(scope, "float")
        if depth <= 0 or self.chance(0.3):
            return name if name and self.chance(0.75) else self.pick(FLOATS)
        d = depth - 1
        e = self.expression
        roll = self.number(0, 19)
        if roll <= 6:
            kinds = self.pick((("float", "float"), ("float", "float"), ("float", "int"), ("int", "float")))
            return f"({e(scope, kinds[0], d)} {self.pick(('+', '-', '*', '+', '-', '*', '/'))} {e(scope, kinds[1], d)})"
        if roll == 7:
            return f"({e(scope, 'int', d)} / {self.pick((str(self.number(1, 9)), '(' + e(scope, 'int', d) + ' | 1)', e(scope, 'int', 0)))})"
        if roll == 8:
            return f"float({e(scope, self.pick(('int', 'float', 'bool')), d)})"
        if roll == 9:
            return f"({self.pick('-+')}{e(scope, 'float', d)})"
        if roll == 10:
            return f"{self.pick(('abs', 'abs', 'round'))}({e(scope, 'float', d)})"
        if roll == 11:
            return f"{self.pick(('min', 'max'))}({e(scope, 'float', d)}, {e(scope, self.pick(('float', 'int')), d)})"
        if roll == 12:
            return f"math.{self.pick(('fabs', 'fabs', 'atan', 'sqrt', 'sin', 'floor', 'tanh'))}({self.pick(('abs', '', 'abs'))}({e(scope, 'float', d)}))"
        if roll == 13:
            return f"({e(scope, 'float', d)} {self.pick(('%', '//', '**'))} {self.pick((e(scope, 'float', 0), '2.0', '0.3', '-1.5', '2'))})"
        if roll <= 15:
            return self.item(scope, d, "float")
        if roll == 16:
            return self.field(scope, "float") or self.pick(FLOATS)
        if roll == 17:
            return f"sum({e(scope, 'floats', d)})"
        if roll == 18:
            return f"({e(scope, 'float', d)} if {e(scope, 'bool', d)} else {e(scope, 'float', d)})"
        return self.call(scope, "float", d)

    def bool_expression(self, scope, depth):
        """A condition."""
        d = depth - 1
        e = self.expression
        roll = self.number(0, 25)
        if depth <= 0:
            if self.chance(0.3):
                return self.variable(scope, "bool") or "True"
            return f"({self.expression(scope, 'int', 0)} {self.pick(COMPARISONS)} {self.expression(scope, 'int', 0)})"
        if roll <= 8:
            return f"({e(scope, 'int', d)} {self.pick(COMPARISONS)} {e(scope, 'int', d)})"
        if roll <= 10:
            return f"({e(scope, 'float', d)} {self.pick(COMPARISONS)} {e(scope, self.pick(('float', 'int')), d)})"
        if roll == 11:
            return f"({e(scope, 'str', d)} {self.pick(COMPARISONS)} {e(scope, 'str', d)})"
        if roll == 12:
            type = self.pick(("list", "tuple", "set", "dict", "object", "any"))
            return f"({e(scope, type, d)} {self.pick(COMPARISONS)} {e(scope, type, d)})"
        if roll <= 14:
            return f"(not {e(scope, self.pick(('bool', 'int', 'float', 'str', 'list', 'object')), d)})"
        if roll == 15:
            return f"({e(scope, 'bool', d)} {self.pick(('and', 'or'))} {e(scope, 'bool', d)})"
        if roll == 16:
            return f"({e(scope, 'int', d)} {self.pick(('in', 'not in'))} {e(scope, self.pick(('list', 'tuple', 'numbers', 'set')), d)})"
        if roll == 17:
            return f"({e(scope, 'str', d)} {self.pick(('in', 'not in'))} {e(scope, self.pick(('str', 'dict')), d)})"
        if roll == 18:
            kinds = ["int", "float", "str", "bool", "(int, float)", "list", "object", "(str, tuple)", *(known.name for known in self.classes)]
            return f"isinstance({e(scope, 'any', d)}, {self.pick(kinds)})"
        if roll == 19:
            return f"({e(scope, 'any', d)} {self.pick(('is', 'is not'))} {self.pick(('None', 'True', 'False'))})"
        if roll == 20:
            return f"({e(scope, 'int', d)} {self.pick(COMPARISONS)} {e(scope, 'int', d)} {self.pick(COMPARISONS)} {e(scope, 'int', d)})"
        if roll == 21:
            return f"{self.pick(('any', 'all'))}({self.comprehension(scope, 'bool', d)})"
        if roll == 22:
            return f"bool({e(scope, 'any', d)})"
        if roll == 23:
            return f"(type({e(scope, 'any', d)}) is {self.pick(['int', 'float', 'str', 'list', *(known.name for known in self.classes)])})"
        if roll == 24:
            return f"{e(scope, 'str', d)}.{self.pick(('isdigit()', 'isalpha()', 'startswith(' + e(scope, 'str', 0) + ')'))}"
        return f"hasattr({e(scope, 'object', d)}, {self.pick(('x', 'y', 'm0', 'zz'))!r})"

    def str_expression(self, scope, depth):
        """A string, short."""
        name = self.variable(scope, "str")
        if depth <= 0 or self.chance(0.3):
            return name if name and self.chance(0.75) else self.pick(STRINGS)
        d = depth - 1
        e = self.expression
        roll = self.number(0, 17)
        if roll <= 2:
            return f"({e(scope, 'str', d)} + {e(scope, 'str', d)})"
        if roll == 3:
            return f"({e(scope, 'str', d)} or 'e')[{self.number(-1, 0)}]" if self.chance(0.8) else f"{e(scope, 'str', d)}[{e(scope, 'int', d)}]"
        if roll == 4:
            return f"{e(scope, 'str', d)}[{self.slice(scope)}]"
        if roll <= 7:
            form = self.pick(("", "", "!r", "!s", ":>4", "!a"))
            return "f" + repr("<{}|{}>").replace("{}", "{" + self.flat(e(scope, "any", d)) + form + "}", 1).replace("{}", "{" + self.flat(e(scope, "int", 0)) + "}", 1)
        if roll == 8:
            return f"str({e(scope, self.pick(('int', 'float', 'bool', 'tuple', 'object')), d)})"
        if roll == 9:
            return f"{e(scope, 'str', d)}.{self.pick(('upper()', 'lower()', 'strip()', 'title()', 'swapcase()', 'zfill(4)'))}"
        if roll == 10:
            return f"{self.pick(STRINGS)}.join([{e(scope, 'str', d)}, {e(scope, 'str', d)}])"
        if roll == 11:
            return f"({self.pick(STRINGS)} * ({e(scope, 'int', 0)} & 3))"
        if roll == 12:
            return f"('%s:%r' % ({e(scope, 'int', d)}, {e(scope, 'any', d)}))"
        if roll == 13:
            return f"chr(97 + ({e(scope, 'int', d)} & 15))"
        if roll == 14:
            return f"repr({e(scope, 'any', d)})[:{self.number(3, 12)}]"
        if roll == 15:
            return f"{e(scope, 'str', d)}.replace({e(scope, 'str', 0)}, {self.pick(STRINGS)})"
        if roll == 16:
            return self.field(scope, "str") or self.pick(STRINGS)
        return self.call(scope, "str", d)

    def flat(self, text):
        """Text that can stand in an f-string's braces in double quotes' company: parenthesised, no braces confused with formatting."""
        return f"({text})"

    def slice(self, scope):
        """A slice with some of its parts."""
        parts = [self.expression(scope, "int", 0) if self.chance(0.5) else "" for _ in range(2)]
        if self.chance(0.15):
            parts.append(self.pick(("1", "2", "-1", "-2")))
        return ":".join(parts)

    def item(self, scope, depth, type):
        """An item of a container of this type."""
        e = self.expression
        if type == "float":
            return self.element(scope, "floats", depth)
        container = self.pick(("list", "list", "tuple", "dict", "numbers", "numbers", "bytes"))
        if container in ("list", "tuple", "bytes"):
            return self.element(scope, container, depth)
        value = e(scope, container, depth)
        if container == "dict":
            return f"{value}.get({e(scope, 'str', 0)}, {e(scope, 'int', 0)})" if self.chance(0.85) else f"{value}[{self.pick(STRINGS)}]"
        if container == "numbers":
            return f"{value}.get({e(scope, 'int', 0)}, 0)" if self.chance(0.75) else f"{value}[{e(scope, 'int', 0)}]"
        return self.element(scope, container, depth)

    def element(self, scope, container, depth):
        """An element of a sequence, mostly one that exists."""
        name = self.variable(scope, container)
        if name and self.chance(0.85):
            return f"{name}[{self.place(scope, name)}]"
        return f"({self.expression(scope, container, depth)} or {'[1.5]' if container == 'floats' else '[1]'})[{self.pick(('0', '-1', '0', '-1', self.index(scope)))}]"

    def place(self, scope, name):
        """An index into a named sequence, mostly one that exists."""
        if self.chance(0.1):
            return self.index(scope)
        return f"{self.expression(scope, 'int', self.number(0, 1))} % len({name})"

    def kind_of(self, scope, name):
        """The class of an object in sight, as far as we know."""
        while scope is not None:
            if name in scope.kinds:
                return scope.kinds[name]
            scope = scope.parent
        return None

    def special(self, scope, feature, form):
        """A use of an object that has a special method, or None."""
        name = self.variable(scope, "object")
        kind = name and self.kind_of(scope, name)
        return form.replace("{o}", name) if kind and feature in kind.features else None

    def index(self, scope):
        """Mostly an index that exists."""
        roll = self.random.random()
        if roll < 0.35:
            return str(self.number(-2, 2))
        if roll < 0.8:
            return f"{self.expression(scope, 'int', 0)} % 3"
        return self.expression(scope, "int", 1)

    def field(self, scope, type):
        """A field or property of an object in sight."""
        name = self.variable(scope, "object")
        if name is None:
            return None
        known = self.kind_of(scope, name) or (self.pick(self.classes) if self.classes and self.chance(0.1) else None)
        if known is None:
            return None
        names = [field for source in (known.fields, known.properties, known.constants) for field, found in source.items() if found == type]
        return f"{name}.{self.pick(names)}" if names else None

    def displays(self, scope, depth, type, low=0, high=5):
        """Items for a display, with a starred one at times."""
        items = [self.expression(scope, type, depth) for _ in range(self.number(low, high))]
        if self.chance(0.15):
            items.append("*" + self.expression(scope, self.pick(("list", "tuple")), 0))
        return ", ".join(items)

    def list_expression(self, scope, depth):
        """A list, of ints mostly."""
        name = self.variable(scope, "list")
        if name and (depth <= 0 or self.chance(0.55)):
            return name
        d = depth - 1
        e = self.expression
        roll = self.number(0, 12) if depth > 0 else 0
        if roll <= 3:
            return f"[{self.displays(scope, d, 'int', 3)}]"
        if roll <= 5:
            return f"[{self.comprehension(scope, 'int', d, bare=True)}]"
        if roll == 6:
            return f"{e(scope, 'list', d)}[{self.slice(scope)}]"
        if roll == 7:
            return f"{self.pick(('sorted', 'list'))}({e(scope, self.pick(('list', 'tuple', 'numbers', 'set')), d)})"
        if roll == 8:
            return f"list(range({self.number(-2, 3)}, {self.number(3, 9)}))"
        if roll == 9:
            return f"({e(scope, 'list', d)}[:4] + {e(scope, 'list', d)}[:4])"
        if roll == 10:
            return f"list({self.pick(('reversed', 'enumerate'))}({e(scope, 'list', d)}))[:5]"
        if roll == 11:
            return f"list(map({self.pick(('abs', 'str', 'lambda v: v * 2', 'int', 'lambda v, w=3: v - w'))}, {e(scope, 'list', d)}))"
        return self.call(scope, "list", d)

    def floats_expression(self, scope, depth):
        """A list of floats."""
        name = self.variable(scope, "floats")
        if name and (depth <= 0 or self.chance(0.6)):
            return name
        if depth > 0 and self.chance(0.3):
            return f"[{self.comprehension(scope, 'float', depth - 1, bare=True)}]"
        return f"[{', '.join(self.expression(scope, 'float', depth - 1) for _ in range(self.number(3, 4)))}]"

    def tuple_expression(self, scope, depth):
        """A tuple of ints mostly."""
        name = self.variable(scope, "tuple")
        if name and (depth <= 0 or self.chance(0.5)):
            return name
        roll = self.number(0, 6) if depth > 0 else 0
        if roll <= 3:
            return f"({self.displays(scope, depth - 1, 'int', 3)},)"
        if roll == 4:
            return f"tuple({self.expression(scope, self.pick(('list', 'floats', 'str')), depth - 1)})"
        if roll == 5:
            return f"{self.expression(scope, 'tuple', depth - 1)}[{self.slice(scope)}]"
        return f"divmod({self.expression(scope, 'int', depth - 1)}, {self.number(1, 9)})"

    def dict_expression(self, scope, depth):
        """A dict from strings to ints."""
        name = self.variable(scope, "dict")
        if name and (depth <= 0 or self.chance(0.7)):
            return name
        if depth > 0 and self.chance(0.2):
            return "{" + f"str(k): {self.expression(scope, 'int', 0)} for k in range({self.number(1, 5)})" + "}"
        items = [f"{self.pick(STRINGS)}: {self.expression(scope, 'int', depth - 1)}" for _ in range(self.number(1, 4))]
        if self.chance(0.1):
            items.append("**" + self.expression(scope, "dict", 0))
        return "{" + ", ".join(items) + "}"

    def numbers_expression(self, scope, depth):
        """A dict from ints to ints."""
        name = self.variable(scope, "numbers")
        if name and (depth <= 0 or self.chance(0.7)):
            return name
        if depth > 0 and self.chance(0.3):
            return "{" + f"k: k {self.pick('+-*')} {self.expression(scope, 'int', 0)} for k in range({self.number(1, 6)})" + "}"
        return "{" + ", ".join(f"{self.number(-2, 6)}: {self.expression(scope, 'int', depth - 1)}" for _ in range(self.number(1, 4))) + "}"

    def set_expression(self, scope, depth):
        """A set of ints."""
        name = self.variable(scope, "set")
        if name and (depth <= 0 or self.chance(0.6)):
            return name
        if depth > 0 and self.chance(0.3):
            return f"({self.expression(scope, 'set', depth - 1)} {self.pick('&|^-')} {self.expression(scope, 'set', depth - 1)})"
        return "{" + ", ".join(str(self.number(-3, 9)) for _ in range(self.number(1, 4))) + "}"

    def bytes_expression(self, scope, depth):
        """Bytes or a bytearray."""
        name = self.variable(scope, "bytes")
        if name and (depth <= 0 or self.chance(0.6)):
            return name
        roll = self.number(0, 4)
        if roll == 0 and depth > 0:
            return f"{self.expression(scope, 'bytes', depth - 1)}[{self.slice(scope)}]"
        if roll == 1:
            return f"bytearray({self.pick(BYTES)})"
        return self.pick(BYTES)

    def object_expression(self, scope, depth):
        """An instance of one of the program's classes."""
        name = self.variable(scope, "object")
        if name and (depth <= 0 or self.chance(0.75)):
            return name
        if not self.classes:
            return "object()" if self.chance(0.1) else "None"
        if scope.kind == "function" and depth > 0 and self.chance(0.15):
            value = self.field(scope, "object")
            if value:
                return value
        return self.instance(scope, self.pick(self.classes), depth)

    def instance(self, scope, known, depth):
        """A call of a class."""
        scope.pay(known.cost)
        arguments = ", ".join(self.expression(scope, type, min(depth - 1, 1)) for type in known.parameters)
        return f"{known.name}({arguments})"

    def comprehension(self, scope, type, depth, bare=False):
        """The inside of a comprehension or generator expression over something small."""
        name = self.pick(("k", "j", "q"))
        source = self.pick(("range", "range", "list", "tuple", "floats"))
        text = f"range({self.number(1, 6)})" if source == "range" else self.expression(scope, source, min(depth, 1))
        # The loop's variable is in sight in the element; the scope is the function's own.
        before = scope.variables.get(name)
        inside, self.inside_comprehension = self.inside_comprehension, True
        scope.variables[name] = "float" if source == "floats" else "int"
        multiplier, scope.multiplier = scope.multiplier, scope.multiplier * 5
        element = self.expression(scope, type, max(depth, 1))
        condition = f" if {self.expression(scope, 'bool', 1)}" if self.chance(0.3) else ""
        scope.multiplier = multiplier
        self.inside_comprehension = inside
        if before is None:
            del scope.variables[name]
        else:
            scope.variables[name] = before
        return f"{element} for {name} in {text}{condition}"

    def call(self, scope, result, depth):
        """A call of a function, a method or a closure that yields this type, if its cost can be paid."""
        limit = self.cost_limit - scope.cost
        candidates = [function for function in self.functions if function.result == result and function.kind == "function" and function.cost * scope.multiplier <= limit]
        methods = []
        name = self.variable(scope, "object")
        if name:
            known = self.kind_of(scope, name) or (self.pick(self.classes) if self.classes and self.chance(0.1) else None)
            for method in known.methods.values() if known else ():
                if method.result == result and method.cost * scope.multiplier <= limit and method.kind == "function":
                    methods.append((known, method))
        if methods and (not candidates or self.chance(0.5)):
            known, method = self.pick(methods)
            scope.pay(method.cost)
            return f"{name}.{method.name}({self.arguments(scope, method, depth)})"
        if candidates:
            function = self.pick(candidates)
            scope.pay(function.cost)
            return f"{function.name}({self.arguments(scope, function, depth)})"
        return self.expression(scope, result, 0)

    def arguments(self, scope, function, depth):
        """Arguments for a call: positional ones, keywords, stars; rarely wrong ones."""
        values = [self.expression(scope, type, min(depth, 1)) for _, type in function.parameters]
        if function.defaults and self.chance(0.5):
            values = values[: len(values) - self.number(1, function.defaults)]
        if self.chance(0.01):
            values = values[:-1]
        parts = list(values)
        if values and self.chance(0.12):
            first = self.number(0, len(values) - 1)
            parts = values[:first] + [f"{name}={value}" for (name, _), value in list(zip(function.parameters, values))[first:]]
            if self.chance(0.3) and len(parts) - first == 1:
                parts[-1] = "**{" + f"{function.parameters[first][0]!r}: {values[first]}" + "}"
            return ", ".join(parts)
        if len(values) >= 2 and self.chance(0.06):
            parts = [f"*({', '.join(values)},)"]
        if function.star and self.chance(0.5):
            parts += [self.expression(scope, "int", 0) for _ in range(self.number(1, 3))]
        for name in function.keywords:
            if self.chance(0.5):
                parts.append(f"{name}={self.expression(scope, 'int', 0)}")
        return ", ".join(parts)

    def assignable(self, scope, type):
        """A variable of the function itself that may be assigned."""
        names = [name for name in scope.of_type(type) if name not in scope.fixed]
        return self.pick(names) if names else None
