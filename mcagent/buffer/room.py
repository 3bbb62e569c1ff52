"""Who gives way when space is short: a lane's own oldest records, or the fullest lane's."""

from ..errors import BufferFull, InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Lane
    from .outlet import Outlet


class Room:
    """The bounds of all lanes together.

    Attributes:
        dropped: Records were given up since the caller last wrote the cursor.
    """

    def __init__(self, outlets: "dict[str, Outlet]", total_quota_bytes: int) -> None:
        self._outlets = outlets
        self._total_quota_bytes = total_quota_bytes
        self.dropped = False

    def make(self, lane: "Lane", need: int) -> None:
        """Have *need* bytes for *lane*; the caller writes the cursor if `dropped` is true.

        Raises:
            BufferFull: Nothing may give way.
            InvalidMessage: It could never fit.
        """
        settings = lane.settings
        quota_bytes = min(settings.quota_bytes, self._total_quota_bytes)
        if need > quota_bytes:
            raise InvalidMessage(
                "%d bytes do not fit in the lane %s, whose quota is %d bytes"
                % (need, lane.name, quota_bytes),
                hint="send less at a time, or give the lane a larger quota",
            )
        outlet = self._outlets.get(lane.name)
        kept = outlet.kept_bytes if outlet is not None else 0
        if settings.policy == "drop_oldest" and kept + need > quota_bytes:
            raise _full(lane, settings.quota_bytes)  # before anything is dropped in vain
        while lane.disk_bytes + need > settings.quota_bytes:
            if settings.policy == "reject" or not self._outlets[lane.name].drop_oldest("quota"):
                raise _full(lane, settings.quota_bytes)
            self.dropped = True
        while self._disk_bytes() + need > self._total_quota_bytes:
            if not self._drop_fullest():
                raise _full(lane, self._total_quota_bytes)
            self.dropped = True

    def _drop_fullest(self) -> bool:
        """Take from the lane that is fullest for its quota: the quotas are the weights."""
        lanes = [outlet.lane for outlet in self._outlets.values()]
        lanes = [lane for lane in lanes if lane.settings.policy == "drop_oldest"]
        for lane in sorted(lanes, key=_fullness):
            if self._outlets[lane.name].drop_oldest("quota"):
                return True
        return False

    def _disk_bytes(self) -> int:
        return sum([outlet.lane.disk_bytes for outlet in self._outlets.values()])


def _fullness(lane: "Lane") -> int:
    return -lane.disk_bytes * 1000 // lane.settings.quota_bytes


def _full(lane: "Lane", quota_bytes: int) -> BufferFull:
    return BufferFull(
        "no room in the lane %s: its quota or the total, %d bytes, is used up"
        % (lane.name, quota_bytes),
        hint="it empties when the platform is reached; or give it a larger quota, or the policy "
        '"drop_oldest"',
    )
