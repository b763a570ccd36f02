"""A just-in-time compiler for ordinary CPython.

Switch it on for a whole program with ``python -m coachwhip app.py``, with ``COACHWHIP=1`` in the environment, or here:

>>> import coachwhip
>>> coachwhip.enable()
True

Functions that run often are then compiled to machine code. The program does what it did before, faster.
``stats()``, ``explain(f)`` and ``dump(f, what)`` show what happens.
"""

# Nothing else is imported here: this module is loaded at the start of every program that runs with Coachwhip.
try:
    from coachwhip._coachwhip import (
        Pause,
        __version__,
        check_environment,
        compile,
        describe_options,
        describe_passes,
        disable,
        dump,
        enable,
        explain,
        is_compiled,
        is_enabled,
        never,
        pause,
        stats,
    )
except ImportError as error:
    # Another interpreter than the one the extension module was built for: the program must run all the same.
    from coachwhip import _absent

    _absent.reason = str(error)
    from coachwhip._absent import (
        Pause,
        __version__,
        check_environment,
        compile,
        describe_options,
        describe_passes,
        disable,
        dump,
        enable,
        explain,
        is_compiled,
        is_enabled,
        never,
        pause,
        stats,
    )

__all__ = [
    "Pause",
    "check_environment",
    "compile",
    "describe_options",
    "describe_passes",
    "disable",
    "dump",
    "enable",
    "explain",
    "is_compiled",
    "is_enabled",
    "never",
    "pause",
    "stats",
]
