"""The cursor harmed, missing, ahead and behind: records come twice as documented, none is lost."""

import os

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.faults import harm
from tests.faults.oracle import KINDS, Ledger, judge, payload

_LANE = "timeseries"
_SLOTS = (0, 4096)
_ALL = 1 << 30


class Half:
    """200 records, of which 120 were delivered in three batches.

    Attributes:
        cursors: What the file held before the first batch, and after each.
    """

    def __init__(self, directory):
        self.directory = str(directory)
        lane = LaneSettings(256 * 1024, durability=("group", 10, 1000))  # segments of 32 KiB
        self.settings = BufferSettings(timeseries=lane)
        self.ledger = Ledger()
        buffer = Buffer(self.directory, settings=self.settings)
        buffer.open()
        for number in range(200):
            sequence = buffer.append(_LANE, KINDS[_LANE], payload(_LANE, number, 400))
            self.ledger.put(_LANE, sequence, number)
        buffer.flush()
        self.ledger.settle(_LANE, 200)
        self.cursors = [self.cursor()]
        for _ in range(3):
            batch = buffer.cut(_LANE, max_bytes=_ALL, max_records=40)
            buffer.ack(batch)
            self.ledger.answered[_LANE].update(range(batch.first, batch.last + 1))
            self.cursors.append(self.cursor())
        buffer.close()

    copy = harm.Filled.copy

    def cursor(self):
        with open(self.directory + "/cursor", "rb") as file:
            return file.read()


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    return Half(tmp_path_factory.mktemp("half") / "b")


def _judge(half, directory, again=()):
    return judge(
        directory,
        half.ledger,
        settings=half.settings,
        again=again,
        lanes=[_LANE],
        fs=harm.Unsynced(),
    )


def _oldest(half):
    """The first record on the disk: a segment that was delivered is gone."""
    return int(harm.segments_of(half.directory, _LANE)[0][-29:-13])


def _newest(data):
    """Offset of the slot that holds, and the bytes in use of it."""
    generations = [int.from_bytes(data[slot + 8 : slot + 16], "little") for slot in _SLOTS]
    return _SLOTS[generations.index(max(generations))]


def _used(data):
    """Places whose value means something: up to the last byte of a slot that is not zero."""
    return [
        slot + place
        for slot in _SLOTS
        for place in range(len(data[slot : slot + 4096].rstrip(b"\0")))
    ]


@pytest.mark.slow
def test_flipped_bit_anywhere(half, tmp_path, rng, row, long_run):
    """The slot that is left is at most one batch behind; damage to the older one costs nothing."""
    data = half.cursor()
    newest = _newest(data)
    places = _used(data)
    outcomes = []
    for offset in places if long_run else rng.sample(places, 200):
        directory = half.copy(tmp_path / "b")
        harm.overwrite(directory, "cursor", offset, bytes([data[offset] ^ 1 << rng.randrange(8)]))
        in_newest = newest <= offset < newest + 4096
        outcome = _judge(half, directory, again=[_LANE] if in_newest else ())
        if min(outcome.delivered[_LANE]) <= 80:
            outcome.duplicates += 1
            outcome.note("more than one batch came again")
        outcomes.append(outcome)
    row("media", "a bit flipped in the cursor", outcomes)


@pytest.mark.slow
def test_both_slots_bad(half, tmp_path, rng, row, long_run):
    """Everything comes again; no record is lost and none wrong."""
    outcomes = []
    for place in range(200 if long_run else 20):
        directory = half.copy(tmp_path / "b")
        for slot in _SLOTS:
            piece = (b"\0" * 4096, b"\xff" * 4096, rng.randbytes(1200))[place % 3]
            harm.overwrite(directory, "cursor", slot, piece)
        outcomes.append(_judge(half, directory, again=[_LANE]))
        assert sorted(outcomes[-1].delivered[_LANE]) == list(range(_oldest(half), 201))
    row("media", "both slots of the cursor bad", outcomes)


def test_missing_empty_and_cut(half, tmp_path, row):
    """No cursor, an empty one, and one that was cut anywhere."""
    outcomes = []
    for size in (None, 0, 1, 28, 1000, 1300, 4096, 5000, 8191):
        directory = half.copy(tmp_path / "b")
        if size is None:
            os.remove(directory + "/cursor")
        else:
            harm.truncate(directory, "cursor", size)
        outcomes.append(_judge(half, directory, again=[_LANE]))
    row("files", "cursor missing, empty or cut", outcomes)


def test_behind_the_segments(half, tmp_path, row):
    """An old copy of the cursor: what was delivered since comes again, nothing else."""
    outcomes = []
    for place, old in enumerate(half.cursors):
        directory = half.copy(tmp_path / "b")
        harm.overwrite(directory, "cursor", 0, old)
        outcomes.append(_judge(half, directory, again=[_LANE]))
        assert min(outcomes[-1].delivered[_LANE]) == max(_oldest(half), 1 + 40 * place)
    row("files", "cursor behind the segments", outcomes)


def test_ahead_of_the_segments(half, tmp_path, row):
    """Segments that the cursor speaks of are gone, or old ones were put back: it works on."""
    outcomes = []
    names = harm.segments_of(half.directory, _LANE)
    for count in range(1, len(names) + 1):
        directory = half.copy(tmp_path / "b")
        gone = set()
        for name in names[-count:]:
            parts = harm.layout(name, harm.Filled.read(half, name))
            gone |= {(_LANE, sequence) for sequence in harm.hit(parts, 0, _ALL)}
            os.remove(os.path.join(directory, name))
        outcomes.append(
            judge(directory, half.ledger, settings=half.settings, damaged=gone, lanes=[_LANE])
        )
        assert outcomes[-1].clean, outcomes[-1].notes
    row("files", "cursor ahead of the segments", outcomes)
