"""Each rule of `--strict`: it is enforced there, and elsewhere its breach passes and is noted."""

import json
import logging
import threading
import time

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.breaches import Breaches
from mcagent.emulator.clock import PlatformClock
from mcagent.emulator.settings import STRICT, Settings
from mcagent.emulator.times import format_time

from .application import Application
from .device import (
    CONNECT,
    configuration,
    event,
    exchange_body,
    file_item,
    onboarded,
    ready,
    sample,
    timeseries,
)
from .plant import BASE, DAY_S, Plant, at

T0 = "2026-01-05T08:00:00.000Z"


@pytest.fixture(scope="module")
def module_hub():
    settings = {"processing_delay_s": 0.0}
    with Emulator(tls=False, strict=True, settings=settings) as hub:
        yield hub


@pytest.fixture
def strict(module_hub):
    module_hub.clear()
    return module_hub


# Each does what its rule forbids, and tells whether the hub let it pass.


def a_large_exchange(hub):
    body_max = STRICT["max_exchange_bytes"]
    name, kind, content = file_item("big.bin", b"x" * (body_max - 200))
    return ready(hub).exchange(exchange_body((name, kind, content))).status == 200


def many_samples_in_one_exchange(hub):
    name, kind, content = timeseries(sample(T0, P1="1"))
    content += b" " * (STRICT["max_timeseries_bytes"] + 1 - len(content))
    return ready(hub).exchange(exchange_body((name, kind, content))).status == 200


def a_record_in_pieces(hub):
    device = ready(hub)
    device.send(timeseries(sample(T0, P1="1")))
    device.send(timeseries(sample(T0, CNT="2")))
    hub.settle()
    return hub.stored(device.id)[0]["values"] == {"P1": 1.0, "CNT": 2}


def a_token_with_the_old_secret(hub):
    device = onboarded(hub)
    old = device.answer
    assert device.rotate().status == 200
    return device.ask_token(answer=old).status == 200


def a_point_without_a_unit(hub):
    value = configuration()
    del value["dataSources"][0]["dataPoints"][0]["unit"]
    return onboarded(hub).put_configuration(value).status == 200


def _map(hub, device, *assets):
    got = [
        device.call(
            "POST",
            CONNECT + "/dataPointMappings",
            {
                "agentId": device.id,
                "dataPointId": "P1",
                "entityId": asset,
                "propertySetName": "a",
                "propertyName": "v",
            },
        )
        for asset in assets
    ]
    return got[-1].status == 201


def a_mapping_to_another_unit(hub):
    device = onboarded(hub)
    device.put_configuration(configuration())
    return _map(hub, device, hub.create_asset("x", {"a": {"v": {"type": "DOUBLE", "unit": "m"}}}))


def one_point_for_two_variables(hub):
    device = onboarded(hub)
    device.put_configuration(configuration())
    shape = {"a": {"v": {"type": "DOUBLE"}}}
    return _map(hub, device, hub.create_asset("x", shape), hub.create_asset("y", shape))


def an_event_without_a_version(hub):
    device = onboarded(hub)
    device.send(event(version=None, timestamp=format_time(round(time.time() * 1000))))
    hub.settle()
    return len(hub.events(device.id)) == 1


def an_event_older_than_its_type_lives(hub):
    device, age_s = onboarded(hub), 36 * DAY_S
    device.send(event(timestamp=format_time(round((time.time() - age_s) * 1000))))
    hub.settle()
    return len(hub.events(device.id)) == 1


def custom_data(hub):
    device = onboarded(hub)
    device.send(({"type": "recipe\x1b[31m", "version": "1.0"}, "text/plain", b"x"))
    hub.settle()
    return hub.recoverable_records() == []


def a_quality_code_that_the_variable_has_not(hub):
    return Plant(hub).put({"_time": at(1), "bare": 1, "bare_qc": 0}).status == 204


def a_number_for_a_text(hub):
    return Plant(hub).put({"_time": at(1), "state": 1.10}).status == 204


def the_latest_value_at_once(hub):
    plant = Plant(hub)
    plant.write({"_time": at(1), "rpm": 1})
    return plant.read(latestValue="true") != []


def the_latest_value_of_last_month(hub):
    plant = Plant(hub)
    plant.write({"_time": at(1), "rpm": 1})
    hub.set_clock(31 * DAY_S)
    return plant.renew().read(latestValue="true") != []


def a_large_write(hub):
    plant = Plant(hub)
    body = json.dumps([{"_time": at(1), "rpm": 1}])
    return plant.call("PUT", plant.path(), body.ljust(STRICT["max_put_bytes"] + 1)).status == 204


def a_large_write_to_several(hub):
    plant = Plant(hub)
    entry = {"entityId": plant.asset, "propertySetName": "motor", "data": []}
    body = json.dumps({"timeseries": [entry]})
    return plant.call("PUT", BASE, body.ljust(STRICT["max_multi_put_bytes"] + 1)).status == 202


def a_small_part_of_a_file(hub):
    asset, application = hub.create_asset("x"), Application(hub)
    path = f"/api/iotfile/v3/files/{asset}/big.bin"
    assert application.call("PUT", path + "?upload=start").status in (200, 201)
    content = b"x" * (STRICT["min_part_bytes"] - 1)
    assert application.call("PUT", path + "?part=1", content).status in (200, 201)
    return application.call("PUT", path + "?upload=complete", b"end").status in (200, 201)


def two_writes_in_a_second(hub):
    plant = Plant(hub)
    body = json.dumps([{"_time": at(1), "rpm": 1}]).ljust(95_000)
    return [plant.call("PUT", plant.path(), body).status for _ in range(2)] == [204, 204]


def a_deletion_of_less_than_an_hour(hub):
    return Plant(hub).delete(start=at(0), to=at(1)).status == 204


def a_large_page_of_assets(hub):
    path = "/api/assetmanagement/v3/assets?size=201"
    return Application(hub).call("GET", path, Accept="*/*").status == 200


def a_large_page_of_events(hub):
    path = "/api/eventmanagement/v3/events?size=101"
    return Application(hub).call("GET", path, Accept="*/*").status == 200


def plain_json_accepted_alone(hub):
    path = "/api/assetmanagement/v3/assets"
    return Application(hub).call("GET", path, Accept="application/json").status == 200


BROKEN = {
    "max_exchange_bytes": a_large_exchange,
    "max_timeseries_bytes": many_samples_in_one_exchange,
    "replace_records": a_record_in_pieces,
    "previous_secret": a_token_with_the_old_secret,
    "require_units": a_point_without_a_unit,
    "units": a_mapping_to_another_unit,
    "plan": one_point_for_two_variables,
    "require_event_members": an_event_without_a_version,
    "event_ttl": an_event_older_than_its_type_lives,
    "custom_data_consumer": custom_data,
    "refuse_undeclared_quality": a_quality_code_that_the_variable_has_not,
    "refuse_unquoted_strings": a_number_for_a_text,
    "latest_min_age_s": the_latest_value_at_once,
    "latest_max_age_s": the_latest_value_of_last_month,
    "max_put_bytes": a_large_write,
    "max_multi_put_bytes": a_large_write_to_several,
    "min_part_bytes": a_small_part_of_a_file,
    "put_bytes_per_s": two_writes_in_a_second,
    "delete_rules": a_deletion_of_less_than_an_hour,
    "asset_page_max": a_large_page_of_assets,
    "event_page_max": a_large_page_of_events,
    "strict_accept": plain_json_accepted_alone,
}
# No rule to break: the words of another one's refusal.
WORDS = {"too_large_status"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_breach_passes_and_is_noted_without_strict(hub, name):
    assert BROKEN[name](hub)
    noted = [line for line in hub.breaches() if line["switch"] == name]
    assert noted, hub.breaches()
    assert all(line["what"] and line["what"].isprintable() for line in noted)
    assert hub.state()["breaches"][name] == len(noted)


@pytest.mark.parametrize("name", BROKEN)
def test_a_breach_does_not_pass_under_strict_and_is_none(strict, name):
    assert not BROKEN[name](strict)
    assert name not in strict.state()["breaches"]


def test_every_switch_of_strict_has_its_breach_here():
    assert set(BROKEN) | WORDS == set(STRICT)


def test_strict_differs_from_the_default_in_each_of_its_switches():
    default = Settings().as_dict()
    assert [name for name, value in STRICT.items() if default[name] == value] == []


def test_too_large_is_413_under_strict_and_400_without(hub, strict):
    for one, status in ((hub, 400), (strict, 413)):
        plant = Plant(one)
        body = json.dumps([{"_time": at(1), "rpm": 1}]).ljust(1_048_577)
        assert plant.call("PUT", plant.path(), body).status == status


def test_what_keeps_every_rule_is_noted_nowhere(hub):
    """Promise: no noise; a device that does all of it right reads no breach."""
    device = ready(hub)
    for second in (1, 2):
        device.send(timeseries(sample(f"2026-01-05T08:00:0{second}.000Z", P1="1", CNT="2")))
        device.send(timeseries(sample(f"2026-01-05T08:00:0{second}.000Z", P1="1", CNT="2")))
    device.send(event(timestamp=format_time(round(time.time() * 1000))), file_item("a.txt", b"x"))
    device.rotate()
    device.ask_token()
    hub.settle()
    assert hub.breaches() == []


def test_a_breach_is_logged_as_a_warning_once_a_rule_and_then_as_information(caplog):
    breaches = Breaches(Settings(), PlatformClock())
    with caplog.at_level(logging.INFO, logger="mcagent.emulator.breaches"):
        for what in ("first\nline", "second"):
            breaches.note("plan", what)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "strict mode (switch plan) would not let this pass: first?line"),
        ("INFO", "strict mode (switch plan) would not let this pass: second"),
    ]


def test_breaches_of_many_threads_are_all_counted_and_the_latest_500_kept():
    breaches = Breaches(Settings(), PlatformClock())

    def break_rules():
        for number in range(300):
            breaches.note("plan", f"no. {number}")
            breaches.show()

    threads = [threading.Thread(target=break_rules) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaches.counts() == {"plan": 1200}
    assert len(breaches.show()) == 500
    breaches.clear()
    assert (breaches.counts(), breaches.show()) == ({}, [])
