"""Deal with a record that the platform refuses: search, prove, set aside, or hold the lane.

Design: a record is set aside only if it was refused alone while another of its kind was accepted;
a gateway that refuses everything, or makes one mistake, must not empty the buffer.
"""

from ..messages.kinds import SAMPLE
from ..runtime import log
from . import outcome
from .search import CANARY, CONFIRM, DONE, PROBE, SEND, SET_ASIDE, UNPROVEN, Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..buffer import Batch, Buffer
    from .barrier import ModelBarrier
    from .exchange import Answer
    from .lanestate import LaneState
    from .load import Load
    from .settings import UploadSettings

_CANARY_MAX_BYTES = 2000  # one small sample is kept in memory for this


class _Suspect:
    """Records of one lane that were in a refused exchange."""

    def __init__(self, batch: "Batch") -> None:
        self.lane = batch.lane
        self.kind = batch.kind
        self.count = batch.count
        self.last = batch.last


class Poison:
    """Runs one `Search` after the other; lanes of a refused exchange are suspected in turn.

    Args:
        buffer: Where records are set aside.
        lanes: Lane to its state.
        settings: How many records an hour, how long to hold.
        new_load: Makes an empty `Load`.
        accepted: What to do with a load that was answered with 200.
        barrier: Which data model may be sent as a proof: none that would delete mappings.

    Attributes:
        searching: The lane that is searched; ``""``.
        set_aside: Records set aside since the start.
    """

    def __init__(
        self,
        buffer: "Buffer",
        lanes: "dict[str, LaneState]",
        settings: "UploadSettings",
        new_load: "Callable[[], Load]",
        accepted: "Callable[[Load], None]",
        *,
        barrier: "ModelBarrier",
    ) -> None:
        self.searching = ""
        self.set_aside = 0
        self._buffer = buffer
        self._lanes = lanes
        self._settings = settings
        self._new_load = new_load
        self._on_accepted = accepted
        self._barrier = barrier
        self._suspects: "list[_Suspect]" = []
        self._search: "Search | None" = None
        self._action = ""
        self._by_trouble = False
        self._parcel = False  # it went by the file service
        self._words: "dict[str, Any]" = {}  # of the refusal that began the search
        self._refusals: "list[tuple[int, dict[str, Any]]]" = []  # refused alone, in order
        self._probed = 0
        self._window = settings.set_aside_per_hour + 1  # one behind as many as may be refused
        self._canary: "tuple[bytes, str] | None" = None

    def keep_canary(self, batch: "Batch") -> None:
        """Remember one accepted sample. Sending a sample again is harmless: it replaces itself."""
        if batch.kind == SAMPLE and (
            self._canary is None or self._canary[1] != batch.configuration_id
        ):
            load = self._new_load()
            try:
                for record in batch.records():
                    if len(record.payload) <= _CANARY_MAX_BYTES:
                        self._canary = (load.times.payload(record), batch.configuration_id)
                    return
            except OSError:
                pass  # gone bad on the disk since it was sent: it was accepted all the same

    def suspect(
        self,
        load: "Load",
        answer: "Answer",
        now_ms: int,
        *,
        by_trouble: bool = False,
    ) -> None:
        """*load* was refused: begin to search.

        Args:
            load: What it was.
            answer: What the platform said.
            now_ms: Monotonic time.
            by_trouble: It stumbled (5xx) or forbade rather than refused: do not hold for want of
                proof.
        """
        if self.searching:
            self.give_up()  # of another lane, which went on beside a parcel; it begins anew
        self._suspects = [_Suspect(batch) for batch in load.batches]
        self._parcel = load.parcel is not None
        self._by_trouble = by_trouble
        self._words = _words(answer)
        self._begin(now_ms)

    def prepare(self, now_ms: int) -> "Load | None":
        """Do what needs no request, or fill the next load of the search."""
        search = self._search
        if search is None:
            self._begin(now_ms)
            return None
        lane = self.searching
        self._action, count = search.next()
        load = self._new_load()
        if self._action == SEND:
            if count == 1:
                batch = load.add_single(lane, 0, self._window)
            else:
                batch = load.add(lane, max_records=count, max_sequence=search.last)
            if batch is not None:
                return load
            self._end()  # the quota dropped them, or the disk lost them
        elif self._action == PROBE:
            may_go = lane != "models" or self._barrier.may_follow(self._settings)
            if may_go and load.add_single(lane, count, self._window) is not None:
                if self._tells(load):
                    return load
                load.release()
            # A model is too much to lose for a gateway's mood: only a newer one proves it wrong.
            recently = lane != "models" and self._lanes[lane].recently_accepted(
                self._suspects[0].kind, now_ms
            )
            # Under another model than its own it would not replace itself, but lose values; and
            # that samples pass says nothing of events.
            canary = self._canary is not None and load.keeps(self._canary[1])
            search.nothing_behind(canary and lane == "timeseries", recently)
        elif self._action == CANARY and self._canary is not None:
            load.add_again(SAMPLE, self._canary[0], self._canary[1])
            return load
        elif self._action == CONFIRM:
            if load.add_single(lane, 0, 1) is not None:
                if load.sequence == self._refusals[0][0]:
                    return load
                load.release()
            self._end()  # the quota dropped it
        elif self._action == SET_ASIDE:
            self._settle(now_ms)
        elif self._action == UNPROVEN:
            self._hold(lane, now_ms)
        else:
            self._suspects.pop(0)
            self._search = None
            if not self._suspects:
                self._end()
        return None

    def learn(self, load: "Load", answer: "Answer", now_ms: int) -> bool:
        """Take the answer to what `prepare` filled; False where it says nothing about records."""
        search = self._search
        if search is None:
            return False
        if answer.row.outcome == outcome.ACK:
            if self._action in (SEND, CONFIRM) and not load.partial:
                self._on_accepted(load)
            else:
                load.release()
                if self._action == SEND:
                    self._deliver(load.sequence)
                elif self._action == PROBE:
                    self._probed = load.sequence
            search.accepted(load.records)
            if self._action == CONFIRM:
                self._refusals.pop(0)
                # The proof is newer, perhaps of the same name or time: it goes again, behind. An
                # event would be there twice.
                self._probed = self._probed if self.searching == "events" else 0
            self._conclude(now_ms)
            return True
        refused = answer.row.outcome == outcome.SEARCH or (
            answer.status == 413 and load.records <= 1
        )
        refused = refused or (self._by_trouble and answer.by_content)
        if refused:
            last = search.last
            if self._action == CONFIRM:
                self._refusals[0] = (load.sequence, _words(answer))
            elif load.records == 1:
                last = load.sequence
                self._refusals.append((last, _words(answer)))
            elif load.records:
                last = load.batches[0].last
            search.refused(load.records, last)
            self._conclude(now_ms)
        return refused

    def look(self, now_ms: int) -> None:
        """See whether what was recorded behind a lone refused record can prove anything."""
        for lane, state in self._lanes.items():
            if state.proof_from and state.look_for_proof(self._buffer.next_sequence(lane), now_ms):
                try:
                    self._buffer.flush(lane)  # only what is durable can be sent
                except OSError:
                    pass  # whoever sends from this lane is told again

    def give_up(self) -> None:
        """End the search without a verdict: its lane cannot be read."""
        self._probed = 0
        self._end()

    # -- private ----------------------------------------------------------------------------

    def _tells(self, load: "Load") -> bool:
        """Of the trouble of one service, what another one accepts tells nothing."""
        same = self._parcel == (load.parcel is not None)
        return same or not (self._by_trouble and self._words["status"])

    def _begin(self, now_ms: int) -> None:
        """Search the first of the suspects."""
        suspect = self._suspects[0]
        known = len(self._suspects) == 1  # nobody else was there, or all others were accepted
        self.searching = suspect.lane
        self._refusals = []
        if known and suspect.count == 1:
            self._refusals.append((suspect.last, self._words))
        most = self._lanes[suspect.lane].may_set_aside(now_ms, self._settings.set_aside_per_hour)
        self._search = Search(suspect.count, suspect.last, known=known, most=most)

    def _conclude(self, now_ms: int) -> None:
        """Act on a verdict at once.

        A crash between proof and verdict would send the records once more, out of order if they
        are accepted then.
        """
        if self._search is not None and self._search.next()[0] == SET_ASIDE:
            self._settle(now_ms)
        if self._search is not None and self._search.next()[0] == DONE and self._action != SEND:
            self._end()

    def _settle(self, now_ms: int) -> None:
        """The record at the front is proven to be at fault."""
        lane, search = self.searching, self._search
        assert search is not None
        sequence, words = self._refusals[0]
        head = self._buffer.first_record(lane)
        try:
            if head is None or head.sequence != sequence:
                raise ValueError("dropped by the quota meanwhile")  # noqa: TRY301
            shift_ms = self._new_load().times.shift_ms(head)
            if shift_ms:  # the store keeps what the device's clock said
                words = dict(words, shift_ms=shift_ms)
            kept = self._buffer.set_aside(lane, sequence, words)
        except ValueError:
            self._end()
            return
        what = "was set aside" if kept else "was refused, and there was no room to keep it"
        log("warning", "upload", "%s record %d %s: %s" % (lane, sequence, what, words))
        self._refusals.pop(0)
        self._lanes[lane].set_aside(1, now_ms)
        self.set_aside += 1 if kept else 0
        search.settled()
        self._conclude(now_ms)

    def _deliver(self, sequence: int) -> None:
        """The record *sequence*, now at the front of the lane, was accepted by itself."""
        load = self._new_load()
        batch = load.add_single(self.searching, 0, 1)
        if batch is not None and batch.first == sequence:
            self._on_accepted(load)
        else:
            load.release()

    def _hold(self, lane: str, now_ms: int) -> None:
        if not self._by_trouble:
            state = self._lanes[lane]
            per_hour = self._settings.set_aside_per_hour
            hold_ms = self._settings.hold_retry_ms
            words = " (%s)" % self._words["reason"]
            if state.may_set_aside(now_ms, per_hour) == 0:
                words = "%d records were refused within an hour" % per_hour + words
                state.hold(words, now_ms + hold_ms)
                state.cautious = True
            else:
                words = "a record is refused, and nothing like it is accepted" + words
                behind = self._buffer.next_sequence(lane)
                state.hold_unproven(words, now_ms, hold_ms=hold_ms, next_sequence=behind)
            log("warning", "upload", "%s is held: %s" % (lane, words))
        self._end()

    def _end(self) -> None:
        probed, self._probed = self._probed, 0
        if probed:
            # Already accepted, as the proof. After a crash just here it is sent once more.
            self._deliver(probed)
        self._suspects = []
        self._search = None
        self.searching = ""


def _words(answer: "Answer") -> "dict[str, Any]":
    """What is kept with a record that is set aside."""
    return {
        "status": answer.status,
        "reason": answer.reason,
        "time_ms": answer.time_ms,
        "correlation_id": answer.correlation_id,
    }
