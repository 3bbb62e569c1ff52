"""Who must not reach the control interface: web pages of others, in the browser of this machine.

It asks for no password because it is bound to loopback; but a browser lets any page that its user
visits send requests there. It says where they come from, and names the host that it was told.
"""

import ipaddress
from urllib.parse import urlsplit


def strange(headers: "list[tuple[bytes, bytes]]", *, loopback: bool, public_url: str) -> str:
    """Tell why a request must not reach the control interface, "" if it may.

    Args:
        headers: Header fields of the request.
        loopback: The hub is bound to this machine alone, so that only names of this machine can
            be meant; another one is a page's that made its name point here (DNS rebinding).
        public_url: Origin by which devices reach the hub through somebody else.
    """
    fields = {name: value.decode("latin-1") for name, value in headers}
    host = fields.get(b"host", "").lower()
    origin = fields.get(b"origin")
    if origin is not None and _authority(origin) != host:
        return "The control interface is not for pages of other origins."
    if loopback and not _is_here(host) and host != _authority(public_url):
        return f"The hub is bound to loopback and is not {host[:100]!r}; --public-url names it so."
    return ""


def _authority(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    """Tell whether *host* is an address, or a name that no name server can point here."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    name = name.strip("[]")
    if "." not in name.removesuffix(".localhost"):
        return True  # no domain: nobody's page
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
