"""MicroPython: builtin files, no locks between processes, HMAC by hand.

What the interpreter lacks is said where it is worked around; `flush()` is the sync (the unix port
calls fsync there, littlefs `lfs_file_sync`).
"""

import binascii
import errno
import hashlib
import json
import os
import struct
import time
from binascii import crc32

from .plausible import PLAUSIBLE_MS

# Some ports count from 2000-01-01 (docs.micropython.org, `time`).
_EPOCH_OFFSET_MS = 946_684_800_000 if time.gmtime(0)[0] == 2000 else 0


class Clock:
    def __init__(self) -> None:
        self._boot_id = os.urandom(16)  # no port keeps one; each start counts as a boot
        self._last_ticks = time.ticks_ms()
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + _EPOCH_OFFSET_MS

    def monotonic_ms(self) -> int:
        # ticks_ms wraps (every 12 days on 32-bit ports); the sum of differences does not.
        ticks = time.ticks_ms()
        self._monotonic_ms += time.ticks_diff(ticks, self._last_ticks)
        self._last_ticks = ticks
        return self._monotonic_ms

    def boot_id(self) -> bytes:
        return self._boot_id

    def trusted(self) -> bool:
        return self.now_ms() >= PLAUSIBLE_MS


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


class FileLock:
    """No locks between processes: on a board there is one."""

    def __init__(self, path):
        self._path = path

    def acquire(self):
        return True

    def owner(self):
        return ""

    def release(self):
        pass


class _NoLock:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

    def acquire(self):
        return True

    def release(self):
        pass


def new_lock():
    return _NoLock()  # the portable agent is single-threaded here: `step()` instead of threads


def new_sha256():
    return hashlib.sha256()


def hmac_sha256(key, data):
    # RFC 2104; the interpreter has no hmac module and its hashes have no copy().
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key))
    inner.update(data)
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key))
    outer.update(inner.digest())
    return outer.digest()


def random_bytes(size):
    return os.urandom(size)


def random_unit():
    # 24 bits: exact in single-precision floats too
    return int.from_bytes(os.urandom(3), "big") / 16_777_216


def base64url(data):
    text = binascii.b2a_base64(data).decode().strip().rstrip("=")
    return text.replace("+", "-").replace("/", "_")


def sleep_ms(duration_ms):
    time.sleep_ms(duration_ms)


def json_string(text):
    # json.dumps writes \u0008 and \u000c where CPython writes \b and \f. Replacing them in its
    # output would hit an escaped backslash before "u0008", so they never reach it.
    for character, escape in (("\b", "\\b"), ("\f", "\\f")):
        if character in text:
            parts = [json_string(part)[1:-1] for part in text.split(character)]
            return '"' + escape.join(parts) + '"'
    return json.dumps(text)


# IEEE 754: format, fraction bits, bias, and how many digits are always and never too few.
# Most boards have single precision.
_FLOAT = (">f", 23, 150, 6, 9) if 1.0 + 2.0**-30 == 1.0 else (">d", 52, 1075, 15, 17)


def float_text(value):
    # repr() here prints 17 digits for one reading in twenty where fewer do (measured); its last
    # digit is not always the nearest. Integers are exact on every port, whatever its float code.
    layout, fraction_bits, bias, fewest, most = _FLOAT
    bits = int.from_bytes(struct.pack(layout, value), "big")
    infinite = 2 * (bias - fraction_bits) + 1  # the largest exponent field
    power = bits >> fraction_bits
    sign = "-" if power > infinite else ""
    power &= infinite
    if value == 0:
        return sign + "0.0"
    value = abs(value)
    fraction = bits & ((1 << fraction_bits) - 1)
    if power:
        fraction |= 1 << fraction_bits
    power = max(power, 1) - bias  # value == fraction * 2 ** power
    exponent = int(("%.16e" % value).split("e")[1])  # right, or one too large
    for digits in range(fewest, most + 1):
        shift = digits - 1 - exponent
        step = (1 << max(power, 0)) * 10 ** max(shift, 0)
        unit = (1 << max(-power, 0)) * 10 ** max(-shift, 0)
        number, rest = divmod(fraction * step, unit)
        if rest * 2 > unit or (rest * 2 == unit and number & 1):
            number, rest = number + 1, rest - unit
        if rest * 4 > step and fraction == 1 << fraction_bits:
            # Below a power of two the floats lie twice as close.
            number, rest = number + 1, rest - unit
        # Within half a unit in the last place (on the edge only for even fractions).
        if abs(rest) * 2 < step + (0 if fraction & 1 else 1):
            break
    text = str(number)
    exponent += len(text) - digits
    text = text.rstrip("0")
    if not -4 <= exponent < 16:
        tail = "e%s%02d" % ("-" if exponent < 0 else "+", abs(exponent))
        return sign + text[0] + ("." + text[1:] if text[1:] else "") + tail
    if exponent < 0:
        return sign + "0." + "0" * (-1 - exponent) + text
    whole = text[: exponent + 1]
    return sign + whole + "0" * (exponent + 1 - len(whole)) + "." + (text[exponent + 1 :] or "0")


def log(level, area, text):
    if level != "info":
        print("mcagent.%s %s: %s" % (area, level, text))


def at_exit(callback):
    return lambda: None  # there is no end of the process to wait for


def in_forked_child(target, method):
    pass  # nothing forks here


class StopSignals:
    """No signals: Ctrl-C raises KeyboardInterrupt where it happens."""

    stopped = False

    def undo(self):
        pass
