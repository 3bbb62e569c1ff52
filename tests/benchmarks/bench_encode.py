"""SampleEncoder.encode: values in, checked bytes out. Goal: 3 microseconds for three points."""

import itertools
import timeit

from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.timeseries import SampleEncoder

CALLS = 20_000
REPEATS = 9
T0_MS = 1_767_600_000_000


def microseconds(encoder, values, quality_code=None):
    """The best of several runs, for one call with an explicit time of its own."""
    next_ms = itertools.count(T0_MS).__next__
    runs = timeit.repeat(
        lambda: encoder.encode(values, next_ms(), quality_code), number=CALLS, repeat=REPEATS
    )
    return f"{min(runs) / CALLS * 1e6:.2f} us"


def model(**points):
    return DataModel("m", [DataSource("s", [DataPoint(*point) for point in points.items()])])


def test_three_numbers(figure):
    """The common sample: DOUBLE, DOUBLE, LONG."""
    values = {"temperature": 21.4, "pressure": 182.53, "strokes": 1204}
    encoder = SampleEncoder(model(temperature="DOUBLE", pressure="DOUBLE", strokes="LONG"))
    figure("encode 3 numbers", microseconds(encoder, values))
    figure("encode 3 numbers, one quality code", microseconds(encoder, values, 192))
    figure("encode 3 numbers, no model", microseconds(SampleEncoder(), values))


def test_three_others(figure):
    """STRING, BOOLEAN, TIMESTAMP."""
    values = {"state": "running", "door": True, "since": T0_MS}
    encoder = SampleEncoder(model(state="STRING", door="BOOLEAN", since="TIMESTAMP"))
    figure("encode text, boolean, time", microseconds(encoder, values))
