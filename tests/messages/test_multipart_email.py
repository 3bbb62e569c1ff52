"""mcagent/messages/multipart.py: the standard library's `email` parser reads every body back."""

import json
from email import policy
from email.parser import BytesParser

from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.messages.multipart import (
    BINARY,
    JSON,
    ExchangeBody,
    Item,
    custom_item,
    event_item,
    file_item,
    model_item,
    timeseries_item,
)

META = "application/vnd.siemens.mindsphere.meta+json"
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
# Payloads that look like multipart, and anything else.
BINARIES = st.lists(
    st.binary(max_size=40)
    | st.sampled_from([b"\r\n", b"\n", b"--", b"\r\n--a", b"Content-Type:"]),
    max_size=8,
)
OBJECTS = st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=4)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@st.composite
def items(draw):
    """(item, its metadata, content type and payload as they must read back)."""
    kind = draw(st.sampled_from(["samples", "event", "model", "file", "custom", "raw"]))
    pieces = draw(BINARIES)
    content = b"".join(pieces)
    length = len(content)

    def chunks():
        return iter(pieces)

    def payload(name, version, details=None):
        inner = {"type": name, "version": version}
        if details is not None:
            inner["details"] = details
        return {"type": "item", "version": "1.0", "payload": inner}

    if kind == "samples":
        name = draw(TEXT)
        meta = payload("standardTimeSeries", "1.0", {"configurationId": name})
        return timeseries_item(name, length, chunks), meta, JSON, b"[" + content + b"]"
    if kind == "event":
        version = draw(st.sampled_from(["1.0", "2.0"]))
        body = compact(draw(OBJECTS))
        meta = payload("businessEvent", version)
        return event_item(body, version), meta, JSON, b"[" + body + b"]"
    if kind == "model":
        body = compact(draw(OBJECTS))
        return model_item(body), payload("dataSourceConfiguration", "1.0"), JSON, body
    if kind == "file":
        details = {"name": draw(TEXT), "type": draw(TEXT), "created_ms": 0}
        sent = {"fileName": details["name"], "creationDate": "1970-01-01T00:00:00.000Z"}
        if details["type"]:
            sent["fileType"] = details["type"]
        return file_item(details, length, chunks), payload("file", "1.0", sent), BINARY, content
    if kind == "custom":
        inner = {"type": draw(TEXT), "version": draw(TEXT), "details": draw(OBJECTS)}
        meta = {"type": "item", "version": "1.0", "payload": inner}
        return custom_item(compact(inner), "text/csv", content), meta, "text/csv", content
    meta = draw(OBJECTS)
    return Item(compact(meta), "image/png", length, chunks), meta, "image/png", content


def read(body):
    """(content type, payload bytes) of each inner part, item by item, by the email parser."""
    head = b"Content-Type: " + body.content_type.encode() + b"\r\n\r\n"
    message = BytesParser(policy=policy.HTTP).parsebytes(head + b"".join(body.chunks()))
    assert message.get_content_type() == "multipart/mixed"
    assert not message.defects
    assert not message.preamble
    assert not message.epilogue
    found = []
    for item in message.iter_parts():
        assert item.get_content_type() == "multipart/related"
        assert not item.defects
        found.append(
            [(p.get_content_type(), p.get_payload(decode=True)) for p in item.iter_parts()]
        )
    return found


@settings(max_examples=300)
@given(st.lists(items(), min_size=1, max_size=6))
def test_every_body_reads_back(made):
    """Each item has two parts, metadata first, and every payload byte is there."""
    body = ExchangeBody([item for item, *_rest in made])
    assert body.length == sum(map(len, body.chunks()))
    found = read(body)
    assert len(found) == len(made)
    for parts, (_item, metadata, content_type, payload) in zip(found, made):
        (meta_type, meta_bytes), (payload_type, payload_bytes) = parts
        assert meta_type == META
        assert json.loads(meta_bytes) == metadata
        assert payload_type == content_type
        assert payload_bytes == payload
