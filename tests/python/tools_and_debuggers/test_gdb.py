"""gdb walks through compiled code and names it."""

import re
import subprocess


from conftest import EVERYTHING

PROGRAM = """
import ctypes, os, sys, time
import probe

class Node:
    def __init__(self, value):
        self.value = value

def leaf(n, action):
    total = 0
    weight = 0.25
    for i in range(n):
        total += Node(i).value
        weight *= 1.01
        if i == n - 1:
            action()
    return total + weight

def middle(n, action):
    result = 0.0
    for i in range(3):
        result += leaf(n, action)
    return result

def top(n, action):
    return middle(n, action) + 1

def nothing():
    pass

for _ in range(60):
    top(60, nothing)
print(probe.runs_compiled(top, 60, nothing), flush=True)
"""

WAIT = PROGRAM + "top(60, lambda: time.sleep(100))\n"
SPIN = PROGRAM + "\nwhile True:\n    top(20000, nothing)\n"


def backtrace(process, *commands):
    arguments = [word for command in ("set pagination off", *commands, "bt") for word in ("-ex", command)]
    output = subprocess.run(["gdb", "--batch", "--nx", *arguments, "--pid", str(process.pid)], capture_output=True, text=True, timeout=120)
    assert output.returncode == 0, output.stderr
    rows = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.*)", output.stdout, re.MULTILINE)
    assert rows, output.stdout + output.stderr
    return rows, output.stdout + output.stderr


def test_names_and_the_way_to_main(started, mode):
    process = started(WAIT, {**EVERYTHING, **mode})
    # The interpreter's sleep is reached when the process sleeps.
    for _ in range(100):
        with open(f"/proc/{process.pid}/wchan", encoding="utf-8") as file:
            waits = file.read()
        if waits not in ("", "0"):
            break
    rows, text = backtrace(process)
    assert "_start" in rows[-1], text
    names = [match[1] for row in rows for match in re.finditer(r"py::([\w.]+):", row)]
    assert names[:2] == ["leaf", "middle"], text
    # Compiled frames only: what lies between them and `main` has names too, or is at least passed.
    assert any("Py_RunMain" in row or "main" in row for row in rows), text


def test_anywhere(started, mode):
    """Wherever the process is stopped."""
    process = started(SPIN, {**EVERYTHING, **mode})
    compiled = 0
    for _ in range(8):
        rows, text = backtrace(process)
        assert "_start" in rows[-1], text
        compiled += any("py::leaf" in row for row in rows)
    assert compiled >= 6


def test_code_that_is_gone(started):
    """Code that was thrown away is not named any more, and new code is."""
    source = PROGRAM + """
for turn in range(20):
    exec(f"def fresh(x):\\n    for i in range(50):\\n        x += i\\n    return x")
    for i in range(60):
        fresh(1)
leaf.__code__ = leaf.__code__.replace(co_name="renamed", co_qualname="renamed")
for _ in range(60):
    top(60, nothing)
while True:
    top(20000, nothing)
"""
    process = started(source, EVERYTHING)
    rows, text = backtrace(process)
    for _ in range(20):
        if any("py::renamed" in row for row in rows):
            break
        rows, text = backtrace(process)
    assert any("py::renamed" in row for row in rows) and not any("py::leaf" in row for row in rows), text
    assert "_start" in rows[-1], text


def test_steps_through_an_entry(started, tmp_path):
    """The prologue, the body and the epilogue: at each instruction the way back is known."""
    process = started(SPIN, EVERYTHING)
    script = [
        "python",
        "import re",
        "gdb.execute('set pagination off')",
        "seen = 0",
        "for step in range(2000):",
        "    gdb.execute('stepi', to_string=True)",
        "    if step % 7 == 0:",
        "        text = gdb.execute('bt -3', to_string=True)",
        "        if '_start' not in text: print('LOST', gdb.execute('bt', to_string=True)); break",
        "        seen += 'py::' in gdb.execute('bt 1', to_string=True)",
        "print('SEEN', seen)",
        "end",
    ]
    (tmp_path / "steps.gdb").write_text("\n".join(script) + "\n")
    output = subprocess.run(["gdb", "--batch", "--nx", "--pid", str(process.pid), "-x", tmp_path / "steps.gdb"], capture_output=True, text=True, timeout=300)
    assert "LOST" not in output.stdout, output.stdout
    assert int(re.search(r"SEEN (\d+)", output.stdout)[1]) > 50, output.stdout + output.stderr
