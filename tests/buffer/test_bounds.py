# portable
"""What bounds the buffer: free space, free files, age, and who gives way to whom."""

from mcagent.buffer import BufferSettings, LaneSettings
from mcagent.errors import BufferFull, ConfigurationError
from tests.buffer.memoryfs import MemoryFileSystem
from tests.buffer.world import World, drain, small_settings
from tests.helpers import raises

_KIB = 1024
_MIB = 1024 * 1024
_DAY_S = 86_400


def test_free_space_that_others_need_stops_growth_and_drops_the_oldest():
    """At the bound each new segment takes the place of an old one; the loss says "space"."""
    world = World(settings=_keeping_free(min_free_bytes=_MIB))
    world.fs.space = (2 * _MIB, 8 * _MIB, 500, 1000)
    for number in range(400):
        world.sample(b"%04d" % number * 40)
    grown = world.status("timeseries")["bytes"]
    assert not world.status("timeseries")["dropped"]
    world.fs.space = (_MIB + 100, 8 * _MIB, 500, 1000)
    for number in range(400, 900):
        world.sample(b"%04d" % number * 40)
    world.buffer.flush()
    status = world.status("timeseries")
    assert status["bytes"] <= grown
    loss = status["dropped"]["space"]
    assert set(status["dropped"]) == {"space"}
    found = drain(world.buffer, "timeseries")
    assert [sequence for sequence, _payload in found] == list(range(loss["last"] + 1, 901))


def test_a_device_without_space_says_how_much_there_is_and_how_much_must_stay():
    """Nothing of ours could give way: the error has the figures and the setting."""
    world = World(settings=_keeping_free(min_free_bytes=_MIB))
    world.fs.space = (_MIB, 8 * _MIB, 500, 1000)
    error = raises(BufferFull, world.event, b"first")
    assert str(_MIB) in error.message
    assert "min_free_bytes" in error.hint
    world.fs.space = (8 * _MIB, 8 * _MIB, 500, 1000)
    assert world.event(b"first") == 1


def test_an_event_pushes_out_samples_when_the_disk_is_short():
    """What matters more is stored at the cost of bulk, never the other way round."""
    world = World(settings=_keeping_free(min_free_bytes=_MIB))
    world.fs.space = (8 * _MIB, 8 * _MIB, 500, 1000)
    for number in range(400):
        world.sample(b"%04d" % number * 40)
    world.buffer.flush()
    world.fs.space = (_MIB, 8 * _MIB, 500, 1000)
    world.event(b"the emergency stop")
    assert world.status("timeseries")["dropped"]["space"]["first"] == 1
    world.restart()
    for number in range(2000):
        world.sample(b"%04d" % number * 40)
    assert not world.status("events")["dropped"]
    assert drain(world.buffer, "events") == [(1, b"the emergency stop")]


def test_free_files_are_kept_too():
    """A file system without inodes refuses everybody; one segment makes room for the next."""
    world = World(settings=_keeping_free(min_free_files=10))
    world.fs.space = (8 * _MIB, 8 * _MIB, 11, 1000)
    world.event(b"first")
    world.fs.space = (8 * _MIB, 8 * _MIB, 10, 1000)
    assert "10" in raises(BufferFull, world.sample, b"another lane").message
    for number in range(600):
        world.event(b"%04d" % number * 40)
    assert world.status("events")["dropped"]["space"]["records"] > 100
    # A file system that does not count its files (FAT) has no such bound.
    world.fs.space = (8 * _MIB, 8 * _MIB, 0, 0)
    assert world.sample(b"another lane") == 1


def test_by_default_a_sixteenth_of_a_small_disk_stays_free():
    """16 MiB of a large one: enough for others, and a small partition is not refused."""
    world = World(settings=small_settings())
    world.fs.space = (_MIB, 8 * _MIB, 500, 1000)
    assert world.event(b"half a MiB must stay") == 1
    full = World(settings=small_settings())
    full.fs.space = (15 * _MIB, 1024 * _MIB, 500, 1000)
    assert str(16 * _MIB) in raises(BufferFull, full.event, b"x").message


def test_records_are_given_up_by_age_within_a_boot():
    """By the monotonic clock: exactly those that are older, whole segments and parts."""
    world = World(settings=_with_age(_DAY_S))
    for number in range(600):
        world.sample(b"%04d" % number * 40)
        world.clock.pass_ms(1000)
    world.clock.pass_ms((_DAY_S - 300) * 1000)
    world.buffer.flush()
    found = drain(world.buffer, "timeseries")
    loss = world.status("timeseries")["dropped"]["age"]
    assert (loss["first"], loss["last"], loss["records"]) == (1, found[0][0] - 1, found[0][0] - 1)
    assert abs(loss["records"] - 300) <= 10  # the group window
    assert found[-1][0] == 600
    assert world.buffer.receipt("timeseries", 1).state == "dropped"
    world.restart()
    assert world.status("timeseries")["dropped"]["age"] == loss
    assert world.status("timeseries")["records"] == 0


def test_a_clock_that_jumps_drops_nothing_by_age():
    """Forty years forward, in the same boot or with an untrusted clock in another."""
    world = World(settings=_with_age(_DAY_S))
    world.clock.is_trusted = False
    world.clock.wall_ms = 0  # a device without a clock
    world.event(b"recorded in 1970")
    world.sample(b"recorded in 1970", durable=True)
    world.clock.wall_ms = 1_767_600_000_000
    world.clock.is_trusted = True
    world.event(b"recorded today")
    assert len(drain(world.buffer, "events")) == 2
    world.clock.boot = b"another boot...."
    world.clock.steady_ms = 0
    world.restart()
    assert len(drain(world.buffer, "timeseries")) == 1
    world.event(b"recorded at a trusted time")
    world.clock.boot = b"the third boot.."
    world.clock.wall_ms += 40 * 365 * _DAY_S * 1000
    world.clock.is_trusted = False
    world.restart()
    assert len(drain(world.buffer, "events")) == 1


def test_age_across_boots_counts_where_both_clocks_are_trusted():
    """The monotonic clock began anew; the wall clock was right then and is now."""
    world = World(settings=_with_age(_DAY_S))
    world.event(b"old")
    world.clock.boot = b"another boot...."
    world.clock.steady_ms = 0
    world.clock.wall_ms += (_DAY_S + 1) * 1000
    world.restart()
    world.event(b"new")
    assert drain(world.buffer, "events") == [(2, b"new")]
    assert world.status("events")["dropped"]["age"]["records"] == 1


def test_old_files_go_with_their_records():
    """A spooled file is removed, and its space is there again."""
    world = World(settings=small_settings(files=LaneSettings(128 * _KIB, max_age_s=_DAY_S)))
    for _ in range(3):
        world.buffer.append_file({"name": "a"}, Pieces(b"x" * 10_000))
        world.clock.pass_ms(_DAY_S * 400)  # 0.4 days
    world.clock.pass_ms(_DAY_S * 100)
    batch = world.buffer.cut("files", max_bytes=1 << 20, max_records=10)
    assert batch.first == 2
    assert world.fs.list_dir("/s/buffer/files/spool") == ["%016d" % 2, "%016d" % 3]
    # While a batch is out nothing of it grows too old.
    world.clock.pass_ms(_DAY_S * 2000)
    world.buffer.append_file({"name": "b"}, Pieces(b"y"))
    world.buffer.ack(batch)
    assert world.status("files")["dropped"]["age"]["records"] == 1


def test_damage_between_old_records_does_not_stop_the_age_bound():
    """And the damaged record is counted once."""
    world = World(settings=_with_age(_DAY_S))
    for number in range(30):
        world.event(b"%04d" % number * 10)
    segment = world.fs.list_dir("/s/buffer/events")[0]
    world.fs.entries["/s/buffer/events/" + segment].data[700] ^= 1
    world.clock.pass_ms(_DAY_S * 1000 + 1)
    world.event(b"young")
    assert drain(world.buffer, "events") == [(31, b"young")]
    dropped = world.status("events")["dropped"]
    assert sum(loss["records"] for loss in dropped.values()) == 30


def test_a_small_total_leaves_every_lane_two_segments():
    """256 KiB in all: events, which nothing may push out, do not keep samples out for good."""
    world = World(settings=BufferSettings(total_quota_bytes=256 * _KIB))
    for number in range(3000):
        world.event(b"%04d" % number * 40)
    for number in range(3000):
        world.sample(b"%04d" % number * 40)
    status = world.buffer.status()["lanes"]
    assert sum(lane["bytes"] for lane in status.values()) <= 256 * _KIB
    assert status["events"]["records"] > 400
    assert status["timeseries"]["records"] > 400
    assert status["events"]["quota_bytes"] == 128 * _KIB


def test_what_is_written_again_after_a_failed_sync_keeps_to_the_quota():
    """The segment that was given up counts, and old ones go for the new one."""
    world = World(settings=small_settings(timeseries=LaneSettings(64 * _KIB)))
    broken = []

    def fail(operation, path, _size):
        if broken and operation == "sync" and "timeseries" in path:
            broken.pop()
            raise OSError(5, "medium")

    world.fs.fail = fail
    for number in range(1500):
        if number % 40 == 39:
            broken.append(1)
            raises(OSError, world.sample, b"refused" * 20, durable=True)
        world.sample(b"%04d" % number * 40, durable=True)
        assert world.status("timeseries")["bytes"] <= 64 * _KIB, number
    assert world.status("timeseries")["dropped"]["quota"]["records"] > 500


def test_bytes_a_day_are_told_after_a_minute():
    """What wears flash: the bytes since the start, and what that makes a day."""
    world = World()
    world.sample(b"x" * 1000, durable=True)
    status = world.buffer.status()
    assert status["bytes_a_day"] is None
    world.clock.pass_ms(3600 * 1000)
    assert world.buffer.status()["bytes_a_day"] == status["bytes_written"] * 24


def test_losses_are_unreported_until_they_were_reported():
    """What the platform was told of is as durable as the loss itself."""
    world = World(settings=small_settings(events=LaneSettings(32 * _KIB)))
    assert world.buffer.unreported_losses() == []
    for number in range(1000):
        world.event(b"%04d" % number * 20)
    (loss,) = world.buffer.unreported_losses()
    assert (loss["lane"], loss["reported"], loss["reported_ms"]) == ("events", 0, 0)
    assert loss["records"] == loss["losses"]["quota"]["records"] > 0
    world.buffer.losses_reported("events", loss["records"])
    assert world.buffer.unreported_losses() == []
    world.restart()
    assert world.buffer.unreported_losses() == []
    for number in range(1000):
        world.event(b"%04d" % number * 20)
    (more,) = world.buffer.unreported_losses()
    assert more["reported"] == loss["records"]
    assert more["reported_ms"] == world.clock.now_ms()


def test_bounds_that_cannot_work_are_refused():
    """The value, and what would be one."""
    assert "-1" in raises(ConfigurationError, BufferSettings, min_free_bytes=-1).message
    assert (
        "min_free_files" in raises(ConfigurationError, BufferSettings, min_free_files=0.5).message
    )
    assert "0.5" in raises(ConfigurationError, LaneSettings, 64 * _KIB, max_age_s=0.5).message
    assert raises(ConfigurationError, LaneSettings, 64 * _KIB, max_age_s=float("nan")).hint


class Pieces:
    """An object with `read`."""

    def __init__(self, data):
        self._data = data

    def read(self, size):
        data, self._data = self._data[:size], self._data[size:]
        return data


def _keeping_free(**bounds):
    lanes = small_settings().lanes
    return BufferSettings(**lanes, **bounds)


def _with_age(max_age_s):
    return small_settings(
        events=LaneSettings(128 * _KIB, max_age_s=max_age_s),
        timeseries=LaneSettings(256 * _KIB, durability=("group", 10, 1000), max_age_s=max_age_s),
    )


class FullDisk:
    """A `fail` hook: every byte written takes room, as on a copy-on-write disk."""

    def __init__(self, fs, free_bytes, errno=28):
        self.free_bytes = free_bytes
        self._fs = fs
        self._errno = errno
        fs.fail = self
        fs.space = (0, _MIB, 0, 0)

    def __call__(self, operation, path, size):
        if operation == "remove":
            self.free_bytes += self._fs.size(path)
        elif operation == "write":
            if size > self.free_bytes:
                raise OSError(self._errno, "disk full")
            # Writing over the cursor gives its old blocks back.
            self.free_bytes -= 0 if path.endswith("/cursor") else size


def test_a_copy_on_write_disk_that_others_filled_can_be_drained():
    """An acknowledgement writes over the cursor; the room for that was put by."""
    world = World(fs=MemoryFileSystem(can_preallocate=False, can_truncate=False))
    for number in range(300):
        world.event(b"%04d" % number * 40)
    disk = FullDisk(world.fs, 0)
    assert len(drain(world.buffer, "events", max_records=10)) == 300
    assert disk.free_bytes > 20_000
    assert world.fs.exists("/s/buffer/cursor.reserve")  # put by anew for the next time
    world.fs.space = None
    assert world.event(b"room again") == 301


def test_a_full_disk_takes_new_records_for_old_ones():
    """Where nothing is reserved, the open segment meets the end of the disk: the oldest goes."""
    world = World(fs=MemoryFileSystem(can_preallocate=False, can_truncate=False))
    for number in range(300):
        world.event(b"%04d" % number * 40)
    FullDisk(world.fs, 500)
    for number in range(300, 330):
        world.event(b"%04d" % number * 40)
    dropped = world.status("events")["dropped"]
    assert set(dropped) == {"space"}
    assert dropped["space"]["records"] < 200  # for the group, and for the segment behind it
    found = drain(world.buffer, "events")
    assert found[-1][0] == 330
    assert len(found) == 330 - dropped["space"]["records"]


def test_a_quota_of_the_user_takes_new_records_for_old_ones():
    """The disk says that there is room; whoever removes something of the same user's has some."""
    world = World(fs=MemoryFileSystem(can_preallocate=False))
    for number in range(300):
        world.event(b"%04d" % number * 40)
    FullDisk(world.fs, 500, errno=122)
    world.fs.space = (900 * _MIB, 1024 * _MIB, 0, 0)
    for number in range(300, 330):
        world.event(b"%04d" % number * 40)
    dropped = world.status("events")["dropped"]["space"]["records"]
    assert 0 < dropped < 200
    found = drain(world.buffer, "events")
    assert (found[-1][0], len(found)) == (330, 330 - dropped)


def test_a_quota_of_the_user_that_refuses_once_costs_nothing():
    """What is refused once may be over; only what is refused again gives something up."""
    world = World(fs=MemoryFileSystem(can_preallocate=False))
    for number in range(100):
        world.event(b"%04d" % number * 40)
    refused = []

    def fail(operation, path, _size):
        if operation == "write" and "/events/" in path and not refused:
            refused.append(path)
            raise OSError(122, "quota")

    world.fs.fail = fail
    assert world.event(b"new") == 101
    assert refused
    assert world.status("events")["dropped"] == {}
    assert len(drain(world.buffer, "events")) == 101


def test_a_disk_that_stays_full_does_not_eat_the_backlog():
    """Somebody takes every byte that is given up: one segment a minute, not all at once."""
    world = World(fs=MemoryFileSystem(can_preallocate=False, can_truncate=False))
    for number in range(300):
        world.event(b"%04d" % number * 40)

    def fail(operation, path, _size):
        if operation == "write" and "/events/" in path:
            raise OSError(28, "disk full")

    world.fs.fail = fail
    world.fs.space = (0, _MIB, 0, 0)
    for _ in range(50):
        raises((OSError, BufferFull), world.event, b"refused")
    assert world.status("events")["dropped"]["space"]["records"] < 100
    world.fs.fail = world.fs.space = None
    dropped = world.status("events")["dropped"]["space"]["records"]
    assert len(drain(world.buffer, "events")) == 300 - dropped
