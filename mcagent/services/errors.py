"""Every form in which a service says no, read into one `RemoteError`. Pure functions.

The forms are those of services API 7.1: an object with `message`, with `id`, with `error`, a list
`errors`, a bare list, text, a gateway's HTML page. A body that is none of them is no reason to
fail: the status says enough.
"""

import re
from typing import NamedTuple

from ..credentials.answers import redacted
from ..errors import RemoteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, TypeVar

    from ..transport.http import Response

    T = TypeVar("T")

_LONGEST_WORDS = 200
_CODE_IN_FRONT = re.compile(r"^\[([0-9A-Za-z_.-]{1,40})\]\s*")

# Fine scope -> the roles that hold it (services API 6.4). A role is what an operator hands out.
ROLES_OF = {
    "iot.tim.r": ("mdsp:core:iot.timUser", "mdsp:core:iot.timAdmin"),
    "iot.tim.w": ("mdsp:core:iot.timAdmin",),
    "iot.tim.d": ("mdsp:core:iot.timAdmin",),
    "iot.tsa.r": ("mdsp:core:iot.tsaUser",),
    "iot.fil.r": ("mdsp:core:iot.filUser", "mdsp:core:iot.filAdmin"),
    "iot.fil.w": ("mdsp:core:iot.filAdmin",),
    "iot.fil.d": ("mdsp:core:iot.filAdmin",),
    "em.r": (
        "mdsp:core:em.eventviewer",
        "mdsp:core:em.eventcreator",
        "mdsp:core:em.eventmanager",
    ),
    "em.c": ("mdsp:core:em.eventcreator", "mdsp:core:em.eventmanager"),
}
# The same for whole families of scopes.
_FAMILIES = (
    (("agm.", "obc.", "dsc."), ("mdsp:core:agentmanagement.fullaccess",)),
    (("map.", "evt.map.", "da.", "di.", "rec."), ("mdsp:core:mindconnect.fullaccess",)),
    (("asm.", "atm.", "aml."), ("mdsp:core:assetmanagement.admin",)),
    (("em.",), ("mdsp:core:em.eventmanager",)),
)
_READ_ASSETS = ("asm.r", "atm.r", "atm.apt.r")

_HINTS = {
    400: "the request breaks a rule of the service; its own words say which",
    404: "compare the ids and names with those on the platform; letters' case counts",
    409: "somebody else changed or made it meanwhile: read it again, then repeat",
    412: "somebody else changed it meanwhile: read it again, then repeat with its new version",
    413: "send less at a time",
    429: "the platform limits requests: try again later, or slower",
}

ANOTHER_SERVER = "a proxy, a portal or another server answered: is the gateway's address right?"


_JSON: "dict[type, str]" = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    type(None): "nothing",
}


class Words(NamedTuple):
    """What an answer says: the service's code, its words, and the id for its support."""

    code: str
    message: str
    correlation_id: str


def require(kind: "type[T]", value: "Any", doing: str, status: int = 200) -> "T":
    """*value* of an answer, where it is of this kind: what cannot be read is never "nothing".

    Raises:
        RemoteError: It is not.
    """
    if isinstance(value, kind):
        return value
    found = _JSON.get(type(value), "something else")
    raise RemoteError(
        f"{doing}: the platform's answer ({status}) has {found} where {_JSON[kind]} belongs",
        status=status,
        hint=ANOTHER_SERVER,
    )


def read_words(response: "Response") -> Words:
    """Read the body of a refusal, whatever its form."""
    body = response.json()
    if isinstance(body, list):
        # Event management answers a bare list; the first entry speaks for all.
        first = body[0] if body and isinstance(body[0], dict) else {}
    elif isinstance(body, dict):
        errors = body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else body
        first = first if isinstance(first, dict) else body
    else:
        first = {}
    message = _first_text(first, "message", "error_description", "error", "detail", "title")
    code = _first_text(first, "errorcode", "code", "id")
    in_front = _CODE_IN_FRONT.match(message)
    if in_front is not None:
        code = in_front.group(1)
    return Words(
        " ".join(code.split())[:80],
        " ".join((message or response.reason()).split())[:_LONGEST_WORDS],
        _first_text(first, "logref")[:80],
    )


def remote_error(
    response: "Response",
    *,
    doing: str,
    correlation_id: str,
    scope: str = "",
    granted: "Iterable[str] | None" = None,
    secrets: "Iterable[str]" = (),
) -> RemoteError:
    """The error that tells of a refusal.

    Args:
        response: Any answer that is not the one hoped for.
        doing: What was asked for, as in "reading aspect 'motor' of asset 0f3c".
        correlation_id: Of the request; the service's own is preferred.
        scope: The fine scope that the operation needs; ``""`` for none.
        granted: Scopes and roles of the token; None where they are not known.
        secrets: What must not be repeated, wherever the words come from.
    """
    words = read_words(response)
    hidden = [secret for secret in secrets if secret]
    reason = redacted(words.message, hidden)
    text = "%s: the platform answered %d%s" % (
        doing,
        response.status,
        " " + reason if reason else "",
    )
    hint = _HINTS.get(response.status, "")
    if response.status == 403:
        text, hint = _forbidden(text, scope, granted)
    elif response.status == 401:
        hint = "a new token was refused, too: are these the credentials of this tenant?"
    elif response.is_html() or 300 <= response.status < 400:
        hint = ANOTHER_SERVER
    elif response.status >= 500:
        hint = "the platform has trouble of its own: try again later"
    asked = " ".join(response.header("retry-after").split())[:40]
    if asked:
        hint = f"{hint}; it asks to wait: {asked}" + (" s" if asked.isdigit() else "")
    return RemoteError(
        text,
        status=response.status,
        reason=reason,
        correlation_id=words.correlation_id or correlation_id,
        hint=hint,
        code=redacted(words.code, hidden),
    )


def roles_of(scope: str) -> "tuple[str, ...]":
    """The roles that hold a fine scope; none where that is not known."""
    if scope in ROLES_OF:
        return ROLES_OF[scope]
    if scope in _READ_ASSETS:
        return ("mdsp:core:assetmanagement.standarduser", "mdsp:core:assetmanagement.admin")
    for starts, roles in _FAMILIES:
        if scope.startswith(starts):
            return roles
    return ()


def holds(granted: "Iterable[str]", scope: str) -> bool:
    """Whether a token's scopes and roles include *scope*."""
    wanted = {scope, *roles_of(scope)}
    # Tokens name fine scopes whole ("mdsp:core:iot.tim.r") or by their end.
    return any(
        name in wanted or (name.rpartition(":")[2] == scope and name not in ("", scope))
        for name in granted
    )


def _forbidden(text: str, scope: str, granted: "Iterable[str] | None") -> "tuple[str, str]":
    if not scope:
        return text, "these credentials lack a right, or the thing belongs to another tenant"
    roles = " or ".join(roles_of(scope))
    ask = f"ask the tenant's administrator for {scope}"
    if roles:
        ask += f" (role {roles})"
    if granted is None:
        return text, f"{ask}; or the thing belongs to another tenant"
    if holds(granted, scope):
        return text, f"the token has the scope {scope}: so the thing is another tenant's"
    return f"{text}: the scope {scope} is missing", ask


def _first_text(body: "dict[str, Any]", *names: str) -> str:
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool) and name in ("code", "id"):
            return str(value)
    return ""
