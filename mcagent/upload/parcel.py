"""Files in their lane: what goes by itself, what cannot pass, and whose turn it is.

A file that is too large for an exchange is a parcel: it goes to the file service in several
requests, and the other lanes send between them.
"""

from ..limits import FILE_PART_MIN_BYTES
from ..messages.multipart import max_file_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..buffer.spool import SpooledFile
    from .dispatch import Dispatch

_DAY_MS = 86_400_000


class Parcel:
    """A file that goes by itself.

    Attributes:
        sequence: Of its record.
        details: Its name, type, created_ms, size and sha256, as they go out.
        file: Its content.
        length: Bytes of it that the last request carried.
        sent: Bytes of it that the platform has.
    """

    def __init__(self, sequence: int, details: "dict[str, Any]", file: "SpooledFile") -> None:
        self.sequence = sequence
        self.details = details
        self.file = file
        self.length = self.sent = 0


def is_parcel(details: "dict[str, Any]") -> bool:
    """True where a file of these *details* does not fit into an exchange."""
    most: int = max_file_bytes(details["name"], details["type"], details["created_ms"])
    return int(details["size"]) > most


class FileLane:
    """What the lane of files needs beyond the others.

    Args:
        dispatch: Knows the link and the lanes.
        parcels: There is a way for files that are too large for an exchange.
        now_ms: Monotonic time.

    Attributes:
        turn: The next request is the parcel's, whatever else there is to send.
        deaths: Parts in a row that somebody ended because they took too long.
        sending: Name, size and bytes sent of the parcel that is on its way.
    """

    def __init__(self, dispatch: "Dispatch", parcels: bool, now_ms: int) -> None:
        self.parcels = parcels
        self.turn = self._others_turn = False
        self.deaths = 0
        self.sending: "dict[str, Any] | None" = None
        self._sequence = 0  # of that parcel
        self._dispatch = dispatch
        self._tried_ms = now_ms

    @property
    def parcel_first(self) -> bool:
        """The oldest file is a parcel."""
        details = self._first() if self.parcels else None
        return details is not None and is_parcel(details)

    def waits(self, now_ms: int, others: bool) -> bool:
        """True where the oldest file is known not to pass at the speed of this link.

        *others*: other lanes have something to send. Without that it may use up the time of a
        caller; else it would keep everything back for hours, and is tried once a day, should
        the link have become better without a sign.
        """
        dispatch = self._dispatch
        limit = dispatch.limit
        details = self._first() if limit.measured_bytes_per_s else None
        if details is None:
            return False
        size, what = details["size"], "in one request"
        if self.parcels and is_parcel(details):
            size = min(size, FILE_PART_MIN_BYTES)
            what = "in parts of %d bytes, the smallest that the platform takes," % size
        left_ms = dispatch.left_ms()
        if not limit.hopeless(size, None):
            self._tried_ms = now_ms
            return others and limit.hopeless(size, left_ms)
        if now_ms - self._tried_ms >= _DAY_MS or (left_ms is not None and not others):
            self._tried_ms = now_ms
            return False
        reason = "%s of %d bytes cannot pass %s at the %d bytes a second of this link"
        reason %= (details["name"], details["size"], what, limit.bytes_per_s)
        dispatch.lanes["files"].wait(reason, now_ms + dispatch.settings.hold_retry_ms)
        return True

    def send(self) -> int:
        """Send the next request of the parcel that is the oldest file; return how long to wait."""
        dispatch = self._dispatch
        load = dispatch.new_load()
        self.turn = False
        try:
            load.add_single("files", 0, 1)
        except OSError as error:
            dispatch.unreadable("files", error)
        if load.parcel is not None:
            return dispatch.send(load)
        load.release()
        return 0

    def gives_way(self) -> bool:
        """True once behind each request of a parcel that a search sends: the others go then."""
        gives_way, self._others_turn = self._others_turn, False
        return gives_way

    def told(self, parcel: Parcel, went: bool, *, done: bool) -> None:
        """A request of *parcel* was answered, with yes where it *went*; *done*: for good."""
        self.turn = False
        self._others_turn = went and not done
        if went and parcel.length:
            self.deaths = 0
        name, size = parcel.details["name"], parcel.details["size"]
        self.sending = None if done else {"name": name, "size": size, "sent": parcel.sent}
        self._sequence = parcel.sequence

    def _first(self) -> "dict[str, Any] | None":
        record = self._dispatch.first("files")
        if record is None or record.sequence > self._sequence:
            self.sending = None  # it was set aside, or gave way to newer ones
        if record is None:
            return None
        import json

        details: "dict[str, Any]" = json.loads(record.payload.decode())
        return details
