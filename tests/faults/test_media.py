"""Bytes that changed on the medium: only the records that they belonged to are lost."""

import errno
import io

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.faults import harm
from tests.faults.oracle import UNREADABLE, Ledger, content, judge, roomy_settings, small_settings

_SECTOR = 4096


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One segment that is still written to: 12 records and the reserve behind them."""
    return harm.Filled(tmp_path_factory.mktemp("small") / "b", small_settings(), count=12, size=40)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A full segment of 128 KiB with 1 100 records, and the next one."""
    settings = BufferSettings(timeseries=LaneSettings(1024 * 1024))
    filled = harm.Filled(tmp_path_factory.mktemp("large") / "b", settings, count=1200, size=99)
    assert len(filled.segments) == 2
    assert len(filled.read(filled.segments[0])) > 125_000
    return filled


class Sweep:
    """Harms a copy of *filled* at one place after another, and judges each."""

    def __init__(self, filled, tmp_path, segment=0):
        self.filled = filled
        self.directory = str(tmp_path / "harmed")
        self.name = filled.segments[segment]
        self.before = filled.read(self.name)
        self.parts = harm.layout(self.name, self.before)
        self.outcomes = []
        self.hit_is_lost = True

    def overwrite(self, offset, piece):
        piece = piece[: len(self.before) - offset]
        directory = self.filled.copy(self.directory)
        harm.overwrite(directory, self.name, offset, piece)
        self.judge(*harm.differing(self.before, offset, piece), "overwritten")

    def sicken(self, start, stop):
        """Bytes that the medium does not give back; nothing of a spoilt read is believed."""
        self.filled.copy(self.directory)
        self.judge(start, stop, "unreadable", fs=SickFileSystem(self.name[-29:], start, stop))

    def truncate(self, size):
        directory = self.filled.copy(self.directory)
        harm.truncate(directory, self.name, size)
        self.judge(size, len(self.before), "cut")

    def judge(self, start, stop, what, fs=None):
        lane, filled = self.filled.lane, self.filled
        damaged = {(lane, sequence) for sequence in harm.hit(self.parts, start, stop)}
        outcome = judge(
            self.directory,
            filled.ledger,
            settings=filled.settings,
            damaged=damaged,
            lanes=[lane],
            fs=fs or harm.Unsynced(),
        )
        delivered = outcome.delivered[lane]
        if self.hit_is_lost:  # harmed bytes never come out
            outcome.wrong += len([1 for _lane, sequence in damaged if sequence in delivered])
        if not outcome.clean:
            outcome.notes.insert(0, f"{what}: {start} to {stop} of {self.name}")
        self.outcomes.append(outcome)


@pytest.mark.slow
def test_flipped_bit_in_every_byte(small, tmp_path, rng, row, long_run):
    """Header, contexts, records and a part of the reserve; all eight bits in the long run."""
    sweep = Sweep(small, tmp_path)
    end = sweep.parts[-1][0] + 64
    assert end < len(sweep.before)
    for offset in range(end):
        for bit in range(8) if long_run else [rng.randrange(8)]:
            sweep.overwrite(offset, bytes([sweep.before[offset] ^ 1 << bit]))
    row("media", "a bit flipped, each byte of a small segment", sweep.outcomes)


@pytest.mark.slow
def test_flipped_bits_in_a_large_segment(large, tmp_path, rng, row, long_run):
    """One bit at a random place of a full segment."""
    sweep = Sweep(large, tmp_path)
    for _ in range(1000 if long_run else 150):
        offset = rng.randrange(len(sweep.before))
        sweep.overwrite(offset, bytes([sweep.before[offset] ^ 1 << rng.randrange(8)]))
    row("media", "a bit flipped, random places of 128 KiB", sweep.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_lost_sector(byte, large, tmp_path, rng, row, long_run):
    """4 KiB of the same byte, at the bounds of sectors and anywhere."""
    sweep = Sweep(large, tmp_path)
    places = [rng.randrange(len(sweep.before) - _SECTOR) for _ in range(200 if long_run else 50)]
    places += range(0, len(sweep.before), _SECTOR)
    for offset in places:
        sweep.overwrite(offset, bytes([byte]) * _SECTOR)
    if byte:
        row("media", "4 KiB of 0xFF", sweep.outcomes)
    else:
        row("media", "4 KiB of zeros", sweep.outcomes)


@pytest.mark.slow
def test_lost_sector_in_the_open_segment(large, tmp_path, rng, row, long_run):
    """The segment that a restart would go on with: also where nothing was written yet."""
    sweep = Sweep(large, tmp_path, segment=1)
    for _ in range(200 if long_run else 50):
        piece = bytes([rng.choice((0, 0xFF, 0x5A))]) * rng.choice((1, 512, _SECTOR))
        sweep.overwrite(rng.randrange(len(sweep.before)), piece)
    row("media", "up to 4 KiB overwritten in the open segment", sweep.outcomes)


@pytest.mark.slow
def test_noise(large, tmp_path, rng, row, long_run):
    """Random bytes of any length."""
    sweep = Sweep(large, tmp_path)
    for _ in range(200 if long_run else 50):
        size = rng.choice((1, 17, 115, 512, _SECTOR))
        offset = rng.randrange(len(sweep.before) - size)
        sweep.overwrite(offset, rng.randbytes(size))
    row("media", "noise of up to 4 KiB", sweep.outcomes)


class SickFile(harm.UnsyncedFile):
    """Some bytes of one file cannot be read."""

    def __init__(self, path, fd, fs):
        super().__init__(path, fd)
        self._fs = fs

    def read_at(self, offset, size):
        fs = self._fs
        if self.path.endswith(fs.name) and offset < fs.stop and fs.start < offset + size:
            raise OSError(errno.EIO, "medium error")
        return super().read_at(offset, size)


class SickFileSystem(harm.Unsynced):
    def __init__(self, name, start, stop):
        self.name, self.start, self.stop = name, start, stop

    def open(self, path, **kwargs):
        return SickFile(path, super().open(path, **kwargs)._fd, self)


@pytest.mark.slow
@pytest.mark.parametrize("segment", [0, 1])
def test_sectors_that_cannot_be_read(segment, large, tmp_path, rng, row, long_run):
    """EIO from one to four sectors, full segment and open one: the others are delivered."""
    sweep = Sweep(large, tmp_path, segment)
    used = sweep.parts[-1][0]
    starts = range(0, used, _SECTOR)
    for start in starts if long_run else rng.sample(starts, min(12, len(starts))):
        sweep.sicken(start, start + _SECTOR * rng.choice((1, 1, 2, 4)))
    if segment:
        row("media", "EIO on reading the open segment", sweep.outcomes)
    else:
        row("media", "EIO on reading sectors of a full segment", sweep.outcomes)


@pytest.mark.slow
def test_sector_written_in_the_wrong_place(large, tmp_path, rng, long_run):
    """Intact frames of the same segment where others belong: the CRC cannot tell.

    Not a row of zeros: what the misplaced frames seem to skip is lost, at most what the
    overwritten bytes can have held; all of it is counted, and no record comes wrong or twice.
    """
    sweep = Sweep(large, tmp_path)
    sweep.hit_is_lost = False  # what was hit may stand a second time elsewhere
    for _ in range(200 if long_run else 50):
        offset, source = (rng.randrange(len(sweep.before) - _SECTOR) for _ in range(2))
        sweep.overwrite(offset, sweep.before[source : source + _SECTOR])
    for outcome in sweep.outcomes:
        assert (outcome.wrong, outcome.duplicates, outcome.refused) == (0, 0, 0), outcome.notes
        assert outcome.lost <= _SECTOR // 17


@pytest.mark.slow
@pytest.mark.parametrize("segment", [0, 1])
def test_cut_file(segment, large, tmp_path, rng, row, long_run):
    """A file shorter than it was, down to nothing."""
    sweep = Sweep(large, tmp_path, segment)
    used = sweep.parts[-1][0]
    places = {0, 1, harm.HEADER - 1, harm.HEADER, harm.HEADER + 1, used - 1, used, used + 1}
    places |= {rng.randrange(used) for _ in range(200 if long_run else 30)}
    for size in sorted(place for place in places if place <= len(sweep.before)):
        sweep.truncate(size)
    if segment:
        row("media", "the open segment cut at any place", sweep.outcomes)
    else:
        row("media", "a full segment cut at any place", sweep.outcomes)


@pytest.mark.slow
def test_spooled_file_harmed(tmp_path, rng, row, long_run):
    """A file whose content changed is never delivered as if it had not; the others are."""
    outcomes = []
    for place in range(100 if long_run else 20):
        directory = str(tmp_path / str(place))
        ledger = Ledger()
        buffer = Buffer(directory, settings=roomy_settings())
        buffer.open()
        for number in (1, 2, 3):
            source = io.BytesIO(content(number, 5000))
            ledger.put("files", buffer.append_file({"name": str(number)}, source), number)
        buffer.close()
        ledger.settle("files", 3)
        name = "files/spool/%016d" % rng.randrange(1, 4)
        if rng.random() < 0.5:
            harm.overwrite(directory, name, rng.randrange(5000), b"\xff")
        else:
            harm.truncate(directory, name, rng.randrange(5000))
        damaged = {("files", int(name[-16:]))}
        outcome = judge(directory, ledger, settings=roomy_settings(), damaged=damaged)
        outcome.wrong += outcome.delivered["files"].get(int(name[-16:]), UNREADABLE) != UNREADABLE
        outcomes.append(outcome)
    row("media", "a spooled file changed or cut", outcomes)
