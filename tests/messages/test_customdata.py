# portable
"""mcagent/messages/customdata.py: items of the sender's own type."""

from mcagent.errors import InvalidMessage
from mcagent.messages.customdata import CustomData, split
from mcagent.messages.kinds import CUSTOM
from tests.helpers import raises


def test_stored_payload_is_laid_out_as_documented():
    """u32le length, metadata, u8 length, content type, body; and back."""
    data = CustomData("acme.spectrum", b"\x00\xff", version="1.2", details={"bins": 2})
    metadata = b'{"type":"acme.spectrum","version":"1.2","details":{"bins":2}}'
    stored = b"\x3d\x00\x00\x00" + metadata + b"\x18application/octet-stream\x00\xff"
    assert len(metadata) == 0x3D
    assert data.fragment() == stored
    assert data.fragment(7) == stored
    assert split(stored) == (metadata, "application/octet-stream", b"\x00\xff")


def test_objects_go_out_as_json():
    """Compact and sorted; details only where given."""
    data = CustomData("t", {"b": [0.5], "a": "ü"})
    metadata, content_type, body = split(data.fragment())
    assert metadata == b'{"type":"t","version":"1.0"}'
    assert content_type == "application/json"
    assert body == '{"a":"ü","b":[0.5]}'.encode()
    assert split(CustomData("t", [1]).fragment())[2] == b"[1]"
    assert split(CustomData("t", b"").fragment())[2] == b""
    assert split(CustomData("t", b"x", details={}).fragment())[0].endswith(b'"details":{}}')
    assert split(CustomData("t", b"x" * 300, content_type="a/" + "b" * 253).fragment()) == (
        b'{"type":"t","version":"1.0"}',
        "a/" + "b" * 253,
        b"x" * 300,
    )


def test_wrong_fields_are_named():
    """Each with a hint."""
    for fields, part in (
        ({"type": ""}, "type"),
        ({"type": 7}, "type"),
        ({"version": ""}, "version"),
        ({"payload": "text"}, "payload"),
        ({"payload": None}, "payload"),
        ({"payload": {"a": float("nan")}}, "payload.a"),
        ({"details": [1]}, "details"),
        ({"content_type": ""}, "content type"),
        ({"content_type": "json"}, "content type"),
        ({"content_type": "a/"}, "content type"),
        ({"content_type": "/b"}, "content type"),
        ({"content_type": "a/b\r\nX: y"}, "content type"),
        ({"content_type": "a/ü"}, "content type"),
        ({"content_type": "a/" + "b" * 254}, "content type"),
        # A third level: the platform takes two, and would refuse the exchange.
        ({"content_type": "multipart/mixed;boundary=x"}, "content type"),
        ({"content_type": "Multipart/related"}, "content type"),
    ):
        every = {"type": "t", "payload": b"x"}
        every.update(fields)
        error = raises(InvalidMessage, CustomData, **every)
        assert part in error.message, error.message
        assert error.hint


def test_equality_and_the_like():
    """By what is stored."""
    assert CustomData("t", b"x") == CustomData("t", b"x")
    assert CustomData("t", b"x") != CustomData("t", b"y")
    assert CustomData("t", b"x") != 7
    assert hash(CustomData("t", b"x")) == hash(CustomData("t", b"x"))
    assert repr(CustomData("t", {})) == "<CustomData 't': application/json>"
    assert (CustomData.lane, CustomData.kind) == ("events", CUSTOM)
