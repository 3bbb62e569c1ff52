"""The service loop: collect on a steady clock, upload beside it, end cleanly."""

from .errors import AgentError, ConfigurationError
from .runtime import MICROPYTHON, StopSignals, log, sleep_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .agent import Agent
    from .messages import TimeSeries
    from .notify import ServiceManager
    from .runtime import Clock

    Collect = Callable[[], dict[str, Any] | TimeSeries | None]

_SLICE_MS = 100  # a signal is seen this much late at most


class Loop:
    """One call of `Agent.run`: its schedule and its counters.

    Attributes:
        samples: Samples recorded.
        missed: Moments skipped because *collect* or the machine was late.
        errors: Kind of error to count.
    """

    def __init__(self, clock: "Clock", every_s: float) -> None:
        if not every_s > 0:
            raise ConfigurationError(
                "every_s=%r is not a time between samples" % every_s, hint="give seconds, > 0"
            )
        self._clock = clock
        self._every_ms = max(1, int(every_s * 1000))
        self.samples = 0
        self.missed = 0
        self.errors: "dict[str, int]" = {}
        self._turn_ms = clock.monotonic_ms()  # when it was last seen to go on
        self._manager: "ServiceManager | None" = None  # systemd's, where it started us

    def run(self, agent: "Agent", collect: "Collect") -> None:
        """Until SIGTERM, SIGINT or `Agent.close`."""
        signals = StopSignals()
        if not MICROPYTHON:
            from .notify import service_manager

            agent.start()
            self._manager = service_manager()
        try:
            if self._manager is not None:
                self._manager.ready()
            due_ms = self._clock.monotonic_ms()
            while not (signals.stopped or agent.closed):
                self._collect(agent, collect)
                late_ms = self._clock.monotonic_ms() - due_ms
                moments = late_ms // self._every_ms + 1
                self.missed += moments - 1
                due_ms += moments * self._every_ms
                self._wait(agent, signals, due_ms)
        finally:
            signals.undo()
            if self._manager is not None:
                self._manager.stopping()
            if not agent.closed:
                agent.flush()
                if not MICROPYTHON:
                    from .worker import end_thread

                    end_thread(agent)

    def status(self) -> "dict[str, object]":
        silent_s = (self._clock.monotonic_ms() - self._turn_ms) / 1000
        return {
            "samples": self.samples, "missed": self.missed, "errors": dict(self.errors),
            "silent_s": silent_s,
        }  # fmt: skip

    def _collect(self, agent: "Agent", collect: "Collect") -> None:
        try:
            values = collect()
            if values is not None:
                if hasattr(values, "kind"):  # a sample with time and quality of its own
                    agent.submit(values)
                else:
                    agent.record(values)
                self.samples += 1
        except Exception as error:  # noqa: BLE001 - whatever a device script raises, the loop goes on
            self._count(error, "collect failed, going on")

    def _wait(self, agent: "Agent", signals: "StopSignals", due_ms: int) -> None:
        while not (signals.stopped or agent.closed):
            if self._manager is not None:
                self._manager.beat(agent)
            self._turn_ms = self._clock.monotonic_ms()
            remaining_ms = due_ms - self._turn_ms
            if remaining_ms <= 0:
                return
            if MICROPYTHON:
                self._step(agent, remaining_ms)
                remaining_ms = due_ms - self._clock.monotonic_ms()
            sleep_ms(max(0, min(remaining_ms, _SLICE_MS)))

    def _step(self, agent: "Agent", budget_ms: int) -> None:
        try:
            agent.step(budget_ms)
        except AgentError as error:
            self._count(error, "step failed, going on")

    def _count(self, error: Exception, what: str) -> None:
        kind = type(error).__name__
        count = self.errors[kind] = self.errors.get(kind, 0) + 1
        if str(count).strip("0") == "1":  # the first, tenth, hundredth: no flood, and no silence
            times = "" if count == 1 else " (%d times)" % count
            log("error", "loop", "%s: %s: %s%s" % (what, kind, error, times))
