# portable
"""Named mishaps: each once stopped a lane, lost something, or said something false."""

import errno

from mcagent.buffer import BufferSettings, LaneSettings
from mcagent.errors import BufferFull, ConfigurationError, InvalidMessage
from tests.buffer.memoryfs import Inode
from tests.buffer.world import EVENT, World, drain, small_settings
from tests.helpers import raises

_KIB = 1024


def put(fs, path, content):
    inode = Inode()
    inode.data = bytearray(content)
    fs.entries[path] = inode


class Pieces:
    """An object with `read`."""

    def __init__(self, data):
        self._data = data

    def read(self, size):
        data, self._data = self._data[:size], self._data[size:]
        return data


def test_a_recovered_lane_that_others_emptied_is_cut_again():
    """All of its segments went for another lane before its first cut after a start."""
    settings = BufferSettings(
        timeseries=LaneSettings(64 * _KIB, durability="each"), total_quota_bytes=160 * _KIB
    )
    world = World(settings=settings)
    for number in range(150):
        world.sample(b"%04d" % number * 40)
    name = world.fs.list_dir("/s/buffer/timeseries")[-1]
    path = "/s/buffer/timeseries/" + name
    world.fs.entries[path].data[-20_000:] = b"\x55" * 20_000  # a torn end: nothing goes on there
    world.restart()
    world.fs.space = (0, 1 << 20, 0, 0)
    for number in range(200):
        world.event(b"%04d" % number * 40)
    assert world.status("timeseries")["records"] == 0
    assert drain(world.buffer, "timeseries") == []
    world.fs.space = None
    assert drain(world.buffer, "events")[-1][1] == b"0199" * 40


def test_what_cannot_be_removed_stops_nobody():
    """A name that the disk does not let go of: everything behind it is removed all the same."""
    world = World()
    stuck = []

    def fail(operation, path, _size):
        if operation == "remove" and path.endswith("0000000000000002"):
            stuck.append(path)
            raise OSError(errno.EPERM, path)

    for number in range(4):
        world.buffer.append_file({"name": "a"}, Pieces(b"content %d" % number))
    world.fs.fail = fail
    world.event(b"event")
    assert len(drain(world.buffer, "files")) == 4
    assert len(drain(world.buffer, "events")) == 1
    assert stuck
    assert world.fs.list_dir("/s/buffer/files/spool") == ["%016d" % 2]
    world.fs.fail = None
    world.event(b"another")
    drain(world.buffer, "events")
    assert world.fs.list_dir("/s/buffer/files/spool") == []


def test_a_name_that_cannot_be_looked_at_does_not_stop_the_start():
    """A damaged inode in a lane or in the spool; its numbers are not used again."""
    world = World()
    world.event(b"first")
    world.buffer.append_file({"name": "a"}, Pieces(b"content"))
    real = world.fs.size

    def size(path):
        if "/events/" in path or "/spool/" in path:
            raise OSError(117, "the structure needs cleaning")
        return real(path)

    world.fs.size = size
    world.restart()
    assert world.event(b"next") > 1
    world.fs.size = real
    assert drain(world.buffer, "events")[-1][1] == b"next"


def test_a_look_does_not_take_the_batch_away():
    """`status` while a batch is out, and its first record gone bad on the disk meanwhile."""
    world = World()
    for number in range(3):
        world.event(b"event %d" % number)
    batch = world.buffer.cut("events", max_bytes=1000, max_records=10)
    name = world.fs.list_dir("/s/buffer/events")[0]
    data = world.fs.entries["/s/buffer/events/" + name].data
    data[data.find(b"event 0")] ^= 1
    assert world.status("events")["oldest_ms"] is None
    world.buffer.ack(batch)
    assert world.status("events")["records"] == 0


def test_bytes_of_a_loss_by_age_are_those_of_its_records():
    """Neither what was delivered before, nor less than the spooled file."""
    settings = small_settings(
        events=LaneSettings(64 * _KIB, max_age_s=10), files=LaneSettings(128 * _KIB, max_age_s=10)
    )
    world = World(settings=settings)
    for _ in range(50):
        world.event(b"x" * 100)
    world.buffer.ack(world.buffer.cut("events", max_bytes=100_000, max_records=49))
    world.buffer.append_file({"name": "a"}, Pieces(b"y" * 50_000))
    world.clock.pass_ms(10_001)
    assert drain(world.buffer, "events") == drain(world.buffer, "files") == []
    age = world.status("events")["dropped"]["age"]
    assert (age["records"], age["bytes"]) == (1, 116)
    assert world.status("files")["dropped"]["age"]["bytes"] == 13 * 4096


def test_a_model_pushes_out_samples_before_events():
    """What matters least goes first, however full it is."""
    settings = BufferSettings(
        models=LaneSettings(64 * _KIB),
        events=LaneSettings(32 * _KIB),
        timeseries=LaneSettings(128 * _KIB, durability="each"),
        total_quota_bytes=176 * _KIB,
    )
    world = World(settings=settings)
    for number in range(150):
        world.event(b"%04d" % number * 40)
    for number in range(150):
        world.sample(b"%04d" % number * 40)
    events = world.status("events")["records"]
    for _ in range(2):
        world.buffer.append("models", 4, b"m" * 15_000)
    world.fs.space = (0, 1 << 20, 0, 0)
    world.buffer.append("models", 4, b"m" * 15_000)
    assert world.status("timeseries")["dropped"]
    assert world.status("events")["records"] == events


def test_a_group_window_has_an_end():
    """A record's age has 32 bits of milliseconds in the format."""
    error = raises(
        ConfigurationError, LaneSettings, 64 * _KIB, durability=("group", 10, 50 * 86_400_000)
    )
    assert "durability" in error.message


def test_a_segment_that_was_cut_back_does_not_grow_without_room():
    """It was left for a record that had no room; a restart with a lower quota goes on with it."""
    world = World(settings=small_settings(events=LaneSettings(64 * _KIB, policy="reject")))
    number = 0
    while world.status("events")["bytes"] <= 32 * _KIB:
        world.event(b"%04d" % number * 40)
        number += 1
    raises(BufferFull, world.event, b"x" * 50_000)
    assert world.status("events")["bytes"] < 36 * _KIB
    world.settings = small_settings(events=LaneSettings(40_000, policy="reject"))
    world.restart()
    raises(BufferFull, world.event, b"another")
    assert world.status("events")["bytes"] <= 40_000
    assert len(drain(world.buffer, "events")) == number


def test_a_file_under_way_does_not_enter_a_closed_buffer():
    """Its directory may be another process's by then."""
    world = World()

    class Closing(Pieces):
        def read(self, size):
            world.buffer.close()
            return Pieces.read(self, size)

    assert (
        raises(OSError, world.buffer.append_file, {"name": "a"}, Closing(b"x" * 10)).errno
        == errno.EBADF
    )
    assert world.fs.list_dir("/s/buffer/files/spool") == []
    world.restart()
    assert world.buffer.next_sequence("files") == 1
    assert world.buffer.append("events", EVENT, b"goes on") == 1


def test_small_files_are_counted_as_the_blocks_that_they_take():
    """A byte takes a block of the disk; the quota knows."""
    world = World(settings=small_settings(files=LaneSettings(128 * _KIB)))
    for _ in range(100):
        world.buffer.append_file({"name": "a"}, Pieces(b"x"))
    status = world.status("files")
    assert status["records"] <= 128 // 4
    assert status["dropped"]["quota"]["records"] == 100 - status["records"]
    world.restart()
    assert world.status("files")["bytes"] <= 128 * _KIB


def test_the_smallest_files_lane_goes_on_for_ever():
    """Its first segment, full and done with, gives its room to the next one."""
    world = World(settings=small_settings(files=LaneSettings(32 * _KIB)))
    for number in range(400):
        assert world.buffer.append_file({"name": "%d" % number}, Pieces(b"x" * 100)) == number + 1
        assert world.status("files")["bytes"] <= 32 * _KIB
    assert world.status("files")["records"] >= 1
    raises(InvalidMessage, world.buffer.append_file, {"name": "a"}, Pieces(b"x" * 20_000))
    world.restart()
    assert world.buffer.append_file({"name": "last"}, Pieces(b"y")) == 401


def test_a_record_set_aside_does_not_give_way_to_its_own_copy():
    """The copy needs room, and looking for room gives up what is too old: not what is copied."""
    lane = LaneSettings(128 * _KIB, durability="each", max_age_s=10)
    world = World(settings=small_settings(timeseries=lane))
    for number in range(5):
        world.sample(b"%04d" % number)
    world.clock.pass_ms(10_001)
    world.buffer.set_aside("timeseries", 1, {"status": 400})
    status = world.status("timeseries")
    assert (status["acked_sequence"], status["dropped"]) == (1, {})
    assert world.buffer.status()["rejected"]["records"] == 1
    assert drain(world.buffer, "timeseries") == []
    assert world.status("timeseries")["dropped"]["age"]["records"] == 4


def test_a_lane_that_fails_does_not_keep_the_others_from_the_disk():
    """flush, tick and close go through all lanes, and tell of the failure at the end."""
    for how in ("flush", "tick", "close"):
        world = World(settings=small_settings(events=LaneSettings(64 * _KIB, durability="close")))
        world.event(b"event")
        world.sample(b"sample")

        def fail(operation, path, _size):
            if operation == "sync" and "/events/" in path:
                raise OSError(errno.EIO, "medium error")

        world.fs.fail = fail
        world.clock.pass_ms(1000)
        if how == "tick":
            world.buffer.tick()  # the window of the samples; that of the events never ends
        else:
            raises(OSError, getattr(world.buffer, how))
        world.fs.fail = None
        world.restart()
        assert len(drain(world.buffer, "timeseries")) == 1, how


def test_a_clock_that_is_set_inside_a_long_group_is_noted():
    """Samples before and after are told apart, though they wait for the same sync."""
    lane = LaneSettings(128 * _KIB, durability=("group", 600, 60_000))
    world = World(settings=small_settings(timeseries=lane))
    world.clock.is_trusted = False
    world.clock.wall_ms = 5000
    world.sample(b"before")
    world.clock.pass_ms(1000)
    world.clock.wall_ms = 1_767_600_000_000
    world.clock.is_trusted = True
    world.sample(b"after")
    world.buffer.append_many("timeseries", 1, [b"and after"])
    world.buffer.flush()
    batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=10)
    times = [record.wall_ms for record in batch.records()]
    assert times == [None, 1_767_600_000_000, 1_767_600_000_000]


def test_the_segment_that_was_gone_on_with_may_go_before_the_first_record():
    """Removed between the start and the next record: a new one begins."""
    world = World()
    for number in range(3):
        world.event(b"%d" % number)
    world.restart()
    name = world.fs.list_dir("/s/buffer/events")[0]
    del world.fs.entries["/s/buffer/events/" + name]
    assert world.event(b"next") == 4
    assert drain(world.buffer, "events") == [(4, b"next")]
    assert world.status("events")["dropped"]["damaged"]["records"] == 3


def test_a_closed_buffer_cuts_nothing():
    """The directory may be another process's."""
    world = World()
    world.event(b"event")
    batch = world.buffer.cut("events", max_bytes=100, max_records=1)
    world.buffer.close()
    before = dict(world.fs.counts)
    for call in (
        lambda: world.buffer.cut("events", max_bytes=100, max_records=1),
        lambda: world.buffer.first_record("events"),
        lambda: world.buffer.ack(batch),
    ):
        assert raises(OSError, call).errno == errno.EBADF
    world.buffer.release(batch)
    assert world.fs.counts == before


def test_a_cursor_that_cannot_be_opened_for_want_of_descriptors_is_not_begun_anew():
    """Nor where this user may not: the start is refused, and nothing is sent again."""
    world = World()
    for number in range(3):
        world.event(b"%d" % number)
    drain(world.buffer, "events")
    for number in (24, 13):

        def fail(operation, path, _size, number=number):
            if operation == "open" and path.endswith("/cursor"):
                raise OSError(number, path)

        world.fs.fail = fail
        assert raises(OSError, world.restart).errno == number
    world.fs.fail = None
    world.restart()
    assert drain(world.buffer, "events") == []


def test_what_cannot_be_stored_pushes_nothing_out():
    """Neither for the total nor for the free space of others: it is refused before."""
    settings = BufferSettings(
        timeseries=LaneSettings(128 * _KIB, durability="each"),
        files=LaneSettings(512 * _KIB),
        total_quota_bytes=1024 * _KIB,
        min_free_bytes=256 * _KIB,
    )
    world = World(settings=settings)
    world.fs.space = (4096 * _KIB, 8192 * _KIB, 500, 1000)
    for number in range(400):
        world.sample(b"%04d" % number * 40)
    world.fs.space = (200 * _KIB, 8192 * _KIB, 500, 1000)
    raises(BufferFull, world.buffer.append_file, {"name": "a"}, Pieces(b"x" * 300_000))
    assert world.status("timeseries")["dropped"] == {}
    assert len(drain(world.buffer, "timeseries")) == 400


def test_ages_after_a_full_segment_was_delivered_to_its_end():
    """Where the head stands in an earlier segment says nothing of the next one."""
    lane = LaneSettings(128 * _KIB, durability="each", max_age_s=10)
    world = World(settings=small_settings(events=lane))
    for number in range(92):
        world.event(b"%04d" % number * 40)
    drain(world.buffer, "events")
    world.event(b"x" * 20_000)  # a segment of its own
    world.clock.pass_ms(10_001)
    assert drain(world.buffer, "events") == []
    loss = world.status("events")["dropped"]["age"]
    assert loss["records"] == 1
    assert 20_016 <= loss["bytes"] < 20_200  # and its context


def test_a_full_store_of_rejected_records_stops_no_lane():
    """What it cannot keep is counted as lost; a refused record must not block those behind it."""
    rejected = LaneSettings(32 * _KIB, policy="reject")
    world = World(settings=small_settings(rejected=rejected))
    for number in range(300):
        world.event(b"%04d" % number * 30)
    for number in range(300):
        world.buffer.set_aside("events", number + 1, {"status": 400})
    kept = world.buffer.status()["rejected"]["records"]
    assert 50 < kept < 300
    assert world.status("events")["dropped"]["quota"]["records"] == 300 - kept
    assert world.buffer.receipt("events", 300).state == "dropped"


def test_records_that_the_format_has_no_place_for_are_refused():
    """Before they wait with others for the disk."""
    world = World()
    world.event(b"first")
    for kind, payload in ((0, b"x"), (127, b"x"), (300, b"x"), (1, "text"), (1, bytearray(b"x"))):
        raises(InvalidMessage, world.buffer.append, "events", kind, payload)
        raises(InvalidMessage, world.buffer.append_many, "events", kind, [payload])
    world.event(b"second")
    assert len(drain(world.buffer, "events")) == 2


def test_a_files_lane_whose_first_segment_is_full_goes_on():
    """The segment is done with when its files are: it gives way before a new one is refused."""
    world = World(settings=small_settings(files=LaneSettings(64 * _KIB)))
    for number in range(250):
        assert (
            world.buffer.append_file({"name": "%d" % number}, Pieces(b"x" * 40_000)) == number + 1
        )
        assert world.status("files")["bytes"] <= 64 * _KIB
    assert world.status("files")["records"] == 1


def test_a_first_start_on_a_full_disk_leaves_no_half_cursor():
    """An acknowledgement must not need room that was not there when the cursor was made."""
    world = World()

    def fail(operation, path, _size):
        if operation == "write" and path.endswith("/cursor"):
            raise OSError(28, "disk full")

    world.fs.fail = fail
    raises(OSError, world.event, b"refused")
    assert not world.fs.exists("/s/buffer/cursor")
    world.fs.fail = None
    put(world.fs, "/s/buffer/cursor", b"")  # of an earlier version
    world.restart()
    world.event(b"event")
    assert world.fs.size("/s/buffer/cursor") == 8192
    world.restart()
    assert not world.buffer.status()["cursor_damaged"]


def test_losses_beside_a_missing_segment_are_counted():
    """The quota drops behind a batch; what stood between the two drops was removed by somebody."""
    lane = LaneSettings(96 * _KIB, durability="each")
    world = World(settings=small_settings(timeseries=lane))
    for number in range(300):
        world.sample(b"%04d" % number * 40)
    batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=5)
    taken = 300
    lanes = world.buffer._files.lanes["timeseries"]
    while world.status("timeseries")["dropped"].get("quota") is None:
        world.sample(b"%04d" % taken * 40)
        taken += 1
    del lanes.segments[1]  # as if it had been gone before the start
    for _ in range(300):
        try:
            world.sample(b"%04d" % taken * 40)
            taken += 1
        except BufferFull:
            break
    world.buffer.ack(batch)
    rest = len(drain(world.buffer, "timeseries"))
    lost = sum(loss["records"] for loss in world.status("timeseries")["dropped"].values())
    assert 5 + rest + lost == taken
