"""Limits of writes at their last value and one beyond: here, and at a hub that is strict.

The numbers are written out: a limit that moves in the code fails here.
"""

import inspect
import json

import pytest

from mcagent.emulator.settings import STRICT
from mcagent.errors import InvalidMessage, RemoteError
from mcagent.services.bucket import Bucket
from mcagent.services.timeseries import TimeSeries
from tests.helpers import raises
from tests.services.plant import T0, make_series
from tests.services.platform import SteadyClock

PATH = "/api/iottimeseries/v3/timeseries"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def strict(platform):
    """As the platform, by the harshest reading of its sizes."""
    names = ("max_put_bytes", "max_multi_put_bytes", "too_large_status", "put_bytes_per_s")
    platform.hub.change_settings(**{name: STRICT[name] for name in names})
    platform.hub.change_settings(put_bytes_per_s=0)
    return platform


def bodies(series, since=0):
    puts = [r for r in series.session.transport.requests if r.method == "PUT"]
    return [b"".join(request.body.chunks()) for request in puts[since:]]


def refused(series, path, body, words):
    error = raises(RemoteError, series.session.call, "PUT", path, body=body, headers=JSON)
    assert error.status == 413
    assert words in error.message


def test_1_mb_is_one_request_and_one_byte_more_is_two(strict):
    """The hub takes the one, and would not take the other as it is."""
    series, asset = make_series(strict)
    rows = [(T0 + n, {"log": "x" * 9_900}) for n in range(100)]
    series.write(asset, "motor", rows)
    short = 1_000_000 - len(bodies(series)[0])
    assert len(bodies(series)) == 1
    rows[0] = (T0, {"log": "x" * (9_900 + short)})
    assert series.write(asset, "motor", rows).requests == 1
    assert [len(body) for body in bodies(series, 1)] == [1_000_000]
    rows[0] = (T0, {"log": "x" * (9_901 + short)})
    assert series.write(asset, "motor", rows).requests == 2
    whole = json.dumps([{"_time": "2026-01-05T08:00:00Z", "rpm": 1}]).encode()
    path = f"{PATH}/{asset}/motor"
    refused(series, path, whole + b" " * (1_000_001 - len(whole)), "exceeds 1000000 bytes")


def test_100_kb_for_several_is_one_request_and_one_byte_more_is_two(strict):
    """Two aspects, a record of the second makes the difference."""
    series, asset = make_series(strict)

    def write(size):
        """How many requests it took, and how long the first one was."""
        before = len(bodies(series))
        written = series.write_several(
            {
                (asset, "motor"): [(T0 + n, {"log": "x" * 20_000}) for n in range(4)],
                (asset, "ambient"): [(T0, {"humidity": 1}), (T0 + 1, {"humidity": 2})],
                (asset, "notes"): [(T0, {"log": "x" * 9_000}), (T0 + 1, {"log": "x" * size})],
            }
        )
        assert written.records == 8
        return written.requests, len(bodies(series, before)[0])

    shape = {"log": {"type": "BIG_STRING"}}
    asset = strict.hub.create_asset(
        "pump 2", {"motor": shape, "notes": shape, "ambient": {"humidity": {"type": "INT"}}}
    )
    requests, length = write(1_000)
    assert requests == 1
    assert write(1_000 + 100_000 - length) == (1, 100_000)
    assert write(1_001 + 100_000 - length)[0] == 2
    entry = {"entityId": asset, "propertySetName": "motor", "data": []}
    whole = json.dumps({"timeseries": [entry]}).encode()
    refused(series, PATH, whole + b" " * (100_001 - len(whole)), "exceeds 100000 bytes")


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"rpm": 7}, 4),
        ({"total": 7}, 8),
        ({"load": 0.5}, 8),
        ({"load": "0.5"}, 8),
        ({"since": T0}, 8),
        ({"label": "abcd"}, 8),
        ({"label": "\U0001f600\U0001f600"}, 8),
        ({"notes": "abcd"}, 8),
        ({"on": True, "off": False}, 2),
    ],
)
def test_a_record_has_200_000_counted_bytes_whatever_its_types(platform, given, size):
    """Filled up with text; a Boolean more is 200 001, which is refused here and would be there."""
    kinds = {
        "rpm": "INT",
        "total": "LONG",
        "load": "DOUBLE",
        "since": "TIMESTAMP",
        "label": "STRING",
        "notes": "BIG_STRING",
        "log": "BIG_STRING",
        "on": "BOOLEAN",
        "off": "BOOLEAN",
        "one": "BOOLEAN",
    }
    session = platform.session()
    asset = platform.hub.create_asset(
        "wide", {"motor": {name: {"type": kind} for name, kind in kinds.items()}}
    )
    series = TimeSeries(session, bytes_per_s=None)
    exact = {**given, "log": "x" * ((200_000 - size) // 2)}
    series.write(asset, "motor", [(T0, exact)])
    (record,) = series.read(asset, "motor", T0 - 1, T0)
    assert record.values.keys() == exact.keys()
    over = {**exact, "one": True}
    error = raises(InvalidMessage, series.write, asset, "motor", [(T0 + 1, over)])
    assert "200001 counted bytes, 200000 are allowed" in error.message
    row = {"_time": "2026-01-05T08:00:01Z", **over}
    if isinstance(row.get("since"), int):
        row["since"] = "2026-01-05T08:00:00.000Z"
    if "\U0001f600" not in row.get("label", ""):  # the hub counts characters, not UTF-16 units
        put = (f"{PATH}/{asset}/motor",)
        error = raises(RemoteError, session.call, "PUT", *put, document=[row])
        assert "200001 bytes" in error.message


def test_100_kb_a_second_unless_it_is_switched_off():
    """The default is 100 000 bytes, and the bucket keeps it to the millisecond."""
    rate = inspect.signature(TimeSeries).parameters["bytes_per_s"].default
    assert rate == 100_000
    clock = SteadyClock()
    bucket = Bucket(rate, clock, clock.sleep)
    begin_ms = clock.monotonic_ms()
    for _ in range(401):
        bucket.take("a", 50_000)
    assert clock.monotonic_ms() - begin_ms == 200_000
