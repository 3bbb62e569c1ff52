"""Somebody removes files of a buffer that is in use: on real files, which stay open unseen."""

import os

import pytest

from mcagent.buffer import Buffer
from tests.buffer.world import EVENT, drain


@pytest.fixture
def buffer(tmp_path):
    buffer = Buffer(str(tmp_path / "state" / "buffer"))
    buffer.open()
    yield buffer
    buffer.close()


def segments(buffer):
    folder = os.path.join(buffer.directory, "events")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def test_a_removed_open_segment_is_noticed_by_the_next_record(buffer):
    """Otherwise records would go into a file that nobody can find, and be reported durable."""
    for number in range(10):
        buffer.append("events", EVENT, b"before %d" % number)
    os.remove(segments(buffer)[0])
    with pytest.raises(OSError, match="removed"):
        buffer.append("events", EVENT, b"refused")
    sequence = buffer.append("events", EVENT, b"after")
    assert drain(buffer, "events") == [(sequence, b"after")]
    lost = buffer.status()["lanes"]["events"]["dropped"]["damaged"]
    assert (lost["first"], lost["last"], lost["records"]) == (1, 10, 10)


def test_a_segment_that_another_took_the_name_of_is_noticed_as_well(buffer):
    """As a backup does that is restored beneath a running agent."""
    buffer.append("events", EVENT, b"before")
    path = segments(buffer)[0]
    with open(path, "rb") as file:
        content = file.read()
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)
    with pytest.raises(OSError, match="removed"):
        buffer.append("events", EVENT, b"refused")
    sequence = buffer.append("events", EVENT, b"after")
    assert drain(buffer, "events") == [(1, b"before"), (sequence, b"after")]


def test_a_removed_segment_is_noticed_without_proc(buffer, monkeypatch):
    """A container may have none; macOS has none."""

    def refused(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "readlink", refused)
    buffer.append("events", EVENT, b"before")
    os.remove(segments(buffer)[0])
    with pytest.raises(OSError, match="removed"):
        buffer.append("events", EVENT, b"refused")


def test_a_removed_full_segment_does_not_stop_the_lane(buffer):
    """The records around it are delivered, its own are counted."""
    for number in range(12):
        buffer.append("events", EVENT, b"%02d" % number * 150_000)
    paths = segments(buffer)
    assert len(paths) >= 3
    os.remove(paths[1])
    first, last = (int(os.path.basename(path)[:16]) for path in paths[1:3])
    found = [sequence for sequence, _payload in drain(buffer, "events")]
    assert found == [number for number in range(1, 13) if not first <= number < last]
    lost = buffer.status()["lanes"]["events"]["dropped"]["damaged"]
    assert (lost["first"], lost["last"]) == (first, last - 1)


def test_a_medium_that_is_away_is_no_loss(buffer, tmp_path):
    """Without the folder nothing is given up: it may be mounted again."""
    for number in range(12):
        buffer.append("events", EVENT, b"%02d" % number * 150_000)
    folder = os.path.join(buffer.directory, "events")
    os.rename(folder, folder + ".away")
    with pytest.raises(OSError):
        buffer.cut("events", max_bytes=1 << 20, max_records=100)
    os.rename(folder + ".away", folder)
    assert len(drain(buffer, "events")) == 12
    assert buffer.status()["lanes"]["events"]["dropped"] == {}


def test_a_link_is_copied_and_not_taken(buffer, tmp_path):
    """The content is durable, whatever becomes of the file that the link leads to."""
    target = tmp_path / "2026-11.csv"
    target.write_bytes(b"the content")
    for name, link in (("latest.csv", os.symlink), ("other.csv", os.link)):
        source = tmp_path / name
        link(target, source)
        buffer.append_file({"name": name}, str(source), move=True)
        assert not source.exists()
    target.write_bytes(b"next month!")
    for _ in range(2):
        record = buffer.first_record("files")
        assert b"".join(buffer.open_spool(record).chunks()) == b"the content"
        buffer.ack(buffer.cut("files", max_bytes=1 << 20, max_records=1))
