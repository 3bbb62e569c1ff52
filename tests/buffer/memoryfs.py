"""A file system in memory that remembers every operation, fails on demand, and can be cut.

The interface of `mcagent.runtime.FileSystem`. Files are inodes; a directory entry is durable after
`sync_dir`, bytes are after `sync`. `crash` builds what a power cut may leave. Its own tests:
test_memoryfs.py.
"""

import errno

ENOSPC = 28  # MicroPython's errno has no such name


class Inode:
    def __init__(self):
        self.data = bytearray()


class MemoryFile:
    def __init__(self, fs, path, inode, writable):
        self.path = path
        self._fs = fs
        self._inode = inode
        self._writable = writable

    def write_at(self, offset, data):
        assert self._writable
        data = bytes(data)
        kept = self._fs.before("write", self.path, len(data))
        if kept is not None:  # a short write: what fitted is there
            self._fs.note("write", self._inode, offset, data[:kept])
            _put(self._inode.data, offset, data[:kept])
            raise OSError(ENOSPC, "disk full")
        self._fs.note("write", self._inode, offset, data)
        _put(self._inode.data, offset, data)

    def read_at(self, offset, size):
        self._fs.before("read", self.path, size)
        return bytes(self._inode.data[offset : offset + size])

    def sync(self):
        self._fs.before("sync", self.path, 0)
        self._fs.note("sync", self._inode)

    def size(self):
        return len(self._inode.data)

    def preallocate(self, size):
        if not self._fs.can_preallocate:
            return False
        self._fs.before("preallocate", self.path, size)
        self._fs.note("preallocate", self._inode, size)
        _put(self._inode.data, size, b"")
        return True

    def truncate(self, size):
        if not self._fs.can_truncate:
            return False
        self._fs.before("truncate", self.path, size)
        self._fs.note("truncate", self._inode, size)
        self._inode.data = self._inode.data[:size]
        return True

    def close(self):
        pass


class MemoryFileSystem:
    """Attributes: `entries` path -> Inode, `log` of operations, `fail` hook.

    `counts` tells how often each operation was done; the log is kept only with *remember*.
    `fail(operation, path, size)` returns None, raises, or (for a write) returns how many bytes
    still fit.
    """

    def __init__(self, *, can_preallocate=True, can_truncate=True, remember=False):
        self.entries = {}
        self.log = []
        self.counts = {}
        self.remember = remember
        self.fail = None
        self.space = None  # what `free` says: free and all bytes, free and all files
        self.can_preallocate = can_preallocate
        self.can_truncate = can_truncate

    def before(self, operation, path, size):
        return self.fail(operation, path, size) if self.fail is not None else None

    def note(self, *operation):
        self.counts[operation[0]] = self.counts.get(operation[0], 0) + 1
        if self.remember:
            self.log.append(operation)

    def open(self, path, *, create=False, write=True):
        self.before("create" if create else "open", path, 0)
        if create:
            if path in self.entries:
                raise OSError(errno.EEXIST, path)
            self._enter(path, Inode())
        if path not in self.entries:
            raise OSError(errno.ENOENT, path)
        return MemoryFile(self, path, self.entries[path], write)

    def read(self, path):
        return self.open(path, write=False).read_at(0, 1 << 30)

    def write_atomic(self, path, data):
        temporary = path + ".tmp"
        self.remove_if_there(temporary)
        file = self.open(temporary, create=True)
        file.write_at(0, data)
        file.sync()
        self.rename(temporary, path)
        self.sync_dir(path[: path.rfind("/")])

    def make_dir(self, path):
        pass  # directories exist by name; only entries in them are lost

    def list_dir(self, path):
        return sorted(
            [
                p[len(path) + 1 :]
                for p in self.entries
                if p.startswith(path + "/") and "/" not in p[len(path) + 1 :]
            ]
        )

    def exists(self, path):
        return path in self.entries

    def size(self, path):
        return len(self._inode(path).data)

    def free(self, path):
        return self.space

    def remove(self, path):
        self._inode(path)
        self.before("remove", path, 0)
        self.note("entry", path, None)
        del self.entries[path]

    def remove_if_there(self, path):
        if path in self.entries:
            self.remove(path)

    def rename(self, source, target):
        inode = self._inode(source)
        self.before("rename", source, 0)
        # Two entries, which a cut may tear apart only where the file system is no journal: here
        # they go together.
        self.note("rename", source, target, inode)
        del self.entries[source]
        self.entries[target] = inode

    def link(self, source, target):
        self._enter(target, self._inode(source))

    def sync_dir(self, path):
        self.before("sync_dir", path, 0)
        self.note("sync_dir", path)

    def _inode(self, path):
        if path not in self.entries:
            raise OSError(errno.ENOENT, path)
        return self.entries[path]

    def _enter(self, path, inode):
        self.note("entry", path, inode)
        self.entries[path] = inode


def _put(data, offset, piece):
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(piece)] = piece


def crash(log, *, keep_data, keep_entries, torn=None):
    """The file system that a power cut after *log* may leave.

    Args:
        log: A prefix of `MemoryFileSystem.log`, from an empty file system on.
        keep_data: Unsynced writes reached the medium; False: none of them did.
        keep_entries: The same for directory entries.
        torn: Bytes that are left of the last unsynced write of each file (with *keep_data*).
    """
    synced = {}  # id(inode) -> number of its operations that are durable
    counts = {}
    pending_entries = []
    durable_entries = []
    inodes = {}
    for operation in log:
        kind = operation[0]
        if kind in ("write", "truncate", "preallocate"):
            key = id(operation[1])
            counts[key] = counts.get(key, 0) + 1
            inodes[key] = operation[1]
        elif kind == "sync":
            key = id(operation[1])
            synced[key] = counts.get(key, 0)
        elif kind in ("entry", "rename"):
            pending_entries.append(operation)
        elif kind == "sync_dir":
            still = []
            for entry in pending_entries:
                path = entry[2] if entry[0] == "rename" else entry[1]
                if path[: path.rfind("/")] == operation[1]:
                    durable_entries.append(entry)
                else:
                    still.append(entry)
            pending_entries = still
    if keep_entries:
        durable_entries += pending_entries
    fresh = {}
    seen = {}
    for operation in log:
        if operation[0] not in ("write", "truncate", "preallocate"):
            continue
        key = id(operation[1])
        number = seen[key] = seen.get(key, 0) + 1
        data = fresh.setdefault(key, Inode()).data
        if number > synced.get(key, 0):
            if not keep_data:
                continue
            if torn is not None and number == counts[key] and operation[0] == "write":
                _put(data, operation[2], operation[3][:torn])
                continue
        if operation[0] == "write":
            _put(data, operation[2], operation[3])
        elif operation[0] == "truncate":
            fresh[key].data = data[: operation[2]]
        else:
            _put(data, operation[2], b"")
    fs = MemoryFileSystem(remember=True)
    for entry in durable_entries:
        if entry[0] == "rename":
            fs.entries.pop(entry[1], None)
            fs.entries[entry[2]] = fresh.setdefault(id(entry[3]), Inode())
        elif entry[2] is None:
            fs.entries.pop(entry[1], None)
        else:
            fs.entries[entry[1]] = fresh.setdefault(id(entry[2]), Inode())
    # What a restarted device finds is what it starts from: a second cut sees the same.
    for path in fs.entries:
        inode = fs.entries[path]
        fs.note("entry", path, inode)
        fs.note("write", inode, 0, bytes(inode.data))
        fs.note("sync", inode)
        fs.note("sync_dir", path[: path.rfind("/")])
    return fs


class FakeClock:
    """Time stands still until it is told."""

    def __init__(self, now_ms=1_767_600_000_000):
        self.wall_ms = now_ms
        self.steady_ms = 5_000
        self.boot = b"0123456789abcdef"
        self.is_trusted = True

    def now_ms(self):
        return self.wall_ms

    def monotonic_ms(self):
        return self.steady_ms

    def boot_id(self):
        return self.boot

    def trusted(self):
        return self.is_trusted

    def pass_ms(self, passed_ms):
        self.wall_ms += passed_ms
        self.steady_ms += passed_ms
