"""The certificates that a host shows: whose, by whom, from when to when."""

import socket
import ssl

from ..transport.cpython.dates import date_text
from ..transport.cpython.trust import Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport.cpython.proxies import Proxy

_HEAD_BYTES = 65_536

# OpenSSL's number for a flaw (X509_V_ERR_…, x509_vfy.h) -> our word for it.
CAUSES = {
    2: "unknown-issuer",
    3: "crl-missing",
    8: "crl-unsigned",
    9: "not-yet-valid",
    10: "expired",
    11: "crl-not-yet-valid",
    12: "crl-expired",
    18: "self-signed",
    19: "unknown-issuer",
    20: "unknown-issuer",
    21: "unknown-issuer",
    23: "revoked",
    62: "other-host",
    64: "other-host",
}


class Look:
    """What was seen.

    Attributes:
        code: OpenSSL's number for the first flaw; 0 where there is none, -1 without a handshake.
        chain: The certificates that the host sent, its own first.
        version: ``"TLSv1.3"``; ``""`` without a handshake.
    """

    def __init__(self) -> None:
        self.code = -1
        self.chain: "list[Certificate]" = []
        self.version = ""

    @property
    def cause(self) -> str:
        return CAUSES.get(self.code, "certificate" if self.code > 0 else "tls")

    def lines(self) -> "list[str]":
        """For people: one for each certificate."""
        return [f"certificate {certificate}" for certificate in self.chain]


class Certificate:
    """What is told of one.

    Attributes:
        subject, issuer: Their common names, or whole.
        names: Hosts that it is for.
        begin_ms, end_ms: When it is valid.
    """

    def __init__(self, info: "dict[str, Any]") -> None:
        self.subject = _name(info.get("subject", ()))
        self.issuer = _name(info.get("issuer", ()))
        self.names = [str(name) for _kind, name in info.get("subjectAltName", ())]
        self.begin_ms = ssl.cert_time_to_seconds(info["notBefore"]) * 1000
        self.end_ms = ssl.cert_time_to_seconds(info["notAfter"]) * 1000

    def to_dict(self) -> "dict[str, Any]":
        return dict(vars(self))

    def __str__(self) -> str:
        names = f" for {', '.join(self.names[:5])}" if self.names else ""
        more = f" and {len(self.names) - 5} more" if len(self.names) > 5 else ""
        return (
            f"{self.subject}{names}{more}, by {self.issuer}, "
            f"{date_text(self.begin_ms)} to {date_text(self.end_ms)}"
        )


def look_at(
    host: str, port: int, *, trust: Trust, proxy: "Proxy | None", timeout_s: float
) -> Look:
    """What *host* shows in a TLS handshake, which is broken off right after it."""
    look = Look()
    try:
        with _connect(host, port, proxy, timeout_s) as sock:
            look.code = 0
            _shake_hands(sock, host, trust.context(), look)
    except ssl.SSLCertVerificationError as error:
        look.code = error.verify_code
        try:
            with _connect(host, port, proxy, timeout_s) as sock:
                _shake_hands(sock, host, _only_to_look(), look)
        except (OSError, ValueError):
            pass  # what was refused is known; who it was is not
    except (OSError, ValueError):
        look.code = -1
    return look


def _only_to_look() -> ssl.SSLContext:
    """Accepts whatever a host shows. Invariant: not a byte is written to such a connection, and
    nothing that was read from it is believed; it shows *which* certificate was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake_hands(sock: socket.socket, host: str, context: ssl.SSLContext, look: Look) -> None:
    with context.wrap_socket(sock, server_hostname=host) as wrapped:
        look.version = wrapped.version() or ""
        # As in transport.cpython.dates: public since Python 3.13 only.
        shown: Any = wrapped._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        look.chain = [Certificate(entry.get_info()) for entry in shown or ()]


def _connect(host: str, port: int, proxy: "Proxy | None", timeout_s: float) -> socket.socket:
    """A connection to *host*, through the tunnel of *proxy*.

    Raises:
        OSError: There is none.
    """
    if proxy is None:
        return socket.create_connection((host, port), timeout_s)
    if proxy.url.startswith("https:"):
        raise OSError("TLS within TLS is not looked into")
    place, number = proxy.host, int(proxy.address.rpartition(":")[2])
    sock = socket.create_connection((place, number), timeout_s)
    head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    if proxy.authorization:
        head += f"Proxy-Authorization: {proxy.authorization}\r\n"
    sock.sendall(head.encode() + b"\r\n")
    answer = b""
    # Byte by byte: what follows the head is the host's handshake.
    while not answer.endswith(b"\r\n\r\n") and len(answer) < _HEAD_BYTES:
        byte = sock.recv(1)
        if not byte:
            break
        answer += byte
    if answer.split(b" ")[1:2] != [b"200"]:
        sock.close()
        raise OSError("the proxy refused, or closed the connection")
    return sock


def _name(parts: "Any") -> str:
    fields = {key: value for part in parts for key, value in part}
    return str(fields.get("commonName") or ", ".join(fields.values()) or "without a name")
