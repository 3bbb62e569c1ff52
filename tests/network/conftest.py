"""A field: an agent at one end of a wire, the emulator at the other."""

import contextlib
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, UploadSettings
from mcagent.emulator import Emulator
from mcagent.transport.cpython import Urllib3Transport
from tests.network.wire import ADDRESSES, PLATFORM, NoNamespaces, Wire

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])
FIRST_MS = 1_790_000_000_000


@pytest.fixture
def wire(tool_missing):
    """Two namespaces and what connects them."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(Wire())
        except NoNamespaces as error:
            tool_missing(f"no network namespaces: {error}")
        yield made


@pytest.fixture
def field(wire, tmp_path):
    made = Field(wire, tmp_path / "state")
    yield made
    made.close()


class Field:
    """An onboarded agent whose model was delivered over a good wire.

    Attributes:
        wire: Between the two.
        hub: The emulator, in its own namespace.
    """

    def __init__(self, wire, state, *, port=0, **settings):
        self.wire = wire
        self.state = state
        self.recorded = 0
        self.agent = None
        self.device, self.platform = wire.places
        self.hub = Emulator(
            host=ADDRESSES[PLATFORM],
            port=port,
            settings={"processing_delay_s": 0.0, **settings},
        )
        self.platform.call(self.hub.start)  # sockets stay in the namespace that made them
        self.boarding = self.hub.create_agent("press-7", automap=True)

    def open(self, *, proxy="", upload=None, **settings):
        """Open the agent in the device's namespace and deliver its model.

        *upload*: of the `UploadSettings`; the rest is for the transport.
        """
        transport = Urllib3Transport(ca_file=self.hub.ca_file, proxy=proxy, **settings)
        self.agent = Agent.open(
            self.state,
            boarding=self.boarding,
            transport=transport,
            upload=UploadSettings(min_interval_s=0, **(upload or {})),
        )
        self.agent.submit(MODEL)
        # What a test sets for a bad wire is too little for a good one on a busy machine.
        meant = transport._connect_timeout_s, transport._read_timeout_s
        transport._connect_timeout_s = transport._read_timeout_s = 60
        report = self.device.call(self.agent.upload, 120)
        transport._connect_timeout_s, transport._read_timeout_s = meant
        assert report.pending == 0, report.reason
        return self.agent

    def record(self, count):
        """Record *count* samples, durable when this returns."""
        self.agent.record_many(
            (FIRST_MS + number, {"strokes": number})
            for number in range(self.recorded, self.recorded + count)
        )
        self.recorded += count
        self.agent.flush()

    def start(self):
        """The background thread, inside of the device's namespace."""
        self.device.call(self.agent.start)

    def drained(self, timeout_s):
        """Seconds until nothing is pending."""
        began_s = time.monotonic()
        while self.agent.status().pending:
            status = self.agent.status()
            assert time.monotonic() - began_s < timeout_s, (status, status.upload)
            time.sleep(0.02)
        return time.monotonic() - began_s

    def assert_all_arrived(self):
        """Every durable record is at the hub, and nothing is left to send."""
        if self.agent is not None:
            self.agent.stop()
            assert self.agent.status().pending == 0
        self.hub.settle()
        strokes = [row["values"]["strokes"] for row in self.hub.stored()]
        assert sorted(set(strokes)) == list(range(self.recorded))

    def close(self):
        self.wire.heal()
        if self.agent is not None:
            with contextlib.suppress(Exception):  # what it met on the way is the test's matter
                self.agent.stop()
            self.agent.close()
        self.hub.stop()
