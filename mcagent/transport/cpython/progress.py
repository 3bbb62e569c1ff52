"""One request under way: its bounds in time, and what it had come to when it failed."""

import socket
import sys
from threading import Event, Lock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .dialing import Resolver
    from .pace import Pace
    from .proxies import Proxy

_BYTES_ACKED = slice(120, 128)  # of Linux's struct tcp_info, since 4.1

# Steps of a request, in their order.
RESOLVE, CONNECT, TUNNEL, TLS, SEND, ANSWER = range(6)


class Progress:
    """One request under way: its bounds in time, and what it had come to when it failed.

    Attributes:
        step: The step under way, `RESOLVE` to `ANSWER`.
        reused: It runs on a kept-alive connection.
        sent: Every byte of the request went out.
        answered: At least one byte of the answer came back.
        tunnelled: The proxy has connected us to the host; bytes now go to the host.
        expired: The deadline, not silence, ended it.
        broken: `break_off` ended it.
        verify_code: OpenSSL's number for what was wrong with a certificate, else 0.
        take_certificates: Gets the validities of the certificates of a connection whose dates
            OpenSSL did not check; raises where they are not good.
        over: Set when the request has come to its end.
        proxy_status: What the proxy answered to CONNECT when it refused, else 0.
        proxy_schemes: How the proxy wants to be asked, words of ``Proxy-Authenticate``.
    """

    def __init__(
        self,
        *,
        host: str,
        proxy: "Proxy | None",
        connect_timeout_s: float,
        silence_s: float,
        total_s: float,
        resolver: "Resolver",
        pace: "Pace | None" = None,
    ) -> None:
        self.host = host
        self.proxy = proxy
        self.connect_timeout_s = connect_timeout_s
        self.silence_s = silence_s
        self.total_s = total_s
        self.resolver = resolver
        self.pace = pace
        self.broken = False
        self.take_certificates: "Callable[[list[tuple[int, int]]], None] | None" = None
        self.over = Event()
        self._deadline_s = monotonic() + total_s
        self._lock = Lock()
        self._woken = Event()
        self._handle: "socket.socket | None" = None
        self.restart()

    def restart(self) -> None:
        """Forget an attempt; the deadline stays."""
        self.step = RESOLVE
        self.reused = False
        self.sent = False
        self.answered = False
        self.tunnelled = False
        self.expired = False
        self.verify_code = 0
        self.proxy_status = 0
        self.proxy_schemes = ""

    def hold(self, sock: "Any") -> None:
        """Remember *sock*, so that `break_off` can shut it down; None forgets it.

        Raises:
            ConnectionError: It is broken off already.
        """
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
            if sock is not None and not self.broken:
                # A descriptor of its own: TLS takes the socket over, object and all, and shutting
                # down a number that was closed meanwhile would hit a stranger.
                self._handle = socket.fromfd(sock.fileno(), sock.family, sock.type)
        if self.broken:
            raise ConnectionAbortedError("broken off")

    def break_off(self) -> None:
        """End the request from another thread: whatever it waits for returns at once."""
        with self._lock:
            self.broken = True
            self._woken.set()
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the peer was faster

    def left_s(self) -> float:
        """How long it may still take, whatever happens; below 0 it is given up just now."""
        return self._deadline_s - monotonic()

    def finish(self) -> None:
        """The request has come to its end."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
        self.over.set()

    def wait_s(self) -> float:
        """How long the next operation on the socket may take.

        Raises:
            TimeoutError: The deadline is over.
            ConnectionError: `break_off` was called.
        """
        if self.broken:
            raise ConnectionAbortedError("broken off")
        bound = self.silence_s
        if self.step < SEND:
            # A resolver has time-outs of its own, for each of its servers.
            bound = self.total_s if self.step == RESOLVE else self.connect_timeout_s
        left = self._deadline_s - monotonic()
        self.expired = left < bound  # should this wait time out, it is for the deadline
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, bound)

    def nap(self, duration_s: float) -> None:
        """Wait; `break_off` ends it."""
        self._woken.wait(duration_s)

    def patiently(self, sock: "Any", operation: "Callable[[Any], int]", buffer: "Any") -> int:
        """Call *operation* of *sock* with *buffer*, for as long as the peer is not silent.

        The kernel takes up to megabytes at once and hands them to a slow link for minutes; it
        wakes a writer only when a third of that is free. As long as the peer acknowledges some of
        it, the peer is not silent.
        """
        while True:
            acknowledged = _acknowledged_bytes(sock)
            sock.settimeout(self.wait_s())
            try:
                return operation(buffer)
            except TimeoutError:
                if self.expired or _acknowledged_bytes(sock) <= acknowledged:
                    raise


def _acknowledged_bytes(sock: "Any") -> int:
    """What the peer has acknowledged on this connection; 0 where the kernel does not tell.

    Not how much the kernel holds: a record of TLS that it has taken a part of adds to that while
    the peer takes from it.
    """
    if sys.platform == "linux":
        try:
            # Through a proxy over TLS: urllib3's TLS within TLS stands on the proxy's socket.
            below = getattr(sock, "socket", sock)
            info = below.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
            return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)
        except OSError:
            pass  # no TCP, as in a test
    return 0
