import sys
def depth(n):
    if n==0: return 0
    return depth(n-1)+1
for i in range(50): depth(20)
for lim in (500,1000,5000,20000,60000):
    sys.setrecursionlimit(lim)
    try:
        print(depth(lim-50))
    except RecursionError as e: print('RE', lim, e)
    try: depth(lim+100)
    except RecursionError as e: print(e)
def a(n):
    if n<=0: return 0
    return b(n-1)+1
def b(n):
    if n<=0: return 0
    return c(n-1)+1
def c(n):
    return max([n-1],key=lambda x:0) and a(n-1)+1 if n>0 else 0
for i in range(100): a(10)
sys.setrecursionlimit(1000)
def inf(n): return inf(n+1)
def count():
    d=0
    def r():
        nonlocal d
        d+=1
        r()
    try: r()
    except RecursionError as e: pass
    return d
for i in range(5): print(count())
for i in range(5):
    try: inf(0)
    except RecursionError as e:
        tb=e.__traceback__; k=0
        while tb: k+=1; tb=tb.tb_next
        print(e, k)
print(a(900))
sys.setrecursionlimit(50000)
print(a(3000))
class N:
    def __init__(s,k): s.c=N(k-1) if k else None
    def d(s): return 1+s.c.d() if s.c else 0
sys.setrecursionlimit(1000)
for i in range(20): N(10).d()
print(N(200).d())
def fib(n): return n if n<2 else fib(n-1)+fib(n-2)
print(fib(20))
import threading
threading.stack_size(4<<20)
res=[]
def t():
    sys.setrecursionlimit(30000)
    try: res.append(depth(20000))
    except RecursionError as e: res.append(str(e))
th=threading.Thread(target=t); th.start(); th.join(); print(res)
print(depth(900))
