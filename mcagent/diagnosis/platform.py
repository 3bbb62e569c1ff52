"""TLS with the platform, and its first answer."""

from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..transport.cpython.trust import Trust
from . import firewall
from .case import CONNECT_TIMEOUT_S, Case
from .certificates import look_at
from .naming import origin
from .step import Step, failed, no_answer, passed, skipped

_BEHIND_TLS = ("timeout", "closed", "other", "aborted", "body")


def tls(case: Case) -> Step:
    """The agent's own way through TLS, and who is at the other end."""
    if not case.tls:
        return skipped("http:// on this device's own loopback needs none", blocks=False)
    case.reach()
    error = case.error
    try:
        look = look_at(
            case.host,
            case.port,
            trust=Trust(case.ca_file, case.crl_file),
            proxy=case.proxy,
            timeout_s=CONNECT_TIMEOUT_S,
        )
    except ConfigurationError as unusable:  # a file of ours
        return failed("certificate", unusable.message, unusable.hint)
    details = look.lines()
    facts = {"version": look.version, "chain": [entry.to_dict() for entry in look.chain]}
    if case.ca_file is not None:
        details.append(f"trusted: {case.ca_file}{_source(case, 'ca_file')}")
    if case.crl_file is not None:
        details.append(f"revocation lists: {case.crl_file}{_source(case, 'crl_file')}")
    else:
        details.append("revocation lists: none asked (no --crl)")
    if error is None or error.kind in _BEHIND_TLS:
        measured = f"{look.version or 'TLS'} with {case.host}, chain and name verified"
        if case.transport.clock_offset_ms is not None:
            measured += (
                ", by the platform's clock: by this device's the certificates are not valid"
            )
        return passed(measured, details=details, facts=facts)
    if error.kind != "certificate":
        return failed(error.kind, error.message, error.hint, details=details, facts=facts)
    measured, cause, remedy = error.message, look.cause, error.hint
    if cause == "expired":
        remedy = remedy or "set this device's clock if it is wrong; else the host needs a new one"
    elif cause == "other-host":
        cause, measured, remedy = _other_host(case, look.chain[0].names if look.chain else [])
    elif cause.startswith("crl-") or cause == "revoked":
        details += [
            line for line in firewall.rules(case.host, case.port, crl=True) if "rev" in line
        ]
    return failed(cause, measured, remedy, details=details, facts=facts)


def _source(case: Case, name: str) -> str:
    return f", from {case.followed[name]}" if name in case.followed else ""


def _other_host(case: Case, names: "list[str]") -> "tuple[str, str, str]":
    shown = ", ".join(names[:5]) or "no host"
    if case.proxy is not None:
        return (
            "other-host",
            f"behind the proxy {case.proxy.address}, {case.host} shows a certificate for {shown}",
            "the proxy connects to another host: have its name server, or its rule, corrected",
        )
    where = ", ".join(case.addresses)
    if case.addresses == [case.host]:
        return (
            "other-host",
            f"{case.host} shows a certificate for {shown}, not for its address",
            (
                "where that is the right host, give it by the name that its certificate has; else "
                "something on the way answers in its place"
            ),
        )
    return (
        "wrong-address",
        (
            f"{case.host} is {where} by {origin(case.host)}, and who answers there is not "
            f"{case.host}: its certificate is for {shown}"
        ),
        (
            f"have {origin(case.host)} corrected; where the address is right, something on the "
            "way answers in its place (a captive portal, or a proxy that inspects TLS)"
        ),
    )


def answer(case: Case) -> Step:
    """Is it the platform that answers?"""
    case.reach()
    if case.error is not None:
        return no_answer(case.error)
    response = case.answer
    assert response is not None
    facts = {"status": response.status}
    if response.is_html():
        return failed(
            "web-page",
            f"{case.host} answered {response.status} with a web page instead of the platform's "
            "answer",
            "something on the way answers in its place: a captive portal or a proxy",
            facts=facts,
        )
    if 300 <= response.status < 400:
        return failed(
            "web-page",
            f"{case.host} answered {response.status} instead of the platform's answer, and sends "
            f"browsers to {_host_of(response.header('location'))}",
            "something on the way answers in its place: a captive portal or a proxy; if not, the "
            "base URL in the boarding configuration is wrong",
            facts=facts,
        )
    if response.status != 200:
        cause = "rate-limited" if response.status == 429 else "odd-answer"
        cause = "platform-trouble" if response.status >= 500 else cause
        words = case.words(response)
        return failed(
            cause,
            f"{case.host} answered {words} to the request for its public key",
            "wait and try again; if it stays, check the base URL in the boarding configuration"
            if cause == "odd-answer"
            else "wait: the agent tries again by itself",
            facts=facts,
        )
    return passed(f"{case.host} answers as the platform does", facts=facts)


def _host_of(url: str) -> str:
    """The rest of it may hold what is nobody's business."""
    try:
        return urlsplit(url).hostname or "nowhere"
    except ValueError:
        return "nowhere"
