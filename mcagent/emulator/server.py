"""The hub's network: uvicorn's HTTP protocol on an event loop in a thread of its own.

uvicorn's `Server` is not used: it polls ten times a second, so that stopping takes a fifth of a
second, and it cannot close its listener and open it again, which is how tests cut the link.
"""

import asyncio
import concurrent.futures
import socket
import ssl
import threading
from collections.abc import Coroutine
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .gate import HANG_UP, Application, Receive, Scope, Send

# Longer than any pause of a device script under test, so that a kept connection stays usable.
_KEEP_ALIVE_S = 75
_CLOSE_MAX_S = 2.0
_BACKLOG = 512


class _Protocol(H11Protocol):
    """HTTP/1.1, with a way for the application to hang up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application: Any = self.app

        async def with_hang_up(scope: Scope, receive: Receive, send: Send) -> None:
            scope[HANG_UP] = self.hang_up
            await application(scope, receive, send)

        self.app = with_hang_up

    def hang_up(self) -> None:
        self.transport.abort()


class Server:
    """Serve *application* on *host* and *port* (0: any free one); TLS if there is a *context*."""

    def __init__(
        self, application: Application, *, host: str, port: int, context: "ssl.SSLContext | None"
    ) -> None:
        self._application = application
        self._host = host
        self._context = context
        self._connections = ServerState()
        self._listeners: list[asyncio.Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        sockets = _listen(host, port)
        self.port: int = sockets[0].getsockname()[1]
        ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(sockets, ready)),
            name="insights-hub",
            daemon=True,
        )
        self._thread.start()
        ready.result()

    def disconnect(self) -> None:
        """Cut the link: close the listener and all connections; the port refuses clients."""
        self._do(self._close_connections())

    def reconnect(self) -> None:
        """Listen again, on the same port."""
        if not self._listeners:
            self._do(self._open(_listen(self._host, self.port)))

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop = None

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            raise RuntimeError("the server was stopped")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _run(
        self, sockets: list[socket.socket], ready: "concurrent.futures.Future[None]"
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self._open(sockets)
        ready.set_result(None)
        await self._stopping.wait()
        await self._close_connections()

    async def _open(self, sockets: list[socket.socket]) -> None:
        config = uvicorn.Config(
            self._application,
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
        config.load()
        loop = asyncio.get_running_loop()
        for listening in sockets:
            # asyncio switches Nagle's algorithm off on every TCP connection.
            self._listeners.append(
                await loop.create_server(
                    lambda: _Protocol(config, self._connections, {}),
                    sock=listening,
                    ssl=self._context,
                    backlog=_BACKLOG,
                )
            )

    async def _close_connections(self) -> None:
        """Stop listening and cut every connection, as a power cut of the platform would."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        # Aborted, not closed: a TLS close waits up to 30 s for a client that does not read.
        for connection in list(self._connections.connections):
            connection.transport.abort()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CLOSE_MAX_S
        while self._connections.connections or self._connections.tasks:
            if loop.time() > deadline:
                break  # asyncio.run cancels what is left
            await asyncio.sleep(0.001)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind *host*; for the IPv4 loopback also the IPv6 one, where there is one.

    Clients resolve "localhost" to either.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets = [socket.create_server((host, port), family=family, backlog=_BACKLOG)]
    if host in ("127.0.0.1", "localhost"):
        try:
            sockets.append(
                socket.create_server(
                    ("::1", sockets[0].getsockname()[1]), family=socket.AF_INET6, backlog=_BACKLOG
                )
            )
        except OSError:
            pass  # no IPv6, or the port is taken there: IPv4 is enough
    return sockets
