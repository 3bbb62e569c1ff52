"""urllib3's connections, each step of theirs bounded in time and written down.

What is overridden here exists alike in urllib3 1.26.12 to 2.x and in http.client of Python 3.10
to 3.13; `tests/transport` passes at both ends.
"""

import errno
import http.client
import io
import socket
import ssl
import warnings
from threading import local
from time import monotonic

import urllib3
from urllib3 import __version__ as _URLLIB3  # type: ignore[attr-defined]  # noqa: N812
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import SystemTimeWarning

from .dates import NO_CHECK_TIME, validities
from .dialing import dial
from .progress import ANSWER, SEND, TLS, TUNNEL, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .proxies import Proxy
    from .trust import Trust

# urllib3 guesses at clocks before it has connected; what we say of them was measured (dates.py).
warnings.filterwarnings("ignore", category=SystemTimeWarning)

# Gateways and NAT routers forget idle connections without a word: AWS load balancers after 60 s,
# mobile networks often after less than 5 min. A new handshake is cheaper than a silent minute.
IDLE_MAX_S = 55

# Nagle's algorithm would hold the last piece of a body for the peer's delayed ACK (40 ms); urllib3
# switches it off too, but not towards a proxy. Keep-alive probes find a peer that has vanished.
_SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
]


class _BoundedReader(io.RawIOBase):
    """In place of the socket's own reader, which refuses to go on after a time-out."""

    def __init__(self, raw: io.RawIOBase, sock: "Any", progress: Progress) -> None:
        self._raw = raw
        self._sock = sock
        self._progress = progress
        self.ended = False  # the peer has closed its side

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: "Any") -> int:
        count: int = self._progress.patiently(self._sock, self._sock.recv_into, buffer)
        if count:
            self._progress.answered = True
        else:
            self.ended = True
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedAnswer(http.client.HTTPResponse):
    """An answer whose every read is bounded; the headers too, drip they as they may."""

    def __init__(self, progress: Progress, sock: "Any", *args: "Any", **kwargs: "Any") -> None:
        super().__init__(sock, *args, **kwargs)
        self._progress = progress
        self._reader = _BoundedReader(self.fp.detach(), sock, progress)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        super().begin()
        if self._reader.ended:
            # http.client takes the end of the connection for the end of the headers: a 200 cut
            # off in its head, without its Content-Length, would look like a whole one.
            raise http.client.IncompleteRead(b"")

    def _read_status(self) -> "tuple[str, int, str]":
        answer: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        if self._progress.step == TUNNEL and answer[1] != 200:
            # http.client tells the status of a refused CONNECT in a text only, and drops the
            # headers, which say what the proxy wants.
            self._progress.proxy_status = answer[1]
            headers = http.client.parse_headers(self.fp)
            wanted = headers.get_all("Proxy-Authenticate", [])
            if answer[1] == 401:
                wanted += headers.get_all("WWW-Authenticate", [])
            self._progress.proxy_schemes = ", ".join(line.split(" ")[0] for line in wanted)
        return answer


class _Watched:
    """What both kinds of connection add to urllib3's."""

    progress: Progress
    sock: "Any"
    last_used_s = 0.0
    _tls = False
    _awaits_body = False
    _head = b""
    _connect_answer: "Any" = None

    def _new_conn(self) -> "Any":
        # Not urllib3's: neither its lookup nor its connecting can be ended from outside.
        host = str(self._dns_host).strip("[]")  # type: ignore[attr-defined]
        sock = dial(host, self.port, self.progress, self.socket_options)  # type: ignore[attr-defined]
        self.progress.step = TLS if self._tls else SEND
        return sock

    def _tunnel(self) -> None:
        self.progress.step = TUNNEL
        self._connect_answer = None
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            # Before 3.11.9, http.client leaves the socket of a refused CONNECT to the collector.
            if self._connect_answer is not None:
                self._connect_answer.close()
        self.progress.step = TLS
        self.progress.tunnelled = True

    def response_class(self, *args: "Any", **kwargs: "Any") -> _BoundedAnswer:
        answer = _BoundedAnswer(self.progress, *args, **kwargs)
        if self.progress.step == TUNNEL:
            self._connect_answer = answer
        return answer

    def request(
        self, method: str, url: str, body: "Any" = None, headers: "Any" = None, **options: "Any"
    ) -> None:
        self._awaits_body = body is not None
        self._head = b""
        if self.sock is not None:
            self.progress.step = SEND
        # Bytes of a proxy's answer to CONNECT are none of the answer.
        self.progress.answered = False
        super().request(method, url, body=body, headers=headers, **options)  # type: ignore[misc]
        self.progress.sent = True

    def send(self, data: bytes) -> None:
        """Write all of *data*: every write under the bounds, the head with the first piece."""
        if self.progress.step == TUNNEL:
            self.sock.settimeout(self.progress.wait_s())
            self.sock.sendall(data)
            return
        if self._awaits_body:
            # http.client sends the head alone: a packet, and a TLS record, more than needed.
            self._head = data
            self._awaits_body = False
            return
        if self._head:
            data = b"".join((self._head, data))
            self._head = b""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        view = memoryview(data)
        try:
            while view:
                piece = view
                if self.progress.pace is not None:
                    piece = view[: self.progress.pace.slice_bytes]
                    self.progress.pace.admit(len(piece), self.progress)
                view = view[self.progress.patiently(self.sock, self.sock.send, piece) :]
        except TimeoutError:
            raise
        except OSError as error:
            # The one error after which both urllib3 1.26 and 2 read on: a server that refuses a
            # body in mid-stream has often said why (413) before it closed.
            raise BrokenPipeError(errno.EPIPE, str(error)) from error

    def getresponse(self, *args: "Any", **kwargs: "Any") -> "Any":
        self.progress.step = ANSWER
        return super().getresponse(*args, **kwargs)  # type: ignore[misc]


class _PlainConnection(_Watched, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Watched, HTTPSConnection):  # type: ignore[misc]
    _tls = True

    def connect(self) -> None:
        host = str(self._tunnel_host or self.host)
        self.ssl_context = _naming(self.ssl_context, host)
        super().connect()
        context = getattr(self.ssl_context, "context", self.ssl_context)
        if context.verify_flags & NO_CHECK_TIME:
            # Before a byte of ours: who skips OpenSSL's check of the dates makes it.
            take = self.progress.take_certificates
            assert take is not None, "nobody checks the dates"
            try:
                take(validities(self.sock))
            except ssl.SSLError:
                self.close()
                raise


class _NamingContext:
    """A TLS context that tells OpenSSL the host, also where that is an address.

    urllib3 1.26 keeps addresses from OpenSSL and compares them itself, afterwards; OpenSSL refuses
    to check a host that it is not told. So the check stays in one place for every version.
    """

    check_hostname = True
    verify_mode = ssl.CERT_REQUIRED

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.context = context
        self._host = host.strip("[]")

    def wrap_socket(self, sock: "Any", **_options: "Any") -> ssl.SSLSocket:
        return self.context.wrap_socket(sock, server_hostname=self._host)

    def wrap_bio(self, incoming: "Any", outgoing: "Any", **_options: "Any") -> ssl.SSLObject:
        return self.context.wrap_bio(incoming, outgoing, server_hostname=self._host)


def _naming(context: "Any", host: str) -> "Any":
    if _URLLIB3.startswith("1."):
        return _NamingContext(getattr(context, "context", context), host)
    return context


class _WatchedPool:
    """What both kinds of pool add to urllib3's."""

    def __init__(self, *args: "Any", **kwargs: "Any") -> None:
        super().__init__(*args, **kwargs)
        self._watchers = local()

    def watch(self, progress: Progress) -> None:
        """Tell the connection that this thread takes next whom to report to."""
        self._watchers.progress = progress

    def _get_conn(self, timeout: "float | None" = None) -> "Any":
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        progress = self._watchers.progress
        connection.progress = progress
        if connection.sock is not None and monotonic() - connection.last_used_s > IDLE_MAX_S:
            connection.close()
        progress.reused = progress.tunnelled = connection.sock is not None
        if connection.sock is not None:
            progress.hold(connection.sock)
        return connection

    def _put_conn(self, conn: "Any") -> None:
        if conn is not None:
            conn.last_used_s = monotonic()
        super()._put_conn(conn)  # type: ignore[misc]


class _PlainPool(_WatchedPool, urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(_WatchedPool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def new_manager(
    trust: "Trust", proxy: "Proxy | None", *, user_agent: str, dates: bool = True
) -> urllib3.PoolManager:
    """Pools for every host, direct or all through *proxy*.

    Without *dates* OpenSSL checks everything but those, and `Progress.take_certificates` them.
    """
    context = trust.context()
    to_proxy = context
    if not dates:
        to_proxy = trust.context()  # a proxy gets a password: its dates are checked
        context.verify_flags |= NO_CHECK_TIME
    options: Any = {
        "maxsize": 1,
        "ssl_context": context,
        "cert_reqs": "CERT_REQUIRED",
        "socket_options": _SOCKET_OPTIONS,
    }
    manager: urllib3.PoolManager
    if proxy is None:
        manager = urllib3.PoolManager(**options)
    else:
        headers = {"User-Agent": user_agent}
        if proxy.authorization:
            headers["Proxy-Authorization"] = proxy.authorization
        manager = urllib3.ProxyManager(
            proxy.url,
            proxy_headers=headers,
            proxy_ssl_context=_naming(to_proxy, proxy.host),
            **options,
        )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return manager
