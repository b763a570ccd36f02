"""Things that are written whole, with random parts: what changes the world in the middle of a loop, and the protocols that a grammar seldom hits by itself."""

from tools.fuzz.scope import Scope
from tools.fuzz.templates import TEMPLATES, filled


class Changes:
    """What can change while code runs. Each answer is a list of lines that stand anywhere."""

    def change(self, scope):
        """The lines of some change, or None."""
        return getattr(self, "change_" + self.pick(self.changes))(scope)

    changes = ("function", "code", "defaults", "method", "method", "attribute", "special", "builtin", "global_value", "global_value", "trace", "collect", "locals", "base", "execute", "profile", "monitor", "unset", "class_of", "instance_dict", "module_attribute")

    def function_name(self):
        """A function written so far."""
        return self.pick(self.functions).name if self.functions else None

    def stand_in(self):
        """A function to take another's place: takes anything, calls nothing."""
        return self.pick((f"lambda *a, **k: {self.number(-5, 5)}", "lambda *a, **k: len(a) + 0.5", "lambda *a, **k: a[-1] if a else None", "lambda p0, *a, **k: p0"))

    def change_function(self, scope):
        """Another function under a global name."""
        name = self.function_name()
        return name and [f"globals()[{name!r}] = {self.stand_in()}"]

    def change_code(self, scope):
        """Another code object in the same function."""
        name = self.function_name()
        return name and [f"{name}.__code__ = ({self.stand_in()}).__code__"]

    def change_defaults(self, scope):
        """Other defaults."""
        name = self.function_name()
        return name and [self.pick((f"{name}.__defaults__ = ({self.number(-3, 9)},)", f"{name}.__defaults__ = None", f"{name}.__defaults__ = (1, 2.5, 3)", f"{name}.__kwdefaults__ = {{'w0': 5, 'w1': 2.5}}"))]

    def change_method(self, scope):
        """Another method, or none."""
        if not self.classes:
            return None
        known = self.pick(self.classes)
        name = self.pick([*known.methods, "m0"])
        return [self.pick((f"{known.name}.{name} = {self.stand_in()}", f"{known.name}.{name} = {self.stand_in()}", f"{known.name}.{name} = 5", f"if '{name}' in {known.name}.__dict__: del {known.name}.{name}"))]

    def change_attribute(self, scope):
        """A class attribute where instances have a field, or a property over a field."""
        if not self.classes:
            return None
        known = self.pick(self.classes)
        field = self.pick([*known.fields, "K"])
        return [self.pick((f"{known.name}.{field} = {self.int_constant()}", f"{known.name}.{field} = property(lambda self: {self.number(0, 9)})", f"{known.name}.{field} = Data(2)", f"{known.name}.K = {self.pick(('2.5', '7', 'None'))}", f"{known.name}.extra = 5"))]

    def change_special(self, scope):
        """A special method appears or changes."""
        if not self.classes:
            return None
        known = self.pick(self.classes)
        name, value = self.pick(
            (
                ("__len__", "lambda self: 3"),
                ("__bool__", "lambda self: False"),
                ("__eq__", "lambda self, other: True"),
                ("__add__", "lambda self, other: 11"),
                ("__getattr__", "lambda self, name: 13"),
                ("__setattr__", "lambda self, name, value: object.__setattr__(self, name, 1)"),
                ("__getattribute__", "lambda self, name: object.__getattribute__(self, name)"),
                ("__getitem__", "lambda self, key: key"),
                ("__call__", "lambda self, *a: 17"),
                ("__lt__", "lambda self, other: False"),
                ("__iter__", "lambda self: iter((1, 2))"),
                ("__hash__", "lambda self: 3"),
                ("__repr__", "lambda self: 'changed'"),
                ("__new__", "lambda cls, *a: object.__new__(cls)"),
                ("__init__", "lambda self, *a: None"),
                ("__contains__", "lambda self, key: True"),
            )
        )
        return [f"{known.name}.{name} = {value}"]

    def change_builtin(self, scope):
        """A builtin changes, or a global of its name appears."""
        name = self.pick(("len", "abs", "min", "max", "sum", "range", "isinstance", "sorted", "int", "divmod", "str", "enumerate", "list"))
        other = self.pick((f"lambda *a, **k: {self.pick(('3', '[1, 2]', 'a[0]'))}", name, "float"))
        return self.pick(([f"builtins.{name} = {other}"], [f"globals()[{name!r}] = {other}"], [f"globals()[{name!r}] = {other}", f"del globals()[{name!r}]"], [f"saved_{name} = builtins.{name}", f"del builtins.{name}", "show('gone')", f"builtins.{name} = saved_{name}"]))

    def change_global_value(self, scope):
        """A global variable changes its value or type."""
        if not self.counters:
            return None
        return [f"globals()[{self.pick(self.counters)!r}] = {self.pick((self.int_constant(), '2.5', 'None', chr(39) + 's' + chr(39), 'True'))}"]

    def change_trace(self, scope):
        """Tracing is switched on or off."""
        return [self.pick(("sys.settrace(tracer)", "sys.settrace(tracer)", "sys.settrace(None)", "sys.settrace(other_tracer)", "trace_here()"))]

    def change_profile(self, scope):
        """Profiling is switched on or off."""
        return [self.pick(("sys.setprofile(profiler)", "sys.setprofile(None)"))]

    def change_monitor(self, scope):
        """A tool listens."""
        return [self.pick((f"monitor({self.number(0, 4)})", f"monitor({self.number(0, 4)})", "unmonitor()", f"monitor_code({self.function_name() or 'show'})"))]

    def change_collect(self, scope):
        """The garbage collector runs."""
        return ["gc.collect()"]

    def change_locals(self, scope):
        """A local is written through the frame."""
        if scope.kind != "function":
            return None
        names = [name for name in scope.variables if name not in scope.fixed and name.isidentifier()]
        if not names:
            return None
        name = self.pick(names)
        return [self.pick((f"sys._getframe().f_locals[{name!r}] = {self.int_constant()}", f"set_local({name!r}, {self.pick(('2.5', '5', 'None', '2**65'))})", "show(list(locals().items()))", f"locals()[{name!r}] = 5", f"exec('{name} = 77')", f"show(eval({name!r}))"))]

    def change_base(self, scope):
        """Another base class."""
        kinds = [known for known in self.classes if known.base]
        if not kinds:
            return None
        known = self.pick(kinds)
        return ["try:", f"    {known.name}.__bases__ = ({self.pick([*(other.name for other in self.classes if other is not known), 'Other'])},)", "except TypeError as problem:", "    show(type(problem).__name__)", "del globals()['_'] if False else None" if False else "pass"]

    def change_execute(self, scope):
        """Code from text."""
        name = self.pick(self.counters) if self.counters else "G9"
        return [self.pick((f"exec('{name} = 41', globals())", f"exec('global {name}; {name} = {self.number(0, 9)}')", f"show(eval('{name} if {name!r} in globals() else 0', globals()))".replace("'" + name + "'", '"' + name + '"')))]

    def change_unset(self, scope):
        """A global name disappears for a moment."""
        if not self.counters:
            return None
        name = self.pick(self.counters)
        return [f"kept = globals().pop({name!r}, 3)", "try:", f"    show({name})", "except NameError as problem:", "    show(str(problem))", f"globals()[{name!r}] = kept", "del kept"]

    def change_class_of(self, scope):
        """An object gets another class."""
        name = self.variable(scope, "object")
        if not name or not self.classes:
            return None
        return ["try:", f"    {name}.__class__ = {self.pick([*(known.name for known in self.classes), 'Other'])}", "except TypeError as problem:", "    show(type(problem).__name__)"]

    def change_instance_dict(self, scope):
        """An object's dict is read, written or replaced."""
        name = self.variable(scope, "object")
        if not name:
            return None
        return [f"if hasattr({name}, '__dict__'):", "    " + self.pick((f"{name}.__dict__ = dict({name}.__dict__)", f"{name}.__dict__['x'] = {self.int_constant()}", f"show(sorted({name}.__dict__))", f"{name}.__dict__.clear()", f"{name}.__dict__['m0'] = {self.stand_in()}", f"{name}.__dict__ = {{'y': 2, 'x': 1}}", f"{name}.__dict__.update(a1=1, a2=2, x=3)"))]

    def change_module_attribute(self, scope):
        """A module's function changes."""
        return [self.pick(("math.sqrt = abs", "math.floor = int", "math.sin = lambda v: 0.25", "math.fabs = math.exp"))]


class Scenarios:
    """Each writes functions or driver code of one protocol, with random parts."""

    scenarios = ("recursion", "threads", "sending", "coroutine", "groups", "destructors", "library", "keys", "iterator", "stars", "finals", "cells", "attributes", "frames", "many_locals", "strings", "weak", "signal", "execute", "reflected", "class_loop", "mutated", "polymorphic", "overflow", "floats_loop", "line_jump", "gen_loop", "modules")

    def template(self):
        """One of the texts with holes."""
        self.lines_of(filled(self, TEMPLATES[self.pick(list(TEMPLATES))]))
        self.driver("go(turn)")

    def simple(self, variables, result="int", depth=2, fixed=True):
        """An expression over given variables only and module names."""
        scope = Scope("function", self.module)
        scope.variables = dict(variables)
        return self.expression(scope, result, depth)

    def lines_of(self, text):
        """Write a text of several lines."""
        for line in text.strip("\n").split("\n"):
            self.write(line)

    def driver(self, call, turns="TURNS"):
        """A loop that calls something, shows what it yields and goes on after exceptions; at some turn something changes."""
        change = self.change(self.module) if self.chance(0.5) else None
        repeated = self.chance(0.7)
        self.write("def step(turn):" if repeated else f"for turn in range({turns}):")
        if change:
            self.write(f"    if turn == {self.number(2, 20)}:")
            for line in change:
                self.write("        " + line)
        if repeated:
            self.lines_of(f"    return {call}\nrepeat(step, {turns})")
        else:
            self.lines_of(f"    try:\n        show({call})\n    except Exception as error:\n        report(error)")

    def scenario_recursion(self):
        form = self.number(0, 4)
        e = self.simple({"n": "int"}, "int", 1)
        if form == 0:
            self.lines_of(f"def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\ndef start(n):\n    return fib(n % {self.number(6, 9)}) + fib(True) + {self.number(0, 3)}")
            self.driver("start(turn)")
        elif form == 1:
            self.lines_of(f"def deep(n, i0=0):\n    i0 += n\n    return 1 + deep(n + 1, {self.pick(('i0', 'i0 * 2', '0'))})\nfor turn in range(6):\n    try:\n        deep(turn)\n    except RecursionError as error:\n        show(type(error).__name__)")
        elif form == 2:
            self.lines_of(f"def even(n):\n    return True if n <= 0 else odd(n - 1)\ndef odd(n):\n    return False if n <= 0 else even(n - 1)")
            self.driver(self.pick(("even(turn)", "(odd(turn), even(turn * 1.5))", "even(turn) + odd(turn)")))
        elif form == 3:
            self.lines_of(f"def walk(n):\n    if n > 0:\n        yield n\n        yield from walk(n - 1)\n        yield {e} % 1000\ndef start(n):\n    return sum(walk(n % 6)), list(walk(3))")
            self.driver("start(turn)")
        else:
            self.lines_of(f"def down(n, seen=()):\n    try:\n        if n == 0:\n            raise {self.pick(('ValueError', 'KeyError', 'ZeroDivisionError'))}(len(seen))\n        return down(n - 1, seen + (n,)) + 1\n    except ValueError as error:\n        if n {self.pick(('==', '>', '<'))} {self.number(1, 4)}:\n            raise\n        return n\n    finally:\n        if n == 2:\n            show('finally', n)")
            self.driver("down(turn % 6)")

    def scenario_threads(self):
        body = self.simple({"n": "int", "k": "int", "s": "int"}, "int", 2)
        start = self.pick(("thread.start(); thread.join()", "thread.start()"))
        self.lines_of(f"def work(n, results):\n    s = 0\n    for k in range(n):\n        s = (s + {self.pick(('k * n', 'k ^ s', '(k << 3) - n', 'k * 0.5', 'len(str(k))'))}) {self.pick(('% 100003', '* 1'))}\n        results.append(s)\n        del results[5:]\n    results.append(s)\ndef start():\n    groups = [[] for k in range(3)]\n    threads = [threading.Thread(target=work, args=({self.number(5, 30)} + k, groups[k])) for k in range(3)]\n    for thread in threads:\n        {start}\n    for thread in threads:\n        thread.join()\n    return groups")
        self.driver("start()", "8")
        del body

    def scenario_sending(self):
        e = self.simple({"total": "int", "got": "int", "n": "int"}, "int", 2)
        self.lines_of(
            f"def accumulate(n):\n    total = n\n    try:\n        while True:\n            try:\n                got = yield total\n                total = (total + (got or 1) + {e}) % 2**62\n            except {self.pick(('ValueError', 'KeyError', '(ValueError, TypeError)'))} as error:\n                total = {self.number(-3, 3)}\n"
            f"            if total == {self.number(0, 9)}:\n                return total\n    finally:\n        show('closing', total)\n"
            f"def drive(n):\n    g = accumulate(n)\n    out = [next(g)]\n    for k in range({self.number(2, 8)}):\n        out.append(g.send({self.pick(('k', 'k * 1.5', 'n - k', 'None'))}))\n"
            f"        if k == {self.number(0, 5)}:\n            out.append(g.throw({self.pick(('ValueError', 'KeyError', 'ValueError(3)', 'ZeroDivisionError'))}))\n"
            f"    {self.pick(('g.close()', 'del g', 'show(g.gi_frame and g.gi_frame.f_lineno, g.gi_running)', 'pass'))}\n    return out"
        )
        self.driver("drive(turn)")

    def scenario_coroutine(self):
        e = self.simple({"n": "int", "k": "int", "s": "int"}, "int", 1)
        self.lines_of(
            f"class Wait:\n    def __init__(self, n):\n        self.n = n\n    def __await__(self):\n        got = yield self.n\n        return (got or 0) + self.n\n"
            f"async def step(n):\n    k = await Wait(n)\n    if k > {self.number(10, 40)}:\n        raise {self.pick(('ValueError', 'KeyError', 'StopIteration'))}(k)\n    return k * 2\n"
            f"async def items(n):\n    for k in range(n % 4):\n        await Wait(k)\n        yield k\n"
            f"class Async:\n    async def __aenter__(self):\n        return await Wait(3)\n    async def __aexit__(self, *details):\n        show('aexit', details[0])\n        return {self.pick(('True', 'False'))}\n"
            f"async def main(n):\n    s = 0\n    async for k in items(n):\n        s += k + ({e}) % 7\n    async with Async() as k:\n        s += await step(n + k)\n    return s, [k async for k in items(n + 1)]\n"
            f"def run(n):\n    c = main(n)\n    sent = None\n    out = []\n    try:\n        while True:\n            out.append(c.send(sent))\n            sent = len(out)\n            if len(out) > {self.number(4, 30)}:\n                {self.pick(('c.close()', 'c.throw(ValueError(1))', 'break'))}\n                break\n    except StopIteration as stop:\n        out.append(stop.value)\n    c.close()\n    return out"
        )
        self.driver("run(turn)")

    def scenario_groups(self):
        self.lines_of(
            f"def split(n):\n    caught = []\n    try:\n        try:\n            if n % 3 == 0:\n                raise ExceptionGroup('g', [ValueError(n), KeyError(n + 1), ExceptionGroup('h', [TypeError(n)])])\n            if n % 3 == 1:\n                raise ValueError({self.simple({'n': 'int'}, 'int', 1)})\n"
            f"        except* ({self.pick(('ValueError', 'KeyError', 'ValueError, TypeError'))}) as group:\n            caught.append([str(e) for e in group.exceptions])\n            {self.pick(('pass', 'raise', 'raise IndexError(n)', 'n += 1'))}\n        except* TypeError as group:\n            caught.append('type')\n    except BaseException as error:\n        report(error)\n    return caught, n"
        )
        self.driver("split(turn)")

    def scenario_destructors(self):
        self.lines_of(
            f"class D:\n    def __init__(self, n, other=None):\n        self.n = n\n        self.other = other\n    def __del__(self):\n        show('del', self.n)\n    def __add__(self, other):\n        return D((self.n + (other.n if isinstance(other, D) else other)) % 1000)\n"
            f"def live(n):\n    a = D(n)\n    b = {self.pick(('D(n + 1, a)', 'a', 'a + 1', '[D(n + 1), D(n + 2)]'))}\n    for k in range({self.number(2, 5)}):\n        {self.pick(('a = D(k)', 'a = a + k', 'a = a + a', 'D(k)', 'c = D(k); a = c', 'a, b = b, D(k)', 'b = [a, D(k)]', 'a = (D(k), a)[1]', 'del a; a = D(k)'))}\n"
            f"        {self.pick(('pass', 'show(k)', 'b = None', 'b = [D(k)]', 'a.n += 1'))}\n        if n == {self.number(3, 14)} and k == 1:\n            {self.pick(('raise ValueError(n)', 'break', 'return b', 'a = b = None', 'a = 1 / 0', 'look()'))}\n    show('end')\n    {self.pick(('return a', 'return n', 'return a.n', 'return [a, b] and None', 'return D(1) + a'))}"
        )
        call = self.pick(("live(turn)", "type(live(turn)).__name__", "(live(turn), 1)[1]"))
        self.driver(call)

    def scenario_library(self):
        form = self.number(0, 7)
        e = self.simple({"a": "int", "b": "int"}, "int", 2)
        text = {
            0: f"@dataclass({self.pick(('', 'order=True', 'frozen=True', 'slots=True'))})\nclass P:\n    a: int\n    b: float = 2.5\n    def total(self):\n        return self.a + self.b\ndef go(n):\n    p, q = P(n), P(n * 2, n)\n    return p == q, {'p < q' if self.chance(0.2) else 'p.total()'}, q.total(), p",
            1: "Point = namedtuple('Point', 'a b')\ndef go(n):\n    p = Point(n, n + 1)\n    a, b = p\n    return p.a + p.b, p._replace(a=a * 2), p[1], p == (n, b)",
            2: f"@lru_cache(maxsize=4)\ndef slow(a, b=2):\n    show('slow', a)\n    return {e}\ndef go(n):\n    return slow(n % 6), slow(n % 3, b=3), slow.cache_info()",
            3: f"def combine(a, b):\n    return ({e}) % 1000\ndef go(n):\n    return reduce(combine, range(n % 7), 1), partial(combine, n)(2), partial(combine, b=3)(n)",
            4: "class Color(Enum):\n    RED = 1\n    BLUE = 2\ndef go(n):\n    c = Color(n % 3)\n    return c.name, c is Color.RED, c.value + n, c == Color.BLUE",
            5: "def go(n):\n    d = deque(range(n % 5), maxlen=4)\n    d.append(n)\n    d.appendleft(-n)\n    c = Counter('abca'[: n % 5])\n    q = defaultdict(list)\n    for k in range(4):\n        q[k % 2].append(k + n)\n    return list(d), sorted(c.items()), dict(q), list(chain(d, (1, 2))), list(islice(count(n), 3))",
            6: f"class L:\n    def __init__(self, n):\n        self.n = n\n    @cached_property\n    def twice(self):\n        show('computed')\n        return self.n * 2\n    def __lt__(self, other):\n        return self.n < other.n\n    def __eq__(self, other):\n        return self.n == other.n\ndef go(n):\n    items = [L((n * k) % 5) for k in range(5)]\n    items.sort()\n    return [k.n for k in items], items[1].twice + items[1].twice, max(items).n, min(items, key=lambda k: -k.n).n",
            7: "def go(n):\n    text = '%d,%s;%5.2f|%r' % (n, n * 'a', n / 3, (n,))\n    words = ' '.join(str(k) for k in range(n % 6)).split()\n    return text, words, '{:>5}{!r}{x[0]}'.format(n, n, x=[n]), text.encode().hex()[:8], json.dumps({'n': n, 'w': words})",
        }[form]
        self.lines_of(text)
        self.driver("go(turn)")

    def scenario_keys(self):
        e = self.simple({"v": "int", "n": "int"}, "int", 2)
        self.lines_of(
            f"def key(v, n=1):\n    {'if v == 3: raise ValueError(v)' if self.chance(0.3) else 'n += 1'}\n    return {e}\n"
            f"def go(n):\n    data = [(k * n) % 7 for k in range({self.number(3, 8)})]\n    {self.pick(('data[2:3] = [2.5]', 'data.append(n * 0.5)', 'pass', 'data.append(str(n))'))}\n    return sorted(data, key=key), max(data, key=lambda v: -v), list(filter(lambda v: v % 2, data)), list(map(key, data)), sum(map(lambda v, w: v * w, data, data))"
        )
        self.driver("go(turn)")

    def scenario_iterator(self):
        self.lines_of(
            f"class Steps:\n    def __init__(self, n, step=1):\n        self.i = 0\n        self.n = n\n    def __iter__(self):\n        return self\n    def __next__(self):\n        self.i += 1\n        if self.i > self.n:\n            raise {self.pick(('StopIteration', 'StopIteration(self.i)', 'IndexError(self.i)', 'StopIteration'))}\n        return self.i {self.pick(('* 2', '* 1.5', '+ self.n', ''))}\n"
            f"class Sequence:\n    def __getitem__(self, k):\n        if k > {self.number(1, 5)}:\n            raise {self.pick(('IndexError', 'IndexError', 'KeyError'))}\n        return k * 3\n"
            f"def go(n):\n    s = 0\n    for k in {self.pick(('Steps(n % 6)', 'Sequence()', 'iter(Steps(4))', 'zip(Steps(3), Sequence())', 'Steps(3) if n < 15 else [1, 2, 3]', '(range(3) if n % 2 else Steps(3))', 'iter(lambda: n, n)', 'enumerate(Sequence())'))}:\n        s += k if isinstance(k, (int, float)) else k[0]\n        {self.pick(('show(k)', 'pass', 's = s * 2', 'if s > 9: break'))}\n    else:\n        s += 100\n    a, *b = Steps(3)\n    return s, a, b, list(Steps(2)), 4 in Steps(6), max(Steps(3))"
        )
        self.driver("go(turn)")

    def scenario_stars(self):
        e = self.simple({"a": "int", "b": "int", "c": "int"}, "int", 2)
        self.lines_of(
            f"def target(a, b={self.number(0, 5)}, *rest, c={self.number(0, 5)}, **more):\n    return {e}, rest, sorted(more.items())\n"
            f"def go(n):\n    pack = [n, 2, 3][: n % 4]\n    words = {{'c': n, 'd': 1}}\n    return {self.pick(('target(*pack)', 'target(*pack, **words)', 'target(n, c=2, z=3)', 'target(*pack, 5, c=n)', 'target(n, *pack, **{}, **words)', 'target(n, a=2) if n == 7 else target(n)', 'target(**words, a=1)', 'target(b=1)'))}"
        )
        self.driver("go(turn)")

    def scenario_finals(self):
        out = self.pick(("return k", "break", "continue", "pass", "raise KeyError(k)", "k += 1"))
        inner = self.pick(("return -k", "break", "continue", "pass", "k = 2.5"))
        self.lines_of(
            f"def go(n):\n    s = {self.number(0, 3)}\n    for k in range({self.number(3, 6)}):\n        try:\n            s += {self.simple({'n': 'int', 'k': 'int', 's': 'int'}, 'int', 1)} % 10\n            if k == n % {self.number(3, 6)}:\n                {self.pick(('raise ValueError(k)', '1 // 0', 'return s', 'break', 'continue', '[][k]', 'None.x', 'undefined_name'))}\n"
            f"        except {self.pick(('ValueError', 'ZeroDivisionError', 'Exception', 'LookupError'))} as error:\n            s += 1\n            {self.pick(('pass', 'raise', 'report(error)', 'del error', 'raise TypeError from error'))}\n        finally:\n            s -= 1\n            if n == {self.number(5, 25)}:\n                {inner}\n"
            f"        try:\n            {out}\n        finally:\n            s += 2\n    return s, k"
        )
        self.driver("go(turn)")

    def scenario_cells(self):
        self.lines_of(
            f"def make(n):\n    total = n\n    steps = []\n    def add(k):\n        nonlocal total\n        total += k\n        {self.pick(('steps.append(total)', 'return total', 'pass'))}\n        return total\n    def get():\n        return total, len(steps)\n    def drop():\n        nonlocal total\n        del total\n    return add, get, drop\n"
            f"def go(n):\n    add, get, drop = make(n)\n    functions = []\n    for k in range({self.number(2, 6)}):\n        add({self.pick(('k', 'k * 1.5', 'n', '2**62'))})\n        functions.append(lambda: k{self.pick((' + n', '', ' * 2'))})\n    if n == {self.number(4, 20)}:\n        {self.pick(('drop()', 'del k', 'n = 1.5', 'add = get', 'pass', 'add.__closure__[1].cell_contents = 2.5'))}\n    return get(), [f() for f in functions], add(1){', {x: lambda: x for x in range(2)}[1]()' if self.chance(0.5) else ''}"
        )
        self.driver("go(turn)")

    def scenario_attributes(self):
        self.lines_of(
            f"class Box:\n    {self.pick(('pass', 'x = 5', '__slots__ = (chr(120), chr(121), chr(100))', 'd = Data(3)', 'x = Plain(1)'))}\nclass Crate(Box):\n    def get(self):\n        return self.x\ndef fill(o, n):\n    if n % {self.number(2, 5)} == 0:\n        o.y = n\n    o.x = n\n    if n > {self.number(10, 20)}:\n        {self.pick(('del o.x', 'o.x += 0.5', 'o.__dict__ = {}', 'o.z = 3', 'o.__class__ = Box', 'setattr(o, str(n), n)', 'Box.x = 3', 'Crate.x = property(lambda self: -1)', 'del Crate.get'))}\n    return o.x\n"
            f"def go(n):\n    o = {self.pick(('Crate()', 'Box()', '(Box if n % 2 else Crate)()'))}\n    s = 0\n    for k in range({self.number(2, 6)}):\n        s += fill(o, n + k)\n        {self.pick(('o.x += k', 'pass', 'o.w = k', 's += getattr(o, chr(121), 1)', 's += o.x'))}\n    return s, {self.pick(('o.get()', 'o.x', 'hasattr(o, chr(121))', 'vars(o)', 'o.d'))}"
        )
        self.driver("go(turn)")

    def scenario_frames(self):
        self.lines_of(
            f"def peek(depth=1):\n    frame = sys._getframe(depth)\n    return frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_lasti{', sorted(frame.f_locals.items(), key=repr)' if self.chance(0.5) else ''}\n"
            f"def middle(n, w):\n    a = n * w\n    b = [a]\n    {self.pick(('c = peek(1)', 'c = peek(2)', 'c = [peek(1) for k in range(2)]', 'c = (lambda: peek(2))()', 'c = eval(chr(97)), locals().get(chr(98))'))}\n    a += 1\n    return a, b, c\n"
            f"def go(n):\n    s = n\n    for k in range({self.number(2, 5)}):\n        s += k\n        r = middle(s, {self.pick(('k', '0.5', '2**40'))})\n        {self.pick(('pass', 'set_local(chr(115), 2.5) if n == 12 else None', 'show(peek(1))'))}\n    return s, r"
        )
        self.driver("go(turn)")

    def scenario_many_locals(self):
        count = self.number(30, 280)
        self.write("def go(n):")
        for index in range(count):
            self.write(f"    v{index} = {self.pick(('n', 'n + ' + str(index), '[n]', 'v' + str(index // 2) if index else 'n', '2.5', str(index * 1000)))}")
        names = [f"v{self.number(0, count - 1)}" for _ in range(4)]
        self.lines_of(f"    s = 0\n    for k in range(4):\n        v{count - 1} = k\n        s += len(str({names[0]})) + k\n        if n == {self.number(3, 20)}:\n            {names[1]} = {names[2]}\n            {self.pick(('look()', 'del ' + names[3], 'raise ValueError(n)', 's = 0.5'))}\n    return s, {', '.join(names)}")
        self.driver("go(turn)")

    def scenario_strings(self):
        e = self.simple({"n": "int", "k": "int", "s": "str"}, "str", 3)
        self.lines_of(f"def go(n):\n    s = ''\n    for k in range({self.number(2, 9)}):\n        s += {e}\n        s = s[-{self.number(5, 40)}:]\n        {self.pick(('if s[:1] == chr(97): s = s[1:]', 'pass', 's = s.upper()', 't = s'))}\n    return s, len(s), f'{{s!r:>12}}{{n:+}}', s < 'b', s in ('a', 'b')")
        self.driver("go(turn)")

    def scenario_weak(self):
        self.lines_of(
            f"class W:\n    def __init__(self, n):\n        self.n = n\ndef go(n):\n    o = W(n)\n    r = weakref.ref(o, lambda r: show('dead', n))\n    for k in range({self.number(2, 4)}):\n        {self.pick(('p = o', 'p = W(k)', 'p = [o]', 'pass', 'o.n += 1'))}\n        if k == 1:\n            {self.pick(('o = None', 'o = W(5)', 'del o; o = 3', 'pass', 'o = k'))}\n        show(r() is None)\n    {self.pick(('p = None', 'pass', 'o = p = None'))}\n    return r() is None"
        )
        self.driver("go(turn)")

    def scenario_signal(self):
        self.lines_of(
            f"hits = []\ndef handler(number, frame):\n    hits.append((frame.f_code.co_name, frame.f_lineno))\n    {self.pick(('pass', 'frame.f_locals[chr(115)] = 1000', 'raise KeyError(len(hits))' , 'show(sorted(frame.f_locals))'))}\nsignal.signal(signal.SIGUSR1, handler)\n"
            f"def go(n):\n    s = 0\n    for k in range({self.number(3, 8)}):\n        s += k * n\n        if k == {self.number(0, 4)} and n {self.pick(('>', '=='))} {self.number(3, 20)}:\n            signal.raise_signal(signal.SIGUSR1)\n        s {self.pick(('+= 1', '*= 1.5', '^= 3'))}\n    return s"
        )
        self.driver("go(turn)")
        self.write("show(hits)")

    def scenario_execute(self):
        e = self.simple({"n": "int", "k": "int"}, "int", 2).replace("\\", "\\\\").replace('"', "'")
        self.lines_of(
            f'text = """\ndef made(n):\n    s = 0\n    for k in range(5):\n        s += {self.pick(("k", "n", "k * n", "G"))}\n    return s, {e}\n"""\ndef go(n):\n    space = {{**globals(), \'G\': n}}\n    exec(compile(text, \'<made>\', \'exec\'), space)\n    s = 0\n    for k in range(4):\n        s += space[\'made\'](k)[0]\n        space[\'G\'] = {self.pick(("k", "k * 0.5", "n"))}\n    return s, eval(\'n + 1\'), eval(\'made(2)\', space)'
        )
        self.driver("go(turn)", "10")

    def scenario_reflected(self):
        operators = [self.pick(("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "lshift", "matmul", "truediv", "pow")) for _ in range(2)]
        signs = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//", "mod": "%", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "matmul": "@", "truediv": "/", "pow": "**"}
        a, b = signs[operators[0]], signs[operators[1]]
        self.lines_of(
            f"class N{self.pick(('', '(int)', '(float)', '(str)', '(list)'))}:\n    def __{operators[0]}__(self, other):\n        return {self.pick(('NotImplemented', '5', 'self', 'type(other).__name__', 'other'))}\n    def __r{operators[0]}__(self, other):\n        return {self.pick(('7', 'NotImplemented', 'other'))}\n    def __i{operators[1]}__(self, other):\n        return {self.pick(('NotImplemented', 'self', 'other'))}\n    def __eq__(self, other):\n        return {self.pick(('NotImplemented', 'True', 'other == 3'))}\n    __hash__ = None\n"
            f"def go(n, a, b):\n    out = []\n    for k in range({self.number(2, 5)}):\n        out.append(a {a} b)\n        out.append(b {a} a)\n        c = a\n        c {b}= b\n        out.append(type(c).__name__)\n        out.append((a == b, b != a, a == 3))\n    return out"
        )
        self.driver(f"go(turn, N(), {self.pick(('3', 'turn', 'N()', '2.5', '(turn if turn < 15 else N())', 'chr(97)'))}) if turn % 3 else go(turn, {self.number(1, 9)}, {self.pick(('3', 'N()', '2.5'))})")

    def scenario_class_loop(self):
        self.lines_of(
            f"def build(n):\n    class Local{self.pick(('', '(Other)', '(metaclass=Meta)', '(list)'))}:\n        size = n\n        {self.pick(('pass', '__slots__ = ()', 'for q in range(2): pass'))}\n        def get(self, k):\n            return {self.pick(('self.size + k', '(__class__.__name__, k)', 'super().__sizeof__() and n + k', 'n * k'))}\n    return Local\nKept = build(3)\n"
            f"def use(o, k):\n    return o.get(k)\ndef go(n):\n    o = {self.pick(('build(n)()', 'Kept()', '(Kept if n % 3 else build(n))()'))}\n    out = []\n    for k in range({self.number(2, 5)}):\n        out.append(use(o, k))\n        {self.pick(('pass', 'type(o).size = k', 'o = build(k)()'))}\n    return out"
        )
        self.driver("go(turn)")

    def scenario_mutated(self):
        self.lines_of(
            f"def go(n):\n    data = {self.pick(('[1, 2, 3, 4]', 'list(range(n % 6))', '{1: 2, 3: 4}', '{1, 2, 3}', 'bytearray(b\"abc\")'))}\n    seen = []\n    for k in data:\n        seen.append(k)\n        if len(seen) == {self.number(1, 3)} and n % {self.number(2, 5)} == 0:\n            {self.pick(('data.append(9)', 'data.clear()', 'data.pop()', 'data[7] = 1', 'data.add(77)', 'del data[0]', 'data = [1]', 'data.insert(0, 5)'))}\n        if len(seen) > 12:\n            break\n    return seen, data"
        )
        self.driver("go(turn)")

    def scenario_polymorphic(self):
        kinds = [known.name for known in self.classes if not known.parameters][:2]
        self.lines_of(
            "class A1:\n    def area(self, n):\n        return n\n    v = 1\nclass A2:\n    def __init__(self):\n        self.v = 2.5\n    def area(self, n):\n        return n * self.v\nclass A3(A2):\n    def area(self, n):\n        return super().area(n) + 1\n    def __getattr__(self, name):\n        return 7\n"
            f"def go(n):\n    items = [A1(), A2(), A3(){''.join(', ' + name + '()' for name in kinds)}]\n    s = 0\n    for k in range({self.number(3, 8)}):\n        o = items[(k + n) % len(items)]\n        s += o.area(k){self.pick(('', ' + o.v', ' - o.zz if hasattr(o, chr(122)) else 1'))}\n        if n == {self.number(5, 20)}:\n            {self.pick(('A2.area = lambda self, n: 3', 'o.v = 9', 'o.area = lambda n: n', 'A3.area = A1.area', 'del A1.v'))}\n    return s"
        )
        self.driver("go(turn)")

    def scenario_overflow(self):
        start = self.pick(("0", "1", "2**29", "2**30 - 3", "2**59", "2**60 - 2", "2**62 - 5", "2**63 - 4", "-2**63 + 2", "-2**30", "-2**60", "10**18"))
        step = self.pick(("s + k", "s * 3", "s - k", "s + s", "-s - 1", "s ^ (s << 1)", "(s << 1) | 1", "s * n", "s + 2**29", "s - 2**62", "s // 3", "s >> 1", "~s", "abs(s) + 1", "s * s % 2**61", "s % 10 ** 9", "s // -7", "s % -13", "-(-s // 2)", "s & 2**62", "s | -2**40", "s << (k & 63)", "s ** 2 % 1000003", "s * 1000003 + 12345"))
        other = self.pick(("t + s", "t ^ s", "t - s", "max(t, s)", "min(t, s)", "t * 2 + (s > t)", "t + s % 7", "s if t < s else t", "t + 0.5", "t - (s & 255)"))
        test = self.pick((f"s > {self.pick(LIMITS_HERE)}", f"s == {self.pick(LIMITS_HERE)}", "not s", "s < 0 and t > 0", "s & 1", f"-s >= {self.pick(LIMITS_HERE)}"))
        self.lines_of(
            f"def go(n, s, t=0):\n    for k in range({self.number(4, 40)}):\n        s = {step}\n        t = {other}\n        if {test}:\n            {self.pick(('s = k', 's = s >> 30', 't = s % 1000', 'break', 's -= 2**62', 's = s % 2**30', 'continue'))}\n        if s > 2**200 or s < -2**200:\n            s = {self.number(-3, 3)}\n    return s, t\n"
        )
        self.driver(f"go(turn, {start}{self.pick((' + turn', ' - turn', '', ' * turn'))})")

    def scenario_floats_loop(self):
        step = self.pick(("s * 1.5", "s + k", "s / (k + 1)", "s - 0.1", "-s", "s * s", "s ** 0.5", "s % 3.5", "s // 2.0", "s + x", "abs(s) - 1", "s / k", "max(s, x)", "min(x, s, 0.0)", "k / 7 + s", "float(k) - s", "math.sqrt(abs(s))", "round(s, 2)", "s * True", "int(s) + x", "s - s", "s if s > x else x"))
        test = self.pick(("s > 100", "s == x", "s != s", "s < 0", "not s", "s >= k", "k < s < 9.5", "s is None"))
        self.lines_of(
            f"def go(n, x):\n    s = {self.pick(('0.0', '-0.0', '1.0', 'x', 'n', '1e300', 'n / 2'))}\n    t = 0\n    for k in range({self.number(3, 30)}):\n        s = {step}\n        if {test}:\n            {self.pick(('s = 0.5', 't += 1', 'break', 's = k', 's = x', 't += s'))}\n        {self.pick(('t += s', 't = t - x', 'x += 0.25', 'pass', 'x = -x', 't = s'))}\n    return s, t, x"
        )
        self.driver(f"go(turn, {self.pick(('turn / 2', '0.5', '-0.0', 'turn * 1e100', 'float(chr(105) + chr(110) + chr(102))', 'turn', '(0.5 if turn < 20 else turn)', '2**70', '-turn - 0.25'))})")

    def scenario_line_jump(self):
        self.lines_of(
            f"jumps = []\ndef jumper(frame, event, argument):\n    if len(jumps) < 9 and frame.f_code.co_name == 'go' and event == 'line':\n        first = frame.f_code.co_firstlineno\n        if frame.f_lineno - first == 4 and frame.f_locals.get('k') == 2:\n            jumps.append(1)\n            try:\n                frame.f_lineno = first + {self.number(1, 7)}\n            except ValueError as problem:\n                show(str(problem)[:30])\n    return jumper\n"
            f"def go(n):\n    s = 0\n    for k in range(5):\n        s += k\n        s += 10\n        s *= 2\n        s -= n\n    return s"
        )
        self.write("for turn in range(12):")
        self.lines_of(f"    if turn == {self.number(2, 9)}:\n        sys.settrace(jumper)\n    try:\n        show(go(turn))\n    except Exception as error:\n        report(error)\nsys.settrace(None)")

    def scenario_gen_loop(self):
        e = self.simple({"n": "int", "k": "int", "s": "int"}, "int", 2)
        self.lines_of(
            f"def source(n):\n    s = 0\n    for k in range(n):\n        s += {self.pick(('k', 'k * 0.5', '2**61', 'k ^ n'))}\n        {self.pick(('yield s', 'yield k', 'if k % 2: yield s', 'yield from (k, s)', 'got = yield k; s += got or 1', 'try: yield s\n        finally: s += 1'))}\n    return s\n"
            f"def both(n):\n    s = yield from source(n)\n    show('returned', s)\n    yield {e} % 1000\n"
            f"def go(n):\n    t = 0\n    for v in {self.pick(('source(n % 7)', 'both(n % 5)', '(k * 2 for k in source(4))', 'zip(source(3), both(2))', '[*source(3)]', 'map(abs, source(4))'))}:\n        t += v if isinstance(v, (int, float)) else sum(v)\n        if t > {self.number(5, 90)}:\n            break\n    g = source(3)\n    return t, next(g), next(g, None), list(g), {self.pick(('sum(source(4))', 'max(both(2))', 'tuple(source(2))', '3 in source(9)', 'dict.fromkeys(source(3))'))}"
        )
        self.driver("go(turn)")

    def scenario_modules(self):
        self.lines_of(
            f"module = types.ModuleType('made')\nmodule.value = 1\nmodule.act = lambda n: n + 1\ndef go(n):\n    s = 0\n    for k in range({self.number(2, 6)}):\n        s += module.value + module.act(k)\n        if n == {self.number(3, 15)} and k == 1:\n            {self.pick(('module.value = 2.5', 'module.act = abs', 'del module.value; module.__getattr__ = lambda name: 50', 'module.__dict__[chr(120)] = 1', 'del module.act', 'module.value += 1'))}\n    from math import floor, sqrt as root\n    import math as m\n    return s, floor(s / 2), m.sqrt(4), root(9)"
        )
        self.driver("go(turn)")


LIMITS_HERE = ("255", "2**30", "2**60", "2**62", "2**63 - 1", "1000", "2**31")
