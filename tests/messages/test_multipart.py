# portable
"""mcagent/messages/multipart.py: the bytes of an exchange."""

from mcagent.errors import InvalidMessage
from mcagent.messages.customdata import CustomData, split
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.event import Event, Severity
from mcagent.messages.multipart import (
    CLOSE_BYTES,
    PIECE_BYTES,
    ExchangeBody,
    Item,
    custom_item,
    event_item,
    file_item,
    item_overhead,
    max_file_bytes,
    model_item,
    random_boundary,
    require_fit,
    timeseries_item,
    timeseries_metadata,
)
from mcagent.messages.timeseries import SampleEncoder
from mcagent.messages.timestamp import parse_text
from tests.helpers import raises
from tests.messages.golden import golden

OUTER, INNER = "Q7x2mK9LpR4tVbN0sDfG", "aZ81kfPq02LmXyT7uW3e"
T0_MS = parse_text("2026-01-05T08:00:00.000Z")
MODEL = DataModel(
    "press-07-v1",
    [
        DataSource(
            "hydraulics",
            [
                DataPoint(
                    "P1",
                    "DOUBLE",
                    name="pressure",
                    description="main line",
                    unit="bar",
                    custom_data={"register": "40021"},
                ),
                DataPoint("CNT", "LONG", name="strokes"),
            ],
            description="pump block",
            custom_data={"host": "10.0.0.4"},
        )
    ],
)


def streamed(*pieces):
    """`chunks` of a payload that comes in *pieces*, and its length."""
    return sum([len(piece) for piece in pieces]), lambda: iter(pieces)


def samples():
    encode = SampleEncoder(MODEL).encode
    first = encode({"P1": 182.5, "CNT": 90211}, T0_MS)
    return first, encode({"P1": 182.75}, T0_MS + 1000, 1_083_310_080)


def written(items, outer=OUTER, inner=INNER):
    body = ExchangeBody(items, outer, inner)
    pieces = list(body.chunks())
    data = b"".join(pieces)
    assert body.length == len(data)
    assert all(pieces)
    assert b"".join(body.chunks()) == data, "each pass starts anew"
    return data


def test_golden_time_series():
    """The specification's example, byte by byte."""
    first, _second = samples()
    length, chunks = streamed(first)
    assert written([timeseries_item("press-07-v1", length, chunks)]) == golden("timeseries.body")


def test_golden_exchange_of_all_kinds():
    """One item of each kind, byte by byte."""
    first, second = samples()
    event = Event(
        "pressure above limit",
        severity=Severity.ERROR,
        timestamp=T0_MS + 2250,
        details={"source": "pump block", "code": "E-113", "acknowledged": False},
        correlation_id="batch-4711",
        id="7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f10",
    )
    old = Event(
        "pressure above limit",
        severity=Severity.ERROR,
        timestamp=T0_MS + 2250,
        id="7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f11",
        format_version="1.0",
    )
    details = {"name": "log-0105.txt", "type": "text/plain", "created_ms": T0_MS, "sha256": "…"}
    spectrum = CustomData(
        "acme.spectrum", b"0.1;0.4", version="1.2", content_type="text/csv", details={"bins": 2}
    )
    items = [
        timeseries_item("press-07-v1", *streamed(first, b",", second)),
        event_item(event.fragment(0), "2.0"),
        event_item(old.fragment(0), "1.0"),
        model_item(MODEL.fragment()),
        file_item(details, *streamed(b"08:00 start\r\n", b"08:01 stop")),
        custom_item(*split(spectrum.fragment())),
    ]
    assert written(items) == golden("mixed.body")


def test_sizes_are_those_of_the_specification():
    """Agent API 6.2: 247 and metadata and content type and payload for an item, 24 for the end."""
    assert CLOSE_BYTES == 24
    assert item_overhead(0, 0) == 247
    assert item_overhead(131, 16) == 394
    length, chunks = streamed(b"x" * 1000)
    item = Item(b"{}", "text/plain", length, chunks)
    assert item.size == 247 + 2 + 10 + 1000
    assert ExchangeBody([item, item]).length == 2 * 1259 + 24
    first, _second = samples()
    single = timeseries_item("press-07-v1", *streamed(first))
    assert (
        single.size == item_overhead(len(timeseries_metadata("press-07-v1")), 16) + len(first) + 2
    )
    assert len(golden("timeseries.body")) == single.size + CLOSE_BYTES


def test_metadata_escapes_what_it_holds():
    """Configuration ids and file names are the user's."""
    item = timeseries_item('a"b\\ü', *streamed(b""))
    assert '{"configurationId":"a\\"b\\\\ü"}'.encode() in item.metadata
    item = file_item({"name": 'x"%s.txt', "type": "", "created_ms": 0}, *streamed(b""))
    assert (
        b'{"fileName":"x\\"%s.txt","creationDate":"1970-01-01T00:00:00.000Z"}}}' in item.metadata
    )
    item = custom_item(b'{"type":"%s","version":"%d"}', "a/b", b"")
    assert item.metadata.endswith(b'"payload":{"type":"%s","version":"%d"}}')


def test_payload_bytes_are_untouched():
    """Line ends, delimiters of others, empty and binary payloads."""
    for payload in (
        b"",
        b"\r\n",
        b"\n\n",
        b"--x\r\n",
        b"--x--",
        b"\r\n--",
        bytes(range(256)),
        b"%s",
    ):
        item = Item(b"{}", "application/octet-stream", len(payload), streamed(payload)[1])
        tail = (
            b"\r\n\r\n"
            + payload
            + b"\r\n--"
            + INNER.encode()
            + b"--\r\n--"
            + OUTER.encode()
            + b"--"
        )
        assert written([item]).endswith(tail)


def test_pieces_are_gathered():
    """Many small items leave in few writes; a large piece goes through as it is."""
    items = [event_item(b'{"id":"%d"}' % number, "2.0") for number in range(200)]
    pieces = list(ExchangeBody(items).chunks())
    assert len(pieces) <= sum([item.size for item in items]) // PIECE_BYTES + 1
    assert all(len(piece) >= PIECE_BYTES for piece in pieces[:-1])
    assert all(len(piece) < PIECE_BYTES + 1000 for piece in pieces)
    large = b"x" * (4 * PIECE_BYTES)
    pieces = list(
        ExchangeBody(
            [Item(b"{}", "a/b", 3 * len(large), streamed(large, large, large)[1])]
        ).chunks()
    )
    assert len(pieces) == 5
    assert pieces[1] is large
    assert pieces[2] is large
    assert pieces[3] is large


def test_boundaries_are_random_and_stay():
    """Other bodies, other boundaries; the same for each pass over one body."""
    bodies = [ExchangeBody([event_item(b"{}", "2.0")]) for _ in range(20)]
    types = [body.content_type for body in bodies]
    assert len(set(types)) == 20
    for body in bodies:
        start = "multipart/mixed;boundary="
        assert body.content_type.startswith(start)
        outer = body.content_type[len(start) :]
        data = b"".join(body.chunks())
        assert data.startswith(b"--" + outer.encode() + b"\r\n")
        assert data.endswith(b"\r\n--" + outer.encode() + b"--")
        inner = data.split(b"related;boundary=")[1][:20].decode()
        assert inner != outer
        for boundary in (inner, outer):
            assert len(boundary) == 20
            assert not boundary.strip(
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            )
    assert len(random_boundary()) == 20


def test_wrong_use_is_refused():
    """No items, or a boundary whose length would make the sizes wrong."""
    item = event_item(b"{}", "2.0")
    raises(ValueError, ExchangeBody, [])
    raises(ValueError, ExchangeBody, [item], "short")
    raises(ValueError, ExchangeBody, [item], OUTER, INNER + "x")


def test_the_largest_file_fills_an_exchange():
    """Exactly 10 000 000 bytes with one item; the time does not change it."""
    most = max_file_bytes("größe.bin", "text/plain")
    details = {"name": "größe.bin", "type": "text/plain", "created_ms": 0}
    body = ExchangeBody([file_item(details, most, lambda: iter(()))])
    assert body.length == 10_000_000
    assert max_file_bytes("größe.bin", "text/plain", 0) == most
    assert max_file_bytes("größe.bin") > most


def test_require_fit():
    """At the limit of an exchange it passes; one byte more is named."""
    require_fit("it", 10_000_000 - 24)
    error = raises(InvalidMessage, require_fit, "it", 10_000_000 - 23)
    assert "10000001" in error.message
    assert "10000000" in error.message
    assert error.hint
