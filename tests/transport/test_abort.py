"""A request under way is broken off from another thread, and bounded by its caller's time."""

import socket
import threading
import time

import pytest

from mcagent.errors import TransportError
from mcagent.transport import cpython
from mcagent.transport.http import Request
from tests import leftovers
from tests.patience import wait_until, with_more_time
from tests.transport.servers import Server
from tests.transport.test_requests import GeneratedBody, refused


class InThread:
    """A request in a thread of its own, and what became of it."""

    def __init__(self, transport, request):
        self.error = self.response = None
        self._thread = threading.Thread(target=self._run, args=(transport, request))
        self._thread.start()

    def _run(self, transport, request):
        try:
            self.response = transport.send(request)
        except TransportError as error:
            self.error = error

    def join(self, timeout_s):
        """Seconds until it ended."""
        began_s = time.monotonic()
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the request goes on"
        return time.monotonic() - began_s


def broken_off(transport, request, begun, reached=lambda _progress: True):
    """Send *request*, wait until it has *begun* and *reached* its point, close the transport.

    Gives the error.
    """
    sent = InThread(transport, request)
    assert begun.wait(30)
    wait_until(lambda: all(map(reached, list(transport._under_way))))
    time.sleep(0.05)  # into the wait that is to be broken
    began_s = time.monotonic()
    transport.close()
    sent.join(30)
    assert time.monotonic() - began_s < 30  # the peers here are silent for sixty
    assert sent.response is None
    assert sent.error.kind == "aborted"
    return str(sent.error)


@pytest.mark.parametrize("secure", [True, False])
def test_request_that_is_never_answered_is_broken_off(localhost_context, new_transport, secure):
    """The peer has read it all and is silent; the transport can be used again."""
    read = threading.Event()

    def talk(connection):
        connection.read_request()
        if connection.number == 1:
            read.set()
            server.stopped.wait(60)
        connection.answer()

    with Server(talk, context=localhost_context if secure else None) as server:
        transport = new_transport()
        request = Request("POST", server.url, body=b"x")
        words = broken_off(transport, request, read, lambda progress: progress.sent)
        assert "before it answered" in words
        assert transport.send(Request("GET", server.url)).status == 200


@pytest.mark.parametrize("secure", [True, False])
def test_request_on_a_kept_connection_is_broken_off(localhost_context, new_transport, secure):
    """The second request of a connection, which was made by the first; it is not repeated."""
    read = threading.Event()

    def talk(connection):
        connection.read_request()
        connection.answer()
        connection.read_request()
        read.set()
        server.stopped.wait(60)

    with Server(talk, context=localhost_context if secure else None) as server:
        transport = new_transport()
        transport.send(Request("GET", server.url))
        broken_off(transport, Request("GET", server.url), read)
        assert server.connections == 1


@pytest.mark.parametrize("secure", [True, False])
def test_body_that_nobody_reads_is_broken_off(localhost_context, new_transport, secure):
    """Every buffer on the way is full."""
    begun = threading.Event()

    def talk(connection):
        connection.read_head()
        begun.set()
        server.stopped.wait(60)

    with Server(talk, context=localhost_context if secure else None) as server:
        request = Request("POST", server.url, body=GeneratedBody(20_000_000, 65_536))
        assert "while the request was being sent" in broken_off(new_transport(), request, begun)


def test_answer_that_stopped_midway_is_broken_off(new_transport):
    """Half an answer is none."""
    begun = threading.Event()

    def talk(connection):
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")
        begun.set()
        server.stopped.wait(60)

    with Server(talk) as server:
        request = Request("GET", server.url)
        words = broken_off(new_transport(), request, begun, lambda progress: progress.answered)
    assert "in the middle of its answer" in words


def test_handshake_that_never_comes_is_broken_off(new_transport):
    """The kernel of the peer took the connection, its program does not."""
    begun = threading.Event()

    def talk(connection):
        begun.set()
        server.stopped.wait(60)

    with Server(talk) as server:
        request = Request("GET", f"https://localhost:{server.port}")
        assert "before a connection stood" in broken_off(new_transport(), request, begun)


def test_connecting_without_a_sign_is_broken_off(new_transport, monkeypatch):
    """A full backlog drops SYNs, like a firewall does."""
    begun = threading.Event()
    real = socket.socket.settimeout

    def settimeout(sock, value):
        begun.set()
        real(sock, value)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        monkeypatch.setattr(socket.socket, "settimeout", settimeout)
        try:
            request = Request("GET", f"https://127.0.0.1:{port}")
            assert "before a connection stood" in broken_off(new_transport(), request, begun)
        finally:
            for filler in fillers:
                filler.close()


@pytest.fixture
def dead_resolver(monkeypatch):
    """A resolver that answers nobody until it is released; how many asked."""
    asked = threading.Semaphore(0)
    released = threading.Event()
    questions = []

    def getaddrinfo(host, *_args, **_kwargs):
        questions.append(host)
        asked.release()
        released.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    asked.wait = lambda timeout_s: asked.acquire(timeout=timeout_s)
    asked.questions = questions
    yield asked
    released.set()
    for thread in threading.enumerate():
        if thread.name == "mcagent-dns":
            thread.join(60)


def test_lookup_without_an_answer_is_broken_off(new_transport, dead_resolver):
    """The resolver itself cannot be interrupted: it is left to its thread."""
    request = Request("GET", "https://southgate.example/")
    broken_off(new_transport(), request, dead_resolver)


def test_lookups_for_one_name_are_one_thread(new_transport, dead_resolver):
    """An hour with a dead name server collects no threads."""
    transport = new_transport()
    for _ in range(4):
        request = Request("GET", "https://southgate.example/")
        request.total_s = 0.05
        error = refused(transport, request)
        assert error.kind == "dns"
        assert "no name server answered yet" in str(error)
    assert dead_resolver.questions == ["southgate.example"]
    assert [thread.name for thread in threading.enumerate()].count("mcagent-dns") == 1


def test_answer_that_exists_only_once_is_waited_for(tls_server, localhost_context, new_transport):
    """A registration that is broken off may have used up the initial access token."""
    read = threading.Event()

    def talk(connection):
        connection.read_request()
        read.set()
        server.stopped.wait(0.4)
        connection.answer()

    with Server(talk, context=localhost_context) as server:
        transport = new_transport()
        request = Request("POST", server.url, body=b"x")
        request.once = True
        sent = InThread(transport, request)
        assert read.wait(30)
        transport.close()
        sent.join(20)
    assert sent.response.status == 200


def test_answer_that_exists_only_once_is_not_waited_for_without_end(new_transport, monkeypatch):
    """After the grace it is broken off like any other."""
    monkeypatch.setattr(cpython, "ONCE_GRACE_S", 0.3)
    read = threading.Event()

    def talk(connection):
        connection.read_request()
        read.set()
        server.stopped.wait(60)

    with Server(talk) as server:
        request = Request("POST", server.url, body=b"x")
        request.once = True
        broken_off(new_transport(), request, read)


@pytest.mark.parametrize("secure", [True, False])
def test_request_ends_with_its_callers_time(localhost_context, new_transport, secure):
    """`total_s` bounds a request whose peer is silent, and says so."""

    def talk(connection):
        connection.read_request()
        server.stopped.wait(60)

    def bounded(total_s):
        request = Request("GET", server.url)
        request.total_s = total_s
        began_s = time.monotonic()
        error = refused(new_transport(), request)
        assert 0.9 * total_s < time.monotonic() - began_s < 30
        assert error.kind == "timeout"  # and not in the handshake
        assert f"longer than {total_s} s" in str(error)

    with Server(talk, context=localhost_context if secure else None) as server:
        with_more_time(bounded, 0.4, 5)


def test_descriptors_stay_flat(tls_server, new_transport):
    """What is remembered for breaking off is given back with each request."""
    transport = new_transport()
    transport.send(Request("GET", tls_server.url))
    before = leftovers.descriptors()
    for _ in range(20):
        transport.send(Request("GET", tls_server.url))
    assert leftovers.descriptors() <= before
