# What the probes read from inside of calls, and what they look at afterwards (probes.rs). `look` is a function of theirs.

def probe(first, second=2, *, third=3):
    local = first
    look(probe, first)
    deeper()
    return local

def deeper():
    look()

def outer():
    one, two = 1, 2
    def shape(first, /, second, *rest, third=one):
        held = first
        def inner():
            return held
        return one, two, inner
    return shape

def generator(first):
    yield first

class Instance:
    def __init__(self):
        self.first = 1.5
        self.second = 2.5
    def method(self):
        pass
    def other(self, value):
        pass
    value = property(method, other)

class Items:
    def __getitem__(self, key):
        return key

shape = outer()
instance = Instance()
detached = Instance()
detached.__dict__ = {}
method = instance.method
suspended = generator(3)
next(suspended)
items = Items()
for index in range(20):
    items[index]
probe(instance)
try:
    raise ValueError
except ValueError:
    look(1)
