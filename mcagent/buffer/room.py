"""Who gives way when space is short: the lanes that matter less, then a lane's own oldest records.

Three bounds: what a lane may take, what all may take together, and what must stay free on the
file system for everybody else. They are looked at when a segment or a spooled file begins.
"""

from ..errors import BufferFull, InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import FileSystem
    from .lane import Lane
    from .outlet import Outlet
    from .settings import BufferSettings

# What must not be pushed out by the lanes behind it; those that are not named are bulk.
_RANKS = {"models": 0, "events": 1}
_BULK = 2
_MIB = 1024 * 1024
# By default a sixteenth of the file system stays free for others, and not more than this.
_FREE_SHARE = 16
_FREE_MAX_BYTES = 16 * _MIB
_FREE_MAX_FILES = 100


class Room:
    """The bounds of all lanes together.

    Attributes:
        dropped: Records were given up since the caller last wrote the cursor.
        pushes: False while nothing may be given up for what comes in.
    """

    def __init__(
        self, outlets: "dict[str, Outlet]", fs: "FileSystem", settings: "BufferSettings"
    ) -> None:
        self._outlets = outlets
        self._fs = fs
        self._settings = settings
        self._total_quota_bytes = settings.total_quota_bytes
        self.dropped = False
        self.pushes = True

    def make(
        self,
        lane: "Lane",
        need: int,
        least: "int | None" = None,
        *,
        gave: int = 0,
        may_push: bool = True,
    ) -> int:
        """Have *need* bytes for *lane*; the caller writes the cursor if `dropped` is true.

        Args:
            lane: Who wants to grow.
            need: By how many bytes.
            least: So many will do where others need the disk; None is *need*.
            gave: Bytes that the lane has just given back.
            may_push: False gives nothing up for the free space that others need.

        Returns:
            *need*, or what there is, *least* or more.

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
        for outlet in self._outlets.values():
            self.dropped = outlet.expire() or self.dropped
        # Nothing is given up in vain: it is added up first.
        outlet = self._outlets[lane.name]
        own = outlet.could_give if self.pushes or outlet.retention.all_done else 0
        if lane.disk_bytes + need - own > settings.quota_bytes:
            raise _full(lane, settings.quota_bytes)
        if self._disk_bytes() + need - self._could_give(lane) > self._total_quota_bytes:
            raise _full(lane, self._total_quota_bytes)
        while lane.disk_bytes + need > settings.quota_bytes:
            if settings.policy == "reject" or not outlet.drop_oldest("quota"):
                raise _full(lane, settings.quota_bytes)
            self.dropped = True
        while self._disk_bytes() + need > self._total_quota_bytes:
            if not self._yield(lane, "quota"):
                raise _full(lane, self._total_quota_bytes)
        return self._keep_free(lane, need, need if least is None else least, gave, may_push)

    def give_way(self, lane: "Lane", certain: bool) -> bool:
        """The disk is full: give up the oldest of what *lane* may push out.

        False where there is nothing, or where it is not *certain* and the file system says that
        it is not full: what it refuses then does not come back for it.
        """
        space = self._fs.free(lane.directory)
        if not certain and (space is None or space[0] > self._least_bytes(space[1])):
            return False
        return self._yield(lane, "space")

    def _keep_free(self, lane: "Lane", need: int, least: int, gave: int, may_push: bool) -> int:
        """What others need stays free. Ours does not shrink for it: it stops growing."""
        space = self._fs.free(lane.directory)
        if space is None:
            return need
        free_bytes, all_bytes, free_files, all_files = space
        least_bytes, least_files = self._least_bytes(all_bytes), self._settings.min_free_files
        if least_files is None:
            least_files = min(_FREE_MAX_FILES, all_files // _FREE_SHARE)
        short_file = all_files > 0 and free_files <= least_files
        before = self._disk_bytes()
        unused = max(gave, free_bytes - least_bytes)
        could_give = self._could_give(lane) if may_push else 0
        may_push = could_give + unused >= least and (could_give > 0 or not short_file)
        while True:
            freed = before - self._disk_bytes()
            granted = min(need, freed + unused)
            if granted >= need and not short_file:
                return need
            if not (may_push and self._yield(lane, "space")):
                if granted >= least and not short_file:
                    return granted
                if not (least_bytes or short_file):
                    return need  # nothing is kept for others: the disk itself says when it is full
                raise BufferFull(
                    "no space left for the lane %s: the file system has %d bytes and %s files "
                    "free, of which %d bytes and %d files stay for others"
                    % (
                        lane.name,
                        free_bytes,
                        free_files if all_files else "any number of",
                        least_bytes,
                        least_files,
                    ),
                    hint="make room on the disk; or keep less free with min_free_bytes and "
                    "min_free_files in BufferSettings",
                )
            short_file = False

    def _least_bytes(self, all_bytes: int) -> int:
        """What stays free for others on a file system of *all_bytes*."""
        least_bytes = self._settings.min_free_bytes
        if least_bytes is None:
            least_bytes = min(_FREE_MAX_BYTES, all_bytes // _FREE_SHARE)
        return least_bytes

    def _yield(self, lane: "Lane", reason: str) -> bool:
        """Give up what *lane* may push out: lanes that matter less, then its equals and itself.

        Among equals the fullest for its quota goes first: the quotas are the weights.
        """
        for other in sorted(
            self._below(lane), key=lambda other: (-_rank(other), _fullness(other))
        ):
            if self._outlets[other.name].drop_oldest(reason):
                self.dropped = True
                return True
        return False

    def _below(self, lane: "Lane") -> "list[Lane]":
        """Lanes that *lane* may push out, itself among them."""
        lanes = [outlet.lane for outlet in self._outlets.values() if self.pushes]
        mine = _rank(lane)
        return [
            other
            for other in lanes
            if other.settings.policy == "drop_oldest" and _rank(other) >= mine
        ]

    def _could_give(self, lane: "Lane") -> int:
        return sum([self._outlets[other.name].could_give for other in self._below(lane)])

    def _disk_bytes(self) -> int:
        return sum([outlet.lane.disk_bytes for outlet in self._outlets.values()])


def _rank(lane: "Lane") -> int:
    return _RANKS.get(lane.name, _BULK)


def _fullness(lane: "Lane") -> int:
    return -lane.disk_bytes * 1000 // lane.settings.quota_bytes


def _full(lane: "Lane", quota_bytes: int) -> BufferFull:
    return BufferFull(
        "no room in the lane %s: its quota or the total, %d bytes, is used up"
        % (lane.name, quota_bytes),
        hint="it empties when the platform is reached; or give it a larger quota, or the policy "
        '"drop_oldest"',
    )
