"""The uploader: one bounded piece of work at a time.

Delivery is at-least-once: what was sent without an answer is sent again. Nothing here sleeps but
`Uploader.upload`; every time is monotonic ms.
"""

from ..errors import ConfigurationError, CredentialError, TransportError
from ..messages.kinds import MODEL
from ..runtime import log, random_unit, sleep_ms
from . import outcome
from .barrier import ModelBarrier
from .dispatch import SHARED_LANES, Dispatch
from .exchange import Answer, ExchangeSender
from .linkprobe import LinkProbe
from .lossreport import LossReport
from .nap import nap
from .platformview import PlatformView
from .settings import UploadReport, UploadSettings
from .timecorrection import TimeCorrection

__all__ = ["UploadReport", "UploadSettings", "Uploader"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..buffer import Buffer
    from ..runtime import Clock
    from ..transport.http import Response
    from .session import Session

_LONGEST_TIMEOUT_S = 1_000_000_000  # 31 years; infinity has no int
_CLOSED = 9  # EBADF: the buffer was closed while this ran in another thread
_TROUBLES_TO_SEPARATE = 2  # 5xx in a row after which lanes go one by one


class Uploader:
    """Drains a buffer through a session.

    Args:
        buffer: `Buffer`, or what has its methods for sending and its `boots`.
        session: Sends requests with a valid access token.
        clock: Monotonic time for every pause.
        random_unit: Uniform in [0, 1).
        settings: Limits, pauses and holds.
        senders: See `Dispatch`.
        local_model, consent: See `ModelBarrier`.
        sleep_ms: How `upload` waits.
    """

    def __init__(
        self,
        buffer: "Buffer",
        session: "Session",
        *,
        clock: "Clock",
        random_unit: "Callable[[], float]" = random_unit,
        settings: "UploadSettings | None" = None,
        senders: "dict[Any, Any] | None" = None,
        local_model: "Callable[[], bytes | None]" = lambda: None,
        consent: "Callable[[int], Any]" = lambda _sequence: False,
        sleep_ms: "Callable[[int], None]" = sleep_ms,
    ) -> None:
        self.session = session
        self.settings = settings or UploadSettings()
        self._buffer = buffer
        self._clock = clock
        self._sleep_ms = sleep_ms
        self._view = PlatformView(
            session, unmapped=self.settings.unmapped, local_model=local_model
        )
        self._view_until_ms = 0  # the view is fresh until then
        self._barrier = ModelBarrier(buffer, local_model, consent)
        self._times = TimeCorrection(buffer, session, clock=clock, settings=self.settings)
        self._probe = LinkProbe(session.probe, random_unit)
        self._dispatch = Dispatch(
            buffer,
            senders or {"exchange": ExchangeSender(session)},
            self._barrier,
            self._view.configuration_id,
            times=self._times,
            clock=clock,
            random_unit=random_unit,
            settings=self.settings,
            probe=self._probe,
        )
        self._lanes = self._dispatch.lanes
        self._losses = LossReport(buffer, clock, enabled=self.settings.loss_events)
        self._next_exchange_ms = 0
        self._left_out: "list[str]" = []
        self._turn = 0

    # -- what callers use -------------------------------------------------------------------

    def step(self, budget_ms: int = 0) -> "int | None":
        """Do at least one piece of work, at most one request each, until *budget_ms* is over.

        Returns:
            Milliseconds until the next call is useful, 0 for at once; None: nothing to do.
        """
        began_ms = self._clock.monotonic_ms()
        while True:
            now_ms = self._clock.monotonic_ms()
            if now_ms < self._next_exchange_ms:
                return self._next_exchange_ms - now_ms
            wait_ms = self._piece(now_ms)
            if wait_ms != 0 or self._clock.monotonic_ms() - began_ms >= budget_ms:
                return self._until_probe(wait_ms) if wait_ms else wait_ms

    def upload(self, timeout_s: float = 30) -> UploadReport:
        """Work until everything is delivered, *timeout_s* is over, or it has to wait longer.

        Args:
            timeout_s: 0 or less, what is left of a deadline that has passed, allows one exchange
                at most, of a second; ``float("inf")`` sits every outage out.

        Raises:
            ConfigurationError: *timeout_s* is not a number.
            CredentialError: The platform refuses this agent, or it was never onboarded.
        """
        if timeout_s != timeout_s:  # noqa: PLR0124 - NaN, without the module math
            raise ConfigurationError(
                "upload cannot end after nan seconds", hint='timeout_s=30, or float("inf")'
            )
        timeout_s = max(0, min(timeout_s, _LONGEST_TIMEOUT_S))
        dispatch = self._dispatch
        deadline_ms = self._clock.monotonic_ms() + int(timeout_s * 1000)
        self.session.deadline_ms = dispatch.deadline_ms = deadline_ms
        delivered, set_aside = dispatch.delivered, dispatch.poison.set_aside
        self.notify_online()  # someone asks now: one try costs little
        try:
            while True:
                wait_ms = self._piece(self._clock.monotonic_ms())
                if wait_ms is None or self._clock.monotonic_ms() + wait_ms >= deadline_ms:
                    break
                if dispatch.time_is_up:
                    break
                nap(
                    self._until_probe(wait_ms), self._buffer, dispatch, self._clock, self._sleep_ms
                )
        finally:
            self.session.deadline_ms = dispatch.deadline_ms = None
        error = dispatch.credential_error
        if error is not None and not error.retryable:
            raise error
        pending = self._pending()
        return UploadReport(
            dispatch.delivered - delivered,
            pending,
            dispatch.poison.set_aside - set_aside,
            (wait_ms or 0) / 1000 if pending else None,
            (self._reason() or "time is up") if pending else "",
        )

    def notify_online(self) -> None:
        """The link is back: end a pause for want of an answer. Other pauses stay.

        From any thread. A request under way goes on; if it dies, the next one follows at once.
        """
        self._dispatch.link_is_back = True
        if self._dispatch.offline:
            self._dispatch.pause_until_ms = 0
            self.session.retry_now()

    def status(self) -> "dict[str, Any]":
        """What happens next and why, as plain values."""
        from .report import dispatch_status  # a small heap does without while nobody asks

        status = dispatch_status(self._dispatch, self._clock.monotonic_ms(), self._reason())
        status["session"] = self.session.status()
        status["clock"] = self._times.status()
        status.update(self._view.status())
        return status

    # -- one piece of work ------------------------------------------------------------------

    def _piece(self, now_ms: int) -> "int | None":
        """At most a few requests; 0: go on, n: wait so long, None: nothing to do."""
        dispatch = self._dispatch
        if now_ms < dispatch.pause_until_ms:
            if not (dispatch.offline and self._probe.came_back(self._clock.monotonic_ms)):
                return max(1, dispatch.pause_until_ms - self._clock.monotonic_ms())
            self.notify_online()
        dispatch.link_is_back = False
        try:
            if dispatch.poison.searching and not dispatch.files.gives_way():
                return dispatch.search(now_ms)
            dispatch.poison.look(now_ms)
            self._time_piece()
            wait_ms = self._losses.tell(dispatch, now_ms, self.session.now_ms())
            if wait_ms is None:
                wait_ms = self._model_piece(now_ms)
            if wait_ms is None:
                wait_ms = self._view_piece(now_ms)
            return self._exchange_piece(now_ms) if wait_ms is None else wait_ms
        except TransportError as error:
            return dispatch.pause(Answer.of_error(error))
        except CredentialError as error:
            dispatch.credential_error = error
            cap_ms = outcome.LINK_CAP_MS if error.retryable else 0
            row = outcome.Row("", outcome.HOLD, cap_ms, "")
            wait_ms = self.session.wait_ms if error.retryable else 0  # nothing is asked before
            return dispatch.pause(
                Answer(row, reason=error.message, hint=error.hint, retry_after=wait_ms)
            )
        except OSError as error:
            if error.errno == _CLOSED:
                raise  # what was sent cannot be acknowledged any more: send nothing else
            # The disk: a batch, the cursor or the credentials. Nothing was acknowledged.
            row = outcome.Row("", outcome.WAIT, outcome.LINK_CAP_MS, "")
            return dispatch.pause(Answer(row, reason="the state directory: %s" % error))

    def _time_piece(self) -> None:
        """Know when it is before something is sent that was recorded without knowing it."""
        if self._times.look():
            self._lanes["timeseries"].go()
        elif self._times.unknown and self._pending():
            self.session.connect()
            self._times.look()

    def _model_piece(self, now_ms: int) -> "int | None":
        """Send the data model that is due, or ask whether the platform shows it."""
        barrier = self._barrier
        state = self._lanes["models"]
        if state.unreadable and now_ms < state.until_ms:
            return None
        try:
            barrier.look()
        except OSError as error:
            self._dispatch.unreadable("models", error)
            return None
        if state.unreadable or barrier.answered(state):
            state.go()
        if not barrier.pending or now_ms < state.until_ms:
            return None
        if not barrier.sent and self._samples_go_first():
            return None
        if not self._told(self._view.read_configuration, "models"):
            return None
        if self._view.shows(barrier.model) or (self._view.silent and barrier.sent):
            self._dispatch.delivered += barrier.in_buffer
            barrier.confirmed()
            state.go()
            self._look_again()
            return 0
        if barrier.sent:
            wait_ms = barrier.not_shown()
            state.wait("the platform does not show the data model yet", now_ms + wait_ms)
            return None
        told = self._told(lambda: self._view.read_mappings(for_model=True), "models")
        if not told:
            return None
        if barrier.waits(self._view, state, now_ms, self.settings):
            return 0 if barrier.question is None else None
        load = self._dispatch.new_load()
        if barrier.in_buffer:
            load.add("models", max_records=1)
        else:
            load.add_again(MODEL, barrier.payload, "")
        return self._dispatch.send(load)

    def _samples_go_first(self) -> bool:
        if self._view.known and not self._view.has_configuration:
            return False  # they are held until the platform has a model: this one
        before = self._dispatch.first("timeseries", self._barrier.first_after - 1)
        return before is not None or self._lanes["timeseries"].unreadable

    def _view_piece(self, now_ms: int) -> "int | None":
        """Ask what the platform would do with the oldest samples, when that is due."""
        state = self._lanes["timeseries"]
        if now_ms < state.until_ms or self._lanes["models"].unreadable:
            return None
        head = self._dispatch.first("timeseries", self._barrier.last_before)
        if head is None or not self._view.needed(head.context.configuration_id):
            return None
        asked = not self._view.known or now_ms >= self._view_until_ms
        if asked:
            for read in (self._view.read_configuration, self._view.read_mappings):
                if not self._told(read, "timeseries"):
                    return None
            self._view_until_ms = now_ms + self.settings.refresh_ms
            self._barrier.missing = not self._view.has_configuration
        reason = self._view.hold_reason(head.context.configuration_id, head.payload)
        if not asked and self._view.missed(reason, now_ms):
            self._look_again()
            return 0
        look_ms = self._view.look_again_ms(reason)
        if not reason:
            state.go()
            return None
        if reason != state.reason:
            log("warning", "upload", "samples are held: " + reason)
        self._view_until_ms = now_ms + look_ms
        state.hold(reason, self._view_until_ms)
        state.by_view = True
        # Without a configuration a model that waits behind these samples goes first after all.
        return 0 if self._barrier.missing else None

    def _look_again(self) -> None:
        """The platform has another model: what held samples may be over, mappings may be gone."""
        self._view_until_ms = 0
        if self._lanes["timeseries"].by_view:
            self._lanes["timeseries"].go()

    def _exchange_piece(self, now_ms: int) -> "int | None":
        """Send one exchange with whatever may go."""
        load, ready, files = self._dispatch.new_load(), self._ready(now_ms), self._dispatch.files
        parcel = "files" in ready and files.parcel_first
        if parcel:
            ready.remove("files")
            if files.turn or not self._others(ready):
                return files.send()
            files.turn = True
        parcel = parcel or self._dispatch.poison.searching != ""  # it goes on next
        for lane in ready:
            samples = lane == "timeseries"
            most = self.settings.max_samples if samples else self.settings.max_items
            if self._lanes[lane].cautious:
                most = min(most, self.settings.set_aside_per_hour + 1)
            last = self._barrier.last_before if samples else None
            try:
                load.add(lane, max_records=most, max_sequence=last)
            except OSError as error:
                if error.errno == _CLOSED:
                    load.release()
                self._dispatch.unreadable(lane, error)
        self._left_out = load.left_out
        if load.untimed:
            load.release()
            try:
                self._times.deal(self._lanes["timeseries"], self._barrier.last_before, now_ms)
            except OSError as error:
                self._dispatch.unreadable("timeseries", error)
            return 0
        if load.empty:
            for state in self._lanes.values():
                if state.reason and state.until_ms <= now_ms:
                    state.go()  # its wait is over, and it has nothing that could be sent
            if parcel:
                return 0
            waits = [state.until_ms - now_ms for state in self._lanes.values() if state.reason]
            return max(1, min(waits)) if waits else None
        wait_ms = self._dispatch.send(load)
        if not load.left_out and not load.full and wait_ms == 0 and not parcel:
            # All that there was is on its way; what comes next may come together.
            self._next_exchange_ms = now_ms + self.settings.min_interval_ms
        return wait_ms

    def _ready(self, now_ms: int) -> "list[str]":
        """Lanes that may go now, in the order in which they fill the body."""
        ready = [lane for lane in SHARED_LANES if now_ms >= self._lanes[lane].until_ms]
        if self._lanes["models"].unreadable and "timeseries" in ready:
            ready.remove("timeseries")  # nobody knows which model they are behind
        dispatch = self._dispatch
        if "files" in ready and (
            dispatch.poison.searching or dispatch.files.waits(now_ms, self._others(ready))
        ):
            ready.remove("files")
        if any(self._lanes[lane].failures >= _TROUBLES_TO_SEPARATE for lane in ready):
            # One of them may be what the platform stumbles over: see which.
            pending = [lane for lane in ready if self._dispatch.first(lane) is not None]
            self._turn += 1
            return [pending[self._turn % len(pending)]] if pending else []
        # What found no room before fills the next body first, or a large file never goes.
        return sorted(ready, key=lambda lane: (lane not in self._left_out, ready.index(lane)))

    def _others(self, ready: "list[str]") -> bool:
        """Another lane than that of the files has something to send."""
        return any(self._dispatch.first(lane) is not None for lane in ready if lane != "files")

    def _told(self, read: "Callable[[], Response | None]", lane: str) -> bool:
        """Run one of the view's readers; where it learns nothing, *lane* waits for it alone."""
        response, dispatch = read(), self._dispatch
        if response is None:
            dispatch.credential_error = None
            return True
        answer = Answer.of_response(outcome.of_unreadable(response), response, self.session)
        dispatch.last_error_ms = now_ms = self._clock.monotonic_ms()
        hold_ms = self.settings.hold_retry_ms
        dispatch.last_error = self._lanes[lane].wait_for_word(answer, now_ms, hold_ms)
        return False

    def _until_probe(self, wait_ms: int) -> int:
        """*wait_ms*, or less where the link is to be tried meanwhile."""
        due_ms, now_ms = self._probe.due_ms, self._clock.monotonic_ms()
        paused = self._dispatch.offline and now_ms < self._dispatch.pause_until_ms
        return max(1, min(wait_ms, due_ms - now_ms)) if paused and due_ms is not None else wait_ms

    def _reason(self) -> str:
        if self._clock.monotonic_ms() < self._dispatch.pause_until_ms:
            return self._dispatch.pause_reason
        states = sorted(self._lanes.items())
        return "; ".join("%s: %s" % (lane, state.reason) for lane, state in states if state.reason)

    def _pending(self) -> int:
        return sum(lane["records"] for lane in self._buffer.status()["lanes"].values())
