"""How fast records come and go, out of counts that were taken every few seconds. CPython only."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .status import Status

EVERY_MS = 5_000
# A minute: exchanges come seconds apart, and a rate out of one of them says nothing.
_KEPT = 13


class Pulse:
    """The last minute of a buffer: what was recorded, and what the platform accepted."""

    def __init__(self) -> None:
        self._taken: "list[tuple[int, int, int]]" = []  # when, recorded, done with

    def due(self, now_ms: int) -> bool:
        return not self._taken or now_ms - self._taken[-1][0] >= EVERY_MS

    def take(self, now_ms: int, status: "Status") -> None:
        """Note the counts of *status*, taken at *now_ms* of a steady clock."""
        recorded = sum(lane["next_sequence"] for lane in status.lanes.values())
        self._taken.append((now_ms, recorded, recorded - status.pending))
        del self._taken[:-_KEPT]

    def to_dict(self) -> "dict[str, float | None]":
        """Records a second, and how long the rest takes at that.

        All None while too little was counted. ``drained_in_s`` is None, too, where as much comes
        as goes; what was given up counts as gone.
        """
        rates: "dict[str, float | None]" = dict.fromkeys(
            ("recorded_per_s", "delivered_per_s", "drained_in_s")
        )
        if len(self._taken) < 2:
            return rates
        first, last = self._taken[0], self._taken[-1]
        span_s = (last[0] - first[0]) / 1000
        come, gone = (last[1] - first[1]) / span_s, (last[2] - first[2]) / span_s
        rates["recorded_per_s"], rates["delivered_per_s"] = round(come, 2), round(gone, 2)
        left = last[1] - last[2]
        if not left:
            rates["drained_in_s"] = 0
        elif gone > come:
            rates["drained_in_s"] = round(left / (gone - come), 1)
        return rates
