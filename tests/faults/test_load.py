"""Records as large as can be: the largest that fits, and the first that does not."""

import io

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from mcagent.errors import BufferFull, InvalidMessage
from tests.faults.oracle import KINDS, Ledger, content, judge, payload

_KIB = 1024
_CONTEXT = 2 * (16 + 33)  # what stands before the first record of a segment
_OVERHEAD = 32 + _CONTEXT + 16


def _settings(quota):
    return BufferSettings(events=LaneSettings(quota), timeseries=LaneSettings(quota))


@pytest.mark.parametrize("quota", [32 * _KIB, 100 * _KIB, 1024 * _KIB])
def test_record_of_the_size_of_the_quota(quota, tmp_path, row):
    """The largest that fits is delivered; one byte more is refused before anything is written."""
    largest = quota - _OVERHEAD
    ledger = Ledger()
    buffer = Buffer(str(tmp_path / "b"), settings=_settings(quota))
    buffer.open()
    for size in (quota - 47, quota + 1, 2 * quota, 1 << 24):
        with pytest.raises(InvalidMessage):
            buffer.append("events", KINDS["events"], payload("events", 1, size))
        assert not (tmp_path / "b").exists()
    for number in (1, 2, 3):  # each pushes out the one before
        data = payload("events", number, largest)
        ledger.put("events", buffer.append("events", KINDS["events"], data), number)
    assert buffer.status()["lanes"]["events"]["bytes"] <= quota
    buffer.close()
    ledger.settle("events", 3)
    outcome = judge(str(tmp_path / "b"), ledger, settings=_settings(quota), lanes=["timeseries"])
    assert outcome.delivered["events"] == {3: 3}
    row("load", "a record as large as the quota", [outcome])


def test_records_around_the_size_of_a_segment(tmp_path, rng, row):
    """One byte less, as many, one more, and several segments long, among small ones."""
    outcomes = []
    settings = _settings(512 * _KIB)
    segment = 64 * _KIB
    for place in range(5):
        sizes = [segment - _OVERHEAD + step for step in (-1, 0, 1)]
        sizes += [segment, 2 * segment + 5, 100, 50, 17]
        rng.shuffle(sizes)
        ledger = Ledger()
        directory = str(tmp_path / str(place))
        buffer = Buffer(directory, settings=settings)
        buffer.open()
        for number, size in enumerate(sizes):
            for lane in ("events", "timeseries"):
                data = payload(lane, number, size)
                ledger.put(lane, buffer.append(lane, KINDS[lane], data), number)
        buffer.flush()
        ledger.settle("events", 99)
        ledger.settle("timeseries", 99)
        outcomes.append(judge(directory, ledger, settings=settings))
    row("load", "records around the size of a segment", outcomes)


@pytest.mark.slow
def test_large_file_among_small_records(tmp_path, row):
    """10 MB, with samples and events before, between and behind."""
    settings = BufferSettings(files=LaneSettings(12 << 20))
    ledger = Ledger()
    directory = str(tmp_path / "b")
    buffer = Buffer(directory, settings=settings)
    buffer.open()
    for number in range(300):
        for lane in ("events", "timeseries"):
            data = payload(lane, number, 100)
            ledger.put(lane, buffer.append(lane, KINDS[lane], data), number)
        if number in (100, 200):
            source = io.BytesIO(content(number, 10_000_000 if number == 100 else 5_000))
            ledger.put("files", buffer.append_file({"name": str(number)}, source), number)
    with pytest.raises((BufferFull, InvalidMessage)):
        buffer.append_file({"name": "3"}, io.BytesIO(content(3, 13 << 20)))
    buffer.flush()
    for lane in ("events", "timeseries", "files"):
        ledger.settle(lane, 1000)
    buffer.close()
    row(
        "load",
        "a file of 10 MB among small records",
        [judge(directory, ledger, settings=settings)],
    )
