"""Send loads and act on the answers: acknowledge, search, shrink, pause, hold.

Invariant: a record is acknowledged only after an exchange that carried it was answered with
exactly 200.
"""

from ..errors import CredentialError
from ..messages.kinds import EVENT, FILE
from ..runtime import log
from . import outcome
from .backoff import Backoff
from .exchange import Answer
from .lanestate import LaneState
from .load import Load
from .packing import BodyLimit, Room
from .parcel import FileLane
from .poison import Poison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..buffer import Buffer, Record
    from ..runtime import Clock
    from .barrier import ModelBarrier
    from .linkprobe import LinkProbe
    from .settings import UploadSettings
    from .timecorrection import TimeCorrection

# Lanes whose records share exchanges. Events first: few, small, and waited for.
SHARED_LANES = ("events", "timeseries", "files")
_ALL_LANES = ("models", "events", "timeseries", "files")

_TROUBLES_TO_SEARCH = 8  # design: eight 5xx for one batch while others succeed
# Where nothing else passes, which may be for want of anything else: half an hour of them.
_TROUBLES_ALONE = 20
_HOLDS_TO_SEARCH = 4  # an hour of them; a missing right would not end by a search
_LOCAL_TROUBLES_TO_SEARCH = 3  # a record that cannot be read back does not heal by waiting
_SEARCH_CAP_MS = 10_000  # between two requests of a search for what the platform stumbles over
_REQUEST_TIMEOUT = 408
_LONG_MS = 60_000
_OTHERS_SHARE = 4  # times as long as a file that died by time took
_GATEWAY = (502, 504)  # of the platform, for a transfer of more than a minute
_DAY_MS = 86_400_000
_LEAST_BODY = 1000
_SMALL_BODY = 2000  # a body of this size is not refused for its size
_CLOSED = 9  # EBADF: the buffer was closed while this ran in another thread


class Dispatch:
    """What the uploader knows about the link, the platform and each lane.

    Args:
        buffer: Where batches come from and are acknowledged.
        senders: ``"exchange"``, and a record kind where those of it that are too large for an
            exchange go otherwise, to what sends a body and returns its `Answer`.
        barrier: Learns that its model was accepted; knows which may be sent as a proof.
        configuration_id: From the id that samples were recorded under to the one to send.
        times: Corrects what a clock that was not set has said.
        clock: Monotonic time.
        random_unit: Uniform in [0, 1).
        settings: Limits, pauses and holds.
        probe: Told of every pause for want of an answer.

    Attributes:
        lanes: Lane to its state.
        pause_until_ms: Nothing at all is sent until then, because of `pause_reason`.
        offline: The pause is for want of an answer.
        held: Everything waits for somebody to act, until something is accepted.
        credential_error: Why there is no access token; None after any answer.
        left_out: Lanes that found no room in the last body.
    """

    def __init__(
        self,
        buffer: "Buffer",
        senders: "dict[Any, Any]",
        barrier: "ModelBarrier",
        configuration_id: "Callable[[str], str]",
        *,
        times: "TimeCorrection",
        clock: "Clock",
        random_unit: "Callable[[], float]",
        settings: "UploadSettings",
        probe: "LinkProbe",
    ) -> None:
        base_ms = settings.backoff_base_ms
        self.lanes = {lane: LaneState(random_unit, base_ms) for lane in _ALL_LANES}
        self.poison = Poison(
            buffer, self.lanes, settings, self.new_load, self._accepted, barrier=barrier
        )
        self.limit = BodyLimit(settings.max_exchange_bytes)
        self.pause_until_ms = 0
        self.pause_reason = ""
        self.offline = False
        self.held = False
        self.link_is_back = False  # said by someone since the last piece of work began
        self.credential_error: "CredentialError | None" = None
        self.delivered = 0
        self.requests = 0
        self.deadline_ms: "int | None" = None  # of the caller
        self.took_ms = 0  # the last request
        self.files = FileLane(self, FILE in senders, clock.monotonic_ms())
        self.last_success_ms: "int | None" = None
        self.last_error = ""
        self.last_error_ms: "int | None" = None
        self._buffer = buffer
        self._senders = senders
        self.barrier = barrier
        self._configuration_id = configuration_id
        self._times = times
        self._clock = clock
        self._random_unit = random_unit
        self.settings = settings
        self._probe = probe
        self._backoff = Backoff(random_unit, base_ms=base_ms)

    def search(self, now_ms: int) -> int:
        """One request for the record that is refused; return how long to wait."""
        lane = self.poison.searching
        try:
            load = self.poison.prepare(now_ms)
        except OSError as error:
            self.unreadable(lane, error)
            self.poison.give_up()  # the others go on; when this lane is refused again, from anew
            return 0
        if load is None:
            return 0
        answer = self._post(load)
        if answer.row.outcome != outcome.ACK:
            _release(load, answer)
        if answer.row.outcome == outcome.PART:
            return 0
        if self.poison.learn(load, answer, self._clock.monotonic_ms()):
            # A refusal is worth an immediate next request, trouble is not; but nothing else goes
            # until the search is over.
            return 0 if answer.row.cap_ms == 0 else self.pause(answer, _SEARCH_CAP_MS)
        return self._failed(load, answer)

    # -- sending ----------------------------------------------------------------------------

    def new_load(self) -> Load:
        most = self.limit.within(self.left_ms())
        room = Room(most, min(most, self.settings.max_timeseries_bytes))
        return Load(
            self._buffer, room, self._configuration_id, self._times, parcels=self.files.parcels
        )

    def left_ms(self) -> "int | None":
        return None if self.deadline_ms is None else self.deadline_ms - self._clock.monotonic_ms()

    def _post(self, load: Load) -> Answer:
        self.requests += 1
        body = load.parcel or load.body
        sender = self._senders["exchange" if load.parcel is None else FILE]
        began_ms = self._clock.monotonic_ms()
        try:
            answer: Answer = sender.send(body)
        except (CredentialError, OSError):
            load.release()
            raise
        finally:
            load.close()
        self.took_ms = self._clock.monotonic_ms() - began_ms
        went = answer.row.outcome in (outcome.ACK, outcome.PART)
        if went and body.length:
            self.limit.accepted(body.length, self.took_ms)
        if load.parcel is not None:
            done = answer.row.outcome == outcome.ACK or answer.refused
            self.files.told(load.parcel, went, done=done)
        if answer.status:
            self.credential_error = None
        return answer

    def send(self, load: Load) -> int:
        """Send *load* and act on the answer; return how long to wait."""
        answer = self._post(load)
        if answer.row.outcome == outcome.ACK:
            self._accepted(load)
            return 0
        _release(load, answer)
        if answer.row.outcome == outcome.PART:
            self._link_works()
            self.lanes["files"].progressed()
            return 0
        return self._failed(load, answer)

    def tell(self, events: "list[bytes]") -> Answer:
        """Send events that the buffer does not hold; the caller acts on the answer."""
        load = self.new_load()
        for event in events:
            load.add_again(EVENT, event, "")
        answer = self._post(load)
        if answer.row.outcome == outcome.ACK:
            self._link_works()
        return answer

    def _link_works(self) -> None:
        self._backoff.reset()
        self.offline = self.held = False
        self.last_success_ms = self._clock.monotonic_ms()

    def _accepted(self, load: Load) -> None:
        """Everything in *load* was answered with 200."""
        now_ms = self._clock.monotonic_ms()
        self._link_works()
        acknowledged = []
        for batch in load.batches:
            self.lanes[batch.lane].accepted(batch, now_ms)
            if batch.lane == "models":
                # It stays in the buffer until the platform shows it.
                self.barrier.accepted(batch.last)
                self._buffer.release(batch, again=False)
            else:
                self.poison.keep_canary(batch)
                acknowledged.append(batch)
        if not load.batches:
            self.barrier.accepted(0)  # the local model, sent again
        if acknowledged:
            self.delivered += load.records
            self._buffer.ack(acknowledged)

    def _failed(self, load: Load, answer: Answer) -> int:
        """Nothing in *load* was accepted."""
        now_ms = self.last_error_ms = self._clock.monotonic_ms()
        self.last_error = answer.reason
        if load.parcel is not None:
            from .parcelfailure import parcel_failed

            return parcel_failed(self, load, load.parcel, answer, now_ms)
        size = load.body.length
        if answer.row.outcome == outcome.SEARCH or (answer.status == 413 and size <= _SMALL_BODY):
            return self.refused(load, answer, now_ms)
        if answer.status == 413:
            if load.records == 1:
                return self.refused(load, answer, now_ms)
            self.limit.too_large(size)
            return 0
        if self.died_by_time(answer):
            self.limit.too_slow(size, self.took_ms)
            return self.late(load, answer, now_ms)
        if answer.by_content:
            self.trouble(load, answer, now_ms)
        return self.pause(answer)

    def refused(self, load: Load, answer: Answer, now_ms: int) -> int:
        if not load.batches:
            state = self.lanes["models"]
            state.hold(answer.reason, now_ms + self.settings.hold_retry_ms)
        else:
            self.poison.suspect(load, answer, now_ms)
        return 0

    def died_by_time(self, answer: Answer) -> bool:
        if answer.kind == "closed":  # what stands between ends connections that live too long
            return self.took_ms >= _LONG_MS
        if answer.status in _GATEWAY and self.took_ms >= _LONG_MS:
            return True
        return answer.kind == "timeout" or answer.status == _REQUEST_TIMEOUT

    def late(self, load: Load, answer: Answer, now_ms: int) -> int:
        """No answer in time: a large file on a slow link must not keep the other lanes back."""
        lanes = [batch.lane for batch in load.batches]
        others = [
            lane
            for lane in SHARED_LANES
            if lane not in lanes
            and now_ms >= self.lanes[lane].until_ms
            and self.first(lane) is not None
        ]
        if len(lanes) == 1 and others and not self.poison.searching:
            state = self.lanes[lanes[0]]
            wait_ms = state.backoff.next_ms(answer.row.cap_ms)
            if load.records == 1:
                # There is nothing smaller to try: most of the time belongs to the others.
                wait_ms += min(self.others_share_ms(), _DAY_MS)
            state.wait(answer.reason, now_ms + wait_ms)
            return 0
        return self.pause(answer)

    def others_share_ms(self) -> int:
        """How long the others go first, behind something that died by time."""
        return _OTHERS_SHARE * self.took_ms

    def rejected_quota_bytes(self) -> int:
        """Of the store of refused records."""
        quota_bytes: int = self._buffer.status()["rejected"]["quota_bytes"]
        return quota_bytes

    def trouble(self, load: Load, answer: Answer, now_ms: int) -> None:
        """The platform stumbled, or something forbids: one of these records, if others pass."""
        for batch in load.batches:
            self.lanes[batch.lane].failed(batch, now_ms)
        if len(load.batches) != 1 or load.batches[0].lane == "models":
            return
        lane = load.batches[0].lane
        state = self.lanes[lane]
        passing = (self.last_success_ms or 0) > state.failing_since_ms
        # Without something that passes meanwhile it is an outage, most likely, and no record's
        # fault; only a search can tell, and sets nothing aside in one.
        most = _TROUBLES_TO_SEARCH if passing else _TROUBLES_ALONE
        if answer.kind or not answer.row.cap_ms:
            most = _LOCAL_TROUBLES_TO_SEARCH if answer.kind else _HOLDS_TO_SEARCH
        if state.failures >= most:
            state.failures = -most  # what one search did not find, the next one may in a while
            self.poison.suspect(load, answer, now_ms, by_trouble=True)

    # -- pauses and words -------------------------------------------------------------------

    def pause(self, answer: Answer, most_ms: int = outcome.SERVICE_CAP_MS) -> int:
        """Send nothing for a while, *most_ms* where nothing else is asked for; return how long."""
        cap_ms = min(answer.row.cap_ms, most_ms)
        self.held = not cap_ms
        if cap_ms:
            wait_ms = self._backoff.next_ms(cap_ms, answer.retry_after_ms)
        else:
            # Somebody has to act. Not all devices look again in the same second.
            wait_ms = int(self.settings.hold_retry_ms * (0.75 + self._random_unit() / 2))
        self.last_error_ms = self._clock.monotonic_ms()
        self.pause_until_ms = self.last_error_ms + wait_ms
        reason = answer.reason + (". " + answer.hint if answer.hint else "")
        if reason != self.pause_reason:
            log("warning", "upload", "nothing is sent for now: " + reason)
        self.pause_reason = self.last_error = reason
        self.offline = bool(answer.kind)
        if self.offline:
            now_ms = self._clock.monotonic_ms()
            self._probe.paused(answer.kind, now_ms, self.last_success_ms)
            if self.link_is_back:  # while this request was dying on the old link
                self.pause_until_ms = wait_ms = 0
        return wait_ms

    def unreadable(self, lane: str, error: OSError) -> None:
        """The disk does not give what *lane* holds: it waits by itself, the others go on.

        Raises:
            OSError: The buffer was closed: what was sent cannot be acknowledged any more.
        """
        if error.errno == _CLOSED:
            raise error
        state = self.lanes[lane]
        reason = "the state directory: %s" % error
        if reason != state.reason:
            log("warning", "upload", "%s waits: %s" % (lane, reason))
        # A disk that is away comes back by somebody's hand; each try counts in the buffer.
        wait_ms = state.backoff.next_ms(outcome.SERVICE_CAP_MS)
        self.last_error_ms = self._clock.monotonic_ms()
        state.wait(reason, self.last_error_ms + wait_ms)
        state.unreadable = True
        self.last_error = reason

    @property
    def time_is_up(self) -> bool:
        """What is left of the caller's time is known to be too short for any body."""
        left_ms = self.left_ms()
        return left_ms is not None and self.limit.hopeless(_LEAST_BODY, left_ms)

    def first(self, lane: str, max_sequence: "int | None" = None) -> "Record | None":
        """The oldest record of *lane* that can be sent; None where it has none."""
        try:
            record = self._buffer.first_record(lane)
            if record is None:
                self._buffer.flush(lane)  # only what is durable can be sent
                record = self._buffer.first_record(lane)
        except OSError as error:
            self.unreadable(lane, error)
            return None
        if record is None or (max_sequence is not None and record.sequence > max_sequence):
            return None
        return record


def _release(load: Load, answer: Answer) -> None:
    # What the platform may have is sent again alike. It has nothing of a body that could not be
    # read back, and of a parcel no more than parts.
    load.release(again=not answer.status and answer.kind != "body" and load.parcel is None)
