"""CPython: the device's clocks."""

import os
import time

from .plausible import PLAUSIBLE_MS

# Linux's CLOCK_MONOTONIC stands still while a device is suspended: the wall clock would seem to
# jump at each resume, a token to be young, and a sample from before it to be as young as the next.
try:
    _STEADY = time.CLOCK_BOOTTIME
    _steady_ns = time.clock_gettime_ns
    _steady_ns(_STEADY)
except (AttributeError, OSError):  # not Linux
    _STEADY = 0

    def _steady_ns(clock: int, /) -> int:  # noqa: ARG001 - one signature
        return time.monotonic_ns()


class Clock:
    """The device's clocks, as int milliseconds."""

    def __init__(self) -> None:
        self._boot_id = b""

    def now_ms(self) -> int:
        """Wall clock: milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment of this boot, sleep included; never goes back."""
        return _steady_ns(_STEADY) // 1_000_000

    def boot_id(self) -> bytes:
        """16 bytes that name this boot; `monotonic_ms` values compare only within one."""
        if not self._boot_id:
            try:
                with open("/proc/sys/kernel/random/boot_id", "rb") as file:
                    self._boot_id = bytes.fromhex(file.read().decode().replace("-", "").strip())
            except (OSError, ValueError):
                # No kernel to ask: each process counts as a boot of its own, which is only
                # more careful (untrusted times of another boot are never corrected).
                self._boot_id = os.urandom(16)
        return self._boot_id

    def trusted(self) -> bool:
        """False where the wall clock is certainly wrong (a device without RTC before NTP)."""
        return self.now_ms() >= PLAUSIBLE_MS
