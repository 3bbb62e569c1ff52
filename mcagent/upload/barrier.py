"""A data model is a barrier in the time series.

Samples recorded before it go out before it, the model goes out, the platform confirms that it
shows it, and only then it is acknowledged and later samples follow. The record stays in the buffer
until the confirmation, so a crash in between asks the platform again instead of sending again.

A model that would delete mappings waits for consent to that, and keeps nothing back meanwhile.
"""

from .modelrecord import join_model, split_model
from .platformview import Configuration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..buffer import Buffer
    from .lanestate import LaneState
    from .platformview import PlatformView
    from .settings import UploadSettings

# The platform takes a model over some time after its 200 (specification of the agent API, 6.4.4).
_FIRST_CONFIRM_MS = 250
_LONGEST_CONFIRM_MS = 30_000
_CONFIRM_TRIES = 20  # some six minutes; then it is sent again


class ModelBarrier:
    """The oldest data model that the platform has not confirmed.

    Args:
        buffer: Its lane "models".
        local_model: Returns the fragment of the model that samples are recorded with, None
            without one. It is sent again when the platform lost it (an agent onboarded anew).
        consent: From the number of a model's record, 0 for the local model, to what was consented
            to lose with it: True for all mappings, or those of a list; False without consent.

    Attributes:
        pending: There is one.
        payload: Its record's payload.
        sent: It was accepted and waits for the confirmation.
        missing: Set by the caller: the platform has no configuration at all.
        question: ``{"model", "mappings"}`` while it waits for consent: its id and what it would
            delete, None where nobody can tell; else None.
        harmless: The last look found no mapping that a model would delete.
    """

    def __init__(
        self,
        buffer: "Buffer",
        local_model: "Callable[[], bytes | None]",
        consent: "Callable[[int], Any]" = lambda _sequence: False,
    ) -> None:
        self._buffer = buffer
        self._local_model = local_model
        self._consent = consent
        self.question: "dict[str, Any] | None" = None
        self.harmless = False
        self._asked: "tuple[Any, ...]" = ()  # when consent was missed
        self.pending = False
        self.payload = b""
        self.missing = False
        self._sequence = 0  # of the record; 0 for the local model, which has none
        self._position = 0
        self._sent = -1
        self._tries = 0

    def look(self) -> None:
        """Find the oldest model that waits."""
        record = self._buffer.first_record("models")
        sequence = record.sequence if record is not None else 0
        if sequence != self._sequence or self._asked != self._now():
            self.question = None  # consent, or another model: look again
        if record is not None:
            self._sequence = sequence
            self.payload = record.payload
            self._position = split_model(record.payload)[0]
            self.pending = True
            return
        # A record that is damaged beyond reading is passed, and counted, by a cut.
        batch = self._buffer.cut("models", max_bytes=1 << 24, max_records=1)
        if batch is not None:
            self._buffer.release(batch, again=False)
        fragment = self._local_model() if self.missing else None
        self.pending = fragment is not None
        if fragment is None:
            self.question = None
        else:
            self._sequence = 0
            self._position = 0
            self.payload = join_model(0, fragment)

    @property
    def model(self) -> Configuration:
        import json

        return Configuration(json.loads(split_model(self.payload)[1].decode()))

    @property
    def in_buffer(self) -> bool:
        """False for the local model sent again."""
        return self._sequence > 0

    @property
    def last_before(self) -> "int | None":
        """Sequence number of the last sample that may go before it; None without a model.

        Between its acceptance and its confirmation nobody knows which model the platform would
        judge samples by: none goes. (Some are left where an earlier model was set aside.)
        One that waits for consent keeps none back: they go as samples of a changed model do.
        """
        if not self.pending or self.question is not None:
            return None
        return 0 if self.sent else self._position - 1

    @property
    def first_after(self) -> int:
        """Sequence number of the first sample that was recorded after it."""
        return self._position

    @property
    def sent(self) -> bool:
        return self._sent == self._sequence

    def accepted(self, sequence: int) -> None:
        """The model with *sequence* was answered with 200."""
        self._sent = sequence
        self._tries = 0

    def waits(
        self, view: "PlatformView", state: "LaneState", now_ms: int, settings: "UploadSettings"
    ) -> bool:
        """True where it would delete mappings, and nobody consented: it is held, or given up.

        Args:
            view: Has just read the mappings.
            state: Of its lane.
            now_ms: Monotonic time.
            settings: May have a standing consent.
        """
        self._asked = self._now()
        self.harmless = view.not_kept == []
        if self.harmless:
            return False
        from .consent import covers, objection  # few devices ever need it, on small heaps

        if covers(settings.lose_mappings or self._asked[0], view.not_kept):
            return False
        if 0 < self._sequence < self._buffer.next_sequence("models") - 1:
            # What nobody consented to is not sent before what came after it.
            reason = "a newer data model came before anybody consented to the loss of mappings"
            why = {"status": 0, "reason": reason, "correlation_id": ""}
            self._buffer.set_aside("models", self._sequence, why)
            state.go()
            return True
        self.question = {"model": self.model.id, "mappings": view.not_kept}
        objection(self.question, state, now_ms)
        return True

    def answered(self, state: "LaneState") -> bool:
        """The lane was held for consent, and that is to be looked at again."""
        return state.by_view and self.question is None

    def may_follow(self, settings: "UploadSettings") -> bool:
        """The model behind this one may be sent without another look at the mappings."""
        newest = self._buffer.next_sequence("models") - 1
        return self.harmless or settings.lose_mappings or self._consent(newest) is True

    def _now(self) -> "tuple[Any, int]":
        return self._consent(self._sequence), self._buffer.next_sequence("models")

    def not_shown(self) -> int:
        """The platform does not show it yet; return when to ask again, in ms."""
        self._tries += 1
        if self._tries > _CONFIRM_TRIES:
            self._sent = -1
        return min(_LONGEST_CONFIRM_MS, _FIRST_CONFIRM_MS << min(self._tries - 1, 10))

    def confirmed(self) -> None:
        """The platform shows it: it is delivered."""
        self._sent = -1
        self.pending = False
        self.missing = False
        if self.in_buffer:
            batch = self._buffer.cut("models", max_bytes=1, max_records=1)
            if batch is not None:
                self._buffer.ack(batch)
