"""The hub's network: uvicorn's HTTP protocol on an event loop in a thread of its own.

uvicorn's `Server` is not used: it polls ten times a second, so that stopping takes a fifth of a
second, and it cannot close its listener and open it again, which is how tests cut the link.
"""

import asyncio
import concurrent.futures
import ipaddress
import resource
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from .connections import Connection, Limits, end_idle, end_overdue, reset_on_close
from .gate import Application

# Longer than any pause of a device script under test, so that a kept connection stays usable.
_KEEP_ALIVE_S = 75
_CLOSE_MAX_S = 2.0
_HELLO_MAX_S = 10.0
_SWEEP_S = 1.0
# Descriptors that are not connections: the database, the listener, the program around the hub.
_OTHER_FILES = 100
_ACCEPT_PAUSE_S = 0.05
_BACKLOG = 512
_ACCEPTED_AT_ONCE = 100


class Server:
    """Serve *application* on *host* and *port* (0: any free one); TLS if there is a *context*.

    *limits* are looked at whenever they matter. *is_reset* is asked for each connection whether
    it is to be reset at its first byte.
    """

    def __init__(
        self,
        application: Application,
        *,
        host: str,
        port: int,
        context: "ssl.SSLContext | None",
        limits: Limits,
        is_reset: Callable[[], bool] = lambda: False,
    ) -> None:
        self._host = host
        self._limits = limits
        self._is_reset = is_reset
        self._context = context
        self._config = uvicorn.Config(
            application,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the gate dates answers by the platform's clock
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._config.load()
        self._state = ServerState()
        self._listening: list[socket.socket] = []
        self._connecting: dict[asyncio.Task[None], None] = {}  # oldest first
        # Every accepted socket that may still be open: one in the middle of a TLS handshake is
        # known to nobody else.
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._stopping = asyncio.Event()
        sockets = _listen(host, port)
        self.port: int = sockets[0].getsockname()[1]
        ready: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(sockets, ready)),
            name="insights-hub",
            daemon=True,
        )
        self._thread.start()
        self._loop: asyncio.AbstractEventLoop | None = ready.result()

    def disconnect(self) -> None:
        """Cut the link: close the listener and all connections; the port refuses clients."""
        self._do(self._close())

    def reconnect(self) -> None:
        """Listen again, on the same port."""
        if not self._listening:
            self._do(self._open(_listen(self._host, self.port)))

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop = None

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("the server was stopped")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _run(
        self,
        sockets: list[socket.socket],
        ready: "concurrent.futures.Future[asyncio.AbstractEventLoop]",
    ) -> None:
        await self._open(sockets)
        self._sweep()
        ready.set_result(asyncio.get_running_loop())
        await self._stopping.wait()
        await self._close()

    async def _open(self, sockets: list[socket.socket]) -> None:
        self._listening = sockets
        for listening in sockets:
            self._listen_to(listening)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        end_overdue(self._state.connections, self._limits, loop.time())
        loop.call_later(_SWEEP_S, self._sweep)

    def _listen_to(self, listening: socket.socket) -> None:
        if listening in self._listening:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        """Accept the connections that wait at *listening*.

        One at a time would be one in each turn of the loop, and a turn answers a request of each
        that is open: the last of a hundred clients would wait for thousands of answers.
        """
        loop = asyncio.get_running_loop()
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, ConnectionError):
                return  # that was all, or the client is gone again
            except OSError:
                # No file descriptors left: asking again at once would keep the processor busy.
                loop.remove_reader(listening)
                loop.call_later(_ACCEPT_PAUSE_S, self._listen_to, listening)
                return
            self._take(accepted)

    def _take(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if not self._has_room():
            accepted.close()
            return
        accepted.setblocking(False)
        # asyncio does so only for sockets made with IPPROTO_TCP, which accepted ones are not: head
        # and body of an answer are two writes, and Nagle's algorithm would hold the second back
        # for 40 ms.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.add(accepted)
        connecting = loop.create_task(self._connect(accepted))
        self._connecting[connecting] = None
        connecting.add_done_callback(lambda task: self._connecting.pop(task, None))
        # Cancelled before it began, the task cannot close the socket itself.
        connecting.add_done_callback(lambda task: accepted.close() if task.cancelled() else None)

    def _has_room(self) -> bool:
        """Tell whether there may be one more connection; make room where one is idle."""
        most = self._limits.connections_max
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            most = min(most, max(files - _OTHER_FILES, 1))
        if len(self._sockets) < most:
            return True
        if sum(accepted.fileno() >= 0 for accepted in self._sockets) < most:
            return True
        return end_idle(self._state.connections) or self._end_connecting()

    def _end_connecting(self) -> bool:
        """Give up the connection that has been shaking hands longest; False if none is."""
        for oldest in list(self._connecting):
            del self._connecting[oldest]
            if oldest.cancel():  # not one that has ended a moment ago
                return True
        return False

    async def _connect(self, accepted: socket.socket) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            if self._is_reset():
                # The client has said hello by then, and waits for the hub's.
                await asyncio.wait_for(loop.sock_recv(accepted, 1), _HELLO_MAX_S)
                reset_on_close(accepted)
                accepted.close()
                return
            await loop.connect_accepted_socket(
                lambda: self._connection(task),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.head_timeout_s if self._context else None,
            )
        except (OSError, asyncio.TimeoutError):
            accepted.close()  # no TLS, or none that this hub speaks

    def _connection(self, task: "asyncio.Task[None] | None") -> Connection:
        """Make a connection; once it stands, *task* is not what holds it any more."""
        made = Connection(self._config, self._state, {})
        made.when_made = lambda: self._connecting.pop(task, None)  # type: ignore[arg-type]
        return made

    async def _close(self) -> None:
        """Stop listening and cut every connection, as a power cut of the platform would."""
        loop = asyncio.get_running_loop()
        for listening in self._listening:
            loop.remove_reader(listening)
            listening.close()
        self._listening = []
        connecting = list(self._connecting)
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        # Aborted, not closed: a TLS close waits up to 30 s for a client that does not read.
        for connection in list(self._state.connections):
            connection.transport.abort()
        deadline = loop.time() + _CLOSE_MAX_S
        while self._state.tasks or any(accepted.fileno() >= 0 for accepted in self._sockets):
            if loop.time() > deadline:
                break  # asyncio.run cancels what is left
            await asyncio.sleep(0.001)


def is_loopback(host: str) -> bool:
    """Tell whether a server that is bound to *host* can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name: of which address, the resolver says


def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind *host*; for the IPv4 loopback also the IPv6 one, where there is one.

    Clients resolve "localhost" to either.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets = [socket.create_server((host, port), family=family, backlog=_BACKLOG)]
    if host in ("127.0.0.1", "localhost"):
        address = ("::1", sockets[0].getsockname()[1])
        try:
            sockets.append(socket.create_server(address, family=socket.AF_INET6, backlog=_BACKLOG))
        except OSError:
            pass  # no IPv6, or the port is taken there: IPv4 is enough
    for listening in sockets:
        listening.setblocking(False)
    return sockets
