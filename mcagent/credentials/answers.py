"""What the platform's answers say, as plain values. Pure functions."""

from ..boarding import LOOPBACK
from ..calendar import whole_number
from ..transport.http import Response
from .platformclock import http_date_ms
from .table import ANSWERS, LATER, NO, NOBODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..errors import TransportError

# Transport errors before the first byte of the request left: the platform cannot have acted on it.
_UNSENT = ("dns", "connect", "tls", "certificate", "proxy")
_REGISTER_PATH = "/api/agentmanagement/v3/register/"
_DEFAULT_TOKEN_LIFE_S = 3600  # agent API, 4.3: what the service sends
_RETRY_AFTER_CAP_MS = 300_000  # a proxy's "come back tomorrow" must not silence a device that long


class Verdict:
    """What an answer says about the credential that was used.

    Attributes:
        said: ``TAKEN``, ``NO``, ``LATER`` or ``NOBODY`` of `table`.
        arrived: The platform may have acted on the request.
        status: HTTP status; 0 without an answer.
        words: Status and the platform's own words, without secrets.
        reason: Why the request has to be repeated; ``""`` for a good answer.
    """

    def __init__(
        self, said: str, *, reason: str, arrived: bool = True, status: int = 0, words: str = ""
    ) -> None:
        self.said = said
        self.arrived = arrived
        self.status = status
        self.words = words
        self.reason = reason

    def __repr__(self) -> str:
        return "<Verdict %s: %s>" % (self.said, self.words or self.reason)


def judge(
    operation: str, answer: "Response | TransportError | None", secrets: "list[str]"
) -> Verdict:
    """What *answer* says; *secrets* do not appear in its texts."""
    if answer is None:
        return Verdict(NOBODY, reason="no answer from the platform")
    if not isinstance(answer, Response):
        return Verdict(NOBODY, reason=answer.message, arrived=answer.kind not in _UNSENT)
    if answer.is_html():
        reason = "a web page came instead of the platform's answer: a captive portal or a proxy"
        # A gateway's own page for 502 or 504 can come after the platform has acted.
        arrived = answer.status >= 500
        return Verdict(NOBODY, reason=reason, arrived=arrived, status=answer.status)
    said = ANSWERS[operation].get(answer.status, LATER)
    words = ("%d %s" % (answer.status, redacted(answer.reason(), secrets))).strip()
    reason = ""
    if said == NO:
        reason = "the platform refused the %s request: %s" % (operation, words)
    elif said == LATER:
        reason = "the platform answered " + words
    # A gateway's 504 can come after the platform has acted, and a 200 that is not ours may be an
    # answer that somebody spoiled; with 300 to 499 nobody has acted.
    arrived = said != LATER or not 300 <= answer.status < 500
    return Verdict(said, reason=reason, arrived=arrived, status=answer.status, words=words)


def read_credentials(
    response: "Response", *, client_id: str, base_url: str, key: str
) -> "dict[str, Any] | None":
    """The answer to a registration or rotation as it is stored; None where it is unusable.

    Args:
        response: 201 or 200.
        client_id: An answer for another agent is unusable.
        base_url: To compose the rotation's URL where the answer has none that may be used.
        key: Private key of an RSA agent, which stands in the secret's place; ``""`` otherwise.

    Returns:
        ``{"secret", "rat", "uri", "expires_ms"}``; *expires_ms* is None where there is no end.

    Source: agent API, 3.1.
    """
    answer = response.json()
    if not isinstance(answer, dict) or answer.get("client_id") != client_id:
        return None
    secret = key or answer.get("client_secret")
    rat = answer.get("registration_access_token")
    if not _is_token(rat) or not isinstance(secret, str) or not secret:
        return None
    expires_s = _number(answer.get("client_secret_expires_at"))
    uri = answer.get("registration_client_uri")
    return {
        "secret": secret,
        "rat": rat,
        "uri": uri if _is_safe_url(uri) else base_url + _REGISTER_PATH + client_id,
        # RFC 7591, 3.2.1: 0 means that it never expires.
        "expires_ms": expires_s * 1000 if expires_s else None,
    }


def read_token(response: "Response") -> "tuple[str, int] | None":
    """Access token and its life in ms; None where the answer holds none. Agent API, 4.3."""
    answer = response.json()
    if not isinstance(answer, dict) or not _is_token(answer.get("access_token")):
        return None
    life_s = _number(answer.get("expires_in")) or _DEFAULT_TOKEN_LIFE_S
    return answer["access_token"], life_s * 1000


def retry_after_ms(response: "Response", server_ms: int) -> int:
    """How long the platform wants to be left alone, bounded; 0 where it did not say."""
    text = response.header("retry-after").strip()
    delay_s = whole_number(text)
    until_ms = http_date_ms(text) if delay_s is None else server_ms + delay_s * 1000
    wait_ms = (until_ms or 0) - server_ms
    return max(0, min(wait_ms, _RETRY_AFTER_CAP_MS))


def _number(value: "Any") -> int:
    """A positive whole number; 0 for everything else. Some JSON writers send 3600.0."""
    if value is True or not isinstance(value, (int, float)) or not 0 < value < 2**53:
        return 0
    return int(value)


def _is_token(value: "Any") -> bool:
    # It goes into a header: nothing but visible ASCII (RFC 6750, 2.1).
    return (
        isinstance(value, str)
        and value != ""
        and all("!" <= character <= "~" for character in value)
    )


def _is_safe_url(value: "Any") -> bool:
    # Both reference clients use it as it stands (1.1); ours refuses to carry a RAT in the clear.
    if not _is_token(value) or "@" in value:
        return False
    if value.startswith("https://"):
        return True
    return any(
        value.startswith(("http://" + host + ":", "http://" + host + "/")) for host in LOOPBACK
    )


def redacted(text: str, secrets: "list[str]") -> str:
    """*text*, somebody else's words, without what is secret: some gateways echo the request."""
    for secret in secrets:
        text = text.replace(secret, "***")
        # Words are cut off at 200 characters, so a secret may end there.
        for size in range(len(secret) - 1, 5, -1):
            if text.endswith(secret[:size]):
                text = text[:-size] + "***"
                break
    # An assertion, or whatever else looks like a credential. A correlation id has 36 characters.
    return " ".join("***" if len(word) > 64 else word for word in text.split())
