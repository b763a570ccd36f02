"""Runs one of pyperformance's scripts in this process and times it in the steady state: first warm-up, then samples. Started by pyperformance.py, for both modes alike.

The script is run as it is; only `pyperf.Runner`, which would start worker processes of its own, is replaced by one that lists or times the benchmarks right here.
"""

import argparse
import json
import os
import resource
import runpy
import statistics
import sys
import time

import pyperf


class Settings:
    """What the driver asks for."""

    task = None  # the benchmark to time; None: list all that the script has
    warmup = 1.0
    samples = 5
    least = 0.1
    found = []
    result = None


class SteadyRunner(pyperf.Runner):
    """Takes the place of pyperf's Runner."""

    def parse_args(self, args=None):
        # Straight to argparse: what Runner does besides is about worker processes.
        self.args = self.argparser.parse_args(args)
        return self.args

    def wanted(self, name):
        """Whether a benchmark is to be timed; lists it otherwise."""
        Settings.found.append(name)
        return name == Settings.task

    def bench_time_func(self, name, time_func, *args, inner_loops=1, **keywords):
        if self.wanted(name):
            measure(lambda loops: time_func(loops, *args), inner_loops)

    def bench_func(self, name, func, *args, inner_loops=1, **keywords):
        if self.wanted(name):

            def time_func(loops):
                start = time.perf_counter()
                for _ in range(loops):
                    func(*args)
                return time.perf_counter() - start

            measure(time_func, inner_loops)

    def bench_async_func(self, name, func, *args, inner_loops=1, loop_factory=None, **keywords):
        if self.wanted(name):
            import asyncio

            async def turns(loops):
                start = time.perf_counter()
                for _ in range(loops):
                    await func(*args)
                return time.perf_counter() - start

            def time_func(loops):
                with asyncio.Runner(loop_factory=loop_factory) as runner:
                    return runner.run(turns(loops))

            measure(time_func, inner_loops)

    def bench_command(self, name, command):
        raise SystemExit("it times other processes")

    def timeit(self, name, stmt=None, setup="pass", **keywords):
        raise SystemExit("it uses timeit")


def measure(time_func, inner_loops):
    """Warm-up until the time is over, then the samples, each long enough to be timed well."""
    loops = 1
    end = time.perf_counter() + Settings.warmup
    first = None
    turns = 0
    while True:
        elapsed = time_func(loops)
        first = elapsed / loops if first is None else first
        turns += 1
        if time.perf_counter() >= end and turns >= 2:
            break
        if elapsed < Settings.least / 2:
            loops *= 2
    # The last turns ran warm: choose the number of loops by them.
    while elapsed < Settings.least / 2:
        loops *= 2
        elapsed = time_func(loops)
    values = [time_func(loops) / loops / inner_loops for _ in range(Settings.samples)]
    Settings.result = {
        "seconds": statistics.median(values),
        "values": values,
        "first": first / inner_loops,
        "loops": loops,
        "peak_kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--task")
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    Settings.task, Settings.warmup, Settings.samples = arguments.task, arguments.warmup, arguments.samples

    pyperf.Runner = SteadyRunner
    pyperf._runner.Runner = SteadyRunner
    sys.argv = [arguments.script, *arguments.options]
    sys.path[0] = os.path.dirname(arguments.script)
    runpy.run_path(arguments.script, run_name="__main__")

    result = {"found": Settings.found, "result": Settings.result}
    if "coachwhip" in sys.modules and Settings.task:
        import coachwhip

        result["on"] = coachwhip.is_enabled()
        result["stats"] = {name: value for name, value in coachwhip.stats().items() if isinstance(value, int)}
    with open(arguments.output, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
