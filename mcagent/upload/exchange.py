"""POST /exchange: the sender of everything that fits into one body."""

from ..credentials.answers import redacted, retry_after_ms
from ..errors import TransportError
from ..transport.http import Request
from . import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..messages.multipart import ExchangeBody
    from ..transport.http import Response
    from .session import Session


class Answer:
    """What became of one request, in the terms of the outcome table.

    Attributes:
        row: The table's line.
        status: HTTP status, 0 where there was no answer.
        kind: Why there was no answer (`TransportError.kind`), ``""`` where there was one.
        reason: For people: the platform's words, or the transport's.
        hint: What to do, ``""`` where nobody knows.
        retry_after_ms: What the platform asked for, 0 where it did not.
        correlation_id: Of the request.
        time_ms: When it came, by the platform's clock as well as it is known; 0 for unknown.
    """

    def __init__(
        self, row: outcome.Row, *, status: int = 0, kind: str = "", reason: str = "",
        hint: str = "", retry_after: int = 0, correlation_id: str = "", time_ms: int = 0,
    ) -> None:  # fmt: skip
        self.row = row
        self.status = status
        self.kind = kind
        self.reason = reason
        self.hint = hint
        self.retry_after_ms = retry_after
        self.correlation_id = correlation_id
        self.time_ms = time_ms

    @property
    def refused(self) -> bool:
        """The platform does not want this body, now or later."""
        return self.row.outcome == outcome.SEARCH or self.status == 413

    @property
    def by_content(self) -> bool:
        """Perhaps for one record: it breaks the platform, a gateway forbids it, a disk lost it."""
        forbidden = self.status > 401 and self.row.answer in ("html", "403", "404", "4xx")
        return self.status >= 500 or self.kind == "body" or forbidden

    @classmethod
    def of_response(cls, row: outcome.Row, response: "Response", session: "Session") -> "Answer":
        """The answer *response*, which *row* was found for."""
        words = redacted(response.reason(), session.lifecycle.secrets())
        return cls(
            row,
            status=response.status,
            reason="HTTP %d, %s%s" % (response.status, row.meaning, ": " + words if words else ""),
            # The session has compared the clocks by this very answer.
            retry_after=retry_after_ms(response, session.now_ms()),
            correlation_id=session.correlation_id,
            time_ms=session.now_ms(),
        )

    @classmethod
    def of_error(cls, error: TransportError) -> "Answer":
        """No answer."""
        return cls(outcome.of_error(error), kind=error.kind, reason=error.message, hint=error.hint)


class ExchangeSender:
    """Sends bodies to the MindConnect API."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def send(self, body: "ExchangeBody") -> Answer:
        """POST *body*; a missing answer is an answer, too.

        Raises:
            CredentialError: There is no access token to send it with.
        """
        stream: "Any" = body  # a `Body` in all but name: messages know no transport
        request = Request(
            "POST",
            self._session.base_url + "/api/mindconnect/v3/exchange",
            {"Content-Type": body.content_type},
            stream,
        )
        try:
            response = self._session.send(request)
        except TransportError as error:
            return Answer.of_error(error)
        return Answer.of_response(outcome.of_response(response), response, self._session)
