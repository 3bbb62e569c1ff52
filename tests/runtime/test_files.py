# portable
"""mcagent/runtime, FileSystem: what the buffer relies on, on every interpreter and file system."""

import errno

from mcagent.buffer import Buffer
from mcagent.runtime import FileSystem
from tests.helpers import TemporaryDirectory, raises


def test_a_reader_sees_what_was_synced_after_it_was_opened():
    """Another handle, opened long before, at old places and at new ones."""
    fs = FileSystem()
    with TemporaryDirectory() as path:
        name = path + "/0001.seg"
        writer = fs.open(name, create=True)
        writer.write_at(0, b"first")
        writer.sync()
        reader = fs.open(name, write=False)
        assert reader.read_at(0, 100) == b"first"
        writer.write_at(5, b", second")
        writer.sync()
        assert reader.read_at(0, 100) == b"first, second"
        assert reader.size() == 13
        writer.write_at(0, b"FIRST")
        writer.sync()
        assert reader.read_at(0, 5) == b"FIRST"
        writer.write_at(5, b"!" * 6000)
        writer.close()
        assert reader.read_at(6000, 100) == b"!" * 5
        assert reader.size() == 6005
        reader.close()


def test_a_batch_holds_records_that_were_synced_after_the_one_before():
    """The buffer keeps its reader open while the segment grows."""
    with TemporaryDirectory() as path:
        buffer = Buffer(path + "/buffer")
        buffer.open()
        for number in range(20):
            payload = b"record %d" % number
            assert buffer.append("events", 2, payload, durable=True) == number + 1
            batch = buffer.cut("events", max_bytes=1000, max_records=10)
            assert [record.payload for record in batch.records()] == [payload]
            assert b"".join([bytes(piece) for piece in batch.chunks()]) == payload
            buffer.ack(batch)
        assert buffer.status()["lanes"]["events"]["dropped"] == {}
        buffer.close()


def test_a_file_of_which_space_is_reserved_reads_as_zeros():
    """Where nothing can be reserved the file stays as it was."""
    fs = FileSystem()
    with TemporaryDirectory() as path:
        file = fs.open(path + "/0001.seg", create=True)
        reserved = file.preallocate(5000)
        assert file.size() == (5000 if reserved else 0)
        assert file.read_at(0, 6000) == bytes(file.size())
        file.write_at(0, b"data")
        file.sync()
        file.close()
        assert fs.size(path + "/0001.seg") == (5000 if reserved else 4)


def test_a_file_is_replaced_again_and_again():
    """Nothing but the file is left, and it holds what was written last."""
    fs = FileSystem()
    with TemporaryDirectory() as path:
        for content in (b"one", b"", b"three" * 500, b"4"):
            fs.write_atomic(path + "/state.json", content)
            assert fs.read(path + "/state.json") == content
            assert fs.list_dir(path) == ["state.json"]


def test_what_is_not_there_says_so():
    """Callers look at the error number."""
    fs = FileSystem()
    with TemporaryDirectory() as path:
        assert raises(OSError, fs.open, path + "/no").errno == errno.ENOENT
        assert raises(OSError, fs.read, path + "/no").errno == errno.ENOENT
        assert raises(OSError, fs.size, path + "/no").errno == errno.ENOENT
        assert raises(OSError, fs.remove, path + "/no").errno == errno.ENOENT
        fs.remove_if_there(path + "/no")
        assert fs.list_dir(path + "/no") == []
        assert not fs.exists(path + "/no")
        fs.make_dir(path + "/a/b")
        fs.make_dir(path + "/a/b")
        fs.open(path + "/a/b/c", create=True).close()
        assert raises(OSError, fs.open, path + "/a/b/c", create=True).errno == errno.EEXIST
        fs.sync_dir(path + "/a/b")
        fs.rename(path + "/a/b/c", path + "/a/b/d")
        assert fs.list_dir(path + "/a/b") == ["d"]
