"""What goes out and what comes back, on real sockets."""

import gzip
import traceback
import tracemalloc
import zlib

import pytest

from mcagent.errors import ConfigurationError, TransportError
from mcagent.transport import cpython, http
from mcagent.transport.http import Body, Request
from tests.transport.servers import Server


class GeneratedBody(Body):
    """*length* bytes in chunks of *chunk_bytes*, made as they are asked for."""

    def __init__(self, length, chunk_bytes, *, yields=None):
        self.length = length
        self._yields = length if yields is None else yields
        self._chunk_bytes = chunk_bytes
        self.passes = 0

    def chunks(self):
        self.passes += 1
        left = self._yields
        while left:
            size = min(left, self._chunk_bytes)
            yield b"x" * size
            left -= size


def answering(status=200, body=b"{}", headers=(), repeat=True):
    """A talk that gives the same answer to every request and keeps the requests."""

    def talk(connection):
        while request := connection.read_request():
            talk.requests.append(request)
            connection.answer(status, body, headers)
            if not repeat:
                return

    talk.requests = []
    return talk


def refused(transport, request):
    with pytest.raises(TransportError) as caught:
        transport.send(request)
    return caught.value


def test_every_request_names_its_sender_and_itself(tls_server, new_transport):
    """Correlation-ID, User-Agent and Accept go with each; the caller's headers win."""
    request = Request("GET", tls_server.url + "/a?b=c%20d", {"Accept": "x/y", "If-Match": "0"})
    assert new_transport().send(request).status == 200
    seen = tls_server.requests[0]
    assert (seen.method, seen.path) == ("GET", "/a?b=c%20d")
    assert seen.headers["correlation-id"] == request.correlation_id
    assert seen.headers["user-agent"].startswith("mcagent/")
    assert seen.headers["accept"] == "x/y"
    assert seen.headers["if-match"] == "0"
    assert seen.headers["host"] == f"localhost:{tls_server.port}"
    assert "content-length" not in seen.headers
    assert "transfer-encoding" not in seen.headers


def test_user_agent_is_a_setting(tls_server, new_transport):
    """Gateways sort devices by it."""
    new_transport(user_agent="press-line/7").send(Request("GET", tls_server.url))
    assert tls_server.requests[0].headers["user-agent"] == "press-line/7"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_body_and_its_length_arrive(tls_server, new_transport, method):
    """Content-Length, never chunked: the platform's gateway was only seen with the former."""
    new_transport().send(Request(method, tls_server.url, {"Content-Type": "a/b"}, b"hello"))
    seen = tls_server.requests[0]
    assert seen.body == b"hello"
    assert seen.headers["content-length"] == "5"
    assert seen.headers["content-type"] == "a/b"
    assert "transfer-encoding" not in seen.headers


@pytest.mark.parametrize("body", [None, b""])
def test_empty_post_says_that_it_is_empty(tls_server, new_transport, body):
    """RFC 9110 section 8.6: a POST without content sends Content-Length: 0."""
    new_transport().send(Request("POST", tls_server.url, body=body))
    assert tls_server.requests[0].headers["content-length"] == "0"


@pytest.mark.parametrize("status", [200, 201, 204, 302, 304, 401, 404, 413, 429, 500, 503])
def test_every_status_is_an_answer(new_transport, status):
    """Also a redirect: it is not followed, so that no token goes where nobody sent it."""
    body = b"" if status in (204, 304) else b'{"message":"m"}'
    headers = ("Location: http://localhost:1/", "Server-Time: 5", "X-Two: a", "X-Two: b")
    with Server(answering(status, body, headers)) as server:
        response = new_transport().send(Request("GET", server.url))
        assert (response.status, response.body) == (status, body)
        assert response.header("server-time") == "5"
        assert response.header("x-two") == "a, b"
        assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_post_reaches_nobody(new_transport, status):
    """A 307 or 308 asks for the same body, with the token, at another address."""
    with Server(answering(200, b"stolen")) as other:
        headers = ("Location: %s/exchange" % other.url,)
        with Server(answering(status, b"", headers)) as server:
            request = Request("POST", server.url, {"Authorization": "Bearer t"}, b"payload")
            assert new_transport().send(request).status == status
            assert server.connections == 1
        assert other.connections == 0


def test_head_and_first_piece_are_one_write(new_transport):
    """A small request is one packet and one TLS record, not two."""
    first_reads = []

    def talk(connection):
        first_reads.append(connection.sock.recv(65_536))
        connection.answer()

    with Server(talk) as server:
        new_transport().send(Request("POST", server.url, body=b"payload"))
    assert first_reads[0].endswith(b"\r\n\r\npayload")


def test_large_body_streams_in_constant_memory(localhost_context, new_transport):
    """9.9 MB go out as 9.9 MB, and the process holds a few pieces of them at most."""
    count = 0

    def talk(connection):
        nonlocal count
        connection.read_request()
        connection.answer()
        connection.read_head()
        count = len(connection.take())
        buffer = bytearray(65_536)
        while count < 9_900_000:
            count += connection.sock.recv_into(buffer)
        connection.answer()

    with Server(talk, context=localhost_context) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))  # what is loaded once does not count
        tracemalloc.start()
        try:
            transport.send(Request("POST", server.url, body=GeneratedBody(9_900_000, 1000)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert count == 9_900_000
    assert peak < 600_000


@pytest.mark.parametrize("yields", [99_999, 100_001, 90_000, 250_000])
def test_body_of_another_length_never_arrives_whole(localhost_context, new_transport, yields):
    """The connection is cut before the last piece: the peer cannot take it for complete."""
    arrived = []

    def talk(connection):
        arrived.append(connection.read_request())
        connection.answer()

    with Server(talk, context=localhost_context) as server:
        request = Request("POST", server.url, body=GeneratedBody(100_000, 1000, yields=yields))
        transport = new_transport()
        error = refused(transport, request)
        assert error.kind == "body"
    assert all(len(seen.body) < 100_000 for seen in arrived if seen)


def test_transport_works_on_after_a_wrong_body(tls_server, new_transport):
    """Only the connection is lost."""
    transport = new_transport()
    refused(transport, Request("POST", tls_server.url, body=GeneratedBody(9, 1, yields=8)))
    assert transport.send(Request("GET", tls_server.url)).status == 200


@pytest.mark.parametrize("secure", [True, False])
def test_refusal_in_mid_body_is_read(localhost_context, new_transport, secure):
    """A server that answers 413 and closes, most of the body unread, has answered."""

    def talk(connection):
        connection.read_head()
        connection.answer(413, b'{"message":"too large"}', ("Connection: close",))
        # Like nginx and others, which linger: a reset at once could overtake the answer.
        for _ in range(50):
            connection.sock.recv(16_384)

    with Server(talk, context=localhost_context if secure else None) as server:
        request = Request("POST", server.url, body=GeneratedBody(9_000_000, 65_536))
        response = new_transport().send(request)
    assert response.status == 413
    assert response.reason() == "too large"


def test_answer_beyond_the_bound_is_cut(tls_server, new_transport, monkeypatch):
    """A device's memory is not the peer's to fill; the status still counts."""
    monkeypatch.setattr("mcagent.transport.cpython.answers.MAX_ANSWER_BYTES", 100_000)
    with Server(answering(200, b"y" * 250_000)) as server:
        transport = new_transport()
        response = transport.send(Request("GET", server.url))
        assert response.status == 200
        assert response.body == b"y" * 100_000
        assert transport.send(Request("GET", server.url)).body == b"y" * 100_000
        assert server.connections == 2  # what was left unread went with its connection


def test_endless_answer_ends_at_the_bound(new_transport, monkeypatch):
    """Chunked without an end: read to the bound, and no further."""
    monkeypatch.setattr("mcagent.transport.cpython.answers.MAX_ANSWER_BYTES", 100_000)

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sock.sendall(b"2710\r\n" + b"z" * 10_000 + b"\r\n")

    with Server(talk) as server:
        assert len(new_transport().send(Request("GET", server.url)).body) == 100_000


def test_bound_is_what_the_interface_says():
    """The documented bound is the one in force."""
    from mcagent.transport.cpython import answers

    assert answers.MAX_ANSWER_BYTES == http.MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_answer_is_unpacked(new_transport, encoding, pack):
    """Pages of mappings shrink to a tenth on a slow link."""
    body = b'{"content":[' + b"1," * 50_000 + b"1]}"
    with Server(answering(200, pack(body), (f"Content-Encoding: {encoding}",))) as server:
        assert new_transport().send(Request("GET", server.url)).body == body


def test_compressed_answer_cannot_exceed_the_bound(new_transport, monkeypatch):
    """10 kB that unpack to 10 MB are cut like any other answer."""
    monkeypatch.setattr("mcagent.transport.cpython.answers.MAX_ANSWER_BYTES", 100_000)
    bomb = gzip.compress(bytes(10_000_000))
    with Server(answering(200, bomb, ("Content-Encoding: gzip",))) as server:
        assert len(new_transport().send(Request("GET", server.url)).body) == 100_000


def test_answer_that_is_not_the_gzip_it_claims(new_transport):
    """Some gateways label wrongly; that is no answer to act upon."""
    with Server(answering(200, b"plain", ("Content-Encoding: gzip",))) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "other"
    assert "compressed" in str(error)


def test_plain_http_is_for_loopback_only(new_transport):
    """Tokens never cross a network unencrypted."""
    for host in ("10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "example.com"):
        error = refused(new_transport(), Request("GET", f"http://{host}/"))
        assert "unencrypted" in str(error), host
        assert "https://" in error.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_plain_http_to_loopback_works(new_transport, host):
    """The emulator without TLS, on either family."""
    try:
        server = Server(host=host)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        name = f"[{host}]" if ":" in host else host
        assert new_transport().send(Request("GET", f"http://{name}:{server.port}/")).status == 200


@pytest.mark.parametrize(
    "url", ["ftp://localhost/", "localhost/x", "https://", "https://[::1/", ""]
)
def test_other_urls_are_refused(new_transport, url):
    """One clear sentence, whatever the service handed out as a URL."""
    assert refused(new_transport(), Request("GET", url)).kind == "other"


def test_header_that_http_forbids_is_refused_without_quoting_it(tls_server, new_transport):
    """A token with a line break from a broken answer must not end up in a log."""
    request = Request("GET", tls_server.url, {"Authorization": "Bearer Pl4nted\nSecret"})
    error = refused(new_transport(), request)
    assert error.kind == "other"
    assert "Authorization" in str(error)
    assert "Pl4nted" not in "".join(traceback.format_exception(error))


def test_unusable_ca_file_is_told_at_once(tmp_path, ca_file):
    """Not at the first upload, days later."""
    der = tmp_path / "ca.der"
    der.write_bytes(b"\x30\x82\x01")
    with pytest.raises(ConfigurationError, match="no certificate in PEM form"):
        cpython.Urllib3Transport(ca_file=str(der))
    with pytest.raises(ConfigurationError, match="No such file") as caught:
        cpython.Urllib3Transport(ca_file=str(tmp_path / "missing.pem"))
    assert caught.value.hint
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(TransportError, match="cannot read"):
        cpython.Urllib3Transport(ca_file=str(broken)).send(Request("GET", "https://localhost/"))
