"""One way to the platform's services for all clients: tokens, retries, a deadline, one error."""

import json
import threading
import time
from urllib.parse import urljoin

from ..credentials.answers import read_token, redacted
from ..credentials.platformclock import PlatformClock
from ..errors import CredentialError, RemoteError, TransportError
from ..runtime import Clock, random_unit
from ..transport.http import Request, Response
from .errors import ANOTHER_SERVER, read_words, remote_error, require
from .query import address, checked_origin
from .waits import Deadline, Waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable

    from ..transport.http import Body, Transport
    from .credentials import Credentials
    from .query import Query

_IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")  # RFC 9110, 9.2.2
# Asset management refuses application/json alone (services API 5).
_ACCEPT = "application/json, application/hal+json, */*"
_RENEW_BEFORE_MS = 60_000  # of the half hour that a token lives


class _Token:
    """An access token; `until_ms` by the steady clock."""

    def __init__(self, text: str, until_ms: int, granted: "tuple[str, ...] | None") -> None:
        self.text = text
        self.until_ms = until_ms
        self.granted = granted


class Session:
    """Requests to the platform's services, each within a deadline of its own.

    Example:
        >>> credentials = ServiceCredentials("demo-service-1", secret, tenant="demo")
        >>> with Session("https://gateway.eu1.mindsphere.io", credentials) as session:
        ...     session.get_json("/api/assetmanagement/v3/assets/root", scope="asm.r")

    May be used by several threads. Requests that may be repeated are, after 429, 5xx and lost
    connections; the platform's ``Retry-After`` is obeyed. POST is repeated only where nothing can
    have happened yet.

    Args:
        gateway: Origin of the platform's gateway; ``http://`` for this machine only.
        credentials: Who asks.
        transport: What sends; None makes one of the next three.
        ca_file: PEM file of the only authorities to trust; None trusts the system's.
        crl_file: PEM file with revocation lists.
        proxy: None reads the environment, ``""`` connects directly.
        timeout_s: Longest time of one call in all: token, waits and repetitions included.
        attempts: How often a request is sent at most.
        clock: The machine's clocks.
        sleep: Waits so many seconds.
        random: Uniform in [0, 1), for the waits.

    Raises:
        ConfigurationError: The gateway's address, a certificate file or the proxy is unusable.
    """

    def __init__(
        self,
        gateway: str,
        credentials: "Credentials",
        *,
        transport: "Transport | None" = None,
        ca_file: "str | None" = None,
        crl_file: "str | None" = None,
        proxy: "str | None" = None,
        timeout_s: float = 120,
        attempts: int = 6,
        clock: "Clock | None" = None,
        sleep: "Callable[[float], None]" = time.sleep,
        random: "Callable[[], float]" = random_unit,
    ) -> None:
        self.gateway = checked_origin(gateway)
        self.credentials = credentials
        self.timeout_s = timeout_s
        self.clock = clock or Clock()
        self._attempts = attempts
        if transport is None:
            from ..transport.cpython import Urllib3Transport

            transport = Urllib3Transport(
                ca_file=ca_file, crl_file=crl_file, proxy=proxy, clock=self.clock
            )
        self._transport = transport
        self.sleep = sleep
        self._random = random
        self._platform = PlatformClock()
        self._lock = threading.Lock()
        self._token: "_Token | None" = None
        self._used: "list[str]" = []  # the latest tokens: what must not be shown

    def __repr__(self) -> str:
        return f"<Session {self.gateway} {self.credentials!r}>"

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections back; it can be used again."""
        self._transport.close()

    def now_ms(self) -> int:
        """The platform's time, as well as it is known."""
        return self._platform.at(self.clock.now_ms())

    def measured_now_ms(self) -> int:
        """As `now_ms`, but never by this machine's clock alone, which may be days off.

        Raises:
            CredentialError: Nothing was asked yet, and there is no token.
            TransportError: Nothing was asked yet, and nobody answers.
        """
        if self._platform.offset_ms is None:
            self._good_token(Deadline(self.clock, self.timeout_s), "finding out the time")
        return self.now_ms()

    def get_json(
        self, path: str, query: "Query" = (), *, scope: str = "", doing: str = ""
    ) -> "Any":
        """GET and parse the answer.

        Raises:
            RemoteError: A refusal, or an answer that is not JSON.
        """
        doing = doing or f"GET {path}"
        return self.parse(self.call("GET", path, query=query, scope=scope, doing=doing), doing)

    def parse(self, response: Response, doing: str) -> "Any":
        """The body of an answer as JSON.

        Raises:
            RemoteError: It is not.
        """
        value = response.json()
        if value is None and response.body.strip() != b"null":
            what = "an HTML page" if response.is_html() else f"{len(response.body)} bytes"
            raise RemoteError(
                f"{doing}: the platform answered {response.status} with {what} instead of JSON",
                status=response.status,
                hint=ANOTHER_SERVER,
            )
        return value

    def parse_object(self, response: Response, doing: str) -> "dict[str, Any]":
        """The body of an answer as a JSON object.

        Raises:
            RemoteError: It is something else.
        """
        return require(dict, self.parse(response, doing), doing, response.status)

    def parse_made(self, response: Response, doing: str, member: str = "id") -> "dict[str, Any]":
        """As `parse_object`, of the answer to a creation: with the id of what was made.

        Raises:
            RemoteError: The answer is something else, or has no id.
        """
        body = self.parse_object(response, doing)
        if not isinstance(body.get(member), str) or not body[member]:
            raise RemoteError(
                f"{doing}: the platform's answer ({response.status}) has no {member}",
                status=response.status,
                hint="it was most likely made all the same: look for it before making it again",
            )
        return body

    def fetch(self, link: str, *, doing: str, timeout_s: "float | None" = None) -> bytes:
        """What stands behind a signed link, which may lead to another host: asked without a token.

        Raises:
            RemoteError: Another answer than 200.
            TransportError: There was no answer within the time.
        """
        deadline = Deadline(self.clock, self.timeout_s if timeout_s is None else timeout_s)
        request = deadline.limit(Request("GET", urljoin(self.gateway + "/", link)))
        answer = self._send(request)
        if isinstance(answer, TransportError):
            raise TransportError(f"{doing}: {answer}", kind=answer.kind, hint=answer.hint)
        if answer.status != 200:
            raise RemoteError(
                f"{doing}: the link was answered with {answer.status} {answer.reason()[:80]}",
                status=answer.status,
                hint="a link is good for a short while: ask again",
            )
        return answer.body

    def get_object(
        self, path: str, query: "Query" = (), *, scope: str = "", doing: str = ""
    ) -> "dict[str, Any]":
        """As `get_json`, where the answer is an object.

        Raises:
            RemoteError: A refusal, or the answer is something else.
        """
        doing = doing or f"GET {path}"
        return require(dict, self.get_json(path, query, scope=scope, doing=doing), doing)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: "Query" = (),
        document: "Any" = None,
        body: "bytes | Body | None" = None,
        headers: "dict[str, str] | None" = None,
        scope: str = "",
        doing: str = "",
        expect: "tuple[int, ...]" = (200, 201, 202, 204),
        repeat: "bool | None" = None,
        timeout_s: "float | None" = None,
    ) -> Response:
        """Send a request with a token, and again where that may help; return its good answer.

        Args:
            method: As in HTTP.
            path: Encoded path (`query.path`), from ``/api`` on.
            query: Names and values, not encoded.
            document: Sent as JSON; instead of *body*.
            body: Bytes, or a `Body` that can be read again.
            headers: Further ones.
            scope: The fine scope that it needs, to be named where it is missing.
            doing: What it is for, as in "reading asset 0f3c": the beginning of an error.
            expect: The statuses that are good.
            repeat: The request may be sent twice; None: by its method.
            timeout_s: Instead of the session's.

        Raises:
            RemoteError: The platform refuses; `reason`, `code` and `correlation_id` are its own.
            CredentialError: There is no token, and why.
            TransportError: There was no answer within the time.
        """
        headers = {"Accept": _ACCEPT, **(headers or {})}
        if document is not None:
            body = json.dumps(document, separators=(",", ":")).encode()
            headers.setdefault("Content-Type", "application/json")
        doing = doing or f"{method} {path}"
        deadline = Deadline(self.clock, self.timeout_s if timeout_s is None else timeout_s)
        url = address(self.gateway, path, query)
        renewed = False
        repeatable = method in _IDEMPOTENT if repeat is None else repeat
        waits = self._waits(deadline, doing)
        while True:
            token = self._good_token(deadline, doing)
            authorized = {**headers, "Authorization": "Bearer " + token.text}
            request = deadline.limit(Request(method, url, authorized, body))
            request.single = not repeatable
            answer = self._send(request)
            if isinstance(answer, Response) and answer.status in expect:
                return answer
            if isinstance(answer, Response) and answer.status == 401 and not renewed:
                renewed = True  # once: a token that is refused for another reason stays refused
                self._forget(token)
                continue
            if not waits.after(answer, repeatable=repeatable, now_ms=self.now_ms()):
                raise self._error(answer, request, doing, scope, token)

    def secrets(self) -> "list[str]":
        """What must not be shown, wherever it turns up."""
        return [*self.credentials.secrets(), *self._used]

    # -- private ----------------------------------------------------------------------------

    def _send(self, request: Request) -> "Response | TransportError":
        try:
            answer = self._transport.send(request)
        except TransportError as error:
            return error
        self._platform.measure(answer, self.clock.now_ms())
        return answer

    def _waits(self, deadline: Deadline, doing: str) -> Waits:
        return Waits(
            deadline, doing, attempts=self._attempts, sleep=self.sleep, random=self._random
        )

    def _error(
        self,
        answer: "Response | TransportError",
        request: Request,
        doing: str,
        scope: str,
        token: _Token,
    ) -> "RemoteError | TransportError":
        if isinstance(answer, TransportError):
            return TransportError(f"{doing}: {answer}", kind=answer.kind, hint=answer.hint)
        return remote_error(
            answer,
            doing=doing,
            correlation_id=request.correlation_id,
            scope=scope,
            granted=token.granted,
            secrets=self.secrets(),
        )

    def _forget(self, token: _Token) -> None:
        with self._lock:
            if self._token is token:
                self._token = None

    def _good_token(self, deadline: Deadline, doing: str) -> _Token:
        # One thread gets it, the others wait for it.
        with self._lock:
            token = self._token
            if token is None or token.until_ms <= self.clock.monotonic_ms():
                token = self._token = self._new_token(deadline, doing)
            return token

    def _new_token(self, deadline: Deadline, doing: str) -> _Token:
        asking = f"{doing}: getting a token for {self.credentials.who}"
        waits = self._waits(deadline, asking)
        again = self.credentials.may_change
        while True:
            request = self.credentials.token_request(self.gateway, self.now_ms())
            began_ms = self.clock.monotonic_ms()
            deadline.limit(request)
            answer = self._send(request)
            if isinstance(answer, TransportError):
                if waits.after(answer, repeatable=True, now_ms=self.now_ms()):
                    continue
                raise TransportError(f"{asking}: {answer}", kind=answer.kind, hint=answer.hint)
            found = read_token(answer) if answer.status == 200 else None
            if found is not None:
                text, life_ms = found
                self._used = [*self._used[-1:], text]
                early_ms = min(_RENEW_BEFORE_MS, life_ms // 10)
                return _Token(text, began_ms + life_ms - early_ms, _granted(answer.json()))
            if answer.status in (400, 401, 403) and again:
                again = False  # the service beside us may have rotated the agent's secret
                continue
            if waits.after(answer, repeatable=True, now_ms=self.now_ms()):
                continue
            raise self._refused(answer, request, asking)

    def _refused(self, answer: Response, request: Request, asking: str) -> CredentialError:
        words = redacted(read_words(answer).message, self.secrets())
        error = CredentialError(
            f"{asking}: the platform answered {answer.status} {words}".rstrip()
            + f" (correlation id {request.correlation_id})",
            hint="are client id, secret and tenant those of this gateway, and still valid? An "
            "expired secret is replaced in the tenant's developer cockpit",
        )
        error.retryable = answer.status == 429 or answer.status >= 500
        return error


def _granted(answer: "Any") -> "tuple[str, ...] | None":
    """Scopes as a token's answer lists them: one text with blanks, or a list (agents)."""
    scope = answer.get("scope") if isinstance(answer, dict) else None
    if isinstance(scope, str):
        return tuple(scope.split())
    if isinstance(scope, list):
        return tuple(name for name in scope if isinstance(name, str))
    return None
