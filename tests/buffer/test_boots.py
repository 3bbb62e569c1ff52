# portable
"""What is known of boots without a clock: written once, durable before it is used, never changed."""

import struct

from mcagent.buffer.boots import Boots
from mcagent.runtime import crc32
from tests.buffer.memoryfs import ENOSPC, FakeClock, MemoryFileSystem
from tests.buffer.world import World, drain
from tests.helpers import raises

PATH = "/s/buffer/boots"


class Start:
    """One boot after the other on one disk; *n* of `boot` names them."""

    def __init__(self):
        self.fs = MemoryFileSystem()
        self.fs.make_dir("/s")
        self.fs.make_dir("/s/buffer")

    def boot(self, number, *, wall_ms=5000, steady_ms=5000, trusted=False):
        clock = FakeClock(wall_ms)
        clock.steady_ms = steady_ms
        clock.boot = b"boot %011d" % number
        clock.is_trusted = trusted
        boots = Boots("/s/buffer", self.fs, clock)
        boots.open([])
        return boots, clock


def entry(boot_id, difference_ms, number):
    """By hand from docs/buffer-format.md, "Boots"."""
    head = struct.pack("<16sqI", boot_id, difference_ms, number)
    return head + struct.pack("<I", crc32(head))


def test_an_entry_is_what_the_format_says():
    start = Start()
    boots, clock = start.boot(1)
    boots.look(1_795_262_400_000)
    expected = entry(clock.boot, 1_795_262_400_000, 1)
    assert start.fs.read(PATH) == expected + bytes(4096 - len(expected))


def test_a_clock_that_was_always_right_writes_nothing():
    start = Start()
    boots, _clock = start.boot(1, wall_ms=1_795_262_400_000, trusted=True)
    boots.look()
    boots.look(1_795_262_000_000)
    assert not boots.needed
    assert not start.fs.exists(PATH)


def test_the_first_word_stays():
    """A better one, a worse one, a restart: the entry is what it was."""
    start = Start()
    boots, clock = start.boot(1)
    boots.look(1_000_000)
    for later_ms in (1_000_500, 9_000_000, None):
        boots.look(later_ms)
        assert boots.difference_ms(clock.boot) == 1_000_000
        boots, clock = start.boot(1, steady_ms=9000)
    clock.is_trusted = True
    clock.wall_ms = 1_795_262_400_000
    boots.look()
    assert boots.difference_ms(clock.boot) == 1_000_000


def test_a_clock_that_was_set_is_finer_than_the_platform_unless_it_is_wrong():
    for off_ms, expected_ms in (
        (0, 7000),
        (29_000, 7000 + 29_000),
        (31_000, 7000),
        (-31_000, 7000),
    ):
        start = Start()
        boots, clock = start.boot(1)
        boots.look()
        clock.is_trusted = True
        clock.wall_ms = clock.steady_ms + 7000 + off_ms
        boots.look(7000)
        assert boots.difference_ms(clock.boot) == expected_ms


def test_it_is_durable_before_it_is_known():
    """A sync that fails leaves the boot without an entry, and says so."""
    start = Start()
    boots, clock = start.boot(1)

    def fail(operation, path, _size):
        if operation == "sync" and path == PATH:
            raise OSError(ENOSPC, "full")

    start.fs.fail = fail
    raises(OSError, boots.look, 1_000_000)
    assert boots.difference_ms(clock.boot) is None
    assert boots.unknown
    start.fs.fail = None
    boots.look(1_000_000)
    assert not boots.unknown
    assert start.boot(1)[0].difference_ms(clock.boot) == 1_000_000


def test_a_full_disk_takes_the_entry():
    """The file is made while there is room: when the clock is first seen not to be set."""
    start = Start()
    boots, clock = start.boot(1)
    boots.look()
    assert start.fs.size(PATH) == 4096

    def fail(operation, _path, _size):
        if operation in ("create", "truncate", "rename"):
            raise OSError(ENOSPC, "full")

    start.fs.fail = fail
    boots.look(1_000_000)
    assert boots.difference_ms(clock.boot) == 1_000_000


def test_the_ring_forgets_the_oldest_boots():
    start = Start()
    for number in range(130):
        boots, clock = start.boot(number)
        boots.look(number * 1000)
    boots, clock = start.boot(999)
    assert boots.difference_ms(b"boot %011d" % 1) is None
    assert boots.difference_ms(b"boot %011d" % 2) == 2000
    assert boots.difference_ms(b"boot %011d" % 129) == 129_000
    boots.look(1)
    assert start.fs.size(PATH) == 4096
    assert start.boot(1)[0].difference_ms(clock.boot) == 1


def test_a_torn_entry_is_none_and_harms_no_other():
    """At any byte: the others are read, and the next one takes its place."""
    whole = entry(b"boot 00000000001", 1000, 1)
    for cut in range(32):
        start = Start()
        torn = entry(b"boot 00000000002", 2000, 2)[:cut]
        file = start.fs.open(PATH, create=True)
        file.write_at(0, whole + torn + bytes(4096 - 32 - cut))
        boots, _clock = start.boot(2)
        assert boots.difference_ms(b"boot 00000000001") == 1000
        assert boots.difference_ms(b"boot 00000000002") is None
        boots.look(3000)
        again = start.boot(2)[0]
        assert again.difference_ms(b"boot 00000000002") == 3000
        assert again.difference_ms(b"boot 00000000001") == 1000


def test_a_file_cut_short_is_filled_up():
    start = Start()
    file = start.fs.open(PATH, create=True)
    file.write_at(0, entry(b"boot 00000000001", 1000, 1)[:20])
    boots, clock = start.boot(1)
    boots.look(4000)
    assert start.fs.size(PATH) == 4096
    assert start.boot(1)[0].difference_ms(clock.boot) == 4000


def test_a_restart_knows_that_its_boot_began_without_a_clock():
    """The clock was set while no process ran: the tail of a lane tells."""
    world = World()
    world.clock.is_trusted = False
    world.sample(b"early", durable=True)
    world.buffer.close()
    world.clock.is_trusted = True
    world.clock.wall_ms += 50_000_000
    world.restart()
    assert world.buffer.boots.needed
    world.buffer.boots.look()
    expected = world.clock.wall_ms - world.clock.steady_ms
    assert world.buffer.boots.difference_ms(world.clock.boot) == expected
    world.clock.boot = b"another boot...."
    world.restart()
    assert not world.buffer.boots.needed


def held(world, count, **kwargs):
    batch = world.buffer.cut("timeseries", max_bytes=1 << 20, max_records=count)
    return batch, world.buffer.pass_by(batch, **kwargs)


def test_passing_by_keeps_every_record_with_its_reason():
    """A hundred at a time, in order, with a sync for all of them and not for each."""
    world = World()
    for number in range(250):
        world.sample(b"%d" % number)
    world.buffer.flush()
    receipt = world.buffer.receipt("timeseries", 7)
    since = world.fs.counts.get("sync", 0)
    for _ in range(2):
        assert held(world, 100, reason={"reason": "why"})[1] == 100
    assert world.fs.counts["sync"] - since < 100, "MicroPython has room for ten in memory"
    assert receipt.state == "set aside"
    world.restart()
    kept = drain(world.buffer, "rejected")
    assert [int(payload.split(b"\n")[1]) for _number, payload in kept] == list(range(200))
    assert b'"why"' in kept[0][1]
    left = drain(world.buffer, "timeseries")
    assert [int(payload) for _number, payload in left] == list(range(200, 250))
    assert world.status("timeseries")["dropped"] == {}


def test_what_is_given_up_is_counted():
    world = World()
    for number in range(20):
        world.sample(b"%d" % number)
    receipt = world.buffer.receipt("timeseries", 7)
    assert held(world, 15, reason=None)[1] == 15
    assert receipt.state == "dropped"
    loss = world.status("timeseries")["dropped"]["age"]
    assert (loss["records"], loss["first"], loss["last"]) == (15, 1, 15)
    assert drain(world.buffer, "timeseries")[0][1] == b"15"
    assert drain(world.buffer, "rejected") == []


def test_a_store_without_room_keeps_the_rest_in_its_place():
    """The disk fills in the middle: what is not in the store is still in its lane, once."""
    world = World()
    for number in range(60):
        world.sample(b"%d" % number * 100)
    world.event(b"x", durable=True)
    batch = world.buffer.cut("timeseries", max_bytes=1 << 20, max_records=60)
    appended = []
    lane = world.buffer._files.lane("rejected")
    append = lane.append

    def until_full(*args):
        if len(appended) == 25:
            from mcagent.errors import BufferFull

            raise BufferFull("no room")
        appended.append(args)
        return append(*args)

    lane.append = until_full
    assert world.buffer.pass_by(batch, {"reason": "why"}) == 25
    lane.append = append
    kept = [payload.split(b"\n")[1] for _number, payload in drain(world.buffer, "rejected")]
    left = [payload for _number, payload in drain(world.buffer, "timeseries")]
    assert kept + left == [b"%d" % number * 100 for number in range(60)]
