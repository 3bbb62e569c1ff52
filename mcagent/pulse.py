"""How fast records come and go, out of counts that were taken every few seconds. CPython only."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .status import Status

EVERY_MS = 5_000
# A minute: exchanges come seconds apart, and a rate out of one of them says nothing.
_KEPT = 13
# Of the last backlog, the middle one of so many counts: one may have met a pause.
_SPEEDS = 12

# What came in so long may be under way: exchanges are a second apart, answers take a while.
_KEPT_UP_S = 10

LAST_MINUTE = "of the last minute"
KEPT_UP = "it keeps up with what comes"


class Pulse:
    """The last minute of a buffer: what was recorded, and what the platform accepted."""

    def __init__(self) -> None:
        self._taken: "list[tuple[int, int, int]]" = []  # when, recorded, done with
        self._speeds: "list[float]" = []  # records a second, while a backlog was being sent
        self._speed_ms = 0  # when the last of them was measured

    def due(self, now_ms: int) -> bool:
        return not self._taken or now_ms - self._taken[-1][0] >= EVERY_MS

    def take(self, now_ms: int, status: "Status") -> None:
        """Note the counts of *status*, taken at *now_ms* of a steady clock."""
        recorded = sum(lane["next_sequence"] for lane in status.lanes.values())
        self._taken.append((now_ms, recorded, recorded - status.pending))
        del self._taken[:-_KEPT]
        if len(self._taken) < 2:
            return
        began_ms, recorded_before, done_before = self._taken[-2]
        come, gone = recorded - recorded_before, recorded - status.pending - done_before
        # With less of a backlog at one of the ends what came set the pace, or an outage began.
        left = min(recorded_before - done_before, status.pending)
        if 0 < gone <= left and left >= 2 * come:
            self._speeds.append(gone / (now_ms - began_ms) * 1000)
            del self._speeds[:-_SPEEDS]
            self._speed_ms = now_ms

    def to_dict(self) -> "dict[str, float | str | None]":
        """Records a second, and how long the rest takes at that; what was given up counts as gone.

        ``drained_basis`` says what ``drained_in_s`` was reckoned from, or why it is None.
        """
        rates: "dict[str, float | str | None]" = dict.fromkeys(
            ("recorded_per_s", "delivered_per_s", "drained_in_s")
        )
        if len(self._taken) < 2:
            rates["drained_basis"] = "too little was counted yet"
            return rates
        first, last = self._taken[0], self._taken[-1]
        span_s = (last[0] - first[0]) / 1000
        come, gone = (last[1] - first[1]) / span_s, (last[2] - first[2]) / span_s
        rates["recorded_per_s"], rates["delivered_per_s"] = round(come, 2), round(gone, 2)
        left = last[1] - last[2]
        speed, rates["drained_basis"] = self._speed(come, gone, last[0])
        if not left:
            rates["drained_in_s"], rates["drained_basis"] = 0, "nothing is buffered"
        elif left <= min(come, gone) * _KEPT_UP_S:
            rates["drained_in_s"], rates["drained_basis"] = round(left / gone, 1), KEPT_UP
        elif speed > come:
            rates["drained_in_s"] = round(left / (speed - come), 1)
        return rates

    def _speed(self, come: float, gone: float, now_ms: int) -> "tuple[float, str]":
        """How many a second leave, and how that is known; no more than *come* where none is."""
        if gone > come:
            return gone, LAST_MINUTE
        if gone > 0:
            return gone, "no more leave than come"
        if not self._speeds:
            return 0, (
                "nothing left in the last minute, and since the start no backlog was sent that "
                "would tell how fast the link is"
            )
        speed = sorted(self._speeds)[len(self._speeds) // 2]
        if speed <= come:
            return speed, "more come than left when a backlog was last sent: %.3g a second" % speed
        return speed, "once it is sent again, at %.3g a second as measured %d min ago" % (
            speed,
            (now_ms - self._speed_ms) // 60_000,
        )
