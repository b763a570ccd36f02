"""greenlet and gevent: machine stacks and frames are put aside in the middle of compiled code, and come back."""

import pytest

pytest.importorskip("greenlet")

MODES = {
    "first": {},
    "second": {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "4", "COACHWHIP_EXIT_LIMIT": "2"},
    "exits": {"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3", "COACHWHIP_STRESS_EXITS": "7"},
    "discard": {"COACHWHIP_THRESHOLD": "3", "COACHWHIP_LOOP_THRESHOLD": "4", "COACHWHIP_STRESS_DISCARD": "5"},
}
every_mode = pytest.mark.parametrize("mode", MODES)


@every_mode
def test_switches_out_of_compiled_calls_and_loops(run_both, mode):
    """Locals that are held unboxed survive, other greenlets use the same part of the machine stack, deep and shallow ones take turns."""
    run_both("""
from greenlet import greenlet, getcurrent

def switch(value):
    return getcurrent().parent.switch(value)

def deep(n, x):
    if n:
        y = x * 1.5 + n
        return deep(n - 1, y) + y
    return switch(x)

def loop(n, start):
    total, scale = start, 0.5
    for i in range(n):
        total += i * 3
        scale = scale * 1.25 + i
        got = switch((total, scale))
        total -= got
    return total, scale

def fill(n):
    a, b, c, d = n, n + 1.5, n * 2, n - 0.25
    return fill(n - 1) + a + b + c + d if n else 0.0

for turn in range(3):
    deepest = [greenlet(deep) for _ in range(6)]
    waiting = [g.switch(3 + k * 7, float(k)) for k, g in enumerate(deepest)]
    loops = [greenlet(loop) for _ in range(4)]
    seen = [g.switch(5, k) for k, g in enumerate(loops)]
    print(waiting, seen, fill(40))
    for step in range(5):
        for k, g in enumerate(loops):
            seen.append(g.switch(step * k))
        fill(step * 10)
    print(seen, [g.dead for g in loops])
    print([g.switch(k * 0.5) for k, g in enumerate(reversed(deepest))], [g.dead for g in deepest])
""", options=MODES[mode])


@every_mode
def test_what_code_relies_on_changes_while_it_waits(run_both, mode):
    """Globals, classes and functions change, and code is compiled again and collected, while greenlets wait in the old code."""
    run_both("""
import gc
from greenlet import greenlet, getcurrent

factor = 3

class Thing:
    weight = 10
    def heavy(self, x):
        return x * self.weight

def helper(x):
    return x + 1

def switch(value):
    return getcurrent().parent.switch(value)

def work(thing, n):
    total = 0
    for i in range(n):
        total += helper(i) * factor + thing.heavy(i)
        switch(total)
        total += helper(i) * factor + thing.heavy(i)
    return total

def once(thing, x):
    y = x * 2.5
    before = factor, helper(x), thing.heavy(x)
    switch(x)
    return before, factor, helper(x), thing.heavy(x), y

thing = Thing()
for turn in range(12):
    g, h = greenlet(work), greenlet(once)
    results = [g.switch(thing, 6), h.switch(thing, turn)]
    factor += turn
    results.append(g.switch(None))
    Thing.weight += 1
    results.append(g.switch(None))
    if turn % 3 == 0:
        def helper(x):
            return x + 2
    elif turn % 3 == 1:
        helper.__code__ = (lambda x: x + 3).__code__
    else:
        Thing.heavy = lambda self, x: x - self.weight
    for _ in range(4):
        k = greenlet(once)
        k.switch(thing, 1)
        k.switch(None)
    gc.collect()
    results.append(g.switch(None))
    results.append(h.switch(None))
    while not g.dead:
        results.append(g.switch(None))
    print(results)
    factor = 3
""", options=MODES[mode])


def test_functions_that_die_while_they_wait(run_both):
    """Nobody but the greenlet that waits in it holds a function, its code and its globals."""
    run_both("""
import gc
from greenlet import greenlet, getcurrent

SOURCE = '''
def inner(x):
    return x * step + 1
def work(n, switch):
    total = 0.5
    for i in range(n):
        total += inner(i)
        switch(total)
    return total
'''

def switch(value):
    return getcurrent().parent.switch(value)

waiting = []
for turn in range(30):
    namespace = {"step": turn}
    exec(SOURCE, namespace)
    for _ in range(3):
        namespace["work"](5, lambda value: None)
    g = greenlet(namespace["work"])
    g.switch(4, switch)
    waiting.append(g)
    del g, namespace
    gc.collect()
for turn in range(3):
    print([g.switch(None) for g in waiting])
    gc.collect()
print([g.switch(None) for g in waiting], all(g.dead for g in waiting))
""")


@every_mode
def test_frames_of_greenlets_that_wait(run_both, mode):
    """`gr_frame` and what hangs on it: the locals of compiled frames whose machine stack is put aside, read and written."""
    run_both("""
import gc, traceback
from greenlet import greenlet, getcurrent

def switch(value):
    return getcurrent().parent.switch(value)

def inner(x, name):
    total, scale, flag = 0, 0.25, False
    for i in range(x):
        total += i
        scale *= 2.0
        flag = total > 5
    got = switch(name)
    return total, scale, flag, got, name

def outer(x, name):
    half = x * 0.5
    count = x + 1000
    result = inner(x, name)
    return half, count, result

def looping(n, name):
    total, scale = 0, 1.0
    for i in range(n):
        total += i * 1000
        scale *= 1.5
        switch(name)
    return total, scale

def fill(n):
    a, b = n * 3, n * 1.5
    return fill(n - 1) + a + b if n else 0.0

def look(g):
    frame, seen = g.gr_frame, []
    while frame is not None:
        values = {name: value for name, value in frame.f_locals.items() if isinstance(value, (int, float, str, tuple))}
        seen.append((frame.f_code.co_name, frame.f_lineno, values))
        frame = frame.f_back
    return seen

for turn in range(4):
    one, two, three = greenlet(outer), greenlet(outer), greenlet(looping)
    one.switch(5 + turn, "one")
    two.switch(7, "two")
    three.switch(4, "three")
    fill(60)
    print(look(one))
    print(look(three))
    three.switch(None)
    print([line.strip() for line in traceback.format_stack(two.gr_frame)])
    three.gr_frame.f_back.f_locals["total"] = 7
    two.gr_frame.f_back.f_locals["total"] = "written"
    two.gr_frame.f_back.f_back.f_locals["half"] = -1
    fill(60)
    gc.collect()
    print(look(two), look(three))
    print(one.switch("a"), two.switch("b"), three.switch(None), three.switch(None), three.switch(None))
""", options=MODES[mode])


@every_mode
def test_exceptions_across_switches(run_both, mode):
    run_both("""
import sys, traceback
from greenlet import greenlet, getcurrent, GreenletExit

def switch(value):
    return getcurrent().parent.switch(value)

def careful(n, log):
    total = n * 1.5
    try:
        for i in range(n):
            try:
                total += switch(i)
            except KeyError as error:
                log.append(("caught", i, repr(error), total))
                total += switch("again")
            finally:
                log.append(("finally", i, repr(sys.exception())))
    except ValueError as error:
        log.append((repr(error), total, len(traceback.extract_tb(error.__traceback__))))
        raise RuntimeError("from it") from error
    except GreenletExit:
        log.append(("killed", total))
        raise
    return total

def handled(log):
    try:
        raise LookupError("mine")
    except LookupError:
        switch(repr(sys.exception()))
        log.append(repr(sys.exception()))
    return sys.exception()

for turn in range(4):
    log = []
    gs = [greenlet(careful) for _ in range(4)]
    print([g.switch(5, log) for g in gs])
    print(gs[0].throw(KeyError("k")), gs[0].switch(1), gs[1].switch(2))
    try:
        gs[1].throw(ValueError("v"))
    except RuntimeError as error:
        print(repr(error), repr(error.__cause__), [entry.name for entry in traceback.extract_tb(error.__traceback__)])
    print(gs[2].throw(), gs[2].dead)
    h = greenlet(handled)
    try:
        raise TypeError("outside")
    except TypeError:
        print(h.switch(log), repr(sys.exception()))
        print(h.switch(None), repr(sys.exception()))
    g = gs.pop()
    del g
    print(log)
# Some never end: they are killed with the program.
held = []
for _ in range(3):
    g = greenlet(careful)
    g.switch(3, [])
    held.append(g)
""", options=MODES[mode])


def test_recursion_limits_and_small_stacks(run_both):
    run_both("""
import sys, threading
from greenlet import greenlet, getcurrent

def switch(value):
    return getcurrent().parent.switch(value)

def depth(n):
    return depth(n - 1) + 1 if n else switch("bottom")

def endless(n):
    return endless(n + 1) + 1

def count():
    reached = 0
    def further():
        nonlocal reached
        reached += 1
        further()
    try:
        further()
    except RecursionError as error:
        return reached, str(error)

def run():
    results = []
    for turn in range(3):
        gs = [greenlet(depth) for _ in range(5)]
        results.append([g.switch(100 * (k + 1)) for k, g in enumerate(gs)])
        results.append([g.switch(1) for g in reversed(gs)])
        results.append(greenlet(count).switch())
        results.append(count())
        try:
            greenlet(endless).switch(0)
        except RecursionError as error:
            results.append(str(error))
    print(results)

run()
for size in (256 << 10, 4 << 20):
    threading.stack_size(size)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
sys.setrecursionlimit(100_000)
g, h = greenlet(depth), greenlet(depth)
print(g.switch(30_000), h.switch(20_000), g.switch(1), h.switch(2))
""")


def test_imported_late(run_both):
    """The module is imported in the middle of compiled code, which uses it at once."""
    run_both("""
import sys

step = 1

def inner(i):
    return i + step

def work(n):
    total, scale = 0, 0.5
    for i in range(n):
        total += inner(i)
        scale += i
        if i == 50:
            import greenlet
            g = greenlet.greenlet(wait)
            print(g.switch(total))
        if i > 50 and i % 10 == 0:
            global step
            step += 1
            print(g.switch(i), total, scale)
    return total, scale

def wait(value):
    got, more = value * 2, value * 0.5
    while True:
        current = sys.modules["greenlet"].getcurrent()
        got = current.parent.switch((got, more, inner(1)))
        more += inner(2)

for turn in range(3):
    work(40)
print(work(120))
""")


def test_threads_and_tracers(run_both):
    run_both("""
import sys, threading
from greenlet import greenlet, getcurrent

def switch(value):
    return getcurrent().parent.switch(value)

def produce(n):
    total = 0
    for i in range(n):
        total += i
        switch(total)
    return -1

def consume(results, n):
    g = greenlet(produce)
    while (value := g.switch(n) if not g else g.switch()) != -1:
        results.append(value)

everything = [[] for _ in range(4)]
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=consume, args=(results, 300)) for results in everything]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print([sum(results) for results in everything])

events = []
def trace(frame, event, argument):
    if frame.f_code.co_name in ("produce", "consume"):
        events.append((frame.f_code.co_name, event, frame.f_lineno))
    return trace
g = greenlet(produce)
print(g.switch(5))
sys.settrace(trace)
results = []
consume(results, 3)
g.switch()
sys.settrace(None)
print(results, g.switch(), events)
switches = []
from greenlet import settrace
settrace(lambda event, arguments: switches.append(event))
consume(results, 3)
settrace(None)
print(len(switches), set(switches))
""")


GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, gevent.event, gevent.pool, gevent.queue, gevent.server, gevent.util
import json, queue, socket, socketserver, threading, time, urllib.request, http.server

def crunch(n):
    total = 0
    for i in range(n):
        total = total * 31 + i & 0xFFFFFF
    return total

def handle(connection, address):
    file = connection.makefile("rwb")
    for line in file:
        n = int(line)
        gevent.sleep(0)
        file.write(b"%d\\n" % crunch(n))
        file.flush()

def client(port, start, count):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        file = connection.makefile("rwb")
        total = 0
        for n in range(start, start + count):
            file.write(b"%d\\n" % n)
            file.flush()
            total += int(file.readline()) - n
        file.close()
    return total

server = gevent.server.StreamServer(("127.0.0.1", 0), handle)
server.start()
pool = gevent.pool.Pool(8)
print(pool.map(lambda start: client(server.server_port, start, 20), range(0, 200, 10)))
server.stop()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        n = int(self.path.strip("/"))
        body = json.dumps({"n": n, "result": crunch(n)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

web = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=web.serve_forever, daemon=True).start()
def fetch(n):
    with urllib.request.urlopen(f"http://127.0.0.1:{web.server_port}/{n}", timeout=30) as response:
        return json.load(response)["result"]
print([greenlet.get() for greenlet in [gevent.spawn(fetch, n) for n in range(100, 130)]])
web.shutdown()

work, done = gevent.queue.Queue(3), queue.Queue()
def worker(name):
    handled = 0
    try:
        while True:
            n = work.get(timeout=30)
            if n is None:
                return handled
            done.put((n, crunch(n)))
            handled += 1
            gevent.sleep(0.0001 * (n % 3))
    finally:
        done.put((-1, name))
workers = [gevent.spawn(worker, name) for name in range(4)]
for n in range(80):
    work.put(n)
for _ in workers:
    work.put(None)
gevent.joinall(workers, timeout=60)
print(sum(greenlet.value for greenlet in workers), sorted(done.get() for _ in range(84)))

def forever(n):
    total = 0.5
    while True:
        total += crunch(n)
        gevent.sleep(0)
try:
    with gevent.Timeout(0.1):
        forever(20)
except gevent.Timeout as error:
    print("timeout")
endless = [gevent.spawn(forever, n) for n in range(5)]
gevent.sleep(0.01)
print(any("forever" in line for line in gevent.util.format_run_info()))
gevent.killall(endless)
print([(type(greenlet.value).__name__, greenlet.dead) for greenlet in endless])
def fail(n):
    return crunch(n) // (n - n)
gevent.get_hub().NOT_ERROR += (ZeroDivisionError,)
failing = gevent.spawn(fail, 5)
failing.join()
print(repr(failing.exception))
event = gevent.event.AsyncResult()
gevent.spawn_later(0.01, lambda: event.set(crunch(40)))
print(event.get(timeout=30))
local = threading.local()
def thread(n):
    local.value = n
    time.sleep(0.001)
    results.append((local.value, crunch(n)))
results = []
threads = [threading.Thread(target=thread, args=(n,)) for n in range(10)]
[t.start() for t in threads], [t.join() for t in threads]
print(sorted(results))
"""


@pytest.mark.parametrize("mode", ["first", "second", "discard"])
def test_gevent(run_both, mode):
    pytest.importorskip("gevent")
    run = run_both(GEVENT, options=MODES[mode])
    assert run.code == 0 and run.stderr == ""


def test_code_is_freed_with_its_functions(run_both):
    """Code of functions that are gone does not pile up, though nobody knows what greenlets wait in."""
    run_both("""
import sys
from greenlet import greenlet, getcurrent

SOURCE = "def work(n):\\n    total = 0\\n    for i in range(n):\\n        total += i\\n    switch(total)\\n    return total\\n"

def switch(value):
    return getcurrent().parent.switch(value)

coachwhip = sys.modules.get("coachwhip")
sizes = []
for turn in range(200):
    namespace = {"switch": switch}
    exec(SOURCE, namespace)
    for _ in range(3):
        g = greenlet(namespace["work"])
        g.switch(20)
        g.switch(None)
    del g, namespace
    if coachwhip and coachwhip.is_enabled():
        sizes.append(coachwhip.stats()["code_bytes"])
assert not sizes or sizes[-1] < sizes[50] * 2, sizes[::20]
""")
