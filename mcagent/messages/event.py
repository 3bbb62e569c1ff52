"""Events: an emergency stop, a machine failure, a threshold broken on site."""

from ..errors import InvalidMessage
from ..limits import EVENT_DESCRIPTION_MAX_CHARACTERS, EXCHANGE_MAX_BYTES
from ..runtime import json_string, random_bytes
from .jsontext import encode_object
from .kinds import EVENT, EVENT_1, LANE_OF_KIND
from .multipart import event_item, require_fit
from .text import require_text, shorten
from .timestamp import format_ms, to_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STANDARD_TYPE = "MindSphereStandardEvent"
_HEX = "0123456789abcdefABCDEF"
# No document gives a length for these; the exchange's own limit holds for the whole.
_UNLIMITED = EXCHANGE_MAX_BYTES


class Severity:
    """How bad it is, in the numbers of the event service."""

    ERROR = 20
    WARNING = 30
    INFORMATION = 40


# agent API, 6.4.2: businessEvent 1.0 counts differently.
_SEVERITY_1 = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFORMATION: 3}
_KIND_OF_FORMAT = {"2.0": EVENT, "1.0": EVENT_1}


class Event:
    """Something that happened; it lands on the agent's asset unless an event mapping says else.

    >>> Event("coolant below minimum", severity=Severity.WARNING, details={"source": "press-7"})

    Args:
        description: For people, 1 to 255 characters.
        severity: One of `Severity`.
        type: Name or id of the event type. A custom one must derive from the platform's
            ``core.connectivity.event.type.AgentBaseEvent``.
        version: Version of the event type.
        timestamp: Aware `datetime` or int ms since 1970 UTC; None is the time of submission.
        details: The fields of the event type, any JSON object. Of the standard type: ``source``,
            ``code``, ``acknowledged``, ``component``.
        correlation_id: Groups events; ``""`` for none.
        id: A GUID in text form; None makes one. The same id again is the same event.
        format_version: ``"2.0"``, or ``"1.0"`` for old tenants.

    Raises:
        InvalidMessage: A field is invalid.
    """

    def __init__(
        self,
        description: str,
        *,
        severity: int = Severity.INFORMATION,
        type: str = STANDARD_TYPE,  # noqa: A002 - the field's name
        version: str = "1.0",
        timestamp: "Any" = None,
        details: "dict[str, Any] | None" = None,
        correlation_id: str = "",
        id: "str | None" = None,  # noqa: A002
        format_version: str = "2.0",
    ) -> None:
        self.description = require_text(
            "event description", description, EVENT_DESCRIPTION_MAX_CHARACTERS, "event service"
        )
        if severity not in _SEVERITY_1:
            raise InvalidMessage(
                "there is no event severity %s" % shorten(severity),
                hint="20 error, 30 warning, 40 information: Severity.ERROR …",
            )
        if format_version not in _KIND_OF_FORMAT:
            raise InvalidMessage(
                "there is no event format %s" % shorten(format_version),
                hint='"2.0", or "1.0" for old tenants',
            )
        self.severity = int(severity)
        self.type = require_text("event type", type, _UNLIMITED, "MindConnect API, exchange")
        self.version = require_text(
            "event type version", version, _UNLIMITED, "MindConnect API, exchange"
        )
        self.correlation_id = require_text(
            "event correlation_id",
            correlation_id,
            _UNLIMITED,
            "MindConnect API, exchange",
            empty=True,
        )
        self.timestamp_ms = None if timestamp is None else to_ms(timestamp)
        self.id = _guid(random_bytes(16)) if id is None else _checked_guid(id)
        self.kind = _KIND_OF_FORMAT[format_version]
        self.lane = LANE_OF_KIND[self.kind]
        self._details = encode_object(details, "event details")
        item = event_item(self.fragment(0), format_version)
        require_fit("the event", item.size)

    def fragment(self, timestamp_ms: int) -> bytes:
        """One event object as on the wire; *timestamp_ms* is used where none was given.

        Source: agent API, 6.4.2; the order of members is that of Siemens' C library.
        """
        given_ms = self.timestamp_ms
        severity = self.severity if self.kind == EVENT else _SEVERITY_1[self.severity]
        text = (
            '{"id":"%s"%s,"timestamp":"%s","severity":%d,"description":%s,"type":%s,"version":%s,'
            '"details":%s}'
        ) % (
            self.id,
            ',"correlationId":' + json_string(self.correlation_id) if self.correlation_id else "",
            format_ms(timestamp_ms if given_ms is None else given_ms),
            severity,
            json_string(self.description),
            json_string(self.type),
            json_string(self.version),
            self._details,
        )
        return text.encode()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Event)
            and self.kind == other.kind
            and self.timestamp_ms == other.timestamp_ms
            and self.fragment(0) == other.fragment(0)
        )

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return "<Event %d %s>" % (self.severity, shorten(self.description))


def _guid(data: bytes) -> str:
    # RFC 9562, 5.4: version 4 and variant 10 in an otherwise random number.
    digits = "".join("%02x" % byte for byte in data)
    variant = "89ab"[data[8] & 3]
    parts = (digits[:8], digits[8:12], "4" + digits[13:16], variant + digits[17:20], digits[20:])
    return "-".join(parts)


def _checked_guid(text: "Any") -> str:
    if isinstance(text, str):
        parts = text.split("-")
        if [len(part) for part in parts] == [8, 4, 4, 4, 12] and not "".join(parts).strip(_HEX):
            return text[:]
    raise InvalidMessage(
        "the event id %s is not a GUID" % shorten(text),
        hint="str(uuid.uuid4()), or leave it out",
    )
