"""From a host's name to a connected socket; both given up at the deadline or from outside."""

import socket
from ipaddress import ip_address
from threading import Thread

from urllib3.exceptions import LocationParseError

from .progress import CONNECT, RESOLVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .progress import Progress

    Address = tuple[Any, ...]  # what getaddrinfo returns

_GLANCE_S = 0.1  # how late an end from outside is seen by who waits for a name


class _Lookup(Thread):
    """One question to the resolver, which nothing can interrupt."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="mcagent-dns", daemon=True)
        self.key = (host, port)
        self.found: "list[Address]" = []
        self.error: "OSError | UnicodeError | None" = None
        self.start()

    def run(self) -> None:
        try:
            self.found = socket.getaddrinfo(*self.key, socket.AF_UNSPEC, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self.error = error


class Resolver:
    """Asks for addresses in a thread of its own.

    A lookup that was given up goes on until the resolver gives up, too; who asks for the same
    name meanwhile joins it, so that a dead name server does not collect threads.
    """

    def __init__(self) -> None:
        self._pending: "dict[tuple[str, int], _Lookup]" = {}

    def addresses(self, host: str, port: int, progress: "Progress") -> "list[Address]":
        """The addresses of *host*, as `socket.getaddrinfo` gives them.

        Raises:
            socket.gaierror: There are none.
            TimeoutError: The deadline is over.
            ConnectionError: It was broken off.
            LocationParseError: *host* can be no name.
        """
        if _is_address(host):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        lookup = self._pending.get((host, port))
        if lookup is None or not lookup.is_alive():
            lookup = self._pending[host, port] = _Lookup(host, port)
        while True:
            lookup.join(min(_GLANCE_S, progress.wait_s()))
            if not lookup.is_alive():
                break
        self._pending.pop((host, port), None)
        if isinstance(lookup.error, UnicodeError):
            raise LocationParseError(host) from lookup.error
        if lookup.error is not None:
            raise lookup.error
        return lookup.found


def dial(host: str, port: int, progress: "Progress", options: "Any") -> socket.socket:
    """Connect to the first address of *host* that takes the connection.

    Raises:
        OSError: What the last address said.
    """
    progress.step = RESOLVE
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _name, address in progress.resolver.addresses(
        host, port, progress
    ):
        progress.step = CONNECT
        wait_s = progress.wait_s()
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            for option in options or ():
                sock.setsockopt(*option)
            sock.settimeout(wait_s)
            progress.hold(sock)
            sock.connect(address)
            if progress.broken:
                raise ConnectionAbortedError("broken off")
        except OSError as error:
            if sock is not None:
                sock.close()
            failure = error
            if progress.broken or progress.expired:
                break
            continue
        return sock
    raise failure


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
