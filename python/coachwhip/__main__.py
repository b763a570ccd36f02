"""``python -m coachwhip``: runs a program as ``python`` would, with Coachwhip switched on.

The interpreter is started again, by exec, with the same options and with ``COACHWHIP=1``, and the start-up hook does the rest. So ``sys.argv``, ``sys.path``,
``__main__``, exit codes and tracebacks are those of ``python app.py`` because it *is* ``python app.py``; no frame of ours is below the program's. The price is
one more start of the interpreter, about 10 ms. Python programs that the program starts inherit the variable and run with Coachwhip too.
"""

import os
import sys

USAGE = """\
usage: python -m coachwhip [options] [Python's options] app.py [argument ...]
       python -m coachwhip [options] [Python's options] -m module [argument ...]
       python -m coachwhip [options] [Python's options] -c code [argument ...]
       python -m coachwhip verify [options] [--] app.py [argument ...]
       python -m coachwhip bisect [options] -- command [argument ...]

Runs the program as python would, with Coachwhip switched on. verify runs it without Coachwhip and with everything compiled, and compares what it prints and its exit code;
bisect finds the function whose compilation breaks a command. Both have a --help of their own.
The same without this command: COACHWHIP=1 python app.py. COACHWHIP=0 keeps it off whatever is said elsewhere.

  -h, --help     show this text
  --version      show the versions of Coachwhip and Python
"""


def interpreter_options(arguments):
    """The interpreter's own options in ``sys.orig_argv``: what stands before ``-m coachwhip``, ours being the last `arguments` of it."""
    options = sys.orig_argv[1 : len(sys.orig_argv) - len(arguments)]
    # The last option is -m with the module's name, joined (-mcoachwhip), split, or behind other letters (-Bm coachwhip, -Bmcoachwhip).
    if options and options[-1] in ("coachwhip", "coachwhip.__main__"):
        options.pop()
        options[-1] = options[-1].removesuffix("m")
    elif options:
        options[-1] = options[-1].removesuffix("coachwhip").removesuffix("m")
    if options and options[-1] == "-":
        options.pop()
    return options


def help_text():
    """The usage and every option of the table."""
    from coachwhip import describe_options
    from textwrap import wrap

    lines = [USAGE, "Options, as arguments or as environment variables:", ""]
    for row in describe_options():
        if row["name"] == "enabled":
            argument = ""
        elif row["kind"] == "flag":
            argument = f"--{row['name'].replace('_', '-')}[=0|1], "
        else:
            argument = f"--{row['name'].replace('_', '-')}={row['kind'].upper()}, "
        lines.append(f"  {argument}{row['variable']}  (default: {row['default'] or 'nothing'})")
        lines += (f"      {line}" for line in wrap(row["doc"], 90))
    return "\n".join(lines)


def fail(message):
    """Give up as command line tools do."""
    print(f"coachwhip: {message}", file=sys.stderr)
    sys.exit(2)


def take_options(arguments):
    """Split the arguments into the variables that options of ours at the front set, and the rest."""
    from coachwhip import describe_options

    rows = {row["name"]: row for row in describe_options() if row["name"] != "enabled"}
    variables = {}
    while arguments and arguments[0].startswith("--"):
        name, given, value = arguments[0][2:].partition("=")
        if name == "help":
            print(help_text())
            sys.exit(0)
        if name == "version":
            from coachwhip import __version__

            print(f"Coachwhip {__version__}, Python {sys.version}")
            sys.exit(0)
        row = rows.get(name.replace("-", "_"))
        if row is None:
            break  # python's own, such as --check-hash-based-pycs, or python's to complain about
        if not given:
            if row["kind"] != "flag":
                fail(f"--{name} needs a value: --{name}={row['kind'].upper()}")
            value = "1"
        variables[row["variable"]] = value
        arguments = arguments[1:]
    return variables, arguments


def require_hook():
    """Gives up unless the interpreter that is started will read the start-up hook."""
    site = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.flags.no_site or not os.path.exists(os.path.join(site, "coachwhip_startup.pth")):
        fail("its start-up hook (coachwhip_startup.pth) is not installed beside it, or python runs with -S; install Coachwhip with pip")


def main():
    """Replace this process by the interpreter that runs the program."""
    arguments = sys.argv[1:]
    options = interpreter_options(arguments)
    if not arguments:
        print(USAGE, file=sys.stderr)
        sys.exit(2)
    if arguments[0] == "-h":
        print(help_text())
        sys.exit(0)
    if arguments[0] == "bisect" and "--" in arguments or arguments == ["bisect", "--help"]:
        from coachwhip import _bisect

        sys.exit(_bisect.main(arguments[1:]))
    # A file of that name in the current folder is meant, as python would take it, unless -- follows.
    if arguments[0] == "verify" and (not os.path.exists("verify") or arguments[1:2] == ["--"]):
        require_hook()
        from coachwhip import _verify

        sys.exit(_verify.main(arguments[1:], options))
    variables, arguments = take_options(arguments)
    if not arguments:
        fail("no program given")
    require_hook()
    # COACHWHIP=0 always wins.
    if os.environ.get("COACHWHIP") != "0":
        os.environ["COACHWHIP"] = "1"
    os.environ.update(variables)
    sys.stdout.flush()
    sys.stderr.flush()
    # sys.orig_argv[0] is how python was called; a virtual environment's interpreter finds itself by the path it is started with.
    os.execv(sys.executable, [sys.orig_argv[0], *options, *arguments])


main()
