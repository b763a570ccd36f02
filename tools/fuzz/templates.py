"""Protocols and corners as texts with holes. `<%a || b%>` is one of several texts, `<%3..9%>` a number, `<%int: n k%>` an expression of a type over these names.

Each text defines `go(turn)`, which is called again and again; at some turn something of the world may change.
"""

import re

HOLE = re.compile(r"<%((?:(?!<%|%>).)*)%>", re.DOTALL)

TEMPLATES = {
    "subclasses": """
class I(int):
    <%pass || def __add__(self, other): return 5 || def __lt__(self, other): return True || def __index__(self): return 1 || def __eq__(self, other): return False%>
    __hash__ = int.__hash__
class F(float):
    <%pass || def __mul__(self, other): return 'm' || def __neg__(self): return 1.5 || def __bool__(self): return False%>
class L(list):
    <%pass || def __getitem__(self, key): return 3 || def __len__(self): return 2 || def __iter__(self): return iter((7, 8)) || def append(self, value): show('append', value) || def __contains__(self, value): return True || def __setitem__(self, key, value): show('set', key)%>
class D(dict):
    <%pass || def __missing__(self, key): return 9 || def __getitem__(self, key): return 4 || def get(self, *a): return 6 || def __contains__(self, key): return True || def __setitem__(self, key, value): show(key)%>
class S(str):
    <%pass || def __add__(self, other): return 'x' || def __len__(self): return 1 || def __getitem__(self, key): return 'k' || def __str__(self): return 'str' || def __format__(self, form): return 'f'%>
class T(tuple):
    <%pass || def __getitem__(self, key): return 11 || def __iter__(self): return iter((1, 2, 3))%>
def use(i, f, l, d, s, t):
    r = []
    for k in range(<%2..5%>):
        r.append(<%i + k || i * i || -i || i < k || k - i || i == k || l[i % 2] || 'abc'[i % 3] || range(i % 5) || i & 3 || f'{i}' || i if i else k || (1, 2, 3)[i % 3] || i // 2 || abs(i)%>)
        r.append(<%f * k || f + f || -f || f < k || f / 2 || f == f || not f || f - i || min(f, k) || round(f) || int(f)%>)
        r.append(<%l[0] || len(l) || [x for x in l] || 1 in l || l[:1] || l + [k] || [*l] || sum(l) || l == [1, 2] || sorted(l) || not l%>)
        r.append(<%d['a'] || d.get('a') || len(d) || 'a' in d || {**d} || list(d) || d == {'a': 1} || dict(d)%>)
        r.append(<%s + 'b' || len(s) || s[0] || f'{s}' || s == 'ab' || s * 2 || '-'.join([s, s]) || s in 'abc' || s % () || str(s) || s < 'b'%>)
        <%a, b = t; r.append(a) || r.append(t[0]) || r.append([x for x in t]) || r.append(len(t)) || r.append((*t,)) || r.append(t + (1,)) || r.append(t < (1, 3))%>
        <%l.append(k) || l[0] = k || d['b'] = k || i += 1 || f -= 0.5 || s += 'q' || pass || l += [k] || t += (1,)%>
    return r, [type(v).__name__ for v in (i, f, l, d, s, t)]
def go(n):
    m = n <%> || < || % || ==%> <%3..20%>
    return use(<%n || I(n) || I(n) if m else n || True if m else n%>, <%1.5 || F(1.5) || F(2) if m else 2.0 || 3 if m else 3.5%>, <%[1, 2] || L((1, 2)) || L((1, 2)) if m else [1, 2] || (1, 2) if m else [1, 2]%>, <%{'a': 1} || D(a=1) || D(a=1) if m else {'a': 1}%>, <%str(n) || S('ab') if m else 'ab' || S('ab')%>, <%(1, 2) || T((1, 2)) if m else (1, 2) || [1, 2] if m else (1, 2)%>)
""",
    "other_globals": """
G9 = <%1 || 2.5 || [1] %>
def step(n, extra=<%1..4%>):
    r = <%0 || []%> if n < 0 else 0
    for k in range(<%2..5%>):
        r += <%G9 || len('ab') + k || G9 * k || (abs(k) if k else G9)%> if not isinstance(G9, list) else len(G9)
    return r, extra, <%len([1]) || abs(-n) || G9%>
first = {**globals(), 'G9': <%2 || 2.5 || 'a' || [5] %>}
second = {**globals(), '__builtins__': {**vars(builtins), 'len': lambda v: 77, 'abs': float}}
functions = [step, types.FunctionType(step.__code__, first), types.FunctionType(step.__code__, second, 'other', (5,)), types.FunctionType(step.__code__, globals(), 'third', (2.5,))]
def go(n):
    f = functions[<%n % 4 || n // 8 % 4 || n // 5 % 2 || 0 if n < 12 else 1 + n % 3%>]
    if n == <%5..20%>:
        <%globals()['G9'] = 7 || first['G9'] = 0.5 || globals()['__builtins__'] = {'abs': len} || del first['G9'] || second['__builtins__']['len'] = max || step.__defaults__ = () || pass%>
    return f(<%n || n, n || n, extra=n%>)
""",
    "same_code": """
text = compile(<%"total = 0\\nfor k in range(6):\\n    total += start <%* k || + k || %>\\nresult = total, <%start || k%>\\n" || "class A:\\n    size = start\\n    for q in range(5):\\n        size += q\\nresult = A.size\\n" || "result = [start for k in range(5)]\\ndel start\\n"%>, '<made>', 'exec')
def go(n):
    space = {'start': <%n || n * 0.5 if n > 12 else n || str(n) if n > 15 else n || [n] %>}
    exec(text, space)
    return space['result'], sorted(key for key in space if key != '__builtins__')
""",
    "shared_method": """
def area(self, n=<%1..5%>):
    <%self.x += n || pass || self.y = n%>
    return self.x * <%2 || n || 1.5%>
class A:
    def __init__(self, x):
        self.x = x
    m = area
class B:
    __slots__ = ('x', 'y')
    m = area
    def __init__(self, x):
        self.y, self.x = 1, x
class C(A):
    m = <%staticmethod(area) || classmethod(area) || property(area) || area || types.MethodType(area, A(50))%>
    x = 30
def go(n):
    o = (A, B, <%A || C%>)[n % 3](<%n || 1.5 || 2**62%>)
    r = []
    for k in range(<%2..5%>):
        r.append(<%o.m() || o.m(k) || area(o, k) || o.m || type(o).m(o)%> if n % 2 or not isinstance(o, C) else o.x)
    return [v if isinstance(v, (int, float)) else type(v).__name__ for v in r]
""",
    "bad_protocols": """
class Odd:
    def __init__(self, n):
        self.n = n
        <%pass || return n or None || if n == 7: raise KeyError(n)%>
    def __len__(self):
        return <%self.n - 3 || 'a' || 2**70 || self.n || True || 1.5%>
    def __bool__(self):
        return <%self.n > 3 || 5 || None || [][0] %>
    def __eq__(self, other):
        return <%self.n || NotImplemented || 1 / 0 || []%>
    def __hash__(self):
        return <%1 || 'a' || 2**80 || self.n // 0%>
    def __index__(self):
        return <%2 || 'a' || True || 1.5%>
    def __iter__(self):
        return <%self || iter([1]) || 5 || None%>
    def __next__(self):
        <%raise StopIteration(5) || self.n -= 1 || return 1 / 0 || raise ValueError%>
        if self.n < 0: raise StopIteration
        return self.n
    def __str__(self):
        return <%'s' || 5 || self.n%>
    def __getitem__(self, key):
        return <%key || self.n // key || (key, 1)%>
    def __contains__(self, key):
        return <%5 || [] || 1 // 0%>
    def __enter__(self):
        <%return 3 || 1 // 0 || raise KeyError%>
    def __exit__(self, *details):
        <%return Odd(5) || 1 // 0 || return None || raise ValueError%>
    def __call__(self, *a, **k):
        return <%len(a) || k || 1 // 0%>
    def __lt__(self, other):
        return <%[] || NotImplemented || 1 // 0 || 'yes'%>
    def __add__(self, other):
        return <%NotImplemented || 1 // 0 || self%>
    def __neg__(self):
        return <%1 // 0 || -self.n%>
def go(n):
    o = Odd(n)
    r = []
    for k in range(<%2..4%>):
        try:
            <%r.append(len(o)) || r.append(1 if o else 2) || r.append(o == k) || r.append({o: 1}) || r.append([1, 2, 3][o]) || r.append(list(o)[:5]) || r.append(str(o)) || r.append(o[k]) || r.append(k in o) || r.append(o(1, a=k)) || r.append(o < k) || r.append(o + k) || r.append(-o) || r.append(not o) || r.append(range(o)) || r.append(f'{o}') || a, b = o || r.append(o and k) || r.append([x for x in o][:3]) || r.append(o in [1, o]) || r.append(max(o, 1)) || r.append('abc'[o:])%>
            <%with o as v: r.append(v) || pass || while o: o.n -= 9; r.append(o.n) || for v in o: r.append(v); break || r.append(k < o < 5) || assert o, k || del o[k]%>
        except (ZeroDivisionError, TypeError, <%ValueError || KeyError || IndexError%>) as error:
            r.append(type(error).__name__)
            <%pass || report(error) || raise%>
    return r
""",
    "deep": """
def down(n, a=0.5):
    <%b = a * 2 || b = [n] || b = n || pass%>
    if n <= 0:
        <%return a || raise ValueError(n) || return sys._getframe(3).f_lineno || look(); return 1 || return len(locals())%>
    return <%1 + down(n - 1, a + 1) || down(n - 1) || down(n - 1, a) * 1 || (lambda v: down(v))(n - 1) || down(n - 1) if n % 2 else down(n - 2, 1.5) || max(n, down(n - 1, n))%>
def go(n):
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(<%1000 || 20000%>)
    try:
        return down(n % 4), down(<%100 || 300 || 700 || 400%> + n) <%%>
    finally:
        sys.setrecursionlimit(old)
""",
    "other_thread": """
def worker(ready, leave, n, out):
    s = n
    f = n * 0.5
    for k in range(<%3..6%>):
        s += k
        f *= 1.5
        if k == <%1..4%>:
            ready.set()
            leave.wait()
    out.append((s, f))
def go(n):
    ready, leave, out = threading.Event(), threading.Event(), []
    thread = threading.Thread(target=worker, args=(ready, leave, n, out))
    thread.start()
    ready.wait()
    seen = []
    frame = sys._current_frames().get(thread.ident)
    while frame is not None and frame.f_code.co_name != 'worker':
        frame = frame.f_back
    if frame is not None and n <%> 3 || % 3 == 0 || == 15%>:
        <%seen.append((frame.f_lineno - frame.f_code.co_firstlineno > 0, sorted(k for k in frame.f_locals))) || frame.f_locals['s'] = 1000 || seen.append([frame.f_locals[k] for k in ('s', 'f', 'n')]) || pass%>
    frame = None
    leave.set()
    thread.join()
    return seen and [], out
""",
    "nested_finally": """
def go(n):
    out = []
    for k in range(<%3..6%>):
        try:
            try:
                try:
                    out.append(<%int: n k%>)
                    if (n + k) % <%2..5%> == 0:
                        raise <%KeyError(k) || ValueError(n) || ZeroDivisionError || IndexError from KeyError(1) || KeyError from None%>
                    <%pass || continue || break || return out || 1 // (k - 2)%>
                finally:
                    out.append('a')
                    <%pass || 1 // (n % 3) || continue || break || return out || del out[3:]%>
            except <%KeyError || ValueError || (KeyError, ZeroDivisionError) || LookupError || Exception%> as e:
                out.append(type(e).__name__)
                <%pass || raise || raise TypeError(k) || raise TypeError from e || 1 // (n % 4) || e = 3 || del e || raise e.with_traceback(None) || raise type(e)(k)%>
            <%else: || finally:%>
                out.append('b')
        except <%Exception || (TypeError, ZeroDivisionError)%> as e:
            report(e)
            out.append(sys.exc_info()[0].__name__)
    out.append(sys.exc_info()[0])
    return out
""",
    "comprehensions": """
def go(n):
    base = [n, n + 1, n * <%2 || 0.5%>]
    f = [lambda: (v, n) for v in base]
    r = <%[x + y for x in base for y in base if x < y] || [x + y for x in base for y in base if x != y] || {x: [y for y in range(x % 3 if isinstance(x, int) else 1)] for x in base} || [(last := x) for x in base] + [last] || {x % 3 for x in base} || sum(x * n for x in base) || [x for x in [y + 1 for y in base] if x] || [z for x in base if (z := x * 2) > n] || [[x, y] for x, y in zip(base, base[1:])] || list(x for x in base if x / (n - 9))%>
    class K:
        a = [n for q in range(2)]
        b = [x for x in base]
    try:
        x
    except NameError as error:
        r2 = str(error)
    else:
        r2 = 'leaked'
    for q in range(3):
        g = <%[k + q for k in range(3)] || [(lambda: k + q)() for k in range(3)] || {k: q for k in 'ab'} || tuple(k for k in range(q)) || [q for q in range(4)] %>
    return r, r2, [h() for h in f], K.a, K.b, g, q
x0 = 1
""",
    "targets": """
class O: pass
def go(n):
    o, d, l = O(), {}, [0, 0, 0]
    out = []
    for <%o.x || d['k'] || l[1] || (a, b) || a, *b || l[0], o.y || d[n] || (o.x, (l[2], d['z']))%> in <%[(1, 2), (3, 4)] || zip('ab', 'cd') || [(n, n), (2, n)] || enumerate(['ab', 'cd'])%> if n != <%30 || 7 || 12%> else [(1, (2, 3)), 'ab']:
        out.append((sorted(vars(o).items()), dict(d), list(l)))
    [o.z, l[0:1]] = <%n, 'ab' || n, (1, 2) || n, []%>
    o.z = o.w = l[0] = d['q'] = <%n * 2 || [n] || o.z + 1%>
    o.z += <%1 || 2.5 || n%> if isinstance(o.z, int) else [1]
    d['q'] = l[-1], = (n,)
    with Manager(<%True || False%>) as o.m, Manager(True) as d['m']:
        <%1 // (n % 3) || pass || o.nothing || del o.x%>
    for n in range(2): pass
    else: d['e'] = n
    del d['m']
    <%del o.m || o.m = 1%>
    return out, sorted(vars(o), key=str), {k: v for k, v in d.items() if k != 'm'}, l, n
""",
    "class_machinery": """
class Base:
    made = []
    def __init_subclass__(cls, tag=0, **more):
        cls.tag = tag
        Base.made.append(cls.__name__)
    def __class_getitem__(cls, key):
        return cls, key
    def __set_name__(self, owner, name): show('named', name)
    def __new__(cls, *a):
        o = super().__new__(<%cls || cls if len(a) % 2 else cls%>)
        o.count = len(a)
        return o
class M(type):
    def __instancecheck__(cls, o): return <%True || False || o == 3 || 1 // 0%>
    def __call__(cls, *a): return <%super().__call__(*a) || 5 || [cls.__name__] %>
    def __len__(cls): return 4
    @property
    def twice(cls): return <%8 || cls.size * 2%>
    def __contains__(cls, v): return v == cls.size
class W(metaclass=M):
    size = 3
    def __init__(self, *a): self.a = a
def go(n):
    class Child(Base, tag=n):
        inner = Base()
        <%pass || count = 3 || def __init__(self, *a): self.other = a || __slots__ = ('q',)%>
    o = Child(<%n || %>)
    del Base.made[3:]
    r = []
    for k in range(3):
        W.size = <%k || n || 3 || 2.5%>
        <%r.append(isinstance(n, W)) || r.append(W(n).a) || r.append(len(W)) || r.append(W.twice) || r.append(k in W) || r.append(W() if n > 9 else 0)%>
        r.append(Child.tag + o.count)
    return [v if isinstance(v, (int, float, bool, tuple)) else type(v).__name__ for v in r], len(Base.made), Base[n][1]
""",
    "function_attributes": """
def f(n):
    f.count += 1
    f.total = f.count * <%n || 0.5%>
    return f.count
f.count = 0
def outer(n):
    def inner(k=<%n || n * 2 || [n] %>):
        inner.seen = inner.seen + 1 if hasattr(inner, 'seen') else 1
        return k, inner.seen
    inner()
    return inner
def go(n):
    r = [f(k) for k in range(3)]
    i = outer(n)
    for k in range(<%2..4%>):
        r.append(i())
        <%i.__defaults__ = (k,) || i.seen = 10 || f.count = 0.5 || pass || del i.seen || i.__code__ = outer(k).__code__ || i.__name__ = 'z' || f.__dict__['count'] = n%>
    return r, f.total, i.__name__
""",
    "descriptors": """
class Cached:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, o, cls=None):
        if o is None: return self
        v = o.__dict__[self.name] = <%o.n * 2 || [o.n] || 0.5%>
        show('computed', v)
        return v
class Checked:
    def __get__(self, o, cls=None): return o._v if o is not None else self
    def __set__(self, o, v):
        if v <%== 7 || > 15 || is None%>: raise <%ValueError || AttributeError%>(v)
        o._v = v
    def __delete__(self, o): o._v = -1
class H:
    c = Cached()
    v = Checked()
    def __init__(self, n):
        self.n = n
        self.v = n
    @property
    def p(self):
        <%return self.n + self.v || raise AttributeError('p') || return self.missing || return self.c%>
    @p.setter
    def p(self, value): self.n = value
    <%def __getattr__(self, name): return name || def __getattr__(self, name): raise AttributeError(name + '!') || q = 3%>
    @classmethod
    def make(cls, n): return cls(n)
    @staticmethod
    def st(a): return a * 2
def go(n):
    h = H.make(n) if n % 2 else H(n)
    r = []
    for k in range(<%2..5%>):
        r.append(h.p if k else h.v)
        <%h.v = k || h.p = k || r.append(h.c) || del h.v || h.__dict__.pop('c', 0) || r.append(h.st(k)) || h.__dict__['p'] = 5 || H.c = property(lambda s: 1) if n == 12 else None || r.append(h.zz)%>
    return r
""",
    "big_numbers": """
def go(n, a=<%2**30 || 2**60 || 2**63 || -2**63 || 10**18 || 1%>, f=<%0.5 || 1e300 || float('nan') || -0.0 || 2.0**53%>):
    a += n - <%3..20%>
    r = []
    for k in range(<%a - 2, a + 3 || 5 || n, n + 4 || a, a - 5, -2 || 0, 10, <%1..4%> || -3, a % 7 || True, 4%>):
        r.append(<%k * k || a - k || k << 3 || a + k || k // 3 || -k || ~k || k ^ a || k % -7 || a // (k or 1) || k & -a || k - f || k < f || a == f || min(a, k, f) || max(f, k) || f * a || abs(a - k) || a >> (k & 63) || int(f) if f == f and abs(f) < 1e99 else 0 || round(f, 1) || divmod(a, 1000) || a / 3 || float(a) || k ** 2 || -a // 7 || (a < k) + (k < f) || hash(a) || a.bit_length() || str(a) || bool(k) + k || sum((a, k)) || k and a or f%>)
        <%a = a * 2 - k || a += 1 || f += 1 || f = -f || a = -a || pass || a ^= k || f = f * 2 - k || a, f = f, a || a -= 2**31 || f = a%>
        if isinstance(a, int) and abs(a) > 2**90: a %= 1000
        if len(r) > 12: break
    return r, a, f
""",
    "string_work": """
def go(n):
    s, t = 'ab' * (n % 4), <%'é' || '中' || 'x' || '' || '\\U0001f600'%>
    r = []
    for k, c in enumerate(s + t + str(n)):
        r.append(<%c + t || c * k || c < t || c in s || s[k:] || s[-k:k] || s.find(c) || c.upper() || ord(c) || f'{c!r:>5}' || f'{k:{3}d}{c}' || '%s-%d' % (c, k) || s.split(c) || (s or 'q')[k % 2 - 1] || c.encode() || s == c || c.join(s) || '{0}{0}'.format(c) || str(c) is c || s.startswith((c, t)) || f'{n=}' || c.isdigit() and int(c)%>)
        <%s += c || t = c || s = s[1:] || t += 'é' || pass || s = c + s%>
        s = s[:9]; t = t[:4]
    return r, s, t
""",
    "dict_work": """
def go(n):
    d = {k: k * n for k in range(n % 5)}
    e = {str(k): k for k in range(3)}
    r = []
    for k in range(<%3..7%>):
        <%d[k] = n || d[k] = d.get(k, 0) + 1 || d.setdefault(k, []) || d.update({k: n}) || e[str(k)] = k || d[float(k)] = 2 || d[True] = k || d.pop(k, None) || d |= {k: 1} || d[(k, n)] = k%>
        try:
            r.append(<%d[k] || e[str(k)] || d[k + 1] || d.get(k) || k in d || len(d) || list(d)[:2] || d == e || e['0'] || d.get(str(k), n) || [*d.items()][:1] || max(d) || {**d, **e}.get(k) || d.keys() & {1, 2} || next(iter(d)) || sorted(d.values(), key=str)[:2]%>)
        except (KeyError, TypeError, <%StopIteration || ValueError || IndexError%>) as error:
            r.append(repr(error)[:30])
        if n == <%5..15%>:
            <%d.clear() || d = None || d = e || del d[k] || d = {} || d = [0] * 9 || e.clear()%>
    return r, d, e
""",
    "list_work": """
def go(n):
    l = [k * <%n || 1 || 0.5%> for k in range(<%3..7%>)]
    r = []
    for k in range(<%3..7%>):
        <%l[k % 3] = n || l.append(k) || l += [k] || l[1:2] = [k, k] || l.insert(k, n) || del l[0] || l[-1] += 1 || l *= 2 || l = l + [k] || l.reverse() || l[k] = l[k - 1] || l[::2] = l[::2] || l.extend((k,)) || l[k:] = range(k) || l[0], l[1] = l[1], l[0]%>
        r.append(<%l[k] || l[-k] || l[k % 3] || len(l) || sum(l) || k in l || l[1:] || l == [k] || l.index(l[0]) || max(l) || l < [k] || [*l, k][:3] || l[-1] * 2 || sorted(l)[:2] || l.count(0) || list(reversed(l))[0] || any(l)%>)
        del l[12:]
        if n == <%5..18%>:
            <%l = [] || l[0] = 2.5 || l[0] = 's' || l = tuple(l) || l.clear() || l = None || l.append(None) || l[:] = [True] * 3 || del l[1:]%>
    return r, l
""",
    "returns_and_with": """
class Context:
    def __init__(self, n): self.n = n
    def __enter__(self):
        <%return self.n || if self.n == 9: raise KeyError(9)%>
    def __exit__(self, kind, value, traceback):
        show('exit', kind and kind.__name__, traceback and traceback.tb_lineno)
        <%return self.n % 2 == 0 || raise ValueError('exit') if kind else None || return 0 || self.n = 1 // (self.n % 5)%>
def inner(n):
    for k in range(<%2..4%>):
        with Context(n) as c, <%Context(k) || suppress(KeyError)%> as d:
            if k == n % 3:
                <%return k || raise KeyError(k) || break || continue || 1 // 0 || return c + d || n += 1%>
    return <%c || k || n%>
def go(n):
    s = 0
    for k in range(3):
        try:
            s += inner(n + k) or 1
        except (KeyError, ZeroDivisionError) as error:
            report(error)
    return s
""",
    "attribute_growth": """
class P: <%pass || x = 1 || __slots__ = ('__dict__', 'x')%>
def fill(o, n):
    for k in range(n):
        setattr(o, 'a%d' % k, k)
    o.x = n
    return o.x
def read(o):
    s = 0
    for k in range(4):
        s += o.x
        o.x <%+= 1 || = s || -= 0.5%>
    return s
def go(n):
    o = P()
    <%fill(o, n) || fill(o, n % 40) || o.x = 1 || o.z = 1; o.x = 2 || o.x = 1; del o.x; o.x = 3 || fill(o, 30 if n == 11 else 1) || o.__dict__ = {'x': 4} || o.__dict__['x'] = 3 || o.__dict__.update(x=2, y=1)%>
    s = read(o)
    <%del o.x || P.x = property(lambda self: 5) if n == 14 else None || o.x = 'late' if n == 13 else 1 || P.y = n || o.__class__ = type('Q', (P,), {}) if n % 3 == 0 and type(o) is P else P || vars(o).clear()%>
    return s, <%read(o) || getattr(o, 'x', None) || sorted(vars(o), key=str)[:4] || hasattr(o, 'x')%>
""",
    "generators_held": """
def source(n):
    try:
        for k in range(n):
            got = yield k <%* 0.5 || + n || %>
            if got: show('got', got)
    except <%GeneratorExit || ValueError%> as error:
        show(type(error).__name__)
        <%raise || yield 99 || return 5 || pass%>
    finally:
        show('end', n)
def go(n):
    g = source(n % 5)
    s = 0
    for v in g:
        s += v
        if s > <%2..9%>:
            <%break || g.close() || g.send(3) || g.throw(ValueError) || return s || del g; break || next(g, None) || g = source(1)%>
    <%del v || r = list(g) || r = [*zip(g, source(2))] || pass || r = next(source(1)) || a, b = source(2) || r = any(source(3))%>
    return s, <%sum(source(3)) || max(source(2), default=0) || [v for v in source(2)] || 1 in source(4)%>
""",
    "callables": """
from operator import itemgetter, attrgetter, methodcaller, add
class Call:
    def __init__(self, n): self.n = n
    def __call__(self, a=1, *, b=2): return a + b + self.n
    def method(self, a=1, b=2): return a * b + self.n
    @classmethod
    def cm(cls, a=1, b=2): return a - b
    @staticmethod
    def sm(a=1, b=2): return a + b
def plain(a=1, b=2): return (a, b)
def star(*a, **k): return a, k
choices = [plain, star, Call(3), Call(4).method, Call.method, Call.cm, Call.sm, Call(1).sm, lambda a=1, b=2: a, partial(plain, 5), partial(star, b=3), max, divmod, Call, int, str, methodcaller('bit_length'), add, itemgetter(0), print]
def apply(f, n):
    return f(<%n || n, 3 || n, b=2 || *(n, 2) || **{'a': n} || n, **{'b': 1} || %>)
def go(n):
    r = []
    for k in range(3):
        f = choices[(n * <%1 || 3 || 0%> + k * <%0 || 1 || 7%>) % len(choices)]
        try:
            v = apply(f, n)
            r.append(v.n if isinstance(v, Call) else v)
        except (TypeError, AttributeError) as error:
            r.append(type(error).__name__)
    return r
""",
    "tracing_callers": """
events = []
def local(frame, event, argument):
    events.append((event, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
    return local
def begin(depth):
    sys.settrace(local)
    frame = sys._getframe(1)
    while depth and frame is not None and frame.f_code.co_filename == '<fuzz>':
        frame.f_trace = local
        frame = frame.f_back
        depth -= 1
def leaf(n, k):
    if n == <%3..15%> and k == <%0..2%>:
        begin(<%0 || 1 || 2 || 3%>)
    if n == <%5..20%> and k == 1:
        sys.settrace(None)
    return n + k
def middle(n):
    s = 0
    for k in range(3):
        s += leaf(n, k)
        <%s *= 2 || s += 0.5 || pass || if k == 2 and n % 5 == 0: raise ValueError(n)%>
    return s
def go(n):
    try:
        r = middle(n)
        r = r + 1
    except ValueError:
        r = -1
    out = events[:]
    events.clear()
    return r, out
""",
    "monitored": """
hits = []
def on(which):
    sys.monitoring.use_tool_id(<%2 || 0 || 1%>, 'mine')
    E = sys.monitoring.events
    tool = [t for t in range(5) if sys.monitoring.get_tool(t)][0]
    sys.monitoring.register_callback(tool, which, lambda code, *d: hits.append((code.co_name, [v for v in d if type(v) is int])) if code.co_filename == '<fuzz>' and len(hits) < 60 else <%None || sys.monitoring.DISABLE%>)
    <%sys.monitoring.set_events(tool, which) || sys.monitoring.set_local_events(tool, work.__code__, which)%>
def off():
    for t in range(5):
        if sys.monitoring.get_tool(t):
            sys.monitoring.free_tool_id(t)
def work(n):
    s = 0
    for k in range(3):
        if n == <%3..9%> and k == 1:
            on(sys.monitoring.events.<%LINE || PY_START || JUMP || BRANCH || CALL || PY_RETURN || INSTRUCTION%>)
        if n == <%7..14%>:
            off()
        s += k if n % 2 else len('ab')
    return s
def go(n):
    r = work(n)
    out = hits[:20]
    hits.clear()
    return r, out
""",
    "resurrect": """
kept = []
class R:
    def __init__(self, n): self.n = n
    def __del__(self):
        show('del', self.n)
        <%kept.append(self) if self.n % 3 == 0 else None || self.n += 1 || raise KeyError(self.n) || show(len(kept)) || globals()['last'] = self.n%>
def make(n):
    o = R(n)
    p = R(n + 1)
    o.p = p
    <%p.o = o || pass || p = None || o = p%>
    return <%o || p || n || None%>
def go(n):
    s = 0
    for k in range(<%2..4%>):
        o = make(n * 10 + k)
        <%make(k) || s += 1 || o = None || l = [make(k), make(k + 1)] || l = {k: make(k)} || (make(k), 1)[1] || pass%>
    <%gc.collect() || pass%>
    n = len(kept)
    kept.clear()
    return n
""",
    "line_events": """
def target(n):
    a = n
    for k in range(3): a += k; a *= 2
    if a > 9: a = (a -
        n); b = 1
    else:
        b = [v for v in range(2)]
    try: b[5]
    except Exception: pass
    with Manager(True): a //= n % 3
    return (a,
        b)
def go(n):
    out = []
    if n in (<%3..6%>, <%7..20%>):
        sys.<%settrace || setprofile%>(lambda frame, event, argument: out.append((event, frame.f_lineno - frame.f_code.co_firstlineno)) if frame.f_code is target.__code__ else None)
        if n % 2: sys.settrace(tracer)
    try:
        r = target(n)
    finally:
        sys.settrace(None); sys.setprofile(None)
    return r, out
""",
}


def filled(generator, text):
    """The text with each hole filled, the innermost first."""

    def fill(match):
        inside = match.group(1)
        number = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", inside)
        if number:
            return str(generator.number(int(number[1]), int(number[2])))
        wanted = re.fullmatch(r"(int|float|bool|str|list): ([\w ]*)", inside)
        if wanted:
            return generator.simple({name: "int" for name in wanted[2].split()}, wanted[1], 2)
        return generator.pick(inside.split(" || ")).strip(" ") if " || " in inside else inside

    while True:
        match = HOLE.search(text)
        if not match:
            return text
        text = text[: match.start()] + fill(match) + text[match.end() :]
