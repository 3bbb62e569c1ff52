"""One run of the demo: operator, device and outage, and what came of it."""

import hashlib
import os
import threading
import time

from ..agent import Agent
from ..errors import AgentError
from ..messages.event import Event, Severity
from ..messages.file import File
from . import exits
from .common import count
from .comparison import Comparison
from .hubclient import HubClient
from .readings import HostReadings
from .sampling import Reader, expected_readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .comparison import Place
    from .display import Display
    from .hubprocess import HubProcess
    from .relay import Relay

# Of those that were due. A machine that stands still for a moment is not too slow for the demo.
_ENOUGH_READINGS = 0.75
_DRAIN_TIMEOUT_S = 60
_CATCH_UP_TIMEOUT_S = 10
_LOG_NAME = "demo.log"


class DemoRun:
    """One run: what it made, and what it saw.

    Args:
        directory: Where state, notes and log go; empty.
        hub: The local Insights Hub.
        relay: The agent's way to it, which is cut for the middle third.
        display: Told what goes on.
        profile: Security profile of the agent.
        rate: Readings a second.
        seconds: How long readings are taken.
    """

    def __init__(
        self,
        directory: str,
        hub: "HubProcess",
        relay: "Relay",
        display: "Display",
        *,
        profile: str,
        rate: float,
        seconds: float,
    ) -> None:
        self._rate = rate
        self._seconds = seconds
        self._profile = profile
        self._directory = directory
        self._hub = hub
        self._relay = relay
        self._display = display
        self._readings = HostReadings()
        self._place_of = _places(self._readings)
        self._log: "list[str]" = []
        self._events: "dict[str, tuple[str, Any]]" = {}  # id -> what must arrive
        self._outage_s = 0.0
        self._caught_up_s: "float | None" = None
        self._buffered = 0

    def run(self) -> "dict[str, Any]":
        """Do it; the figures, and under ``problems`` what makes it fail (empty: nothing)."""
        with HubClient(self._hub.url, self._hub.ca_file) as operator:
            asset, boarding = self._set_up(operator)
            before = sum(operator.requests().values())
            with Agent.open(
                self._directory + "/state",
                boarding=boarding,
                ca_file=self._hub.ca_file,
                proxy="",  # the hub is on this machine, a proxy does not know it
            ) as agent:
                self._introduce(agent)
                notes = self._directory + "/readings.ndjson"
                with Reader(self._readings, agent, notes, self._rate) as reader:
                    self._sample(agent, reader)
                    digest = self._send_log(agent)
                    self._drain(agent)
                    self._say("reading everything back from the hub")
                    settled = operator.settle()
                    comparison = self._compare(operator, reader, asset)
            requests = operator.requests()
            agent_id = boarding["content"]["clientId"]
            result = {
                "equal": comparison.equal,
                "recorded": comparison.readings,
                "stored": comparison.complete,
                "values": comparison.values,
                "missing": comparison.missing,
                "different": comparison.different,
                "unexpected": comparison.unexpected,
                "expected": expected_readings(self._rate, self._seconds),
                "events": self._arrived_events(operator, agent_id),
                "files": sum(row["sha256"] == digest for row in operator.files(agent_id)),
                "outage_s": round(self._outage_s, 3),
                "caught_up_s": self._caught_up_s,
                "buffered_in_outage": self._buffered,
                "buffer_peak_bytes": reader.peak_bytes,
                "requests": sum(requests.values()) - before,
                "exchanges": requests.get("POST /api/mindconnect/v3/exchange", 0),
                "profile": self._profile,
            }
        result["problems"] = _problems(result, comparison, len(self._events), settled=settled)
        return result

    def _set_up(self, operator: "HubClient") -> "tuple[str, dict[str, Any]]":
        """What an operator does before a device comes: asset, agent, mappings."""
        aspects: "dict[str, dict[str, dict[str, str]]]" = {}
        for point, (aspect, variable) in self._place_of.items():
            data_type, unit, _description = self._readings.points[point]
            aspects.setdefault(aspect, {})[variable] = {"type": data_type, "unit": unit}
        asset = operator.create_asset("this machine", aspects)
        boarding = self._create_agent()
        agent_id = boarding["content"]["clientId"]
        for point, (aspect, variable) in self._place_of.items():
            operator.map_point(agent_id, point, asset, aspect, variable)
        self._say(
            f"made an asset with {count(len(self._place_of), 'variable')}, an agent "
            f"({self._profile}) and its mappings"
        )
        return asset, boarding

    def _create_agent(self) -> "dict[str, Any]":
        """The agent's way to the hub leads through the relay, so its boarding URL does too."""
        url = f"https://localhost:{self._relay.port}"
        with HubClient(url, self._hub.ca_file) as operator:
            return operator.create_agent("demo", self._profile)

    def _introduce(self, agent: "Agent") -> None:
        result = agent.onboard()
        if not result.onboarded:
            raise exits.NotComplete(f"the agent could not be onboarded: {result.reason}")
        agent.submit(self._readings.model("demo-1"))
        report = agent.upload(timeout_s=_DRAIN_TIMEOUT_S)
        if report.pending:
            raise exits.NotComplete(f"the data model was not delivered: {report.reason}")
        self._say("onboarded, and described the data points")

    def _sample(self, agent: "Agent", reader: "Reader") -> None:
        third = self._seconds / 3
        agent.start()
        self._say(f"reading this machine {self._rate:g} times a second")
        reader.read_until(third, self._progress("link up"))

        self._relay.cut()
        cut_at = time.monotonic()
        self._say("cut the link: the hub's port is closed")
        self._send_event(agent, "link to the hub lost", {"readings": reader.taken})
        reader.read_until(2 * third, self._progress("link CUT"))
        self._buffered = reader.pending
        self._relay.restore()
        self._outage_s = time.monotonic() - cut_at
        self._say(
            f"restored the link after {self._outage_s:.1f} s, "
            f"{count(self._buffered, 'record')} wait on disk"
        )
        self._send_event(
            agent,
            "link to the hub restored",
            {"outage_s": round(self._outage_s, 3), "waiting": self._buffered},
        )
        # Left alone, the background thread would wait out its back-off, up to as long again as
        # the outage. A script that hears of the link calls upload(), and so does this one; in a
        # thread, because readings are due meanwhile.
        catching_up = threading.Thread(target=self._catch_up, args=(agent,), daemon=True)
        catching_up.start()
        try:
            reader.read_until(self._seconds, self._progress("link up"))
        finally:
            catching_up.join()
        self._display.progress(1.0, f"link up, {count(reader.taken, 'reading')}")
        self._say(f"took {count(reader.taken, 'reading')}")

    def _catch_up(self, agent: "Agent") -> None:
        began = time.monotonic()
        try:
            report = agent.upload(timeout_s=_CATCH_UP_TIMEOUT_S)
        except AgentError as error:
            self._say(f"could not send what waited: {error}")
            return
        elapsed_s = round(time.monotonic() - began, 3)
        if report.pending:
            self._say(f"{count(report.pending, 'record')} wait on: {report.reason}")
        else:
            self._caught_up_s = elapsed_s
            self._say(f"sent what waited, {elapsed_s:.1f} s after the link was back")

    def _progress(self, link: str) -> "Callable[[Reader, float], None]":
        def tell(reader: "Reader", elapsed_s: float) -> None:
            self._display.progress(
                elapsed_s / self._seconds,
                f"{link}, {count(reader.taken, 'reading')}, {reader.pending} waiting",
            )

        return tell

    def _send_event(self, agent: "Agent", text: str, details: "dict[str, Any]") -> None:
        event = Event(text, severity=Severity.WARNING, details=details)
        self._events[event.id] = (text, details)
        agent.submit(event)

    def _send_log(self, agent: "Agent") -> str:
        """The log of the run so far, as a file; its SHA-256."""
        content = "".join(line + "\n" for line in self._log).encode()
        path = os.path.join(self._directory, _LOG_NAME)
        with open(path, "wb") as file:
            file.write(content)
        agent.submit(File(path, type="text/plain"))
        os.unlink(path)  # its copy is in the buffer
        return hashlib.sha256(content).hexdigest()

    def _drain(self, agent: "Agent") -> None:
        agent.stop()
        give_up = time.monotonic() + _DRAIN_TIMEOUT_S
        while True:
            report = agent.upload(timeout_s=max(0.0, give_up - time.monotonic()))
            if not report.pending:
                self._say("delivered everything")
                return
            if time.monotonic() >= give_up:
                self._say(f"{count(report.pending, 'record')} not delivered: {report.reason}")
                return
            time.sleep(min(report.retry_in_s or 0.1, 1.0))

    def _compare(self, operator: "HubClient", reader: "Reader", asset: str) -> "Comparison":
        return Comparison(reader.notes(), operator.stored(asset), self._place_of)

    def _arrived_events(self, operator: "HubClient", agent_id: str) -> int:
        """How many of the events sent are there as they were sent."""
        arrived = {
            event["id"]: (event["description"], event["details"])
            for event in operator.events(agent_id)
        }
        return sum(arrived.get(key) == sent for key, sent in self._events.items())

    def _say(self, text: str) -> None:
        self._display.say(text)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._log.append(f"{moment} {text}")


def _places(readings: "HostReadings") -> "dict[str, Place]":
    """Data point -> aspect and variable: ``cpu_load`` goes to ``load`` of ``cpu``."""
    return {point: tuple(point.split("_", 1)) for point in readings.points}  # type: ignore[misc]


def _problems(
    result: "dict[str, Any]", comparison: "Comparison", events: int, *, settled: bool
) -> "list[str]":
    """Everything that makes the demo fail, in words; empty when it succeeded."""
    problems = []
    if not comparison.equal:
        problems.append(
            "what arrived is not what was read: " + "; ".join(comparison.examples or ["nothing"])
        )
    if not settled:
        problems.append("the hub did not finish processing what it accepted")
    if result["recorded"] < _ENOUGH_READINGS * result["expected"]:
        problems.append(
            f"only {result['recorded']} of {result['expected']} readings were taken: this machine "
            "is too slow or too busy for this --rate"
        )
    if result["buffered_in_outage"] == 0:
        problems.append("nothing had to be buffered: the outage was none")
    if result["events"] != events:
        problems.append(f"{result['events']} of {events} events arrived")
    if result["files"] < 1:
        problems.append("the run's log did not arrive")
    return problems
