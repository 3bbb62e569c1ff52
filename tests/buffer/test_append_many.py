# portable
"""Many records at once are the same records one by one, and as durable."""

from mcagent.buffer import LaneSettings
from mcagent.errors import BufferFull, InvalidMessage
from tests.buffer.memoryfs import ENOSPC
from tests.buffer.world import SAMPLE, World, drain, small_settings
from tests.helpers import raises


def payloads(count, size=40):
    return [b"%05d" % number * (1 + (number * 7 + size) % 11) for number in range(count)]


def test_the_files_are_the_same_as_of_single_appends():
    """Groups close at the same records; every byte of every segment is where it was."""
    for parts in (1, 3, 100, 2000):
        many, single = World(), World()
        rows = payloads(2000)
        for place in range(0, 2000, parts):
            last = many.buffer.append_many("timeseries", SAMPLE, rows[place : place + parts])
            assert last == min(place + parts, 2000)
        for row in rows:
            single.sample(row)
        many.buffer.flush()
        single.buffer.flush()
        assert contents(many) == contents(single)
        assert [payload for _sequence, payload in drain(many.buffer, "timeseries")] == rows


def test_a_group_window_closes_between_calls():
    """As with append: the call after the window syncs."""
    world = World()
    world.buffer.append_many("timeseries", SAMPLE, [b"a", b"b", b"c"])
    assert world.status("timeseries")["durable_sequence"] == 0
    world.clock.pass_ms(1000)
    world.buffer.append_many("timeseries", SAMPLE, [b"d", b"e"])
    assert world.status("timeseries")["durable_sequence"] >= 4
    assert world.buffer.append_many("timeseries", SAMPLE, []) == 0


def test_an_invalid_record_keeps_those_before_it():
    """Empty, or larger than the quota; what follows is not stored."""
    for bad in (b"", b"X" * 200_000):
        world = World()
        raises(
            InvalidMessage,
            world.buffer.append_many,
            "timeseries",
            SAMPLE,
            [b"a", b"b", bad, b"never"],
        )
        assert world.buffer.next_sequence("timeseries") == 3
        world.buffer.append_many("timeseries", SAMPLE, [b"c"])
        found = [payload for _sequence, payload in drain(world.buffer, "timeseries")]
        assert found == [b"a", b"b", b"c"]


def test_a_full_lane_and_a_full_disk_keep_those_before():
    """What was taken in is delivered; its number tells where to go on."""
    settings = small_settings(
        timeseries=LaneSettings(64 * 1024, policy="reject", durability=("group", 10, 1000))
    )
    world = World(settings=settings)
    rows = payloads(5000)
    raises(BufferFull, world.buffer.append_many, "timeseries", SAMPLE, rows)
    taken = world.buffer.next_sequence("timeseries") - 1
    assert 0 < taken < 5000
    assert [payload for _sequence, payload in drain(world.buffer, "timeseries")] == rows[:taken]

    world = World()
    writes = []

    def fail(operation, _path, size):
        if operation == "write" and size > 100:
            writes.append(size)
            if len(writes) >= 5:
                raise OSError(ENOSPC, "disk full")

    world.fs.fail = fail
    raises(OSError, world.buffer.append_many, "timeseries", SAMPLE, rows)
    taken = world.buffer.next_sequence("timeseries") - 1
    world.fs.fail = None
    world.buffer.append_many("timeseries", SAMPLE, rows[taken:200])
    assert [payload for _sequence, payload in drain(world.buffer, "timeseries")] == rows[:200]


def test_another_data_model_begins_another_batch():
    """A batch holds one, also in the middle of a group."""
    world = World()
    append = world.buffer.append_many
    append("timeseries", SAMPLE, [b"a", b"b"], configuration_id="one")
    append("timeseries", SAMPLE, [b"c"], configuration_id="two")
    batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=10)
    assert (batch.count, batch.configuration_id) == (2, "one")


def contents(world):
    """Segments in order, without what is random in their names."""
    names = world.fs.list_dir("/s/buffer/timeseries")
    data = [bytes(world.fs.entries["/s/buffer/timeseries/" + name].data) for name in names]
    return [(name[:16], len(one), _payloads_of(one)) for name, one in zip(names, data)]


def _payloads_of(data):
    # Every CRC differs with the nonce: the frames without it.
    found = []
    offset = 32
    while offset + 16 < len(data) and data[offset + 7]:
        size = int.from_bytes(data[offset + 4 : offset + 7], "little")
        found.append(data[offset + 4 : offset + 16 + size])
        offset += 16 + size
    return found
