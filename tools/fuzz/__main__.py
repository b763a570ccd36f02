"""The differential fuzzer's commands.

    python -m tools.fuzz run --programs 200000 --seed 1 --workers 2      write, run and compare programs (`make fuzz FUZZ_OPTIONS="..."`)
    python -m tools.fuzz show SEED                                       the program of a seed
    python -m tools.fuzz rerun .cache/fuzz/finds/find-SEED [--shrink]    run a find again, as it was found
    python -m tools.fuzz file PROGRAM.py [--options '{"threshold": 1}']  run any program in both ways

The first part of a program's seed is the run's seed. docs/contributing/fuzzing.md says more.
"""

import argparse
import json
import os
import sys

from tools.fuzz import driver
from tools.fuzz.generator import generate
from tools.fuzz.shrink import shrink


def main():
    """Do what the arguments say; the exit code says whether anything differed."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--programs", type=int, default=20000)
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--workers", type=int, default=os.cpu_count())
    run.add_argument("--most-finds", type=int, default=10)
    run.add_argument("--no-shrink", action="store_true")
    show = commands.add_parser("show")
    show.add_argument("seed", type=int)
    rerun = commands.add_parser("rerun")
    rerun.add_argument("folder")
    rerun.add_argument("--shrink", action="store_true")
    rerun.add_argument("--whole", action="store_true", help="the program as it was written, not the shrunk one")
    file = commands.add_parser("file")
    file.add_argument("path")
    file.add_argument("--options", default='{"threshold": 2, "loop_threshold": 3, "warm_up": 0, "background": false}')
    file.add_argument("--turns", type=int, default=30)
    file.add_argument("--shrink", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "run":
        campaign = driver.Campaign(arguments.programs, arguments.seed, arguments.workers, arguments.most_finds, not arguments.no_shrink)
        return 0 if campaign.run() else 1
    if arguments.command == "show":
        print(generate(arguments.seed), end="")
        return 0
    if arguments.command == "rerun":
        with open(os.path.join(arguments.folder, "setting.json"), encoding="utf-8") as stream:
            setting = json.load(stream)
        company = os.path.join(arguments.folder, "company.json")
        if os.path.exists(company):
            with open(company, encoding="utf-8") as stream:
                return compare_company(json.load(stream), setting)
        small = os.path.join(arguments.folder, "shrunk.py")
        path = small if os.path.exists(small) and not arguments.whole else os.path.join(arguments.folder, "program.py")
    else:
        setting = {"options": json.loads(arguments.options), "turns": arguments.turns, "collect_every": 0}
        path = arguments.path
    with open(path, encoding="utf-8") as stream:
        source = stream.read()
    without, with_ = driver.run_texts([source], setting, False)[0], driver.run_texts([source], setting, True, fork=False)[0]
    if without == with_:
        print("no difference")
        return 0
    print(driver.text_difference(without, with_, 200))
    if arguments.shrink:
        small = os.path.join(os.path.dirname(path), "shrunk.py")

        def keep(text):
            with open(small, "w", encoding="utf-8") as stream:
                stream.write(text)

        keep(shrink(source, lambda texts: driver.differing(texts, setting), keep))
        print(open(small, encoding="utf-8").read())
    return 1


def compare_company(sources, setting):
    """A find that needs the programs before it: all in one process."""
    without, with_ = driver.run_texts(sources, setting, False, fork=False), driver.run_texts(sources, setting, True, fork=False)
    for a, b in zip(without, with_):
        if a != b:
            print(driver.text_difference(a, b, 200))
    return int(without != with_)


sys.exit(main())
