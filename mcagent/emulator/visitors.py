"""Who must not reach the page and the control interface: web pages of others, in a browser here.

It asks for no password because it is bound to loopback; but a browser lets any page that its user
visits send requests there. It says where they come from, and names the host that it was told.
Scripts say nothing of the kind and notice nothing.
"""

import ipaddress
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

# What every browser sends, whatever a page does, and hardly a script.
_OF_BROWSERS = (b"origin", b"sec-fetch-site", b"accept-language")


def strange(scope: "MutableMapping[str, Any]", *, loopback: bool, public_url: str) -> str:
    """Tell why a request must not reach the control interface, "" if it may.

    Args:
        scope: Method, path and header fields of the request.
        loopback: The hub is bound to this machine alone, so that only names of this machine can
            be meant; another one is a page's that made its name point here (DNS rebinding).
            Beyond loopback a name is taken for the network's own, unless a browser comes with it.
        public_url: Origin by which devices reach the hub through somebody else.
    """
    fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = fields.get(b"host", "").lower()
    origin = fields.get(b"origin")
    if origin is not None and _authority(origin) != host:
        return "The control interface is not for pages of other origins."
    # Forms, pictures and scripts may come without an origin; a link that leads to the page is no
    # harm, because whoever set it can read nothing. "same-site" is another server of this machine.
    visit = fields.get(b"sec-fetch-mode") == "navigate" and scope["path"] == "/"
    if fields.get(b"sec-fetch-site") in ("cross-site", "same-site") and not visit:
        return "The control interface is not for other pages in this browser."
    if _is_here(host) or host == _authority(public_url):
        return ""
    if loopback:
        return f"The hub is bound to loopback and is not {host[:100]!r}; --public-url names it so."
    if any(name in fields for name in _OF_BROWSERS):
        return f"Browsers do not reach the hub as {host[:100]!r} unless --public-url names it so."
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
