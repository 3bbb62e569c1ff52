"""Certificates on a device without a clock: the host's own clock, measured under its certificate.

docs/adr/0009 argues every rule. Invariant: a byte that the caller gave leaves only over a
connection whose certificates are all valid now, by this device's clock or by the corrected one.
"""

import ssl
import time
from email.utils import parsedate_to_datetime

from ...runtime import PLAUSIBLE_MS, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...runtime import Clock

    Validity = tuple[int, int]  # notBefore, notAfter; ms since 1970

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; Python has no name for it.
NO_CHECK_TIME = 0x200000
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
NOT_YET_VALID, EXPIRED = 9, 10

# A clock beyond this is as impossible as one before PLAUSIBLE_MS: no device runs so long.
_LATEST_PLAUSIBLE_MS = PLAUSIBLE_MS + 20 * 365 * 86_400_000


def validities(sock: "Any") -> "list[Validity]":
    """When each certificate of the verified chain of *sock* is valid, the leaf first."""
    inner = getattr(sock, "sslobj", sock)  # TLS within TLS: urllib3's SSLTransport
    # Public since Python 3.13, there as bytes that nothing in the standard library reads; this is
    # the same in 3.10 to 3.13.
    found = [entry.get_info() for entry in inner._sslobj.get_verified_chain()]  # noqa: SLF001
    assert found, "a verified chain has a leaf"
    return [
        (
            ssl.cert_time_to_seconds(entry["notBefore"]) * 1000,
            ssl.cert_time_to_seconds(entry["notAfter"]) * 1000 + 999,
        )
        for entry in found
    ]


def date_text(moment_ms: int) -> str:
    """For people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(moment_ms // 1000))


def header_ms(text: str) -> "int | None":
    """The middle of the second that a ``Date`` header names; None where it names none."""
    try:
        moment = parsedate_to_datetime(text)
        moment_ms = int(moment.timestamp()) * 1000 + 500
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None or not PLAUSIBLE_MS <= moment_ms <= _LATEST_PLAUSIBLE_MS:
        return None
    return moment_ms


def verdict_at(moment_ms: int, certificates: "list[Validity]") -> int:
    """0 where all are valid at *moment_ms*, else OpenSSL's number for what is wrong."""
    for begin_ms, end_ms in certificates:
        if moment_ms < begin_ms:
            return NOT_YET_VALID
        if moment_ms > end_ms:
            return EXPIRED
    return 0


def objection(own_ms: int, host_ms: "int | None", certificates: "list[Validity]") -> str:
    """Why the host's clock must not stand in for this device's; ``""`` where it may."""
    if host_ms is None:
        return "its answer tells no time that could be compared"
    host = date_text(host_ms)
    if verdict_at(host_ms, certificates):
        return f"by its own clock ({host}), too, it is outside"
    if verdict_at(own_ms, certificates) == EXPIRED and own_ms <= _LATEST_PLAUSIBLE_MS:
        # Whoever holds the key of an expired certificate could tell any time of its life, and
        # turn the clock of a healthy device back into it.
        return f"its own clock ({host}) disagrees, but a clock is not turned back for that"
    return ""


def period(certificates: "list[Validity]") -> str:
    """The time in which all of them are valid, for messages."""
    begin_ms = max(begin for begin, _end in certificates)
    end_ms = min(end for _begin, end in certificates)
    return f"{date_text(begin_ms)} to {date_text(end_ms)}"


class CorrectedClock:
    """The host's clock as measured, carried on by the monotonic clock; one for the process.

    Attributes:
        known: It was measured.
    """

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._difference_ms: "int | None" = None  # to the monotonic clock: nobody sets that

    @property
    def known(self) -> bool:
        return self._difference_ms is not None

    @property
    def offset_ms(self) -> "int | None":
        """The host's clock minus this device's, now; None before it was measured."""
        if self._difference_ms is None:
            return None
        return self._clock.monotonic_ms() + self._difference_ms - self._clock.now_ms()

    def own_ms(self) -> int:
        """What this device's clock says."""
        return self._clock.now_ms()

    def learn(self, host_ms: int, host: str) -> None:
        """Check certificates against *host_ms*, which is now, from now on."""
        self._difference_ms = host_ms - self._clock.monotonic_ms()
        log(
            "warning",
            "transport",
            f"this device's clock ({date_text(self.own_ms())}) is outside of the certificates of "
            f"{host}; they are checked against its clock ({date_text(host_ms)}) from now on",
        )

    def check(self, certificates: "list[Validity]") -> None:
        """Raise ssl.SSLCertVerificationError where one of them is not valid now."""
        code = verdict_at(self._clock.now_ms(), certificates)
        if code and self._difference_ms is not None:
            now_ms = self._clock.monotonic_ms() + self._difference_ms
            code = verdict_at(now_ms, certificates)
        if code:
            raise date_error(code)


def date_error(code: int) -> ssl.SSLCertVerificationError:
    """As OpenSSL would raise it."""
    error = ssl.SSLCertVerificationError(1, "certificate dates")
    error.verify_code = code
    error.verify_message = "certificate is not valid at this time"
    return error
