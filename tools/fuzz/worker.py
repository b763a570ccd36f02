"""The process that runs programs, one after the other, without Coachwhip or with it.

Usage: python -m tools.fuzz.worker INPUT OUTPUT. INPUT is JSON: {"options": null or options of coachwhip.enable(), "turns": n, "fork": bool, "stress_collector": n,
"programs": [text, ...] or "seeds": [first, last]}. OUTPUT gets a line of JSON for each program as soon as it has run, so that the driver knows which one ended the process.
"""

import faulthandler
import gc
import io
import json
import linecache
import math
import os
import resource
import sys
import threading
import types
import warnings
import builtins
import signal

from tools.fuzz import support

# Programs change builtins: what is ours keeps what there was.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})

#: Seconds that one program may take.
PATIENCE = 40


def finish(output, record):
    """Write one program's record at once."""
    os.write(output, (json.dumps(record) + "\n").encode())


def leave_tracing():
    """No tracer, profiler or tool of the program's is left."""
    sys.settrace(None)
    sys.setprofile(None)
    monitoring = sys.monitoring
    for tool in range(5):
        # Events and callbacks outlive the name of a tool.
        if not monitoring.get_tool(tool):
            monitoring.use_tool_id(tool, "nobody")
        monitoring.set_events(tool, 0)
        for event in range(17):
            monitoring.register_callback(tool, 1 << event, None)
        monitoring.free_tool_id(tool)


def restore(module, before):
    """Put a module's namespace back, touching only what differs."""
    now = vars(module)
    for name in [name for name in now if name not in before]:
        del now[name]
    for name, value in before.items():
        if name not in now or now[name] is not value:
            now[name] = value


class Runner:
    """Runs programs and keeps them apart."""

    def __init__(self, turns, collect_every):
        self.turns = turns
        self.collect_every = collect_every
        self.kept = [(module, dict(vars(module))) for module in (builtins, math)]
        gc.collect()
        gc.freeze()
        gc.disable()

    def run(self, source):
        """The transcript of one program."""
        recorder = support.Recorder()
        output = io.StringIO()
        space = support.namespace(recorder, self.turns)
        given = set(space)
        sys.unraisablehook = lambda event: recorder.add(f"unraisable {type(event.exc_value).__name__}: {event.exc_value}")
        threading.excepthook = lambda event: recorder.add(f"thread {event.exc_type.__name__}: {event.exc_value}")
        sys.stdout = output
        linecache.cache[support.FILE] = (len(source), None, source.splitlines(True), support.FILE)
        try:
            code = compile(source, support.FILE, "exec")
        except (SyntaxError, ValueError) as error:
            sys.stdout = sys.__stdout__
            return f"does not compile: {error}"
        if self.collect_every and "__del__" not in source and "weakref" not in source:
            gc.enable()
            gc.set_threshold(self.collect_every)
        try:
            exec(code, space)
        except support.TooMuch:
            recorder.lines.append("too much")
        except BaseException as error:
            leave_tracing()
            recorder.add("uncaught")
            try:
                for line in support.described(error, True):
                    recorder.add(line)
            except BaseException as problem:
                recorder.lines.append(f"the report raised {type(problem).__name__}")
            error = None
        finally:
            gc.disable()
            leave_tracing()
            for module, before in self.kept:
                restore(module, before)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.finals(space, given, recorder)
        sys.stdout = sys.__stdout__
        if output.getvalue():
            recorder.lines.append(f"stdout: {output.getvalue()}")
        return recorder.text()

    def finals(self, space, given, recorder):
        """Values of the global variables, and what their end lets us know."""
        try:
            recorder.add("--- finals")
            for name in [name for name in space if name not in given or name.startswith("__annot")]:
                recorder.add(f"{name} = {support.written(space[name])}")
            # What compiled code holds of global objects may live on until the code is dropped (docs/differences.md): the end of these is not compared.
            recorder.quiet = True
            for name in [name for name in space if name not in given]:
                del space[name]
            gc.collect()
        except support.TooMuch:
            recorder.lines.append("too much at the end")
        space.clear()
        gc.collect()


def functions_of(modules):
    """The functions that exist now."""
    return [found for found in gc.get_objects() if type(found) is types.FunctionType]


def switch_on(options):
    """Coachwhip with these options. What exists already stays interpreted, but for some of the library."""
    import coachwhip

    options = dict(options)
    library = options.pop("library", False)
    if not coachwhip.enable(**options):
        sys.exit("the worker's Coachwhip stays off")
    own = {support.__name__, __name__}
    for function in functions_of(sys.modules):
        if not library or function.__module__ in own:
            coachwhip.never(function)
    support.never = coachwhip.never
    return coachwhip


def limit_resources():
    """No program may take all memory, or leave a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def one(runner, source, output, index, engine, more):
    """Run one program under a time limit and write what it did."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    before = engine.stats() if engine else None
    text = runner.run(source)
    record = {"index": index, "text": text, **more}
    if engine:
        after = engine.stats()
        record["ran"] = after["entries"] + after["loop_entries"] - before["entries"] - before["loop_entries"]
        record["refused"] = [reason for reason, count in after["unsupported_reasons"].items() if count != before["unsupported_reasons"].get(reason)]
    finish(output, record)
    faulthandler.cancel_dump_traceback_later()


def main():
    """Run all programs of the input."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    output = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    limit_resources()
    faulthandler.enable()
    warnings.simplefilter("ignore")
    if "seeds" in job:
        from tools.fuzz.generator import generate

        programs = ((generate(seed), {"seed": seed}) for seed in range(*job["seeds"]))
    else:
        programs = ((text, {}) for text in job["programs"])
    engine = None
    if not job.get("fork"):
        if job["options"]:
            engine = switch_on(job["options"])
        runner = Runner(job["turns"], job.get("collect_every", 0))
        for index, (source, more) in enumerate(programs):
            if "seed" in more:
                more["source"] = source
            one(runner, source, output, index, engine, more)
        if engine:
            finish(output, {"stats": {key: value for key, value in engine.stats().items() if key != "exits_by_place"}})
        os._exit(0)
    for index, (source, more) in enumerate(programs):
        child = os.fork()
        if child == 0:
            if job["options"]:
                engine = switch_on(job["options"])
            one(Runner(job["turns"], job.get("collect_every", 0)), source, output, index, engine, more)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            finish(output, {"index": index, "text": f"the process ended: {describe_status(status)}"})
    os._exit(0)


def describe_status(status):
    """Signal or exit code."""
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.WEXITSTATUS(status)}"


if __name__ == "__main__":
    main()
