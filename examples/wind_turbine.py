"""Send the rotor speed of a wind turbine to Insights Hub, tell over-speed, and read it back.

    pip install mcagent
    python turbine_simulation.py 5020         # a turbine, in another terminal
    python wind_turbine.py wind_turbine.toml

A sensor that fails is a quality code; over-speed is an event, and its end another one. With
credentials it compares what the platform stored with what it sent. It runs until Ctrl-C or
SIGTERM.
"""

import collections
import json
import logging
import socket
import threading
import time

from mcagent import AgentError, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector
from mcagent.collectorfile import value_of
from mcagent.latest import BAD_NO_COMMUNICATION, BAD_SENSOR, Latest
from mcagent.services.credentials import read_credentials
from mcagent.services.session import Session
from mcagent.services.timeseries import TimeSeries
from mcagent.threshold import Threshold

TURBINE = {
    "host": str,
    "port": 5020,
    "every_s": 1.0,
    "timeout_s": 1.0,
    "overspeed_on": 13.5,
    "overspeed_off": 13.0,
    "credentials": "",
    "asset": "",
    "aspect": "",
    "compare_every_s": 600.0,
}
POINT = {"field": str}
SPEED = "rotor_speed"  # the field that is watched and read back
LONGEST_LINE = 10_000
LATE_S = 60  # then the platform has dropped it


class Turbine:
    """Its controller, asked on a steady clock, and the last value of each point."""

    def __init__(self, file, agent, read_back):
        self.peer, self.points, self.troubles = file.peer, file.points, file.troubles
        self.agent, self.read_back, self.latest, self.connection = agent, read_back, Latest(), None
        self.link = Link(agent, f"turbine {self.peer.host}:{self.peer.port}")
        limits = {"on": self.peer.overspeed_on, "off": self.peer.overspeed_off}
        self.overspeed = Threshold(agent, "rotor over-speed", unit="1/min", **limits)

    def collect(self):
        """Record one sample; its time is that of the answer."""
        try:
            values = self.ask()
        except (OSError, ValueError, RecursionError) as error:
            self.close()
            if self.link.up is False:
                return  # said already
            late = isinstance(error, TimeoutError)
            self.link.lost(f"no whole answer within {self.peer.timeout_s:g} s" if late else error)
            self.latest.all_bad(BAD_NO_COMMUNICATION)
        else:
            self.link.made()
            self.take(values)
        when = time.time_ns() // 1_000_000
        sample = self.latest.sample(timestamp=when)
        if sample is not None:
            self.read_back.note(self.agent.submit(sample), when, sample.values)

    def ask(self):
        """One line for one line; what comes too late must not be taken for the next answer."""
        until_s, line = time.monotonic() + self.peer.timeout_s, b""
        if self.connection is None:
            address = (self.peer.host, self.peer.port)
            self.connection = socket.create_connection(address, self.peer.timeout_s)
        self.connection.sendall(b"?\n")
        while not line.endswith(b"\n"):
            # Of the whole answer: one that drips would hold up the sampling for hours.
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self.connection.settimeout(left_s)
            part = self.connection.recv(LONGEST_LINE)
            if not part or len(line) > LONGEST_LINE:
                raise ConnectionError("its answer has no end" if part else "it hung up")
            line += part
        values = json.loads(line)
        return values if isinstance(values, dict) else {}

    def take(self, values):
        """Keep what can be used, and of the other points that it cannot."""
        for point in self.points:
            try:
                raw = values.get(point.field)
                value = value_of(point.type, raw, length=point.length)
                self.latest.good(point.id, value)
                if point.field == SPEED:
                    self.overspeed.see(value)
            except InvalidMessage as error:
                hint = "has its sensor failed?"
                if point.field not in values:
                    hint = f"it says {', '.join(values)[:200] or 'nothing'}, and no {point.field}"
                self.troubles.tell(point.id, str(error), hint=hint)
                self.latest.bad(point.id, BAD_SENSOR)

    def close(self):
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


class Sent:
    """One speed that was handed to the agent."""

    def __init__(self, receipt, when, value):
        self.receipt, self.when, self.value, self.seen_s = receipt, when, value, None

    def is_late(self):
        """Delivered long ago, and not stored: the platform stores a moment after its 200."""
        self.seen_s = self.seen_s or time.monotonic()
        return time.monotonic() - self.seen_s > LATE_S


class ReadBack(threading.Thread):
    """Reads the speed from the time series service, beside the sampling, and compares."""

    def __init__(self, file):
        super().__init__(daemon=True)
        self.peer, self.troubles = file.peer, file.troubles
        self.variable = next((point.id for point in file.points if point.field == SPEED), "")
        self.waiting = collections.deque(maxlen=100_000)  # an outage of a day at 1 a second
        self.equal, self.ended, self.session = 0, threading.Event(), None
        if self.peer.credentials:
            credentials, gateway = read_credentials(file.path(self.peer.credentials))
            trust = {
                "ca_file": file.path(file.agent.ca) or None,
                "proxy": file.agent.proxy or None,
            }
            self.session = Session(gateway, credentials, **trust)
            self.start()

    def note(self, receipt, when, values):
        if self.session is not None and self.variable in values:
            self.waiting.append(Sent(receipt, when, values[self.variable]))

    def run(self):
        while not self.ended.wait(self.peer.compare_every_s):
            try:
                self.compare()
            except AgentError as error:
                self.troubles.tell("read back", str(error), hint=error.hint)

    def compare(self):
        """What was delivered; what is not there yet is looked for the next time."""
        due = [
            one for one in tuple(self.waiting) if one.receipt.state not in ("buffered", "durable")
        ]
        if not due:
            return
        series, (begin, end) = TimeSeries(self.session), (due[0].when - 1, due[-1].when)
        stored = {
            record.timestamp_ms: record.values.get(self.variable)
            for record in series.read(
                self.peer.asset, self.peer.aspect, begin, end, select=[self.variable]
            )
        }
        for sent in due:
            if sent.when in stored or sent.is_late():
                self.waiting.remove(sent)
                found = stored.get(sent.when)
                self.equal += found == sent.value
                if found != sent.value:
                    text = (
                        f"{found} of {sent.when} is stored, {sent.value} was {sent.receipt.state}"
                    )
                    hint = "is the point mapped to this asset and aspect?"
                    self.troubles.tell("read back", text, hint=hint)
        logging.getLogger("turbine").info("read back equal: %d", self.equal)

    def stop(self):
        self.ended.set()
        return f"read back equal: {self.equal}"


def main(path):
    file = CollectorFile(path, "turbine", TURBINE, POINT)
    if file.peer.credentials and not (file.peer.asset and file.peer.aspect):
        hint = "the asset's id and the aspect's name, as the Asset Manager shows them"
        raise ConfigurationError(f"{file.peer.where}: asset or aspect is missing", hint=hint)
    if not file.peer.timeout_s > 0:
        raise ConfigurationError(f"{file.peer.where}: timeout_s = 0", hint="seconds, above 0")
    if file.peer.credentials and SPEED not in [point.field for point in file.points]:
        hint = "it is what is compared"
        raise ConfigurationError(f"no point has the field {SPEED!r}", hint=hint)
    read_back = ReadBack(file)
    with file.open_agent() as agent:
        turbine = Turbine(file, agent, read_back)
        agent.run(turbine.collect, every_s=file.peer.every_s)
        turbine.close()
        print(file.troubles, read_back.stop(), "loop:", agent.status().loop)


if __name__ == "__main__":
    run_collector(main, __doc__)
