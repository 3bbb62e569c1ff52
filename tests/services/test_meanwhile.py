"""What changes under a time series client: variables that are added, and this machine's clock."""

import dataclasses
import datetime as dt

import pytest

from mcagent.errors import InvalidMessage
from mcagent.runtime import Clock
from mcagent.services.assets import Assets
from mcagent.services.assets_values import AspectType, Asset, AssetType
from mcagent.services.timeseries import TimeSeries
from tests.helpers import raises
from tests.services.plant import DAY_MS, T0, make_asset


def test_a_variable_that_was_added_meanwhile_is_known(platform):
    """A name that is missing is looked for once more before it is refused; not for each record."""
    assets = Assets(platform.session())
    number = {"dataType": "INT", "unit": "", "qualityCode": False}
    members = {"name": "M", "category": "dynamic", "scope": "private"}
    kind = AspectType.from_wire(
        {**members, "id": "localdev.M", "variables": [{**number, "name": "a"}]}
    )
    there = assets.put_aspect_type(kind)
    aspects = [{"name": "m", "aspectType": {"id": "localdev.M"}}]
    machine = {"id": "localdev.T", "name": "T", "parentTypeId": "core.basicasset"}
    assets.put_asset_type(
        AssetType.from_wire(
            {**machine, "instantiable": True, "scope": "private", "aspects": aspects}
        )
    )
    asset = assets.create(Asset("", "x", "localdev.T", assets.root().id)).id
    session = platform.session()
    writing, selecting, refusing = TimeSeries(session), TimeSeries(session), TimeSeries(session)
    for one in (writing, selecting, refusing):
        one.write(asset, "m", [(T0, {"a": 1})])
    more = AspectType.from_wire(
        {
            **members,
            "id": "localdev.M",
            "variables": [{**number, "name": name} for name in "ab"],
        }
    )
    assets.put_aspect_type(dataclasses.replace(more, etag=there.etag))
    writing.write(asset, "m", [(T0 + 1, {"a": 1}), (T0 + 2, {"b": 2})])
    (record,) = selecting.read(asset, "m", T0, T0 + 5, select=["b"])
    assert record.values == {"b": 2}
    before = len(session.transport.requests)
    raises(InvalidMessage, refusing.write, asset, "m", [(T0 + 3, {"z": 1})] * 50)
    raises(InvalidMessage, refusing.read, asset, "m", T0, T0 + 5, select=["z"])
    assert len(session.transport.requests) == before + 2


@pytest.mark.parametrize("days", [-400, -3, 3])
def test_now_is_the_platforms_also_before_the_first_answer(platform, days):
    """A machine whose clock is days off reads to now, and not to its own now."""
    asset = make_asset(platform)
    right = platform.session()
    now_ms = right.clock.now_ms()
    TimeSeries(right).write(asset, "motor", [(now_ms - 5000, {"rpm": 7})])

    class Wrong(Clock):
        def now_ms(self):
            return super().now_ms() + days * DAY_MS

    session = platform.session(clock=Wrong(), credentials=right.credentials)
    (record,) = TimeSeries(session).read(asset, "motor", now_ms - 60_000)
    assert record.values == {"rpm": 7}
    raises(InvalidMessage, TimeSeries(session).read, asset, "motor", dt.datetime(2026, 1, 5))
