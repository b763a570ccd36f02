import sys, gc, weakref
K=3
def g(x): return x+K
def loop(n):
    s=0
    for i in range(n): s+=g(i)
    return s
for i in range(30): loop(5)
print(loop(10)); K=5; print(loop(10))
def change(i):
    global K
    if i==5: K=100
    return 0
def loop2(n):
    s=0
    for i in range(n):
        s+=g(i)+change(i)
    return s
for i in range(30): K=1; loop2(3)
K=1; print(loop2(10)); K=1; print(loop2(10))
def g(x): return x*2
print(loop(10))
def g2(x, y=5): return x*3+y
for i in range(30): g2(i)
loop.__globals__['g']=g2; print(loop(10))
g2.__defaults__=(7,); print(loop(10)); print(g2(1))
g2.__code__=(lambda x,y=1: x-y).__code__; print(loop(10), g2(1))
class P:
    z=1
    def __init__(self,x,y): self.x=x; self.y=y
    def m(self): return self.x+self.y+self.z
    @property
    def pr(self): return self.x*10
def use(n):
    s=0
    for i in range(n):
        p=P(i,2); s+=p.m()+p.pr
    return s
for i in range(30): use(4)
print(use(10)); P.z=50; print(use(10)); P.m=lambda self: -self.x; print(use(10))
def chg(i):
    if i==4: P.z+=1; P.m=lambda self:self.z
    return i
def use2(n):
    s=0
    p=P(1,2)
    for i in range(n):
        s+=chg(i)+p.m()
    return s
for i in range(20): use2(3)
print(use2(10))
def mk(k):
    def inner(x): return x+k
    return inner
print(sum(mk(i)(i) for i in range(100)))
fs=[mk(i) for i in range(5)]
print([f(1) for f in fs for _ in range(10)])
import builtins
def blt(n):
    s=0
    for i in range(n): s+=len('abc')
    return s
for i in range(20): blt(5)
print(blt(5)); len=lambda x: 100
print(blt(5)); del len; print(blt(5))
ol=builtins.len; builtins.len=lambda x: 7; print(blt(5)); builtins.len=ol; print(blt(5))
def dead():
    class C:
        def f(self): return 1
        def __init__(self): self.q=self.f()
    def use():
        return sum(C().f() for _ in range(40))
    use(); use()
    return weakref.ref(C), weakref.ref(use), weakref.ref(C.f)
ws=[dead() for _ in range(3)]
gc.collect(); 
for _ in range(100): pass
gc.collect()
print([[w() is None for w in t] for t in ws])
def kw(a,b=2,*args,c,d=4,**kwargs): return a,b,args,c,d,sorted(kwargs.items())
for i in range(30): kw(1,c=3); kw(1,2,3,4,c=3,z=9)
print(kw(1,c=3), kw(1,2,3,4,c=3,z=9), kw(*[1,2],**{'c':8}))
for a in [(),(1,)]:
    try: kw(*a)
    except TypeError as e: print(e)
def pos(a,b,/,c): return a,b,c
for i in range(30): pos(1,2,3)
for args,kws in [((1,2),{}),((1,2,3,4),{}),((1,),{'b':2,'c':3}),((1,2),{'c':3}),((1,2,3),{'c':3}),((1,2),{'q':3})]:
    try: print(pos(*args,**kws))
    except TypeError as e: print(e)
def many(a,b,c,d,e,f,g,h,i,j,k,l,m,n): return a+n
def callmany(z):
    s=0
    for i in range(z): s+=many(i,1,2,3,4,5,6,7,8,9,10,11,12,i)
    return s
print(callmany(40), callmany(40))
def recm(n): return 0 if n==0 else 1+recm(n-1)
for i in range(30): recm(5)
orig=recm
def recm(n): return 1000
print(orig(5))
class It:
    def __init__(s,n): s.n=n
    def __iter__(s): return s
    def __next__(s):
        if s.n==0: raise StopIteration
        s.n-=1; return s.n
    def __getitem__(s,i): return i*2
    def __add__(s,o): return 5
    def __eq__(s,o): return True
    def __bool__(s): return s.n>0
    def __len__(s): return 3
    def __contains__(s,x): return x==1
    def __call__(s,x): return x+1
    def __getattr__(s,n): return n
def magic(n):
    r=[]
    for i in range(n):
        t=It(3); r.append((sum(t), t[i], t+1, t==3, bool(t), len(t), 1 in t, t(4), t.foo))
    return r
print(magic(10)==magic(12)[:10], magic(40)[-1])
