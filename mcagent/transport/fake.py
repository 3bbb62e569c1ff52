"""A transport that plays a transcript, for tests of device scripts and of mcagent itself."""

from ..errors import AgentError
from .http import Response, Transport, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable

    from .http import Request

    Answer = Response | AgentError | Callable[[Request], Response]


class FakeTransport(Transport):
    """Answer each request with the next entry of a transcript, without a network.

        transport = FakeTransport([Response(503), TransportError("cut", kind="closed")])
        assert transport.send(Request("GET", "https://example/")).status == 503

    Args:
        answers: A `Response` to return, an error to raise, or a function that gets the request
            and does either. A request beyond the last one is an AssertionError.

    Attributes:
        answers: What is still to come; append to it at any time.
        requests: Every request so far.
        bodies: The body of each, read to its end as a real transport does; ``b""`` for none.
    """

    def __init__(self, answers: "Iterable[Answer]" = ()) -> None:
        self.answers = list(answers)
        self.requests: "list[Request]" = []
        self.bodies: "list[bytes]" = []

    def send(self, request: "Request") -> Response:
        self.requests.append(request)
        self.bodies.append(b"".join(pieces(request.body, 65_536)) if request.body else b"")
        assert self.answers, "no answer left for %r" % request
        answer = self.answers.pop(0)
        if isinstance(answer, AgentError):
            raise answer
        return answer if isinstance(answer, Response) else answer(request)
