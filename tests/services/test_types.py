"""The table of types, row by row, on both sides of each limit, here and at the hub over TLS."""

import json
from decimal import Decimal

import pytest

from mcagent.errors import InvalidMessage, RemoteError
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.timeseries import SampleEncoder
from mcagent.services.records import Record, same_value
from mcagent.services.typetable import EUROPE_2, TYPES
from tests.helpers import raises
from tests.services.plant import T0, calls, make_series

NAMES = {
    "INT": "rpm",
    "LONG": "total",
    "DOUBLE": "load",
    "BOOLEAN": "on",
    "STRING": "label",
    "BIG_STRING": "log",
    "TIMESTAMP": "since",
}
GOOD = [(row.type, what, value) for row in TYPES for what, value in row.good]
BAD = [(row.type, what, value) for row in TYPES for what, value in row.bad]


def test_the_table_has_every_type_and_both_sides_of_each():
    """None without a row, no row without a value that passes and one that does not."""
    assert [row.type for row in TYPES] == list(NAMES)
    assert all(row.good and row.bad for row in TYPES)


@pytest.fixture(scope="module")
def plant(services_hub):
    from tests.services.platform import Platform

    services_hub.clear()
    platform = Platform(services_hub)
    yield make_series(platform)
    platform.close()


@pytest.mark.parametrize(("kind", "what", "value"), GOOD, ids=[f"{k}: {w}" for k, w, _ in GOOD])
def test_what_the_table_takes_is_written_and_read_back(plant, kind, what, value):
    """Over TLS, as the platform's own kind of value."""
    series, asset = plant
    series.write(asset, "motor", [(T0, {NAMES[kind]: value})])
    (record,) = series.read(asset, "motor", T0 - 1, T0)
    assert same_value(value, record.values[NAMES[kind]]), (what, record)


@pytest.mark.parametrize(("kind", "what", "value"), BAD, ids=[f"{k}: {w}" for k, w, _ in BAD])
def test_what_the_table_refuses_is_never_sent(plant, kind, what, value):
    """The message names time, variable and value; nothing of the call was written."""
    series, asset = plant
    before = calls(series, "PUT")
    good = (T0 + 1000, {NAMES[kind]: None, "rpm": 7})
    error = raises(
        InvalidMessage, series.write, asset, "motor", [good, (T0 + 2000, {NAMES[kind]: value})]
    )
    assert f"2026-01-05T08:00:02.000Z, variable {NAMES[kind]!r}: " in error.message, what
    assert calls(series, "PUT") == before


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INT", 2**31),
        ("INT", -(2**31) - 1),
        ("LONG", 2**63),
        ("LONG", -(2**63) - 1),
        ("DOUBLE", 1e127),
        ("DOUBLE", 1e-131),
        ("BOOLEAN", "yes"),
        ("STRING", "x" * 256),
        ("BIG_STRING", "x" * 100_001),
        ("TIMESTAMP", "5 January 2026"),
    ],
)
def test_the_platform_would_refuse_them_too(plant, kind, value):
    """An independent witness for the far side of the limits."""
    series, asset = plant
    path = f"/api/iottimeseries/v3/timeseries/{asset}/motor"
    body = [{"_time": "2026-01-05T08:00:00Z", NAMES[kind]: value}]
    assert raises(RemoteError, series.session.call, "PUT", path, document=body).status == 400


def test_a_decimal_goes_on_the_wire_digit_by_digit(platform):
    """38 digits, none of them rounded by a float on the way."""
    series, asset = make_series(platform)
    digits = "1.2345678901234567890123456789012345678"
    series.write(asset, "motor", [(T0, {"load": Decimal(digits)})])
    assert f'"load":{digits}'.encode() in _last_body(series)


def test_a_variables_own_length_counts(platform):
    """`state` holds 10 characters."""
    series, asset = make_series(platform)
    series.write(asset, "motor", [(T0, {"state": "x" * 10})])
    error = raises(InvalidMessage, series.write, asset, "motor", [(T0, {"state": "x" * 11})])
    assert "11 characters" in error.message


def test_a_record_of_200_000_counted_bytes_passes_and_one_more_does_not(platform):
    """Two a character, by type otherwise; `_time` and codes are not counted."""
    series, asset = make_series(platform)
    exact = {"log": "x" * 99_990, "rpm": 1, "total": 1, "load": 1.5}
    assert 2 * 99_990 + 4 + 8 + 8 == 200_000
    series.write(asset, "motor", [(T0, exact, {"rpm": 0})])
    over = {**exact, "on": True}
    error = raises(InvalidMessage, series.write, asset, "motor", [(T0, over)])
    assert "200001 counted bytes" in error.message
    series.write(asset, "motor", [(T0, {"log": "x" * 100_000})])


def test_an_empty_string_is_left_out_and_counted(platform):
    """The platform ignores it; a record of nothing else is not sent."""
    series, asset = make_series(platform)
    written = series.write(
        asset, "motor", [(T0, {"label": "", "rpm": 1}), (T0 + 1, {"label": ""})]
    )
    assert (written.records, written.empty_strings) == (1, 2)
    assert [r.values for r in series.read(asset, "motor", T0 - 1)] == [{"rpm": 1}]


def test_digits_finer_than_a_millisecond_are_cut_off(platform):
    """In times of records and in TIMESTAMP values: 0.999999 s is 0.999 s."""
    import datetime as dt

    series, asset = make_series(platform)
    fine = dt.datetime(2026, 1, 5, 8, 0, 0, 999_999, tzinfo=dt.timezone.utc)
    series.write(asset, "motor", [(fine, {"since": fine})])
    (record,) = series.read(asset, "motor", T0)
    assert record == Record(T0 + 999, {"since": "2026-01-05T08:00:00.999Z"})


def test_codes_are_written_and_read_as_signed_numbers(platform):
    """0x80340000 and its signed form are one code."""
    series, asset = make_series(platform)
    series.write(asset, "motor", [(T0, {"rpm": 1, "load": 1.0}, {"rpm": 0x80340000, "load": 192})])
    (record,) = series.read(asset, "motor", T0 - 1)
    assert record.quality == {"rpm": -2144075776, "load": 192}
    ends = {"rpm": 2**32 - 1, "load": -(2**31)}
    series.write(asset, "motor", [(T0, {"rpm": 1, "load": 1.0}, ends)])
    assert next(series.read(asset, "motor", T0 - 1)).quality == {"rpm": -1, "load": -(2**31)}


@pytest.mark.parametrize(
    ("values", "quality", "word"),
    [
        ({"bare": 1}, {"bare": 0}, "without quality codes"),
        ({"rpm": 1}, {"load": 0}, "no value"),
        ({"rpm": 1}, {"rpm": 2**32}, "32-bit"),
        ({"rpm": 1}, {"rpm": -(2**31) - 1}, "32-bit"),
        ({"rmp": 1}, {}, "no variable 'rmp'"),
        ({7: 1}, {}, "no variable's name"),
    ],
)
def test_codes_and_names_that_fit_nothing_are_refused(platform, values, quality, word):
    """Before the request."""
    series, asset = make_series(platform)
    error = raises(InvalidMessage, series.write, asset, "motor", [(T0, values, quality)])
    assert word in error.message
    assert error.hint


# -- Europe 2


@pytest.mark.parametrize("row", EUROPE_2, ids=[row.fragment for row in EUROPE_2])
def test_the_ten_examples_on_put(platform, row):
    """As the platform judges them on the wire, and what becomes of each from Python, on both ways."""
    platform.hub.change_settings(refuse_unquoted_strings=True)
    series, asset = make_series(platform)
    raw = '[{"_time":"2026-01-05T08:00:00Z","label":%s}]' % row.fragment
    path = f"/api/iottimeseries/v3/timeseries/{asset}/motor"
    headers = {"Content-Type": "application/json"}
    taken = True
    try:
        series.session.call("PUT", path, body=raw.encode(), headers=headers)
    except RemoteError as error:
        assert error.status == 400
        taken = False
    assert taken is row.taken

    model = DataModel("m", [DataSource("s", [DataPoint("label", "STRING")])])
    if not isinstance(row.value, str):
        # What would stand there without quotes never leaves, on either way.
        raises(InvalidMessage, series.write, asset, "motor", [(T0, {"label": row.value})])
        raises(InvalidMessage, SampleEncoder(model).encode, {"label": row.value}, T0)
        return
    series.write(asset, "motor", [(T0, {"label": row.value})])
    quoted = json.dumps(row.value)
    assert f'"label":{quoted}'.encode() in _last_body(series)
    assert not row.taken or quoted == row.fragment
    assert f'"value":{quoted}'.encode() in SampleEncoder(model).encode({"label": row.value}, T0)
    (record,) = series.read(asset, "motor", T0 - 1, T0)
    assert record.values == {"label": row.value}


def _last_body(series):
    puts = [r for r in series.session.transport.requests if r.method == "PUT"]
    return b"".join(puts[-1].body.chunks())
