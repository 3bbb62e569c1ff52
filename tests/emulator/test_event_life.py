"""An event vanishes when the days of its type are over; from when they count is a switch."""

import json
from urllib.parse import quote

import pytest

from .application import Application
from .device import event, onboarded
from .plant import DAY_S

EVENTS = "/api/eventmanagement/v3"
OLD = "2026-01-05T08:00:00Z"


def found(hub, **wanted):
    wanted["timestamp"] = {"after": "2020-01-01T00:00:00Z"}
    path = f"{EVENTS}/events?filter={quote(json.dumps(wanted))}"
    got = Application(hub).call("GET", path)
    assert got.status == 200, got.body
    return got.json.get("_embedded", {}).get("events", [])


@pytest.fixture
def both(hub):
    """An event that a device exchanged and one that an application posted."""
    device = onboarded(hub)
    device.send(event(correlationId="exchanged"))
    hub.settle()
    body = {"entityId": device.id, "timestamp": OLD, "correlationId": "posted"}
    got = Application(hub).call("POST", f"{EVENTS}/events", body)
    assert got.status == 201
    return f"{EVENTS}/events/{got.json['id']}"


@pytest.mark.parametrize(("age_s", "left"), [(35 * DAY_S - 60, 2), (35 * DAY_S + 60, 0)])
def test_events_are_there_for_the_35_days_of_the_standard_type_after_they_came(
    hub, both, age_s, left
):
    """Their own time is months ago: a device may have been offline for so long."""
    hub.set_clock(age_s)
    assert hub.state()["events"] == left
    assert Application(hub).call("GET", both).status == (200 if left else 404)
    assert len(found(hub)) == left
    assert len(hub.events()) == left


def test_the_days_are_those_of_the_type(hub):
    application = Application(hub)
    kind = {"id": "localdev.short", "name": "short", "ttl": 2}
    assert application.call("POST", f"{EVENTS}/eventTypes", kind).status == 201
    device = onboarded(hub)
    device.send(event(type="short"), event())
    hub.settle()
    path = f"{EVENTS}/eventTypes/localdev.short"
    assert Application(hub).call("DELETE", path, If_Match="0").status == 400
    assert len(found(hub, typeId="localdev.short")) == 1
    hub.set_clock(2 * DAY_S + 60)
    # A type whose events are gone is used by none.
    assert Application(hub).call("DELETE", path, If_Match="0").status == 204
    assert [one["typeId"].rpartition(".")[2] for one in found(hub)] == ["MindSphereStandardEvent"]


def test_by_their_own_time_old_events_are_gone_at_once(hub):
    hub.change_settings(event_ttl="timestamp")
    device = onboarded(hub)
    device.send(event())
    hub.settle()
    assert found(hub) == []
    assert hub.state()["events"] == 0


def test_switched_off_nothing_vanishes(hub):
    hub.change_settings(event_ttl="off")
    device = onboarded(hub)
    device.send(event())
    hub.settle()
    hub.set_clock(3000 * DAY_S)
    assert len(found(hub)) == 1
    assert hub.breaches() == []
