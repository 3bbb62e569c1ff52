"""A file system in memory that remembers every operation and fails on demand.

The interface of `mcagent.runtime.FileSystem`, and its answers: test_memoryfs.py compares the two.
What a power cut may leave of a log is the business of `tests.crash.disk`.
"""

import errno

ENOSPC = 28  # MicroPython's errno has no such name


class Inode:
    def __init__(self, data=None):
        # `bytes` until the first write: thousands of crash states share most of their files.
        self.data = bytearray() if data is None else data

    def put(self, offset, piece):
        """Write *piece* at *offset*; a gap before it reads as zeros."""
        data = self.data
        if type(data) is bytes:
            data = self.data = bytearray(data)
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset : offset + len(piece)] = piece


class MemoryFile:
    def __init__(self, fs, path, inode, writable):
        self.path = path
        self._fs = fs
        self._inode = inode
        self._writable = writable

    def write_at(self, offset, data):
        inode = self._live()
        if not self._writable:
            raise OSError(errno.EBADF, self.path)
        data = bytes(data)
        kept = self._fs.before("write", self.path, len(data))
        if kept is not None:  # a short write: what fitted is there
            data = data[:kept]
        if data:
            self._fs.note("write", inode, offset, data)
            inode.put(offset, data)
        if kept is not None:
            raise OSError(ENOSPC, "disk full")

    def read_at(self, offset, size):
        inode = self._live()
        self._fs.before("read", self.path, size)
        return bytes(inode.data[offset : offset + size])

    def sync(self):
        inode = self._live()
        try:
            self._fs.before("sync", self.path, 0)
        except OSError:
            self._fs.note("sync failed", inode)
            raise
        if not self._fs.named(inode):
            raise OSError(errno.ENOENT, "the file was removed", self.path)
        self._fs.note("sync", inode)

    def size(self):
        return len(self._live().data)

    def preallocate(self, size):
        inode = self._live()
        if not self._fs.can_preallocate or size <= 0:
            return False
        if not self._writable:
            raise OSError(errno.EBADF, self.path)
        self._fs.before("preallocate", self.path, size)
        self._fs.note("preallocate", inode, size)
        if size > len(inode.data):
            inode.put(size, b"")
        return True

    def truncate(self, size):
        inode = self._live()
        if not self._fs.can_truncate:
            return False
        if not self._writable:
            raise OSError(errno.EINVAL, self.path)
        self._fs.before("truncate", self.path, size)
        self._fs.note("truncate", inode, size)
        if size > len(inode.data):
            inode.put(size, b"")
        else:
            inode.data = inode.data[:size]
        return True

    def close(self):
        self._inode = None

    def _live(self):
        if self._inode is None:
            raise OSError(errno.EBADF, self.path)
        return self._inode


class MemoryFileSystem:
    """Attributes: `entries` path -> Inode, `dirs` paths, `log` of operations, `fail` hook.

    Folders directly under the root are there; others are made.

    `counts` tells how often each operation was done; the log is kept only with *remember*. It
    holds tuples: `write` inode offset bytes, `truncate` and `preallocate` inode size, `sync` and
    `sync failed` inode, `entry` path and inode (None for removed), `rename` source target inode,
    `make_dir` path, `sync_dir` path.

    `fail(operation, path, size)` returns None, raises, or (for a write) returns how many bytes
    still fit.
    """

    def __init__(self, *, can_preallocate=True, can_truncate=True, remember=False):
        self.entries = {}
        self.dirs = set()
        self.log = []
        self.counts = {}
        self.remember = remember
        self.fail = None
        self.space = None  # what `free` says: free and all bytes, free and all files
        self.can_preallocate = can_preallocate
        self.can_truncate = can_truncate

    def named(self, inode):
        return any(other is inode for other in self.entries.values())

    def before(self, operation, path, size):
        return self.fail(operation, path, size) if self.fail is not None else None

    def note(self, *operation):
        self.counts[operation[0]] = self.counts.get(operation[0], 0) + 1
        if self.remember:
            self.log.append(operation)

    def open(self, path, *, create=False, write=True):
        if create:
            if self.exists(path):
                raise OSError(errno.EEXIST, path)
            self._require_parent(path)
            self.before("create", path, 0)
            self._enter(path, Inode())
        else:
            self.before("open", path, 0)
        return MemoryFile(self, path, self._inode(path), write)

    def read(self, path):
        return self.open(path, write=False).read_at(0, 1 << 30)

    def write_atomic(self, path, data):
        temporary = path + ".tmp"
        self.remove_if_there(temporary)
        file = self.open(temporary, create=True)
        try:
            file.write_at(0, data)
            file.sync()
        except OSError:
            self.remove_if_there(temporary)
            raise
        self.rename(temporary, path)
        self.sync_dir(_parent(path))

    def make_dir(self, path):
        if path in self.entries:
            raise OSError(errno.EEXIST, path)
        if self._is_dir(path):
            return
        self.make_dir(_parent(path))
        self.before("make_dir", path, 0)
        self.note("make_dir", path)
        self.dirs.add(path)

    def list_dir(self, path):
        prefix = path + "/"
        size = len(prefix)
        names = [p[size:] for p in self.entries if p.startswith(prefix) and p.find("/", size) < 0]
        names += [p[size:] for p in self.dirs if p.startswith(prefix) and p.find("/", size) < 0]
        return sorted(names)

    def exists(self, path):
        return path in self.entries or self._is_dir(path)

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
        self._require_parent(target)
        self.before("rename", source, 0)
        if self.entries.get(target) is inode:
            return  # POSIX: two names of one file both stay
        self.note("rename", source, target, inode)
        del self.entries[source]
        self.entries[target] = inode

    def link(self, source, target):
        if self._is_dir(source):
            raise OSError(errno.EPERM, source)
        inode = self._inode(source)
        if sum([other is inode for other in self.entries.values()]) != 1:
            raise OSError(errno.EPERM, source)
        if self.exists(target):
            raise OSError(errno.EEXIST, target)
        self._require_parent(target)
        self.before("link", source, 0)
        self._enter(target, inode)

    def sync_dir(self, path):
        if not self._is_dir(path):
            raise OSError(errno.ENOENT, path)
        self.before("sync_dir", path, 0)
        self.note("sync_dir", path)

    def _inode(self, path):
        if path not in self.entries:
            raise OSError(errno.ENOENT, path)
        return self.entries[path]

    def _enter(self, path, inode):
        self.note("entry", path, inode)
        self.entries[path] = inode

    def _is_dir(self, path):
        return path in self.dirs or path.rfind("/") <= 0

    def _require_parent(self, path):
        if not self._is_dir(_parent(path)):
            raise OSError(errno.ENOENT, path)


def _parent(path):
    return path[: path.rfind("/")]


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
