"""What is still alive when the program ends is destroyed as ever: compiled code holds functions and values of globals, and must let go of them."""

import pytest

PROGRAM = """
class Loud:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("deleted:", self.name, type(self).__name__)

def suspended():
    held = Loud("in a generator")
    yield

generator = suspended()
next(generator)
thing = Loud("a global that compiled code names")
other = Loud("a global that nothing names")

def use(n):
    if n:
        use(n - 1)
        return thing.name
    return generator

class Method:
    def __init__(self):
        self.loud = Loud("in an attribute")
    def run(self, n):
        return self.loud.name, Method.run, n

method = Method()
for n in range(5):
    use(n)
    method.run(n)
print("done")
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "raise ValueError('end')", "import atexit; atexit.register(lambda: print('at exit', use(2)))"])
def test_what_is_alive_at_the_end(run_both, end):
    run_both(PROGRAM + end)


def test_while_the_background_thread_compiles(run_both):
    """Jobs that are not installed when the program ends hold references, too."""
    options = {"COACHWHIP_BACKGROUND": "1", "COACHWHIP_THRESHOLD": "2", "COACHWHIP_LOOP_THRESHOLD": "2"}
    run_both(PROGRAM, options=options, entered=False)


def test_handlers_that_are_called_by_the_program(run_both):
    """That is not the end: compiled code goes on."""
    run_both(PROGRAM + "import atexit, os\natexit._run_exitfuncs()\nprint(use(3), method.run(2)[0], flush=True)\n")
