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


_SYSTEMD = "/run/systemd/system"  # sd_booted(3)
_TIMESYNC = "/run/systemd/timesync"  # while timesyncd runs
_RTC = "/sys/class/rtc/rtc0/since_epoch"
# Debian gives a file the time of its package's build at most, as systemd its earliest time.
_EPOCHS = ("/usr/lib/systemd/systemd", "/usr/lib/clock-epoch")
# systemd sets it seconds to minutes after the kernel's start.
_BOOT_MS = 600_000
_LOOK_EVERY_MS = 1000


class Clock:
    """The device's clocks, as int milliseconds."""

    def __init__(self) -> None:
        self._boot_id = b""
        self._made_up = True
        self._look_ms = 0  # steady clock; when to look again whether it is made up

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
        """False where the wall clock is certainly wrong, or made up: no RTC, and no NTP yet."""
        now_ms = self.now_ms()
        if now_ms < PLAUSIBLE_MS:
            return False
        # Once it is right it is not looked at again: what follows costs two system calls.
        if self._made_up and (steady_ms := self.monotonic_ms()) >= self._look_ms:
            self._look_ms = steady_ms + _LOOK_EVERY_MS
            self._made_up = _is_made_up(now_ms - steady_ms)
        return not self._made_up


def _is_made_up(started_ms: int) -> bool:
    """Whether systemd made up the time at which this boot started, and nobody has set it since.

    A clock that stands before systemd's own build is set to that, or to the time that timesyncd
    last saved: times that look right, and are those of no day.

    Source: systemd-timesyncd.service(8); systemd, src/shared/clock-util.c.
    """
    if not os.path.isdir(_SYSTEMD) or os.path.exists(_TIMESYNC + "/synchronized"):
        return False
    try:
        with open(_RTC, "rb") as file:
            if int(file.read()) * 1000 >= PLAUSIBLE_MS:
                return False  # where the time came from, and where who sets it writes it
    except (OSError, ValueError):
        pass  # there is none
    if os.path.isdir(_TIMESYNC):
        return True  # it saves and restores, and would have told of a synchronisation
    for path in _EPOCHS:
        try:
            if abs(started_ms - int(os.stat(path).st_mtime * 1000)) < _BOOT_MS:
                return True
        except OSError:
            pass
    return False
