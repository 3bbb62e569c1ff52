"""A TCP path that can be cut: listener and connections really close, as when a cable is pulled.

The demo puts it between the agent and the local Insights Hub. A fault rule inside the hub would
only answer differently; here nothing answers.
"""

import socket
import struct
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_PIECE_BYTES = 65536
_ACCEPT_POLL_S = 0.05  # closing a listener does not wake accept() on every system
_CONNECT_TIMEOUT_S = 10
_END_TIMEOUT_S = 5  # a thread whose sockets are closed ends at once; this only bounds a bug
# SO_LINGER with 0 s: close() sends RST at once, and nothing of the connection lives on.
_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Forwards connections on a port of its own to 127.0.0.1:*target_port*; a context manager.

    >>> with Relay(hub.port) as relay:
    ...     relay.cut()

    Attributes:
        port: Where it listens, on 127.0.0.1; stays the same over `cut` and `restore`.
        connections: Connections accepted so far.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._paths: "list[_Path]" = []
        self._up = threading.Event()
        self.connections = 0
        self._listener = _bound_socket(0)
        self.port: int = self._listener.getsockname()[1]
        self.restore()

    def cut(self) -> None:
        """Close the listener and every connection; from here on connecting is refused."""
        with self._lock:
            if not self._up.is_set():
                return
            self._up.clear()
            paths, self._paths = self._paths, []
        self._listener.close()
        for path in paths:
            path.reset()
        self._acceptor.join(_END_TIMEOUT_S)
        for path in paths:
            path.join()
        # Bound, not listening: connecting is refused, and nobody else can be given the port.
        self._listener = _bound_socket(self.port)

    def restore(self) -> None:
        """Listen again, on the same port."""
        if self._up.is_set():
            return
        self._up.set()
        self._listener.settimeout(_ACCEPT_POLL_S)
        self._listener.listen()
        self._acceptor = _thread(self._accept)

    def close(self) -> None:
        """Cut for good."""
        self.cut()
        self._listener.close()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while self._up.is_set():
            try:
                near, _address = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return  # closed by cut()
            try:
                far = socket.create_connection(
                    ("127.0.0.1", self._target_port), timeout=_CONNECT_TIMEOUT_S
                )
            except OSError:
                _reset(near)
                continue
            with self._lock:
                if not self._up.is_set():  # cut() came between accept() and here
                    _reset(near)
                    _reset(far)
                    return
                self._paths = [path for path in self._paths if path.alive()]
                self.connections += 1  # before a byte can pass
                self._paths.append(_Path(near, far))


class _Path:
    """One connection: two sockets, and a thread for each direction."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._ends = (near, far)
        for end in self._ends:
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lock = threading.Lock()
        self._directions = 2
        self._threads = (
            _thread(lambda: self._forward(near, far)),
            _thread(lambda: self._forward(far, near)),
        )

    def reset(self) -> None:
        for end in self._ends:
            _reset(end)

    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(_END_TIMEOUT_S)

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(_PIECE_BYTES):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)  # the other direction may still have something to say
        except OSError:
            self.reset()
        with self._lock:
            self._directions -= 1
            over = self._directions == 0
        if over:
            for end in self._ends:
                end.close()


def _thread(target: "Callable[[], None]") -> threading.Thread:
    thread = threading.Thread(target=target, name="relay", daemon=True)
    thread.start()
    return thread


def _bound_socket(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def _reset(connection: socket.socket) -> None:
    """Close at once; a thread that waits in recv() on it wakes up."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the peer was faster
    connection.close()
