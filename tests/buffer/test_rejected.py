"""Refused records on their way back: nothing is lost at any cut, and nothing gives way for them."""

import json

import pytest

from mcagent.buffer import Buffer, LaneSettings
from mcagent.buffer.lane import Lane
from mcagent.buffer.settings import ALL_LANES
from mcagent.errors import BufferFull
from mcagent.messages import kinds
from mcagent.rejected import resolve
from tests.buffer.memoryfs import FakeClock, MemoryFileSystem
from tests.buffer.world import World, drain, small_settings
from tests.crash.disk import Disk

REASON = {"status": 400, "reason": "no", "time_ms": 5, "correlation_id": "c"}
CONTENT = {1: b"first file " * 90, 2: b"second file " * 70}


class Content:
    def __init__(self, content):
        self.left = content

    def read(self, size):
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def build(world):
    """Two samples, two events, two files and a model, all refused, in turn."""
    buffer = world.buffer
    buffer.append("models", kinds.MODEL, b"the model")
    for number in (1, 2):
        world.sample(b"sample %d" % number, configuration_id="m1", durable=True)
        buffer.append("events", kinds.EVENT, b"event %d" % number)
        meta = {"name": "f%d" % number, "type": "", "created_ms": 7}
        buffer.append_file(meta, Content(CONTENT[number]))
    buffer.set_aside("models", 1, REASON)
    for number in (1, 2):
        for lane in ("timeseries", "events", "files"):
            assert buffer.set_aside(lane, number, REASON)
    return world


@pytest.fixture
def world():
    return build(World())


def refused(buffer):
    """The names in the store, oldest first."""
    names = []
    batches = []
    while batch := buffer.cut("rejected", max_bytes=1 << 20, max_records=100):
        for record in batch.records():
            head = json.loads(record.payload.split(b"\n")[0])
            names.append((head["lane"], head["sequence"]))
        batches.append(batch)
        buffer.ack(batch)
    return names


def found(fs, settings):
    """Everything that is in a buffer, which is drained: lane to what is in it, in order."""
    buffer = Buffer("/s/buffer", fs=fs, clock=FakeClock(), settings=settings)
    buffer.open()
    things = {}
    for lane in ALL_LANES[:-1]:
        things[lane] = []
        while batch := buffer.cut(lane, max_bytes=1 << 20, max_records=1):
            (record,) = batch.records()
            content = record.payload
            if record.kind == kinds.FILE:
                content = b"".join(buffer.open_spool(record).chunks())
            things[lane].append(content)
            buffer.ack(batch)
    things["rejected"] = refused(buffer)
    buffer.close()
    return things


def test_all_of_them_go_back_to_the_end_of_their_lanes(world):
    world.sample(b"waiting", durable=True)
    names = [(lane, n) for n in (1, 2) for lane in ("timeseries", "events", "files")]
    outcome = resolve(world.buffer, "replay", names)
    assert outcome.done == names
    assert (outcome.refused, outcome.missing, outcome.left) == ([], [], [])
    assert drain(world.buffer, "timeseries") == [
        (3, b"waiting"),
        (4, b"sample 1"),
        (5, b"sample 2"),
    ]
    assert drain(world.buffer, "events") == [(3, b"event 1"), (4, b"event 2")]
    batch = world.buffer.cut("files", max_bytes=1 << 20, max_records=10)
    for number, record in enumerate(batch.records(), start=1):
        meta = json.loads(record.payload)
        assert (meta["name"], meta["created_ms"]) == ("f%d" % number, 7)
        assert meta["spool"] == "%016d" % record.sequence
        assert b"".join(world.buffer.open_spool(record).chunks()) == CONTENT[number]
    world.buffer.ack(batch)
    assert refused(world.buffer) == [("models", 1)]
    world.buffer.close()
    assert not [path for path in world.fs.entries if "/spool/" in path]


def test_a_sample_goes_back_under_its_data_model(world):
    resolve(world.buffer, "replay", [("timeseries", 1)])
    batch = world.buffer.cut("timeseries", max_bytes=1000, max_records=1)
    assert batch.configuration_id == "m1"


def test_by_name_leaves_all_others_there(world):
    """What stands before a chosen one goes behind the others, with its file."""
    outcome = resolve(world.buffer, "replay", [("events", 2)])
    assert outcome.done == [("events", 2)]
    outcome = resolve(world.buffer, "drop", [("events", 1), ("files", 9)])
    assert (outcome.done, outcome.missing) == ([("events", 1)], [("files", 9)])
    world.restart()
    assert resolve(world.buffer, "replay", [("files", 1)]).done == [("files", 1)]
    batch = world.buffer.cut("files", max_bytes=1 << 20, max_records=10)
    (record,) = batch.records()
    assert b"".join(world.buffer.open_spool(record).chunks()) == CONTENT[1]
    left = [("models", 1), ("timeseries", 1), ("timeseries", 2), ("files", 2)]
    assert sorted(refused(world.buffer)) == sorted(left)
    assert world.buffer.status()["rejected"]["dropped"] == {}


def test_what_cannot_be_sent_again_stays_and_is_named(world):
    """A model that was replaced, a file that changed, one that is too large for the store."""
    world.fs.entries["/s/buffer/rejected/spool/%016d" % 4].data[3:4] = b"X"
    names = [("models", 1), ("files", 1), ("files", 2)]
    outcome = resolve(world.buffer, "replay", names)
    assert outcome.done == [("files", 2)]
    why = dict(outcome.refused)
    assert "newer data model" in why[("models", 1)]
    assert "changed" in why[("files", 1)]
    assert drain(world.buffer, "models") == []
    assert {("models", 1), ("files", 1)} <= set(refused(world.buffer))


def test_a_file_too_large_for_the_store_says_so_there():
    """Its description is kept, and what is left out is written there: nothing silent."""
    world = World(settings=small_settings(rejected=LaneSettings(32 * 1024)))
    meta = {"name": "large", "type": "", "created_ms": 7}
    world.buffer.append_file(meta, Content(b"x" * 20_000))
    assert world.buffer.set_aside("files", 1, REASON)
    outcome = resolve(world.buffer, "replay", [("files", 1)])
    assert "too large" in outcome.refused[0][1]
    record = world.buffer.first_record("rejected")
    head = json.loads(record.payload.split(b"\n")[0])
    assert head["left_out_bytes"] == 20_480
    assert b'"large"' in record.payload


@pytest.mark.parametrize("policy", ["drop_oldest", "reject"])
def test_a_full_store_loses_nothing_in_silence(policy):
    """What is kept, and what is counted as lost and told to the platform, are all that came."""
    store = LaneSettings(32 * 1024, policy=policy)
    world = World(settings=small_settings(rejected=store))
    kept = 0
    for number in range(1, 201):
        world.event(b"refused" * 60)
        kept += world.buffer.set_aside("events", number, REASON)
    status = world.buffer.status()
    lane = "rejected" if policy == "drop_oldest" else "events"
    lost = (status["rejected"] if lane == "rejected" else status["lanes"][lane])["dropped"]
    assert lost["quota"]["records"] > 0
    assert status["rejected"]["records"] + lost["quota"]["records"] == 200
    assert kept == (200 if policy == "drop_oldest" else status["rejected"]["records"])
    (told,) = world.buffer.unreported_losses()
    assert (told["lane"], told["records"]) == (lane, lost["quota"]["records"])
    assert len(refused(world.buffer)) == status["rejected"]["records"]


def test_what_is_kept_says_when_it_was_recorded(world):
    record = world.buffer.first_record("rejected")
    head = json.loads(record.payload.split(b"\n")[0])
    assert head["reason"] == REASON
    assert head["recorded_ms"] == world.clock.now_ms()
    assert head["trusted"] is True
    assert head["boot"] == world.clock.boot_id().hex()


@pytest.mark.parametrize("policy", ["drop_oldest", "reject"])
def test_a_full_lane_gives_up_nothing_for_what_comes_back(policy):
    """The refused ones wait in their store until there is room."""
    world = World(settings=small_settings(events=LaneSettings(32 * 1024, policy=policy)))
    names = [("events", number) for number in (1, 2, 3)]
    for _, number in names:
        world.event(b"refused" * 1400)
        world.buffer.set_aside("events", number, REASON)
    fill(world)
    before = world.status("events")
    outcome = resolve(world.buffer, "replay", names)
    assert isinstance(outcome.trouble, BufferFull)
    assert outcome.done + outcome.left == names
    assert outcome.left
    after = world.status("events")
    assert after["dropped"] == before["dropped"]
    assert after["records"] == before["records"] + len(outcome.done)
    while outcome.left:
        drain(world.buffer, "events")
        outcome = resolve(world.buffer, "replay", outcome.left)
        assert outcome.done
    assert refused(world.buffer) == []


def test_thousands_go_back_in_few_syncs(figure):
    """A boot without a clock may leave them; the service does not stand still for them."""
    lane = LaneSettings(1024 * 1024, durability=("group", 100, 1000))
    store = LaneSettings(4 * 1024 * 1024)
    world = World(settings=small_settings(rejected=store, timeseries=lane))
    for number in range(1, 3001):
        world.sample(b"%05d" % number * 10)
    world.buffer.flush()
    while batch := world.buffer.cut("timeseries", max_bytes=1 << 20, max_records=1000):
        world.buffer.pass_by(batch, REASON)
    before = world.fs.counts["sync"]
    names = [("timeseries", number) for number in range(1, 3001)]
    assert resolve(world.buffer, "replay", names).done == names
    syncs = world.fs.counts["sync"] - before
    figure("3 000 refused samples put back", "%d syncs" % syncs)
    assert syncs < 3000 // 10 + 100
    assert [int(payload[:5]) for _, payload in drain(world.buffer, "timeseries")] == list(
        range(1, 3001)
    )


def test_a_sample_of_a_boot_without_a_clock_goes_back_with_its_true_time(world):
    """The store keeps what the device's clock said, and beside it what was to be added."""
    payload = b'{"timestamp":"1970-01-01T00:00:06.000Z","values":[]}'
    world.sample(payload, durable=True)
    world.buffer.set_aside("timeseries", 3, dict(REASON, shift_ms=1_767_600_000_000))
    assert resolve(world.buffer, "replay", [("timeseries", 3)]).done == [("timeseries", 3)]
    ((_, found),) = drain(world.buffer, "timeseries")
    assert found == payload.replace(b"1970-01-01T00:00:06", b"2026-01-05T08:00:06")


def fill(world):
    """Until the next record pushes out the oldest, or is refused."""
    while not world.status("events")["dropped"]:
        try:
            world.event(b"waiting" * 60)
        except BufferFull:
            return


def test_a_full_store_gives_up_nothing_for_a_choice_in_the_middle():
    """What stands before it would have to go behind the others, and there is no room for it."""
    world = World(settings=small_settings(rejected=LaneSettings(32 * 1024)))
    for number in range(1, 60):
        world.event(b"refused" * 60)
        world.buffer.set_aside("events", number, REASON)
        if world.buffer.status()["rejected"]["records"] < number:
            break
    status = world.buffer.status()["rejected"]
    outcome = resolve(world.buffer, "drop", [("events", number)])
    assert outcome.left == [("events", number)]
    assert "take the oldest first" in outcome.trouble.hint
    assert world.buffer.status()["rejected"]["dropped"] == status["dropped"]
    first = number - status["records"] + 1
    names = [("events", n) for n in range(first, number + 1)]
    assert sorted(resolve(world.buffer, "drop", names).done) == names
    assert refused(world.buffer) == []


def test_no_cut_in_a_replay_loses_a_record(figure):
    """Every state that a power cut may leave, at every file operation: nothing is lost, at most
    doubled; the same command afterwards does the rest."""
    states, doubled = cut_everywhere()
    figure("cuts in a replay of refused records", "%d states, 0 lost" % states)
    assert states > 100
    assert doubled > 0, "a cut between the two places"


def test_a_replay_that_is_not_durable_is_caught(monkeypatch):
    """A planted bug: the record leaves the store before it is synced in its lane."""
    real = Lane.flush

    def flush(self):
        comes_back = self.name == "timeseries" and self.next > 3
        if not comes_back:
            real(self)

    monkeypatch.setattr(Lane, "flush", flush)
    with pytest.raises(AssertionError):
        cut_everywhere()


def cut_everywhere():
    """Replay three of seven records and drop one; judge what is found after each cut in it."""
    world = build(World(fs=MemoryFileSystem(remember=True)))
    quiet = len(world.fs.log)
    names = [("timeseries", 2), ("files", 1), ("events", 1)]
    assert sorted(resolve(world.buffer, "replay", names).done) == sorted(names)
    assert resolve(world.buffer, "drop", [("events", 2)]).done == [("events", 2)]
    chosen = {("timeseries", 2): b"sample 2", ("files", 1): CONTENT[1], ("events", 1): b"event 1"}
    others = {("models", 1), ("timeseries", 1), ("files", 2)}
    disk = Disk()
    doubled = 0
    seen = set()
    for length, operation in enumerate(world.fs.log, start=1):
        disk.apply(operation)
        if length < quiet:
            continue
        choices = disk.choices()
        for number in range(len(choices)):
            digest = choices.digest(number)
            if digest in seen:
                continue
            seen.add(digest)
            things = found(choices.image(number), world.settings)
            rejected = things["rejected"]
            assert others <= set(rejected), (length, number)
            for name, content in chosen.items():
                times = rejected.count(name) + things[name[0]].count(content)
                assert 1 <= times <= 2, (length, number, name)
                doubled += times - 1
            for name in others:
                assert rejected.count(name) <= 2
            assert things["events"].count(b"event 2") == 0, "it was dropped, not sent"
            _finish(choices.image(number), world.settings, names, chosen, others)
    return len(seen), doubled


def _finish(fs, settings, names, chosen, others):
    """The same command once more, after the cut."""
    buffer = Buffer("/s/buffer", fs=fs, clock=FakeClock(), settings=settings)
    buffer.open()
    resolve(buffer, "replay", names)
    buffer.close()
    things = found(fs, settings)
    for name, content in chosen.items():
        assert 1 <= things[name[0]].count(content) <= 2
    assert others <= set(things["rejected"])
