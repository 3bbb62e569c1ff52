"""The filter language: each operator, each refusal, and a model of it (services API 4.2, 5.1)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.emulator.answers import Refusal
from mcagent.emulator.filters import read_filter

KNOWN = frozenset(("name", "severity", "timestamp", "acknowledged", "deleted"))
ROW = {
    "name": "Pump 1",
    "severity": 20,
    "timestamp": "2026-03-04T05:06:07.089Z",
    "acknowledged": False,
    "deleted": None,
}


def passes(wanted, row=ROW, *, ignore_unknown=False):
    return read_filter(json.dumps(wanted), KNOWN, ignore_unknown=ignore_unknown)(row)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, True),
        ({"name": "Pump 1"}, True),
        ({"name": "pump 1"}, False),
        ({"severity": 20, "name": "Pump 2"}, False),
        ({"acknowledged": False}, True),
        ({"acknowledged": 0}, False),
        ({"deleted": None}, True),
        ({"deleted": {"eq": None}}, True),
        ({"severity": {"in": [20, 30]}}, True),
        ({"severity": {"in": {"value": [30]}}}, False),
        ({"name": {"startsWith": "Pu", "endsWith": "1", "contains": "mp"}}, True),
        ({"name": {"contains": {"value": "nothing"}}}, False),
        ({"severity": {"contains": "2"}}, False),
        ({"timestamp": {"after": "2026-03-04T05:06:07.088Z"}}, True),
        ({"timestamp": {"after": "2026-03-04T05:06:07.089Z"}}, False),
        ({"timestamp": {"before": "2026-03-04T05:06:07.089Z"}}, False),
        ({"timestamp": {"before": "2026-03-04T06:06:07.090+01:00"}}, True),
        ({"timestamp": {"between": "[2026-03-04T05:06:07.089Z,2026-03-04T05:06:07.089Z]"}}, True),
        ({"timestamp": {"between": "(2026-03-04T05:06:07.089Z,2026-03-05T00:00:00Z]"}}, False),
        ({"timestamp": {"between": "[2026-03-04T00:00:00Z, 2026-03-04T05:06:07.089Z)"}}, False),
        ({"deleted": {"after": "2026-03-04T00:00:00Z"}}, False),
        ({"and": [{"severity": 20}, {"name": "x"}]}, False),
        ({"or": [{"severity": 20}, {"name": "x"}]}, True),
        ({"or": {"severity": 30, "name": "Pump 1"}}, True),
        ({"or": []}, False),
        ({"not": {"severity": 20}}, False),
        ({"not": {"not": {"severity": 20}}}, True),
    ],
)
def test_each_operator(wanted, expected):
    assert passes(wanted) is expected


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "7",
        "[]",
        '"text"',
        "NaN",
        '{"nobody":1}',
        '{"name":{}}',
        '{"name":[1]}',
        '{"name":{"like":"x"}}',
        '{"name":{"startsWith":7}}',
        '{"name":{"in":"x"}}',
        '{"name":{"eq":[1]}}',
        '{"and":7}',
        '{"or":[7]}',
        '{"not":[]}',
        '{"timestamp":{"after":"yesterday"}}',
        '{"timestamp":{"between":"2026"}}',
        '{"timestamp":{"between":"[2026-03-01T00:00:00Z]"}}',
        '{"timestamp":{"between":7}}',
        '{"name":{"before":"2026-03-04T05:06:07Z"}}',
        '{"not":' * 11 + "{}" + "}" * 11,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_filter_is_400(text):
    """Promise: broken JSON, unknown members, operators and values: 400 with the reason."""
    with pytest.raises(Refusal) as caught:
        read_filter(text, KNOWN, ignore_unknown=False)(ROW)
    assert caught.value.status == 400
    assert caught.value.message


def test_limits_of_a_filter_at_the_value():
    assert read_filter('{"not":' * 10 + "{}" + "}" * 10, KNOWN, ignore_unknown=False)(ROW)
    assert passes({"severity": {"in": [20] * 1000}})
    with pytest.raises(Refusal):
        passes({"severity": {"in": [20] * 1001}})


def test_unknown_members_are_left_out_where_the_service_ignores_them():
    assert passes({"nobody": 1, "severity": 20}, ignore_unknown=True)
    assert not passes({"nobody": 1, "severity": 30}, ignore_unknown=True)


conditions = st.recursive(
    st.fixed_dictionaries({"severity": st.integers(0, 3)}),
    lambda inner: (
        st.fixed_dictionaries({"and": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"or": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=6,
).filter(lambda wanted: json.dumps(wanted).count("{") < 10)


def model(wanted, row):
    (word, value), *rest = wanted.items()
    assert not rest
    if word == "and":
        return all(model(one, row) for one in value)
    if word == "or":
        return any(model(one, row) for one in value)
    if word == "not":
        return not model(value, row)
    return row["severity"] == value


@given(wanted=conditions, severity=st.integers(0, 3))
def test_words_combine_as_logic_does(wanted, severity):
    row = {**ROW, "severity": severity}
    assert passes(wanted, row) is model(wanted, row)
