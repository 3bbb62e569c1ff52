"""The present context: the last one while it still describes the moment, else a new one."""

from .frame import MAX_AGE_MS, Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import Clock

# A wall clock that drifts or jumps by more than this against the monotonic one is noted in a new
# context; less is what samples a second apart do not show.
_CLOCK_STEP_MS = 1000
_LOOK_MS = 10  # how often the clocks are asked: three of them cost as much as a record


class Present:
    """What holds for the next record.

    Attributes:
        context: As `at` found it last; None before.
    """

    def __init__(self, clock: "Clock") -> None:
        self.context: "Context | None" = None
        self._clock = clock
        self._looked_ms = 0

    def at(self, now_ms: int, configuration_id: str) -> Context:
        """The context of a record at monotonic *now_ms* under *configuration_id*."""
        last = self.context
        if (
            last is not None
            and configuration_id == last.configuration_id
            and now_ms - self._looked_ms < _LOOK_MS
        ):
            return last
        self._looked_ms = now_ms
        return self.go_on(self._new(now_ms, configuration_id), last)

    def is_outdated(self, now_ms: int) -> bool:
        """True where the last context does not describe a record of now; nothing changes."""
        last = self.context
        return last is None or not _same(self._new(now_ms, last.configuration_id), last)

    def go_on(self, context: Context, earlier: "Context | None") -> Context:
        """Take *earlier* for *context* where that is as good."""
        if earlier is not None and _same(context, earlier):
            context = earlier
        self.context = context
        return context

    def _new(self, now_ms: int, configuration_id: str) -> Context:
        clock = self._clock
        return Context(
            clock.boot_id(),
            clock.now_ms(),
            now_ms,
            trusted=clock.trusted(),
            configuration_id=configuration_id,
        )


def _same(now: Context, last: Context) -> bool:
    """True where *last* still describes the moment of *now*."""
    passed_ms = now.monotonic_ms - last.monotonic_ms
    return (
        now.boot_id == last.boot_id
        and now.trusted == last.trusted
        and now.configuration_id == last.configuration_id
        and 0 <= passed_ms <= MAX_AGE_MS
        and abs(now.wall_ms - last.wall_ms - passed_ms) <= _CLOCK_STEP_MS
    )
