"""What a medium may hold after a power cut, operation by operation.

Synced bytes and names are there. Of the others, anything is possible: each file has `variants`,
the names have `names_variants`, and a state is a choice from each.
"""

from hashlib import blake2b
from itertools import product

from tests.buffer.memoryfs import Inode, MemoryFileSystem

_TEARS = (1, 511, 512, 1024)
_NEVER_READ = ".reserve"
_MOST_COMBINED = 3
_MOST_BASES = 3
_MOST_REORDERED = 5


class File:
    """One inode: `bases`, what is durable of it, and the operations since.

    After a failed sync nobody knows what of it is on the medium, and a later sync does not tell:
    then there is more than one base.
    """

    def __init__(self, data=b""):
        self.bases = [data]
        self.pending = []  # (operation, doubtful)
        self.folder = ""
        self.previous = None  # the segment before it in its folder
        self.changed = 0

    def copy(self):
        other = File()
        other.bases, other.pending = list(self.bases), list(self.pending)
        other.folder, other.previous, other.changed = self.folder, self.previous, self.changed
        return other

    @property
    def dirty(self):
        return bool(self.pending) or len(self.bases) > 1

    def live(self):
        return _apply(self.bases[0], [operation for operation, _doubtful in self.pending])

    def undone_bytes(self):
        """How much longer a cut may leave it than it is, because it was truncated."""
        if not any(operation[0] == "truncate" for operation, _doubtful in self.pending):
            return 0
        return max([len(data) for data in self.variants()]) - len(self.live())

    def sync(self):
        kept = [operation for operation, _doubtful in self.pending]
        sure = [operation for operation, doubtful in self.pending if not doubtful]
        bases = []
        for base in self.bases:
            bases.append(_apply(base, kept))
            if len(sure) < len(kept):
                bases.append(_apply(base, sure))
        self.bases = list(dict.fromkeys(bases))[:_MOST_BASES]
        self.pending = []

    def doubt(self):
        self.pending = [(operation, True) for operation, _doubtful in self.pending]

    def variants(self):
        """Everything that a cut may leave: {bytes: how it came about}."""
        found = {}
        operations = [operation for operation, _doubtful in self.pending]
        stale = self.previous.live() if self.previous is not None else b""
        for number, base in enumerate(self.bases):
            for label, data in _variants(base, operations, stale):
                found.setdefault(data, (number, *label))
        return found


def _apply(data, operations):
    for operation in operations:
        kind = operation[0]
        if kind == "write":
            data = _write(data, operation[2], operation[3])
        elif kind == "truncate":
            data = data[: operation[2]].ljust(operation[2], b"\0")
        else:
            data = data.ljust(operation[2], b"\0")
    return data


def _write(data, offset, piece):
    return data[:offset].ljust(offset, b"\0") + piece + data[offset + len(piece) :]


def _tears(piece):
    """Where a write may end early: around its first frame, at sectors, in the middle."""
    size = len(piece)
    frame = 16 + int.from_bytes(piece[4:7], "little")
    tears = {*_TEARS, frame - 1, frame, frame + 1, size // 2, size - 1}
    return sorted(tear for tear in tears if 0 < tear < size)


def _variants(base, operations, stale):
    yield ("none",), base
    data = base
    for place, operation in enumerate(operations):
        if operation[0] == "write":
            _kind, _file, offset, piece = operation
            for tear in _tears(piece):
                yield (place, "torn", tear), _write(data, offset, piece[:tear])
            end = offset + len(piece)
            yield (place, "size only"), data.ljust(end, b"\0")
            shown = stale[offset:end].ljust(len(piece), b"\0")
            if stale:
                yield (place, "stale"), _write(data, offset, shown)
                for tear in _tears(piece):
                    part = _write(data, offset, piece[:tear] + shown[tear:])
                    yield (place, "torn over stale", tear), part
        data = _apply(data, [operation])
        yield (place, "whole"), data
    yield from _reordered(base, operations)
    reserved = [op[2] for op in operations if op[0] == "preallocate"]
    if reserved and stale:
        # Reserved, not zeroed, and the writes that covered a part of it kept: old bytes behind.
        end = max([op[2] + len(op[3]) for op in operations if op[0] == "write"], default=len(base))
        shown = stale[end : reserved[-1]]
        yield ("stale behind",), _write(data, end, shown)
        yield ("all stale",), _write(base, len(base), stale[len(base) : reserved[-1]])


def _reordered(base, operations):
    """A later operation reached the medium and an earlier one did not; the last may be torn."""
    count = len(operations)
    for missing in range(max(0, count - 1 - _MOST_REORDERED), count - 1):
        kept = operations[:missing] + operations[missing + 1 :]
        yield (missing, "missing"), _apply(base, kept)
        last = kept[-1]
        if last[0] == "write":
            for tear in _tears(last[3]):
                torn = (*last[:3], last[3][:tear])
                yield (missing, "missing, torn", tear), _apply(base, [*kept[:-1], torn])
    if count > 2:
        yield ("only the last",), _apply(base, operations[-1:])


class Disk:
    """The medium under a log; `apply` takes the next operation.

    Attributes:
        files: File by number; numbers come from the order in which inodes appear in the log.
        names: Durable path to file number; `folders`: durable folders.
        pending_names: Operations on names since their folder was synced.
    """

    def __init__(self, image=None):
        self.files = []
        self.names = {}
        self.folders = set()
        self.pending_names = []
        self.steps = 0
        self._numbers = {}
        self._inodes = []  # kept alive: their ids are the keys
        self._newest = {}
        if image is not None:
            self.folders = set(image.dirs)
            for path in sorted(image.entries):
                number = self._number(image.entries[path], path)
                self.files[number].bases = [bytes(image.entries[path].data)]
                self.names[path] = number

    def apply(self, operation):
        self.steps += 1
        kind = operation[0]
        if kind in ("write", "truncate", "preallocate"):
            file = self.files[self._number(operation[1])]
            file.pending.append((operation, False))
            file.changed = self.steps
        elif kind == "sync":
            self.files[self._number(operation[1])].sync()
        elif kind == "sync failed":
            self.files[self._number(operation[1])].doubt()
        elif kind == "sync_dir":
            still = []
            for entry in self.pending_names:
                if _folder(entry[-2] if entry[0] == "rename" else entry[1]) == operation[1]:
                    _enter(self.names, self.folders, entry)
                else:
                    still.append(entry)
            self.pending_names = still
        elif kind == "make_dir":
            self.pending_names.append(operation)
        elif kind == "rename":
            number = self._number(operation[3])
            self.pending_names.append(("rename", operation[1], operation[2], number))
        elif operation[2] is None:
            self.pending_names.append(("remove", operation[1]))
        else:
            number = self._number(operation[2], operation[1])
            self.pending_names.append(("create", operation[1], number))

    def doubts(self, path):
        """True where a sync of *path* failed, and nobody knows what became of its bytes."""
        if path not in self.names:
            return False
        file = self.files[self.names[path]]
        return len(file.bases) > 1 or any(doubtful for _operation, doubtful in file.pending)

    def names_variants(self):
        """Every set of pending operations that may have been kept, as tuples of their places."""
        count = len(self.pending_names)
        recent = list(range(max(0, count - _MOST_COMBINED), count))
        older = list(range(count - len(recent)))
        chosen = []
        for older_kept in (older, []) if older else ([],):
            for picks in product((True, False), repeat=len(recent)):
                kept = [place for place, pick in zip(recent, picks) if pick]
                chosen += [tuple(older_kept + kept)]
        chosen += [tuple(range(size)) for size in range(count + 1)]
        return list(dict.fromkeys(chosen))

    def choices(self):
        """All that a cut may leave here, as `Choices`."""
        return Choices(self)

    def killed(self):
        """A killed process leaves everything written: (its image, the medium that goes on)."""
        kept = range(len(self.pending_names))
        image = self.image(
            {number: file.live() for number, file in enumerate(self.files) if file.dirty}, kept
        )
        image.remember = True
        disk = Disk()
        disk.files = [file.copy() for file in self.files]
        disk.names, disk.folders = dict(self.names), set(self.folders)
        disk.pending_names = list(self.pending_names)
        disk.steps, disk._newest = self.steps, dict(self._newest)
        for path, number in self.chosen_names(kept)[0].items():
            disk._numbers[id(image.entries[path])] = number
            disk._inodes.append(image.entries[path])
        return image, disk

    def image(self, contents, kept_names):
        """A file system of the chosen contents (file number to bytes) and names."""
        names, folders = self.chosen_names(kept_names)
        fs = MemoryFileSystem(remember=False)
        fs.dirs = folders
        inodes = {}
        for path, number in names.items():
            if number not in inodes:
                data = contents[number] if number in contents else self.files[number].bases[0]
                inodes[number] = Inode(data)
            fs.entries[path] = inodes[number]
        return fs

    def chosen_names(self, kept_names):
        names, folders = dict(self.names), set(self.folders)
        for place in kept_names:
            _enter(names, folders, self.pending_names[place])
        # What is in a folder whose own name was lost is lost with it.
        gone = True
        while gone:
            gone = {path for path in folders if not _stands(path, folders)}
            folders -= gone
        return {path: n for path, n in names.items() if _stands(path, folders)}, folders

    def _number(self, inode, path=""):
        key = id(inode)
        if key not in self._numbers:
            self._numbers[key] = len(self.files)
            self._inodes.append(inode)
            file = File()
            self.files.append(file)
            file.folder = folder = _folder(path)
            if path.endswith(".seg"):
                file.previous = self._newest.get(folder)
                self._newest[folder] = file
        return self._numbers[key]


class Choices:
    """The states of one cut, numbered: a number is a choice for each dirty file and the names."""

    def __init__(self, disk):
        self.disk = disk
        self.names = disk.names_variants()
        self._views = [disk.chosen_names(kept) for kept in self.names]
        # The room put by for the cursor is never read: what is in it makes no other state.
        visible = {
            number
            for names, _folders in self._views
            for path, number in names.items()
            if not path.endswith(_NEVER_READ)
        }
        order = sorted(
            [number for number in visible if disk.files[number].dirty],
            key=lambda number: -disk.files[number].changed,
        )
        self.combined = order[:_MOST_COMBINED]
        self.rest = order[_MOST_COMBINED:]
        self.variants = [list(disk.files[n].variants().items()) for n in self.combined]
        self.sizes = [len(options) for options in self.variants]
        self.sizes += [2 if self.rest else 1, len(self.names)]
        # What undone truncations may give back to the files.
        self.undone_bytes = sum([disk.files[number].undone_bytes() for number in order])
        self._digests = {}
        self._rest = [{number: disk.files[number].live() for number in self.rest}]
        self._rest.append({number: disk.files[number].bases[0] for number in self.rest})

    def __len__(self):
        count = 1
        for size in self.sizes:
            count *= size
        return count

    @property
    def all_lost(self):
        """The number of the state in which nothing was kept that was not synced."""
        picks = [0] * len(self.combined) + [self.sizes[-2] - 1, self.names.index(())]
        number = 0
        for size, pick in zip(reversed(self.sizes), reversed(picks)):
            number = number * size + pick
        return number

    def digest(self, number):
        """Equal for states that are equal: every folder, name and byte."""
        contents, names = self._split(number)
        paths, folders = self._views[names]
        state = blake2b(repr(sorted(folders)).encode(), digest_size=16)
        for path in sorted(paths):
            file = paths[path]
            data = contents[file] if file in contents else self.disk.files[file].bases[0]
            if data not in self._digests:
                self._digests[data] = blake2b(data, digest_size=16).digest()
            state.update(path.encode() + self._digests[data])
        return state.digest()

    def image(self, number):
        contents, names = self._split(number)
        return self.disk.image(contents, self.names[names])

    def describe(self, number):
        """How this state came about, for people."""
        picks = self._picks(number)
        lines = []
        for file, options, pick in zip(self.combined, self.variants, picks):
            lines.append(f"file {file} {self._path(file)}: {options[pick][1]}")
        fate = "lost" if picks[-2] else "kept"
        lines += [f"file {file} {self._path(file)}: {fate}" for file in self.rest]
        for place, entry in enumerate(self.disk.pending_names):
            lines.append(f"{entry}: {'kept' if place in self.names[picks[-1]] else 'lost'}")
        return lines

    def _path(self, file):
        live = self.disk.chosen_names(range(len(self.disk.pending_names)))[0]
        return next((path for path, number in live.items() if number == file), "(removed)")

    def _picks(self, number):
        picks = []
        for size in self.sizes:
            number, pick = divmod(number, size)
            picks.append(pick)
        return picks

    def _split(self, number):
        picks = self._picks(number)
        contents = dict(self._rest[picks[-2]])
        for file, options, pick in zip(self.combined, self.variants, picks):
            contents[file] = options[pick][0]
        return contents, picks[-1]


def _enter(names, folders, entry):
    kind = entry[0]
    if kind == "make_dir":
        folders.add(entry[1])
    elif kind == "remove":
        names.pop(entry[1], None)
    elif kind == "create":
        names[entry[1]] = entry[2]
    else:
        names.pop(entry[1], None)
        names[entry[2]] = entry[3]


def _folder(path):
    return path[: path.rfind("/")]


def _stands(path, folders):
    folder = _folder(path)
    return folder.rfind("/") <= 0 or folder in folders
