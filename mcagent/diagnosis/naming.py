"""DNS: which addresses the next hop has, who says so, and what each name server says by itself."""

import socket
from ipaddress import ip_address
from threading import Thread
from time import monotonic

from . import firewall
from .case import Case
from .nameservers import ask, hosts_file, name_servers
from .reach import next_hop
from .step import Step, failed, passed

_PATIENCE_S = 20.0  # the resolver's own limit is 10 s for each server of /etc/resolv.conf

_SILENCE = (
    "no-name-server",
    "no name server answered",
    "look at the network and at the name servers in /etc/resolv.conf",
)
# What the system's resolver says -> (cause, words, remedy).
_REFUSALS = {
    socket.EAI_NONAME: (
        "no-such-name",
        "the name server says that there is no such name",
        (
            "this network's name server does not know it: check the name, or name another server "
            "in /etc/resolv.conf"
        ),
    ),
    socket.EAI_AGAIN: _SILENCE,
}


def look(case: Case) -> Step:
    name, port = next_hop(case)
    if _is_address(name):
        case.addresses = [name]
        return passed(f"{name} is an address, which needs no name server")
    began_s = monotonic()
    addresses, error = _resolve(name, port)
    took_ms = (monotonic() - began_s) * 1000
    sources = _sources(name)
    if error is not None:
        cause, words, remedy = _SILENCE
        if isinstance(error, socket.gaierror):
            cause, words, remedy = _REFUSALS.get(
                error.errno or 0, ("no-name-server", str(error.strerror), _SILENCE[2])
            )
        return failed(cause, f"no address for {name}: {words}", remedy, details=sources)
    case.addresses = addresses
    known = firewall.documented(name)
    if known and not set(known) & set(addresses):
        sources.append(
            f"documented are {' and '.join(known)}: a firewall rule for those is no use"
        )
    return passed(
        f"{name} is {', '.join(addresses)} ({took_ms:.0f} ms)",
        details=sources,
        facts={"name": name, "addresses": addresses},
    )


def origin(name: str) -> str:
    """Where the address of *name* comes from, for a message about a wrong one."""
    if hosts_file(name):
        return "a line of /etc/hosts"
    servers = name_servers()
    return "the name server " + " or ".join(servers) if servers else "this device's resolver"


def _sources(name: str) -> "list[str]":
    """What /etc/hosts and each name server say by themselves."""
    lines = [f"/etc/hosts: {', '.join(found)}" for found in [hosts_file(name)] if found]
    lines += [f"name server {server}: {ask(server, name)}" for server in name_servers()]
    return lines or ["/etc/resolv.conf names no server"]


def _resolve(name: str, port: int) -> "tuple[list[str], Exception | None]":
    """Ask the system, as the transport does; nothing else can end a lookup."""
    found: "list[str]" = []
    errors: "list[Exception]" = []

    def run() -> None:
        try:
            for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM):
                address = str(entry[4][0])
                if address not in found:
                    found.append(address)
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = Thread(target=run, name="mcagent-doctor-dns", daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if thread.is_alive():
        return [], TimeoutError("no answer")
    return found, errors[0] if errors else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
