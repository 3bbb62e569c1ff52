"""The exchange over HTTP: five kinds, all or nothing, and every refusal (agent API 6)."""

import hashlib
import json

import pytest

from mcagent.emulator import Emulator

from .device import (
    EXCHANGE,
    call,
    configuration,
    event,
    exchange_body,
    file_item,
    model,
    onboarded,
    ready,
    sample,
    timeseries,
)
from .test_multipart import C_LAYOUT, C_TYPE, NODE_LAYOUT, NODE_TYPE

T0 = "2026-01-05T08:00:00.000Z"
CUSTOM = (
    {"type": "acme.blob", "version": "3", "details": {"a": 1}},
    "image/png",
    b"\x89PNG\r\n\x00",
)
META = (
    b'{"type":"item","version":"1.0","payload":{"type":"standardTimeSeries","version":"1.0",'
    b'"details":{"configurationId":"press-07-v1"}}}'
)


def test_accepted_is_exactly_200_without_a_body(hub):
    device = onboarded(hub)
    got = device.exchange(exchange_body(timeseries(sample(T0, P1="1"))))
    assert (got.status, got.body) == (200, b"")


@pytest.mark.parametrize(
    ("layout", "content_type"), [(C_LAYOUT, C_TYPE), (NODE_LAYOUT, NODE_TYPE)]
)
def test_both_known_layouts_are_accepted_over_the_wire(hub, layout, content_type):
    device = onboarded(hub)
    body = layout.replace(b'{"type":"item"}', META).replace(b'{\n    "type": "item"\n}', META)
    assert device.exchange(body, content_type).status == 200
    (line,) = hub.received()
    assert (line["configuration_id"], line["timestamp"]) == ("press-07-v1", T0)


def test_all_kinds_in_one_body_are_received_in_order_with_their_content(hub):
    device = onboarded(hub)
    picture = bytes(range(256)) * 40
    got = device.exchange(
        exchange_body(
            timeseries(sample(T0, P1="1"), sample("2026-01-05T08:00:01.000Z", P1="2", X="3")),
            event(id="e1"),
            file_item("log.txt", picture),
            model(configuration("c7")),
            CUSTOM,
        ),
        Correlation_ID="0123456789abcdef0123456789abcdef",
    )
    assert got.status == 200
    lines = hub.received()
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["kind"] for line in lines] == [
        "timeseries",
        "timeseries",
        "event",
        "file",
        "model",
        "custom",
    ]
    for line in lines:
        assert line["agent"] == device.id
        assert line["correlation_id"] == "0123456789abcdef0123456789abcdef"
        assert line["exchange"] == 1
        assert isinstance(line["received_ms"], int)
    assert lines[1]["timestamp"] == "2026-01-05T08:00:01.000Z"
    assert lines[1]["values"] == [
        {"dataPointId": "P1", "value": "2", "qualityCode": "0"},
        {"dataPointId": "X", "value": "3", "qualityCode": "0"},
    ]
    assert lines[2]["event"]["id"] == "e1"
    file = lines[3]
    assert (file["name"], file["size"]) == ("log.txt", len(picture))
    assert file["sha256"] == hashlib.sha256(picture).hexdigest()
    assert hub.file_content(file["sha256"]) == picture
    assert lines[4]["model"] == configuration("c7")
    custom = lines[5]
    assert (custom["type"], custom["version"], custom["details"]) == ("acme.blob", "3", {"a": 1})
    assert (custom["content_type"], custom["payload_base64"]) == ("image/png", "iVBORw0KAA==")


def test_duplicates_stay_in_the_journal(hub):
    device = onboarded(hub)
    for _ in range(3):
        device.send(timeseries(sample(T0, P1="1")))
    assert [(line["seq"], line["exchange"]) for line in hub.received()] == [(1, 1), (2, 2), (3, 3)]


def test_received_can_be_asked_by_agent_kind_and_position(hub):
    first, second = onboarded(hub, "first"), onboarded(hub, "second")
    first.send(timeseries(*(sample(T0, P1=str(n)) for n in range(120))), event())
    second.send(event(), timeseries())
    assert len(hub.received(first.id)) == 121
    assert [line["agent"] for line in hub.received(kind="event")] == [first.id, second.id]
    assert [line["seq"] for line in hub.received(after=119)] == [120, 121, 122]
    assert hub.received(after=122) == []
    with pytest.raises(ValueError, match="kind"):
        hub.received(kind="nope")


def test_many_exchanges_are_listed_completely(hub):
    device = onboarded(hub)
    for number in range(120):  # more than one read of the journal
        device.send(timeseries(sample(T0, P1=str(number))))
    values = [line["values"][0]["value"] for line in hub.received(kind="timeseries")]
    assert values == [str(number) for number in range(120)]


REFUSED = {
    "payload no JSON": ({**timeseries()[0]}, b"[{]"),
    "payload no array": ({**timeseries()[0]}, b"{}"),
    "NaN": ({**timeseries()[0]}, b"[NaN]"),
    "not UTF-8": ({**timeseries()[0]}, b'["\xff"]'),
    "nested too deeply": ({**timeseries()[0]}, b"[" * 200_000),
    "half a surrogate pair": ({**timeseries()[0]}, rb'["\ud800"]'),
    "integer too long": ({**timeseries()[0]}, b"[" + b"9" * 5000 + b"]"),
    "no configuration id": ({"type": "standardTimeSeries", "version": "1.0"}, b"[]"),
    "configuration id a number": (
        {"type": "standardTimeSeries", "version": "1.0", "details": {"configurationId": 1}},
        b"[]",
    ),
    "details an array": ({"type": "x", "version": "1.0", "details": [1]}, b""),
    "no payload type": ({"version": "1.0"}, b""),
    "payload type a list": ({"type": [], "version": "1.0"}, b""),
    "no payload version": ({"type": "x"}, b""),
    "events no array": ({"type": "businessEvent", "version": "2.0"}, b"{}"),
    "model no object": ({"type": "dataSourceConfiguration", "version": "1.0"}, b"[]"),
    "file without a name": ({"type": "file", "version": "1.0", "details": {}}, b""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_bad_item_refuses_the_whole_body(hub, name):
    device = onboarded(hub)
    payload, content = REFUSED[name]
    good = timeseries(sample(T0, P1="1"))
    got = device.exchange(exchange_body(good, (payload, "application/json", content), good))
    assert got.status == 400
    assert set(got.json) == {"id", "message"}
    assert got.json["message"]
    assert hub.received() == []
    assert hub.state()["exchanges"] == 0


@pytest.mark.parametrize(
    "metadata",
    [b"", b"[]", b"{", b'{"type":"x","version":"1.0","payload":{}}', b'{"type":"item"}'],
)
def test_bad_metadata_is_400(hub, metadata):
    device = onboarded(hub)
    body = exchange_body(CUSTOM)
    start = body.index(b'{"type": "item"')
    end = body.index(b"\r\n", start)
    assert device.exchange(body[:start] + metadata + body[end:]).status == 400


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/related;boundary=OUT", "", "text/plain"]
)
def test_another_content_type_is_415(hub, content_type):
    device = onboarded(hub)
    assert device.exchange(exchange_body(CUSTOM), content_type).status == 415


def test_a_content_encoding_is_415(hub):
    device = onboarded(hub)
    assert device.exchange(exchange_body(CUSTOM), Content_Encoding="gzip").status == 415
    assert device.exchange(exchange_body(CUSTOM), Content_Encoding="identity").status == 200


def test_without_a_token_it_is_401_and_an_operator_gets_403(hub):
    body, headers = exchange_body(CUSTOM), {"Content-Type": "multipart/mixed;boundary=OUT"}
    assert call(hub.url, "POST", EXCHANGE, body, headers).status == 401
    for scopes in (["exc.w"], ["map.r"]):
        headers["Authorization"] = f"Bearer {hub.operator_token(scopes)}"
        assert call(hub.url, "POST", EXCHANGE, body, headers).status == 403


def test_a_deleted_agent_gets_401(hub):
    device = onboarded(hub)
    headers = {"Authorization": f"Bearer {hub.operator_token(['agm.d'])}", "If-Match": "1"}
    path = f"/api/agentmanagement/v3/agents/{device.id}"
    assert call(hub.url, "DELETE", path, headers=headers).status == 204
    assert device.exchange(exchange_body(CUSTOM)).status == 401


def padded(total, kind=file_item):
    """Build a body of exactly *total* bytes."""
    empty = len(exchange_body(kind("f", b"")))
    return exchange_body(kind("f", b"x" * (total - empty)))


def test_the_limit_is_10_times_2_to_the_20_and_one_more_is_413(hub):
    device = onboarded(hub)
    assert device.exchange(padded(10_485_760)).status == 200
    got = device.exchange(padded(10_485_761))
    assert got.status == 413
    assert set(got.json) == {"id", "message"}
    assert device.exchange(padded(30_000_000)).status == 413
    assert hub.received()[0]["size"] > 10_485_000
    assert len(hub.received()) == 1


@pytest.fixture(scope="module")
def strict():
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


def test_strict_limits_are_1000_based(strict):
    device = ready(strict)
    assert device.exchange(padded(10_000_000)).status == 200
    assert device.exchange(padded(10_000_001)).status == 413

    def samples(size):
        value = sample(T0, P1="")
        value["values"][0]["value"] = "x" * (size - len(json.dumps([value])))
        item = timeseries(value)
        assert len(item[2]) == size
        return item

    assert device.exchange(exchange_body(samples(1_000_000))).status == 200
    assert device.exchange(exchange_body(samples(1_000_001))).status == 413
    half, rest = samples(500_000), samples(500_001)
    assert device.exchange(exchange_body(half, half)).status == 200
    assert device.exchange(exchange_body(half, rest)).status == 413


def test_an_unknown_path_is_404_and_a_wrong_method_405(hub):
    for path in ("/api/mindconnect/v3/nope", "/api/mindconnect/v3/exchange/", "//x"):
        got = call(hub.url, "POST", path)
        assert got.status == 404
        assert set(got.json) == {"id", "message"}
    assert call(hub.url, "GET", EXCHANGE).status == 405


def test_an_exchange_that_strict_would_refuse_is_noted(hub):
    """The limits of the strict hub at their value and one byte beyond, on one that is not."""
    device = ready(hub)

    def send(size):
        payload, content_type, content = timeseries(sample(T0, P1="1"))
        device.send((payload, content_type, content[:-1] + b" " * (size - len(content)) + b"]"))
        return hub.state()["breaches"]

    assert send(1_000_000) == {}
    assert send(1_000_001) == {"max_timeseries_bytes": 1}
    assert send(10_000_000) == {"max_timeseries_bytes": 2, "max_exchange_bytes": 1}
