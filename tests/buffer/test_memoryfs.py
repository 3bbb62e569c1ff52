"""The file system in memory answers as the real one does: results, errors, bytes, full disks."""

import errno
import os
import random
import subprocess

import pytest

from mcagent.runtime.cpython import FileSystem
from tests.buffer.memoryfs import MemoryFileSystem

_PAGE = 4096
_TMPFS_PAGES = 24
_FOLDERS = ("/s", "/s/one", "/s/two", "/s/one/deep", "/s/never")
_FILES = [f"{folder}/{name}" for folder in _FOLDERS for name in ("a", "b", "c.tmp")]


class Pair:
    """The same call on both; *root* is where ``/`` is on the real one."""

    def __init__(self, root, memory):
        self.root = str(root)
        self.real = FileSystem()
        self.memory = memory
        self.handles = []
        self.outcomes = {}
        os.makedirs(self.root + "/s", exist_ok=True)

    def call(self, name, *paths, **kwargs):
        real = _outcome(getattr(self.real, name), *[self._real(path) for path in paths], **kwargs)
        memory = _outcome(getattr(self.memory, name), *paths, **kwargs)
        if name == "open" and real[0] == memory[0] == "returns":
            self.handles.append((real[1], memory[1]))
            real = memory = ("returns", "a file")
        self._compare(name, (*paths, kwargs), real, memory)

    def on_handle(self, place, name, *args):
        real, memory = self.handles[place]
        outcomes = _outcome(getattr(real, name), *args), _outcome(getattr(memory, name), *args)
        self._compare(name, args, *outcomes)

    def compare_bytes(self):
        for folder in _FOLDERS:
            self.call("list_dir", folder)
        for path in _FILES:
            self.call("read", path)

    def close(self):
        for real, memory in self.handles:
            real.close()
            memory.close()

    def _compare(self, name, args, real, memory):
        assert real == memory, (name, args)
        kind = real[0] if real[0] == "returns" else errno.errorcode[real[1]]
        self.outcomes[name, kind] = self.outcomes.get((name, kind), 0) + 1

    def _real(self, path):
        return self.root + path if isinstance(path, str) and path.startswith("/") else path


def _outcome(function, *args, **kwargs):
    try:
        return "returns", function(*args, **kwargs)
    except OSError as error:
        return "raises", error.errno
    except ValueError:
        return "raises", errno.EBADF  # Python's own word for a sync of descriptor -1


def _one_call(pair, draw):
    path, other = draw.choice(_FILES), draw.choice(_FILES)
    calls = [
        lambda: pair.call("open", path, create=True),
        lambda: pair.call("open", path),
        lambda: pair.call("open", path, write=False),
        lambda: pair.call("read", path),
        lambda: pair.call("write_atomic", path, draw.randbytes(draw.randrange(300))),
        lambda: pair.call("make_dir", draw.choice(_FOLDERS[:-1])),
        lambda: pair.call("make_dir", path) if pair.memory.exists(path) else None,
        lambda: pair.call("list_dir", draw.choice(_FOLDERS)),
        lambda: pair.call("exists", draw.choice([path, draw.choice(_FOLDERS)])),
        lambda: pair.call("size", path),
        lambda: pair.call("remove", path),
        lambda: pair.call("remove_if_there", path),
        lambda: pair.call("rename", path, other),
        lambda: pair.call("link", path, other),
        lambda: pair.call("sync_dir", draw.choice(_FOLDERS)),
    ]
    if not pair.handles or draw.random() < 0.5:
        draw.choice(calls)()
        return
    place = draw.randrange(len(pair.handles))
    offset, size = draw.randrange(6000), draw.randrange(1, 3000)
    on_handle = [
        ("write_at", offset, draw.randbytes(size)),
        ("write_at", offset, b""),
        ("read_at", offset, size),
        ("sync",),
        ("size",),
        ("preallocate", size * 3),
        ("truncate", offset),
        ("close",),
    ]
    pair.on_handle(place, *draw.choice(on_handle))


@pytest.mark.parametrize("seed", range(40))
def test_random_calls_have_equal_outcomes(seed, tmp_path):
    """Results, `errno` and bytes; folders that are missing, handles that are closed, links."""
    draw = random.Random(seed)
    pair = Pair(tmp_path, MemoryFileSystem())
    pair.call("make_dir", "/s/one")
    for _ in range(150):
        _one_call(pair, draw)
    pair.compare_bytes()
    pair.close()


def test_the_random_calls_reach_every_outcome(tmp_path):
    """A comparison of calls that all fail would prove nothing."""
    draw = random.Random(1)
    pair = Pair(tmp_path, MemoryFileSystem())
    for _ in range(4000):
        _one_call(pair, draw)
        if len(pair.handles) > 30:
            pair.close()
            pair.handles = pair.handles[:5] if draw.random() < 0.1 else []
    pair.close()
    seen = set(pair.outcomes)
    for name in ("open", "read", "write_atomic", "size", "remove", "rename", "link", "sync_dir"):
        assert {(name, "returns"), (name, "ENOENT")} <= seen
    for name in ("write_at", "read_at", "sync", "size", "preallocate", "truncate"):
        assert {(name, "returns"), (name, "EBADF")} <= seen
    assert {("open", "EEXIST"), ("link", "EEXIST"), ("make_dir", "EEXIST")} <= seen
    assert {("truncate", "EINVAL"), ("sync", "ENOENT")} <= seen


class Pages:
    """How a tmpfs fills: page by page; a write keeps what fitted, a reservation all or nothing."""

    def __init__(self, fs):
        self.fs = fs
        self.pages = {}  # path -> pages that are taken

    def fail(self, operation, path, size):
        if operation == "write":
            return self._write(path, size)
        if operation == "preallocate":
            wanted = set(range(-(-size // _PAGE))) - self.pages.setdefault(path, set())
            if len(wanted) > self._free():
                raise OSError(errno.ENOSPC, path)
            self.pages[path] |= wanted
        elif operation == "truncate":
            self.pages[path] = {page for page in self.pages.get(path, ()) if page * _PAGE < size}
        elif operation == "remove":
            self.pages.pop(path, None)
        return None

    def _write(self, path, size):
        taken = self.pages.setdefault(path, set())
        place, end = self.offset, self.offset + size
        while place < end:
            page = place // _PAGE
            if page not in taken:
                if not self._free():
                    return place - self.offset
                taken.add(page)
            place = (page + 1) * _PAGE
        return None

    def _free(self):
        return _TMPFS_PAGES - sum([len(pages) for pages in self.pages.values()])


@pytest.mark.parametrize("seed", range(6))
def test_a_full_disk_keeps_what_fitted(seed, tmp_path, tool_missing):
    """Short writes on a tmpfs without room: the same bytes and errors, then room again."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS_PAGES * _PAGE}", "mcagent-test", tmp_path],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        tool_missing("a tmpfs cannot be mounted: " + mounted.stderr.decode())
    try:
        draw = random.Random(seed)
        memory = MemoryFileSystem()
        pages = Pages(memory)
        memory.fail = pages.fail
        pair = Pair(tmp_path, memory)
        names = ["/s/%d" % number for number in range(5)]
        for name in names:
            pair.call("open", name, create=True)
        for _ in range(250):
            place = draw.randrange(len(names))
            pages.offset = draw.randrange(40_000)
            what = draw.choices(["write_at", "preallocate", "truncate", "read_at"], [6, 1, 2, 1])[
                0
            ]
            args = {
                "write_at": (pages.offset, draw.randbytes(draw.randrange(1, 20_000))),
                "preallocate": (draw.randrange(1, 60_000),),
                "truncate": (draw.randrange(30_000),),
                "read_at": (pages.offset, 10_000),
            }[what]
            pair.on_handle(place, what, *args)
        for name in names:
            pair.call("read", name)
        pair.close()
        assert pair.outcomes["write_at", "ENOSPC"] >= 5
        assert pair.outcomes["write_at", "returns"] >= 5
    finally:
        subprocess.run(["umount", tmp_path], check=True)
