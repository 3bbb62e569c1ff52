"""The working heap of a SHARED_SECRET time series agent: run on MicroPython, prints JSON.

    micropython -X heapsize=224k heap.py SAMPLES

Onboards, records SAMPLES samples of five points, uploads them all. `imported_bytes` is the heap
after everything the agent needs was imported; `peak_bytes` the highest heap in use that was seen
at any record, request and body chunk, garbage collected each time, minus that.
"""

import gc
import json
import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

import mcagent
from tests.helpers import TemporaryDirectory
from tests.micropython.device.platform import BOARDING, Platform

# What the agent imports only when it needs it: part of the heap before the work, as it is on a
# device that has been running for a minute.
LATE = ("agent", "credentials.lifecycle", "upload.session", "upload.uploader")

POINTS = ("P1", "P2", "P3", "P4", "P5")
T0_MS = 1_790_000_000_000


def used():
    gc.collect()
    return gc.mem_alloc()


class Peak:
    """The highest heap in use seen by calling it."""

    def __init__(self):
        self.bytes = 0

    def __call__(self):
        self.bytes = max(self.bytes, used())


def describe():
    points = [mcagent.DataPoint(point, "DOUBLE") for point in POINTS]
    return mcagent.DataModel("press-7", [mcagent.DataSource("press", points)])


def work(samples, directory, peak):
    """Onboard, record, upload; return what was delivered in how many exchanges."""
    model = describe()
    platform = Platform(POINTS, peak)
    platform.configure(model.fragment())
    with mcagent.Agent.open(directory, boarding=BOARDING, transport=platform) as agent:
        agent.onboard()
        agent.submit(model)
        model = None
        for number in range(samples):
            values = dict.fromkeys(POINTS, number + 0.25)
            agent.record(values, timestamp=T0_MS + number * 1000)
            peak()
        report = agent.upload(timeout_s=120)
        return report.delivered, report.pending, platform.exchanges


def main(samples):
    for name in LATE:
        __import__("mcagent." + name)
    describe()
    before = used()
    peak = Peak()
    with TemporaryDirectory() as directory:
        delivered, pending, exchanges = work(samples, directory, peak)
    result = {
        "imported_bytes": before,
        "peak_bytes": peak.bytes - before,
        "delivered": delivered,
        "pending": pending,
        "exchanges": exchanges,
        "modules": sorted(name for name in sys.modules if name.split(".")[0] == "mcagent"),
    }
    print(json.dumps(result))


main(int(sys.argv[1]))
