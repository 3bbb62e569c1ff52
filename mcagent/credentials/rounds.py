"""A round: from the first refusal until a token is there or everything was tried."""

from .refusals import SOMEBODY_ROTATED
from .table import ONBOARDED, PLAN, TOKEN_CURRENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .record import Record


class Round:
    """What was refused since the last token.

    Attributes:
        refused: Steps that the platform refused.
        said: Operation to the platform's last refusal; kept after the round for messages.
        repaired: A rotation answered a refused token: not twice in one round, because a rotation
            that did not help will not help the second time.
        surprised: The secret was refused before its end, and no rotation of ours was open.
        resigned: The clock was corrected and the assertion signed again: not twice either.
        prove: The secret is new: a token with it is wanted, whatever the age of the present one.
    """

    def __init__(self) -> None:
        self.said: "dict[str, str]" = {}
        self.prove = False
        self.end()

    def end(self) -> None:
        """Everything was tried; the next round begins from nothing."""
        self.refused: "list[tuple[str, str]]" = []
        self.repaired = False
        self.resigned = False
        self.surprised = False

    def succeed(self) -> None:
        """A token is there."""
        self.end()
        self.prove = False

    @property
    def broken(self) -> bool:
        """The current secret was refused: a token has to be had in another way."""
        return TOKEN_CURRENT in self.refused

    def refuse(self, step: "tuple[str, str]", words: str, record: "Record", now_ms: int) -> None:
        """The platform refused *step*, in its *words*, at *now_ms* by its clock."""
        self.said[step[0]] = words
        self.refused.append(step)
        if step == TOKEN_CURRENT and record.state == ONBOARDED and not self.repaired:
            expires_ms = record.slot(step)["expires_ms"]
            self.surprised = expires_ms is None or now_ms < expires_ms

    def renewed(self) -> str:
        """There are new credentials: what was refused says nothing about them; a warning."""
        self.repaired = self.repaired or self.broken
        self.refused = []
        self.prove = True
        surprised, self.surprised = self.surprised, False
        return SOMEBODY_ROTATED if surprised else ""

    def left(self, record: "Record") -> "list[tuple[str, str]]":
        """Steps of the plan that are possible and not refused, in their order."""
        return [
            step
            for step in PLAN
            if step not in self.refused
            and (step[1] == "current" or record.previous is not None)
            and not (step[0] == "rotate" and self.repaired)
        ]
