"""What an answer means for what was sent: the one table. docs/upload.md prints it.

Statuses that the platform documents for an exchange: 200, 400, 401, 403, 413 (OAS-MC); 429 and
5xx occur in practice; the rest comes from what stands between the device and the platform.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import TransportError
    from ..transport.http import Response

ACK = "ack"  # accepted: the records are delivered
RENEW = "renew"  # one token renewal, then once more; still refused: hold
SEARCH = "search"  # something in the body is refused: find it by halves
SHRINK = "shrink"  # the body is too much: halve the next one
WAIT = "wait"  # nobody's fault: back off and send again
PART = "part"  # one request of several did what it should: go on with the next
HOLD = "hold"  # someone has to act: keep everything, tell, look again now and then

# Upper bounds of a wait. A link that is down is tried cheaply, nothing leaves the device, and
# work has to resume soon after it is back; a service in trouble deserves more patience.
LINK_CAP_MS = 60_000
SERVICE_CAP_MS = 300_000


class Row:
    """One line of the table.

    Attributes:
        answer: What came: a status, a class of them, or the kind of a missing answer.
        outcome: One of the constants above.
        cap_ms: Upper bound of the wait that follows, 0 where none follows.
        meaning: For people.
    """

    def __init__(self, answer: str, outcome: str, cap_ms: int, meaning: str) -> None:
        self.answer = answer
        self.outcome = outcome
        self.cap_ms = cap_ms
        self.meaning = meaning

    def __repr__(self) -> str:
        return "<%s: %s>" % (self.answer, self.outcome)


TABLE = (
    Row("200", ACK, 0, "accepted by the platform"),
    Row("html", WAIT, LINK_CAP_MS, "a page: not the platform, but a proxy or a captive portal"),
    Row("2xx", WAIT, SERVICE_CAP_MS, "not the platform's answer: nothing counts as accepted"),
    Row("3xx", WAIT, LINK_CAP_MS, "a redirect: a captive portal, or a wrong base URL"),
    Row("400", SEARCH, 0, "something in the body is refused"),
    Row("401", RENEW, 0, "the access token is refused"),
    Row("403", HOLD, 0, "the agent may not do this: offboarded, or a right is missing"),
    Row("404", HOLD, 0, "wrong host or path, or the agent is unknown"),
    Row("408", WAIT, SERVICE_CAP_MS, "the platform waited too long for the body"),
    Row("413", SHRINK, 0, "the body is too large"),
    Row("415", SEARCH, 0, "a content type in the body is refused"),
    Row("422", SEARCH, 0, "something in the body is refused"),
    Row("425", WAIT, SERVICE_CAP_MS, "too early"),
    Row("429", WAIT, SERVICE_CAP_MS, "too many requests: Retry-After is obeyed"),
    Row("4xx", HOLD, 0, "refused for a reason that sending again does not change"),
    Row("5xx", WAIT, SERVICE_CAP_MS, "the platform or a gateway is in trouble"),
    Row("timeout", SHRINK, LINK_CAP_MS, "no answer in time"),
    Row("body", WAIT, LINK_CAP_MS, "a record could not be read back while it was sent"),
    Row("no answer", WAIT, LINK_CAP_MS, "name, route, TLS, proxy, or the connection broke"),
)

_ROWS = {row.answer: row for row in TABLE}


def of_response(response: "Response") -> Row:
    """The row of an answer."""
    status = str(response.status)
    row = _ROWS.get(status) or _ROWS.get(status[0] + "xx") or _ROWS["5xx"]
    # No success, and nothing that somebody has to mend on the platform.
    return _ROWS["html"] if row.outcome in (ACK, HOLD) and response.is_html() else row


def of_unreadable(response: "Response") -> Row:
    """The row of an answer to a GET that holds nothing useful, whatever its status says."""
    row = of_response(response)
    return row if row.outcome != ACK else _ROWS["html"]


def of_error(error: "TransportError") -> Row:
    """The row of a missing answer."""
    return _ROWS.get(error.kind) or _ROWS["no answer"]
