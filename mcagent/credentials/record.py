"""What survives a cut: the state and the credentials of one agent. It knows when to be saved."""

from ..errors import ConfigurationError
from ..runtime import crc32
from .table import (
    BOARDING,
    LATER,
    NEW,
    NOBODY,
    REGISTER,
    REGISTERED,
    ROTATED,
    ROTATING,
    TRANSITIONS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..boarding import BoardingConfiguration
    from .answers import Verdict


class Record:
    """The durable half of a `Lifecycle`.

    Attributes:
        state: One of the names in `table`.
        client_id: The agent, with *tenant* and *base_url*; ``""`` before the first boarding file.
        profile: Security profile of *current*.
        boarding: ``{"iat", "mark", "profile", "expiration_ms"}`` of the boarding file in use, or
            None; *iat* is ``""`` once it is used up.
        asked_ms: When a registration with this boarding file may have reached the platform for
            the first time; 0 for never.
        pending_key: Private key (PEM) of a registration or rotation that is not answered yet.
        current: ``{"secret", "rat", "uri", "expires_ms", "issued_ms"}``: the latest answer.
        previous: The answer whose RAT got *current*.
        refusal: The problem as it is stored (`refusals.to_state`), or None.
        unsaved: Something differs from what is on the disk.
    """

    def __init__(self, stored: "dict[str, Any]") -> None:
        self.state: str = stored.get("state", NEW)
        self.client_id: str = stored.get("client_id", "")
        self.tenant: str = stored.get("tenant", "")
        self.base_url: str = stored.get("base_url", "")
        self.profile: str = stored.get("profile", "")
        self.boarding: "dict[str, Any] | None" = stored.get("boarding")
        self.asked_ms: int = stored.get("asked_ms", 0)
        self.pending_key: str = stored.get("pending_key", "")
        self.current: "dict[str, Any] | None" = stored.get("current")
        self.previous: "dict[str, Any] | None" = stored.get("previous")
        self.refusal: "dict[str, str] | None" = stored.get("refusal")
        self.unsaved = False
        self._earlier_ms: int = self.asked_ms
        self.forget_key()  # of a request that a cut left without an answer

    def to_state(self) -> "dict[str, Any]":
        """Plain JSON values."""
        return {
            "state": self.state,
            "client_id": self.client_id,
            "tenant": self.tenant,
            "base_url": self.base_url,
            "profile": self.profile,
            "boarding": None if self.boarding is None else dict(self.boarding),
            "asked_ms": self.asked_ms,
            "pending_key": self.pending_key,
            "current": self.current,
            "previous": self.previous,
            "refusal": self.refusal,
        }

    def event(self, name: str) -> None:
        """Follow the table."""
        state = TRANSITIONS[(self.state, name)]
        if state != self.state:
            self.state = state
            self.unsaved = True

    # -- boarding files ---------------------------------------------------------------------

    def check_agent(self, boarding: "BoardingConfiguration") -> None:
        """Refuse a boarding file of another agent.

        Raises:
            ConfigurationError: Client id, tenant or base URL differ.
        """
        ours = (self.client_id, self.tenant, self.base_url)
        theirs = (boarding.client_id, boarding.tenant, boarding.base_url)
        if self.client_id and ours != theirs:
            raise ConfigurationError(
                "this state directory belongs to agent %s (tenant %s at %s), the boarding "
                "configuration is for agent %s (tenant %s at %s)" % (ours + theirs),
                hint="give each agent a state directory of its own; what is buffered here belongs "
                "to the agent it was recorded for",
            )

    def knows(self, boarding: "BoardingConfiguration") -> bool:
        """True where *boarding* is the file that was used last."""
        return self.boarding is not None and self.boarding["mark"] == _mark(boarding.iat)

    def board(self, boarding: "BoardingConfiguration") -> None:
        """Begin anew with *boarding*; older credentials stay until it has brought better ones."""
        self.event(BOARDING)
        self.client_id = boarding.client_id
        self.tenant = boarding.tenant
        self.base_url = boarding.base_url
        self.boarding = {
            "iat": boarding.iat,
            "mark": _mark(boarding.iat),
            "profile": boarding.profile,
            "expiration_ms": boarding.expiration_ms,
        }
        self.asked_ms = self._earlier_ms = 0
        self.pending_key = ""
        self.refusal = None

    # -- registration and rotation ----------------------------------------------------------

    @property
    def lost_ms(self) -> int:
        """When an earlier registration may have arrived although no answer came; 0 for never."""
        return self._earlier_ms

    def begin_attempt(self, now_ms: int) -> None:
        """A registration is about to be sent."""
        self._earlier_ms = self.asked_ms
        if not self.asked_ms:
            self.asked_ms = now_ms
            self.unsaved = True

    def forget_attempt(self) -> None:
        """The platform did not act on the attempt that was begun: no answer can be missing."""
        if self.asked_ms != self._earlier_ms:
            self.asked_ms = self._earlier_ms
            self.unsaved = True

    def judged(self, step: "tuple[str, str]", verdict: "Verdict") -> None:
        """Note whether the request of *step* may have taken effect although no answer came."""
        if step == REGISTER:
            if not verdict.arrived:
                self.forget_attempt()
        elif verdict.arrived and verdict.said in (NOBODY, LATER):
            self.forget_key()

    def forget_key(self) -> None:
        """A rotation may have arrived, or may yet: the next one names another RSA key.

        With the same key twice, one that arrives late, behind the next, supersedes the answer that
        was adopted without a sign: tokens go on, only the RATs are dead, which shows when the
        secret ends. With another key the next token is refused, while *previous* can still help.
        """
        if self.state == ROTATING and self.pending_key:
            self.pending_key = ""
            self.unsaved = True

    def adopt_registration(self, answer: "dict[str, Any]") -> None:
        """A registration ends everything before it."""
        assert self.boarding is not None
        self.event(REGISTERED)
        self.profile = self.boarding["profile"]
        self.boarding["iat"] = ""  # used up: nothing to try again, nothing to protect
        self.asked_ms = self._earlier_ms = 0
        self.previous = None
        self._adopt(answer)

    def adopt_rotation(self, answer: "dict[str, Any]", used: "dict[str, Any]") -> None:
        """Keep *answer* and the one whose RAT got it: the platform's two slots (agent API, 3.5).

        *used* stays until the next rotation, not only until the new secret has got a token: a
        copy of the request that was thought lost may arrive late and supersede *answer*, and then
        *used* is the only way back.
        """
        self.event(ROTATED)
        self.previous = used
        self._adopt(answer)

    def slot(self, step: "tuple[str, str]") -> "dict[str, Any]":
        """The answer that *step* uses."""
        answer = self.current if step[1] == "current" else self.previous
        assert answer is not None
        return answer

    def secrets(self) -> "list[str]":
        """What must not appear in any text."""
        found = [self.pending_key]
        if self.boarding is not None:
            found.append(self.boarding["iat"])
        for answer in (self.current, self.previous):
            if answer is not None:
                found.extend((answer["secret"], answer["rat"]))
        return [secret for secret in found if secret]

    def _adopt(self, answer: "dict[str, Any]") -> None:
        self.current = answer
        self.pending_key = ""
        self.unsaved = True

    def __repr__(self) -> str:
        return "<Record %s %s>" % (self.client_id or "without agent", self.state)


def _mark(iat: str) -> str:
    """Tells one boarding file from another without keeping its token."""
    return "%08x-%d" % (crc32(iat.encode()) & 0xFFFFFFFF, len(iat))
