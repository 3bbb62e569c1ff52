"""Recoverable records: what was dropped is kept with its reason, and can be run again."""

import json
from urllib.parse import quote, urlsplit

import pytest

from mcagent.emulator import Emulator
from tests.patience import with_more_time

from .device import (
    CONNECT,
    call,
    configuration,
    event,
    file_item,
    model,
    onboarded,
    ready,
    sample,
)
from .device import timeseries as series

PATH = CONNECT + "/recoverableRecords"
MAPPINGS = CONNECT + "/dataPointMappings"
T0 = "2026-01-05T08:00:00.000Z"


def records(device, query=""):
    got = device.call("GET", f"{PATH}?{query}")
    assert got.status == 200, got.body
    return got.json["content"]


def the_record(hub, device):
    hub.settle()
    (record,) = records(device)
    return record


def map_point(hub, device, point, kind="DOUBLE", keep=True):
    asset = hub.create_asset("plant", {"Hydraulics": {point: {"type": kind}}})
    body = {
        "agentId": device.id,
        "dataPointId": point,
        "entityId": asset,
        "propertySetName": "Hydraulics",
        "propertyName": point,
        "keepMapping": keep,
    }
    headers = {"Authorization": f"Bearer {hub.operator_token(['map.c'])}"}
    got = call(hub.url, "POST", MAPPINGS, body, headers)
    assert got.status == 201, got.body
    return asset


# -- reasons ------------------------------------------------------------------------------------


def test_a_record_has_the_documented_members(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", CNT="2", nope="3")))
    record = the_record(hub, device)
    assert set(record) == {"id", "correlationId", "agentId", "requestTime", "dropReason"}
    assert record["agentId"] == device.id
    assert len(record["id"]) == 36
    assert record["dropReason"] == (
        "Total data points: 3, valid: 2, dropped: 1 (1 unmapped value)."
        " Data points without mapping: nope."
    )


def test_what_was_stored_whole_leaves_none(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1")), event(), file_item("a", b"x"))
    device.send(series({"timestamp": T0, "values": []}))
    hub.settle()
    assert records(device) == []


def test_up_to_ten_unmapped_points_are_named(hub):
    device = onboarded(hub)
    points = {f"p{number:02}": "DOUBLE" for number in range(12)}
    device.put_configuration(configuration(**points))
    device.send(series(sample(T0, **dict.fromkeys(points, "1"))))
    reason = the_record(hub, device)["dropReason"]
    assert "dropped: 12" in reason
    assert "p09" in reason
    assert "p10" not in reason


def test_a_reason_is_never_longer_than_documented(hub):
    device = onboarded(hub)
    names = ["x" * 400 + str(number) for number in range(10)]
    device.send(series(sample(T0, **dict.fromkeys(names, "1")), configuration="c1"))
    device.put_configuration(configuration())
    device.send(series(sample(T0, **dict.fromkeys(names, "1"))))
    hub.settle()
    assert max(len(record["dropReason"]) for record in records(device)) == 1024


def test_a_mapping_whose_validity_ended_drops_with_its_reasons(hub):
    """A new configuration with another type leaves the kept mapping, and makes it invalid."""
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE", CNT="LONG"))
    map_point(hub, device, "P1")
    map_point(hub, device, "CNT", "LONG")
    device.put_configuration(configuration("c2", P1="STRING"), "1")
    validity = {m["dataPointId"]: m["validity"] for m in hub_mappings(device)}
    assert validity == {
        "P1": {"status": "INVALID", "reasons": ["INVALID_TYPE"]},
        "CNT": {"status": "INVALID", "reasons": ["MISSING_DATAPOINT"]},
    }
    device.send(series(sample(T0, P1="1", CNT="2"), configuration="c2"))
    reason = the_record(hub, device)["dropReason"]
    assert "2 value with an invalid mapping" in reason
    assert "P1 (INVALID_TYPE)" in reason
    assert "CNT (MISSING_DATAPOINT)" in reason
    # The platform goes back to the old model: the same mappings are valid again.
    device.put_configuration(configuration(P1="DOUBLE", CNT="LONG"), "2")
    assert {m["validity"]["status"] for m in hub_mappings(device)} == {"VALID"}


def hub_mappings(device):
    return device.call("GET", MAPPINGS).json["content"]


def test_values_of_the_wrong_type_are_named(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", CNT="one")))
    reason = the_record(hub, device)["dropReason"]
    assert "CNT (not an integer)" in reason
    assert "valid: 1, dropped: 1" in reason


def test_another_configuration_is_named_with_the_present_one(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1"), configuration="old"))
    reason = the_record(hub, device)["dropReason"]
    assert "Configuration old is not the agent's: c1." in reason


def test_events_and_configurations_leave_records_too(hub):
    device = ready(hub)
    device.send(event(severity="20"))
    device.send(model({"configurationId": "", "dataSources": []}))
    hub.settle()
    reasons = [record["dropReason"] for record in records(device)]
    assert "event without a severity" in reasons[0]
    assert "configurationId of configuration" in reasons[1]


# -- which, by switch ---------------------------------------------------------------------------


def test_only_unmapped_values_leave_a_record_by_switch(hub):
    device = ready(hub)
    hub.change_settings(recover="unmapped")
    device.send(series(sample(T0, CNT="one")))
    device.send(series(sample(T0, nope="1")))
    assert "nope" in the_record(hub, device)["dropReason"]


def test_records_may_need_an_activation_by_switch(hub):
    device = ready(hub)
    hub.change_settings(records_need_activation=True)
    device.send(series(sample(T0, nope="1")))
    hub.settle()
    assert records(device) == []
    device.call("POST", CONNECT + "/diagnosticActivations", {"agentId": device.id})
    device.send(series(sample(T0, nope="1")))
    assert the_record(hub, device)


def test_records_live_as_long_as_the_switch_says(hub):
    device = ready(hub)
    device.send(series(sample(T0, nope="1")))
    hub.settle()
    hub.set_clock(1000)  # within the life of the token
    assert len(records(device)) == 1, "for ever by default"
    hub.change_settings(recoverable_life_s=2000)
    assert len(records(device)) == 1
    hub.change_settings(recoverable_life_s=900)
    assert records(device) == []


# -- replay -------------------------------------------------------------------------------------


def test_a_replay_after_the_operator_mapped_stores_and_removes_the_record(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE"))
    device.send(series(sample(T0, P1="182.5")))
    record = the_record(hub, device)
    asset = map_point(hub, device, "P1")
    got = device.call("POST", f"{PATH}/{record['id']}/replay")
    assert (got.status, got.body) == (200, b"")
    hub.settle()
    assert [row["values"] for row in hub.stored(asset)] == [{"P1": 182.5}]
    assert records(device) == []
    assert len(hub.received()) == 1, "it did not arrive again"


def test_a_replay_that_fails_again_leaves_the_record_with_today_s_reason(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE", P2="DOUBLE"))
    device.send(series(sample(T0, P1="1", P2="2")))
    record = the_record(hub, device)
    map_point(hub, device, "P1")
    device.call("POST", f"{PATH}/{record['id']}/replay")
    again = the_record(hub, device)
    assert again["id"] == record["id"]
    assert "dropped: 2" in record["dropReason"]
    assert "dropped: 1" in again["dropReason"]
    assert "mapping: P2." in again["dropReason"]
    assert hub.state()["dropped"] == {"unmapped value": 2}, "counted once"


def test_a_replay_under_a_configuration_that_is_gone_is_dropped_again(hub):
    device = ready(hub)
    device.send(series(sample(T0, nope="1")))
    record = the_record(hub, device)
    device.put_configuration(configuration("c2", nope="DOUBLE"), "1")
    device.call("POST", f"{PATH}/{record['id']}/replay")
    assert "Configuration c1 is not the agent's: c2." in the_record(hub, device)["dropReason"]


def test_a_record_may_stay_after_its_replay_by_switch(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE"))
    device.send(series(sample(T0, P1="1")))
    record = the_record(hub, device)
    map_point(hub, device, "P1")
    hub.change_settings(keep_replayed=True)
    device.call("POST", f"{PATH}/{record['id']}/replay")
    assert the_record(hub, device) == record


def test_a_replay_of_a_record_deleted_meanwhile_does_no_harm(hub):
    def meanwhile(delay_s):
        hub.clear()
        device = onboarded(hub)
        device.put_configuration(configuration(P1="DOUBLE"))
        device.send(series(sample(T0, P1="1")))
        record = the_record(hub, device)
        hub.change_settings(processing_delay_s=delay_s)
        device.call("POST", f"{PATH}/{record['id']}/replay")
        device.call("DELETE", f"{PATH}/{record['id']}")
        hub.settle(60)
        assert records(device) == []
        assert hub.state()["dropped"] == {"unmapped value": 1}

    with_more_time(meanwhile, 0.2, 1.6, 6.4)


# -- list, delete, download, rights -------------------------------------------------------------


def test_records_are_filtered_and_paged(hub):
    device = ready(hub)
    for number in range(5):
        device.send(series(sample(T0, **{f"nope{number}": "1"})))
    hub.settle()
    everything = records(device)
    assert len(everything) == 5
    assert records(device, "size=2&page=1") == everything[2:4]
    one = quote(json.dumps({"dropReason": {"contains": "nope3"}}))
    assert records(device, "filter=" + one) == [everything[3]]
    by_id = quote(json.dumps({"correlationId": everything[4]["correlationId"]}))
    assert records(device, "filter=" + by_id) == [everything[4]]
    assert device.call("GET", PATH + "?filter=" + quote('{"color":1}')).status == 400


def test_deletion(hub):
    device = ready(hub)
    device.send(series(sample(T0, nope="1")))
    one = f"{PATH}/{the_record(hub, device)['id']}"
    assert (device.call("DELETE", one).status, device.call("DELETE", one).status) == (204, 404)
    assert device.call("POST", one + "/replay").status == 404
    assert device.call("GET", one + "/downloadLink").status == 404
    assert records(device) == []


@pytest.mark.parametrize(
    ("item", "media_type"),
    [
        (series(sample(T0, nope="1")), "application/json"),
        (event(type=None), "application/json"),
        (({"type": "x", "version": "1"}, "text/plain", b"\x00\xff"), "application/octet-stream"),
    ],
)
def test_the_download_link_needs_no_token_and_gives_the_bytes_that_were_sent(
    hub, item, media_type
):
    device = ready(hub)
    hub.change_settings(custom_data_consumer=False)
    device.send(item)
    record = the_record(hub, device)
    link = device.call("GET", f"{PATH}/{record['id']}/downloadLink")
    assert link.status == 200
    assert isinstance(link.json, str)
    assert link.json.startswith(hub.url)
    parts = urlsplit(link.json)
    got = call(hub.url, "GET", f"{parts.path}?{parts.query}")
    assert (got.status, got.body) == (200, item[2])
    assert got.headers["content-type"] == media_type


def test_a_download_link_opens_one_record_for_a_while_and_nothing_else(hub):
    device = ready(hub)
    device.send(series(sample(T0, nope="1")))
    device.send(series(sample(T0, nope="2")))
    hub.settle()
    first, second = records(device)
    parts = urlsplit(device.call("GET", f"{PATH}/{first['id']}/downloadLink").json)
    ticket = parts.query.partition("=")[2]
    place = parts.path.rpartition("/")[0]

    def status(record, query):
        return call(hub.url, "GET", f"{place}/{record}{query}").status

    assert status(first["id"], "?ticket=" + ticket) == 200
    assert status(second["id"], "?ticket=" + ticket) == 403
    assert status(first["id"], "") == 403
    assert status(first["id"], "?ticket=" + device.token) == 403, "an access token is no ticket"
    bearer = {"Authorization": f"Bearer {ticket}"}
    assert call(hub.url, "GET", PATH, headers=bearer).status == 401, "nor the other way round"
    hub.set_clock(700)
    assert status(first["id"], "?ticket=" + ticket) == 403


def test_an_agent_sees_its_own_and_an_operator_by_scope(hub):
    one, two = ready(hub), onboarded(hub, "two")
    two.put_configuration(configuration())
    for device in (one, two):
        device.send(series(sample(T0, nope="1")))
    hub.settle()
    (mine,), (other,) = records(one), records(two)
    assert mine["agentId"] == one.id
    for method, path in (
        ("POST", f"{PATH}/{other['id']}/replay"),
        ("GET", f"{PATH}/{other['id']}/downloadLink"),
        ("DELETE", f"{PATH}/{other['id']}"),
    ):
        assert one.call(method, path).status == 403
        assert call(hub.url, method, path).status == 401
    reader = {"Authorization": f"Bearer {hub.operator_token(['rec.r'])}"}
    assert len(call(hub.url, "GET", PATH, headers=reader).json["content"]) == 2
    assert call(hub.url, "DELETE", f"{PATH}/{mine['id']}", headers=reader).status == 403
    assert records(one) == [mine]


def test_records_and_activations_outlive_a_restart(tmp_path):
    settings = {"processing_delay_s": 0.0}
    with Emulator(tls=False, data=tmp_path, settings=settings) as hub:
        device = ready(hub)
        device.call("POST", CONNECT + "/diagnosticActivations", {"agentId": device.id})
        device.send(series(sample(T0, nope="1")))
        hub.settle()
        before = hub.recoverable_records(), hub.messages()
    with Emulator(tls=False, data=tmp_path, settings=settings) as hub:
        assert (hub.recoverable_records(device.id), hub.messages(device.id)) == before
        assert len(before[1]) == 3
