"""Go the way of the running service: its CA file, its revocation lists, its proxy.

The options of a command and its environment are those of who types it. What is wrong with a device
is wrong with its service.
"""

import os

from ..errors import AgentError, ConfigurationError
from ..transport.cpython.proxies import environment_proxy
from .case import Case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FILES = {"ca_file": "CA file", "crl_file": "CRL file"}


def follow_service(case: Case) -> "list[str]":
    """Take what the service tells, where no option says otherwise; what was taken, and not."""
    live = case.ask_service() or {}
    network = (live.get("upload") or {}).get("network")
    if not isinstance(network, dict):
        return []
    who = f"the running service, pid {live.get('pid')}"
    settings, lines = {}, []
    for name, words in _FILES.items():
        ours, theirs = getattr(case, name), network.get(name)
        if ours is None and theirs:
            settings[name] = str(theirs)
            lines.append(f"{words} {theirs}, from {who}")
        elif ours is not None and os.path.abspath(ours) != theirs:
            case.other_way = f"its {words} is {theirs or 'none'}"
            lines.append(f"{words} {ours}, by option; {who}, takes {theirs or 'none'}")
    lines += _proxy(case, network, who, settings)
    ours, theirs = os.environ.get("SSL_CERT_FILE"), network.get("ssl_cert_file")
    if ours != theirs and case.ca_file is None and "ca_file" not in settings:
        lines.append(f"SSL_CERT_FILE here is {ours}; of {who}, it is {theirs}")
    for name, value in settings.items():
        try:
            case.go_by({name: value}, who)
        except ConfigurationError as error:
            case.proxy_secret = case.proxy_secret and name != "proxy"
            case.other_way = error.message
            lines = [line for line in lines if value not in line]
            text = f"{who}, goes another way, which cannot be gone here: {error.message}"
            lines.insert(0, text)
    return lines


def _proxy(
    case: Case, network: "dict[str, Any]", who: str, settings: "dict[str, str]"
) -> "list[str]":
    theirs = network.get("proxy")
    if theirs and case.proxy_setting is not None:
        # An address may be the same, and the password another one.
        case.other_way = f"its proxy is {theirs}"
    if theirs is None or case.proxy_setting is not None:
        return []  # it has sent nothing yet; or an option says otherwise (step "proxy" tells)
    if theirs == _from_environment(case):
        return []
    settings["proxy"] = str(theirs)
    if not theirs:
        return [f"no proxy, as {who}"]
    case.proxy_secret = bool(network.get("proxy_password"))
    return [f"proxy {theirs}, from {who}"]


def _from_environment(case: Case) -> "str | None":
    """The proxy that this command would take; None where it cannot be read."""
    if not case.tls:
        return ""
    try:
        proxy = environment_proxy(case.host, case.port)
    except AgentError:
        return None
    return "" if proxy is None else proxy.url
