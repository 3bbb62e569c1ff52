"""Files that are missing, twice there, somebody else's, or of a later version: nothing is lost."""

import os
import shutil
import struct
import zlib

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.faults import harm
from tests.faults.oracle import KINDS, judge, payload, small_settings

_LANE = "timeseries"
_ALL = 1 << 30
_NOBODY = 65534


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Three segments of 16 KiB, the last one open."""
    path = tmp_path_factory.mktemp("filled") / "b"
    filled = harm.Filled(path, small_settings(), count=100, size=400)
    assert len(filled.segments) == 3
    return filled


def _judge(filled, directory, **kwargs):
    return judge(directory, filled.ledger, settings=filled.settings, lanes=[_LANE], **kwargs)


def _records_of(filled, name):
    parts = harm.layout(name, filled.read(name))
    return {(_LANE, sequence) for sequence in harm.hit(parts, 0, _ALL)}


def test_segment_removed_between_starts(filled, tmp_path, row):
    """Each one, and all: what it held is counted, the others are delivered."""
    outcomes = []
    for chosen in [[name] for name in filled.segments] + [filled.segments]:
        directory = filled.copy(tmp_path / "b")
        damaged = set()
        for name in chosen:
            os.remove(os.path.join(directory, name))
            damaged |= _records_of(filled, name)
        outcomes.append(_judge(filled, directory, damaged=damaged))
    row("files", "a segment removed between starts", outcomes)


def test_segment_removed_at_run_time(filled, tmp_path, row):
    """Under the hands of a running buffer: it goes on with the others."""
    outcomes = []
    for name in filled.segments[:-1]:
        directory = filled.copy(tmp_path / "b")
        buffer = Buffer(directory, settings=filled.settings)
        buffer.open()
        os.remove(os.path.join(directory, name))
        delivered = {}
        while batch := buffer.cut(_LANE, max_bytes=_ALL, max_records=30):
            delivered.update((record.sequence, record.payload) for record in batch.records())
            buffer.ack(batch)
        kept = set(filled.ledger.durable[_LANE]) - {each for _, each in _records_of(filled, name)}
        outcome = judge(directory, _empty_ledger(), settings=filled.settings, lanes=[_LANE])
        outcome.lost += len(kept - set(delivered))
        outcome.wrong += sum(
            data != payload(_LANE, sequence - 1, 400) for sequence, data in delivered.items()
        )
        buffer.close()
        outcomes.append(outcome)
    row("files", "a segment removed at run time", outcomes)


def _empty_ledger():
    from tests.faults.oracle import Ledger

    return Ledger()


def _foreign_header(lane, nonce, first, version):
    head = struct.pack("<7sBIIQ", b"mcagseg", version, lane, nonce, first)
    return head + struct.pack("<II", 0, zlib.crc32(head))


def _strangers(directory):
    """Make every kind of thing that has no business here; paths that must stay as they are."""
    folder = os.path.join(directory, _LANE)
    made = []
    for name in ("notes.txt", "0000000000000001.seg", "x" * 200, "0000000000000050-zzzzzzzz.seg"):
        made.append(os.path.join(folder, name))
        with open(made[-1], "wb") as file:
            file.write(b"somebody else's")
    made.append(os.path.join(folder, "0000000000000000-00000001.seg.d"))
    os.mkdir(made[-1])
    made.append(os.path.join(folder, "link"))
    os.symlink("/nowhere", made[-1])
    made.append(os.path.join(directory, "lane-of-another-program"))
    os.mkdir(made[-1])
    return made


def test_foreign_files(filled, tmp_path, row):
    """They are left alone, and nothing is read from them."""
    directory = filled.copy(tmp_path / "b")
    made = _strangers(directory)
    outcome = _judge(filled, directory)
    assert all(os.path.lexists(path) for path in made)
    row("files", "foreign files in the folders", [outcome])


def test_copies_of_segments(filled, tmp_path, row):
    """A segment under another number, in another lane, or with an older try: nothing is twice."""
    outcomes = []
    for name in filled.segments:
        first, nonce = name[-29:-13], int(name[-12:-4], 16)
        for copy in (
            "%s/%s-%08x.seg" % (_LANE, first, nonce - 1),
            "%s/%016d-%08x.seg" % (_LANE, int(first) + 5000, nonce),
            "events/%s" % name[-29:],
        ):
            directory = filled.copy(tmp_path / "b")
            os.makedirs(directory + "/events", exist_ok=True)
            shutil.copy(os.path.join(directory, name), os.path.join(directory, copy))
            outcomes.append(_judge(filled, directory))
    row("files", "copies of segments under other names", outcomes)


@pytest.mark.parametrize("what", ["directory", "dangling link", "pipe"])
def test_thing_with_the_name_of_a_segment(what, filled, tmp_path, row):
    """Not a file, where a segment might be: behind the last one, and before the first."""
    outcomes = []
    for first in (1000, 1):
        directory = filled.copy(tmp_path / "b")
        path = os.path.join(directory, _LANE, "%016d-%08x.seg" % (first, 1))
        if what == "directory":
            os.mkdir(path)
            open(path + "/inside", "xb").close()
        elif what == "dangling link":
            os.symlink("/nowhere", path)
        else:
            os.mkfifo(path)
        outcomes.append(_judge(filled, directory))
        if first == 1000:  # else it looks like an older try of the first segment
            assert os.path.lexists(path) or os.path.lexists(path + ".kept")
    if what == "directory":
        row("files", "a folder with the name of a segment", outcomes)
    elif what == "pipe":
        row("files", "a pipe with the name of a segment", outcomes)
    else:
        row("files", "a dangling link with the name of a segment", outcomes)


def test_segment_of_a_newer_version(filled, tmp_path, row):
    """It is not read and not removed; what it may hold is not numbered again."""
    outcomes = []
    for place in range(3):
        directory = filled.copy(tmp_path / "b")
        name = filled.segments[place]
        damaged = _records_of(filled, name)
        header = _foreign_header(3, int(name[-12:-4], 16), int(name[-29:-13]), 2)
        harm.overwrite(directory, name, 0, header)
        outcomes.append(_judge(filled, directory, damaged=damaged))
        folder = os.path.join(directory, _LANE)
        kept = [each for each in os.listdir(folder) if name[-29:] in each]
        assert kept, "the newer segment is still there"
        with open(os.path.join(folder, kept[0]), "rb") as file:
            assert file.read()[:32] == header
    row("files", "a segment of a newer version", outcomes)


def test_cursor_of_a_newer_version(filled, tmp_path, row):
    """It is kept under another name; records come twice at most."""
    directory = filled.copy(tmp_path / "b")
    for slot in (0, 4096):
        harm.overwrite(directory, "cursor", slot, b"mcagcur\x02" + b"\x01" * 100)
    outcome = _judge(filled, directory, again=[_LANE])
    assert os.path.exists(directory + "/cursor.kept")
    row("files", "a cursor of a newer version", [outcome])


def test_unreadable_segment(filled, tmp_path_for_all, tool_missing, row):
    """Mode 000, read by a user: it is passed and kept, the others are delivered."""
    if os.geteuid() != 0:
        tool_missing("only root can become a user who may not read")
    outcomes = []
    for name in filled.segments[:-1]:
        directory = filled.copy(tmp_path_for_all / "b")
        for base, folders, files in os.walk(directory):
            for each in [base] + [os.path.join(base, inner) for inner in folders + files]:
                os.chown(each, _NOBODY, _NOBODY)
        os.chmod(os.path.join(directory, name), 0)
        damaged = _records_of(filled, name)
        os.seteuid(_NOBODY)
        try:
            outcomes.append(_judge(filled, directory, damaged=damaged))
        finally:
            os.seteuid(0)
        assert os.path.exists(os.path.join(directory, name + ".kept"))
    row("files", "a segment without the right to read it", outcomes)


def test_quota_lowered(filled, tmp_path, row):
    """The next start keeps what is there until it is full; then the oldest go, and are counted."""
    outcomes = []
    for quota_kib, policy in ((32, "drop_oldest"), (33, "drop_oldest"), (32, "reject")):
        directory = filled.copy(tmp_path / "b")
        lane = LaneSettings(quota_kib * 1024, policy=policy, durability=("group", 10, 1000))
        settings = BufferSettings(timeseries=lane)
        buffer = Buffer(directory, settings=settings)
        buffer.open()
        assert buffer.status()["lanes"][_LANE]["records"] == 100
        if policy == "drop_oldest":
            for number in range(200, 300):
                buffer.append(_LANE, KINDS[_LANE], payload(_LANE, number, 400))
            buffer.flush()
            assert buffer.status()["lanes"][_LANE]["bytes"] <= quota_kib * 1024
        buffer.close()
        outcomes.append(judge(directory, filled.ledger, settings=settings, lanes=[_LANE]))
    row("space", "a quota lowered between starts", outcomes)
