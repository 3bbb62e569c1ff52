"""Which agent seems to ask: for fault rules, read before anything is checked.

The claims of a token are looked at without its signature: who lies about who it is only gets
somebody else's faults.
"""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

_REGISTER = "/api/agentmanagement/v3/register/"
_FORM_MAX = 64 * 1024


def bearer_of(headers: "list[tuple[bytes, bytes]]") -> str:
    """Give the bearer token among header fields, "" if there is none."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return ""


def claimed_agent(token: str, path: str, body: bytes) -> str:
    """Give the id of the agent that a request is of, "" if it does not say.

    The access token or the boarding token says it, else the path of a rotation, else the
    assertion of a request for a token.
    """
    if path.startswith(_REGISTER):
        return path.removeprefix(_REGISTER)
    if token:
        return _subject(token)
    if len(body) > _FORM_MAX or b"client_assertion=" not in body:
        return ""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError:
        return ""
    return _subject(form.get("client_assertion", [""])[0])


def _subject(token: str) -> str:
    """Give `sub` of a JSON web token, "" if it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1].rstrip("=") + "==="))
    except (ValueError, RecursionError):
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else ""
