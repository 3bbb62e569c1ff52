"""Uploading beside its peers, each measurement in a process of its own, in turn.

``python -m tests.benchmarks.upload [--runs 9] [--quick] [--node DIRECTORY] [--write]``

Prints tables and what they say of the budgets; ``--write`` puts them into docs/benchmarks.md.
The Node client is taken from npm into a directory that is removed afterwards, unless *--node*
names one where it is installed.
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

from . import uploadreport
from .buffer import PAGE, ROOT, say, settle
from .surroundings import describe
from .uploadreport import SCHEMES

NODE_PACKAGE = "@mindconnect/mindconnect-nodejs"
NODE_VERSION = "3.24.2"
BUSY = 0.8  # load average of a machine that did other things, too, when a run began
BATCH, SMALL_BATCH = 1000, 100  # samples in an exchange
LARGE_RUNS = 3  # memory hardly varies
FULL = {"records": 100_000, "node_records": 11_000, "large": 1_000_000, "file": 9_900_000}
QUICK = {"records": 4000, "node_records": 2000, "large": 6000, "file": 500_000}


class Bench:
    """Runs the measurements; `results` is measurement -> contestant -> one dict a run."""

    def __init__(self, directory, size, runs, node):
        self.directory = directory
        self.size = size
        self.runs = runs
        self.node = node
        self.results = {}
        self._number = 0
        self._sink = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.uploadsink"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._about = json.loads(self._sink.stdout.readline())

    def close(self):
        self._sink.stdin.close()
        self._sink.terminate()
        self._sink.wait()
        self._sink.stdout.close()

    def run(self):
        """All of it: the contestants take turns, and another one begins each time."""
        for scheme in SCHEMES:
            self._prepare("backlog", scheme, self.size["records"])
            self._prepare("fresh", scheme, 0)
        turns = [
            (key, name, scheme)
            for scheme in SCHEMES
            for key, name in (
                ("backlog", "mcagent"),
                ("backlog", "urllib3"),
                ("backlog", "plain"),
                ("backlog", "node"),
                ("backlog", "node_off"),
                ("record", "mcagent"),
            )
        ]
        turns += [("small", name, "http") for name in ("mcagent", "node", "node_off")]
        turns.append(("walk", "walk", "http"))
        turns = [turn for turn in turns if self.node or not turn[1].startswith("node")]
        for turn in turns:  # what arrives is looked at in runs of their own
            say("checked: %s" % " ".join(turn))
            self._measure(*turn, check=True)
        for number in range(self.runs):
            say("run %d of %d" % (number + 1, self.runs))
            first = number % len(turns)
            for turn in turns[first:] + turns[:first]:
                self._measure(*turn)
        for number in range(min(self.runs, LARGE_RUNS)):
            say("large, run %d" % (number + 1))
            self._large()

    # -- the measurements -------------------------------------------------------------------

    def _measure(self, key, name, scheme, *, check=False):
        """*key*: a backlog, or `record_many`, or that in small exchanges; *check*: keep nothing."""
        self._ask(do="count", check=check)
        batch = SMALL_BATCH if key == "small" else BATCH
        if name.startswith("node"):
            result, expected = self._node(name, scheme, batch)
        else:
            fresh = key in ("record", "small")
            directory = self._fresh(self._place("fresh" if fresh else "backlog", scheme))
            what = "record" if fresh else key if name == "mcagent" else name
            expected = self.size["records"]
            result = self._work(what, scheme, directory, records=expected, batch=batch)
            shutil.rmtree(directory)
        seen = self._ask(do="count", check=False)
        arrived = (seen["records"], seen["different"])
        if check and name != "walk" and arrived != (expected, expected):
            raise SystemExit("%s %s: %r arrived of %d" % (name, scheme, arrived, expected))
        if not check:
            result["sink_busy"] = seen["busy"]
            self._keep(key + scheme, name, result)

    def _node(self, name, scheme, batch):
        directory = self._fresh()
        records = self.size["records" if name == "node_off" else "node_records"]
        task = {
            "modules": self.node,
            "boarding": self._boarding(scheme),
            "directory": directory,
            "records": records,
            "batch": batch,
            "validate": name == "node",
        }
        script = os.path.join(os.path.dirname(__file__), "uploadnode.js")
        result = _run(["node", script], task, cwd=directory, ca_file=self._about["ca_file"])
        shutil.rmtree(directory)
        return result, records

    def _large(self):
        """A million samples, and a file as large as one can be: what they cost in memory."""
        for what, size in (("backlog", "large"), ("file", "file")):
            directory = self._fresh()
            more = {"boarding": self._boarding("https")}
            if what == "backlog":
                self._work("fill", "https", directory, records=self.size[size], **more)
            more["bytes"] = self.size[size]
            result = self._work(what, "https", directory, records=self.size[size], **more)
            shutil.rmtree(directory)
            self._keep("large", what, result)

    # -- how --------------------------------------------------------------------------------

    def _prepare(self, kept, scheme, records):
        say("a state directory with %d samples, %s" % (records, scheme))
        os.mkdir(self._place(kept, scheme))
        boarding = self._boarding(scheme)
        directory = self._place(kept, scheme)
        self._work("fill", scheme, directory, records=records, boarding=boarding)

    def _work(self, what, scheme, directory, *, boarding=None, **more):
        task = {
            "what": what,
            "directory": directory,
            "boarding": boarding,
            "ca_file": self._about["ca_file"],
            "origin": self._about["origins"][scheme],
            "batch": BATCH,
        }
        task.update(more)
        return _run([sys.executable, "-m", "tests.benchmarks.uploadwork"], task)

    def _boarding(self, scheme):
        self._number += 1
        return self._ask(do="boarding", name="press-%d" % self._number, scheme=scheme)

    def _ask(self, **command):
        self._sink.stdin.write(json.dumps(command) + "\n")
        self._sink.stdin.flush()
        return json.loads(self._sink.stdout.readline())

    def _keep(self, key, name, result):
        self.results.setdefault(key, {}).setdefault(name, []).append(result)

    def _place(self, kept, scheme):
        return os.path.join(self.directory, kept + "-" + scheme)

    def _fresh(self, source=None):
        directory = os.path.join(self.directory, "work")
        if source is None:
            os.mkdir(directory)
        else:
            shutil.copytree(source, directory)
        settle(directory)
        return directory


def _run(command, task, *, cwd=ROOT, ca_file=None):
    environment = {
        name: value for name, value in os.environ.items() if "proxy" not in name.lower()
    }
    if ca_file:
        environment["NODE_EXTRA_CA_CERTS"] = ca_file
    done = subprocess.run(
        [*command, json.dumps(task)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
        timeout=3600,
    )
    if done.returncode:
        task["boarding"] = "..."  # it holds a token
        raise SystemExit("%s\n%s\n%s" % (json.dumps(task), done.stdout, done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def install_node_client(directory):
    """Where the Node client was installed by npm.

    Raises:
        Unavailable: It could not be had.
    """
    os.makedirs(directory)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", directory]
    try:
        subprocess.run(
            [*command, "%s@%s" % (NODE_PACKAGE, NODE_VERSION)],
            check=True,
            capture_output=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable("%s of npm: %s" % (NODE_PACKAGE, error)) from error
    return directory


class Unavailable(Exception):
    """The Node client cannot be had on this machine."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, help="of each measurement; 9, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="few records: does everything work?")
    parser.add_argument("--node", metavar="DIRECTORY", help="where its node_modules are")
    parser.add_argument("--without-node", action="store_true", help="no Node client")
    parser.add_argument(
        "--directory", default=os.path.dirname(ROOT), help="on the disk to measure"
    )
    parser.add_argument("--json", metavar="FILE", help="every figure of every run")
    parser.add_argument("--write", action="store_true", help="the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.quick or arguments.without_node):
        parser.error("what is published has all contestants, and their full size")
    runs = arguments.runs or (1 if arguments.quick else 9)
    size = QUICK if arguments.quick else FULL
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(1))
    directory = tempfile.mkdtemp(prefix="mcagent-bench-", dir=arguments.directory)
    load = os.getloadavg()[0]
    notes, bench = [], None
    if load > BUSY:
        notes.append(
            "The machine did other things meanwhile (load average %.1f): these rates and verdicts "
            "are to be measured again on a quiet one." % load
        )
    begin = time.monotonic()
    try:
        about = describe(directory, ["mcagent"])
        node = None if arguments.without_node else arguments.node
        if node is None and not arguments.without_node:
            try:
                node = install_node_client(os.path.join(directory, "node"))
            except Unavailable as error:
                if arguments.write:
                    raise SystemExit(str(error)) from error
                notes.append("The Node client was not measured: %s." % error)
        if node:
            version = subprocess.check_output(["node", "--version"], text=True).strip()
            about.append("Node %s, its client %s." % (version, NODE_VERSION))
        bench = Bench(directory, size, runs, node)
        bench.run()
    finally:
        if bench is not None:
            bench.close()
        shutil.rmtree(directory, ignore_errors=True)
    if arguments.quick:
        notes.append("Few records: these figures show that everything works, and no more.")
    minutes = round((time.monotonic() - begin) / 60)
    about.append("Runs of each, in turn: %d; together they took %d min." % (runs, minutes))
    text = uploadreport.page(bench.results, about, notes, size)
    print(text)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"about": about, "notes": notes, "results": bench.results}, file)
    if arguments.write:
        uploadreport.write(PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
