"""A small operating system: tasks of several classes send each other packets through a scheduler by priority. Objects, attributes, method calls."""

ROUNDS = 32
WORK = 1500

WORKER, READER, WRITER, PRINTER, IDLE = range(5)


class Packet:
    """A message on its way to a task."""

    def __init__(self, target, kind, value):
        self.target = target
        self.kind = kind
        self.value = value
        self.data = [0, 0, 0, 0]
        self.link = None


class Queue:
    """Packets in the order of their arrival, linked."""

    def __init__(self):
        self.head = None
        self.tail = None
        self.length = 0

    def put(self, packet):
        packet.link = None
        if self.tail is None:
            self.head = packet
        else:
            self.tail.link = packet
        self.tail = packet
        self.length += 1

    def take(self):
        packet = self.head
        self.head = packet.link
        if self.head is None:
            self.tail = None
        self.length -= 1
        return packet

    def is_empty(self):
        return self.head is None


class Task:
    """What all tasks have: a priority, an inbox, and turns."""

    def __init__(self, system, number, priority):
        self.system = system
        self.number = number
        self.priority = priority
        self.inbox = Queue()
        self.held = False
        self.turns = 0
        system.add(self)

    def is_ready(self):
        return not self.held and not self.inbox.is_empty()

    def turn(self):
        self.turns += 1
        self.receive(self.inbox.take())

    def send(self, packet, target):
        packet.target = target
        self.system.deliver(packet)

    def receive(self, packet):
        raise NotImplementedError


class Idle(Task):
    """Shifts bits while it has turns left, and lets devices go on by what the bits say."""

    def __init__(self, system, number, priority, left):
        super().__init__(system, number, priority)
        self.left = left
        self.bits = 1

    def is_ready(self):
        return self.left > 0

    def turn(self):
        self.turns += 1
        self.left -= 1
        if self.bits & 1:
            self.bits = (self.bits >> 1) ^ 0xD008
            self.system.release(READER)
        else:
            self.bits >>= 1
            self.system.release(WRITER)


class Worker(Task):
    """Fills packets with letters and sends them to reader and writer in turn."""

    def __init__(self, system, number, priority):
        super().__init__(system, number, priority)
        self.letter = 0
        self.next = READER

    def receive(self, packet):
        self.next = WRITER if self.next == READER else READER
        packet.value = 0
        data = packet.data
        for index in range(len(data)):
            self.letter += 1
            if self.letter > 26:
                self.letter = 1
            data[index] = 64 + self.letter
        self.send(packet, self.next)


class Device(Task):
    """Handles one packet, waits until it is released, and hands the packet on."""

    def __init__(self, system, number, priority, next):
        super().__init__(system, number, priority)
        self.next = next
        self.total = 0

    def receive(self, packet):
        total = packet.value
        for letter in packet.data:
            total += letter ^ self.number
        packet.value = total & 0xFFFF
        self.total = (self.total + packet.value) & 0xFFFFFF
        self.held = True
        self.send(packet, self.next)


class Printer(Task):
    """Keeps a line of what passes and sends packets back to the worker."""

    def __init__(self, system, number, priority):
        super().__init__(system, number, priority)
        self.line = []
        self.lines = 0

    def receive(self, packet):
        for letter in packet.data:
            self.line.append(letter)
        if len(self.line) >= 60:
            self.lines += 1
            self.line.clear()
        self.send(packet, WORKER)


class System:
    """Gives each turn to the ready task of the highest priority."""

    def __init__(self):
        self.tasks = [None] * 5
        self.order = []
        self.delivered = 0
        self.released = 0

    def add(self, task):
        self.tasks[task.number] = task
        self.order.append(task)
        self.order.sort(key=lambda task: -task.priority)

    def deliver(self, packet):
        self.delivered += 1
        self.tasks[packet.target].inbox.put(packet)

    def release(self, number):
        task = self.tasks[number]
        if task.held:
            self.released += 1
            task.held = False

    def run(self):
        while True:
            for task in self.order:
                if task.is_ready():
                    task.turn()
                    break
            else:
                return


def simulate(work):
    system = System()
    idle = Idle(system, IDLE, 0, work)
    worker = Worker(system, WORKER, 1000)
    reader = Device(system, READER, 2000, PRINTER)
    writer = Device(system, WRITER, 3000, PRINTER)
    printer = Printer(system, PRINTER, 4000)
    for kind in range(6):
        system.deliver(Packet(WORKER, kind, 0))
    system.run()
    return (system.delivered, system.released, idle.bits, worker.letter, reader.total, writer.total, printer.lines, worker.turns, printer.turns)


def main():
    for round in range(ROUNDS):
        result = simulate(WORK * (round % 3 + 8))
        if round < 3:
            print(*result)
    print(*result)


if __name__ == "__main__":
    main()
