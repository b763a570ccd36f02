"""Imported at the start of each process of a package's tests (tools/packages.py): notes at its end whether Coachwhip was on, and how many functions were compiled."""

import atexit
import os
import sys

_process = os.getpid()


def _note(folder):
    # A child that was forked ends by os._exit as a rule; if it does not, it must not write for its parent.
    if os.getpid() != _process:
        return
    coachwhip = sys.modules.get("coachwhip")
    compiled = "null"
    if coachwhip is not None:
        stats = coachwhip.stats()
        compiled = stats["compiled_functions"] + stats["compiled_loops"]
    try:
        with open(os.path.join(folder, f"{_process}.json"), "w", encoding="utf-8") as file:
            file.write(f'{{"compiled": {compiled}}}')
    except OSError:
        # The folder is gone: the process outlived its suite.
        pass


atexit.register(_note, os.environ["PACKAGES_WITNESS"])
