"""What differs between interpreters: files, locks, clock, hashing, random, text encoding.

This folder is the only place that knows which interpreter runs. Everything here raises `OSError`
at most; the callers translate.
"""

import sys

from .plausible import PLAUSIBLE_MS

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    from .micropython import (
        Clock,
        FileLock,
        StopSignals,
        Struct,
        at_exit,
        base64url,
        crc32,
        float_text,
        hmac_sha256,
        in_forked_child,
        json_string,
        log,
        new_lock,
        new_sha256,
        random_bytes,
        random_unit,
        sleep_ms,
    )
    from .micropython_files import FileSystem
else:
    from .cpython import (
        Clock,
        FileLock,
        FileSystem,
        Struct,
        base64url,
        crc32,
        float_text,
        hmac_sha256,
        json_string,
        log,
        new_lock,
        new_sha256,
        random_bytes,
        random_unit,
        sleep_ms,
    )
    from .signals import StopSignals, at_exit, in_forked_child

__all__ = [
    "MICROPYTHON",
    "PLAUSIBLE_MS",
    "Clock",
    "FileLock",
    "FileSystem",
    "StopSignals",
    "Struct",
    "at_exit",
    "base64url",
    "crc32",
    "float_text",
    "hmac_sha256",
    "in_forked_child",
    "json_string",
    "log",
    "new_lock",
    "new_sha256",
    "random_bytes",
    "random_unit",
    "sleep_ms",
]
