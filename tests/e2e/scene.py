"""A real agent and a real hub over TLS in simulated time, and what became of every record.

A fault is a generator over a `Scene`: it makes something go wrong, yields for how many simulated
seconds that lasts, and mends it. Samples, events and a file are recorded before its first step.
"""

import hashlib
import os

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, File, UploadSettings
from tests import simulated

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])
SAMPLES, EVENTS = 300, 3
PATIENCE_S = 4 * 3600
EXCHANGE = "POST /api/mindconnect/v3/exchange"


class Outcome:
    """What one fault came to: a row of the table."""

    def __init__(self, recorded, delivered, set_aside, kept, requests, twice, lost):
        self.recorded = recorded
        self.delivered = delivered
        self.set_aside = set_aside
        self.kept = kept  # most that was in the buffer while the fault lasted
        self.requests = requests
        self.twice = twice
        self.lost = lost

    @property
    def cells(self):
        kept = "all" if self.kept == self.recorded else self.kept
        return [self.delivered, self.set_aside, kept, self.requests, self.twice, self.lost]


class Scene:
    """An onboarded agent whose model was delivered.

    Attributes:
        hub: The emulator.
        clock: The device's.
        platform_ahead_s: The platform's clock against simulated time.
        reason: Why something was pending, when it last was.
    """

    def __init__(self, hub, folder, ca_file, *, automap=True, platform_ahead_s=0, wall_ahead_s=0):
        self.hub = hub
        self.ca_file = ca_file
        self.world = simulated.World(
            lambda offset_s: hub.set_clock(offset_s + self.platform_ahead_s)
        )
        self.clock = simulated.Clock(self.world)
        self.clock.wall_ms += wall_ahead_s * 1000
        self.platform_ahead_s = platform_ahead_s
        self.agent = None
        self.transport = None
        self.reason = ""
        self.requests = 0
        self.world.tell_platform(0)
        self.boarding = hub.create_agent("press-7", automap=automap)
        self._folder = folder
        self._file = os.path.join(folder, "report.bin")
        with open(self._file, "wb") as file:
            file.write(b"a file that is there once " * 200)
        self.open()

    def open(self, *, proxy="", upload=None, **settings):
        """Open the agent, once more if it is open: as after a change of its settings."""
        if self.agent is not None:
            self.agent.close()
        self.requests += len(self.transport.sent) if self.transport else 0
        settings = {"ca_file": self.ca_file, "read_timeout_s": 5, **settings}
        self.transport = simulated.Transport(self.world, self.clock, proxy=proxy, **settings)
        self.agent = Agent.open(
            os.path.join(self._folder, "state"),
            boarding=self.boarding,
            transport=self.transport,
            clock=self.clock,
            upload=UploadSettings(max_samples=100, **(upload or {})),
        )

    @property
    def pending(self):
        return self.agent.status().pending

    def deliver_model(self):
        self.agent.submit(MODEL)
        self.drain()
        assert not self.pending, self.reason

    def record(self):
        """Samples, each with a value of its own; events; a file."""
        self.agent.record_many(
            (simulated.START_MS + number, {"strokes": 1000 + number}) for number in range(SAMPLES)
        )
        for number in range(EVENTS):
            self.agent.submit(Event("event number %d" % number))
        self.agent.submit(File(self._file))
        self.agent.flush()
        return SAMPLES + EVENTS + 1

    def run(self, duration_s):
        """Let the agent work for *duration_s* of simulated time, or until it has nothing to do."""
        end_ms = self.world.ms + int(duration_s * 1000)
        while self.world.ms < end_ms:
            wait_ms = self.agent.step(0)
            now_ms, self.clock.ahead_ms = self.clock.monotonic_ms(), 0
            if wait_ms is None:
                break
            self.world.ms = max(now_ms, min(end_ms, now_ms + wait_ms))
            status = self.agent.status()
            self.reason = status.upload["reason"] or self.reason

    def drain(self):
        until_ms = self.world.ms + PATIENCE_S * 1000
        while self.pending and self.world.ms < until_ms:
            self.run(60)

    def play(self, fault):
        """What *fault* comes to."""
        recorded = self.record()
        self.requests = -len(self.transport.sent)
        kept = 0
        for duration_s in fault(self):
            self.run(duration_s)
            kept = max(kept, self.pending)
        self.drain()
        return self._judge(recorded, kept)

    def _judge(self, recorded, kept):
        self.hub.settle()
        pending = self.pending
        set_aside = self.agent.status().upload["set_aside"]
        stored = [row["values"].get("strokes") for row in self.hub.stored()]
        stored = {value for value in stored if value is not None and value >= 1000}
        said = {one["event"]["description"] for one in self.hub.events()}
        said = {text for text in said if text.startswith("event number")}
        with open(self._file, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        files = {one["sha256"] for one in self.hub.files()} & {digest}
        delivered = len(stored) + len(said) + len(files)
        received = sum(
            len(self.hub.received(kind=kind)) for kind in ("timeseries", "event", "file")
        )
        return Outcome(
            recorded,
            delivered,
            set_aside,
            kept,
            self.requests + len(self.transport.sent),
            received - delivered,
            recorded - delivered - set_aside - pending,
        )

    def close(self):
        self.agent.close()
