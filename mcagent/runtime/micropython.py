"""MicroPython: no locks between processes, HMAC and numbers by hand.

What the interpreter lacks is said where it is worked around. Its files: micropython_files.py.
"""

import binascii
import hashlib
import json
import os
import struct
import time
from binascii import crc32  # noqa: F401 - part of the seam

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


class Struct:
    # `struct` has none here.

    def __init__(self, layout):
        self._layout = layout

    def pack(self, *values):
        return struct.pack(self._layout, *values)

    def unpack_from(self, data, offset):
        return struct.unpack_from(self._layout, data, offset)


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
