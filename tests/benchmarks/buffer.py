"""The buffer against other stores, each measurement in a process of its own, in turn.

``python -m tests.benchmarks.buffer [--runs 9] [--quick] [--only each,drain] [--write]``

Prints tables and what they say of the budgets; ``--write`` puts them into docs/benchmarks.md.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from . import loopdevice, report, surroundings
from .gauges import SYNCS, count_syncs
from .peers import CONTESTANTS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "benchmarks.md")
STEPS = ("each", "group", "drain", "syncs", "device", "scale", "agent")
DEVICE_RUNS = 3  # bytes hardly vary
SILENCE_S = 3600  # longer than any measurement takes, on a slow card too
LIMIT_S = 2  # a slow store is stopped then; its rate is that of what it had done

# Records: of a run to be believed, and of one that shows that everything works.
FULL = {"each": 10_000, "group": 100_000, "backlog": 100_000, "agent": 100_000, "traced": 10_000}
FULL["goals"] = [1000, 100_000, 1_000_000]
QUICK = {"each": 100, "group": 500, "backlog": 1000, "agent": 200, "traced": 500}
QUICK["goals"] = [200, 400, 1000]


class Bench:
    """Runs the measurements; `results` is measurement -> contestant -> one dict a run."""

    def __init__(self, directory, names, size, runs, limit_s):
        self.directory = directory
        self.names = names
        self.size = size
        self.runs = runs
        self.limit_s = limit_s
        self.results = {}
        self.notes = []

    def run(self, steps):
        """All of *steps*: the contestants take turns, and another one begins each time."""
        if "drain" in steps:
            for name in self.names:
                self._fill(name)
        timed = [step for step in ("each", "group", "drain", "scale", "agent") if step in steps]
        for number in range(self.runs):
            turn = number % len(self.names)
            for step in timed:
                say("run %d of %d: %s" % (number + 1, self.runs, step))
                for name in self.names[turn:] + self.names[:turn]:
                    getattr(self, "_" + step)(name, number)
        if "syncs" in steps:
            self._syncs()
        if "device" in steps:
            self._device()

    # -- the measurements -------------------------------------------------------------------

    def _each(self, name, number):
        # The first run gives everything back and compares it, after the clock was stopped.
        self._measure("each", name, records=self.size["each"], check=number == 0)

    def _group(self, name, number):
        self._measure("group", name, records=self.size["group"], check=number == 0)

    def _fill(self, name):
        """One backlog for all runs: each drains a copy of it."""
        task = {"what": "fill", "name": name, "goals": [self.size["backlog"]]}
        say("a backlog of %d: %s" % (self.size["backlog"], name))
        work(dict(task, directory=self._backlog(name)))

    def _drain(self, name, number):
        more = {"copy": True, "records": self.size["backlog"]}
        if number == 0:  # the content, in a drain of its own: its CRC would be timed
            self._measure("drain", name, key="checked", per=100, check=True, **more)
        self._measure("drain", name, per=100, **more)
        if name == "mcagent":
            self._measure("drain", name, key="drain1000", per=1000, **more)
            self._measure("walk", name, per=1000, **more)

    def _scale(self, name, number):
        if number >= CONTESTANTS[name].scale_runs:
            return
        goals = self.size["goals"]
        directory = self._fresh()
        self._measure("fill", name, directory=directory, goals=goals)
        settle(directory)
        more = {"per": 100, "records": goals[-1], "directory": directory}
        self._measure("drain", name, key="drain_scale", limit_s=5 * self.limit_s, **more)
        shutil.rmtree(directory)

    def _agent(self, name, number):
        if name == "mcagent":
            for what in ("record", "record_many"):
                self._measure(what, name, records=self.size["agent"])

    def _syncs(self):
        """Counted in runs of their own: strace makes everything slow."""
        if shutil.which("strace") is None:
            self.notes.append("Syncs were not counted: strace is not installed.")
            return
        for name in self.names:
            for what, records in (("each", 1000), ("group", self.size["traced"])):
                trace = self.directory + "/trace"
                calls = ",".join(SYNCS) + ",?stat,?newfstatat,?statx"
                strace = ["strace", "-f", "-qq", "-e", "trace=" + calls, "-o", trace]
                task = {"what": what, "name": name, "records": records, "limit_s": 5}
                directory = self._fresh()
                done = work(dict(task, directory=directory), strace)
                shutil.rmtree(directory)
                with open(trace) as file:
                    syncs = count_syncs(file.read())
                os.remove(trace)
                self._keep("syncs_" + what, name, {"syncs": syncs, "records": done["records"]})

    def _device(self):
        try:
            with loopdevice.mounted(self.directory) as (directory, device):
                for _ in range(min(self.runs, DEVICE_RUNS)):
                    for name in self.names:
                        for what, records in (("each", 2000), ("group", self.size["group"] // 5)):
                            place = directory + "/work"
                            more = {"directory": place, "device": device, "records": records}
                            self._measure(what, name, key="device_" + what, **more)
                            shutil.rmtree(place)
        except loopdevice.Unavailable as error:
            self.notes.append("Device bytes were not measured: %s." % error)

    # -- how --------------------------------------------------------------------------------

    def _measure(self, what, name, *, key=None, directory=None, copy=False, **more):
        own = directory is None
        if own:
            directory = self._fresh(self._backlog(name) if copy else None)
        task = dict({"limit_s": self.limit_s}, what=what, name=name, directory=directory, **more)
        self._keep(key or what, name, work(task))
        if own:
            shutil.rmtree(directory)

    def _keep(self, key, name, result):
        self.results.setdefault(key, {}).setdefault(name, []).append(result)

    def _fresh(self, source=None):
        directory = self.directory + "/work"
        if source is not None:
            shutil.copytree(source, directory)
            settle(directory)
        else:
            os.mkdir(directory)
        return directory

    def _backlog(self, name):
        return self.directory + "/backlog-" + name


def settle(directory):
    """Wait for the disk: what was left to be written is not paid by the one that is measured."""
    subprocess.run(["sync", "-f", directory], check=True)


def work(task, before=()):
    command = [*before, sys.executable, "-m", "tests.benchmarks.worker", json.dumps(task)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=SILENCE_S
    )
    if done.returncode:
        raise SystemExit("%s\n%s\n%s" % (json.dumps(task), done.stdout, done.stderr))
    return json.loads(done.stdout)


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def _list(allowed):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError("not one of %s: %s" % (", ".join(allowed), unknown))
        return names

    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, help="of each measurement; 9, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="few records: does everything work?")
    parser.add_argument("--only", type=_list(STEPS), default=list(STEPS), metavar="STEP,…")
    parser.add_argument("--contestants", type=_list(list(CONTESTANTS)), default=list(CONTESTANTS))
    parser.add_argument(
        "--directory", default=os.path.dirname(ROOT), help="on the disk to measure"
    )
    parser.add_argument("--json", metavar="FILE", help="every figure of every run")
    parser.add_argument("--write", action="store_true", help="the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.write and arguments.quick:
        parser.error("what --quick measures is not to be published")
    runs = arguments.runs or (1 if arguments.quick else 9)
    size = QUICK if arguments.quick else FULL
    # What was made and mounted goes away, however this ends.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(1))
    directory = tempfile.mkdtemp(prefix="mcagent-bench-", dir=arguments.directory)
    begin = time.monotonic()
    try:
        bench = Bench(directory, arguments.contestants, size, runs, LIMIT_S)
        about = surroundings.describe(directory, arguments.contestants)
        bench.run(arguments.only)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if arguments.quick:
        bench.notes.append("Few records: these figures show that everything works, and no more.")
    minutes = round((time.monotonic() - begin) / 60)
    about.append("Runs of each, in turn: %d; together they took %d min." % (runs, minutes))
    text = report.page(bench.results, about, bench.notes, size)
    print(text)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"about": about, "notes": bench.notes, "results": bench.results}, file)
    if arguments.write:
        report.write(PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
