# portable
"""Requests, answers, and the pieces that a body is sent in."""

from mcagent.errors import TransportError
from mcagent.transport.http import Body, BytesBody, Request, Response, Transport, pieces
from tests.helpers import raises


class ChunkedBody(Body):
    """A body that yields what it is given, whatever length it announces."""

    def __init__(self, length, chunks, error=None):
        self.length = length
        self._chunks = chunks
        self._error = error

    def chunks(self):
        for chunk in self._chunks:
            yield chunk
        if self._error:
            raise self._error


def test_request_has_a_correlation_id_of_its_own():
    """32 lower-case hex digits, new for each request (specification of the agent API, 11.4)."""
    first, second = (Request("GET", "https://example/").correlation_id for _ in range(2))
    assert first != second
    assert len(first) == 32
    assert all(digit in "0123456789abcdef" for digit in first)


def test_request_shows_neither_headers_nor_body_nor_query():
    """A request may be logged."""
    text = repr(Request("POST", "https://example/x?t=SECRET", {"A": "SECRET"}, b"SECRET"))
    assert "SECRET" not in text
    assert "https://example/x" in text


def test_bytes_are_a_body_and_none_is_none():
    """An empty body is a body: its length 0 is sent."""
    assert b"".join(Request("PUT", "https://example/", body=b"ab").body.chunks()) == b"ab"
    empty = Request("PUT", "https://example/", body=b"").body
    assert empty.length == 0
    assert list(empty.chunks()) == []
    assert Request("GET", "https://example/").body is None


def test_header_names_of_an_answer_ignore_case():
    """RFC 9110 section 5.1."""
    response = Response(429, {"retry-after": "7"})
    assert response.header("Retry-After") == "7"
    assert response.header("Server-Time") == ""


def test_reason_reads_every_family_of_error():
    """The shapes of the specification of the agent API, section 11.1."""
    bodies = (
        (b'{"id":"","message":"not valid"}', "not valid"),
        (b'{"error":"invalid","error_description":"[1f] x"}', "invalid: [1f] x"),
        (b'{"error":"too_many_requests"}', "too_many_requests"),
        (b'{"errors":[{"code":"c","logref":"1","message":"wrong unit"}]}', "wrong unit"),
        (b'{"errors":[{"code":"only.code"}]}', "only.code"),
        (b"plain\n words ", "plain words"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b'{"message":5}', '{"message":5}'),
        (b"\xff\xfe\xff\xfe\xff", "5 bytes that are not text"),
        (b"", ""),
    )
    for body, words in bodies:
        assert Response(400, {}, body).reason() == words, body


def test_reason_is_cut_between_characters():
    """200 characters at most, also where 800 bytes end within one."""
    assert Response(400, {}, b"x" + "ü".encode() * 900).reason() == "x" + "ü" * 199


def test_pages_for_people_are_recognised():
    """A captive portal's 200 is no success."""
    assert Response(200, {"content-type": "text/HTML; charset=utf-8"}, b"hi").is_html()
    assert Response(200, {}, b"\n <HTML><body>").is_html()
    assert not Response(200, {"content-type": "application/json"}, b"{}").is_html()


def test_json_of_something_else_is_none():
    """Answers that are not JSON are no exception."""
    assert Response(200, {}, b'{"a": [1]}').json() == {"a": [1]}
    assert Response(200, {}, b"{").json() is None
    assert Response(200, {}, b"\xff").json() is None


def test_small_chunks_are_joined_and_large_ones_left_alone():
    """One write a piece, whatever the chunks of the body."""
    body = ChunkedBody(12, [b"ab", b"cd", b"efghij", b"kl"])
    assert list(pieces(body, 4)) == [b"abcd", b"efghij", b"kl"]
    assert list(pieces(BytesBody(b"abcdef"), 4)) == [b"abcdef"]
    assert list(pieces(BytesBody(b""), 4)) == []


def test_wrong_count_withholds_the_last_piece():
    """A body that is shorter, longer or unreadable is never complete at the peer."""
    long = ChunkedBody(4, [b"abcd", b"e"])
    short = ChunkedBody(5, [b"ab", b"cd"])
    broken = ChunkedBody(4, [b"ab", b"cd"], OSError(5))
    for body, word in ((long, "at least 5"), (short, "only 4"), (broken, "cannot be read")):
        sent = []
        error = raises(TransportError, collect, pieces(body, 1), sent)
        assert error.kind == "body", error
        assert word in str(error), error
        assert len(b"".join(sent)) < 4


def collect(iterator, into):
    for item in iterator:
        into.append(item)


def test_interface_alone_cannot_send():
    """`Transport` is what implementations fill in."""
    raises(NotImplementedError, Transport().send, Request("GET", "https://example/"))
