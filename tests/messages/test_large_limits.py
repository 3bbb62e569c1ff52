"""Limits that take megabytes to reach: more than MicroPython's test heap."""

import pytest

from mcagent.errors import InvalidMessage
from mcagent.limits import EXCHANGE_MAX_BYTES
from mcagent.messages.customdata import CustomData, split
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.event import Event
from mcagent.messages.multipart import CLOSE_BYTES, custom_item, event_item, model_item
from mcagent.messages.timeseries import SampleEncoder
from tests.helpers import raises


def test_many_small_values_count_too():
    """Without a text the sum is known before the values are looked at."""
    # 25 000 numbers are 200 000 counted bytes, but more than a request: see the next test
    encoder = SampleEncoder(max_bytes=3_000_000)
    values = {"%d" % n: n for n in range(25_000)}
    encoder.encode(values, 0)
    values["one"] = True
    assert "200001" in raises(InvalidMessage, encoder.encode, values, 0).message


def test_a_sample_fits_a_request():
    """1 000 000 bytes with its brackets; one byte more is refused."""
    encode = SampleEncoder().encode
    values = {"%036d" % n: True for n in range(10_300)}
    values["s"] = "x"
    room = 999_998 - len(encode(values, 0))
    values["s"] = "x" * (1 + room)
    assert len(encode(values, 0)) == 999_998
    values["s"] += "x"
    error = raises(InvalidMessage, encode, values, 0)
    assert "999999 bytes" in error.message
    assert "999998" in error.message
    assert "1 MB" in error.message


def test_an_event_fits_an_exchange():
    """At the limit of 10 000 000 bytes it passes, one byte more does not."""

    def full(details):
        return Event("pressure above limit", details=details)

    size = event_item(full(details={"t": ""}).fragment(0), "2.0").size + CLOSE_BYTES
    room = EXCHANGE_MAX_BYTES - size
    event = full(details={"t": "x" * room})
    assert event_item(event.fragment(0), "2.0").size + CLOSE_BYTES == EXCHANGE_MAX_BYTES
    error = raises(InvalidMessage, full, details={"t": "x" * (room + 1)})
    assert "10000001" in error.message
    assert "10000000" in error.message


def test_custom_data_fits_an_exchange():
    """At the limit of 10 000 000 bytes it passes, one byte more does not."""
    small = custom_item(*split(CustomData("t", b"").fragment()))
    room = EXCHANGE_MAX_BYTES - CLOSE_BYTES - small.size
    assert "10000001" in raises(InvalidMessage, CustomData, "t", bytes(room + 1)).message
    CustomData("t", bytes(room))


@pytest.mark.slow
def test_a_data_model_fits_an_exchange():
    """At the limit of 10 000 000 bytes it passes, one byte more does not."""

    def model(filler):
        points = [
            DataPoint("%06d" % number, "DOUBLE", description="d" * 256) for number in range(25_000)
        ]
        return DataModel("m", [DataSource("s", points, custom_data={"t": filler})])

    room = EXCHANGE_MAX_BYTES - CLOSE_BYTES - model_item(model("").fragment()).size
    assert model_item(model("x" * room).fragment()).size + CLOSE_BYTES == EXCHANGE_MAX_BYTES
    error = raises(InvalidMessage, model, "x" * (room + 1))
    assert "10000001" in error.message
    assert "10000000" in error.message
