import sys
def peek():
    f=sys._getframe(1)
    return f.f_lineno, dict(f.f_locals)
def work(n):
    a=1.5; s=0
    r=[]
    for i in range(n):
        s+=i*i
        a*=1.1
        if i%5==4: r.append(peek())
    return s, round(a,6), r
for k in range(4): print(work(12+k))
def loc(n):
    x=0
    for i in range(n):
        x+=2
        if i==n-3: print(locals(), sorted(dir()), sorted(vars()))
    return x
for k in range(4): print(loc(10+k))
def ev(n):
    x=0
    for i in range(n):
        x+=2
        if i>n-3: print(eval('x+i'), eval('x+i', {'x':1,'i':2}))
        exec('x=77')
    return x
print(ev(10)); print(ev(11))
def setter(fr,v):
    fr.f_locals['x']=v
def modified(n):
    x=0; y=[]
    for i in range(n):
        x+=1
        if i==n//2: setter(sys._getframe(), 1000)
        y.append(x)
    return x, y[-3:]
for k in range(4): print(modified(10+k))
def modified2(n):
    x='a'
    for i in range(n):
        if i==n//2: setter(sys._getframe(), 'zz')
        x=x+'b'
    return x
for k in range(4): print(modified2(10+k))
def keepframe(n):
    o=[i for i in range(n)]
    k=0
    for i in range(n): k+=1
    return sys._getframe()
fs=[keepframe(i) for i in range(5)]
for f in fs: print(sorted(f.f_locals.items()), f.f_lineno, f.f_back.f_code.co_name)
def rec(n):
    if n==0: return sys._getframe()
    q=n*2
    return rec(n-1)
for k in range(5):
    f=rec(6); names=[]
    while f:
        names.append((f.f_code.co_name, f.f_lineno, f.f_locals.get('n'), f.f_locals.get('q'))); f=f.f_back
    print(names)
class A:
    def m(self): return 'A'
class B(A):
    def m(self):
        s=super
        return s().m()+'B'
def sup(n):
    b=B(); r=''
    for i in range(n): r+=b.m()
    return r
print(sup(5)); print(sup(6))
class D:
    def __del__(self): print('del', sorted(k for k in sys._getframe(1).f_locals if k!='__builtins__')[:3])
def dying(n):
    for i in range(n):
        d=D()
        d=None
        e=i
    return e
print(dying(3)); print(dying(3))
proxy=None
def take():
    global proxy
    proxy=sys._getframe(1).f_locals
def live(n):
    acc=0
    take()
    for i in range(n):
        acc+=i
        if i%4==0: proxy['acc']=proxy['acc']+100
    return acc, proxy['acc'], proxy['i']
for k in range(4): print(live(12+k))
import inspect
def st(n):
    for i in range(n):
        if i==n-1:
            return [ (x.function,x.lineno) for x in inspect.stack(0)][:3]
for k in range(4): print(st(6))
