"""Requests with a valid access token: drives the credentials, the keystore and the transport.

The write-ahead rule is kept here: what the lifecycle wants saved is on disk before the request
that may make it necessary leaves the device.

The credentials live by a time that nobody sets: the wall clock of the session's start, carried
on by the steady one. So a wall clock that jumps neither ends a token nor makes a wait endless; the
difference to the platform is kept against the steady clock for the same reason.
"""

from ..credentials.expiry import expiry_warning, secret_days_left
from ..credentials.platformclock import server_time_ms
from ..credentials.requests import public_key
from ..errors import CredentialError, TransportError
from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..credentials.keystore import Keystore
    from ..credentials.lifecycle import Lifecycle
    from ..runtime import Clock
    from ..transport.http import Response, Transport

# Register, token, rotate with two credentials, token again: no chain of steps is longer.
_MOST_STEPS = 8

# A request that begins just before, or after, the caller's deadline still gets so long; one whose
# lost answer may cost the credentials gets more.
_LEAST_S = 1
_LEAST_ONCE_S = 10
_STEP_MS = 1000  # a wall clock that moved by more against the steady one was set


class OnboardResult:
    """Whether the agent is onboarded.

    Attributes:
        onboarded: It has credentials.
        reason: Why it is not, or not yet; ``""``.
        hint: What to do about that; ``""`` where waiting is enough.
        retry_in_s: When trying again makes sense; None when it is onboarded.
    """

    def __init__(
        self,
        onboarded: bool,
        reason: str = "",
        retry_in_s: "float | None" = None,
        hint: str = "",
    ) -> None:
        self.onboarded = onboarded
        self.reason = reason
        self.hint = hint
        self.retry_in_s = retry_in_s

    def __bool__(self) -> bool:
        return self.onboarded

    def __repr__(self) -> str:
        return "<OnboardResult %s%s>" % (
            "onboarded" if self.onboarded else "not yet",
            ": " + self.reason if self.reason else "",
        )


class Session:
    """An agent's way to the platform.

    Args:
        lifecycle: Decides what has to be sent to have a token.
        keystore: Keeps its state.
        transport: Sends.
        clock: Wall time and steady time.

    Attributes:
        correlation_id: Of the last request, for the platform's support.
        deadline_ms: Monotonic time at which the caller wants to be done; None for no hurry.
    """

    def __init__(
        self,
        lifecycle: "Lifecycle",
        keystore: "Keystore",
        transport: "Transport",
        *,
        clock: "Clock",
    ) -> None:
        self.lifecycle = lifecycle
        self.correlation_id = ""
        self.deadline_ms: "int | None" = None
        self._keystore = keystore
        self._transport = transport
        self._clock = clock
        self._failure: "TransportError | None" = None  # of the last request for credentials
        # Minus the steady clock: the credentials' time, and the platform's once measured.
        self._origin_ms = clock.now_ms() - clock.monotonic_ms()
        self._platform_ms: "int | None" = None
        self._asked = False  # an answer that names no time is not asked for again

    @property
    def base_url(self) -> str:
        return self.lifecycle.base_url

    @property
    def client_id(self) -> str:
        return self.lifecycle.client_id

    @property
    def clock_offset_ms(self) -> "int | None":
        """The platform's clock minus this device's, now; None before it was measured."""
        if self._platform_ms is None:
            return None
        return self._platform_ms + self._clock.monotonic_ms() - self._clock.now_ms()

    @property
    def platform_steady_ms(self) -> "int | None":
        """The platform's clock minus this device's steady one; None before it was measured."""
        return self._platform_ms

    def now_ms(self) -> int:
        """The time by the platform's clock, as well as it is known."""
        if self._platform_ms is None:
            return self._clock.now_ms()
        return self._clock.monotonic_ms() + self._platform_ms

    def onboard(self) -> OnboardResult:
        """Register, unless that is done. Harmless to repeat; offline is a result.

        Raises:
            CredentialError: An operator has to act; the hint says what to do.
        """
        lifecycle = self.lifecycle
        failure = None
        if not lifecycle.onboarded:
            lifecycle.retry_now()
            failure = self._drive()
        onboarded: bool = lifecycle.onboarded
        if onboarded:
            return OnboardResult(True)
        problem = lifecycle.problem
        if problem is not None and not problem.retryable:
            raise again(problem)
        wait_s = self.wait_ms / 1000
        cause = failure or problem
        if cause is None:
            return OnboardResult(False, lifecycle.reason, wait_s)
        return OnboardResult(False, cause.message, wait_s, cause.hint)

    def send(self, request: Request) -> "Response":
        """Send *request* with a valid access token; renew that once where it is refused.

        Raises:
            TransportError: There was no answer.
            CredentialError: There is no access token, and why.
            OSError: The credentials cannot be saved.
        """
        response = self._send_with(request, self._token())
        if response.status != 401:
            return response
        # Once, and without a rotation: a token that is refused for another reason must not cost
        # the credentials.
        self.lifecycle.invalidate_token()
        again = Request(
            request.method, request.url, request.headers, request.body, timeout_s=request.timeout_s
        )
        return self._send_with(again, self._token())

    def connect(self) -> None:
        """Have an access token, and with it the platform's time. Raises as `send`."""
        self._token()

    @property
    def wait_ms(self) -> int:
        """Until the credentials have something to send; 0 for now."""
        return max(0, (self.lifecycle.wait_until_ms or 0) - self._time_ms())

    @property
    def has_token(self) -> bool:
        """There is an access token that is good for a while."""
        return self.lifecycle.access_token(self._time_ms()) is not None

    def keep_alive(self, rotate_before_ms: int) -> "TransportError | None":
        """Get a new access token, and rotate when due or *rotate_before_ms* before the end.

        Returns:
            Why there was no answer; None where there was one.
        """
        self.lifecycle.retry_now()
        failure = self._drive(renew=True)
        expires_ms = self.lifecycle.secret_expires_ms
        early = expires_ms is not None and expires_ms - self.now_ms() < rotate_before_ms
        if failure is None and early and self.lifecycle.onboarded:
            failure = self._drive(rotate=True)
        return failure

    def retry_now(self) -> None:
        """The link is back, or someone asks: wait no longer."""
        self.lifecycle.retry_now()

    def probe(self) -> "bool | None":
        """Whether the platform takes a connection just now; None where nobody can tell."""
        probe = getattr(self._transport, "probe", None)  # what scripts bring may have none
        if probe is None or not self.base_url:
            return None
        reached: "bool | None" = probe(self.base_url)
        return reached

    def close(self) -> None:
        """Give connections back, and break a request in flight; it can be used again."""
        self._transport.close()

    def status(self) -> "dict[str, object]":
        """Credentials and clock, as plain values without a secret."""
        status = credentials_status(self.lifecycle, self.now_ms())
        status["clock_offset_ms"] = self.clock_offset_ms
        status["proxy"] = getattr(self._transport, "via", None)
        until_ms = self.lifecycle.token_expires_ms
        if until_ms is not None:
            status["token_expires_ms"] = until_ms - self._time_ms() + self._clock.now_ms()
        return status

    # -- private ----------------------------------------------------------------------------

    def _send_with(self, request: Request, token: str) -> "Response":
        request.headers = dict(request.headers, Authorization="Bearer " + token)
        self.correlation_id = request.correlation_id
        return self._transmit(request)

    def _token(self) -> str:
        failure = None
        disk = None
        try:
            failure = self._drive()
        except OSError as error:
            disk = error
        token = self.lifecycle.access_token(self._time_ms())
        if token:
            return token  # a rotation that failed may be repeated as long as there is one
        if disk is not None:
            raise disk
        if failure is not None:
            raise failure
        problem = self.lifecycle.problem
        if problem is not None:
            raise again(problem)
        if self._failure is not None:  # its wait is not over: still the same cause
            raise TransportError(
                self._failure.message, kind=self._failure.kind, hint=self._failure.hint
            )
        waiting = CredentialError("no access token yet: " + (self.lifecycle.reason or "not asked"))
        waiting.retryable = True
        raise waiting

    def _drive(self, *, renew: bool = False, rotate: bool = False) -> "TransportError | None":
        """Send what the lifecycle wants sent now; return the failure that ended it.

        *renew*, *rotate*: a token, a rotation is wanted although it is not due.
        """
        lifecycle = self.lifecycle
        silence = self._find_time()
        if silence is not None:
            return silence
        for _ in range(_MOST_STEPS):
            request = lifecycle.next_request(self._time_ms(), renew=renew, rotate=rotate)
            renew = rotate = False
            try:
                self._save()
                if request is not None and request.once:
                    self._keystore.keep_room()
            except OSError:
                if request is None or request.once:
                    lifecycle.not_sent()
                    raise
                # A token needs nothing written ahead, and a full disk is relieved by uploading.
            if request is None:
                break
            try:
                answer = self._transmit(request)
            except TransportError as error:
                lifecycle.receive(request, error, self._time_ms())
                self._save()
                self._failure = error
                return error
            self._failure = None
            lifecycle.receive(request, answer, self._time_ms())
            self._save()
        return None

    def _transmit(self, request: Request) -> "Response":
        if self.deadline_ms is not None:
            left_s = (self.deadline_ms - self._clock.monotonic_ms()) / 1000
            request.total_s = max(left_s, _LEAST_ONCE_S if request.once else _LEAST_S)
        response = self._transport.send(request)
        moment_ms = server_time_ms(response)
        if moment_ms is not None:
            self._learn(moment_ms)
        return response

    # -- time -------------------------------------------------------------------------------

    def _time_ms(self) -> int:
        """The credentials' time: it goes on evenly, whatever is done to the wall clock."""
        return self._clock.monotonic_ms() + self._origin_ms

    def _learn(self, platform_now_ms: int) -> None:
        self._platform_ms = platform_now_ms - self._clock.monotonic_ms()
        self.lifecycle.know_clock(self._platform_ms - self._origin_ms)

    def _find_time(self) -> "TransportError | None":
        """Have a time to sign with, before the first signature; why nobody could be asked."""
        clock = self._clock
        if self._platform_ms is not None:
            return None
        # What TLS had to measure (docs/adr/0009).
        offset_ms: "int | None" = getattr(self._transport, "clock_offset_ms", None)
        if offset_ms is not None:
            self._learn(clock.now_ms() + offset_ms)
        elif clock.trusted():
            step_ms = clock.now_ms() - self._time_ms()
            if abs(step_ms) > _STEP_MS:  # set since the start, by NTP or by hand
                self.lifecycle.know_clock(step_ms)
        elif self.lifecycle.onboarded and not self.has_token and not self._asked:
            # Signed with the time of 1970 it would be refused: ask, without a credential.
            try:
                self._transmit(public_key(self.base_url))
            except TransportError as error:
                return error
            self._asked = True
        return None

    def _save(self) -> None:
        if self.lifecycle.unsaved:
            self._keystore.save(self.lifecycle.to_state())
            self.lifecycle.saved()


def credentials_status(lifecycle: "Lifecycle", now_ms: int) -> "dict[str, object]":
    """Credentials and clock, as plain values without a secret; *now_ms*: the platform's time."""
    return {
        "credentials": lifecycle.state,
        "onboarded": lifecycle.onboarded,
        "token_expires_ms": lifecycle.token_expires_ms,
        "secret_expires_ms": lifecycle.secret_expires_ms,
        "secret_days_left": secret_days_left(lifecycle, now_ms),
        "clock_offset_ms": lifecycle.clock_offset_ms,
        "problem": "" if lifecycle.problem is None else lifecycle.problem.message,
        "warning": lifecycle.warning or expiry_warning(lifecycle, now_ms),
    }


def again(problem: CredentialError) -> CredentialError:
    """A new error for each time: one that is raised for weeks would collect its tracebacks."""
    return type(problem)(problem.message, hint=problem.hint)
