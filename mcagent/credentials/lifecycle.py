"""How an agent gets its credentials, keeps them and renews them: the table, driven without I/O.

The driver's duty, and the reason why a cut at any byte leaves a working agent::

    request = lifecycle.next_request(now_ms)
    if lifecycle.unsaved: save (`Keystore.save`, then `saved`)    # BEFORE the request leaves
    lifecycle.receive(request, transport.send(request), now_ms)   # or the TransportError
    if lifecycle.unsaved: save                # and at once after every answer

`table` holds states, transitions and the order of attempts; docs/credentials.md explains them.
"""

from ..errors import OnboardingRefused
from ..transport.http import Response
from . import refusals, table
from .answers import judge, read_credentials, read_token, retry_after_ms
from .composer import Composer
from .platformclock import PlatformClock
from .record import Record
from .rounds import Round
from .schedule import Schedule
from .settings import LifecycleSettings
from .token import AccessToken
from .waits import Waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..boarding import BoardingConfiguration
    from ..errors import CredentialError, TransportError
    from ..transport.http import Request
    from .answers import Verdict
    from .assertion import Signer

_ODD_EXPIRY_WAIT_MS = 3_600_000
_NO_ROOM_WAIT_MS = 60_000


class Lifecycle:
    """The credentials of one agent.

    >>> lifecycle = Lifecycle(keystore.load(), read_boarding("agentconfig.json"))
    >>> request = lifecycle.next_request(clock.now_ms())

    Args:
        state: What `to_state` gave, from the disk; None for a device without credentials.
        boarding: The operator's file; None where there is none (any more).
        settings: Margins.
        new_key: Makes an RSA private key as PEM text.
        signer_for: ``(profile, secret or PEM text)`` to what signs with it.

    Raises:
        ConfigurationError: *boarding* is for another agent than *state*.

    Attributes:
        problem: Why there is no token and an operator has to act; None otherwise.
        warning: What will become a problem; ``""`` otherwise.
        reason: Why the last request has to be repeated; ``""`` otherwise.
        notes: What was decided about boarding files, for the log.
    """

    def __init__(
        self,
        state: "dict[str, Any] | None",
        boarding: "BoardingConfiguration | None",
        *,
        settings: "LifecycleSettings | None" = None,
        new_key: "Callable[[], str] | None" = None,
        signer_for: "Callable[[str, str], Signer] | None" = None,
    ) -> None:
        self._settings = settings or LifecycleSettings()
        self._record = Record(state or {})
        self._round = Round()
        self._token = AccessToken()
        self._waits = Waits(self._settings.random_unit)
        self._clock = PlatformClock()
        self._schedule = Schedule(
            self._record,
            self._token,
            attempts=self._round,
            waits=self._waits,
            clock=self._clock,
            settings=self._settings,
        )
        self._composer = Composer(self._record, new_key=new_key, signer_for=signer_for)
        self.problem: "CredentialError | None" = refusals.from_state(self._record.refusal)
        self.warning = ""
        self.reason = ""
        self.notes: "list[str]" = []
        self._spare: "BoardingConfiguration | None" = None
        self._now_ms = 0
        self._sent: "tuple[Request, tuple[str, str], int] | None" = None
        if boarding is not None:
            self.offer(boarding)
        elif state is None:
            self.problem = refusals.no_boarding()

    # -- in ---------------------------------------------------------------------------------

    def offer(self, boarding: "BoardingConfiguration") -> None:
        """Take a boarding configuration into account: used now, kept as a spare, or known.

        Raises:
            ConfigurationError: It is for another agent; nothing changed.
        """
        self._record.check_agent(boarding)
        if self._record.knows(boarding):
            return
        if (self.state, table.BOARDING) in table.TRANSITIONS:
            self._board(boarding)
        else:
            self._spare = boarding
            self.notes.append(
                "the new boarding configuration of agent %s is not used: the agent has "
                "credentials, and nothing speaks against them" % boarding.client_id
            )

    def next_request(
        self, now_ms: int, *, renew: bool = False, rotate: bool = False
    ) -> "Request | None":
        """Decide what to send now; None when there is nothing to do before `wait_until_ms`.

        Args:
            now_ms: The device's wall clock.
            renew, rotate: A new access token, a new secret although it is young. Give it once.

        Raises:
            ConfigurationError: RSA_3072 without its libraries; nothing changed.
        """
        self._now_ms = now_ms
        step, _later_ms = self._schedule.choose(now_ms, renew=renew, rotate=rotate)
        if step is None:
            return None
        request = self._composer.build(step, self._clock.at(now_ms))
        self._sent = (request, step, self._clock.offset_ms or 0)
        return request

    def receive(
        self, request: "Request", answer: "Response | TransportError | None", now_ms: int
    ) -> None:
        """Take the answer to *request*, the last; the error, or None, where there was none."""
        if self._sent is None or self._sent[0] is not request:
            raise ValueError("this is not the request that next_request() returned last")
        _request, step, used_offset_ms = self._sent
        self._sent = None
        self._now_ms = now_ms
        measured = self._clock.measure(answer, now_ms)
        verdict = judge(step[0], answer, self.secrets())
        self.reason = verdict.reason
        self._record.judged(step, verdict)
        if verdict.said == table.NOBODY or not isinstance(answer, Response):
            self._waits.no_answer(step[0], now_ms, patient=self._is_patient(step))
            return
        self._waits.answered("link")
        if verdict.said == table.NO:
            self._waits.answered(step[0])
            self._take_refusal(step, verdict, used_offset_ms if measured else None)
        elif verdict.said == table.TAKEN and self._take(step, answer):
            self._waits.answered(step[0])
        else:
            if verdict.said == table.TAKEN:
                self._record.forget_key()
                self.reason = "the platform answered %s without what belongs there" % verdict.words
            self._waits.service(
                step[0],
                now_ms,
                at_least_ms=retry_after_ms(answer, self._clock.at(now_ms)),
                patient=self._is_patient(step),
            )

    def know_clock(self, offset_ms: int) -> None:
        """The platform's clock minus the device's was measured by another answer."""
        self._clock.offset_ms = offset_ms

    def not_sent(self) -> None:
        """The request that `next_request` returned stays here: the disk has no room for it."""
        self._record.forget_attempt()
        if self._sent is not None:
            self._waits.hold(self._sent[1][0], self._now_ms + _NO_ROOM_WAIT_MS)

    def invalidate_token(self) -> None:
        """The platform refused the access token: the next request gets a new one."""
        self._token.drop()

    def retry_now(self) -> None:
        """Wait no longer: the link is back, or an operator asks."""
        self._waits.clear()

    # -- out --------------------------------------------------------------------------------

    def access_token(self, now_ms: int) -> "str | None":
        """The access token; None when there is none that is still good."""
        return self._token.get(now_ms)

    @property
    def state(self) -> str:
        """One of the names in `table`."""
        return self._record.state

    @property
    def client_id(self) -> str:
        """The agent's id; ``""`` before the first boarding file."""
        return self._record.client_id

    @property
    def base_url(self) -> str:
        """Scheme and host of the platform; ``""`` before the first boarding file."""
        return self._record.base_url

    @property
    def clock_offset_ms(self) -> "int | None":
        """The platform's clock minus the device's; None before it was measured."""
        return self._clock.offset_ms

    @property
    def onboarded(self) -> bool:
        """There are credentials, and the platform has not refused them all."""
        return self.state in (table.ONBOARDED, table.ROTATING)

    @property
    def wait_until_ms(self) -> "int | None":
        """When `next_request` has something to send: 0 now, None not without a boarding file."""
        return self._schedule.choose(self._now_ms)[1]

    @property
    def secret_expires_ms(self) -> "int | None":
        """End of the client secret's life by the platform's clock; None where unknown."""
        current = self._record.current
        return None if current is None else current["expires_ms"]

    @property
    def token_expires_ms(self) -> "int | None":
        """End of the access token's life by the device's clock; None without a token."""
        return self._token.until_ms

    @property
    def unsaved(self) -> bool:
        """`to_state` differs from what `saved` confirmed."""
        return self._record.unsaved

    def to_state(self) -> "dict[str, Any]":
        """Everything that must survive a cut, as plain JSON values. Full of secrets."""
        return self._record.to_state()

    def saved(self) -> None:
        """What `to_state` gave is on the disk."""
        self._record.unsaved = False

    def __repr__(self) -> str:
        return "<Lifecycle %s %s>" % (self.client_id or "without agent", self.state)

    # -- good answers -----------------------------------------------------------------------

    def _take(self, step: "tuple[str, str]", response: "Response") -> bool:
        """Adopt a good answer; False where it is unusable."""
        if step[0] == "token":
            return self._take_token(response)
        record = self._record
        boarding = record.boarding
        profile = boarding["profile"] if step == table.REGISTER and boarding else record.profile
        answer = read_credentials(
            response,
            client_id=record.client_id,
            base_url=record.base_url,
            key="" if profile == "SHARED_SECRET" else record.pending_key,
        )
        if answer is None:
            return False
        answer["issued_ms"] = self._clock.at(self._now_ms)
        if step == table.REGISTER:
            record.adopt_registration(answer)
            self._token.drop()  # of a time before offboarding
            self._set_problem(None)
        else:
            record.adopt_rotation(answer, record.slot(step))
        self.warning = self._round.renewed()
        self._waits.answered("renewal")
        if answer["expires_ms"] is not None and answer["expires_ms"] <= answer["issued_ms"]:
            # Over as it was made: a clock is wrong, and the next secret will be no better.
            self._waits.hold("renewal", self._now_ms + _ODD_EXPIRY_WAIT_MS)
        return True

    def _take_token(self, response: "Response") -> bool:
        token = read_token(response)
        if token is None:
            return False
        jitter = self._settings.random_unit()
        self._token.take(token[0], life_ms=token[1], now_ms=self._now_ms, jitter=jitter)
        self._record.event(table.TOKEN)
        self._set_problem(None)
        self._round.succeed()
        self._waits.answered("retry")
        return True

    # -- refusals ---------------------------------------------------------------------------

    def _take_refusal(
        self, step: "tuple[str, str]", verdict: "Verdict", used_offset_ms: "int | None"
    ) -> None:
        """*used_offset_ms*: with what the request was signed; None where no time came back."""
        if step == table.REGISTER:
            self._register_refused(verdict)
            return
        if step[0] == "token":
            if self._blame_clock(used_offset_ms):
                return
            self._waits.hurry_rotation(self._now_ms)
        self._round.refuse(step, verdict.words, self._record, self._clock.at(self._now_ms))
        left = self._round.left(self._record)
        if step[0] == "rotate" and not any(other[0] == "rotate" for other in left):
            self._rotate_refused(verdict.words)
        if self._round.broken and not left:
            self._all_refused()

    def _blame_clock(self, used_offset_ms: "int | None") -> bool:
        """True where the refusal says nothing yet: the clock is wrong, or may be."""
        if used_offset_ms is not None:
            offset_ms = self._clock.offset_ms or 0
            tolerance_ms = self._settings.clock_tolerance_ms
            if abs(offset_ms - used_offset_ms) <= tolerance_ms or self._round.resigned:
                return False
            # Agent API, 4.5: store the offset, sign again with the platform's time, once.
            self._round.resigned = True
            self.reason = "the platform's clock is %d s ahead of ours" % (offset_ms // 1000)
            return True
        if self._clock.is_hopeless(self._now_ms):
            self._set_problem(refusals.clock_unknown(self._now_ms))
            self._waits.service("token", self._now_ms)
            return True
        return False

    def _register_refused(self, verdict: "Verdict") -> None:
        record = self._record
        assert record.boarding is not None
        self._set_problem(
            refusals.register_refused(
                record.client_id,
                verdict,
                expiration_ms=record.boarding["expiration_ms"],
                lost_ms=record.lost_ms,
                now_ms=self._clock.at(self._now_ms),
            )
        )
        record.forget_attempt()
        first = record.current is None
        record.event(table.REGISTER_REFUSED if first else table.REGISTER_REFUSED_AGAIN)
        self._waits.refused("retry", self._now_ms)

    def _rotate_refused(self, words: str) -> None:
        """Both RATs were refused."""
        self._record.event(table.ROTATE_REFUSED)
        if not self._round.broken:  # else part of a round that is not over
            self._round.end()
            self.warning = refusals.rotation_refused(words, self.secret_expires_ms)
            self._waits.refused("renewal", self._now_ms)

    def _all_refused(self) -> None:
        # A refused boarding file is the later, and the better, word on what to do.
        if not isinstance(self.problem, OnboardingRefused):
            self._set_problem(
                refusals.all_refused(
                    self.client_id,
                    self._round.said,
                    expires_ms=self.secret_expires_ms,
                    now_ms=self._clock.at(self._now_ms),
                )
            )
        self._record.event(table.ALL_REFUSED)
        self._round.end()
        self._waits.refused("retry", self._now_ms)
        if self._spare is not None:
            self._board(self._spare)

    # -- small things -----------------------------------------------------------------------

    def _is_patient(self, step: "tuple[str, str]") -> bool:
        """A rotation that nothing waits for: the current secret was not refused."""
        return step[0] == "rotate" and not self._round.broken

    def _board(self, boarding: "BoardingConfiguration") -> None:
        if self._record.current is not None:
            self.notes.append(
                "the credentials of agent %s are refused: its new boarding configuration is used"
                % boarding.client_id
            )
        self._record.board(boarding)
        self._spare = None
        self.problem = None
        self._waits.clear()

    def _set_problem(self, problem: "CredentialError | None") -> None:
        if problem is not None or self.problem is not None:
            self.problem = problem
            self._record.refusal = None if problem is None else refusals.to_state(problem)
            self._record.unsaved = True

    def secrets(self) -> "list[str]":
        """What must not appear in any text."""
        return self._record.secrets() + self._token.secrets()
