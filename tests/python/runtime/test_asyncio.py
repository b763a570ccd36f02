"""`asyncio` over functions that run compiled: tasks, cancellation, timeouts, groups, queues, threads, streams and signals."""

PROGRAM = """
import asyncio, contextvars, random, signal, sys, os

def crunch(n, start=0):
    total = start
    for i in range(n):
        total = total * 31 + i & 0xFFFFFF
    return total

class Account:
    def __init__(self, name):
        self.name = name
        self.balance = 0
        self.log = []
    def add(self, amount):
        if amount < 0 and self.balance + amount < 0:
            raise ValueError(f"{self.name}: {self.balance} is less than {-amount}")
        self.balance += amount
        self.log.append(amount)
        return self.balance

variable = contextvars.ContextVar("variable", default=0)

async def worker(name, queue, results):
    try:
        while True:
            n = await queue.get()
            variable.set(n)
            await asyncio.sleep(0)
            results.append((n, crunch(n, variable.get())))
            queue.task_done()
    except asyncio.CancelledError:
        results.append((-1, name))
        raise

async def queues():
    queue, results = asyncio.Queue(5), []
    workers = [asyncio.create_task(worker(name, queue, results)) for name in "abc"]
    for n in range(60):
        await queue.put(n)
    await queue.join()
    for task in workers:
        task.cancel()
    print([type(outcome).__name__ for outcome in await asyncio.gather(*workers, return_exceptions=True)])
    print(sorted(results))

async def slow(n):
    total = 0
    for i in range(n):
        total += crunch(20)
        await asyncio.sleep(0.001)
    return total

async def timeouts():
    try:
        await asyncio.wait_for(slow(100000), 0.05)
    except TimeoutError as error:
        print("timeout", repr(error))
    try:
        async with asyncio.timeout(0.05):
            while True:
                crunch(100)
                await asyncio.sleep(0)
    except TimeoutError as error:
        print("timeout", type(error.__cause__).__name__)
    print(await asyncio.wait_for(slow(3), 30))

async def groups():
    accounts = [Account(name) for name in ("one", "two")]
    async def pay(account, amounts):
        for amount in amounts:
            account.add(amount)
            await asyncio.sleep(0)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(pay(accounts[0], [5] * 50))
            group.create_task(pay(accounts[1], [3, 3, 3, -20, 5]))
            group.create_task(slow(100000))
    except* ValueError as errors:
        print([str(error) for error in errors.exceptions])
    print([(account.balance, len(account.log)) for account in accounts])

async def shielded():
    async def careful():
        try:
            await asyncio.sleep(30)
        finally:
            print("cleaned", crunch(50))
    task = asyncio.create_task(careful())
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as error:
        print(error.args)

async def threads():
    print(await asyncio.gather(*(asyncio.to_thread(crunch, n) for n in range(100, 110))))

async def numbers(n):
    for i in range(n):
        yield crunch(i)
        await asyncio.sleep(0)

async def generators():
    print([n async for n in numbers(10) if n & 1], sum([n async for n in numbers(20)]))
    async for n in numbers(100):
        if n > 1000:
            break

async def handle(reader, writer):
    while line := await reader.readline():
        writer.write(b"%d\\n" % crunch(int(line)))
        await writer.drain()
    writer.close()

async def streams():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async def client(start):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for n in range(start, start + 20):
            writer.write(b"%d\\n" % n)
            answers.append(int(await reader.readline()))
        writer.close()
        await writer.wait_closed()
        return answers
    print(await asyncio.gather(*(client(n) for n in range(0, 100, 20))))
    server.close()
    await server.wait_closed()

async def signals():
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, arrived.set)
    loop.call_later(0.02, os.kill, os.getpid(), signal.SIGUSR1)
    while not arrived.is_set():
        crunch(1000)
        await asyncio.sleep(0)
    print("signal")

async def main():
    for part in (queues, timeouts, groups, shielded, threads, generators, streams, signals):
        print(part.__name__)
        await part()

async def endless():
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.01)
    while True:
        crunch(100)
        await asyncio.sleep(0)

asyncio.run(main(), debug="debug" in sys.argv)
try:
    asyncio.run(endless())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_asyncio(run_both):
    run = run_both(PROGRAM)
    assert run.code == 0 and "Traceback" not in run.stderr


def test_usual_thresholds(run_both):
    run_both(PROGRAM, options={"COACHWHIP_THRESHOLD": "60", "COACHWHIP_LOOP_THRESHOLD": "100", "COACHWHIP_BACKGROUND": "1", "COACHWHIP_WARM_UP": "0"})


def test_exits(run_both):
    run_both(PROGRAM, options={"COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "3", "COACHWHIP_STRESS_EXITS": "7"})
