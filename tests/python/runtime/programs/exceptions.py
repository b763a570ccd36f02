import traceback, sys
def loop_catch(n):
    out=[]
    for i in range(n):
        try:
            if i%3==0: raise ValueError(i)
            out.append(10//(i%4))
        except ValueError as e:
            out.append(e.args[0])
        except ZeroDivisionError as e:
            out.append('z')
        finally:
            out.append('f')
    return out
print(loop_catch(30)); print(loop_catch(5))
def raises_in_loop(n):
    t=0
    for i in range(n):
        t+=100//(n-2-i)
    return t
for k in (20,21,5):
    try: raises_in_loop(k)
    except ZeroDivisionError: traceback.print_exc(file=sys.stdout)
def raises_in_try_loop(n):
    t=0
    try:
        for i in range(n):
            t+=100//(n-2-i)
    except KeyError:
        print('no')
    return t
for k in (20,21,5):
    try: raises_in_try_loop(k)
    except ZeroDivisionError: traceback.print_exc(file=sys.stdout)
def loop_in_try(n):
    t=0
    try:
        while True:
            t+=1; 100//(n-2-t)
    except ZeroDivisionError as e:
        return t, e.__traceback__.tb_lineno, sys.exc_info()[0]
    finally:
        print('fin', t)
for k in (20,300,1000): print(loop_in_try(k))
class CM:
    def __init__(s,swallow): s.s=swallow
    def __enter__(s): return s
    def __exit__(s,*a):
        print('exit', a[0]); return s.s
def with_loop(n, sw):
    r=0
    for i in range(n):
        with CM(sw):
            r+=1
            if i%4==3: raise RuntimeError(i)
    return r
print(with_loop(9,True))
try: with_loop(9,False)
except RuntimeError: traceback.print_exc(file=sys.stdout)
def reraise(n):
    for i in range(n):
        try:
            1/0
        except ZeroDivisionError:
            if i>5: raise
for _ in range(3):
    try: reraise(10)
    except ZeroDivisionError: traceback.print_exc(file=sys.stdout)
def chain(n):
    for i in range(n):
        try:
            {}[i]
        except KeyError as e:
            if i>5: raise ValueError(i) from e
def chain2(n):
    for i in range(n):
        try:
            {}[i]
        except KeyError as e:
            if i>5: raise ValueError(i)
for f in (chain,chain2):
  for _ in range(3):
    try: f(10)
    except ValueError: traceback.print_exc(file=sys.stdout)
def inner(i):
    if i==7: raise IndexError(i)
    return i
def outer(n):
    s=0
    for i in range(n):
        s+=inner(i)
    return s
for _ in range(5):
    try: outer(10)
    except IndexError as e:
        traceback.print_exc(file=sys.stdout)
        tb=e.__traceback__
        while tb:
            print(tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_frame.f_lineno, sorted((k,v) for k,v in tb.tb_frame.f_locals.items() if isinstance(v,int)))
            tb=tb.tb_next
def bare():
    raise
def use_bare(n):
    for i in range(n):
        try:
            int('x%d'%i)
        except ValueError:
            if i>5: bare()
for _ in range(3):
    try: use_bare(10)
    except ValueError: traceback.print_exc(file=sys.stdout)
def gen(n):
    for i in range(n):
        try:
            yield i
        finally:
            pass
def consume(n):
    s=0
    for x in gen(n):
        s+=x
        if x>n-3: break
    return s
for i in range(5): print(consume(10+i))
def nested(n):
    r=[]
    for i in range(n):
        for j in range(i):
            try:
                for k in range(j):
                    if k==3: raise StopIteration(k)
            except StopIteration as e:
                r.append((i,j,e.value))
    return r
print(nested(7))
def unbound(n):
    for i in range(n):
        if i>4: del x
        else: x=i
    return x
for _ in range(3):
    try: unbound(6+_)
    except UnboundLocalError: traceback.print_exc(file=sys.stdout)
def eg(n):
    r=[]
    for i in range(n):
        try:
            raise ExceptionGroup('g',[ValueError(i),TypeError(i)])
        except* ValueError as e:
            r.append(repr(e))
        except* TypeError as e:
            r.append(repr(e))
    return r
print(eg(4))
def ctx():
    try: 1/0
    except ZeroDivisionError:
        print(sys.exc_info()[0])
        for i in range(8):
            try: [][i]
            except IndexError: pass
            print(sys.exc_info()[0].__name__, end=' ')
        print()
for _ in range(3): ctx(); print(sys.exc_info())
t=0
for i in range(50):
    t+=i
    if i==40:
        try: raise KeyError(t)
        except KeyError as e: print(e, t)
print(t)
for i in range(30):
    if i==25: 1//0
