# portable
"""mcagent/messages/event.py: events of both formats."""

from mcagent.errors import InvalidMessage
from mcagent.messages.event import Event, Severity
from mcagent.messages.kinds import EVENT_1
from mcagent.messages.timestamp import parse_text
from tests.helpers import raises
from tests.messages.golden import golden

WHEN_MS = parse_text("2026-01-05T08:00:02.250Z")
GUID = "7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f10"


def full(**changes):
    fields = {
        "severity": Severity.ERROR,
        "timestamp": WHEN_MS,
        "details": {"source": "pump block", "code": "E-113", "acknowledged": False},
        "correlation_id": "batch-4711",
        "id": GUID,
    }
    fields.update(changes)
    return Event("pressure above limit", **fields)


def test_golden_event():
    """The specification's example, members in the order of Siemens' C library."""
    assert b"\r\n[" + full().fragment(0) + b"]\r\n" in golden("mixed.body")


def test_golden_event_of_format_1():
    """Old tenants count severities from 1; nothing else differs but what is empty."""
    event = full(format_version="1.0", details=None, correlation_id="", id=GUID[:-1] + "1")
    assert b"\r\n[" + event.fragment(0) + b"]\r\n" in golden("mixed.body")
    assert event.kind == EVENT_1
    assert event.lane == "events"


def test_severities_in_both_formats():
    """20/30/40, and 1/2/3."""
    for severity, one in ((20, 1), (30, 2), (40, 3)):
        assert b'"severity":%d,' % severity in full(severity=severity).fragment(0)
        old = full(severity=severity, format_version="1.0")
        assert b'"severity":%d,' % one in old.fragment(0)
    assert (Severity.ERROR, Severity.WARNING, Severity.INFORMATION) == (20, 30, 40)
    assert b'"severity":40,' in Event("x").fragment(0)


def test_time_of_submission_where_none_was_given():
    """A given one is kept."""
    assert b'"timestamp":"1970-01-01T00:00:00.007Z"' in Event("x").fragment(7)
    assert b'"timestamp":"2026-01-05T08:00:02.250Z"' in full().fragment(7)
    assert Event("x").timestamp_ms is None
    assert full().timestamp_ms == WHEN_MS


def test_ids_are_random_guids():
    """Version 4, each its own; a given one is kept."""
    ids = set()
    for _ in range(50):
        text = Event("x").id
        assert [len(part) for part in text.split("-")] == [8, 4, 4, 4, 12]
        assert text[14] == "4"
        assert text[19] in "89ab"
        ids.add(text)
    assert len(ids) == 50
    event = Event("x")
    assert event.fragment(0) == event.fragment(0)
    assert full(id=GUID.upper()).id == GUID.upper()
    for wrong in ("", "x", GUID + "0", GUID[:-1] + "g", GUID.replace("-", ""), 7, b"x"):
        assert "GUID" in raises(InvalidMessage, full, id=wrong).message


def test_description_is_1_to_255_characters():
    """One beyond names the limit."""
    assert Event("d" * 255).description == "d" * 255
    error = raises(InvalidMessage, Event, "d" * 256)
    assert "255" in error.message
    assert "256" in error.message
    raises(InvalidMessage, Event, "")
    raises(InvalidMessage, Event, None)
    raises(InvalidMessage, Event, "\U0001f600" * 128)


def test_custom_types_travel_as_given():
    """Type and its version are the caller's."""
    event = Event("x", type="acme.connectivity.event.type.Stop", version="2.1")
    assert b'"type":"acme.connectivity.event.type.Stop","version":"2.1"' in event.fragment(0)


def test_wrong_fields_are_named():
    """Each with a hint."""
    for field, value, part in (
        ("severity", 10, "10"),
        ("severity", "ERROR", "ERROR"),
        ("severity", None, "None"),
        ("format_version", "3.0", "3.0"),
        ("type", "", "event type"),
        ("type", 7, "event type"),
        ("version", "", "event type version"),
        ("correlation_id", 7, "correlation_id"),
        ("timestamp", 1.5, "1.5"),
        ("details", [1], "details"),
        ("details", {"a": {"b": float("nan")}}, "details.a.b"),
        ("details", {"a": {1, 2}}, "details.a"),
    ):
        fields = {field: value}
        error = raises(InvalidMessage, full, **fields)
        assert part in error.message, error.message
        assert error.hint


def test_equality():
    """By content; the time of submission is content too."""
    assert full() == full()
    assert hash(full()) == hash(full())
    assert full() != full(severity=30)
    assert full() != full(timestamp=None)
    assert full() != full(format_version="1.0")
    assert Event("x") != Event("x")
    assert full() != "event"
    assert repr(full()) == "<Event 20 'pressure above limit'>"


def test_details_are_taken_when_the_event_is_made():
    """Changing the dict afterwards changes nothing."""
    details = {"a": 1}
    event = full(details=details)
    details["a"] = float("nan")
    assert b'"details":{"a":1}' in event.fragment(0)
