"""Whatever the time series services are asked, they answer with 2xx or 4xx in their own shape."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .plant import BASE, MOTOR, Plant, at
from .test_aggregates import BASE as AGGREGATES
from .test_fuzz import json_values

pytestmark = pytest.mark.slow
few = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = (
    *("from", "to", "limit", "select", "sort", "latestValue", "_before"),
    *("intervalUnit", "intervalValue", "count"),
)
TEXTS = (
    *(at(1), at(9), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1", "2000", "2001"),
    *("rpm", "state,load", "rpm.sum", "asc", "desc", "true", "month", "minute", "day", "3"),
)
parameters = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS) | st.text(max_size=8)), max_size=5
)
records = st.dictionaries(
    st.sampled_from(["_time", "_time", *MOTOR, "rpm_qc", "bare_qc", "nope"]),
    st.sampled_from(TEXTS) | json_values,
    max_size=5,
)


@pytest.fixture
def plant(hub):
    plant = Plant(hub)
    plant.write({"_time": at(1), "rpm": 1, "rpm_qc": 1}, {"_time": at(2), "load": 2, "state": "x"})
    return plant


def query_of(pairs):
    # A lone surrogate cannot be sent at all; everything else can.
    return "&".join(f"{name}={quote(text.encode('utf-8', 'replace'))}" for name, text in pairs)


@few
@given(parameters)
def test_any_query_is_answered_or_refused(plant, pairs):
    """Promise: no parameter makes a 500, and a refusal says what is wrong in 400's shape."""
    query = query_of(pairs)
    got = plant.call("GET", f"{plant.path()}?{query}")
    assert got.status in (200, 400), query
    assert isinstance(got.json, list) if got.status == 200 else got.json["message"]
    got = plant.call("GET", f"{AGGREGATES}?assetId={plant.asset}&aspectName=motor&{query}")
    assert got.status in (200, 400), query
    assert "aggregates" in got.json if got.status == 200 else got.json["errors"][0]["message"]


@few
@given(st.lists(st.one_of(records, records, json_values), max_size=4), st.booleans())
def test_any_body_is_written_or_refused(plant, data, several):
    """Promise: what was taken can be read again, whatever it was."""
    if several:
        entry = {"entityId": plant.asset, "propertySetName": "motor", "data": data}
        assert plant.call("PUT", BASE, json.dumps({"timeseries": [entry]})).status in (202, 400)
    else:
        assert plant.call("PUT", plant.path(), json.dumps(data)).status in (204, 400)
    assert plant.get(start="0001-01-01T00:00:00Z").status == 200
    assert plant.get(latestValue="true").status == 200


@few
@given(json_values)
def test_any_json_is_no_reason_to_fail(plant, value):
    for path in (plant.path(), BASE):
        got = plant.call("PUT", path, json.dumps(value))
        assert got.status in (204, 202, 400), value


@few
@given(parameters)
def test_any_deletion_is_carried_out_or_refused(plant, pairs):
    got = plant.call("DELETE", f"{plant.path()}?{query_of(pairs)}")
    assert got.status in (204, 400)
