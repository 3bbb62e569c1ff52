"""MicroPython: builtin files, on littlefs, on FAT and on the unix port.

`flush()` is the sync: the unix port calls fsync there, littlefs `lfs_file_sync`, FAT `f_sync`.
"""

import errno
import os
import struct
from binascii import crc32


def _on_fat(path):
    """FAT alone takes a name in capitals for the same; there is no call that names the driver."""
    folder, _slash, name = path.rpartition("/")
    try:
        os.stat(folder + "/" + name.upper())
    except OSError:
        return False
    return name != name.upper()


# Counts what changed files on the medium. On littlefs and FAT an open file keeps the size and the
# blocks that it was opened with: it never sees what another handle synced since, and its blocks
# may hold something else by now. So a reader opens its file anew once anything changed.
_changes = [0]


class RandomFile:
    def __init__(self, path, write):
        self.path = path
        self._write = write
        self._seen = _changes[0]
        self._file = open(path, "r+b" if write else "rb")

    def write_at(self, offset, data):
        self._file.seek(offset)
        written = self._file.write(data)
        while written < len(data):
            more = self._file.write(memoryview(data)[written:])
            if not more:
                raise OSError(errno.EIO)
            written += more

    def read_at(self, offset, size):
        if not self._write and self._seen != _changes[0]:
            self._file.close()
            self._seen = _changes[0]
            self._file = open(self.path, "rb")
        # A read buffer that is larger than the file costs heap: bound it first.
        self._file.seek(0, 2)
        there = self._file.tell() - offset
        if there <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(min(size, there))

    def sync(self):
        _changes[0] += 1
        self._file.flush()

    def size(self):
        self._file.seek(0, 2)
        return self._file.tell()

    def preallocate(self, size):
        # FAT keeps the size of a file in its directory. A power cut that tears that sector while
        # a file grows can make it shorter than what was synced; in a file of full size only bytes
        # change. littlefs copies on write: there it would cost, and gain nothing.
        if not _on_fat(self.path):
            return False
        try:
            self._file.seek(0)
            for place in range(0, size, 512):
                self._file.write(bytes(min(512, size - place)))
            self.sync()
        except OSError:
            self._file.close()
            open(self.path, "wb").close()  # gives back what was taken
            self._file = open(self.path, "r+b")
            raise
        return True

    def truncate(self, size):
        return False  # absent; callers abandon the file instead

    def close(self):
        if self._write:
            _changes[0] += 1  # it syncs, too
        self._file.close()


def _seal(data):
    return b"mcag-jnl" + struct.pack("<I", crc32(data))


def _journal(path):
    """What a cut left to be written to *path*; None where that is whole."""
    try:
        with open(path + ".tmp", "rb") as file:
            data = file.read()
    except OSError:
        return None
    return data[:-12] if data[-12:] == _seal(data[:-12]) else None


def _write(path, data):
    with open(path, "wb") as file:
        file.write(data)
        file.flush()


class FileSystem:
    keeps_unsynced = False  # the driver's memory goes with the interpreter

    def open(self, path, *, create=False, write=True):
        if create:
            if self.exists(path):
                raise OSError(errno.EEXIST)
            open(path, "wb").close()
        return RandomFile(path, write)

    def read(self, path):
        whole = _journal(path)
        if whole is None:
            with open(path, "rb") as file:
                whole = file.read()
        return whole

    def write_atomic(self, path, data):
        # FAT cannot rename over a file (MicroPython removes that first), so there the content
        # stands whole in a journal while the file is written over, and `read` looks there first.
        journal = path + ".tmp"
        before = _journal(path)
        if before is not None:  # a cut came in between: the file itself may be half of it
            _write(path, before)
        open(journal, "wb").close()
        if _on_fat(journal):
            _write(journal, data + _seal(data))
            _write(path, data)
            self.remove(journal)
        else:
            _write(journal, data)
            self.rename(journal, path)

    def make_dir(self, path):
        made = "/" if path.startswith("/") else ""
        for part in path.split("/"):
            if not part:
                continue
            made = made + part
            try:
                kind, size = os.stat(made)[0], os.stat(made)[6]
            except OSError:
                kind = size = 0
            if kind & 0x8000 and not size and _on_fat(made):
                os.remove(made)  # the sector was torn in which it was becoming a folder
            if not kind & 0x4000:
                os.mkdir(made)
            made += "/"

    def make_private(self, path):
        return False  # no users, and no chmod

    def list_dir(self, path):
        names = []
        try:
            # As bytes: a torn directory of FAT has names that are no text, and they are not ours.
            for entry in os.ilistdir(path.encode()):
                try:
                    names.append(entry[0].decode())
                except UnicodeError:
                    pass
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        return sorted(name for name in names if name not in (".", ".."))

    def exists(self, path):
        try:
            os.stat(path)
        except OSError:
            return False
        return True

    def size(self, path):
        return os.stat(path)[6]

    def free(self, path):
        try:
            unit, fragment, blocks, _free, free, files, _ffree, free_files = os.statvfs(path)[:8]
        except (OSError, AttributeError):
            return None
        unit = fragment or unit
        if free > blocks:  # littlefs counts shared blocks twice; below 0 the port wraps around
            free = 0
        return free * unit, blocks * unit, free_files, files

    def remove(self, path):
        _changes[0] += 1
        os.remove(path)

    def remove_if_there(self, path):
        try:
            self.remove(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def rename(self, source, target):
        _changes[0] += 1
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EEXIST:  # FAT does not rename over a file
                raise
            os.remove(target)
            os.rename(source, target)

    def link(self, source, target):
        raise OSError(errno.EPERM)

    def sync_dir(self, path):
        if hasattr(os, "sync"):
            os.sync()
