"""From foreign errors to `TransportError`: one table, and nothing guessed.

A message says which step failed with which peer and what was measured there; a hint follows from
the measurement alone. Nobody is told to check a clock because a name did not resolve.
"""

import errno
import http.client
import socket
import ssl
import time

from urllib3.exceptions import HTTPError

from ...errors import TransportError
from .progress import ANSWER, CONNECT, RESOLVE, SEND, TLS, TUNNEL, Progress
from .trust import Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Words = tuple[str, str]  # message, hint

_DNS = {
    socket.EAI_NONAME: (
        "the name server says that there is no such name",
        "Check the host name, and whether this network's name server knows it.",
    ),
    socket.EAI_AGAIN: (
        "no name server answered",
        "Check the network and the name servers in /etc/resolv.conf.",
    ),
}
_CONNECT = {
    errno.ECONNREFUSED: (
        "refused the connection",
        "The host is there, but nothing listens on this port, or a firewall rejects it.",
    ),
    errno.ENETUNREACH: (
        "cannot be reached: no route to its network",
        "Check this device's network interface and its gateway.",
    ),
    errno.EHOSTUNREACH: (
        "cannot be reached: no route to it",
        "Check the network between this device and the host.",
    ),
    errno.ECONNRESET: ("reset the connection at once", ""),
}
# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 18, 62, 64
_UNKNOWN_ROOT = 19  # self-signed, sent by the host
_UNKNOWN_ISSUER = (2, 20, 21)  # neither trusted nor sent, at some step of the chain
# Of lists of revoked certificates: code to words about the certificate's host and about the list.
_REVOKED = 23
_CRL_WORDS = {
    3: "holds no list of an issuer of the certificate of {host}",
    8: "holds a list for {host} that its issuer did not sign",
    11: "holds a list for {host} that is not valid yet by this device's clock ({now})",
    12: "holds a list for {host} that has expired by this device's clock ({now})",
}
_CRL_HINTS = {
    3: "Every CA of the chain needs its list in this file, the root included.",
    8: "Fetch the list from the CA again.",
    12: "Fetch the CA's present list; the file is read again when it has changed.",
}
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
)
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION")


def translate(error: Exception, progress: Progress, *, trust: Trust) -> TransportError:
    """What *error* of urllib3, http.client or the socket means, in our words.

    The text of a foreign error is never passed on whole: it can hold a URL or a header.
    """
    root = _root(error)
    if progress.broken:
        return TransportError(
            f"the request to {_peer(progress)} was broken off here, {_when(progress)}",
            kind="aborted",
        )
    if progress.proxy_status:
        message, hint = _proxy_refused(progress)
        return TransportError(message, kind="proxy", hint=hint)
    for steps, errors, kind, words in _TABLE:
        if progress.step in steps and isinstance(root, errors):
            message, hint = words(root, progress, trust)
            return TransportError(message, kind=_kind(kind, progress), hint=hint)
    return TransportError(
        f"the request to {_peer(progress)} failed: {type(root).__name__}",
        kind=_kind("other", progress),
    )


def _root(error: BaseException) -> BaseException:
    """The first cause: urllib3 wraps errors up to three deep, each version differently."""
    while True:
        inner: Any = getattr(error, "original_error", None)  # ProxyError
        if inner is None and error.args:
            inner = error.args[-1]  # ProtocolError, SSLError
        if not isinstance(inner, BaseException) and isinstance(error, HTTPError):
            inner = error.__cause__ or error.__context__  # NewConnectionError, ReadTimeoutError
        if not isinstance(inner, BaseException):
            return error
        error = inner


def _before_host(progress: Progress) -> bool:
    """True while only the proxy was spoken to: the host itself is not to blame."""
    return progress.proxy is not None and not progress.tunnelled


def _kind(kind: str, progress: Progress) -> str:
    return "proxy" if _before_host(progress) else kind


def _peer(progress: Progress) -> str:
    if progress.proxy is not None and _before_host(progress):
        return f"the proxy {progress.proxy.address}"
    if progress.proxy is not None:
        return f"{progress.host} (through the proxy {progress.proxy.address})"
    return progress.host


def _proxy_refused(progress: Progress) -> "Words":
    assert progress.proxy is not None
    proxy = f"the proxy {progress.proxy.address}"
    # RFC 9110 wants 407; tinyproxy answers 401 to a wrong password. Nobody else has spoken yet.
    status = progress.proxy_status
    if status not in (401, 407):
        return (
            f"{proxy} answered {status} to CONNECT {progress.host}",
            "The proxy is reached, but it does not let this host pass or cannot reach it itself.",
        )
    schemes = progress.proxy_schemes or "none that it names"
    if progress.proxy.authorization and "basic" not in schemes.lower():
        return (
            f"{proxy} takes no password in the form Basic ({status}); it asks for: {schemes}",
            "mcagent speaks Basic only: have the proxy allow it, or this host without a password.",
        )
    if progress.proxy.authorization:
        return (
            f"{proxy} refused the user and password that it was given ({status})",
            f"Check the user and password in {progress.proxy.source}.",
        )
    return (
        f"{proxy} asks for a user and a password ({status}, {schemes}); none is configured",
        f"Write them into {progress.proxy.source}: http://user:password@host:port.",
    )


def _name(root: "Any", progress: Progress, _trust: Trust) -> "Words":
    words, hint = _DNS.get(root.errno, (root.strerror, ""))
    return f"no address for {_peer(progress)}: {words}", hint


def _slow_name(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    return (
        f"no address for {_peer(progress)} in {progress.total_s:g} s: no name server answered yet",
        "Check the network and the name servers in /etc/resolv.conf.",
    )


def _no_name(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    return f"{_peer(progress)} is not a host name: a part of it is empty or too long", ""


def _no_connection(root: "Any", progress: Progress, _trust: Trust) -> "Words":
    words, hint = _CONNECT.get(root.errno, (f"cannot be reached: {root.strerror or root}", ""))
    return f"{_peer(progress)} {words}", hint


def _connect_timeout(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    if progress.expired:
        return f"{_peer(progress)} gave no sign in the {progress.total_s:g} s that were left", ""
    return (
        f"{_peer(progress)} gave no sign, not even a refusal, in {progress.connect_timeout_s:g} s",
        "Packets to this address and port are dropped on the way, or the host is off.",
    )


def _handshake_timeout(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    limit_s = min(progress.connect_timeout_s, progress.total_s)
    silence = f"was silent for {limit_s:g} s in the {_handshake(progress)}"
    return f"{_peer(progress)} took the connection, and then {silence}", ""


def _handshake_closed(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    return f"{_peer(progress)} closed the connection in the {_handshake(progress)}", ""


def _handshake(progress: Progress) -> str:
    return "TLS handshake" if progress.step == TLS else "request for a tunnel (CONNECT)"


def _certificate(root: "Any", progress: Progress, trust: Trust) -> "Words":
    host, code = _peer(progress), root.verify_code
    progress.verify_code = 0 if _before_host(progress) else code
    # The reading of this device's clock is half of the measurement: it stands in the message.
    now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    if code == _EXPIRED:
        return f"a certificate of {host} has expired by this device's clock ({now})", ""
    if code == _NOT_YET_VALID:
        return f"a certificate of {host} is not valid yet by this device's clock ({now})", ""
    if code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
        return (
            f"the certificate of {host} is for another host",
            "Check the host name; an inspecting proxy or a captive portal answers like this, too.",
        )
    if code == _SELF_SIGNED:
        return (
            f"the certificate of {host} is signed by itself, and not trusted; {trust.describe()}",
            "If this is the right host, give its certificate as the CA file.",
        )
    if code in _UNKNOWN_ISSUER:
        return (
            (
                f"the certificate of {host} has an issuer that is not trusted, and the host sent "
                f"no certificate of that issuer; {trust.describe()}"
            ),
            (
                "If this is the right host, give its issuer's certificate as the CA file, or have "
                "the host send its intermediate certificates."
            ),
        )
    if code == _UNKNOWN_ROOT:
        return (
            (
                f"the certificate of {host} has an issuer that is not trusted, by a chain that "
                f"ends in a root of its own; {trust.describe()}"
            ),
            "If this is the right host, give its issuer's certificate as the CA file.",
        )
    if code == _REVOKED:
        return (
            f"a certificate of {host} was revoked by its issuer, says {trust.crl_file}",
            "The host needs a new certificate: the key of this one may be in other hands.",
        )
    if code in _CRL_WORDS:
        words = _CRL_WORDS[code].format(host=host, now=now)
        return f"{trust.crl_file} {words}", _CRL_HINTS.get(code, "")
    return f"the certificate of {host} is refused: {root.verify_message}", ""


def _tls(root: "Any", progress: Progress, _trust: Trust) -> "Words":
    host, reason = _peer(progress), root.reason or "no reason given"
    if reason in _NO_TLS:
        return f"{host} does not speak TLS on this port", "Check the port and the scheme."
    if reason in _OLD_TLS:
        return f"{host} offers no TLS version from 1.2 on", "Its TLS must be brought up to date."
    return f"TLS with {host} failed: {reason.lower().replace('_', ' ')}", ""


def _silence(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    if progress.expired:
        return f"the request to {_peer(progress)} took longer than {progress.total_s:g} s", ""
    return f"{_peer(progress)} was silent for {progress.silence_s:g} s {_when(progress)}", ""


def _closed(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    return f"{_peer(progress)} closed the connection {_when(progress)}", ""


def _when(progress: Progress) -> str:
    if progress.step < SEND:
        return "before a connection stood"
    if progress.answered:
        return "in the middle of its answer"
    return "before it answered" if progress.sent else "while the request was being sent"


def _not_http(_root: "Any", progress: Progress, _trust: Trust) -> "Words":
    return (
        f"{_peer(progress)} answered with something that is not HTTP",
        "Check the host and the port.",
    )


_EARLY = (RESOLVE, CONNECT, TUNNEL, TLS)
_LATE = (SEND, ANSWER)
# (steps, errors, kind, words); the first row that fits. Kinds: mcagent.errors.TransportError.
_TABLE: "tuple[tuple[tuple[int, ...], Any, str, Callable[..., Words]], ...]" = (
    ((RESOLVE,), TimeoutError, "dns", _slow_name),
    ((RESOLVE,), OSError, "dns", _name),  # socket.gaierror
    ((RESOLVE,), UnicodeError, "dns", _no_name),  # the encoding of internationalised names
    ((CONNECT,), TimeoutError, "connect", _connect_timeout),
    ((CONNECT,), OSError, "connect", _no_connection),
    (_EARLY, ssl.SSLCertVerificationError, "certificate", _certificate),
    (_EARLY, TimeoutError, "tls", _handshake_timeout),
    (_EARLY, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError), "tls", _handshake_closed),
    (_EARLY, ssl.SSLError, "tls", _tls),
    (_EARLY, (OSError, http.client.HTTPException), "tls", _handshake_closed),
    (_LATE, TimeoutError, "timeout", _silence),
    (_LATE, (OSError, http.client.IncompleteRead, EOFError), "closed", _closed),
    (_LATE, http.client.HTTPException, "other", _not_http),
)
