"""No space, no inodes, no right to write: what was accepted comes out, and it goes on after."""

import errno
import os
import resource

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from mcagent.errors import BufferFull
from mcagent.runtime import FileSystem
from mcagent.runtime.cpython import RandomFile
from tests.faults import harm, mounts
from tests.faults.oracle import KINDS, Ledger, judge, payload

_ALL = 1 << 30
_LANES = ("timeseries", "events")


def _settings():
    """Larger than the disks here, and leaving nothing for others: the disk is the bound."""
    lane = LaneSettings(64 << 20, policy="reject")
    series = LaneSettings(64 << 20, policy="reject", durability=("group", 10, 60_000))
    return BufferSettings(
        timeseries=series, events=lane, files=lane, min_free_bytes=0, min_free_files=0
    )


class Story:
    """A buffer in this process, and what it said."""

    def __init__(self, directory, fs=None):
        self.directory = str(directory)
        self.fs = fs
        self.ledger = Ledger()
        self.number = 0
        self.refused = 0
        self.open()

    def open(self):
        self.buffer = Buffer(self.directory, settings=_settings(), fs=self.fs)
        self.buffer.open()

    def put(self, lane, size=200, *, durable=False):
        self.number += 1
        data = payload(lane, self.number, size)
        try:
            sequence = self.buffer.append(lane, KINDS[lane], data, durable=durable)
        except (OSError, BufferFull):
            self.refused += 1
            return False
        self.ledger.put(lane, sequence, self.number)
        if durable or lane != "timeseries":
            self.ledger.settle(lane, sequence)
        return True

    def flush(self):
        self.buffer.flush()
        for lane in _LANES:
            self.ledger.settle(lane, _ALL)

    def deliver(self, lane, records):
        batch = self.buffer.cut(lane, max_bytes=_ALL, max_records=records)
        b"".join(batch.chunks())
        self.buffer.ack(batch)
        self.ledger.answered[lane].update(range(batch.first, batch.last + 1))
        return batch.count

    def judge(self):
        self.buffer.close()
        return judge(self.directory, self.ledger, settings=_settings(), lanes=_LANES)


@pytest.fixture
def disk(tmp_path, tool_missing):
    """`disk("size=3m")`: a tmpfs."""
    opened = []

    def make(options):
        try:
            opened.append(mounts.tmpfs(tmp_path / "disk", options))
        except OSError as error:
            tool_missing("no small file system can be mounted: %s" % error)
        return opened[-1]

    yield make
    for mount in opened:
        mount.__exit__()


@pytest.mark.slow
def test_disk_that_fills_up_and_gets_room(disk, tmp_path, rng, row, long_run):
    """3 MB: full, then 1 MB given back, and appends go on; all that was accepted comes out."""
    outcomes = []
    for place in range(20 if long_run else 2):
        with disk("size=3m") as mount:
            ballast = mount.path + "/ballast"
            with open(ballast, "wb") as file:
                file.write(bytes((1 << 20) + rng.randrange(4096)))
            story = Story(mount.path + "/b")
            while story.refused < 50:
                story.put(_LANES[place % 2], rng.randrange(20, 400))
            os.remove(ballast)
            before = story.refused
            for _ in range(200):
                assert story.put(_LANES[place % 2], rng.randrange(20, 400)), "there is room"
            assert story.refused == before
            story.flush()
            outcomes.append(story.judge())
    row("space", "disk full, then room", outcomes)


@pytest.mark.slow
def test_full_disk_is_drained(disk, rng, row, long_run):
    """Not a byte is free: batches are cut, answered and removed; then there is room."""
    outcomes = []
    for _ in range(10 if long_run else 2):
        with disk("size=3m") as mount:
            story = Story(mount.path + "/b")
            for lane in _LANES:
                for _ in range(1500):
                    story.put(lane, rng.randrange(20, 400))
            story.flush()
            mounts.fill(mount.path + "/ballast")
            assert not os.statvfs(mount.path).f_bavail
            delivered = 0
            while delivered < 1400:
                delivered += story.deliver("timeseries", 100)
            assert story.put("events", durable=True), "what was drained is room"
            outcomes.append(story.judge())
    row("space", "a full disk drained", outcomes)


def test_started_on_a_full_disk(disk, row):
    """A restart on a disk without a free byte delivers what is there."""
    with disk("size=3m") as mount:
        story = Story(mount.path + "/b")
        for _ in range(300):
            for lane in _LANES:
                story.put(lane)
        story.flush()
        story.buffer.close()
        mounts.fill(mount.path + "/ballast")
        story.open()
        assert story.deliver("timeseries", 299) == 299
        story.buffer.close()
        os.remove(mount.path + "/ballast")
        row("space", "started on a full disk", [story.judge()])


@pytest.mark.slow
def test_no_inodes(disk, rng, row, long_run):
    """Files cannot be made: open segments go on, new ones wait for an inode."""
    outcomes = []
    for left in range(6) if long_run else (1, 4, 5):
        with disk("size=3m,nr_inodes=40") as mount:
            story = Story(mount.path + "/b")
            taken = []
            while os.statvfs(mount.path).f_favail > left:
                taken.append(mount.path + "/taken-%d" % len(taken))
                open(taken[-1], "xb").close()
            for place in range(400):
                story.put(_LANES[place % 2], rng.randrange(20, 4000))
            assert story.refused
            for path in taken:
                os.remove(path)
            assert story.put("events", durable=True)
            story.flush()
            outcomes.append(story.judge())
    row("space", "no inodes left", outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_read_only_for_a_while(kind, disk, tmp_path, tool_missing, rng, row, long_run):
    """The kernel remounts read-only in mid-run, and later writable again."""
    outcomes = []
    for place in range(20 if long_run else 3):
        folder = tmp_path / str(place)
        folder.mkdir()
        try:
            mount = disk("size=3m") if kind == "tmpfs" else mounts.image(folder, kind)
        except OSError as error:
            tool_missing("no file system can be mounted: %s" % error)
        with mount:
            story = Story(mount.path + "/b")
            for _ in range(rng.randrange(1, 300)):
                story.put(rng.choice(_LANES), rng.randrange(20, 3000))
            story.buffer.close()  # an open file would keep the mount writable
            story.ledger.settle("timeseries", _ALL)
            mount.remount("ro")
            story.open()  # on a read-only disk: nothing is refused but records
            assert not story.put("events")
            assert not story.put("timeseries", durable=True)
            mount.remount("rw")
            assert story.put("events", durable=True)
            assert story.put("timeseries", durable=True)
            outcomes.append(story.judge())
    if kind == "tmpfs":
        row("space", "a tmpfs read-only for a while", outcomes)
    else:
        row("space", "an ext4 read-only for a while", outcomes)


class ShortFile(RandomFile):
    """Writes a part, then says that the disk is full."""

    def __init__(self, path, fd, fs):
        super().__init__(path, fd)
        self._fs = fs

    def write_at(self, offset, data):
        fs = self._fs
        fs.writes += 1
        if fs.writes == fs.fails_at:
            super().write_at(offset, bytes(data)[: fs.keeps])
            raise OSError(errno.ENOSPC, "disk full")
        super().write_at(offset, data)


class ShortFileSystem(FileSystem):
    """The real one; write number `fails_at` keeps `keeps` bytes."""

    def __init__(self, fails_at, keeps):
        self.writes = 0
        self.fails_at, self.keeps = fails_at, keeps

    def open(self, path, **kwargs):
        return ShortFile(path, super().open(path, **kwargs)._fd, self)


@pytest.mark.slow
def test_short_writes(tmp_path, rng, row, long_run):
    """Each write of a run, cut after 0, 1, … n bytes, and the run goes on."""
    outcomes = []
    for place in range(500 if long_run else 60):
        fs = ShortFileSystem(
            rng.randrange(2, 40), rng.choice((0, 1, 15, 16, 17, rng.randrange(3000)))
        )
        directory = tmp_path / str(place)
        story = Story(directory, fs)
        for _ in range(60):
            story.put(rng.choice(_LANES), rng.randrange(20, 3000), durable=rng.random() < 0.2)
        try:
            story.flush()
        except OSError:
            story.refused += 1
            story.flush()
        assert story.refused <= 1
        if rng.random() < 0.5:
            story.buffer.abandon()  # as a kill would
        outcomes.append(story.judge())
    row("space", "a short write, then the error", outcomes)


@pytest.mark.slow
def test_file_size_limit(tmp_path, rng, row, long_run):
    """RLIMIT_FSIZE: the kernel itself writes a part, and refuses the rest."""
    outcomes = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for place in range(100 if long_run else 20):
        directory = tmp_path / str(place)
        story = Story(directory)
        story.put("events")
        story.put("timeseries", durable=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randrange(9000, 300_000), before[1]))
        try:
            for _ in range(150):
                story.put(rng.choice(_LANES), rng.randrange(20, 5000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        story.flush()
        outcomes.append(story.judge())
    row("space", "file size limit of the system", outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext2", "without"])
def test_without_preallocation(kind, tmp_path, tool_missing, rng, row, long_run):
    """ext2 has none of its own; other systems and file systems have none at all."""
    outcomes = []
    for place in range(20 if long_run else 3):
        folder = tmp_path / str(place)
        folder.mkdir()
        if kind == "without":
            story = _fill_some(Story(folder / "b", WithoutPreallocation()), rng)
            outcomes.append(story.judge())
            continue
        try:
            mount = mounts.image(folder, kind)
        except OSError as error:
            tool_missing("no %s can be mounted: %s" % (kind, error))
        with mount:
            outcomes.append(_fill_some(Story(mount.path + "/b"), rng).judge())
    if kind == "ext2":
        row("space", "ext2, which cannot preallocate", outcomes)
    else:
        row("space", "a file system without preallocation", outcomes)


def _fill_some(story, rng):
    for _ in range(300):
        story.put(rng.choice(_LANES), rng.randrange(20, 3000))
    story.deliver("events", 10)
    story.flush()
    return story


class UngrownFile(harm.RandomFile):
    def preallocate(self, size):
        return False


class WithoutPreallocation(FileSystem):
    def open(self, path, **kwargs):
        return UngrownFile(path, super().open(path, **kwargs)._fd)
