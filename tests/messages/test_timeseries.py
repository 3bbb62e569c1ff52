# portable
"""mcagent/messages/timeseries.py: samples, checked and encoded."""

from mcagent.errors import InvalidMessage
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.kinds import LANE_OF_KIND, SAMPLE
from mcagent.messages.timeseries import (
    TIMESTAMP_BYTES,
    TIMESTAMP_OFFSET,
    SampleEncoder,
    TimeSeries,
)
from mcagent.messages.timestamp import MAX_MS, parse_text
from tests.helpers import raises
from tests.messages.golden import golden, golden_lines

NOW_MS = 1_767_600_000_000  # 2026-01-05T08:00:00.000Z


def every_type(**lengths):
    points = [
        DataPoint("d", "DOUBLE"),
        DataPoint("i", "INT"),
        DataPoint("l", "LONG"),
        DataPoint("b", "BOOLEAN"),
        DataPoint("s", "STRING", length=lengths.get("s")),
        DataPoint("big", "BIG_STRING", length=lengths.get("big")),
        DataPoint("t", "TIMESTAMP"),
        DataPoint('100% "übel"', "STRING"),
    ]
    return DataModel("all", [DataSource("one", points[:4]), DataSource("two", points[4:])])


def test_golden_fragments():
    """Byte for byte what the specification says."""
    encode = SampleEncoder(every_type()).encode
    made = [
        encode({"b": True}, 0),
        encode({"b": False}, MAX_MS),
        encode(
            {"l": 2**63 - 1, "i": -(2**31), "d": -0.5},
            parse_text("2024-02-29T12:34:56.007Z"),
            {"l": 192, "d": 0x80340000},
        ),
        encode({"t": NOW_MS - 1, "s": 'say "no" \\ \t\n\x00\x1f/%s', "d": 1e16}, NOW_MS),
        encode({'100% "übel"': "Größe 21 °C ✓ \U0001f600"}, NOW_MS),
    ]
    assert [fragment.decode() for fragment in made] == golden_lines("samples.jsonl")


def test_golden_sample_without_a_model():
    """The specification's example; the order is by id where no model gives one."""
    fragment = SampleEncoder().encode({"P1": 182.5, "CNT": 90211}, NOW_MS)
    head, p1, cnt = (
        b'{"timestamp":"2026-01-05T08:00:00.000Z","values":[',
        b'{"dataPointId":"P1","value":"182.5","qualityCode":"0"}',
        b'{"dataPointId":"CNT","value":"90211","qualityCode":"0"}',
    )
    assert head + p1 + b"," + cnt + b"]}" in golden("timeseries.body")
    assert fragment == head + cnt + b"," + p1 + b"]}"


def test_timestamp_stands_where_it_can_be_corrected():
    """24 bytes at offset 14, also in later samples of the same second and of another."""
    encoder = SampleEncoder()
    for ms, text in (
        (0, b"1970-01-01T00:00:00.000Z"),
        (999, b"1970-01-01T00:00:00.999Z"),
        (NOW_MS + 7, b"2026-01-05T08:00:00.007Z"),
        (NOW_MS + 60, b"2026-01-05T08:00:00.060Z"),
        (NOW_MS + 1000, b"2026-01-05T08:00:01.000Z"),
        (0, b"1970-01-01T00:00:00.000Z"),
    ):
        fragment = encoder.encode({"x": 1}, ms)
        assert fragment[TIMESTAMP_OFFSET : TIMESTAMP_OFFSET + TIMESTAMP_BYTES] == text
    for ms in (-1, MAX_MS + 1):
        for some in (encoder, SampleEncoder()):
            assert "timestamp" in raises(InvalidMessage, some.encode, {"x": 1}, ms).message


def test_order_is_the_models_whatever_was_given():
    """The same bytes for the same values, on every interpreter."""
    encoder = SampleEncoder(every_type())
    first = encoder.encode({"i": 1, "d": 2.0, "b": True}, NOW_MS)
    assert encoder.encode({"b": True, "d": 2.0, "i": 1}, NOW_MS) == first
    assert first.find(b'"d"') < first.find(b'"i"') < first.find(b'"b"')
    free = SampleEncoder()
    assert free.encode({"z": 1, "a": 2}, 0) == free.encode({"a": 2, "z": 1}, 0)


def test_errors_name_point_value_limit_and_source():
    """What a person needs to find the line in a device script."""
    encode = SampleEncoder(every_type(s=5)).encode
    for values, parts in (
        ({"i": 2**31}, ("'i'", "2147483648", "2147483647", "IoT Time Series")),
        ({"d": float("nan")}, ("'d'", "nan", "1E-130", "IoT Time Series")),
        ({"d": "hot"}, ("'d'", "'hot'")),
        ({"b": 1}, ("'b'", "1 (int)", "BOOLEAN")),
        ({"s": "123456"}, ("'s'", "'123456'", "6", "5", "own length")),
        ({"s": "x" * 256}, ("'s'", "256", "5")),
        ({"big": "x" * 100_001}, ("'big'", "100001", "100000")),
        ({"t": 1.5}, ("'t'", "1.5")),
        ({"d": 1.0, "nobody": 1}, ("'nobody'", "'all'")),
        ({7: 1.0}, ("7",)),
    ):
        error = raises(InvalidMessage, encode, values, NOW_MS)
        for part in parts:
            assert part in error.message, error.message
        assert error.hint
        assert len(error.message) < 250
    hint = raises(InvalidMessage, encode, {"nobody": 1}, 0).hint
    assert "big" in hint


def test_an_error_changes_nothing():
    """The next sample is encoded as if the bad one had never come."""
    encoder = SampleEncoder(every_type())
    good = encoder.encode({"d": 1.0, "s": "x"}, NOW_MS)
    raises(InvalidMessage, encoder.encode, {"d": "x", "s": ""}, NOW_MS)
    assert encoder.encode({"d": 1.0, "s": "x"}, NOW_MS) == good
    assert encoder.empty_strings == 0


def test_a_sample_holds_values_by_data_point():
    """No values, no dict, no text as id."""
    for encoder in (SampleEncoder(), SampleEncoder(every_type())):
        for values in ({}, [], None, "d", 7, [("d", 1)], {None: 1}, {"": 1}, {"d": None}):
            error = raises(InvalidMessage, encoder.encode, values, NOW_MS)
            assert error.hint
    SampleEncoder().encode({"x" * 36: 1}, 0)
    assert "36" in raises(InvalidMessage, SampleEncoder().encode, {"x" * 37: 1}, 0).message


def test_empty_strings_are_left_out_and_counted():
    """The platform ignores them; a sample of nothing else is refused."""
    encoder = SampleEncoder(every_type())
    without = encoder.encode({"d": 1.0, "b": True}, NOW_MS)
    assert encoder.empty_strings == 0
    assert encoder.encode({"d": 1.0, "b": True, "s": ""}, NOW_MS) == without
    assert encoder.encode({"d": 1.0, "b": True, "s": "", "big": ""}, NOW_MS) == without
    assert encoder.empty_strings == 3
    coded = encoder.encode({"d": 1.0, "b": True, "s": ""}, NOW_MS, {"s": 1, "d": 0})
    assert coded == without
    error = raises(InvalidMessage, encoder.encode, {"s": "", "big": ""}, NOW_MS)
    assert "'big', 's'" in error.message
    assert "empty" in error.message
    assert encoder.empty_strings == 4
    free = SampleEncoder()
    assert free.encode({"a": 1, "s": ""}, 0) == free.encode({"a": 1}, 0)
    assert free.empty_strings == 1
    raises(InvalidMessage, TimeSeries, {"s": ""})


def test_an_empty_string_is_no_number():
    """Only text points have empty strings."""
    encoder = SampleEncoder(every_type())
    for name in ("d", "i", "l", "b", "t"):
        raises(InvalidMessage, encoder.encode, {name: "", "s": "x"}, NOW_MS)


def test_a_record_counts_200_000_bytes():
    """At the limit it passes, one byte more does not; text counts by its UTF-16 units."""
    encode = SampleEncoder(every_type()).encode
    free = SampleEncoder().encode
    full = "x" * 100_000
    for function in (encode, free):
        assert len(function({"big": full}, NOW_MS)) > 100_000
        error = raises(InvalidMessage, function, {"big": full, "b": True}, NOW_MS)
        assert "200001" in error.message
        assert "200000" in error.message
        assert "IoT Time Series" in error.message
        function({"big": full[1:], "b": True}, NOW_MS)
        function({"big": full[4:], "l": 1}, NOW_MS)
        raises(InvalidMessage, function, {"big": full[3:], "l": 1}, NOW_MS)
        astral = "\U0001f600" * 49_998  # 99 996 units
        function({"big": astral, "d": 1.0}, NOW_MS)
        error = raises(InvalidMessage, function, {"big": astral + "x", "d": 1.0}, NOW_MS)
        assert "200002" in error.message
    encode({"big": full[127:], "s": "x" * 127}, NOW_MS)
    raises(InvalidMessage, encode, {"big": full[127:], "s": "x" * 127, "b": True}, NOW_MS)
    encode({"big": full[4:], "i": 1, "b": True}, NOW_MS)
    raises(InvalidMessage, encode, {"big": full[2:], "i": 1, "b": True}, NOW_MS)


def test_the_limit_of_a_request_is_a_setting():
    """Escapes count as they are on the wire."""
    size = len(SampleEncoder().encode({"s": "\x01"}, 0))
    assert len(SampleEncoder(max_bytes=size + 2).encode({"s": "\x02"}, 0)) == size
    raises(InvalidMessage, SampleEncoder(max_bytes=size + 1).encode, {"s": "\x02"}, 0)


def test_quality_codes():
    """One for all, one for each, none."""
    encode = SampleEncoder(every_type()).encode
    plain = encode({"d": 1.0, "i": 2}, NOW_MS)
    assert encode({"d": 1.0, "i": 2}, NOW_MS, 0) == plain
    assert encode({"d": 1.0, "i": 2}, NOW_MS, {}) == plain
    assert encode({"d": 1.0, "i": 2}, NOW_MS, "7") == plain.replace(b'de":"0"', b'de":"7"')
    one = encode({"d": 1.0, "i": 2}, NOW_MS, {"i": 7})
    assert one == plain.replace(b'"2","qualityCode":"0"', b'"2","qualityCode":"7"')
    raises(InvalidMessage, encode, {"d": 1.0}, NOW_MS, {"i": 7})
    raises(InvalidMessage, encode, {"d": 1.0}, NOW_MS, "good")


def test_sets_of_data_points_by_chance_do_not_fill_the_memory():
    """Plans are kept for a bounded number of sets."""
    encoder = SampleEncoder()
    for number in range(1000):
        encoder.encode({"p%d" % number: number}, number)
    assert len(encoder._plans) <= 64
    for number in range(100):
        encoder.encode({"p": number}, 0, number)
    plan = encoder._plans[(("p",), (int,))]
    assert len(plan._coded) <= 8


def test_types_may_change_without_a_model():
    """The same data point as a number, then as text."""
    encoder = SampleEncoder()
    for value, text in (
        (1, b'"1"'),
        (1.5, b'"1.5"'),
        ("a", b'"a"'),
        (True, b'"true"'),
        (2, b'"2"'),
    ):
        assert b'"value":' + text in encoder.encode({"x": value}, 0)
    raises(InvalidMessage, encoder.encode, {"x": 2**63}, 0)


def test_time_series_message():
    """Lane, kind, equality, what it checks alone."""
    message = TimeSeries({"a": 1, "b": 2.5}, timestamp=NOW_MS, quality_code={"a": 1})
    assert (message.lane, message.kind) == ("timeseries", SAMPLE)
    assert LANE_OF_KIND[message.kind] == message.lane
    assert message == TimeSeries({"b": 2.5, "a": 1}, timestamp=NOW_MS, quality_code={"a": 1})
    assert message != TimeSeries({"a": 1, "b": 2.5}, timestamp=NOW_MS)
    assert message != TimeSeries({"a": 1, "b": 2.5}, quality_code={"a": 1})
    assert message != 7
    assert repr(message) == "<TimeSeries 2 values at 2026-01-05T08:00:00.000Z>"
    assert repr(TimeSeries({"a": 1})) == "<TimeSeries 1 values at now>"
    assert TimeSeries({"a": 1}).timestamp_ms is None
    assert TimeSeries({"a": 1}, timestamp=0).timestamp_ms == 0
    for wrong in ({}, {"a": float("inf")}, {"a": None}, {"a": [1]}, {"x" * 37: 1}):
        raises(InvalidMessage, TimeSeries, wrong)
    raises(InvalidMessage, TimeSeries, {"a": 1}, timestamp=1.5)
    raises(InvalidMessage, TimeSeries, {"a": 1}, quality_code="bad")


def test_a_message_keeps_what_it_checked():
    """Changing the dict afterwards changes nothing."""
    values = {"a": 1}
    message = TimeSeries(values)
    values["a"] = float("nan")
    assert message.values == {"a": 1}
