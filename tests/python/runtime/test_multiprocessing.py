"""`multiprocessing` with all three ways of starting children, `concurrent.futures`, and bare forks: children run compiled code and end as they would."""

import pytest

PROGRAM = """
import concurrent.futures, multiprocessing, os, sys, time

def inner(x):
    return x * 3 + 1

def work(n):
    total = 0
    for i in range(n):
        total += inner(i) & 7
    return total

def checked(n):
    "The same, and compiled code has run in this process, if there is to be any."
    result = [work(n) for _ in range(200)][-1]
    coachwhip = sys.modules.get("coachwhip")
    if coachwhip and coachwhip.is_enabled():
        stats = coachwhip.stats()
        assert stats["entries"] + stats["loop_entries"] > 0, stats
    return result

def fail(n):
    return [work(n), 1 // (n - n)]

def serve(connection, values):
    while (n := connection.recv()) is not None:
        values[0] += n
        connection.send(work(n))
    connection.close()
    sys.exit(work(20) & 63)

def count(queue, lock, shared):
    for n in range(50):
        with lock:
            shared.value += work(n) & 3
    queue.put(work(30))

def main(method):
    context = multiprocessing.get_context(method)
    work(30)
    with context.Pool(2) as pool:
        print(pool.map(checked, range(30, 40)))
        print(list(pool.imap_unordered(work, [33] * 5, chunksize=2)))
        try:
            pool.apply(fail, (10,))
        except ZeroDivisionError as error:
            print(repr(error), "fail" in str(error.__cause__))
    here, there = context.Pipe()
    values = context.Array("i", 1)
    process = context.Process(target=serve, args=(there, values))
    process.start()
    for n in (10, 20, 30, None):
        here.send(n)
        print(n, here.recv() if n else None)
    process.join(60)
    print(process.exitcode, values[0])
    queue, lock, shared = context.Queue(), context.Lock(), context.Value("i", 0)
    processes = [context.Process(target=count, args=(queue, lock, shared)) for _ in range(2)]
    for process in processes:
        process.start()
    print([queue.get(timeout=60) for _ in processes])
    for process in processes:
        process.join(60)
    print([process.exitcode for process in processes], shared.value)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        print(list(executor.map(checked, range(50, 54))), executor.submit(os._exit, 3).exception(60).__class__.__name__)
    process = context.Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()
    process.join(60)
    print(process.exitcode)

if __name__ == "__main__":
    main(sys.argv[1])
    print(work(100))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods(run_both, method):
    # Each child imports much: what is called once is left alone.
    run = run_both(PROGRAM, method, options={"COACHWHIP_THRESHOLD": "20", "COACHWHIP_LOOP_THRESHOLD": "100", "COACHWHIP_WARM_UP": "0"})
    assert run.code == 0, run.stderr


def test_usual_thresholds(run_both):
    """Children of a parent that compiles in the background, at its leisure."""
    run_both(PROGRAM, "fork", options={"COACHWHIP_THRESHOLD": "100", "COACHWHIP_LOOP_THRESHOLD": "200", "COACHWHIP_BACKGROUND": "1", "COACHWHIP_WARM_UP": "0"})


def test_forks_out_of_compiled_code(run_both):
    """Forks in the middle of compiled calls and loops: parent and child both go on there; the child of a child, too; a fork in a thread."""
    run_both("""
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)

def fork_at(n, generations):
    total = 0
    for i in range(10):
        total += i * n
        if i == 5 and generations:
            child = os.fork()
            if child:
                total += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            else:
                generations -= 1
                total += fork_at(n + 1, generations)
                os._exit(total & 63)
    return total

for _ in range(3):
    fork_at(3, 0)
print(fork_at(3, 3))
results = []
thread = threading.Thread(target=lambda: results.append(fork_at(2, 2)))
thread.start()
thread.join()
print(results, fork_at(1, 1))
try:
    if not os.fork():
        raise SystemExit(fork_at(5, 1) & 63)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
finally:
    sys.stdout.flush()
""")
