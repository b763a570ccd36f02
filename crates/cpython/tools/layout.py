"""Makes src/v3_13/layout.rs from CPython's own headers, or checks that it is what they say.

    layout.py INCLUDE                      writes layout.rs from the headers in INCLUDE
    layout.py --check INCLUDE [INCLUDE..]  fails if any of them gives another text (run it for several micro releases)

INCLUDE is what `sysconfig.get_path("include")` says; it must hold the directory `internal`. Needs a C compiler (CC, default cc)
and for headers with a `Py_DEBUG`-free pyconfig.h nothing else: the program links against nothing but libc.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parent
OUTPUT = TOOLS.parent / "src" / "v3_13" / "layout.rs"


def layout(include):
    """The text of layout.rs as the headers in `include` have it."""
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "layout"
        compiler = os.environ.get("CC", "cc")
        flags = ["-DPy_BUILD_CORE", "-w", "-O0", f"-I{include}", f"-I{include}/internal"]
        # Debian keeps pyconfig.h in a directory of the architecture, found relative to the directory above.
        flags += ["-idirafter", str(pathlib.Path(include).parent)]
        subprocess.run([compiler, *flags, str(TOOLS / "layout_3_13.c"), "-o", str(program)], check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout


def main(arguments):
    if not arguments or (arguments[0] == "--check" and len(arguments) < 2):
        print(__doc__, file=sys.stderr)
        return 2
    if arguments[0] != "--check":
        OUTPUT.write_text(layout(arguments[0]))
        return 0
    expected = OUTPUT.read_text()
    wrong = [include for include in arguments[1:] if layout(include) != expected]
    for include in wrong:
        print(f"{include}: the layout differs from {OUTPUT.name}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
