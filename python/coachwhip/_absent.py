"""The API for interpreters that the extension module was not built for: everything runs as without Coachwhip, and ``enable()`` says why, once."""

import os
import sys

__version__ = "unknown"

#: Why there is no extension module; set by the package.
reason = "no extension module"

_told = False


def enable(**options):
    """Stay off, and say why, once."""
    global _told
    if not _told and os.environ.get("COACHWHIP") != "0" and sys.stderr is not None:
        _told = True
        print(f"coachwhip: off: this Python cannot load the extension module ({reason})", file=sys.stderr)
    return False


def check_environment():
    """There is no table to check it by."""


def disable():
    """Do nothing."""


def is_enabled():
    """Never."""
    return False


class Pause:
    """A context manager that does nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


def pause():
    """Return a context manager that does nothing."""
    return Pause()


def compile(function):
    """Return the function as it is."""
    return function


def never(function):
    """Return the function as it is."""
    return function


def is_compiled(function):
    """Never."""
    return False


def stats():
    """Nothing to count."""
    return {}


def explain(function):
    """Say why nothing is compiled."""
    return f"off: this Python cannot load the extension module ({reason})"


def dump(function, what="ir"):
    """There is nothing to show."""
    raise RuntimeError(explain(function))


def describe_options():
    """The table of options is in the extension module."""
    return []


def describe_passes():
    """The table of passes is in the extension module."""
    return []
