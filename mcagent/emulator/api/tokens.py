"""Tokens for applications: service credentials, technical token manager (services API 6)."""

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from ..answers import Refusal, answer, parse_json
from ..applications import (
    BAD_CREDENTIALS,
    basic_credentials,
    check_credentials,
    scopes_of,
    user_tenant,
)
from .common import TOKENS, hub_of, operation

_NAMES = ("appName", "appVersion", "hostTenant", "userTenant")


async def _service_token(request: Request) -> Response:
    """Answer client_credentials; id and secret in the header or in the form (6.1)."""
    hub = hub_of(request)
    form = {**dict(request.query_params), **await _form(request)}
    if form.get("grant_type") != "client_credentials":
        raise Refusal(400, "Unsupported grant type", iam_error="unsupported_grant_type")
    given = basic_credentials(request.headers.get("authorization", ""))
    if given is None and "client_id" in form:
        given = form["client_id"], form.get("client_secret", "")
    if given is None:
        raise Refusal(401, "Bad credentials", iam_error=BAD_CREDENTIALS)
    with hub.store.reading() as db:
        row = check_credentials(db, *given)
    return answer(
        hub.tokens.issue_application(row["client"], row["tenant"], scopes_of(row)),
        headers={"cache-control": "no-store"},
    )


async def _form(request: Request) -> dict[str, str]:
    try:
        text = (await request.body()).decode("ascii")
        return dict(parse_qsl(text.strip(), max_num_fields=20))
    except ValueError as exc:
        raise Refusal(400, "Body is not a form.", iam_error="invalid_request") from exc


async def _application_token(request: Request) -> Response:
    """Answer the token manager; its four names stand in the body or all in the query (6.2)."""
    hub = hub_of(request)
    header = request.headers.get("x-space-auth-key") or request.headers.get("authorization", "")
    given = basic_credentials(header)
    if given is None:
        raise Refusal(401, "Bad credentials", iam_error=BAD_CREDENTIALS)
    wanted = await _wanted(request)
    with hub.store.reading() as db:
        row = check_credentials(db, *given)
    return answer(
        hub.tokens.issue_application(row["client"], user_tenant(row, wanted), scopes_of(row)),
        headers={"cache-control": "no-store"},
    )


async def _wanted(request: Request) -> dict[str, Any]:
    raw = await request.body()
    body: Any = {}
    if raw.strip():
        try:
            body = parse_json(raw)
        except ValueError as exc:
            raise Refusal(400, "Body is not JSON.", iam_error="invalid_request") from exc
    if not isinstance(body, dict):
        raise Refusal(400, "Body is not a JSON object.", iam_error="invalid_request")
    in_query = [name for name in _NAMES if name in request.query_params]
    if in_query and any(name in body for name in _NAMES):
        raise Refusal(400, "Names are mixed in body and query.", iam_error="invalid_request")
    wanted = dict(request.query_params) if in_query else body
    missing = [name for name in _NAMES if not isinstance(wanted.get(name), str)]
    if missing:
        words = f"{', '.join(missing)} missing."
        raise Refusal(400, words, iam_error="invalid_request")
    return wanted


async def _keys(request: Request) -> Response:
    """Answer the key set; unlike the agents' key its PEM has line breaks (UAA)."""
    hub = hub_of(request)
    return answer({"keys": [{**hub.keys.jwk(), "value": hub.keys.pem()}]})


ROUTES = [
    operation("POST", "/oauth/token", _service_token),
    operation("GET", "/token_keys", _keys),
    operation("POST", f"{TOKENS}/oauth/token", _application_token),
    operation("GET", f"{TOKENS}/token_keys", _keys),
]
