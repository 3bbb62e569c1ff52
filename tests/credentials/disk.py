"""A disk for the keystore that knows what a kill and what a power cut may leave of it.

The operations of `mcagent.runtime.FileSystem` that a keystore uses, one primitive at a time. After a
kill everything that was done is seen by the next process, and what was not synced is still not.
After a power cut any part of the unsynced may be there: each name by itself, in any combination,
and of the bytes none, some, zeros or all.
"""

import errno
import itertools

ROOT = "/state"
DIRECTORY = "a directory"


class Disk:
    """Attributes: `step(name)` is called before each primitive; `free` is blocks, None for many.

    Names are held twice: `seen` by processes, and `safe` against a power cut, with `pending` changes
    in between. Files are numbers; `bytes_seen` and `bytes_safe` hold their content.
    """

    def __init__(self):
        self.seen = {ROOT: DIRECTORY}
        self.safe = dict(self.seen)
        self.pending = []  # (operation, ...) on names since the last sync of their directory
        self.bytes_seen = {}
        self.bytes_safe = {}
        self.step = lambda name: None
        self.free = None

    # -- the interface of the keystore ---------------------------------------------------------

    def exists(self, path):
        return path in self.seen

    def size(self, path):
        return len(self.read(path))

    def read(self, path):
        if path not in self.seen:
            raise OSError(errno.ENOENT, path)
        return self.bytes_seen[self.seen[path]]

    def list_dir(self, path):
        return sorted(name[len(path) + 1 :] for name in self.seen if _parent(name) == path)

    def make_private(self, path):
        assert path in self.seen
        return False

    def make_dir(self, path):
        if path in self.seen:
            return
        self.step("make_dir " + path)
        self._change("enter", path, DIRECTORY)

    def write_atomic(self, path, data):
        """As `runtime.cpython` does it; two writes, because one may come in pieces."""
        temporary = path + ".tmp"
        self.create(temporary)
        try:
            self.write(temporary, data[: len(data) // 2])
            self.write(temporary, data[len(data) // 2 :])
        except OSError:
            self.remove(temporary)
            self._forget_attempt(temporary)
            raise
        self.sync(temporary)
        self.rename(temporary, path)
        self.sync_dir(_parent(path))

    def _forget_attempt(self, temporary):
        """What a write in vain leaves is the same after the tenth as after the first: nothing."""
        entered = [change for change in self.pending if change[:2] == ("enter", temporary)]
        for change in entered[1:]:
            self.pending = [kept for kept in self.pending if kept is not change]
            del self.bytes_seen[change[2]], self.bytes_safe[change[2]]
        if entered[1:]:
            self.pending.pop()  # its removal

    def rename(self, source, target):
        self.step("rename " + target)
        self._change("rename", source, target, self.seen[source])

    def remove(self, path):
        self.step("remove " + path)
        self._change("remove", path)

    def sync_dir(self, path):
        self.step("sync_dir " + path)
        assert self.seen[path] == DIRECTORY
        here = [change for change in self.pending if _parent(change[1]) == path]
        for change in here:
            _apply(self.safe, change)
        self.pending = [change for change in self.pending if change not in here]

    # -- primitives ----------------------------------------------------------------------------

    def create(self, path):
        self.step("create " + path)
        assert self.seen[_parent(path)] == DIRECTORY
        number = self.seen.get(path)
        if number is None:
            number = 1 + max(self.bytes_seen, default=0)
            self._change("enter", path, number)
            self.bytes_safe[number] = b""
        elif self.free is not None:
            self.free += _blocks(self.bytes_seen[number])
        self.bytes_seen[number] = b""

    def write(self, path, data):
        self.step("write " + path)
        content = self.bytes_seen[self.seen[path]] + data
        more = _blocks(content) - _blocks(self.bytes_seen[self.seen[path]])
        if self.free is not None:
            if more > self.free:
                raise OSError(errno.ENOSPC, path)
            self.free -= more
        self.bytes_seen[self.seen[path]] = content

    def sync(self, path):
        self.step("sync " + path)
        number = self.seen[path]
        self.bytes_safe[number] = self.bytes_seen[number]

    def fill(self):
        """Somebody else takes all that is left."""
        self.free = 0

    def _change(self, *change):
        before = set(self.seen.values())
        _apply(self.seen, change)
        if self.free is not None:
            gone = before - set(self.seen.values()) - {DIRECTORY}
            self.free += sum(_blocks(self.bytes_seen[number]) for number in gone)
        self.pending.append(change)

    # -- what is left --------------------------------------------------------------------------

    def copy(self):
        """The same disk, for another future: what a killed process leaves."""
        other = Disk()
        other.seen, other.safe = dict(self.seen), dict(self.safe)
        other.pending = list(self.pending)
        other.bytes_seen, other.bytes_safe = dict(self.bytes_seen), dict(self.bytes_safe)
        other.free = self.free
        return other

    def after_power_cuts(self, *, tears=(0, 1, -1), journal=False):
        """Every disk that a power cut may leave now.

        *tears*: bytes that are left of a file. *journal*: a rename is there or not, never half.
        """
        found = {}
        choices = [_outcomes(change, journal) for change in self.pending]
        named = {
            *self.safe.values(),
            *self.seen.values(),
            *(change[-1] for change in self.pending),
        }
        named -= {DIRECTORY}
        unsynced = [
            n for n in self.bytes_seen if n in named and self.bytes_seen[n] != self.bytes_safe[n]
        ]
        contents = [_torn(self.bytes_safe[n], self.bytes_seen[n], tears) for n in unsynced]
        for outcome in itertools.product(*choices):
            names = dict(self.safe)
            for changes in outcome:
                for change in changes:
                    _apply(names, change)
            # What lies in a directory whose own name is lost is lost.
            names = {path: to for path, to in names.items() if _reachable(path, names)}
            for content in itertools.product(*contents):
                data = {**self.bytes_seen, **dict(zip(unsynced, content, strict=True))}
                key = tuple(sorted((path, data.get(to)) for path, to in names.items()))
                if key not in found:
                    found[key] = _settled(names, data)
        return list(found.values())

    def damage(self, path):
        """The medium eats a block of *path*; False where there is no such file."""
        if path not in self.seen:
            return False
        number = self.seen[path]
        data = b"\0" * 512 + self.bytes_seen[number][512:]
        self.bytes_seen[number] = self.bytes_safe[number] = data
        return True


def _blocks(data):
    return -(-len(data) // 4096)


def _apply(names, change):
    kind, path = change[:2]
    if kind == "enter":
        names[path] = change[2]
    elif kind == "remove":
        names.pop(path, None)
    else:
        names.pop(path, None)
        names[change[2]] = change[3]


def _outcomes(change, journal):
    """What may be there of a change: lists of changes."""
    if change[0] != "rename" or journal:
        return ([], [change])
    _rename, source, target, number = change
    # Done, not done; and what a file system without a journal makes of it: both names, or none.
    return ([], [change], [("enter", target, number)], [("remove", source), ("remove", target)])


def _torn(safe, seen, tears):
    """*safe* is there from an earlier sync; of *seen* all, some, or its length alone."""
    return {safe, seen, bytes(len(seen))} | {seen[:cut] for cut in tears if len(seen) > 1}


def _reachable(path, names):
    while path != ROOT:
        path = _parent(path)
        if names.get(path) != DIRECTORY:
            return False
    return True


def _settled(names, data):
    disk = Disk()
    disk.seen, disk.safe = dict(names), dict(names)
    numbers = [to for to in names.values() if to != DIRECTORY]
    disk.bytes_seen = {number: data[number] for number in numbers}
    disk.bytes_safe = dict(disk.bytes_seen)
    return disk


def _parent(path):
    return path[: path.rfind("/")]
