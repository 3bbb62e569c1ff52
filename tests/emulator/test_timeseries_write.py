"""Writing time series: types and sizes at their limits, replacement, several aspects (1.4, 1.5)."""

import json

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.assets import create_asset

from .application import Application
from .plant import BASE, MOTOR, Plant, at


@pytest.fixture
def plant(hub):
    return Plant(hub)


def refused(got, *words, status=400):
    assert got.status == status, got.body
    for word in words:
        assert word in got.json["message"]


# -- one record ---------------------------------------------------------------------------------


def test_every_type_comes_back_as_it_was_written(plant):
    record = {
        "_time": at(1, 7),
        "rpm": -(2**31),
        "total": 2**63 - 1,
        "load": 61.25,
        "on": False,
        "state": "RÜN",
        "log": "x" * 100_000,
        "since": at(2, 5),
        "bare": 2**31 - 1,
    }
    codes = {f"{name}_qc": -2144075776 for name in MOTOR if name not in ("bare", "log")}
    record.pop("log")
    plant.write(record | codes)
    assert plant.read() == [record | codes]
    plant.write({"_time": at(2), "log": "x" * 100_000})  # 200 000 bytes: a record of its own
    assert plant.read() == [{"_time": at(2), "log": "x" * 100_000}]


def test_a_record_replaces_the_one_of_its_time_as_a_whole(plant):
    plant.write({"_time": at(1), "rpm": 1, "load": 1.0}, {"_time": at(2), "rpm": 2})
    plant.write({"_time": at(1), "on": True})
    assert plant.read(start=at(0)) == [{"_time": at(1), "on": True}, {"_time": at(2), "rpm": 2}]
    plant.write({"_time": at(1, 0)})  # a record of nothing
    assert plant.read(start=at(0)) == [{"_time": at(2), "rpm": 2}]


def test_of_two_records_with_one_time_the_later_stands(plant):
    plant.write({"_time": at(1), "rpm": 1, "on": True}, {"_time": at(1), "rpm": 2})
    assert plant.read() == [{"_time": at(1), "rpm": 2}]


def test_aspects_of_an_asset_are_apart(plant):
    plant.write({"_time": at(1), "rpm": 1})
    plant.write({"_time": at(1), "rpm": 2}, aspect="ambient")
    assert plant.read() == [{"_time": at(1), "rpm": 1}]
    assert plant.read("ambient") == [{"_time": at(1), "rpm": 2}]


def test_values_as_text_are_read_as_their_type(plant):
    plant.write(
        {"_time": at(1), "rpm": "15", "load": "5.0", "on": "true", "total": "9", "rpm_qc": "7"}
    )
    assert plant.read() == [
        {"_time": at(1), "rpm": 15, "rpm_qc": 7, "total": 9, "load": 5.0, "on": True}
    ]


def test_empty_text_and_null_drop_their_field_alone(plant):
    plant.write({"_time": at(1), "state": "", "state_qc": 0, "rpm": None, "load": 1, "on_qc": 0})
    assert plant.read() == [{"_time": at(1), "load": 1.0}]


def test_what_is_no_text_becomes_text_or_is_refused_as_in_europe_2(plant):
    """The overview's lists: four are taken in every region, six never there."""
    good = ["test big string data", "[{'a':'b'}]", '[{"a":"b"}]', '["a"]']
    raw_good = [
        '"test big string data"',
        """"[{'a':'b'}]\"""",
        r'"[{\"a\":\"b\"}]"',
        r'"[\"a\"]"',
    ]
    bad = ["1.10", "1L", "true", '"["a"]"', '"[{"a":"b"}]"', '[{"a":"b"}]']

    def put(raw):
        return plant.call("PUT", plant.path(), f'[{{"_time":"{at(1)}","log":{raw}}}]')

    assert [put(raw).status for raw in bad] == [204, 400, 204, 400, 400, 204]
    assert [line["switch"] for line in plant.hub.breaches()] == ["refuse_unquoted_strings"] * 3
    assert plant.read() == [{"_time": at(1), "log": '[{"a": "b"}]'}]
    plant.hub.change_settings(refuse_unquoted_strings=True)
    assert [put(raw).status for raw in bad] == [400] * 6
    plant.hub.change_settings(refuse_unquoted_strings=False, region="eu2")
    assert [put(raw).status for raw in bad] == [400] * 6
    for raw, text in zip(raw_good, good):
        assert put(raw).status == 204
        assert plant.read() == [{"_time": at(1), "log": text}]


@pytest.mark.parametrize(
    ("value", "beyond"),
    [
        ({"rpm": 2**31 - 1}, {"rpm": 2**31}),
        ({"rpm": -(2**31)}, {"rpm": -(2**31) - 1}),
        ({"total": 2**63 - 1}, {"total": 2**63}),
        ({"total": -(2**63)}, {"total": -(2**63) - 1}),
        ({"load": 1e-130}, {"load": 9.9e-131}),
        ({"load": -1e126}, {"load": -1.0000000000000002e126}),
        ({"state": "x" * 10}, {"state": "x" * 11}),
        ({"log": "x" * 100_000}, {"log": "x" * 100_001}),
        ({"rpm": 1, "rpm_qc": 2**31 - 1}, {"rpm": 1, "rpm_qc": 2**31}),
        ({"rpm": 1, "rpm_qc": -(2**31)}, {"rpm": 1, "rpm_qc": -(2**31) - 1}),
        # 99 998 + 4 characters and an INT: 200 000 and 200 004 bytes
        ({"log": "x" * 99_998, "rpm": 1}, {"log": "x" * 99_999, "rpm": 1}),
    ],
)
def test_values_at_their_limit_and_one_beyond(plant, value, beyond):
    plant.write({"_time": at(1)} | value)
    (found,) = plant.read()
    assert found == {"_time": at(1)} | value
    refused(plant.put({"_time": at(2)} | beyond), "record 0")
    assert plant.read() == [found]


def test_the_type_of_a_string_has_its_own_limit(hub):
    plant = Plant(hub, {"motor": {"text": {"type": "STRING"}}})
    plant.write({"_time": at(1), "text": "x" * 255})
    refused(plant.put({"_time": at(1), "text": "x" * 256}), "text")


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({"rpm": 1}, "_time"),
        ({"_time": None, "rpm": 1}, "time"),
        ({"_time": 1767600000000}, "time"),
        ({"_time": "2026-01-05"}, "time"),
        ({"_time": at(1), "rpm": 1.5}, "rpm"),
        ({"_time": at(1), "rpm": True}, "rpm"),
        ({"_time": at(1), "rpm": [1]}, "rpm"),
        ({"_time": at(1), "load": "NaN"}, "load"),
        ({"_time": at(1), "load": "5 "}, "load"),
        ({"_time": at(1), "on": 1}, "on"),
        ({"_time": at(1), "since": "now"}, "since"),
        ({"_time": at(1), "Rpm": 1}, "Property with name Rpm does not belong"),
        ({"_time": at(1), "nope_qc": 1}, "Property with name nope_qc"),
        ({"_time": at(1), "rpm": 1, "rpm_qc": "good"}, "rpm_qc"),
        ({"_time": at(1), "rpm": 1, "rpm_qc": 1.0}, "rpm_qc"),
        ({"_time": at(1), "rpm": 1, "rpm_qc": True}, "rpm_qc"),
        ("record", "object"),
        ([], "object"),
    ],
)
def test_one_bad_record_refuses_all(plant, record, word):
    got = plant.put({"_time": at(5), "rpm": 5}, record)
    refused(got, "record 1: ", word)
    assert plant.read(start=at(0)) == []


def test_unknown_members_are_left_out_by_switch(plant):
    plant.hub.change_settings(refuse_unknown_variables=False)
    plant.write({"_time": at(1), "Rpm": 1, "nope_qc": 3, "rpm": 2})
    assert plant.read() == [{"_time": at(1), "rpm": 2}]


def test_a_code_of_a_variable_without_codes_is_dropped_or_refused(plant):
    plant.write({"_time": at(1), "bare": 1, "bare_qc": 3})
    assert plant.read() == [{"_time": at(1), "bare": 1}]
    assert [line["switch"] for line in plant.hub.breaches()] == ["refuse_undeclared_quality"]
    plant.hub.change_settings(refuse_undeclared_quality=True)
    refused(plant.put({"_time": at(1), "bare": 1, "bare_qc": 3}), "bare_qc")


@pytest.mark.parametrize("body", ["{}", "null", "[", "[NaN]", '"x"', "", b"\xff", "[" * 100_000])
def test_a_body_that_is_no_array_is_refused(plant, body):
    refused(plant.call("PUT", plant.path(), body))


def test_nothing_is_written_to_an_unknown_aspect(plant):
    refused(plant.put(aspect="motr"), "[6410]", status=404)


def test_no_records_are_no_mistake(plant):
    plant.write()


# -- sizes --------------------------------------------------------------------------------------


def padded(size):
    """Build a body of exactly *size* bytes with one record."""
    body = json.dumps([{"_time": at(1), "rpm": 1}])
    return body[:-1] + " " * (size - len(body)) + "]"


@pytest.mark.parametrize(("strict", "most"), [(False, 1_048_576), (True, 1_000_000)])
def test_a_body_at_its_limit_and_one_byte_beyond(strict, most):
    with Emulator(tls=False, strict=strict) as hub:
        plant = Plant(hub)
        assert plant.call("PUT", plant.path(), padded(most)).status == 204
        got = plant.call("PUT", plant.path(), padded(most + 1))
        refused(got, str(most), status=413 if strict else 400)


def test_what_strict_would_refuse_is_noted(plant):
    assert plant.call("PUT", plant.path(), padded(1_000_000)).status == 204
    assert "max_put_bytes" not in {line["switch"] for line in plant.hub.breaches()}
    plant.call("PUT", plant.path(), padded(1_000_001))
    (line,) = [one for one in plant.hub.breaches() if one["switch"] == "max_put_bytes"]
    assert "1000001, more than 1000000" in line["what"]
    assert plant.hub.state()["breaches"]["max_put_bytes"] == 1
    assert plant.call("GET", "/_emulator/breaches").json == plant.hub.breaches()


# -- several aspects ----------------------------------------------------------------------------


def entry(plant, *records, aspect="motor", asset=None):
    return {
        "entityId": asset or plant.asset,
        "propertySetName": aspect,
        "data": [{"_time": at(0, n), "rpm": n} for n in range(*records)],
    }


def put_several(plant, *entries):
    return plant.call("PUT", BASE, {"timeseries": list(entries)})


def test_several_aspects_are_written_at_once(plant):
    got = put_several(plant, entry(plant, 1), entry(plant, 2, aspect="ambient"))
    assert (got.status, got.body) == (202, b"")
    assert len(plant.read(limit=9)) == 1
    assert len(plant.read("ambient", limit=9)) == 2


def test_errors_of_single_pairs_stand_in_the_body_of_the_202(hub, plant):
    stranger = Plant(hub)
    stranger.asset = "0" * 32
    got = put_several(
        plant,
        entry(plant, 1),
        entry(plant, 1, aspect="ambiant"),
        entry(stranger, 1),
        entry(plant, 1, aspect="ambient") | {"data": [{"_time": at(0), "rpm": "x"}]},
    )
    assert got.status == 202
    errors = got.json["errors"]
    assert [(error["propertySetName"], error["status"]) for error in errors] == [
        ("ambiant", 404),
        ("motor", 404),
        ("ambient", 400),
    ]
    assert errors[0] == {
        "entityId": plant.asset,
        "propertySetName": "ambiant",
        "status": 404,
        "message": "[6410] Unable to find the property set - ambiant",
    }
    assert len(plant.read()) == 1
    assert plant.read("ambient") == []


def test_if_all_pairs_fail_it_is_a_202_too(plant):
    assert len(put_several(plant, entry(plant, 1, aspect="x")).json["errors"]) == 1


def test_five_pairs_are_the_most(hub):
    plant = Plant(hub, {f"a{n}": MOTOR for n in range(6)})
    entries = [entry(plant, 1, aspect=f"a{n}") for n in range(6)]
    assert put_several(plant, *entries[:5], entries[0]).body == b""  # five different ones
    refused(put_several(plant, *entries), "5")
    assert plant.read("a5") == []


def test_a_hundred_records_are_the_most(plant):
    first, second = entry(plant, 60), entry(plant, 40, aspect="ambient")
    assert put_several(plant, first, second).body == b""
    refused(put_several(plant, first, entry(plant, 41, aspect="ambient")), "101")


@pytest.mark.parametrize(("strict", "most"), [(False, 102_400), (True, 100_000)])
def test_a_body_for_several_at_its_limit_and_one_byte_beyond(strict, most):
    with Emulator(tls=False, strict=strict) as hub:
        plant = Plant(hub)
        body = json.dumps({"timeseries": [entry(plant, 1)]})
        for extra, status in ((0, 202), (1, 413 if strict else 400)):
            padding = " " * (most + extra - len(body))
            assert plant.call("PUT", BASE, body + padding).status == status


def test_all_assets_must_be_of_one_tenant(hub, plant):
    with hub._running.store.transaction() as db:
        other = create_asset(db, "foreign", "otherdev", {"motor": MOTOR})
    refused(put_several(plant, entry(plant, 1), entry(plant, 1, asset=other)), "tenant")
    assert plant.read() == []
    got = put_several(plant, entry(plant, 1, asset=other))
    assert [error["status"] for error in got.json["errors"]] == [403]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"timeseries": []},
        {"timeseries": {}},
        {"timeseries": [1]},
        {"timeseries": [{"entityId": "x", "propertySetName": "y"}]},
        {"timeseries": [{"assetId": "x", "aspectName": "y", "data": []}]},
        {"timeseries": [{"entityId": 1, "propertySetName": "y", "data": []}]},
    ],
)
def test_other_bodies_for_several_are_refused(plant, body):
    refused(plant.call("PUT", BASE, body))


def test_writing_asks_for_its_scope(hub, plant):
    reader = Application(hub, scopes=["iot.tim.r"])
    assert reader.call("PUT", plant.path(), []).status == 403
    assert reader.call("PUT", BASE, {"timeseries": []}).status == 403
    assert reader.call("GET", plant.path()).status == 200
