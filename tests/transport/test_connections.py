"""Connections: kept, replaced, and never waited for without end."""

import socket
import time

import pytest

from mcagent.errors import TransportError
from mcagent.transport import cpython
from mcagent.transport.cpython import connections
from mcagent.transport.http import Request
from tests.patience import with_more_time
from tests.transport.servers import Server
from tests.transport.test_requests import GeneratedBody, refused


@pytest.mark.parametrize("secure", [True, False])
def test_connection_is_kept(localhost_context, new_transport, secure):
    """Twenty requests, one connection, one handshake."""
    with Server(context=localhost_context if secure else None) as server:
        transport = new_transport()
        for number in range(20):
            body = b"b" * 70_000 if number % 2 else None
            transport.send(Request("POST" if body else "GET", server.url, body=body))
        assert server.connections == 1
        assert len(server.requests) == 20


def test_close_gives_the_connection_back(tls_server, new_transport):
    """After `close` the next request opens another."""
    transport = new_transport()
    transport.send(Request("GET", tls_server.url))
    transport.close()
    transport.close()
    assert transport.send(Request("GET", tls_server.url)).status == 200
    assert tls_server.connections == 2


def closing_after(requests, *, wait_for_next=False):
    """A talk that closes each connection after some answers, or in place of the next one."""

    def talk(connection):
        for _ in range(requests):
            connection.read_request()
            connection.answer()
        if wait_for_next:
            connection.read_request()

    return talk


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("body_bytes", [0, 10, 1_000_000])
def test_connection_closed_between_requests_is_replaced(
    localhost_context, new_transport, secure, body_bytes
):
    """The peer's idle time was shorter than ours: nobody notices."""
    with Server(closing_after(1), context=localhost_context if secure else None) as server:
        transport = new_transport()
        for _ in range(3):
            body = GeneratedBody(body_bytes, 65_536) if body_bytes else None
            request = Request("POST", server.url, body=body)
            assert transport.send(request).status == 200
            time.sleep(0.01)
        assert server.connections == 3


@pytest.mark.parametrize("secure", [True, False])
def test_connection_closed_as_the_request_arrives_is_replaced(
    localhost_context, new_transport, secure
):
    """The race that every keep-alive has: the request is repeated, its body read anew."""
    talk = closing_after(1, wait_for_next=True)
    with Server(talk, context=localhost_context if secure else None) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))
        body = GeneratedBody(200_000, 1000)
        assert transport.send(Request("POST", server.url, body=body)).status == 200
        assert body.passes == 2
        assert server.connections == 2


def test_a_request_that_must_be_single_is_not_repeated(new_transport):
    """The same race, for what the peer would do twice: an event, a delete."""
    with Server(closing_after(1, wait_for_next=True)) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))
        request = Request("POST", server.url, body=b"{}")
        request.single = True
        with pytest.raises(TransportError) as caught:
            transport.send(request)
        assert caught.value.kind == "closed"
        assert server.connections == 1


def test_lost_repetition_does_not_pass_for_a_request_never_sent(new_transport):
    """The first attempt may have taken effect, whatever the second one met."""

    def talk(connection):
        connection.read_request()
        connection.answer()
        connection.read_request()
        server.refuse()

    with Server(talk) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))
        error = refused(transport, Request("PUT", server.url, body=b"x"))
    assert error.kind == "closed"
    assert "before it answered; then: " in str(error)
    assert "refused" in str(error)


def test_fresh_connection_closed_without_an_answer_is_an_error(tls_server, new_transport):
    """A request is repeated once at most, and only where the connection was an old one."""
    with Server(lambda connection: connection.read_request()) as server:
        error = refused(new_transport(), Request("POST", server.url, body=b"x"))
        assert error.kind == "closed"
        assert "before it answered" in str(error)
        assert server.connections == 1


def test_answer_begun_on_an_old_connection_is_not_asked_for_again(new_transport):
    """The service has acted: the caller decides."""

    def talk(connection):
        connection.read_request()
        connection.answer()
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 200")

    with Server(talk) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))
        error = refused(transport, Request("POST", server.url, body=b"x"))
        assert error.kind == "closed"
        assert "middle of its answer" in str(error)
        assert server.connections == 1


def test_connection_that_slept_too_long_is_not_tried(tls_server, new_transport, monkeypatch):
    """A NAT router that has forgotten it would swallow the request without a word."""
    transport = new_transport()
    transport.send(Request("GET", tls_server.url))
    later = time.monotonic() + connections.IDLE_MAX_S + 1
    monkeypatch.setattr(connections, "monotonic", lambda: later)
    transport.send(Request("GET", tls_server.url))
    assert tls_server.connections == 2


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (b"", "before it answered"),
        (b"HTTP/1.1 200 O", "middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "middle"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", "middle"),
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_answer_cut_short_is_no_answer(localhost_context, new_transport, cut, words, secure):
    """Half a 200 acknowledges nothing."""

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(cut)

    with Server(talk, context=localhost_context if secure else None) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "closed"
    assert words in str(error)
    assert f":{server.port}" in str(error)


def test_reset_in_mid_answer_is_told_as_such(new_transport):
    """A link cut by a firewall's RST."""

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")
        time.sleep(0.05)
        connection.reset()

    with Server(talk) as server:
        assert refused(new_transport(), Request("GET", server.url)).kind == "closed"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01\x02\r\n\r\n"])
def test_something_else_on_the_port_is_told_as_such(new_transport, answer):
    """Not HTTP at all."""

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(answer)

    with Server(talk) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert (error.kind, "not HTTP" in str(error)) == ("other", True)


def timed(transport, request):
    started = time.monotonic()
    error = refused(transport, request)
    return error, time.monotonic() - started


def test_silent_peer_is_given_up(localhost_context, new_transport):
    """A half-open connection: taken, and then nothing."""

    def talk(connection):
        connection.read_request()
        server.stopped.wait(60)

    with Server(talk, context=localhost_context) as server:
        error, took_s = timed(new_transport(read_timeout_s=0.3), Request("GET", server.url))
    assert error.kind == "timeout"
    assert "silent for 0.3 s before it answered" in str(error)
    assert 0.25 < took_s < 30


def test_request_has_its_own_silence(new_transport):
    """`timeout_s` of the request goes before the transport's."""

    def talk(connection):
        connection.read_request()
        server.stopped.wait(60)

    with Server(talk) as server:
        request = Request("GET", server.url, timeout_s=0.2)
        error, took_s = timed(new_transport(read_timeout_s=60), request)
    assert (error.kind, took_s < 30) == ("timeout", True)


@pytest.mark.parametrize("secure", [True, False])
def test_peer_that_stops_reading_is_given_up(localhost_context, new_transport, secure):
    """The body fills every buffer on the way, and then nothing moves."""

    def talk(connection):
        connection.read_head()
        server.stopped.wait(60)

    with Server(talk, context=localhost_context if secure else None) as server:
        body = GeneratedBody(20_000_000, 65_536)
        request = Request("POST", server.url, body=body)
        error, took_s = timed(new_transport(read_timeout_s=0.4), request)
    assert error.kind == "timeout"
    assert "while the request was being sent" in str(error)
    assert took_s < 30


def test_slow_reader_that_moves_is_waited_for(new_transport):
    """Silence is what ends a request, not the time that one piece takes."""

    def slowly(silence_s):
        def talk(connection):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
            connection.read_head()
            left = 600_000 - len(connection.take())
            while left:
                time.sleep(silence_s / 25)
                left -= len(connection.sock.recv(8192))
            connection.answer()

        with Server(talk) as server:
            body = GeneratedBody(600_000, 600_000)
            request = Request("POST", server.url, body=body)
            try:
                assert new_transport(read_timeout_s=silence_s).send(request).status == 200
            except TransportError as error:
                raise AssertionError(f"{error}") from error

    with_more_time(slowly, 0.25, 1, 4)


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"]
)
def test_dripping_answer_is_bounded_in_all(new_transport, monkeypatch, start):
    """A byte now and then defeats every time-out for silence; the total bound ends it."""

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(start)
        while not connection.stopped.wait(0.05):
            connection.sock.sendall(b"a")

    def bounded(total_s):
        monkeypatch.setattr(cpython, "TOTAL_TIMEOUT_S", total_s)
        with Server(talk) as server:
            error, took_s = timed(new_transport(), Request("GET", server.url))
        assert error.kind == "timeout"  # and not before a connection stood
        assert f"longer than {total_s} s" in str(error)
        assert took_s < 30

    with_more_time(bounded, 0.6, 5)


def test_dripping_reader_is_bounded_in_all(new_transport, monkeypatch):
    """The same while the body goes out."""
    monkeypatch.setattr(cpython, "SLOWEST_BYTES_PER_S", 1_000_000_000)

    def talk(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.read_head()
        while not connection.stopped.wait(0.02):
            connection.sock.recv(4096)

    def bounded(total_s):
        monkeypatch.setattr(cpython, "TOTAL_TIMEOUT_S", total_s)
        with Server(talk) as server:
            request = Request("POST", server.url, body=GeneratedBody(20_000_000, 65_536))
            error, took_s = timed(new_transport(), request)
        assert (error.kind, took_s < 30) == ("timeout", True)

    with_more_time(bounded, 0.6, 5)


def test_peer_that_never_shakes_hands_is_given_up(new_transport):
    """TCP is taken by a kernel whose program hangs."""
    with Server(lambda _connection: server.stopped.wait(60)) as server:
        url = f"https://localhost:{server.port}"
        error, took_s = timed(new_transport(connect_timeout_s=0.3), Request("GET", url))
    assert error.kind == "tls"
    assert "silent for 0.3 s in the TLS handshake" in str(error)
    assert took_s < 30


def test_port_without_a_listener_refuses(new_transport):
    """Measured: the host is there, the service is not."""
    with Server() as server:
        pass
    error = refused(new_transport(), Request("GET", f"https://localhost:{server.port}"))
    assert error.kind == "connect"
    assert "refused" in str(error)
    assert "nothing listens" in error.hint


def test_address_that_swallows_packets_is_given_up(new_transport):
    """A full backlog drops SYNs, like a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        try:
            request = Request("GET", f"https://127.0.0.1:{port}")
            error, took_s = timed(new_transport(connect_timeout_s=0.3), request)
        finally:
            for filler in fillers:
                filler.close()
    assert error.kind == "connect"
    assert "gave no sign" in str(error)
    assert took_s < 30


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (socket.EAI_NONAME, "there is no such name"),
        (socket.EAI_AGAIN, "no name server answered"),
        (socket.EAI_FAIL, "of the resolver"),
    ],
)
def test_name_that_does_not_resolve_is_told_by_its_cause(new_transport, monkeypatch, code, words):
    """No name and no name server are two things, and neither is a clock."""

    def getaddrinfo(*_args):
        raise socket.gaierror(code, "words of the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    error = refused(new_transport(), Request("GET", "https://southgate.example/"))
    assert error.kind == "dns"
    assert words in str(error)
    assert "southgate.example" in str(error)
    assert "clock" not in str(error) + error.hint


def test_impossible_host_name_is_told_as_such(new_transport):
    """A label of 64 characters exists in no DNS."""
    error = refused(new_transport(), Request("GET", f"https://{'a' * 64}.example/"))
    assert error.kind == "dns"


def test_nagle_is_off(tls_server, new_transport, monkeypatch):
    """Nothing waits 40 ms for a delayed ACK."""
    seen = []
    original = connections._TlsConnection.request

    def request(self, *args, **kwargs):
        seen.append(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        original(self, *args, **kwargs)

    monkeypatch.setattr(connections._TlsConnection, "request", request)
    new_transport().send(Request("GET", tls_server.url))
    assert seen[0]


def test_errors_are_of_one_kind(new_transport):
    """Whatever fails on the way, a caller catches `TransportError` and may try again."""
    error = refused(new_transport(), Request("GET", "https://localhost:1/"))
    assert isinstance(error, TransportError)
    assert error.retryable
