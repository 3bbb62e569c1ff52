# portable
"""Spooled files: what a durable receipt of a file is worth."""

import errno
import json

from mcagent.buffer import Buffer
from mcagent.errors import BufferFull, InvalidMessage
from tests.buffer.memoryfs import ENOSPC, Inode
from tests.buffer.world import World, drain, small_settings
from tests.helpers import TemporaryDirectory, raises

META = {"name": "report.pdf", "type": "application/pdf", "created_ms": 1_767_600_000_000}
CONTENT = b"0123456789abcdef" * 1000


class Source:
    """A file object that yields *content* in small pieces."""

    def __init__(self, content, fail_at=None):
        self.left = content
        self.fail_at = fail_at

    def read(self, size):
        if self.fail_at is not None:
            self.fail_at -= 1
            if self.fail_at < 0:
                raise OSError(errno.EIO, "source")
        piece, self.left = self.left[:1000], self.left[1000:]
        return piece


class Stopped:
    """A file object whose reading is interrupted."""

    def __init__(self):
        self.count = 0

    def read(self, size):
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt
        return bytes(size)


def put(fs, path, content):
    inode = Inode()
    inode.data = bytearray(content)
    fs.entries[path] = inode


def take(world):
    """The oldest file: (fields of its record, content)."""
    batch = world.buffer.cut("files", max_bytes=10_000, max_records=1)
    (record,) = list(batch.records())
    spooled = world.buffer.open_spool(record)
    content = b"".join(list(spooled.chunks()))
    assert len(content) == spooled.length
    world.buffer.ack(batch)
    return json.loads(record.payload), content


def test_a_file_survives_whatever_happens_to_the_original():
    """Deleted, renamed or changed in place after the receipt: what was submitted is sent."""
    for harm in ("delete", "rename", "change"):
        world = World()
        put(world.fs, "/data/report.pdf", CONTENT)
        sequence = world.buffer.append_file(META, "/data/report.pdf")
        assert world.buffer.receipt("files", sequence).durable
        if harm == "delete":
            world.fs.remove("/data/report.pdf")
        elif harm == "rename":
            world.fs.rename("/data/report.pdf", "/data/other")
        else:
            world.fs.entries["/data/report.pdf"].data[0:4] = b"XXXX"
        world.restart()
        fields, content = take(world)
        assert content == CONTENT
        assert fields["name"] == "report.pdf"
        assert fields["size"] == len(CONTENT)


def test_the_record_is_json_with_sorted_keys():
    """Equal bytes on both interpreters."""
    world = World()
    world.buffer.append_file(META, Source(b"hello"))
    assert world.buffer.last_payload("files") == (
        b'{"created_ms":1767600000000,"name":"report.pdf",'
        b'"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",'
        b'"size":5,"spool":"0000000000000001","type":"application/pdf"}'
    )


def test_a_spooled_file_is_removed_after_the_cursor_passed_it():
    """Not before, and then at once."""
    world = World()
    for number in range(3):
        world.buffer.append_file(META, Source(b"content %d" % number))
    assert len(world.fs.list_dir("/s/buffer/files/spool")) == 3
    take(world)
    assert world.fs.list_dir("/s/buffer/files/spool") == ["0000000000000002", "0000000000000003"]
    world.restart()
    assert take(world)[1] == b"content 1"


def test_orphans_are_removed_at_open():
    """A cut between copy and record leaves a file that no record speaks of."""
    world = World()
    world.buffer.append_file(META, Source(b"one"))
    put(world.fs, "/s/buffer/files/spool/new-00112233445566ff", b"half")
    put(world.fs, "/s/buffer/files/spool/0000000000000002", b"its record was never durable")
    others = ["-5", "1_0", "20240101", "new-report.txt", "notes.txt"]
    for name in others:
        put(world.fs, "/s/buffer/files/spool/" + name, b"somebody else's")
    world.restart()
    assert world.fs.list_dir("/s/buffer/files/spool") == sorted(["0000000000000001"] + others)
    assert world.status("files")["bytes"] < 32 * 1024


def test_the_content_is_durable_before_its_record():
    """Sync of the copy, rename, sync of the folder, then the record."""
    world = World()
    world.fs.remember = True
    world.buffer.append_file(META, Source(CONTENT))
    kinds = [entry[0] for entry in world.fs.log]
    rename = kinds.index("rename")
    assert kinds[rename - 1] == "sync"
    assert kinds[rename + 1] == "sync_dir"
    assert kinds[-1] == "sync"


def test_content_that_changed_in_the_spool_is_never_sent_whole():
    """A mismatch of size or SHA-256 ends the stream in an error."""
    world = World()
    world.buffer.append_file(META, Source(CONTENT))
    data = world.fs.entries["/s/buffer/files/spool/0000000000000001"].data
    record = world.buffer.first_record("files")
    for harm in (0, 8000, len(CONTENT) - 1):
        data[harm] ^= 1
        sent = []
        error = raises(OSError, _send, world.buffer.open_spool(record), sent)
        assert error.errno == errno.EIO
        assert len(b"".join(sent)) < len(CONTENT)
        data[harm] ^= 1
    world.fs.entries["/s/buffer/files/spool/0000000000000001"].data = data[:100]
    raises(OSError, _send, world.buffer.open_spool(record), [])


def test_the_quota_drops_single_files():
    """The oldest files go one by one, their spooled bytes with them, and are counted."""
    world = World()
    for number in range(12):
        world.buffer.append_file(META, Source(b"%02d" % number * 8000))
        status = world.status("files")
        assert status["bytes"] <= status["quota_bytes"]
    dropped = status["dropped"]["quota"]
    assert dropped["first"] == 1
    assert dropped["records"] == 12 - status["records"]
    assert dropped["bytes"] == dropped["records"] * 16_384  # blocks
    assert len(world.fs.list_dir("/s/buffer/files/spool")) == status["records"]
    world.restart()
    assert take(world)[1] == b"%02d" % dropped["records"] * 8000


def test_a_file_that_is_being_sent_is_not_dropped():
    """The one behind it goes instead; the gap is no damage."""
    world = World()
    for number in range(6):
        world.buffer.append_file(META, Source(b"%02d" % number * 8000))
    batch = world.buffer.cut("files", max_bytes=1000, max_records=1)
    for number in range(6, 12):
        world.buffer.append_file(META, Source(b"%02d" % number * 8000))
    (record,) = list(batch.records())
    assert b"".join(list(world.buffer.open_spool(record).chunks())) == b"00" * 8000
    world.buffer.ack(batch)
    status = world.status("files")
    assert list(status["dropped"]) == ["quota"]
    assert status["oldest_sequence"] == 2 + status["dropped"]["quota"]["records"]
    assert len(drain(world.buffer, "files")) == status["records"]


def test_files_that_cannot_be_taken_leave_nothing_behind():
    """Missing, too long, larger than the lane, disk full, a source that breaks off."""
    world = World()
    world.buffer.append_file(META, Source(b"fine"))
    before = sorted(world.fs.entries)
    raises(InvalidMessage, world.buffer.append_file, META, "/data/missing")
    raises(InvalidMessage, world.buffer.append_file, META, Source(CONTENT), max_bytes=15_999)
    raises(InvalidMessage, world.buffer.append_file, META, Source(CONTENT * 9))
    error = raises(InvalidMessage, world.buffer.append_file, META, Source(CONTENT, fail_at=3))
    assert "stream failed" in error.message
    error = raises(InvalidMessage, world.buffer.append_file, META, Source("text"))
    assert "binary" in error.hint
    raises(KeyboardInterrupt, world.buffer.append_file, META, Stopped())
    world.fs.fail = lambda operation, path, size: 10 if operation == "write" else None
    assert raises(OSError, world.buffer.append_file, META, Source(CONTENT)).errno == ENOSPC
    world.fs.fail = None
    assert sorted(world.fs.entries) == before
    assert world.buffer.append_file(META, Source(CONTENT), max_bytes=16_000) == 2


def test_a_full_lane_that_rejects_refuses_the_file():
    """BufferFull before a byte is copied where the size is known."""
    from mcagent.buffer import LaneSettings

    world = World(settings=small_settings(files=LaneSettings(64 * 1024, policy="reject")))
    put(world.fs, "/data/big", b"x" * 40_000)
    world.buffer.append_file(META, "/data/big")
    copied = world.fs.counts["write"]
    raises(BufferFull, world.buffer.append_file, META, "/data/big")
    assert world.fs.counts["write"] == copied


def test_move_takes_the_file_itself():
    """The original is gone only after the record is durable."""
    world = World()
    put(world.fs, "/data/log", CONTENT)
    world.event(b"makes the cursor")
    written = world.fs.counts.get("write", 0)
    world.buffer.append_file(META, "/data/log", move=True)
    assert not world.fs.exists("/data/log")
    assert world.fs.counts["write"] - written <= 5  # cursor, headers, record: no copy
    assert take(world)[1] == CONTENT


def test_a_file_that_was_set_aside_is_kept():
    """Refused by the platform: its content moves to the rejected store."""
    world = World()
    world.buffer.append_file(META, Source(CONTENT))
    world.buffer.set_aside("files", 1, {"status": 400})
    assert world.fs.list_dir("/s/buffer/files/spool") == []
    assert bytes(world.fs.entries["/s/buffer/rejected/spool/0000000000000001"].data) == CONTENT
    world.restart()
    assert world.buffer.status()["rejected"]["records"] == 1
    assert world.fs.list_dir("/s/buffer/rejected/spool") == ["0000000000000001"]


def test_a_real_file_on_a_real_disk():
    """The same through the interpreter's own file system."""
    with TemporaryDirectory() as directory:
        with open(directory + "/original", "wb") as file:
            file.write(CONTENT)
        buffer = Buffer(directory + "/buffer", settings=small_settings())
        buffer.open()
        buffer.append_file(META, directory + "/original")
        with open(directory + "/original", "wb") as file:
            file.write(b"changed")
        buffer.close()
        buffer = Buffer(directory + "/buffer", settings=small_settings())
        buffer.open()
        record = buffer.first_record("files")
        assert b"".join(list(buffer.open_spool(record).chunks())) == CONTENT
        buffer.close()


def _send(spooled, sent):
    for piece in spooled.chunks():
        sent.append(piece)
