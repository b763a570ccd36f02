import sys
log=[]
def tr(fr,ev,arg):
    if fr.f_code.co_filename==__file__: log.append((fr.f_code.co_name,ev,fr.f_lineno))
    return tr
def helper(i):
    if i==5: sys.settrace(tr)
    if i==8: sys.settrace(None)
    return i+1
def loop(n):
    s=0
    for i in range(n):
        s+=helper(i)
        s-=1
    return s
for k in range(4):
    log.clear(); print(loop(12)); print(log)
def prof(fr,ev,arg):
    if fr.f_code.co_filename==__file__: log.append((fr.f_code.co_name,ev))
def hp(i):
    if i==3: sys.setprofile(prof)
    if i==6: sys.setprofile(None)
    return i
def lp(n):
    s=0
    for i in range(n): s+=hp(i)
    return s
for k in range(4):
    log.clear(); print(lp(10)); print(log)
import threading
m=sys.monitoring
E=m.events
m.use_tool_id(1,'x')
cnt=[]
m.register_callback(1,E.LINE,lambda c,l: cnt.append(l))
def body(n):
    s=0
    for i in range(n):
        s+=i
    return s
for k in range(30): body(5)
m.set_local_events(1, body.__code__, E.LINE)
body(3); print(cnt); cnt.clear()
m.set_local_events(1, body.__code__, 0)
body(3); print(cnt)
def on(n):
    for i in range(n):
        if i==n-2: m.set_events(1,E.LINE)
    m.set_events(1,0)
on(5); on(5); print(len(cnt)); cnt.clear()
def loc(n):
    for i in range(n):
        if i==n-2: m.set_local_events(1, loc.__code__, E.LINE)
    m.set_local_events(1, loc.__code__, 0)
loc(5);loc(5); print(cnt)
m.free_tool_id(1)
import signal,os
hits=[]
def h(s,f): hits.append(f.f_code.co_name)
signal.signal(signal.SIGALRM,h)
def spin():
    signal.setitimer(signal.ITIMER_REAL,0.02)
    x=0
    while not hits: x+=1
    return x>0
for k in range(3): hits.clear(); print(spin(), hits)
class Stop(Exception): pass
def h2(s,f): raise Stop
signal.signal(signal.SIGALRM,h2)
def spin2():
    signal.setitimer(signal.ITIMER_REAL,0.02)
    x=0
    try:
        while True: x+=1
    except Stop: return 'stopped'
for k in range(3): print(spin2())
def spin3():
    signal.setitimer(signal.ITIMER_REAL,0.02)
    x=0
    while True: x+=1
for k in range(3):
    try: spin3()
    except Stop as e: print('out', e.__traceback__.tb_next.tb_frame.f_code.co_name, e.__traceback__.tb_next.tb_lineno)
def threads():
    tot=[]
    def w(n):
        s=0
        for i in range(n): s+=i&3
        tot.append(s)
    ts=[threading.Thread(target=w,args=(60000,)) for _ in range(4)]
    for t in ts: t.start()
    for t in ts: t.join()
    return tot
print(threads()); print(threads())
