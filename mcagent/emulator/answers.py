"""Answers in the platform's words: JSON, and refusals in the body of their service (bodies.py)."""

import json
import math
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .bodies import Fault, body_of

# Key in the scope of a body that is larger than anything that is taken, and of which only the
# beginning was kept (gate.py).
CUT_SHORT = "mcagent.cut_short"

# Default English messages, agent API 11.1.
_MESSAGES = {
    400: "Request is not valid.",
    401: "Not authorized to access the resource.",
    403: "Not enough rights for this operation.",
    404: "Resource not found.",
    405: "Method not allowed.",
    409: "Resource exists already.",
    412: "No resource found for the given condition.",
    413: "Request is too large.",
    415: "Content type is not supported.",
    429: "Limit exceeded.",
    500: "Internal server error.",
}

# Deeper than anything that a device or an application sends; code that walks through it recurses.
_DEPTH_MAX = 100
_GLANCES = 8  # each takes one or two levels away
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Refusal(Exception):
    """A request that the platform answers with an error.

    Args:
        status: HTTP status.
        message: What is wrong, for a person; `""` takes the platform's standard words.
        iam_error: Error word of the IAM body family; `""` for the plain family.
        error_id: `id` of a plain body, None makes a new one; for aggregates, the ending of the
            code.
        headers: Header fields of the answer, such as `Retry-After`.
        gateway: The gateway says it, not the service.
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        iam_error: str = "",
        error_id: "str | None" = None,
        headers: "dict[str, str] | None" = None,
        gateway: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message or _MESSAGES.get(status, "")
        self.iam_error = iam_error
        self.error_id = error_id
        self.headers = headers
        self.gateway = gateway


def encode(value: object) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    """Give *value* with null for what JSON cannot say, as JavaScript writes it.

    A client may send `1e999`, which is JSON, and is infinite once it was read.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def answer(value: object, status: int = 200, headers: "dict[str, str] | None" = None) -> Response:
    """Answer with JSON."""
    return Response(encode(value), status, headers, media_type="application/json")


def empty(status: int = 200) -> Response:
    """Answer without a body; clients expect exactly 200 from an exchange (agent API 6.5)."""
    return Response(b"", status)


def refuse(request: Request, refusal: Exception) -> Response:
    """Turn a `Refusal` into its answer (an exception handler of Starlette)."""
    if not isinstance(refusal, Refusal):
        raise TypeError(f"not a refusal: {refusal!r}")
    hub = request.app.state.hub
    body, media_type = body_of(
        Fault(
            refusal.status,
            refusal.message,
            correlation_id(request),
            request.url.path,
            hub.clock.now_ms(),
            refusal.error_id,
            refusal.iam_error,
            gateway=refusal.gateway,
            older=hub.settings.timeseries_error_shape == "id",
        )
    )
    return Response(encode(body), refusal.status, refusal.headers, media_type=media_type)


def correlation_id(request: Request) -> str:
    """Give the request's Correlation-ID, or a new one (agent API 7.2, a guess)."""
    return request.headers.get("correlation-id", "")[:36] or str(uuid.uuid4())


def parse_json(body: "bytes | str") -> Any:
    """Parse JSON strictly: UTF-8, no NaN, bounded depth, no half of a surrogate pair.

    Raises:
        ValueError: Not JSON, or nested too deeply.
    """
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    try:
        value = json.loads(text, parse_constant=_no_constant)
        # An escaped lone surrogate parses, but is no character: SQLite could not store it.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        if not _is_shallow(text) and depth_of(value) > _DEPTH_MAX:
            raise RecursionError  # noqa: TRY301 - as where the parser itself gives up
    except RecursionError:
        raise ValueError(f"JSON is nested too deeply, {_DEPTH_MAX} is the most") from None
    return value


def _is_shallow(text: str) -> bool:
    """Tell at a glance whether JSON is nested less than the bound; False if that is not enough.

    What is left of the brackets when each pair is taken away, again and again, is nothing, unless
    they are many or stand in texts. It takes a tenth of the time of walking through the values.
    """
    brackets = text.encode("utf-8", "surrogatepass").translate(None, _NO_BRACKETS)
    for _ in range(_GLANCES):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def depth_of(value: Any) -> int:
    """Tell how deep *value* is nested: 0 for a number, 1 for a flat list, …; never more than one
    beyond the bound."""
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level and depth <= _DEPTH_MAX:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
    return depth


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def json_object(request: Request) -> dict[str, Any]:
    """Read the request's body as a JSON object.

    Raises:
        Refusal: 400, it is not one; 413, it is larger than any.
    """
    if request.scope.get(CUT_SHORT):
        raise Refusal(413)
    try:
        value = parse_json(await request.body())
    except ValueError as exc:
        raise Refusal(400, f"Body is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise Refusal(400, "Body is not a JSON object.")
    return value
