"""Classes: fields, slots, properties, descriptors, special methods, inheritance, metaclasses, destructors."""

from tools.fuzz.scope import Class, Function, Scope

#: Special methods: the feature's name and the lines of its definition; {x} is a field that holds a number, {e} an int expression over self and other.
SPECIAL = {
    "add": ("def __add__(self, other):", "    if isinstance(other, int):", "        return self.{x} + other", "    return NotImplemented"),
    "radd": ("def __radd__(self, other):", "    return other - self.{x}"),
    "iadd": ("def __iadd__(self, other):", "    self.{x} += 1", "    return self"),
    "sub": ("def __sub__(self, other):", "    return self.{x} - getattr(other, '{x}', other)"),
    "mul": ("def __mul__(self, other):", "    return {e}"),
    "neg": ("def __neg__(self):", "    return -self.{x}"),
    "eq": ("def __eq__(self, other):", "    return isinstance(other, type(self)) and self.{x} == other.{x}", "def __hash__(self):", "    return 7"),
    "lt": ("def __lt__(self, other):", "    return self.{x} < getattr(other, '{x}', 3)"),
    "le": ("def __le__(self, other):", "    if not hasattr(other, '{x}'):", "        return NotImplemented", "    return self.{x} <= other.{x}"),
    "len": ("def __len__(self):", "    return {e} % 5"),
    "badlen": ("def __len__(self):", "    return self.{x} - 2"),
    "bool": ("def __bool__(self):", "    return self.{x} > 2"),
    "getitem": ("def __getitem__(self, key):", "    if key == 4:", "        raise IndexError(key)", "    return {e}"),
    "setitem": ("def __setitem__(self, key, value):", "    self.{x} = value"),
    "contains": ("def __contains__(self, key):", "    return key == self.{x}"),
    "call": ("def __call__(self, other=1):", "    return {e}"),
    "iter": ("def __iter__(self):", "    yield self.{x}", "    yield {e}"),
    "listiter": ("def __iter__(self):", "    return iter((self.{x}, 2, 3))"),
    "index": ("def __index__(self):", "    return self.{x} % 3"),
    "int": ("def __int__(self):", "    return {e} % 100"),
    "float": ("def __float__(self):", "    return self.{x} * 0.5"),
    "getattr": ("def __getattr__(self, name):", "    if name.startswith('_'):", "        raise AttributeError(name)", "    return {e}"),
    "badgetattr": ("def __getattr__(self, name):", "    raise AttributeError('no ' + name)"),
    "getattribute": ("def __getattribute__(self, name):", "    if name == 'extra':", "        return 5", "    return super().__getattribute__(name)"),
    "setattr": ("def __setattr__(self, name, value):", "    object.__setattr__(self, name, value)"),
    "repr": ("def __repr__(self):", "    return f'{type(self).__name__}({self.{x}})'"),
    "str": ("def __str__(self):", "    return 'S' + str(self.{x})"),
    "format": ("def __format__(self, form):", "    return form + '!'"),
    "manager": ("def __enter__(self):", "    show('enter')", "    return {e}", "def __exit__(self, *details):", "    show('exit', details[0])", "    return {swallow}"),
    "del": ("def __del__(self):", "    show('del', type(self).__name__, self.{x})"),
    "new": ("def __new__(cls, *arguments):", "    return super().__new__(cls)"),
}
#: Features that surprise much code: rarer.
RARE = {"badlen", "getattribute", "setattr", "badgetattr", "getattr", "new", "format", "str", "le", "index"}


class Classes:
    """Writes classes."""

    def class_statement(self, name):
        """A class with fields, methods and features; known to later code."""
        bases = [known for known in self.classes if not known.slots]
        base = self.pick(bases) if bases and self.chance(0.4) else None
        known = Class(name, base)
        known.slots = base is None and self.chance(0.15)
        heads = [base.name] if base else []
        if base is None and self.chance(0.1):
            heads.append(f"metaclass={self.metaclass()}")
        if self.chance(0.06):
            self.write("@" + self.pick(("decorated", "total_ordering" if base and "lt" in base.features else "decorated")))
        self.write(f"class {name}{'(' + ', '.join(heads) + ')' if heads else ''}:")
        self.indent += 1
        start = len(self.lines)
        own = {}
        if base is None or self.chance(0.4):
            for field in ("x", "y", "z")[: self.number(1, 3)] if base is None else (self.pick(("y", "z", "u", "v")),):
                own[field] = self.pick(("int", "int", "int", "float", "list", "str", "object" if self.classes else "int"))
            if base is None and not any(type == "int" for type in own.values()):
                own["x"] = "int"
        if known.slots:
            names = [*own, "extra", *(["__dict__"] if self.chance(0.2) else [])]
            self.write(f"__slots__ = {tuple(names)!r}")
        elif self.chance(0.3):
            known.constants["K"] = "int"
            self.write(f"K = {self.int_constant()}")
        if self.chance(0.1):
            known.properties["d"] = "int"
            self.write(f"d = {self.pick(('Data', 'Plain'))}({self.number(1, 5)})")
        self.constructor(known, base, own)
        number = next((field for field, type in known.fields.items() if type == "int"), "x")
        scope = Scope("function", self.module)
        scope.variables = {"self": "object", "other": "int"}
        scope.kinds["self"] = known
        chosen = [feature for feature in SPECIAL if feature not in known.features and self.chance(0.05 if feature in RARE else 0.1)]
        if "eq" in known.features or base:
            chosen = chosen[:2]
        for feature in chosen:
            known.features.add(feature)
            for line in SPECIAL[feature]:
                self.write(line.replace("{x}", number).replace("{e}", f"(self.{number} {self.pick('+-^*')} {self.number(0, 9)})").replace("{swallow}", self.pick(("None", "True", "False"))))
            known.cost += 1
        self.classes.append(known)
        if self.chance(0.3):
            self.write("@property")
            self.write("def p(self):")
            self.write(f"    return self.{number} {self.pick('+-*')} {self.number(-2, 5)}")
            known.properties["p"] = "int"
            if self.chance(0.5):
                self.write("@p.setter")
                self.write("def p(self, value):")
                self.write(f"    self.{number} = value")
        for index in range(self.number(0, 2)):
            self.method(known, f"m{index if base is None or self.chance(0.6) else index + 2}", number)
        if len(self.lines) == start:
            self.write("pass")
        self.indent -= 1

    def constructor(self, known, base, own):
        """`__init__`, or the fields as class attributes."""
        if base is not None and not own:
            return
        parameters = []
        names = []
        for field, type in own.items():
            if self.chance(0.6):
                parameters.append(type)
                names.append((field, field))
            else:
                names.append((field, self.expression(self.module, type, 0)))
        known.fields.update(own)
        if base is not None and base.parameters and self.chance(0.7):
            inherited = [f"a{index}" for index in range(len(base.parameters))]
            known.parameters = base.parameters + parameters
        elif base is not None:
            inherited = None
            known.parameters = parameters
        else:
            inherited = None
            known.parameters = parameters
        taken = [field for field, value in names if field == value]
        texts = ["self", *(inherited or []), *taken]
        if parameters and self.chance(0.2):
            texts[-1] += f"={self.expression(self.module, parameters[-1], 0)}"
        self.write(f"def __init__({', '.join(texts)}):")
        self.indent += 1
        start = len(self.lines)
        if base is not None:
            self.write(self.pick(("super()", "super()", f"super({known.name}, self)")) + f".__init__({', '.join(inherited)})" if inherited is not None else f"{base.name}.__init__(self{''.join(', ' + self.expression(self.module, type, 0) for type in base.parameters)})")
        for field, value in names:
            self.write(f"self.{field} = {value}")
        if self.chance(0.1):
            scope = Scope("function", self.module)
            scope.variables = {"self": "object", **{field: own[field] for field in taken}}
            scope.fixed = {"self"}
            scope.kinds["self"] = known
            scope.room, scope.depth, scope.result = 3, 2, None
            limit, self.cost_limit = self.cost_limit, 30
            self.statement(scope)
            self.cost_limit = limit
            known.cost += scope.cost
        if len(self.lines) == start:
            self.write("pass")
        self.indent -= 1

    def method(self, known, name, number):
        """A method: small, as most methods are, or with loops."""
        decorator = self.pick(("", "", "", "", "", "", "@classmethod", "@staticmethod"))
        if decorator:
            self.write(decorator)
            first = "cls, " if decorator == "@classmethod" else ""
            self.write(f"def {name}({first}p0):")
            scope = Scope("function", self.module)
            scope.variables = {"p0": "int"}
            self.write(f"    return {self.expression(scope, 'int', 2)}")
            known.methods[name] = Function(name, [("p0", "int")], "int", scope.cost + 1)
            return
        if self.chance(0.7):
            scope = Scope("function", self.module)
            scope.variables = {"self": "object", "p0": "int", **{f"self.{field}": type for field, type in known.fields.items()}}
            scope.fixed = set(scope.variables)
            scope.kinds["self"] = known
            self.write(f"def {name}(self, p0{'=2' if self.chance(0.2) else ''}):")
            form = self.number(0, 3)
            if form == 0:
                self.write(f"    self.{number} += {self.expression(scope, 'int', 1)} & 7")
            if form == 1 and known.base and name in known.base.methods and known.base.methods[name].parameters == [("p0", "int")]:
                self.write(f"    return super().{name}(p0) + {self.expression(scope, 'int', 1)}")
            else:
                self.write(f"    return {self.expression(scope, 'int', 2)}")
            known.methods[name] = Function(name, [("p0", "int")], "int", scope.cost + 2)
            return
        limit, self.cost_limit = self.cost_limit, min(self.cost_limit, 120)
        known.methods[name] = self.function(name, method_of=known, kind="function", room=5)
        self.cost_limit = limit

    def metaclass(self):
        """A metaclass of the prelude."""
        return self.pick(("Meta", "CallingMeta"))
