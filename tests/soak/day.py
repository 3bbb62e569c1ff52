"""A device's day in simulated time, with faults: what it costs it, told every few minutes.

``python -m tests.soak.day DIRECTORY HOURS`` prints one JSON object. This process is the device;
the hub has its own.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading

from mcagent import DataModel, DataPoint, DataSource, Event, File
from tests import simulated
from tests.benchmarks.gauges import disk_bytes, resident_kib
from tests.source_tree import ROOT

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LOOK_MS = 5 * MINUTE_MS
PERIOD_MS = 10_000  # ten samples, one a second
EXCHANGE = "POST /api/mindconnect/v3/exchange"
TOKEN = "POST /api/agentmanagement/v3/oauth/token"


def rules(action="status", match=EXCHANGE, **more):
    return [{"match": match, "action": action, **more}]


# When it begins, hours of a day; for how many minutes; what it is; rules of the emulator, or False
# for a link that is down.
DAY = [
    (0.5, 20, "no link", False),
    (2.0, 15, "503", rules(status=503)),
    (3.0, 5, "lost answers", rules("drop_after", times=10)),
    (3.5, 30, "captive portal", rules("html", "* /api/*", status=200)),
    (4.5, 10, "429", rules(status=429, headers={"Retry-After": "300"})),
    (5.0, 5, "a bad sample", rules(status=400, contains='"value":"18030"')),
    (6.0, 120, "no link", False),
    (9.0, 10, "401", rules(status=401)),
    (10.0, 60, "every third cut", rules("drop_before", times=60)),
    (12.0, 20, "no tokens", rules(match=TOKEN, status=500)),
    (13.0, 90, "400 to everything", rules(status=400)),
    (15.0, 180, "no link", False),
    (19.0, 30, "redirects", rules(match="* /api/*", status=302)),
    (20.0, 40, "500", rules(status=500)),
    (22.0, 60, "no link", False),
]


class Hub:
    """The emulator's process."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.hub"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.ca_file = json.loads(self._process.stdout.readline())["ca_file"]

    def ask(self, do, value=None):
        self._process.stdin.write(json.dumps({"do": do, "value": value}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class Day:
    """One device, its hub, and what is looked at."""

    def __init__(self, directory, hours, hub, leak=None):
        self.hub = hub
        self.end_ms = int(hours * HOUR_MS)
        self.looks = []
        self.requests = self.events = self.files = 0
        self._leak = leak
        self._directory = directory
        self.world = simulated.World(lambda offset_s: hub.ask("clock", offset_s))
        self.world.tell_platform(0)
        self.device = simulated.Device(
            self.world,
            os.path.join(directory, "state"),
            MODEL,
            hub.ask("agent"),
            period_ms=PERIOD_MS,
            per_period=10,
            transport={"ca_file": hub.ca_file},
        )

    def run(self):
        """The day, and an hour without faults or samples; what came of it."""
        world, device = self.world, self.device
        device.begin(0)
        for begin_h, minutes, _name, what in DAY:
            begin_ms, end_ms = int(begin_h * HOUR_MS), int(begin_h * HOUR_MS) + minutes * MINUTE_MS
            if end_ms <= self.end_ms:
                world.at(begin_ms, lambda what=what: self._go_wrong(what))
                world.at(end_ms, lambda what=what: self._mend(what))
        world.at(LOOK_MS, self._look)
        world.at(7 * MINUTE_MS, self._event)
        world.at(23 * MINUTE_MS, self._file)
        world.run_until(self.end_ms)
        device.end()
        world.run_until(self.end_ms + HOUR_MS)
        status = device.agent.status()
        set_aside = status.upload["set_aside"]
        found = self.hub.ask("counts")
        device.close()
        recorded = device.recorded + self.events + self.files
        return {
            "looks": self.looks,
            "recorded": recorded,
            "requests": self.requests,
            "pending": status.pending,
            "set_aside": set_aside,
            "twice": found["received"] - found["samples"],
            "lost": recorded
            - found["samples"]
            - found["events"]
            - found["files"]
            - set_aside
            - status.pending,
        }

    def _go_wrong(self, what):
        self.hub.ask("faults", what) if what else self.hub.ask("link", False)

    def _mend(self, what):
        self.hub.ask("faults", []) if what else self.hub.ask("link", True)

    def _event(self):
        if self.world.ms < self.end_ms:
            self.events += 1
            self.device.agent.submit(Event("event number %d" % self.events))
            return self.world.ms + 15 * MINUTE_MS
        return None

    def _file(self):
        if self.world.ms < self.end_ms:
            self.files += 1
            path = os.path.join(self._directory, "report.bin")
            with open(path, "wb") as file:
                file.write(b"file %3d " % self.files * 10_000)
            # A name of its own: the platform replaces a file of the same name.
            self.device.agent.submit(File(path, name="report-%d.bin" % self.files))
            return self.world.ms + HOUR_MS
        return None

    def _look(self):
        sent = self.device.transport.sent
        self.requests += len(sent)
        sent.clear()  # the harness must not be what grows
        self.looks.append(
            {
                "hours": self.world.ms / HOUR_MS,
                "resident_kib": resident_kib(),
                "descriptors": len(os.listdir("/proc/self/fd")),
                "threads": threading.active_count(),
                "buffered": self.device.agent.status().pending,
                "disk_kib": disk_bytes(self.device.agent.directory) // 1024,
            }
        )
        if self._leak is not None:
            self._leak()
        return self.world.ms + LOOK_MS


def main(directory, hours, planted=""):
    leaked = []
    leaks = {
        "": None,
        "memory": lambda: leaked.append(bytearray(500_000)),
        "descriptors": lambda: leaked.append(open(os.devnull)),  # noqa: SIM115 - it is the plant
        "threads": lambda: threading.Thread(target=threading.Event().wait, daemon=True).start(),
    }
    with contextlib.closing(Hub()) as hub:
        print(json.dumps(Day(directory, float(hours), hub, leaks[planted]).run()))


if __name__ == "__main__":
    main(*sys.argv[1:])
