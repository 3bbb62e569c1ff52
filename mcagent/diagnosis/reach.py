"""The way to the platform up to TLS: which proxy, TCP to each address, the proxy's tunnel."""

import errno
import re
import socket
from time import monotonic

from ..errors import ConfigurationError, TransportError
from ..transport.cpython.proxies import environment_proxy, parse_proxy
from . import firewall
from .case import CONNECT_TIMEOUT_S, Case
from .step import Step, failed, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..transport.cpython.proxies import Proxy

# errno -> (cause, words, remedy)
_REFUSALS = {
    errno.ECONNREFUSED: (
        "tcp-refused",
        "refused the connection",
        "the host is there, but nothing listens on this port, or a firewall rejects it",
    ),
    errno.ENETUNREACH: (
        "no-route",
        "cannot be reached: this device has no route to its network",
        "look at this device's network interface and its gateway (ip addr, ip route)",
    ),
    errno.EHOSTUNREACH: (
        "no-route",
        "cannot be reached: no route to it",
        "look at the network between this device and the host",
    ),
}
_SILENT = (
    "tcp-silent",
    f"gave no sign, not even a refusal, in {CONNECT_TIMEOUT_S:g} s",
    (
        "packets to this address and port are dropped on the way: a firewall rule is missing, or "
        "the host is off"
    ),
)
# `causes` writes the status of the proxy's answer like this.
_ASKS_FOR_PASSWORD = re.compile(r"\((407|401)\b")


def which_proxy(case: Case) -> Step:
    if not case.base_url:
        return skipped(
            "nobody has told this device the platform's address yet: mcagent onboard FILE does, "
            "or --boarding FILE here"
        )
    try:
        case.proxy, source = _find(case)
    except (ConfigurationError, TransportError) as error:
        return failed("proxy-setting", error.message, error.hint)
    proxy = case.proxy
    details = []
    live = case.live or {}
    theirs = ((live.get("upload") or {}).get("network") or {}).get("proxy")
    if theirs is not None and theirs != ("" if proxy is None else proxy.url):
        details.append(f"the running service uses {theirs or 'none'}: an option says otherwise")
    if proxy is None:
        return passed(f"none: {source}", details=details, facts={"proxy": None})
    with_password = "with" if proxy.authorization or case.proxy_secret else "without"
    return passed(
        f"{proxy.url}, {with_password} user and password, from {proxy.source}",
        details=details,
        facts={"proxy": proxy.url, "source": proxy.source},
    )


def connect(case: Case) -> Step:
    """TCP to every address: a client tries them in turn, and hides those that fail."""
    peer, port = next_hop(case)
    results = {address: _dial(address, port) for address in case.addresses}
    details = [f"{_endpoint(address, port)} {words}" for address, (_, words, _) in results.items()]
    facts = {"addresses": {address: words for address, (_code, words, _ms) in results.items()}}
    times = [ms for code, _words, ms in results.values() if code == 0]
    if times:
        measured = f"{peer} port {port} takes connections ({min(times):.0f} ms)"
        if len(times) < len(results):
            measured += f"; {len(results) - len(times)} of its {len(results)} addresses do not"
        return passed(measured, details=details, facts=facts)
    code, words, _ms = results[case.addresses[-1]]
    cause, words, remedy = _meaning(code, words)
    if case.proxy is None:
        details += firewall.rules(case.host, case.port, crl=case.crl_file is not None)
        known = firewall.documented(case.host)
        if known and not set(known) & set(case.addresses):
            details.append(
                "none of the documented addresses is among those that the name has here: the "
                "name server may be wrong"
            )
    else:
        peer = f"the proxy {peer}"
    where = ", ".join(_endpoint(address, port) for address in case.addresses)
    return failed(cause, f"{peer} ({where}) {words}", remedy, details=details, facts=facts)


def tunnel(case: Case) -> Step:
    """The proxy's answer to CONNECT."""
    if case.proxy is None:
        return skipped("no proxy is on the way", blocks=False)
    if case.proxy_secret:
        return skipped(
            "the service gives the proxy a user and a password, which it tells nobody: "
            f"--proxy http://user:password@{case.proxy.address} examines what is behind it"
        )
    case.reach()
    error = case.error
    if error is None or error.kind != "proxy":
        return passed(f"the proxy {case.proxy.address} connects to {case.host}:{case.port}")
    asks = _ASKS_FOR_PASSWORD.search(error.message)
    return failed("proxy-password" if asks else "proxy-refuses", error.message, error.hint)


def next_hop(case: Case) -> "tuple[str, int]":
    """Whom this device connects to: host and port of the proxy, or of the platform."""
    if case.proxy is None:
        return case.host, case.port
    return case.proxy.host, int(case.proxy.address.rpartition(":")[2])


def _find(case: Case) -> "tuple[Proxy | None, str]":
    """The proxy, and where it or its absence comes from."""
    from urllib.request import getproxies

    if not case.tls:
        return None, "http:// on this device's own loopback takes none"
    if case.proxy_setting is None:
        proxy = environment_proxy(case.host, case.port)
        if proxy is None and any(getproxies().get(name) for name in ("https", "all", "http")):
            return None, f"NO_PROXY of the environment names {case.host}"
        return proxy, "neither the setting nor the environment names one"
    if not case.proxy_setting:
        if "proxy" in case.followed:
            return None, f"{case.proxy_source}, takes none"
        return None, "the setting is empty, which means a direct connection"
    return parse_proxy(case.proxy_setting, case.proxy_source), ""


def _dial(address: str, port: int) -> "tuple[int, str, float]":
    """errno (-1 for silence) and words of one attempt, and how long it took."""
    began_s = monotonic()
    try:
        with socket.create_connection((address, port), CONNECT_TIMEOUT_S):
            ms = (monotonic() - began_s) * 1000
            return 0, f"takes connections ({ms:.0f} ms)", ms
    except TimeoutError:
        return -1, _SILENT[1], 0.0
    except OSError as error:
        code = error.errno or -2
        known = _REFUSALS.get(code)
        return code, known[1] if known else f"cannot be reached: {error.strerror or error}", 0.0


def _meaning(code: int, words: str) -> "tuple[str, str, str]":
    if code == -1:
        return _SILENT
    return _REFUSALS.get(code, ("no-route", words, "look at this device's network"))


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
