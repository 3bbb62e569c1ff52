"""A data model is a barrier in the time series.

Samples recorded before it go out before it, the model goes out, the platform confirms that it
shows it, and only then it is acknowledged and later samples follow. The record stays in the buffer
until the confirmation, so a crash in between asks the platform again instead of sending again.
"""

from .modelrecord import join_model, split_model
from .platformview import Configuration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..buffer import Buffer

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

    Attributes:
        pending: There is one.
        payload: Its record's payload.
        sent: It was accepted and waits for the confirmation.
        missing: Set by the caller: the platform has no configuration at all.
    """

    def __init__(self, buffer: "Buffer", local_model: "Callable[[], bytes | None]") -> None:
        self._buffer = buffer
        self._local_model = local_model
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
        if record is not None:
            self._sequence = record.sequence
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
        if fragment is not None:
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
        """
        if not self.pending:
            return None
        return 0 if self.sent else self._position - 1

    @property
    def sent(self) -> bool:
        return self._sent == self._sequence

    def accepted(self, sequence: int) -> None:
        """The model with *sequence* was answered with 200."""
        self._sent = sequence
        self._tries = 0

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
