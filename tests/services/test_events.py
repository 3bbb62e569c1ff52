"""mcagent/services/events.py and assets.py, on the local hub."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from mcagent import InvalidMessage, RemoteError
from mcagent.messages.timestamp import format_ms
from mcagent.services.assets import Assets
from mcagent.services.assets_values import AspectType, Asset, AssetType, Location, Variable
from mcagent.services.events import Events
from mcagent.services.events_values import EventField, EventType, StoredEvent


@pytest.fixture
def asset(platform):
    return platform.hub.create_asset("Press", {"press": {"a": {"type": "DOUBLE"}}})


def now_ms(session):
    return session.now_ms()


def test_events_are_posted_and_read_by_page(platform, asset):
    """More than one page, each event once, the newest first."""
    session = platform.session()
    events, begin = Events(session), now_ms(session) - 3_600_000
    for number in range(105):
        events.post(
            StoredEvent(asset, format_ms(begin + number), severity=20, description=f"no. {number}")
        )
    found = list(events.list(entity_id=asset))
    assert [one.description for one in found] == [f"no. {n}" for n in reversed(range(105))]
    assert (found[0].severity, found[0].etag, found[0].acknowledged) == (20, 1, None)
    assert events.get(found[0].id) == found[0]


def test_the_range_includes_both_of_its_ends(platform, asset):
    """To the millisecond; and without a range the service looks back seven days."""
    session = platform.session()
    events, end = Events(session), now_ms(session)
    times = [end - 8 * 86_400_000, end - 2000, end - 1000, end]
    for at in times:
        events.post(StoredEvent(asset, format_ms(at), description=str(at)))
    read = lambda **range_: [int(one.description) for one in events.list(**range_)]  # noqa: E731
    assert read() == [end, end - 1000, end - 2000]
    assert read(since=end - 2000, until=end - 1000) == [end - 1000, end - 2000]
    assert read(since=end - 1999, until=end - 1001) == []
    assert read(since=times[0]) == times[::-1]
    assert read(until=datetime.fromtimestamp(times[0] / 1000, timezone.utc)) == times[:1]
    with pytest.raises(InvalidMessage, match="before it begins"):
        list(events.list(since=end, until=end - 1))
    with pytest.raises(InvalidMessage):
        list(events.list(since=datetime(2026, 1, 1)))


def test_filters_and_history(platform, asset):
    """Severity, source, code; of one matter the newest state, or all."""
    session = platform.session()
    events, at = Events(session), now_ms(session)
    first = events.post(
        StoredEvent(asset, format_ms(at - 10), severity=20, source="pump", code="E-1")
    )
    again = events.post(
        replace(first, timestamp=format_ms(at), correlation_id=first.correlation_id, id="")
    )
    events.post(StoredEvent(asset, format_ms(at), severity=40, source="drive"))
    assert [one.id for one in events.list(source="pump")] == [again.id]
    assert [one.id for one in events.list(source="pump", history=True)] == [again.id, first.id]
    assert len(list(events.list(severity=40))) == 1
    assert [one.id for one in events.list(code="E-1", severity=20)] == [again.id]
    assert len(list(events.list(correlation_id=first.correlation_id, history=True))) == 2


def test_own_types_carry_own_fields(platform, asset):
    """Made, extended by version, used."""
    session = platform.session()
    events = Events(session)
    kind = EventType("localdev.PumpEvent", (EventField("pressure", "DOUBLE", filterable=True),))
    assert events.find_type(kind.id) is None
    made = events.create_type(kind)
    assert (made.name, made.etag) == ("PumpEvent", 0)
    wider = replace(kind, fields=(*kind.fields, EventField("mode", "ENUM", values=("A", "B"))))
    wider = events.extend_type(made, replace(wider, ttl=7))
    assert ([field.name for field in wider.fields], wider.ttl) == (["pressure", "mode"], 7)
    assert events.extend_type(wider, wider) == wider
    with pytest.raises(RemoteError, match="412"):
        events.extend_type(made, wider)
    posted = events.post(
        StoredEvent(
            asset,
            format_ms(now_ms(session)),
            type_id=kind.id,
            details={"pressure": 4.5, "mode": "A"},
        )
    )
    assert posted.details == {"pressure": 4.5, "mode": "A"}
    assert [one.id for one in events.list(type_id=kind.id)] == [posted.id]
    assert kind.id in [one.id for one in events.types()]
    with pytest.raises(RemoteError, match="400"):
        events.post(replace(posted, details={"presure": 1.0}, id=""))


def test_an_event_without_asset_or_time_never_leaves(platform):
    """It is told here."""
    session = platform.session()
    for event in (StoredEvent("", "2026-01-05T08:00:00.000Z"), StoredEvent("a" * 32, "")):
        with pytest.raises(InvalidMessage, match="an asset and a time"):
            Events(session).post(event)
    assert session.transport.requests == []


# -- assets


def test_assets_and_types_are_made_found_changed_and_deleted(platform):
    """With versions; only what differs is sent."""
    session = platform.session()
    assets = Assets(session)
    rotor = assets.put_aspect_type(
        AspectType("localdev.Rotor", (Variable("speed", "DOUBLE", unit="1/min"),))
    )
    assert assets.aspect_type("localdev.Rotor") == rotor
    with pytest.raises(RemoteError, match="412"):
        assets.put_aspect_type(replace(rotor, etag=None))
    wider = replace(rotor, variables=(*rotor.variables, Variable("pitch", "DOUBLE")))
    assert assets.put_aspect_type(wider).etag == rotor.etag + 1
    kind = assets.put_asset_type(
        AssetType("localdev.Turbine", "core.basicdevice", (("rotor", "localdev.Rotor"),))
    )
    assert assets.asset_type("localdev.Turbine").aspects == (("rotor", "localdev.Rotor"),)
    assert assets.asset_type("localdev.None") is None
    made = assets.create(
        Asset("", "T1", kind.id, assets.root().id, location=Location("Spain", latitude=40.5))
    )
    (aspect,) = assets.aspects(made.id)
    assert [variable.name for variable in aspect.variables] == ["speed", "pitch"]
    changed = assets.change(made, replace(made, external_id="SN-1"))
    assert (changed.external_id, changed.location.country) == ("SN-1", "Spain")
    assert assets.change(changed, changed) is changed
    with pytest.raises(RemoteError, match="412"):
        assets.change(made, replace(made, external_id="SN-2"))
    assert [one.id for one in assets.list(type_id="localdev.Turbine")] == [made.id]
    assert [one.name for one in assets.list(external_id="SN-1")] == ["T1"]
    assert "localdev.Rotor" in [one.id for one in assets.aspect_types()]
    assert {"core.mclib", "localdev.Turbine"} <= {one.id for one in assets.asset_types()}
    assets.delete(changed)
    assets.delete(changed)
    assert assets.find("T1") is None


def test_several_assets_of_a_name_are_told(platform):
    """A name is no id."""
    session = platform.session()
    assets = Assets(session)
    hall = assets.create(Asset("", "Hall", "core.basicarea", assets.root().id))
    first = assets.create(Asset("", "Press", "core.basicarea", assets.root().id))
    assets.create(Asset("", "Press", "core.basicarea", hall.id))
    with pytest.raises(RemoteError, match="2 assets are called 'Press'"):
        assets.find("Press")
    assert assets.find("Press", parent_id=first.parent_id).id == first.id
    assert assets.find("press") is None


def test_a_filter_that_is_ignored_deceives_nobody(platform, monkeypatch):
    """Everything comes, and what does not fit is left out here."""
    from mcagent.emulator.api import assets as api

    monkeypatch.setattr(api, "read_filter", lambda *_args, **_options: lambda _row: True)
    session = platform.session()
    assets = Assets(session)
    for name in ("A", "B"):
        assets.create(Asset("", name, "core.basicarea", assets.root().id))
    assert [one.name for one in assets.list(name="B")] == ["B"]
