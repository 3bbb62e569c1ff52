"""The requests of the lifecycle, as the reference clients send them. Pure functions."""

from ..runtime import json_string
from ..transport.http import Request

_API = "/api/agentmanagement/v3"


def register(base_url: str, iat: str, jwks: str) -> Request:
    """First registration. Source: agent API, 3.1."""
    # Two bytes for a shared secret, not an empty body.
    body = '{"jwks":' + jwks + "}" if jwks else "{}"
    return _json_request("POST", base_url + _API + "/register", iat, body)


def rotate(uri: str, rat: str, *, client_id: str, jwks: str) -> Request:
    """Rotation. *uri* comes from the answer before it and is used as it stands. Source: 3.2."""
    body = '{"client_id":' + json_string(client_id)
    body += ',"jwks":' + jwks + "}" if jwks else "}"
    return _json_request("PUT", uri, rat, body)


def token(base_url: str, assertion: str) -> Request:
    """Access token; no Authorization header. Source: 4.1."""
    form = (
        "grant_type=client_credentials"
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        "&client_assertion=" + assertion
    )
    return Request(
        "POST",
        base_url + _API + "/oauth/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        form.encode(),
    )


def public_key(base_url: str) -> Request:
    """The key that tokens are signed with: public, so its answer tells the time for nothing."""
    return Request("GET", base_url + _API + "/oauth/token_key")


def _json_request(method: str, url: str, bearer: str, body: str) -> Request:
    headers = {"Authorization": "Bearer " + bearer, "Content-Type": "application/json"}
    request = Request(method, url, headers, body.encode())
    request.once = True  # an answer that is lost may cost the credentials
    return request
