"""A TCP path that really closes."""

import socket
import threading

import pytest

from mcagent.cli.relay import Relay


@pytest.fixture
def echo_port():
    """A server that sends back what it gets, and counts its connections."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_one(connection):
        with connection:
            while piece := connection.recv(65536):
                connection.sendall(piece)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(serve_one, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(20)
    listener.close()


def _quietly(function, argument):
    try:
        function(argument)
    except OSError:
        pass


def ended(connection):
    """True when the peer has closed, in order or by a reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def talk(connection, data):
    connection.sendall(data)
    received = b""
    while len(received) < len(data):
        received += connection.recv(65536)
    return received


def test_forwards_both_ways_whole(echo_port):
    """Bytes arrive in order and complete, and the end of one direction reaches the other side."""
    data = bytes(range(256)) * 4000
    with Relay(echo_port) as relay, socket.create_connection(("127.0.0.1", relay.port)) as ours:
        sender = threading.Thread(
            target=lambda: (ours.sendall(data), ours.shutdown(socket.SHUT_WR))
        )
        sender.start()
        received = b""
        while piece := ours.recv(65536):
            received += piece
        sender.join()
        assert received == data
        assert relay.connections == 1


def test_cut_ends_connections_and_refuses_new_ones(echo_port):
    """After the cut nothing answers, neither on the old connection nor on a new one."""
    with Relay(echo_port) as relay:
        ours = socket.create_connection(("127.0.0.1", relay.port))
        assert talk(ours, b"hello") == b"hello"
        relay.cut()
        assert ended(ours)
        ours.close()
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", relay.port), timeout=20)


def test_restore_listens_on_the_same_port_again(echo_port):
    """Cut and restored many times, the port stays and the path works."""
    with Relay(echo_port) as relay:
        port = relay.port
        for _ in range(5):
            relay.cut()
            relay.restore()
            with socket.create_connection(("127.0.0.1", port), timeout=20) as ours:
                assert talk(ours, b"again") == b"again"
        assert relay.port == port


def test_cut_port_is_given_to_nobody_else(echo_port):
    """While it is cut the port is kept, so that restoring cannot fail."""
    with Relay(echo_port) as relay:
        relay.cut()
        with pytest.raises(OSError, match="in use"), socket.socket() as other:
            other.bind(("127.0.0.1", relay.port))


def test_dead_target_resets_the_caller():
    """Nothing listens behind the relay: the caller is not left hanging."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Relay(port) as relay:
        try:
            with socket.create_connection(("127.0.0.1", relay.port), timeout=30) as ours:
                assert ended(ours)
        except (ConnectionResetError, BrokenPipeError):
            pass  # reset before connect() returned


def test_close_leaves_no_thread(echo_port):
    """All threads of a relay have ended once it is closed."""
    with Relay(echo_port) as relay:
        connection = socket.create_connection(("127.0.0.1", relay.port))
        assert talk(connection, b"x") == b"x"
        assert "relay" in {thread.name for thread in threading.enumerate()}
    connection.close()
    assert "relay" not in {thread.name for thread in threading.enumerate()}
