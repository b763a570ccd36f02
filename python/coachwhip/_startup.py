"""Imported by the start-up hook ``coachwhip_startup.pth`` when ``COACHWHIP`` is set to anything but 0: switches Coachwhip on before the program starts.

Whatever goes wrong here must not stop the program.
"""


def _start():
    import os
    import sys

    try:
        import coachwhip

        absent = sys.modules.get("coachwhip._absent")
        if absent is not None and "subinterpreters" in absent.reason:
            # Nobody asked for it here: the main interpreter was started with it, and its program need not read of it.
            return
        if os.environ["COACHWHIP"] == "1":
            coachwhip.enable()
        else:
            # The one line about the wrong value comes from the options.
            coachwhip.check_environment()
    except BaseException as error:
        if sys.stderr is not None:
            print(f"coachwhip: not started: {type(error).__name__}: {error}", file=sys.stderr)


_start()
del _start
