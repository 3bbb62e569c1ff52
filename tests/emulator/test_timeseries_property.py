"""Properties of the time series service: what was put is what comes back, page by page."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcagent.emulator.times import format_time, parse_time

from .plant import Plant

pytestmark = pytest.mark.slow
T0 = 1767600000000
# Few times and values, so that records meet, are replaced and end on the ends of ranges.
moments = st.integers(0, 12).map(lambda n: T0 + n * 250)
VALUES = {
    "rpm": st.integers(-(2**31), 2**31 - 1),
    "total": st.integers(-(2**63), 2**63 - 1),
    "load": st.floats(-1e126, 1e126).filter(lambda x: x == 0 or abs(x) >= 1e-130),
    "on": st.booleans(),
    "state": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10),
    "since": moments.map(format_time).map(lambda text: text.replace(".000Z", "Z")),
}
codes = st.integers(-(2**31), 2**31 - 1)


@st.composite
def records(draw):
    record = {"_time": format_time(draw(moments))}
    for name in draw(st.sets(st.sampled_from(sorted(VALUES)))):
        record[name] = draw(VALUES[name])
        if draw(st.booleans()):
            record[f"{name}_qc"] = draw(codes)
    return record


bodies = st.lists(st.lists(records(), max_size=12), max_size=4)
# Enough records for several pages.
long_bodies = st.lists(st.lists(records(), min_size=6, max_size=20), min_size=1, max_size=2)


class Model:
    """What the service should hold: a dict, and nothing clever."""

    def __init__(self):
        self.held = {}

    def put(self, body):
        for record in body:
            time_ms = parse_time(record["_time"])
            self.held.pop(time_ms, None)
            if len(record) > 1:
                self.held[time_ms] = record | {"_time": record["_time"].replace(".000Z", "Z")}

    def delete(self, after_ms, to_ms):
        self.held = {t: r for t, r in self.held.items() if not after_ms < t <= to_ms}

    def read(self, after_ms, to_ms, names=(), sort="asc"):
        found = []
        for time_ms in sorted(self.held, reverse=sort == "desc"):
            record = self.held[time_ms]
            if names:
                kept = {"_time", *names, *(f"{name}_qc" for name in names)}
                record = {name: value for name, value in record.items() if name in kept}
            if after_ms < time_ms <= to_ms and len(record) > 1:
                found.append(record)
        return found


@pytest.fixture(scope="module")
def plant(session_hub):
    session_hub.clear()
    return Plant(session_hub)


slow_server = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def emptied(plant):
    """Forget what an example before this one wrote."""
    got = plant.delete(start=format_time(T0 - 1), to=format_time(T0 + 10**7))
    assert got.status == 204
    return plant


@slow_server
@given(bodies, moments, moments, st.booleans())
def test_what_was_put_is_what_comes_back(plant, bodies, one, other, deleting):
    emptied(plant)
    model = Model()
    first, last = sorted((one, other + 1))
    for body in bodies:
        plant.write(*body)
        model.put(body)
    if deleting:
        got = plant.delete(start=format_time(first), to=format_time(last))
        assert got.status == 204
        model.delete(first, last)
    else:
        found = plant.read(start=format_time(first), to=format_time(last))
        assert found == model.read(first, last)
    assert plant.read(start=format_time(T0 - 1)) == model.read(T0 - 1, 2**62)
    newest = model.read(T0 - 1, 2**62, sort="desc")[:1]
    assert plant.read() == newest


@slow_server
@given(
    long_bodies,
    st.integers(0, 3).map(lambda n: T0 + n * 250),
    st.one_of(st.none(), st.integers(5, 12).map(lambda n: T0 + n * 250)),
    st.integers(1, 4),
    st.sets(st.sampled_from(sorted(VALUES)), max_size=3),
    st.sampled_from(["asc", "desc"]),
)
def test_pages_neither_lose_nor_repeat(plant, bodies, first, last, limit, names, sort):
    emptied(plant)
    model = Model()
    for body in bodies:
        plant.write(*body)
        model.put(body)
    query = {"start": format_time(first - 1), "limit": limit, "sort": sort}
    if last is not None:
        query["to"] = format_time(last)
    if names:
        query["select"] = ",".join(names)
    pages = plant.everything(**query)
    wanted = model.read(first - 1, 2**62 if last is None else last, names, sort)
    assert [record for page in pages for record in page] == wanted
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1] != [] or len(pages) == 1


@slow_server
@given(bodies, st.sets(st.sampled_from(["rpm", "total", "load", "on"]), max_size=3))
def test_latest_values_are_the_newest_of_each_variable(plant, bodies, names):
    emptied(plant)
    model = Model()
    for body in bodies:
        plant.write(*body)
        model.put(body)
    query = {"latestValue": "true"}
    if names:
        query["select"] = ",".join(names)
    found = plant.read(**query)
    merged = {}
    for record in found:
        values = {name: value for name, value in record.items() if name != "_time"}
        assert not set(values) & set(merged)
        merged.update({name: (record["_time"], value) for name, value in values.items()})
    wanted = {}
    for name in names or ("rpm", "total", "load", "on"):
        for time_ms in sorted(model.held):
            if name in model.held[time_ms]:
                wanted[name] = (model.held[time_ms]["_time"], model.held[time_ms][name])
    assert merged == wanted
