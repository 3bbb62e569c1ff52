"""A limit with hysteresis: an event when a value passes it, one when it is back. CPython only."""

import json
import os
import uuid
import zlib

from .errors import AgentError, ConfigurationError
from .messages.event import Event, Severity
from .runtime import FileSystem, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .agent import Agent

_FOLDER = "thresholds"


class Threshold:
    """Tells when a value passes a limit, and when it is back; nothing in between.

    >>> hot = Threshold(agent, "oil too hot", on=80, off=75, unit="°C")
    >>> [hot.see(value) for value in (79, 81, 78, 74)]
    [False, True, True, False]

    It begins above *on* and ends below *off*; with *off* above *on* it is a lower limit, and both
    are the other way round. The state directory remembers that it has begun: after a kill it is
    not told again, and its end is. A kill between an event and that memory tells the event twice.

    Args:
        agent: Whose event it is.
        name: What is the matter, in a few words; no two thresholds of an agent share it.
        on: The limit.
        off: Where it is over. What lies between changes nothing, so that a value that trembles
            at the limit does not fill the events' lane.
        unit: For the event's text.
        severity: Of the first event; the second one is an information.
        details: Of both, as for `Event`; None is ``{"source": name}``.

    Attributes:
        active: It has begun and is not over.

    Raises:
        ConfigurationError: There is no room between *on* and *off*.
    """

    def __init__(
        self,
        agent: "Agent",
        name: str,
        *,
        on: float,
        off: float,
        unit: str = "",
        severity: int = Severity.WARNING,
        details: "dict[str, Any] | None" = None,
    ) -> None:
        if not (on < off or off < on):  # equal, or not a number
            raise ConfigurationError(
                f"threshold {name!r}: there is no room between on={on} and off={off}",
                hint="on=80, off=75: from above 80 until below 75; on=2, off=3 is a lower limit",
            )
        self._agent, self._name, self._on, self._off = agent, name, on, off
        self._unit = f" {unit}" if unit else ""
        self._severity = severity
        self._details = {"source": name} if details is None else details
        self._folder = os.path.join(agent.directory, _FOLDER)
        self._path = os.path.join(self._folder, f"{zlib.crc32(name.encode()):08x}.json")
        self._untold = False
        self._fs = FileSystem()
        self.active = os.path.exists(self._path)
        self._group = self._remembered() if self.active else ""

    def see(self, value: "float | None", timestamp: "Any" = None) -> bool:
        """Look at a new value; whether the limit is passed, also while it was and is not yet over.

        Args:
            value: None and NaN change nothing: a sensor that failed ends no alarm.
            timestamp: Of *value*, for the event; None is now.

        An event that the disk does not take is logged, and tried with the next value again.
        """
        if value is None:
            return self.active
        if not self.active:
            if _beyond(value, self._on, self._off):
                self._group = str(uuid.uuid4())
                self.active = self._told(self._event(value, timestamp, self._severity))
                if self.active:
                    self._remember()
        elif _beyond(value, self._off, self._on) and self._told(
            self._event(value, timestamp, Severity.INFORMATION)
        ):
            self.active = False
            self._forget()
        return self.active

    def _event(self, value: float, timestamp: "Any", severity: int) -> Event:
        begins = not self.active
        limit = self._on if begins else self._off
        side = "above" if (self._on > self._off) is begins else "below"
        over = "" if begins else "over: "
        return Event(
            f"{self._name[:150]}: {over}{value:.6g}{self._unit} is {side} {limit:.6g}{self._unit}",
            severity=severity,
            timestamp=timestamp,
            details=self._details,
            correlation_id=self._group,
        )

    def _told(self, event: Event) -> bool:
        try:
            self._agent.submit(event)
        except AgentError as error:  # a full disk: the samples matter more
            if not self._untold:
                log("warning", "threshold", f"{self._name}: no event yet: {error}")
            self._untold = True
            return False
        self._untold = False
        return True

    def _remembered(self) -> str:
        try:
            return str(json.loads(self._fs.read(self._path))["group"])
        except (OSError, ValueError, LookupError, TypeError):
            return ""  # damaged: that it is there says enough

    def _remember(self) -> None:
        text = json.dumps({"name": self._name, "group": self._group})
        try:
            self._fs.make_dir(self._folder)
            self._fs.write_atomic(self._path, text.encode())
        except OSError as error:
            self._not_remembered(error)

    def _forget(self) -> None:
        try:
            self._fs.remove_if_there(self._path)
        except OSError as error:
            self._not_remembered(error)

    def _not_remembered(self, error: OSError) -> None:
        log("warning", "threshold", f"{self._name}: a restart will tell it again: {error}")


def _beyond(value: float, limit: float, other: float) -> bool:
    """*value* lies on the far side of *limit*, as *other* sees it."""
    return value > limit if limit > other else value < limit
