# portable
"""The buffer as its users see it: durability, groups, bounds, batches, receipts."""

import errno

from mcagent.buffer import BufferSettings, LaneSettings
from mcagent.errors import BufferFull, ConfigurationError, InvalidMessage
from mcagent.runtime import MICROPYTHON
from tests.buffer.memoryfs import ENOSPC, MemoryFileSystem
from tests.buffer.world import EVENT, SAMPLE, World, drain, small_settings
from tests.helpers import raises


def test_each_record_of_an_each_lane_is_one_write_and_one_sync():
    """durability="each": durable when append returns, at one sync a record."""
    world = World()
    world.event(b"first")  # makes the lane
    since = dict(world.fs.counts)
    for number in range(20):
        sequence = world.event(b"event %d" % number)
        assert world.buffer.receipt("events", sequence).durable
    assert more(world, "sync", since) == 20
    assert more(world, "write", since) == 20


def test_a_group_is_synced_once_for_n_records_or_after_ms():
    """group(10, 1000): the tenth record syncs; so does the first call after a second."""
    world = World()
    receipts = [world.buffer.receipt("timeseries", world.sample(b"%d" % n)) for n in range(9)]
    since = dict(world.fs.counts)
    assert [receipt.state for receipt in receipts] == ["buffered"] * 9
    assert world.buffer.tick() == 1000
    world.clock.pass_ms(400)
    assert world.buffer.tick() == 600
    world.sample(b"tenth")
    assert more(world, "sync", since) == 1
    assert receipts[0].durable
    assert world.buffer.tick() is None
    late = world.buffer.receipt("timeseries", world.sample(b"late"))
    world.clock.pass_ms(1000)
    assert world.buffer.tick() is None
    assert late.durable


def test_durable_true_syncs_the_group_now():
    """A record that must not wait takes those before it along."""
    world = World()
    first = world.buffer.receipt("timeseries", world.sample(b"1"))
    world.sample(b"2", durable=True)
    assert first.durable


def test_close_durability_syncs_at_the_end_or_when_memory_is_full():
    """durability="close": nothing before 64 KiB wait."""
    settings = small_settings(timeseries=LaneSettings(1 << 20, durability="close"))
    settings.ram_bytes = 1000
    world = World(settings=settings)
    world.sample(b"x" * 400)
    world.clock.pass_ms(100_000)
    world.buffer.tick()
    assert world.status("timeseries")["durable_sequence"] == 0
    world.sample(b"x" * 400)
    world.sample(b"x" * 400)
    assert world.status("timeseries")["durable_sequence"] == 2
    world.buffer.close()
    assert [sequence for sequence, _payload in drain(world.restart(), "timeseries")] == [1, 2, 3]


def test_what_a_kill_takes_is_the_open_group_and_no_more():
    """Restart without close: durable records are there, in order, numbers go on."""
    world = World()
    payloads = [b"sample %d" % number for number in range(25)]
    for payload in payloads:
        world.sample(payload)
    world.restart()
    assert world.buffer.next_sequence("timeseries") == 21
    assert drain(world.buffer, "timeseries") == list(enumerate(payloads[:20], 1))


def test_restarts_go_on_in_the_same_segment():
    """A device that restarts for every sample does not make a file for every sample."""
    world = World()
    for number in range(30):
        world.sample(b"%d" % number)
        world.buffer.close()
        world.restart()
    assert len(world.fs.list_dir("/s/buffer/timeseries")) == 1
    assert len(drain(world.buffer, "timeseries")) == 30


def test_a_batch_ends_where_kind_or_model_changes():
    """Each batch has one kind and one configuration id."""
    world = World()
    for kind, model in ((1, "a"), (1, "a"), (1, "b"), (2, "b"), (1, "b")):
        world.buffer.append("timeseries", kind, b"x", configuration_id=model)
    seen = []
    while True:
        batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=100)
        if batch is None:
            break
        seen.append((batch.kind, batch.configuration_id, batch.count))
        world.buffer.ack(batch)
    assert seen == [(1, "a", 2), (1, "b", 1), (2, "b", 1), (1, "b", 1)]


def test_a_batch_keeps_its_limits():
    """Bytes with commas, records, sequence; the first record is always taken."""
    world = World()
    for _ in range(50):
        world.event(b"x" * 100)
    for max_bytes, expected in (
        (1, 1),
        (100, 1),
        (200, 1),
        (201, 2),
        (302, 3),
        (301, 2),
        (1010, 10),
    ):
        batch = world.buffer.cut("events", max_bytes=max_bytes, max_records=100)
        assert batch.count == expected, max_bytes
        assert batch.payload_bytes == expected * 101 - 1
        world.buffer.release(batch)
        world.buffer.ack(world.buffer.cut("events", max_bytes=1, max_records=1))
    batch = world.buffer.cut("events", max_bytes=10_000, max_records=5)
    assert (batch.first, batch.last) == (8, 12)
    world.buffer.release(batch)
    batch = world.buffer.cut("events", max_bytes=10_000, max_records=100, max_sequence=9)
    assert (batch.first, batch.last) == (8, 9)
    world.buffer.ack(batch)
    assert world.buffer.cut("events", max_bytes=10_000, max_records=100, max_sequence=9) is None


def test_a_cut_syncs_what_is_in_memory_when_nothing_else_is_left():
    """Only durable records leave, and a lonely sample does not wait for its group."""
    world = World()
    world.sample(b"alone")
    batch = world.buffer.cut("timeseries", max_bytes=100, max_records=10)
    assert batch.count == 1
    world.sample(b"next")
    world.buffer.ack(batch)
    assert world.buffer.receipt("timeseries", 1).delivered
    assert not world.buffer.receipt("timeseries", 2).durable


def test_the_same_batch_is_cut_again_after_a_release_and_after_a_restart():
    """What the platform may have seen already is sent with the same bounds."""
    world = World()
    for number in range(5):
        world.event(b"%d" % number)
    batch = world.buffer.cut("events", max_bytes=1000, max_records=3)
    world.event(b"later")
    world.buffer.release(batch)
    batch = world.buffer.cut("events", max_bytes=1000, max_records=100)
    assert (batch.first, batch.last) == (1, 3)
    world.restart()
    world.event(b"later still")
    batch = world.buffer.cut("events", max_bytes=1000, max_records=100)
    assert (batch.first, batch.last) == (1, 3)
    world.buffer.ack(batch)
    batch = world.buffer.cut("events", max_bytes=1000, max_records=100)
    assert (batch.first, batch.last) == (4, 7)


def test_a_released_batch_that_was_answered_binds_nothing():
    """Refused, or never sent: the next batch may be longer."""
    world = World()
    world.event(b"1")
    batch = world.buffer.cut("events", max_bytes=1000, max_records=100)
    world.event(b"2")
    world.buffer.release(batch, again=False)
    assert world.buffer.cut("events", max_bytes=1000, max_records=100).last == 2
    raises(ValueError, world.buffer.ack, batch)


def test_several_lanes_are_acknowledged_by_one_sync():
    """One exchange carries several lanes and costs one sync."""
    world = World()
    world.event(b"e")
    world.sample(b"s", durable=True)
    events = world.buffer.cut("events", max_bytes=100, max_records=10)
    samples = world.buffer.cut("timeseries", max_bytes=100, max_records=10)
    since = dict(world.fs.counts)
    world.buffer.ack([events, samples])
    assert more(world, "sync", since) == 1
    world.restart()
    assert drain(world.buffer, "events") == []
    assert drain(world.buffer, "timeseries") == []


def test_the_quota_drops_the_oldest_and_counts_it_durably():
    """drop_oldest: what is left is the newest, in order; the rest is counted, also later."""
    world = World()
    for number in range(3000):
        world.sample(b"%05d" % number * 20)
    status = world.status("timeseries")
    assert status["bytes"] <= status["quota_bytes"]
    dropped = status["dropped"]["quota"]
    assert dropped["first"] == 1
    assert dropped["records"] == dropped["last"] == 3000 - status["records"]
    assert dropped["bytes"] >= dropped["records"] * 100
    assert world.buffer.receipt("timeseries", 1).state == "dropped"
    world.restart()
    assert world.status("timeseries")["dropped"] == status["dropped"]
    left = drain(world.buffer, "timeseries")
    assert [sequence for sequence, _p in left] == list(range(dropped["last"] + 1, 3001))


def test_a_pinned_batch_is_not_dropped():
    """The quota takes what is behind a batch that is being sent; both are accounted for."""
    world = World()
    for number in range(900):
        world.sample(b"%05d" % number * 20)
    batch = world.buffer.cut("timeseries", max_bytes=2000, max_records=10)
    for number in range(900, 4000):
        world.sample(b"%05d" % number * 20)
    body = b"".join(list(batch.chunks()))
    first = batch.first
    assert body == b",".join([b"%05d" % (first - 1 + place) * 20 for place in range(batch.count)])
    before = world.status("timeseries")["dropped"]["quota"]["records"]
    world.restart()  # killed while the hole is there
    batch = world.buffer.cut("timeseries", max_bytes=2000, max_records=10)
    assert batch.first == first
    world.buffer.ack(batch)
    rest = [sequence for sequence, _payload in drain(world.buffer, "timeseries")]
    status = world.status("timeseries")
    assert status["dropped"]["quota"]["records"] == before
    assert "damaged" not in status["dropped"]
    assert batch.last - first + 1 + len(rest) + before == 4000
    assert rest == sorted(rest)


def test_a_full_lane_rejects_when_told_to():
    """policy="reject": BufferFull names the lane; nothing that was accepted is lost."""
    world = World()
    accepted = 0
    while True:
        try:
            world.buffer.append("models", 4, b"m" * 1000)
        except BufferFull as error:
            assert "models" in error.message
            assert error.hint
            break
        accepted += 1
    assert accepted >= 28
    raises(BufferFull, world.buffer.append, "models", 4, b"m" * 1000)
    assert len(drain(world.buffer, "models")) == accepted
    world.buffer.append("models", 4, b"m" * 1000)
    assert world.buffer.next_sequence("models") == accepted + 2


def test_the_total_quota_takes_from_the_fullest_lane():
    """All lanes together keep the bound; a lane that rejects is never taken from."""
    settings = BufferSettings(
        models=LaneSettings(64 * 1024, policy="reject"),
        events=LaneSettings(256 * 1024),
        timeseries=LaneSettings(256 * 1024),
        total_quota_bytes=300 * 1024,
    )
    world = World(settings=settings)
    for _ in range(20):
        world.buffer.append("models", 4, b"m" * 1000)
    for number in range(3000):
        world.event(b"e" * 80)
        world.sample(b"s" * 80)
        if number % 500 == 0:
            world.clock.pass_ms(1)
        status = world.buffer.status()["lanes"]
        assert sum([status[lane]["bytes"] for lane in status]) <= 300 * 1024
    assert world.status("models")["records"] == 20
    assert world.status("events")["dropped"]
    assert world.status("timeseries")["dropped"]


def test_a_record_larger_than_a_segment_gets_one_of_its_own():
    """And one larger than the quota is refused before anything is written."""
    world = World()
    world.event(b"small")
    world.event(b"L" * 40_000)
    world.event(b"small too")
    since = dict(world.fs.counts)
    error = raises(InvalidMessage, world.event, b"X" * 65_536)
    assert "65536" in error.message.replace(" ", "")
    assert "events" in error.message
    raises(InvalidMessage, world.event, b"")
    assert world.fs.counts == since
    world.restart()
    sizes = [len(payload) for _sequence, payload in drain(world.buffer, "events")]
    assert sizes == [5, 40_000, 9]


def test_space_is_given_back_as_it_drains():
    """After the drain a lane holds one segment."""
    world = World()
    for number in range(1000):
        world.sample(b"%05d" % number * 20)
    assert len(world.fs.list_dir("/s/buffer/timeseries")) > 5
    drain(world.buffer, "timeseries", max_records=50)
    assert len(world.fs.list_dir("/s/buffer/timeseries")) == 1


def test_set_aside_keeps_the_record_and_goes_past_it():
    """The refused record is durable elsewhere before the lane passes it."""
    world = World()
    for payload in (b"good", b"poison", b"fine"):
        world.event(payload)
    batch = world.buffer.cut("events", max_bytes=100, max_records=1)
    world.buffer.ack(batch)
    batch = world.buffer.cut("events", max_bytes=100, max_records=1)
    raises(ValueError, world.buffer.set_aside, "events", 3, {})
    world.buffer.set_aside("events", 2, {"status": 400, "words": "no such type"})
    assert world.buffer.receipt("events", 2).state == "set aside"
    assert world.buffer.receipt("events", 2).durable
    assert not world.buffer.receipt("events", 2).delivered
    assert world.buffer.receipt("events", 1).delivered
    world.restart()
    assert world.buffer.status()["rejected"]["records"] == 1
    kept = world.buffer.last_payload("rejected")
    assert kept.endswith(b"\npoison")
    assert b"no such type" in kept
    assert drain(world.buffer, "events") == [(3, b"fine")]


def test_a_full_disk_loses_nothing_that_was_accepted():
    """ENOSPC in mid-append: the record is refused, those before it stay, later ones work."""
    for lane in ("events", "timeseries"):
        for fits in (0, 1, 15, 16, 17, 40):
            world = World(fs=MemoryFileSystem(can_preallocate=False))
            kind = EVENT if lane == "events" else SAMPLE
            accepted = []
            for number in range(15):
                payload = b"before %d" % number
                accepted.append((world.buffer.append(lane, kind, payload), payload))
            since = dict(world.fs.counts)
            world.fs.fail = _full_after(fits)
            error = raises(OSError, world.buffer.append, lane, kind, b"refused", durable=True)
            assert error.errno == ENOSPC
            raises(OSError, world.buffer.append, lane, kind, b"refused too", durable=True)
            assert more(world, "sync", since) == 0
            world.fs.fail = None
            payload = b"after"
            accepted.append((world.buffer.append(lane, kind, payload, durable=True), payload))
            world.restart()
            assert drain(world.buffer, lane) == accepted


def test_a_full_disk_without_truncate_abandons_the_segment():
    """MicroPython cannot cut back a torn write: the next record goes to a new segment."""
    world = World(fs=MemoryFileSystem(can_preallocate=False, can_truncate=False))
    first = (world.event(b"first"), b"first")
    world.fs.fail = _full_after(20)
    raises(OSError, world.event, b"refused and half written")
    world.fs.fail = None
    second = (world.event(b"second"), b"second")
    assert second[0] == 2
    assert len(world.fs.list_dir("/s/buffer/events")) == 2
    world.restart()
    assert drain(world.buffer, "events") == [first, second]


def test_after_a_failed_sync_the_records_are_written_again_elsewhere():
    """A sync that failed is never asked again: its records move to a new segment."""
    world = World()
    for number in range(9):
        world.sample(b"%d" % number)
    world.fs.fail = _failing("sync")
    raises(OSError, world.buffer.flush)
    assert world.buffer.receipt("timeseries", 1).state == "buffered"
    raises(OSError, world.sample, b"refused")
    world.fs.fail = None
    world.buffer.flush()
    assert world.buffer.receipt("timeseries", 9).durable
    assert drain(world.restart(), "timeseries") == [(n + 1, b"%d" % n) for n in range(9)]


def test_draining_works_on_a_full_disk():
    """An acknowledgement needs no space."""
    world = World(fs=MemoryFileSystem())
    for number in range(1000):
        world.sample(b"%05d" % number * 20)
    world.buffer.flush()
    world.fs.fail = lambda operation, path, size: _no_space(operation)
    assert len(drain(world.buffer, "timeseries", max_records=100)) == 1000


def test_while_the_cursor_cannot_be_written_no_more_is_given_up():
    """Each refused record would cost a segment, and none of them could be removed."""
    world = World()
    lane = world.settings.lanes["timeseries"]
    lane.quota_bytes = 4 * lane.segment_bytes
    while not world.status("timeseries")["dropped"]:
        world.sample(b"x" * 1000, durable=True)
    before = world.status("timeseries")["dropped"]["quota"]["records"]

    def fail(operation, path, size):
        if operation == "write" and path.endswith("/cursor"):
            raise OSError(ENOSPC, "copy on write needs room")

    world.fs.fail = fail
    refused = 0
    for _ in range(100):
        try:
            world.sample(b"x" * 1000, durable=True)
        except OSError:
            refused += 1
    assert refused > 70
    kept = world.status("timeseries")["dropped"]["quota"]["records"] - before
    world.fs.fail = None
    sequence = world.sample(b"room again", durable=True)
    assert kept <= 16
    assert drain(world.buffer, "timeseries")[-1] == (sequence, b"room again")


def test_a_record_damaged_at_rest_is_skipped_and_counted():
    """The rest goes out; the count is durable and the bytes are kept aside."""
    world = World()
    for number in range(10):
        world.event(b"event %d" % number)
    (name,) = world.fs.list_dir("/s/buffer/events")
    data = world.fs.entries["/s/buffer/events/" + name].data
    data[bytes(data).find(b"event 4")] ^= 1
    world.restart()
    left = drain(world.buffer, "events")
    assert [sequence for sequence, _payload in left] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    damaged = world.status("events")["dropped"]["damaged"]
    assert (damaged["records"], damaged["first"], damaged["last"]) == (1, 5, 5)
    assert world.buffer.receipt("events", 5).state == "dropped"
    assert world.buffer.receipt("events", 6).state == "delivered"
    assert len(world.fs.list_dir("/s/buffer/damaged")) == 1
    world.restart()
    assert world.status("events")["dropped"]["damaged"]["records"] == 1
    assert world.status("events")["records"] == 0


def test_a_damaged_last_record_is_counted_and_its_number_not_used_again():
    """Damage at the very end looks like a torn write; it is not taken for nothing."""
    world = World()
    for number in range(3):
        world.event(b"event %d" % number)
    (name,) = world.fs.list_dir("/s/buffer/events")
    data = world.fs.entries["/s/buffer/events/" + name].data
    data[bytes(data).find(b"event 2")] ^= 1
    world.restart()
    assert world.event(b"next") == 4
    assert [sequence for sequence, _payload in drain(world.buffer, "events")] == [1, 2, 4]
    assert world.status("events")["dropped"]["damaged"]["records"] == 1


def test_a_lane_whose_only_record_is_damaged_does_not_hang():
    """Nothing intact is left: the lane is empty and says why."""
    world = World()
    world.event(b"only one")
    (name,) = world.fs.list_dir("/s/buffer/events")
    data = world.fs.entries["/s/buffer/events/" + name].data
    data[bytes(data).find(b"only one")] ^= 1
    world.restart()
    assert world.buffer.cut("events", max_bytes=100, max_records=10) is None
    assert world.status("events")["records"] == 0
    assert world.status("events")["dropped"]["damaged"]["records"] == 1


def test_bytes_that_change_between_cut_and_stream_are_never_a_whole_body():
    """The stream ends in an error, short of its length; what the cut keeps in memory is right."""
    settings = small_settings(timeseries=LaneSettings(1 << 20), total_quota_bytes=8 << 20)
    settings.lanes["timeseries"].segment_bytes = 1 << 19
    world = World(settings=settings)
    payloads = [b"%05d" % number * 20 for number in range(4000)]
    world.buffer.append_many("timeseries", SAMPLE, payloads)
    world.buffer.flush()
    batch = world.buffer.cut("timeseries", max_bytes=1 << 20, max_records=4000)
    whole = b",".join(payloads)
    assert b"".join(list(batch.chunks())) == whole
    name = world.fs.list_dir("/s/buffer/timeseries")[0]
    data = world.fs.entries["/s/buffer/timeseries/" + name].data
    used = 4000 * 116
    for place in (used - 100, used - 20_000, used - 60_000, 300, 1500):
        data[place] ^= 4
        if place > 2000 or MICROPYTHON:  # where nothing is kept in memory
            sent = []
            error = raises(OSError, _send, batch, sent)
            assert error.errno == errno.EIO
            assert len(b"".join(sent)) < batch.payload_bytes
        else:
            assert b"".join(list(batch.chunks())) == whole
        raises(OSError, lambda: list(batch.records()))
        data[place] ^= 4
    assert b"".join(list(batch.chunks())) == whole


def test_a_start_with_nothing_to_remove_costs_no_sync():
    """It reads; the first acknowledgement syncs what was found before it writes."""
    world = World()
    for number in range(5):
        world.event(b"%d" % number)
    world.buffer.ack(world.buffer.cut("events", max_bytes=100, max_records=3))
    since = dict(world.fs.counts)
    world.restart()
    assert more(world, "sync", since) == more(world, "write", since) == 0
    world.buffer.ack(world.buffer.cut("events", max_bytes=100, max_records=1))
    assert more(world, "sync", since) == 3  # the segment that was found, the cursor, and the new


def test_a_cursor_of_a_newer_version_is_kept_and_another_begun():
    """A downgrade sends again what is there, and the upgrade after it finds its own cursor."""
    world = World()
    for number in range(5):
        world.event(b"%d" % number)
    world.buffer.ack(world.buffer.cut("events", max_bytes=100, max_records=3))
    newer = b"mcagcur\x02" + b"another layout" * 10
    newer += bytes(4096 - len(newer)) + newer
    world.fs.entries["/s/buffer/cursor"].data = bytearray(newer)
    world.restart()
    assert world.buffer.status()["cursor_damaged"]
    assert len(drain(world.buffer, "events")) == 5
    assert bytes(world.fs.entries["/s/buffer/cursor.kept"].data) == newer
    world.restart()
    assert drain(world.buffer, "events") == []
    assert not world.buffer.status()["cursor_damaged"]


def test_both_cursor_slots_bad_costs_duplicates_only():
    """Delivered again, never lost; the count says that the cursor was damaged."""
    world = World()
    for number in range(5):
        world.event(b"%d" % number)
    world.buffer.ack(world.buffer.cut("events", max_bytes=100, max_records=3))
    world.fs.entries["/s/buffer/cursor"].data = bytearray(b"\xff" * 8192)
    world.restart()
    assert world.buffer.status()["cursor_damaged"]
    assert len(drain(world.buffer, "events")) == 5
    assert world.event(b"next") == 6


def test_a_torn_cursor_write_falls_back_to_the_other_slot():
    """Whatever slot is torn, the state is that of the last or the last but one write."""
    for slot in (0, 4096):
        world = World()
        for number in range(5):
            world.event(b"%d" % number)
        for _ in range(3):
            world.buffer.ack(world.buffer.cut("events", max_bytes=1, max_records=1))
        data = world.fs.entries["/s/buffer/cursor"].data
        data[slot + 40] ^= 0xFF
        world.restart()
        assert not world.buffer.status()["cursor_damaged"]
        assert len(drain(world.buffer, "events")) in (2, 3)


def test_a_missing_segment_is_a_counted_gap():
    """A file that somebody removed: the rest is delivered, the gap is counted."""
    world = World()
    for number in range(1000):
        world.sample(b"%05d" % number * 20)
    names = world.fs.list_dir("/s/buffer/timeseries")
    del world.fs.entries["/s/buffer/timeseries/" + names[2]]
    world.restart()
    first, behind = int(names[2][:16]), int(names[3][:16])
    found = [sequence for sequence, _payload in drain(world.buffer, "timeseries")]
    assert found == [n for n in range(1, 1001) if not first <= n < behind]
    damaged = world.status("timeseries")["dropped"]["damaged"]
    assert (damaged["first"], damaged["last"]) == (first, behind - 1)


def test_numbers_are_not_used_again_when_the_segments_are_gone():
    """The cursor alone knows how far it was."""
    world = World()
    for number in range(5):
        world.event(b"%d" % number)
    drain(world.buffer, "events")
    for name in world.fs.list_dir("/s/buffer/events"):
        del world.fs.entries["/s/buffer/events/" + name]
    world.restart()
    assert world.event(b"next") == 6


def test_a_segment_of_another_version_is_kept():
    """Not read, not removed, and its numbers are left alone."""
    world = World()
    world.event(b"x")
    (name,) = world.fs.list_dir("/s/buffer/events")
    data = world.fs.entries["/s/buffer/events/" + name].data
    from mcagent.runtime import crc32

    data[7] = 2
    data[28:32] = crc32(bytes(data[:24])).to_bytes(4, "little")
    world.restart()
    assert world.event(b"next") > 1
    assert [payload for _sequence, payload in drain(world.buffer, "events")] == [b"next"]
    assert name + ".kept" in world.fs.list_dir("/s/buffer/events")


def test_a_read_error_costs_what_cannot_be_read():
    """EIO on one page is damage, not the end."""
    world = World()
    for number in range(100):
        world.event(b"%05d" % number * 20)
    world.buffer.close()

    def fail(operation, path, size):
        if operation == "read" and "events" in path and size > 4096:
            raise OSError(errno.EIO, "medium")

    world.fs.fail = fail
    world.restart()
    assert len(drain(world.buffer, "events")) == 100


def test_contexts_tell_time_and_trust():
    """Each record knows its boot, its wall time, and whether that was trusted."""
    world = World()
    world.clock.is_trusted = False
    world.sample(b"early", durable=True)
    world.clock.pass_ms(250)
    world.sample(b"later", durable=True)
    world.clock.is_trusted = True
    world.clock.wall_ms += 1_000_000
    world.clock.pass_ms(10)  # it is asked so often
    world.sample(b"known", durable=True)
    batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=10)
    records = list(batch.records())
    assert [record.wall_ms for record in records] == [None, None, world.clock.wall_ms]
    assert records[1].monotonic_ms - records[0].monotonic_ms == 250
    assert [context.trusted for context in batch.contexts] == [False, True]
    assert records[0].context.boot_id == world.clock.boot
    world.buffer.release(batch)
    assert world.status("timeseries")["oldest_ms"] is None


def test_peeking_pins_and_moves_nothing():
    """first_record and last_payload may be asked at any time."""
    world = World()
    assert world.buffer.first_record("events") is None
    assert world.buffer.last_payload("events") is None
    for number in range(4):
        world.event(b"%d" % number)
    assert world.buffer.first_record("events").payload == b"0"
    assert world.buffer.last_payload("events") == b"3"
    world.buffer.ack(world.buffer.cut("events", max_bytes=1, max_records=1))
    assert world.buffer.first_record("events").sequence == 2
    world.sample(b"in memory")
    assert world.buffer.last_payload("timeseries") == b"in memory"
    world.restart()
    assert world.buffer.first_record("events").sequence == 2
    assert world.buffer.last_payload("events") == b"3"


def test_nothing_is_on_disk_before_the_first_record():
    """Opening makes no file."""
    world = World()
    world.buffer.status()
    assert world.buffer.cut("events", max_bytes=10, max_records=1) is None
    world.buffer.flush()
    world.buffer.close()
    assert world.fs.entries == {}


def test_a_closed_buffer_refuses():
    """After close nothing is taken; closing twice is harmless."""
    world = World()
    world.event(b"x")
    world.buffer.close()
    world.buffer.close()
    assert raises(OSError, world.event, b"y").errno == errno.EBADF


def test_settings_are_checked():
    """A bound that cannot work is refused with a hint."""
    for arguments in (
        {"quota_bytes": 1000},
        {"quota_bytes": 1 << 20, "policy": "maybe"},
        {"quota_bytes": 1 << 20, "durability": "sometimes"},
        {"quota_bytes": 1 << 20, "durability": ("group", 0, 10)},
        {"quota_bytes": 1 << 20, "durability": ("group", "many", 10)},
        {"quota_bytes": "1 MB"},
        {"quota_bytes": True},
    ):
        assert raises(ConfigurationError, LaneSettings, **arguments).hint
    for arguments in (
        {"total_quota_bytes": 5},
        {"timeseries": 5},
        {"files": "256 MiB"},
        {"models": 0},
        {"ram_bytes": 0},
        {"ram_bytes": -1},
        {"ram_bytes": 0.5},
    ):
        assert raises(ConfigurationError, BufferSettings, **arguments).hint


def test_a_lane_keeps_what_its_settings_do_not_name():
    """Another quota alone changes neither durability nor what gives way."""
    defaults = BufferSettings()
    given = {name: LaneSettings(10_000_000) for name in defaults.lanes}
    for name, lane in BufferSettings(total_quota_bytes=200_000_000, **given).lanes.items():
        default = defaults.lanes[name]
        assert lane.quota_bytes == 10_000_000
        assert (lane.group_records, lane.group_ms) == (default.group_records, default.group_ms)
        assert lane.policy == default.policy
    named = LaneSettings(10_000_000, policy="drop_oldest", durability="each")
    settings = BufferSettings(timeseries=named, models=named)
    assert settings.lanes["timeseries"].group_records == 1
    assert settings.lanes["models"].policy == "drop_oldest"


def test_the_documented_defaults_are_the_real_ones():
    """Each row of the table in the docstring, as the help shows it (absent where it is stripped)."""
    for row in (getattr(BufferSettings, "__doc__", None) or "").split("\n"):
        cells = row.split()
        if len(cells) < 7 or cells[0].strip("`") not in BufferSettings().lanes:
            continue
        lane = BufferSettings().lanes[cells[0].strip("`")]
        place = 3 if MICROPYTHON else 1
        unit = {"KiB": 1024, "MiB": 1 << 20}[cells[place + 1]]
        assert lane.quota_bytes == int(cells[place]) * unit
        assert lane.policy == cells[5].strip("`")
        each = "".join(cells[6:]) == '``"each"``'
        group = (lane.group_records, lane.group_ms)
        assert group == ((1, 0) if each else (100, 1000))


def test_a_lower_quota_after_a_restart_is_kept():
    """Segments of the old size go until the new bound holds."""
    world = World()
    for number in range(1000):
        world.sample(b"%05d" % number * 20)
    world.buffer.close()
    world.settings = small_settings(timeseries=LaneSettings(64 * 1024))
    world.restart()
    for number in range(200):
        world.sample(b"%05d" % number * 20)
    status = world.status("timeseries")
    assert status["bytes"] <= 64 * 1024
    left = [sequence for sequence, _payload in drain(world.buffer, "timeseries")]
    assert left == list(range(1201 - len(left), 1201))


def more(world, operation, since):
    return world.fs.counts.get(operation, 0) - since.get(operation, 0)


def _send(batch, sent):
    for chunk in batch.chunks():
        sent.append(chunk)


def _full_after(fits):
    return lambda operation, path, size: min(fits, size - 1) if operation == "write" else None


def _failing(wanted):
    def fail(operation, path, size):
        if operation == wanted:
            raise OSError(errno.EIO, "medium")

    return fail


def _no_space(operation):
    if operation in ("create", "preallocate"):
        raise OSError(ENOSPC, "disk full")


def test_a_refused_record_larger_than_the_rejected_store_does_not_block_its_lane():
    """What is kept says how much is missing."""
    world = World(settings=BufferSettings(rejected=LaneSettings(32 * 1024)))
    world.event(b"x" * 60_000)
    world.event(b"next")
    world.buffer.set_aside("events", 1, {"status": 400})
    assert drain(world.buffer, "events") == [(2, b"next")]
    assert world.buffer.status()["rejected"]["records"] == 1


def test_a_cursor_that_is_gone_is_made_again():
    """Somebody removed it: duplicates, and the lane goes on."""
    world = World()
    world.event(b"1")
    world.buffer.close()
    world.fs.remove("/s/buffer/cursor")
    world.restart()
    assert drain(world.buffer, "events") == [(1, b"1")]
    world.restart()
    assert drain(world.buffer, "events") == []
