# portable
"""The transport that ships for tests."""

from mcagent.errors import TransportError
from mcagent.transport.fake import FakeTransport
from mcagent.transport.http import Body, Request, Response
from tests.helpers import raises


def test_transcript_is_played_in_order():
    """Answers are returned, errors raised, functions asked; requests and bodies are kept."""
    transport = FakeTransport(
        [
            Response(503),
            TransportError("cut", kind="closed"),
            lambda request: Response(201, {}, request.url.encode()),
        ]
    )
    assert transport.send(Request("GET", "https://example/1")).status == 503
    error = raises(TransportError, transport.send, Request("POST", "https://example/2", body=b"b"))
    assert error.kind == "closed"
    assert transport.send(Request("PUT", "https://example/3")).body == b"https://example/3"
    assert [request.method for request in transport.requests] == ["GET", "POST", "PUT"]
    assert transport.bodies == [b"", b"b", b""]
    transport.close()


def test_request_beyond_the_transcript_is_a_failure():
    """A test sees at once what it did not expect."""
    error = raises(AssertionError, FakeTransport().send, Request("GET", "https://example/9"))
    assert "https://example/9" in str(error)


def test_body_is_counted_as_on_the_wire():
    """What a real transport would abort is aborted here."""

    class Liar(Body):
        length = 3

        def chunks(self):
            yield b"four"

    request = Request("POST", "https://example/", body=Liar())
    assert raises(TransportError, FakeTransport([Response(200)]).send, request).kind == "body"
