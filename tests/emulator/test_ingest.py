"""What becomes of values after the 200: stored where they are mapped, or dropped and counted."""

import pytest

from mcagent.emulator import Emulator
from mcagent.services.typetable import EUROPE_2
from tests.patience import with_more_time

from .device import (
    CONNECT,
    configuration,
    event,
    exchange_body,
    file_item,
    model,
    onboarded,
    ready,
    sample,
)
from .device import timeseries as series

T0, T1 = "2026-01-05T08:00:00.000Z", "2026-01-05T08:00:01.000Z"


def stored(hub, device):
    hub.settle()
    return [(record["_time"], record["values"]) for record in hub.stored(device.id, "press")]


def test_mapped_values_are_stored_with_type_and_quality(hub):
    device = ready(hub, D="DOUBLE", L="LONG", B="BOOLEAN", S="STRING", T="TIMESTAMP")
    device.send(series(sample(T0, D="182.5", L="90211", B="true", S="ä\x00", T=T1)))
    hub.settle()
    (record,) = hub.stored(device.id)
    assert record == {
        "asset": device.id,
        "aspect": "press",
        "_time": T0,
        "values": {"D": 182.5, "L": 90211, "B": True, "S": "ä\x00", "T": T1},
        "quality": dict.fromkeys("DLBST", "0"),
    }


def test_one_point_may_feed_several_assets(hub):
    device = ready(hub)
    asset = hub.create_asset("plant", {"Hydraulics": {"pressure": {"type": "DOUBLE"}}})
    body = {
        "agentId": device.id,
        "dataPointId": "P1",
        "entityId": asset,
        "propertySetName": "Hydraulics",
        "propertyName": "pressure",
    }
    assert device.call("POST", CONNECT + "/dataPointMappings", body).status == 201
    device.send(series(sample(T0, P1="7")))
    hub.settle()
    places = {(r["asset"], r["aspect"], *r["values"].items()) for r in hub.stored()}
    assert places == {
        (device.id, "press", ("P1", 7.0)),
        (asset, "Hydraulics", ("pressure", 7.0)),
    }


def test_values_of_one_time_are_merged_by_default(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", CNT="1")))
    device.send(series(sample(T0, P1="2")))
    assert stored(hub, device) == [(T0, {"P1": 2.0, "CNT": 1})]


@pytest.mark.parametrize("together", [True, False])
def test_strict_replaces_the_whole_record(together):
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as strict:
        device = ready(strict)
        first, second = sample(T0, P1="1", CNT="1"), sample(T0, P1="2")
        if together:
            device.send(series(first, second))
        else:
            device.send(series(first))
            device.send(series(second))
        assert stored(strict, device) == [(T0, {"P1": 2.0})]


def test_resending_changes_nothing_stored(hub):
    device = ready(hub)
    for _ in range(2):
        device.send(series(sample(T1, P1="2"), sample(T0, P1="1")), event(id="e1"))
    assert stored(hub, device) == [(T0, {"P1": 1.0}), (T1, {"P1": 2.0})]
    assert [line["event"]["id"] for line in hub.events(device.id)] == ["e1"]
    assert hub.state()["received"] == {"event": 2, "timeseries": 4}


def test_without_mappings_everything_is_dropped_and_counted(hub):
    device = onboarded(hub)
    device.put_configuration(configuration())
    device.send(series(sample(T0, P1="1", CNT="2", nope="3")))
    assert stored(hub, device) == []
    state = hub.state()
    assert state["dropped"] == {"unmapped value": 3}
    assert state["recoverable_records"] == 1


def test_mapped_values_of_a_sample_with_unmapped_ones_are_stored(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", nope="3")))
    assert stored(hub, device) == [(T0, {"P1": 1.0})]
    assert hub.state()["dropped"] == {"unmapped value": 1}


def test_another_configuration_id_is_dropped_by_switch(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1"), sample(T1, P1="1"), configuration="old"))
    assert stored(hub, device) == []
    assert hub.state()["dropped"] == {"value under another configuration": 2}
    hub.change_settings(drop_mismatched_configuration=False)
    device.send(series(sample(T0, P1="1"), configuration="old"))
    assert stored(hub, device) == [(T0, {"P1": 1.0})]


BAD = {
    "bad number": (series(sample(T0, P1="one")), "value refused: not a number"),
    "bad quality": (series(sample(T0, "true", P1="1")), "value with a bad quality code"),
    "bad time": (series(sample("yesterday", P1="1")), "value with a bad timestamp"),
    "sample no object": (series("x"), "malformed sample"),
    "values no array": (series({"timestamp": T0, "values": {}}), "malformed sample"),
    "value no object": (series({"timestamp": T0, "values": [1]}), "malformed value"),
    "point no text": (
        series({"timestamp": T0, "values": [{"dataPointId": [], "value": "1"}]}),
        "malformed value",
    ),
    "no value": (
        series({"timestamp": T0, "values": [{"dataPointId": "P1"}]}),
        "value refused: not a string, number or boolean",
    ),
    "event no object": (event(), "event that is not an object"),
    "event without type": (event(type=None), "event without a type"),
    "event bad time": (event(timestamp="x"), "event with a bad timestamp"),
    "event severity": (event(severity="20"), "event without a severity"),
    "event description": (event(description="x" * 256), "event with a too long description"),
}
BAD["event no object"] = (BAD["event no object"][0][:2] + (b"[1]",), "event that is not an object")


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_200_then_dropped_and_the_rest_is_stored(hub, name):
    device = ready(hub)
    item, reason = BAD[name]
    device.send(item, series(sample(T1, P1="5")), event(id="good"))
    assert stored(hub, device) == [(T1, {"P1": 5.0})]
    assert [line["event"]["id"] for line in hub.events()] == ["good"]
    assert hub.state()["dropped"] == {reason: 1}


def test_numbers_and_missing_quality_codes_are_taken(hub):
    device = ready(hub)
    values = [{"dataPointId": "P1", "value": 5.5}, {"dataPointId": "CNT", "value": 7}]
    device.send(series({"timestamp": T0, "values": values}))
    assert stored(hub, device) == [(T0, {"P1": 5.5, "CNT": 7})]
    assert hub.stored()[0]["quality"] == {}


def test_quality_codes_are_kept_verbatim(hub):
    device = ready(hub)
    device.send(series(sample(T0, "00A60000", P1="1")))
    hub.settle()
    assert hub.stored()[0]["quality"] == {"P1": "00A60000"}


def test_a_model_counts_for_what_follows_it_in_the_same_exchange(hub):
    device = ready(hub)
    new = configuration("c2", P1="DOUBLE", NEW="LONG")
    device.send(
        series(sample(T0, P1="1")), model(new), series(sample(T1, NEW="2"), configuration="c2")
    )
    assert stored(hub, device) == [(T0, {"P1": 1.0}), (T1, {"NEW": 2})]
    assert hub.state()["dropped"] == {}


def test_files_are_kept_on_the_agents_asset(hub):
    device = ready(hub)
    device.send(file_item("a.bin", b"\r\n--OUT\x00\r\n"), file_item("empty", b""))
    hub.settle()
    files = hub.files(device.id)
    assert [(file["name"], file["size"]) for file in files] == [("a.bin", 10), ("empty", 0)]
    assert hub.file_content(files[0]["sha256"]) == b"\r\n--OUT\x00\r\n"


def test_automap_follows_type_changes_and_reaches_another_asset(hub):
    asset = hub.create_asset("plant")
    device = onboarded(hub, automap=asset)
    device.put_configuration(configuration(P1="DOUBLE"))
    device.send(series(sample(T0, P1="1")))
    hub.settle()
    device.put_configuration(configuration("c2", P1="STRING"), "1")
    device.send(series(sample(T1, P1="text"), configuration="c2"))
    hub.settle()
    assert [record["values"] for record in hub.stored(asset)] == [{"P1": 1.0}, {"P1": "text"}]
    assert hub.state()["dropped"] == {}


def test_automap_can_be_switched_on_after_the_model_came(hub):
    device = onboarded(hub)
    device.put_configuration(configuration())
    hub.automap(device.id)
    device.send(series(sample(T0, P1="1")))
    assert stored(hub, device) == [(T0, {"P1": 1.0})]


def test_processing_comes_after_the_answer():
    def after(delay_s):
        with Emulator(tls=False, settings={"processing_delay_s": delay_s}) as hub:
            device = ready(hub)
            device.send(series(sample(T0, P1="1")))
            assert len(hub.received()) == 1
            assert hub.stored() == []
            assert hub.state()["pending"] == 1
            with pytest.raises(TimeoutError):
                hub.settle(0.01)
            hub.settle(60)
            assert len(hub.stored()) == 1

    with_more_time(after, 0.3, 2, 8)


# -- 200 000 counted bytes a record -------------------------------------------------------------

BIG = "x" * 100_000  # counts two bytes a character


def test_a_record_may_have_200_000_counted_bytes_and_not_one_value_more(hub):
    device = ready(hub, BIG="BIG_STRING", N="BOOLEAN")
    device.send(series(sample(T0, BIG=BIG), sample(T1, BIG=BIG, N="true", nope="2")))
    assert stored(hub, device) == [(T0, {"BIG": BIG})]
    assert hub.state()["dropped"] == {
        "value of a record of more than 200000 bytes": 2,
        "unmapped value": 1,
    }
    (record,) = hub.recoverable_records()
    assert "BIG (record of 200001 bytes), N (record of 200001 bytes)" in record["dropReason"]
    assert "Total data points: 4, valid: 1, dropped: 3" in record["dropReason"]


def test_what_joins_a_record_counts_with_what_is_there(hub):
    """In the same exchange, in a later one; what replaces a value counts once."""
    device = ready(hub, BIG="BIG_STRING", B2="BIG_STRING")
    half = "y" * 50_000
    device.send(series(sample(T0, BIG=half), sample(T0, B2=half + "z"), sample(T0, BIG=half)))
    device.send(series(sample(T0, B2=BIG), sample(T1, BIG=BIG)))
    device.send(series(sample(T0, B2=half), sample(T1, B2="z")))
    assert stored(hub, device) == [(T0, {"BIG": half, "B2": half}), (T1, {"BIG": BIG})]
    assert hub.state()["dropped"] == {"value of a record of more than 200000 bytes": 3}


def test_what_replaces_a_record_counts_alone(hub):
    hub.change_settings(replace_records=True)
    device = ready(hub, BIG="BIG_STRING", B2="BIG_STRING")
    device.send(series(sample(T0, BIG=BIG), sample(T0, B2=BIG)))
    device.send(series(sample(T0, BIG=BIG)))
    assert stored(hub, device) == [(T0, {"BIG": BIG})]
    assert hub.state()["dropped"] == {}


def test_a_value_of_a_large_record_is_still_stored_elsewhere_and_counted_once(hub):
    device = ready(hub, BIG="BIG_STRING", N="INT")
    asset = hub.create_asset("plant", {"logs": {"log": {"type": "BIG_STRING"}}})
    body = {
        "agentId": device.id,
        "dataPointId": "BIG",
        "entityId": asset,
        "propertySetName": "logs",
        "propertyName": "log",
    }
    assert device.call("POST", CONNECT + "/dataPointMappings", body).status == 201
    device.send(series(sample(T0, BIG=BIG, N="1")))
    hub.settle()
    assert [line["asset"] for line in hub.stored()] == [asset]
    assert hub.state()["dropped"] == {"value of a record of more than 200000 bytes": 2}


def test_records_in_pieces_are_noted_once_an_item_with_how_many(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", CNT="2"), sample(T0, P1="1", CNT="2")))
    device.send(series(sample(T1, CNT="2")))
    hub.settle()
    assert hub.breaches() == []  # nothing would be lost
    device.send(series(sample(T0, P1="3"), sample(T1, P1="3")))
    hub.settle()
    (breach,) = hub.breaches()
    assert breach["switch"] == "replace_records"
    assert f"2 records of {device.id}/press came in pieces, the first of {T0}" in breach["what"]


@pytest.mark.parametrize("row", EUROPE_2, ids=[row.fragment for row in EUROPE_2])
def test_the_ten_examples_on_exchange(hub, row):
    """Region Europe 2: what stands without quotes is not stored; elsewhere it becomes text."""

    def is_stored(**settings):
        hub.clear()
        hub.change_settings(**settings)
        device = ready(hub, label="STRING")
        payload, kind, content = series(sample(T0, label="?"))
        body = exchange_body((payload, kind, content.replace(b'"?"', row.fragment.encode())))
        assert device.exchange(body).status in (200, 400)
        return bool(stored(hub, device))

    assert is_stored(region="eu2") is row.taken
    assert is_stored(refuse_unquoted_strings=True) is row.taken
    assert not row.taken or hub.stored()[0]["values"] == {"label": row.value}
    # Numbers and truth values become text; what is no JSON at all was refused before.
    assert is_stored() is (row.taken or row.fragment in ("1.10", "true"))
    noted = [line["switch"] for line in hub.breaches()]
    assert noted == ["refuse_unquoted_strings"] * (row.fragment in ("1.10", "true", '[{"a":"b"}]'))
