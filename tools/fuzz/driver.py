"""Runs batches of programs without and with Coachwhip, compares what they did, confirms and keeps what differs, counts."""

import collections
import concurrent.futures
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import coachwhip
from tools.fuzz.shrink import shrink

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, ".cache", "fuzz")
FINDS = os.path.join(FOLDER, "finds")
PASSES = [row["name"] for row in coachwhip.describe_passes() if row["optional"]]
#: Programs that one process runs.
BATCH = 200
COUNTERS = ("compiled_functions", "compiled_loops", "recompilations", "entries", "loop_entries", "exits", "raises", "invalidations", "handed_back", "unsupported")


def configuration(number):
    """How Coachwhip runs in the batch of this number: thresholds, stress, passes."""
    choose = random.Random(f"configuration {number}")
    threshold, loop_threshold, turns = choose.choice(((1, 1, 20), (1, 1, 25), (2, 3, 30), (2, 3, 30), (2, 2, 30), (8, 8, 40), (5, 10, 40), (50, 50, 120)))
    options = {"threshold": threshold, "loop_threshold": loop_threshold, "warm_up": 0, "background": choose.random() < 0.05}
    if choose.random() < 0.4:
        options["stress_exits"] = choose.choice((2, 7, 7, 30, 200))
        options["seed"] = choose.randrange(1, 10**6)
    if choose.random() < 0.3:
        options["disable_passes"] = choose.choice(("all", ",".join(choose.sample(PASSES, choose.randint(1, 4)))))
    if choose.random() < 0.3:
        options["verify"] = True
    if choose.random() < 0.3:
        options["exit_limit"] = choose.choice((1, 2, 5, 10))
    if choose.random() < 0.2:
        options["recompilation_limit"] = choose.choice((0, 1, 3))
    if choose.random() < 0.1:
        options["code_cap"] = 1
    if choose.random() < 0.1:
        options["library"] = True
    return {"options": options, "turns": turns, "collect_every": choose.choice((0, 0, 0, 0, 0, 3, 50))}


def run_worker(job, timeout):
    """Run a job in a process of its own: the records, how it ended, what it wrote on stderr."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        given, taken = os.path.join(folder, "in"), os.path.join(folder, "out")
        with open(given, "w", encoding="utf-8") as file:
            json.dump(job, file)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COACHWHIP")}
        environment["PYTHONHASHSEED"] = "0"
        environment["COACHWHIP_CRASH_GUARD"] = "0"
        environment["PYTHONPATH"] = os.pathsep.join([ROOT, *filter(None, [environment.get("PYTHONPATH")])])
        with open(os.path.join(folder, "err"), "w+b") as errors:
            process = subprocess.Popen([sys.executable, "-m", "tools.fuzz.worker", given, taken], env=environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=ROOT)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "timeout"
            errors.seek(0)
            text = errors.read().decode("utf-8", "replace")[-3000:]
        records = []
        if os.path.exists(taken):
            with open(taken, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n"):
                        records.append(json.loads(line))
        return records, code, text


def run_texts(texts, setting, jit, fork=True):
    """Run programs, each in a process of its own if `fork`: the texts of what they did."""
    job = {"options": setting["options"] if jit else None, "turns": setting["turns"], "collect_every": setting["collect_every"], "programs": texts, "fork": fork}
    results = [None] * len(texts)
    start = 0
    while start < len(texts):
        records, code, errors = run_worker({**job, "programs": texts[start:]}, 30 * len(texts[start:]) + 60)
        for record in records:
            if "index" in record:
                results[start + record["index"]] = record["text"]
        done = sum("index" in record for record in records)
        if start + done < len(texts):
            results[start + done] = f"the process ended: {code}\n{errors if not fork else ''}"
        start += done + 1
    return results


def text_difference(expected, found, lines=40):
    """Both transcripts as a diff."""
    difference = difflib.unified_diff(expected.split("\n"), found.split("\n"), "without", "with", lineterm="", n=2)
    return "\n".join(list(difference)[:lines])


class Campaign:
    """All batches of one run, and what came of them."""

    def __init__(self, programs, seed, workers, most_finds, shrinking, batch=BATCH, quiet=False):
        self.programs = programs
        self.seed = seed
        self.workers = workers
        self.most_finds = most_finds
        self.shrinking = shrinking
        self.batch = batch
        self.quiet = quiet
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.stats = collections.Counter()
        self.reasons = collections.Counter()
        #: By reason why something was not compiled: a program in which that happened.
        self.examples = {}
        self.finds = []
        self.start = time.monotonic()
        self.told = 0

    def run(self):
        """Run everything; True if nothing differed and compiled code ran."""
        batches = range((self.programs + self.batch - 1) // self.batch)
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            for future in [pool.submit(self.run_batch, number) for number in batches]:
                future.result()
        return self.report()

    def run_batch(self, number):
        """One batch: its seeds, without and with."""
        if len(self.finds) >= self.most_finds:
            return
        first = self.seed * 10**8 + number * self.batch
        last = first + min(self.batch, self.programs - number * self.batch)
        setting = configuration(f"{self.seed} {number}")
        without = {}
        # Texts that end the interpreter itself are left out.
        seed = first
        while seed < last:
            records, code, errors = run_worker({"options": None, "turns": setting["turns"], "collect_every": setting["collect_every"], "seeds": [seed, last]}, 3600)
            for record in records:
                without[record["seed"]] = record
            seed += len(records)
            if seed < last:
                self.count("unsuitable")
                if "Error" in errors and "Timeout" not in errors:
                    self.tell(f"seed {seed}: the program could not be written or run: {errors}")
                seed += 1
        self.compare(list(without.values()), setting)

    def compare(self, records, setting):
        """Run with Coachwhip what ran without, and look at each."""
        start = 0
        while start < len(records):
            rest = records[start:]
            job = {**setting, "programs": [record["source"] for record in rest]}
            found, code, errors = run_worker(job, 3600)
            stats = next((record["stats"] for record in found if "stats" in record), None)
            found = [record for record in found if "index" in record]
            for index, (expected, record) in enumerate(zip(rest, found)):
                self.count("programs")
                if record["ran"]:
                    self.count("entered")
                for reason in record["refused"]:
                    self.examples.setdefault(reason, expected["seed"])
                if record["text"] != expected["text"]:
                    self.differs(rest, index, record["text"], setting)
            if stats:
                with self.lock:
                    self.stats.update({key: stats[key] for key in COUNTERS})
                    self.reasons.update(stats["unsupported_reasons"])
            if len(found) < len(rest):
                self.count("programs")
                self.differs(rest, len(found), f"the process ended: {code}\n{errors}", setting)
            elif code != 0:
                self.keep(rest[-1]["seed"], "", "", f"the process ended at its end: {code}\n{errors}", setting, [record["source"] for record in rest])
            start += len(found) + 1
            if len(self.finds) >= self.most_finds:
                return
        self.progress()

    def differs(self, records, index, found, setting):
        """Confirm a difference, shrink it and keep it."""
        record = records[index]
        source = record["source"]
        expected = run_texts([source, source], setting, False)
        if expected[0] != expected[1] or (expected[0] != record["text"] and "process ended" not in found):
            self.count("unsteady")
            return
        alone = run_texts([source] * 3, setting, True)
        if all(text == expected[0] for text in alone):
            sources = [other["source"] for other in records[: index + 1]]
            again = run_texts(sources, setting, True, fork=False)
            if again[index] == record["text"]:
                self.count("once only")
                self.keep(record["seed"], source, record["text"], found, setting, sources, name="once")
                return
            self.keep(record["seed"], source, record["text"], again[index], setting, sources)
            return
        self.keep(record["seed"], source, expected[0], next(text for text in alone if text != expected[0]), setting)

    def keep(self, seed, source, expected, found, setting, company=None, name="find"):
        """Write a find to its folder."""
        folder = os.path.join(FINDS, f"{name}-{seed}")
        with self.lock:
            if name == "find":
                self.finds.append(folder)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.tell(f"{name} {seed}{' (after other programs)' if company else ''} {json.dumps(setting)}\n{text_difference(expected, found, 25)}")

        def write(file, text):
            with open(os.path.join(folder, file), "w", encoding="utf-8") as stream:
                stream.write(text)

        write("program.py", source)
        write("setting.json", json.dumps({"seed": seed, **setting}, indent=1))
        write("difference.txt", text_difference(expected, found, 400))
        if company:
            write("company.json", json.dumps(company))
        elif self.shrinking:
            small = shrink(source, lambda texts: differing(texts, setting), lambda text: write("shrunk.py", text))
            write("shrunk.py", small)
            self.tell(f"shrunk, in {os.path.relpath(folder, ROOT)}:\n{small}")

    def count(self, what):
        """Count an event."""
        with self.lock:
            self.counts[what] += 1

    def tell(self, text):
        """Print, with the progress line out of the way."""
        with self.lock:
            print(text, flush=True)

    def progress(self):
        """A line now and then."""
        with self.lock:
            now = time.monotonic()
            if self.quiet or now - self.told < 10:
                return
            self.told = now
            done = self.counts["programs"]
            print(f"{done} programs, {done / (now - self.start) * 60:.0f} a minute, {self.counts['entered']} entered compiled code, {len(self.finds)} finds", flush=True)

    def report(self):
        """The counters, and whether all is well."""
        seconds = time.monotonic() - self.start
        counts = self.counts
        print(f"{counts['programs']} programs in {seconds:.0f} s ({counts['programs'] / seconds * 60:.0f} a minute); {counts['entered']} entered compiled code; {len(self.finds)} differ", end="")
        print("".join(f"; {counts[key]} {key}" for key in ("unsteady", "unsuitable", "once only") if counts[key]))
        print("  " + ", ".join(f"{key} {self.stats[key]}" for key in COUNTERS))
        for reason, count in self.reasons.most_common(12):
            seed = f", seed {self.examples[reason]}" if reason in self.examples else ""
            print(f"  not compiled, {count} times{seed}: {reason.partition(chr(10))[0]}")
        for folder in self.finds:
            print(f"  {os.path.relpath(folder, ROOT)}")
        if counts["entered"] * 2 < counts["programs"] or not counts["programs"]:
            print("too few programs entered compiled code")
            return False
        return not self.finds


def differing(texts, setting):
    """Which of these programs do something else with Coachwhip, each in a process of its own, and the same twice without."""
    without = run_texts(texts, setting, False)
    with_ = run_texts(texts, setting, True)
    return [bool(a and b and a != b and not a.startswith(("does not compile", "the process ended"))) for a, b in zip(without, with_)]
