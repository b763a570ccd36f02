"""What the generator knows while it writes: the variables in sight with their loose types, the functions and classes written so far, what a run may cost."""

#: Types of variables, kept loosely: a program may put something else there on purpose, late.
TYPES = ("int", "float", "bool", "str", "list", "floats", "tuple", "dict", "numbers", "set", "bytes", "object")

#: The types that most variables have.
COMMON = ("int",) * 8 + ("float",) * 4 + ("str",) * 2 + ("list",) * 3 + ("floats", "tuple", "tuple", "dict", "dict", "numbers", "set", "bytes", "bool", "object", "object")


class Function:
    """A function that later code may call."""

    def __init__(self, name, parameters, result, cost, kind="function", keywords=(), defaults=0, star=False):
        self.name = name
        self.parameters = parameters
        self.result = result
        self.cost = cost
        self.kind = kind
        self.keywords = keywords
        self.defaults = defaults
        self.star = star


class Class:
    """A class that later code may use."""

    def __init__(self, name, base=None):
        self.name = name
        self.base = base
        self.fields = dict(base.fields) if base else {}
        self.methods = dict(base.methods) if base else {}
        self.properties = dict(base.properties) if base else {}
        self.features = set(base.features) if base else set()
        self.constants = dict(base.constants) if base else {}
        self.slots = False
        self.cost = base.cost if base else 2
        self.parameters = list(base.parameters) if base else []


class Scope:
    """The variables of one function (or of the module) and the cost of what was written into it."""

    def __init__(self, kind, parent=None):
        self.kind = kind
        self.parent = parent
        self.variables = {}
        #: The classes of objects, as far as we know.
        self.kinds = {}
        #: Whether the function has declared the global counters.
        self.declares = kind == "module"
        #: Names that must not be assigned: loop counters that bound loops, parameters that tests rely upon.
        self.fixed = set()
        self.nonlocals = set()
        self.loops = 0
        self.depth = 0
        self.multiplier = 1
        self.cost = 1
        self.result = None
        self.generator = False
        self.handled = 0
        #: Statements that may still be written here.
        self.room = 12

    def of_type(self, type):
        """The names that hold a value of this type, for sure or nearly so."""
        return [name for name, found in self.variables.items() if found == type]

    def pay(self, units=1):
        """Account for something that runs once in each turn of all loops around it."""
        self.cost += units * self.multiplier
