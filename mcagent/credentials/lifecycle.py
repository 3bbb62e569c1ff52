"""How an agent gets its credentials, keeps them and renews them: the table, driven without I/O.

The driver's duty, and the reason why a cut at any byte leaves a working agent::

    request = lifecycle.next_request(now_ms)
    if lifecycle.unsaved:                     # write ahead: BEFORE the request leaves
        keystore.save(lifecycle.to_state())
        lifecycle.saved()
    lifecycle.receive(request, transport.send(request), now_ms)   # or the TransportError
    if lifecycle.unsaved: …                   # and at once after every answer

`table` holds states, transitions and the order of attempts; docs/credentials.md explains them.
"""

from ..errors import ConfigurationError, OnboardingRefused, TransportError
from ..runtime import crc32, random_unit
from . import refusals, requests
from .answers import (
    is_plausible,
    read_credentials,
    read_token,
    redacted,
    retry_after_ms,
    server_time_ms,
)
from .assertion import SharedSecretSigner, client_assertion
from .table import (
    ALL_REFUSED,
    ANSWERS,
    BOARDING,
    LOST,
    NEW,
    NO,
    PLAN,
    REFUSED,
    REGISTER,
    REGISTER_REFUSED,
    REGISTER_REFUSED_AGAIN,
    REGISTERED,
    ROTATE_REFUSED,
    ROTATED,
    ROTATING,
    SEND_REGISTER,
    SEND_ROTATE,
    TAKEN,
    TOKEN,
    TOKEN_CURRENT,
    TRANSITIONS,
    UNREGISTERED,
)
from .waits import (
    LINK_CAP_MS,
    REFUSED_BASE_MS,
    REFUSED_CAP_MS,
    ROTATE_BASE_MS,
    ROTATE_CAP_MS,
    SERVICE_CAP_MS,
    Waits,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..boarding import BoardingConfiguration
    from ..errors import CredentialError
    from ..transport.http import Request, Response
    from .assertion import Signer

# Transport errors before the first byte of the request left: the platform cannot have acted on it.
_UNSENT = ("dns", "connect", "tls", "certificate", "proxy")
# A clock set back by more than this makes a token's age unknown; NTP's small steps do not.
_STEP_BACK_MS = 60_000


class LifecycleSettings:
    """Margins of the lifecycle.

    Args:
        rotate_before_s: Rotate this long before the client secret expires, but not before three
            quarters of its life. 25 hours: what Siemens' Node client does (agent API, 3.3).
        clock_tolerance_s: A refused token request is signed again when the platform's time
            differs by more. Agent API, 4.5: about 30 s.
        random_unit: Uniform in [0, 1), for jitter.
    """

    def __init__(
        self,
        *,
        rotate_before_s: int = 25 * 3600,
        clock_tolerance_s: int = 30,
        random_unit: "Callable[[], float]" = random_unit,
    ) -> None:
        self.rotate_before_ms = rotate_before_s * 1000
        self.clock_tolerance_ms = clock_tolerance_s * 1000
        self.random_unit = random_unit


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
        state: One of the names in `table`.
        problem: Why there is no token and an operator has to act; None otherwise.
        warning: What will become a problem; ``""`` otherwise.
        reason: Why the last request has to be repeated later; ``""`` otherwise.
        notes: What was decided about boarding files, for the log.
        clock_offset_ms: The platform's clock minus ours; None before it was measured.
        unsaved: `to_state` differs from what `saved` confirmed.
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
        self._new_key = new_key or _new_rsa_key
        self._signer_for = signer_for or _signer_for
        self._waits = Waits(self._settings.random_unit)
        stored = state or {}
        self.state: str = stored.get("state", NEW)
        self.client_id: str = stored.get("client_id", "")
        self.tenant: str = stored.get("tenant", "")
        self.base_url: str = stored.get("base_url", "")
        self.profile: str = stored.get("profile", "")
        self._boarding: "dict[str, Any] | None" = stored.get("boarding")
        self._asked_ms: int = stored.get("asked_ms", 0)
        self._pending_key: str = stored.get("pending_key", "")
        self._current: "dict[str, Any] | None" = stored.get("current")
        self._previous: "dict[str, Any] | None" = stored.get("previous")
        self.problem: "CredentialError | None" = refusals.from_state(stored.get("refusal"))
        self.warning = ""
        self.reason = ""
        self.notes: "list[str]" = []
        self.clock_offset_ms: "int | None" = None
        self.unsaved = False
        self._spare: "BoardingConfiguration | None" = None
        self._token = ""
        self._token_from_ms = self._token_due_ms = self._token_until_ms = 0
        self._now_ms = 0
        self._sent: "tuple[Request, tuple[str, str], int] | None" = None
        self._earlier_ms = 0  # when the attempt before this one was made, if it may have arrived
        self._refused: "list[tuple[str, str]]" = []  # steps refused in this round
        self._said: "dict[str, str]" = {}  # operation -> the platform's last refusal
        self._repaired = False  # a rotation answered a refused token: not twice in one round
        self._resigned = False  # the clock was corrected: not twice in one round
        self._prove = False  # the secret is new: ask for a token with it now
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
        if self.client_id:
            _refuse_other_agent(self, boarding)
        if self._boarding is not None and self._boarding["mark"] == _mark(boarding.iat):
            return
        self.client_id = boarding.client_id
        self.tenant = boarding.tenant
        self.base_url = boarding.base_url
        if (self.state, BOARDING) in TRANSITIONS:
            self._board(boarding)
        else:
            self._spare = boarding
            self.notes.append(
                "the new boarding configuration of agent %s is not used: its credentials are good"
                % self.client_id
            )

    def next_request(
        self, now_ms: int, *, renew: bool = False, rotate: bool = False
    ) -> "Request | None":
        """Decide what to send now; None when there is nothing to do before `wait_until_ms`.

        Args:
            now_ms: The device's wall clock.
            renew: Get a new access token although the present one is young. Give it once.
            rotate: Rotate although the secret is young. Give it once.

        Raises:
            ConfigurationError: RSA_3072 without its libraries; nothing changed.
        """
        self._now_ms = now_ms
        step, _wait_ms = self._choose(now_ms, renew, rotate)
        if step is None:
            return None
        if step == REGISTER:
            request = self._register()
        elif step[0] == "rotate":
            request = self._rotate(self._slot(step))
        else:
            request = self._ask_token(self._slot(step))
        self._sent = (request, step, self.clock_offset_ms or 0)
        return request

    def receive(
        self, request: "Request", answer: "Response | TransportError | None", now_ms: int
    ) -> None:
        """Take the answer to *request*, the last that `next_request` returned.

        Args:
            request: That request.
            answer: The response; the error, or None, where there was no answer.
            now_ms: The device's wall clock at the answer.

        Raises:
            ValueError: *request* is another one.
        """
        if self._sent is None or self._sent[0] is not request:
            raise ValueError("this is not the request that next_request() returned last")
        _request, step, used_offset_ms = self._sent
        self._sent = None
        self._now_ms = now_ms
        if answer is None or isinstance(answer, TransportError):
            self._unanswered(step, answer)
            return
        self.measure_clock(answer, now_ms)
        if answer.is_html():
            self._no_platform(step)
            return
        said = ANSWERS[step[0]].get(answer.status)
        if said == NO:
            self._waits.answered("link")
            self._take_refusal(step, answer, used_offset_ms)
        elif said != TAKEN or not self._take(step, answer):
            self._later(step, answer)
        else:
            self.reason = ""
            for name in ("link", step[0]):
                self._waits.answered(name)

    def measure_clock(self, response: "Response", now_ms: int) -> None:
        """Learn the platform's time from any answer of the platform."""
        server_ms = server_time_ms(response)
        if server_ms is not None:
            self.clock_offset_ms = server_ms - now_ms

    def invalidate_token(self) -> None:
        """The platform refused the access token: the next request gets a new one."""
        self._token = ""

    def retry_now(self) -> None:
        """Wait no longer: the link is back, or an operator asks."""
        self._waits.clear()

    # -- out --------------------------------------------------------------------------------

    def access_token(self, now_ms: int) -> "str | None":
        """The access token; None when there is none that is still good."""
        if self._token and self._token_from_ms - _STEP_BACK_MS <= now_ms < self._token_until_ms:
            return self._token
        return None

    @property
    def onboarded(self) -> bool:
        """There are credentials, and the platform has not refused them all."""
        return self._current is not None and self.state != LOST and self.state not in UNREGISTERED

    @property
    def wait_until_ms(self) -> "int | None":
        """When `next_request` has something to send: 0 now, None not without a boarding file."""
        return self._choose(self._now_ms, False, False)[1]

    @property
    def secret_expires_ms(self) -> "int | None":
        """End of the client secret's life by the platform's clock; None where unknown."""
        return None if self._current is None else self._current["expires_ms"]

    @property
    def token_expires_ms(self) -> "int | None":
        """End of the access token's life by the device's clock; None without a token."""
        return self._token_until_ms if self._token else None

    def to_state(self) -> "dict[str, Any]":
        """Everything that must survive a cut, as plain JSON values. Full of secrets."""
        return {
            "state": self.state,
            "client_id": self.client_id,
            "tenant": self.tenant,
            "base_url": self.base_url,
            "profile": self.profile,
            "boarding": self._boarding,
            "asked_ms": self._asked_ms,
            "pending_key": self._pending_key,
            "current": self._current,
            "previous": self._previous,
            "refusal": None if self.problem is None else refusals.to_state(self.problem),
        }

    def saved(self) -> None:
        """What `to_state` gave is on the disk."""
        self.unsaved = False

    def __repr__(self) -> str:
        return "<Lifecycle %s %s>" % (self.client_id or "without agent", self.state)

    # -- what to send -----------------------------------------------------------------------

    def _choose(
        self, now_ms: int, renew: bool, rotate: bool
    ) -> "tuple[tuple[str, str] | None, int | None]":
        """The step to take now and 0, or None and when there is one again (None: never)."""
        if self.state in UNREGISTERED:
            steps = [REGISTER] if self._boarding is not None else []
            later_ms = None
        else:
            broken = TOKEN_CURRENT in self._refused
            rotate_due_ms = self._rotate_due_ms()
            token_due_ms = self._token_due_ms
            if not self._token or self._prove or now_ms < self._token_from_ms - _STEP_BACK_MS:
                token_due_ms = 0
            wanted = {
                "token": renew or broken or now_ms >= token_due_ms,
                "rotate": rotate or broken or self.state == ROTATING or now_ms >= rotate_due_ms,
            }
            steps = [step for step in self._left() if wanted[step[0]]]
            later_ms = min(token_due_ms, rotate_due_ms)
        waits = [self._ready_ms(step) for step in steps]
        for step, ready_ms in zip(steps, waits):
            if ready_ms <= now_ms:
                return step, 0
        return None, min(waits) if waits else later_ms

    def _left(self) -> "list[tuple[str, str]]":
        """Steps of the plan that are possible and were not refused in this round."""
        return [
            step
            for step in PLAN
            if step not in self._refused
            and (step[1] == "current" or self._previous is not None)
            and not (step[0] == "rotate" and self._repaired)
        ]

    def _ready_ms(self, step: "tuple[str, str]") -> int:
        names = [step[0], "link"]
        if self.state in (REFUSED, LOST):
            names.append("retry")
        elif step[0] == "rotate" and TOKEN_CURRENT not in self._refused:
            names.append("renewal")
        return max([self._waits.until_ms(name) for name in names])

    def _rotate_due_ms(self) -> int:
        """When the secret is due for rotation, by the device's clock."""
        current = self._current or {}
        expires_ms = current.get("expires_ms")
        if expires_ms is None:
            return _NEVER_MS
        life_ms = expires_ms - current["issued_ms"]
        margin_ms = self._settings.rotate_before_ms
        if life_ms > 0:
            margin_ms = min(margin_ms, life_ms // 4)
        elif self.clock_offset_ms is None:
            return _NEVER_MS  # expired before it was made: our clock is wrong, not the secret
        due_ms: int = expires_ms - margin_ms - (self.clock_offset_ms or 0)
        return due_ms

    def _register(self) -> "Request":
        boarding = self._boarding
        assert boarding is not None
        jwks = self._jwks(boarding["profile"])
        self._earlier_ms = self._asked_ms
        self._asked_ms = self._asked_ms or self._platform_ms()
        self._event(SEND_REGISTER)
        return requests.register(self.base_url, boarding["iat"], jwks)

    def _rotate(self, answer: "dict[str, Any]") -> "Request":
        jwks = self._jwks(self.profile)
        self._event(SEND_ROTATE)
        return requests.rotate(answer["uri"], answer["rat"], client_id=self.client_id, jwks=jwks)

    def _ask_token(self, answer: "dict[str, Any]") -> "Request":
        signer = self._signer_for(self.profile, answer["secret"])
        now_s = self._platform_ms() // 1000
        return requests.token(
            self.base_url, client_assertion(self.client_id, self.tenant, now_s, signer)
        )

    def _jwks(self, profile: str) -> str:
        if profile == "SHARED_SECRET":
            return ""
        # Kept until an answer for it came: a repeated request must name the same key, because
        # the answer that got lost was for this one.
        if not self._pending_key:
            self._pending_key = self._new_key()
            self.unsaved = True
        return self._signer_for(profile, self._pending_key).jwks()

    # -- what came back ---------------------------------------------------------------------

    def _take(self, step: "tuple[str, str]", response: "Response") -> bool:
        """Adopt a good answer; False where it is unusable."""
        if step[0] == "token":
            return self._take_token(response)
        answer = read_credentials(
            response, client_id=self.client_id, base_url=self.base_url, key=self._pending_key
        )
        if answer is None:
            return False
        answer["issued_ms"] = self._platform_ms()
        if step == REGISTER:
            assert self._boarding is not None
            self.profile = self._boarding["profile"]
            self._boarding["iat"] = ""  # used up: nothing to protect, and nothing to try again
            self._asked_ms = 0
            self._previous = None  # a registration ends everything before it
            self._token = ""
            self.problem = None
            self._event(REGISTERED)
        else:
            # Exactly the platform's two slots (agent API, 3.5). The used answer stays until the
            # next rotation, not only until the new secret has a token: a copy of this request
            # that was thought lost may arrive late and supersede the new answer.
            self._repaired = self._repaired or TOKEN_CURRENT in self._refused
            self._previous = self._slot(step)
            self._event(ROTATED)
        self._current = answer
        self._pending_key = ""
        self._refused = []
        self._prove = True
        self.warning = ""
        self.unsaved = True
        # Whatever the clocks say, a new secret is not due at once: no rotation without end.
        self._waits.answered("renewal")
        if answer["expires_ms"] is not None:
            left_ms = max(0, answer["expires_ms"] - self._platform_ms())
            self._waits.postpone("renewal", self._now_ms, cap_ms=1, at_least_ms=left_ms // 4)
        return True

    def _take_token(self, response: "Response") -> bool:
        token = read_token(response)
        if token is None:
            return False
        self._token, life_ms = token
        # Agent API, 4.6: refresh at 80-90 %; the jitter keeps a fleet that was switched on
        # together from asking together. The last 3 % are for requests on their way.
        share = 0.8 + 0.1 * self._settings.random_unit()
        self._token_from_ms = self._now_ms
        self._token_due_ms = self._now_ms + int(life_ms * share)
        self._token_until_ms = self._now_ms + life_ms * 97 // 100
        self._event(TOKEN)
        if self.problem is not None:
            self.problem = None
            self.unsaved = True
        self._end_round()
        self._prove = False
        self._waits.answered("retry")
        return True

    def _take_refusal(
        self, step: "tuple[str, str]", response: "Response", used_offset_ms: int
    ) -> None:
        reason = redacted(response.reason(), self._secrets())
        self._said[step[0]] = ("%d %s" % (response.status, reason)).strip()
        self._waits.answered(step[0])
        if step == REGISTER:
            self._register_refused(response.status, reason)
            return
        if step[0] == "token":
            if self._blame_clock(response, used_offset_ms):
                return
            self._waits.hurry("rotate", self._now_ms + SERVICE_CAP_MS)
        self._refused.append(step)
        broken = TOKEN_CURRENT in self._refused
        if step[0] == "rotate" and not any(left[0] == "rotate" for left in self._left()):
            self._rotate_refused(broken)
        if broken and not self._left():
            self._all_refused()

    def _blame_clock(self, response: "Response", used_offset_ms: int) -> bool:
        """True where the refusal says nothing yet: the clock is wrong, or may be."""
        if server_time_ms(response) is not None:
            off_ms = (self.clock_offset_ms or 0) - used_offset_ms
            if abs(off_ms) <= self._settings.clock_tolerance_ms or self._resigned:
                return False
            # Agent API, 4.5: store the offset, sign again with the platform's time, once.
            self._resigned = True
            self.reason = "the clock of this device is %d s off the platform's" % (off_ms // -1000)
            return True
        if self.clock_offset_ms is None and not is_plausible(self._now_ms):
            self.problem = refusals.clock_unknown(self._now_ms)
            self._waits.postpone("token", self._now_ms, cap_ms=SERVICE_CAP_MS)
            return True
        return False

    def _register_refused(self, status: int, reason: str) -> None:
        boarding = self._boarding
        assert boarding is not None
        self.problem = refusals.register_refused(
            self.client_id,
            reason,
            status=status,
            expiration_ms=boarding["expiration_ms"],
            lost_ms=self._earlier_ms,
            now_ms=self._platform_ms(),
        )
        self._asked_ms = self._earlier_ms
        self._event(REGISTER_REFUSED if self._current is None else REGISTER_REFUSED_AGAIN)
        self._postpone_retry()

    def _rotate_refused(self, broken: bool) -> None:
        self._event(ROTATE_REFUSED)
        if broken:
            return  # part of a round that is not over
        self._refused = []
        self.warning = refusals.rotation_refused(self._said["rotate"], self.secret_expires_ms)
        self._waits.postpone(
            "renewal",
            self._now_ms,
            base_ms=REFUSED_BASE_MS,
            cap_ms=REFUSED_CAP_MS,
            at_least_ms=REFUSED_BASE_MS,
        )

    def _all_refused(self) -> None:
        # A refused boarding file is the later, and the better, word on what to do.
        if not isinstance(self.problem, OnboardingRefused):
            self.problem = refusals.all_refused(
                self.client_id,
                self._said,
                expires_ms=self.secret_expires_ms,
                now_ms=self._platform_ms(),
            )
        self._event(ALL_REFUSED)
        self._end_round()
        self._postpone_retry()
        if self._spare is not None:
            self._board(self._spare)

    def _unanswered(self, step: "tuple[str, str]", error: "TransportError | None") -> None:
        self.reason = "no answer from the platform" if error is None else error.message
        if error is not None and error.kind in _UNSENT:
            self._forget_attempt(step)
        self._waits.postpone("link", self._now_ms, cap_ms=LINK_CAP_MS)
        self._pace_rotation(step, at_least_ms=LINK_CAP_MS)

    def _no_platform(self, step: "tuple[str, str]") -> None:
        self.reason = "a web page came instead of the platform's answer: a captive portal or proxy"
        self._forget_attempt(step)
        self._waits.postpone("link", self._now_ms, cap_ms=LINK_CAP_MS)
        self._pace_rotation(step, at_least_ms=LINK_CAP_MS)

    def _later(self, step: "tuple[str, str]", response: "Response") -> None:
        """An answer that says nothing about the credential."""
        reason = redacted(response.reason(), self._secrets())
        self.reason = ("the platform answered %d %s" % (response.status, reason)).strip()
        if ANSWERS[step[0]].get(response.status) == TAKEN:
            self.reason = "the platform answered %d without credentials" % response.status
        elif response.status < 500:
            self._forget_attempt(step)
        self._waits.answered("link")
        at_least_ms = retry_after_ms(response, self._platform_ms())
        if not self._pace_rotation(step, at_least_ms=at_least_ms):
            self._waits.postpone(
                step[0], self._now_ms, cap_ms=SERVICE_CAP_MS, at_least_ms=at_least_ms
            )

    def _pace_rotation(self, step: "tuple[str, str]", *, at_least_ms: int) -> bool:
        """Repeat a rotation that nobody waits for at its own pace; False for everything else."""
        if step[0] != "rotate" or TOKEN_CURRENT in self._refused:
            return False
        self._waits.postpone(
            "rotate",
            self._now_ms,
            base_ms=ROTATE_BASE_MS,
            cap_ms=ROTATE_CAP_MS,
            at_least_ms=at_least_ms,
        )
        return True

    # -- small things -----------------------------------------------------------------------

    def _event(self, event: str) -> None:
        state = TRANSITIONS[(self.state, event)]
        if state != self.state:
            self.state = state
            self.unsaved = True

    def _board(self, boarding: "BoardingConfiguration") -> None:
        self._event(BOARDING)
        self._spare = None
        self._boarding = {
            "iat": boarding.iat,
            "mark": _mark(boarding.iat),
            "profile": boarding.profile,
            "expiration_ms": boarding.expiration_ms,
        }
        self._asked_ms = 0
        self._pending_key = ""
        self.problem = None
        self._waits.clear()
        if self._current is not None:
            self.notes.append(
                "the credentials of agent %s are refused: its new boarding configuration is used"
                % self.client_id
            )

    def _forget_attempt(self, step: "tuple[str, str]") -> None:
        """The platform has not seen this attempt, so its answer cannot have been lost."""
        if step == REGISTER and self._asked_ms != self._earlier_ms:
            self._asked_ms = self._earlier_ms
            self.unsaved = True

    def _end_round(self) -> None:
        self._refused = []
        self._repaired = self._resigned = False

    def _postpone_retry(self) -> None:
        self._waits.postpone(
            "retry",
            self._now_ms,
            base_ms=REFUSED_BASE_MS,
            cap_ms=REFUSED_CAP_MS,
            at_least_ms=REFUSED_BASE_MS,
        )

    def _slot(self, step: "tuple[str, str]") -> "dict[str, Any]":
        answer = self._current if step[1] == "current" else self._previous
        assert answer is not None
        return answer

    def _platform_ms(self) -> int:
        return self._now_ms + (self.clock_offset_ms or 0)

    def _secrets(self) -> "list[str]":
        found = [self._token, self._pending_key]
        if self._boarding is not None:
            found.append(self._boarding["iat"])
        for answer in (self._current, self._previous):
            if answer is not None:
                found.extend((answer["secret"], answer["rat"]))
        return [secret for secret in found if secret]


_NEVER_MS = 2**53


def _mark(iat: str) -> str:
    """Tells one boarding file from another without keeping its token."""
    return "%08x-%d" % (crc32(iat.encode()) & 0xFFFFFFFF, len(iat))


def _refuse_other_agent(lifecycle: Lifecycle, boarding: "BoardingConfiguration") -> None:
    ours = (lifecycle.client_id, lifecycle.tenant, lifecycle.base_url)
    theirs = (boarding.client_id, boarding.tenant, boarding.base_url)
    if ours != theirs:
        raise ConfigurationError(
            "this state directory belongs to agent %s (tenant %s at %s), the boarding "
            "configuration is for agent %s (tenant %s at %s)" % (ours + theirs),
            hint="use a state directory of its own for each agent; what is buffered here goes to "
            "the agent it was recorded for",
        )


def _signer_for(profile: str, secret: str) -> "Signer":
    if profile == "SHARED_SECRET":
        return SharedSecretSigner(secret)
    from .rsa import RsaSigner

    return RsaSigner(secret)


def _new_rsa_key() -> str:
    from .rsa import generate_key

    return generate_key()
