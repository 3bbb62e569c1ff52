"""Tokens for applications: three ways, wrong credentials, keys, life (services API 6)."""

import json

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .application import Application, basic, claims_of
from .device import AGENTS, call

SERVICE = "/oauth/token"
MANAGER = "/api/technicaltokenmanager/v3/oauth/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = "grant_type=client_credentials"


def created(hub, **wanted):
    got = call(hub.url, "POST", "/_emulator/applications", {"name": "edgetest", **wanted})
    assert got.status == 201, got.body
    return got.json


def names(**changes):
    wanted = {
        "appName": "edgetest",
        "appVersion": "v1.0.0",
        "hostTenant": "localdev",
        "userTenant": "localdev",
    }
    return {**wanted, **changes}


def test_service_credentials_get_a_token_that_works(hub):
    """Promise: the answer of services API 6.1, and the token opens what its scopes say."""
    it = created(hub, scopes=["agm.r"])
    header = {**FORM, "Authorization": basic(it["clientId"], it["clientSecret"])}
    got = call(hub.url, "POST", SERVICE, GRANT, header)
    assert got.status == 200
    body = got.json
    assert sorted(body) == ["access_token", "expires_in", "jti", "scope", "token_type"]
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 1799, "agm.r")
    claims = claims_of(body["access_token"])
    assert claims["ten"] == claims["zid"] == "localdev"
    assert claims["scope"] == ["agm.r"]
    assert claims["iss"] == "https://localdev.piam.eu1.mindsphere.io/oauth/token"
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert call(hub.url, "GET", f"{AGENTS}/agents", None, bearer).status == 200
    assert call(hub.url, "POST", f"{AGENTS}/agents", {}, bearer).status == 403


def test_id_and_secret_in_the_form_and_grant_in_the_query_are_taken(hub):
    it = created(hub)
    form = f"{GRANT}&client_id={it['clientId']}&client_secret={it['clientSecret']}"
    assert call(hub.url, "POST", SERVICE, form, FORM).status == 200
    header = {"Authorization": basic(it["clientId"], it["clientSecret"])}
    assert call(hub.url, "POST", f"{SERVICE}?{GRANT}", None, header).status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Digest abc",
        basic("localdev-edgetest", "wrong"),
        basic("nobody", "wrong"),
        basic("", ""),
        "Basic /////w==",
    ],
)
def test_wrong_credentials_are_401_without_a_hint_which(hub, header):
    """Promise: unknown id and wrong secret get the same body (services API 6.1)."""
    created(hub)
    headers = {**FORM, **({"Authorization": header} if header else {})}
    got = call(hub.url, "POST", SERVICE, GRANT, headers)
    assert got.status == 401
    assert got.json == {"error": "unauthorized", "error_description": "Bad credentials"}


@pytest.mark.parametrize("body", ["", "grant_type=password", "x" * 3000, "&".join(["a=b"] * 21)])
def test_a_bad_form_is_400(hub, body):
    it = created(hub)
    header = {**FORM, "Authorization": basic(it["clientId"], it["clientSecret"])}
    got = call(hub.url, "POST", SERVICE, body, header)
    assert got.status == 400
    assert got.json["error"] in ("unsupported_grant_type", "invalid_request")


@pytest.mark.parametrize(
    ("header", "scheme"),
    [
        ("X-SPACE-AUTH-KEY", "Basic"),
        ("X-SPACE-AUTH-KEY", "Bearer"),
        ("Authorization", "Basic"),
    ],
)
def test_the_token_manager_takes_three_forms_of_the_header(hub, header, scheme):
    it = created(hub, version="v1.0.0")
    assert it["clientId"] == "localdev-edgetest-v1.0.0"
    headers = {header: basic(it["clientId"], it["clientSecret"], scheme)}
    got = call(hub.url, "POST", MANAGER, {**names(), "grant_type": "client_credentials"}, headers)
    assert got.status == 200
    assert claims_of(got.json["access_token"])["ten"] == "localdev"


def test_the_token_manager_takes_its_names_in_the_query_but_never_mixed(hub):
    it = created(hub, version="v1.0.0")
    headers = {"X-SPACE-AUTH-KEY": basic(it["clientId"], it["clientSecret"])}
    query = "&".join(f"{name}={value}" for name, value in names().items())
    assert call(hub.url, "POST", f"{MANAGER}?{query}", None, headers).status == 200
    got = call(hub.url, "POST", f"{MANAGER}?{query}", names(), headers)
    assert (got.status, got.json["error"]) == (400, "invalid_request")
    for missing in names():
        some = {name: value for name, value in names().items() if name != missing}
        got = call(hub.url, "POST", MANAGER, some, headers)
        assert got.status == 400
        assert missing in got.json["error_description"]


@pytest.mark.parametrize(
    "changes",
    [
        {"appName": "other"},
        {"appVersion": "v2"},
        {"hostTenant": "otherdev"},
        {"userTenant": "otherdev"},
        {"userTenant": "nobody"},
    ],
)
def test_the_token_manager_refuses_names_that_are_not_the_credentials(hub, changes):
    it = created(hub, version="v1.0.0")
    headers = {"X-SPACE-AUTH-KEY": basic(it["clientId"], it["clientSecret"])}
    assert call(hub.url, "POST", MANAGER, names(**changes), headers).status == 401


def test_an_application_may_be_used_by_the_tenant_that_it_was_given_to(hub):
    it = created(hub, version="v1.0.0", users=["otherdev"])
    headers = {"X-SPACE-AUTH-KEY": basic(it["clientId"], it["clientSecret"])}
    got = call(hub.url, "POST", MANAGER, names(userTenant="otherdev"), headers)
    assert claims_of(got.json["access_token"])["ten"] == "otherdev"


def test_the_first_key_of_the_set_verifies_a_token(hub):
    """Promise: one key, its `kid` in the token's header, PEM with line breaks (6.1)."""
    token = Application(hub).token
    keys = call(hub.url, "GET", "/token_keys").json["keys"]
    assert len(keys) == 1
    header = pyjwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == ("RS256", keys[0]["kid"])
    public = load_pem_public_key(keys[0]["value"].encode())
    pyjwt.decode(token, public, algorithms=["RS256"], options={"verify_aud": False})
    assert keys[0]["value"].count("\n") > 5


def test_a_token_ends_at_its_time_and_not_before(hub):
    hub.change_settings(application_token_life_s=60)
    it = created(hub)
    headers = {**FORM, "Authorization": basic(it["clientId"], it["clientSecret"])}
    got = call(hub.url, "POST", SERVICE, GRANT, headers)
    assert got.json["expires_in"] == 60
    bearer = {"Authorization": f"Bearer {got.json['access_token']}"}
    for offset_s, status in ((50, 200), (61, 401)):
        hub.set_clock(offset_s)
        assert call(hub.url, "GET", f"{AGENTS}/agents", None, bearer).status == status


def test_a_new_secret_ends_the_old_one(hub):
    first, second = created(hub), created(hub)
    assert first["clientId"] == second["clientId"]
    for it, status in ((first, 401), (second, 200)):
        headers = {**FORM, "Authorization": basic(it["clientId"], it["clientSecret"])}
        assert call(hub.url, "POST", SERVICE, GRANT, headers).status == status


def test_secrets_are_not_stored_or_shown_again(hub, tmp_path):
    secret = created(hub)["clientSecret"]
    assert secret not in call(hub.url, "GET", "/_emulator/state").body.decode()
    with hub._running.store.reading() as db:
        assert secret not in "\n".join(db.iterdump())


@pytest.mark.parametrize(
    "wanted",
    [{"name": "a b"}, {"name": ""}, {"tenant": "x"}, {"version": 1}, {"scopes": "agm.r"}],
)
def test_the_control_interface_refuses_what_is_no_application(hub, wanted):
    got = call(hub.url, "POST", "/_emulator/applications", {"name": "edgetest", **wanted})
    assert got.status == 400
    assert json.loads(got.body)["message"]


def test_credentials_outlive_a_restart(tmp_path):
    from mcagent.emulator import Emulator

    with Emulator(tls=False, data=tmp_path) as hub:
        it = created(hub)
    with Emulator(tls=False, data=tmp_path) as hub:
        headers = {**FORM, "Authorization": basic(it["clientId"], it["clientSecret"])}
        assert call(hub.url, "POST", SERVICE, GRANT, headers).status == 200
