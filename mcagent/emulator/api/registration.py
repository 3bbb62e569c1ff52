"""Registration, rotation and access tokens: what a device calls first (agent API 3 and 4)."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from ..agents import touch
from ..answers import Refusal, answer, json_object
from ..assertion import ASSERTION_TYPE, check_assertion, parse_assertion
from ..multipart import media_type
from ..principals import bearer
from ..scopes import AGENT_SCOPE
from .common import AGENTS, hub_of, operation


def _bearer(request: Request) -> str:
    token = bearer(request)
    if token is None:
        raise Refusal(
            400, "Authorization header is not valid.", iam_error="invalid_authorization_header"
        )
    return token


async def _json_object(request: Request) -> "dict[str, object]":
    """Read a JSON object; refusals of these two calls have the IAM body (agent API 11.1)."""
    try:
        return await json_object(request)
    except Refusal as exc:
        raise Refusal(exc.status, exc.message, iam_error="invalid_request") from exc


async def _register(request: Request) -> Response:
    hub = hub_of(request)
    token = _bearer(request)
    body = await _json_object(request)
    with hub.store.transaction() as db:
        # Exactly 201: both reference clients take a 200 for a failure (agent API 3.1).
        return answer(hub.credentials.register(db, token, body, hub.base_url(request)), 201)


async def _rotate(request: Request) -> Response:
    hub = hub_of(request)
    token = _bearer(request)
    body = await _json_object(request)
    agent = request.path_params["agent"]
    with hub.store.transaction() as db:
        return answer(hub.credentials.rotate(db, agent, token, body, hub.base_url(request)))


async def _token(request: Request) -> Response:
    hub = hub_of(request)
    if media_type(request.headers.get("content-type", "")) != "application/x-www-form-urlencoded":
        raise Refusal(400, "Body must be a form.", iam_error="invalid_request")
    try:
        # Splits at the first "=" only: the C library does not escape a JWT's padding (4.2).
        form = dict(parse_qsl((await request.body()).decode("ascii"), max_num_fields=20))
    except ValueError as exc:
        raise Refusal(400, "Body is not a form.", iam_error="invalid_request") from exc
    if form.get("grant_type") != "client_credentials":
        raise Refusal(400, "grant_type is not known.", iam_error="unsupported_grant_type")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refusal(400, "client_assertion_type is not known.", iam_error="invalid_grant")
    try:
        assertion = parse_assertion(form.get("client_assertion", ""))
    except ValueError as exc:
        raise Refusal(400, f"client_assertion: {exc}.", iam_error="invalid_client") from exc
    with hub.store.transaction() as db:
        row = check_assertion(
            db, assertion, clock=hub.clock, settings=hub.settings, breaches=hub.breaches
        )
        touch(db, row["id"], hub.clock.now_ms(), hub.settings)
    return answer(
        hub.tokens.issue(
            subject=row["id"],
            scopes=[AGENT_SCOPE],
            category="agent-token:v1",
            base_url=hub.base_url(request),
            tenant=row["tenant"],
        )
    )


async def _token_key(request: Request) -> Response:
    key = hub_of(request).keys.jwk()
    etag = f'"{key["kid"]}-{key["n"][:16]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return answer(key, headers={"etag": etag})


async def _token_keys(request: Request) -> Response:
    return answer({"keys": [hub_of(request).keys.jwk()]})


ROUTES = [
    operation("POST", f"{AGENTS}/register", _register),
    operation("PUT", f"{AGENTS}/register/{{agent}}", _rotate),
    operation("POST", f"{AGENTS}/oauth/token", _token),
    operation("GET", f"{AGENTS}/oauth/token_key", _token_key),
    operation("GET", f"{AGENTS}/oauth/token_keys", _token_keys),
]
