"""A disk that is ill for a moment, when a buffer is opened: it opens, and repeats nothing."""

import errno

import pytest

from tests.buffer.world import World, drain
from tests.helpers import raises


@pytest.fixture
def world():
    """Three samples, one of them delivered; a file that no record speaks of."""
    world = World()
    for number in range(3):
        world.sample(b"sample %d" % number, durable=True)
    world.buffer.ack(world.buffer.cut("timeseries", max_bytes=1, max_records=1))
    world.buffer.close()
    return world


def _fail(world, operation, path, times):
    left = [times]

    def fail(doing, where, _size):
        if doing == operation and where.endswith(path) and left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, "medium error")

    world.fs.fail = fail


@pytest.mark.parametrize("operation", ["open", "read"])
def test_cursor_read_again_after_one_error(world, operation):
    """One EIO is no reason to send everything again."""
    _fail(world, operation, "/cursor", 1)
    assert drain(world.restart(), "timeseries") == [(2, b"sample 1"), (3, b"sample 2")]


def test_half_a_cursor_is_enough(world):
    """A slot that cannot be read leaves the other one."""
    _fail(world, "read", "/cursor", 2)  # both tries of the first slot
    assert drain(world.restart(), "timeseries")[-1] == (3, b"sample 2")
    assert not world.buffer.status()["cursor_damaged"]


def test_cursor_that_cannot_be_synced(world):
    """Nothing is removed because of it, and the buffer opens; who sends tries again."""
    _fail(world, "sync", "/cursor", 1)
    world.restart()
    raises(OSError, drain, world.buffer, "timeseries")
    assert drain(world.buffer, "timeseries") == [(2, b"sample 1"), (3, b"sample 2")]
    assert not world.buffer.status()["cursor_damaged"]


def test_left_over_file_is_replaced_while_it_cannot_be_removed(world):
    """Its number belongs to the next record: what is removed later must not be that one's file."""
    spool = "/s/buffer/files/spool"
    world.fs.make_dir(spool)
    world.fs.open(spool + "/0000000000000001", create=True).write_at(0, b"left over")
    _fail(world, "remove", "0000000000000001", 1)
    buffer = world.restart()
    buffer.append_file({"name": "1"}, Source(b"of the record"))
    drain(buffer, "timeseries")
    record = buffer.first_record("files")
    assert b"".join(buffer.open_spool(record).chunks()) == b"of the record"


def test_name_of_a_failed_segment_never_counts(world):
    """Neither begun nor removed: what was written after it is not mistaken for the older try."""
    for _ in range(8):  # a wrong order is as likely as a right one
        world.restart()
        failures = ["create", "sync_dir", "remove"]

        def fail(doing, where, _size, failures=failures):
            if failures and doing == failures[0] and "events" in where:
                if failures.pop(0) == "create":
                    return
                raise OSError(errno.EIO, "medium error")

        first = world.buffer.next_sequence("events")
        world.fs.fail = fail
        raises(OSError, world.event, b"x" * 20_000)
        assert not failures
        world.event(b"y" * 20_000)
        assert drain(world.restart(), "events") == [(first, b"y" * 20_000)]


def test_unreadable_tail_is_delivered_when_it_can_be_read(world):
    """Opened meanwhile, and written to: no number is used twice, nothing is lost."""
    _fail(world, "open", ".seg", 100)
    world.restart()
    assert raises(OSError, world.buffer.cut, "timeseries", max_bytes=99, max_records=9)
    world.fs.fail = None
    world.sample(b"later", durable=True)
    texts = [payload for _sequence, payload in drain(world.buffer, "timeseries")]
    assert texts == [b"sample 1", b"sample 2", b"later"]


def test_segment_is_gone_on_with_after_a_read_only_disk(world):
    """The disk was at fault: the room that the segment took is not given up."""

    def fail(doing, where, _size):
        if doing == "open" and where.endswith(".seg"):
            raise OSError(30, "read-only")

    world.restart()
    world.fs.fail = fail
    raises(OSError, world.sample, b"refused", durable=True)
    world.fs.fail = None
    world.sample(b"later", durable=True)
    assert len(world.fs.list_dir("/s/buffer/timeseries")) == 1


def test_what_can_be_read_does_not_wait_for_what_cannot(world):
    """One file is lost for good: the lane goes on behind it, and the file is kept for people."""
    name = world.fs.list_dir("/s/buffer/timeseries")[0]
    _fail(world, "open", name, 1000)
    world.restart()
    world.sample(b"later", durable=True)
    for _ in range(3):
        raises(OSError, world.buffer.cut, "timeseries", max_bytes=99, max_records=9)
    assert [payload for _, payload in drain(world.buffer, "timeseries")] == [b"later"]
    assert world.status("timeseries")["dropped"]["damaged"]["records"] >= 2
    assert name + ".kept" in world.fs.list_dir("/s/buffer/timeseries")


def test_segment_that_cannot_be_opened_once_is_not_passed(world):
    """What stands behind it can be read: it is tried again nevertheless."""
    name = world.fs.list_dir("/s/buffer/timeseries")[0]
    world.restart()
    world.sample(b"x" * 20_000, durable=True)
    world.restart()
    _fail(world, "open", name, 1)
    raises(OSError, world.buffer.cut, "timeseries", max_bytes=99, max_records=9)
    texts = [payload for _, payload in drain(world.buffer, "timeseries")]
    assert texts == [b"sample 1", b"sample 2", b"x" * 20_000]


def test_segment_that_was_passed_is_kept_even_where_it_can_be_read_again(world):
    """Nobody sent it: people may want it."""
    name = world.fs.list_dir("/s/buffer/timeseries")[0]
    world.restart()
    world.sample(b"x" * 20_000, durable=True)
    world.restart()
    _fail(world, "open", name, 4)
    for _ in range(3):
        raises(OSError, world.buffer.cut, "timeseries", max_bytes=99, max_records=9)
    assert [payload for _, payload in drain(world.buffer, "timeseries")] == [b"x" * 20_000]
    assert name + ".kept" in world.fs.list_dir("/s/buffer/timeseries")


def test_unreadable_lane_waits_but_not_for_ever(world):
    """A medium that is away is no loss; one that stays away does not stop the lane."""
    _fail(world, "read", ".seg", 10_000)
    world.restart()
    for _ in range(20):
        raises(OSError, world.buffer.cut, "timeseries", max_bytes=99, max_records=9)
    assert world.buffer.cut("timeseries", max_bytes=99, max_records=9) is None
    assert world.status("timeseries")["dropped"]["damaged"]["records"] >= 2


class Source:
    def __init__(self, data):
        self.data = data

    def read(self, size):
        piece, self.data = self.data[:size], self.data[size:]
        return piece
