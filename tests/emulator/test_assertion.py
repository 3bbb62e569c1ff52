"""Access tokens: what assertion is taken, what is not, and what the token is."""

import base64
import time

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .device import (
    AGENTS,
    ASSERTION_TYPE,
    TOKEN,
    Device,
    base64url,
    call,
    hs256,
    jwks,
    jwt,
    onboarded,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HASHES = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 3072)


def rsa_sign(key, alg):
    return lambda text: key.sign(text, padding.PKCS1v15(), HASHES[alg]())


def test_token_answer_is_the_platforms(hub):
    device = onboarded(hub)
    got = device.ask_token()
    assert got.status == 200
    assert got.json["token_type"] == "bearer"
    assert got.json["expires_in"] == 3600
    assert got.json["scope"] == ["mdsp:core:DefaultAgent"]
    assert abs(int(got.headers["server-time"]) - time.time()) < 5


def test_token_is_signed_with_the_published_key(hub):
    """The Node client verifies every token locally with `value` before it uses it."""
    device = onboarded(hub)
    key = call(hub.url, "GET", AGENTS + "/oauth/token_key").json
    assert "\n" not in key["value"]
    pem = key["value"].replace("KEY-----", "KEY-----\n", 1).replace("-----END", "\n-----END")
    claims = pyjwt.decode(device.token, pem, algorithms=["RS256"], audience="southgate")
    assert claims["sub"] == device.id
    assert claims["exp"] - claims["iat"] == 3600
    assert "nbf" not in claims
    assert pyjwt.get_unverified_header(device.token)["kid"] == key["kid"]


def test_token_key_by_jwk_and_not_modified(hub):
    got = call(hub.url, "GET", AGENTS + "/oauth/token_key")
    keys = call(hub.url, "GET", AGENTS + "/oauth/token_keys").json["keys"]
    assert keys == [got.json]
    public = serialization.load_pem_public_key(
        got.json["value"]
        .replace("KEY-----", "KEY-----\n", 1)
        .replace("-----END", "\n-----END")
        .encode()
    )
    number = int.from_bytes(base64.urlsafe_b64decode(got.json["n"] + "=="), "big")
    assert number == public.public_numbers().n
    again = call(
        hub.url, "GET", AGENTS + "/oauth/token_key", headers={"If-None-Match": got.headers["etag"]}
    )
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("aud", ["southgate", ["southgate"], ["x", "southgate"]])
def test_audience_may_be_a_string_or_an_array(hub, aud):
    device = onboarded(hub)
    secret = device.answer["client_secret"]
    assert device.ask_token(jwt(device.claims(aud=aud), hs256(secret))).status == 200


@pytest.mark.parametrize("pad", [False, True])
def test_padding_is_taken_and_signed_over_as_received(hub, pad):
    device = onboarded(hub)
    sign = hs256(device.answer["client_secret"])
    for extra in range(3):  # every remainder of the length
        assertion = jwt(device.claims(note="x" * extra), sign, pad=pad)
        assert device.ask_token(assertion).status == 200


def test_the_standard_base64_alphabet_is_taken_even_unescaped_in_the_form(hub):
    device = onboarded(hub)
    sign = hs256(device.answer["client_secret"])
    while True:
        assertion = jwt(device.claims(), sign)
        signature = assertion.rpartition(".")[2]
        if "-" in signature or "_" in signature:
            break
    signed = assertion[: -len(signature)]
    assert device.ask_token(signed + signature.replace("-", "+").replace("_", "/")).status == 200


def test_times_may_be_floating_point_numbers(hub):
    device = onboarded(hub)
    claims = device.claims()
    claims.update(exp=float(claims["exp"]), iat=float(claims["iat"]))
    assert device.ask_token(jwt(claims, hs256(device.answer["client_secret"]))).status == 200


def test_jti_may_be_used_again_unless_the_switch_is_on(hub):
    device = onboarded(hub)
    assertion = jwt(device.claims(), hs256(device.answer["client_secret"]))
    assert [device.ask_token(assertion).status for _ in range(2)] == [200, 200]
    hub.change_settings(refuse_assertion_replay=True)
    assert [device.ask_token(assertion).status for _ in range(2)] == [200, 400]


REFUSED = {
    "iss is another": {"iss": "x"},
    "no iss": {"iss": None},
    "unknown client": {"iss": "0" * 32, "sub": "0" * 32},
    "sub is no text": {"iss": ["x"], "sub": ["x"]},
    "wrong audience": {"aud": "northgate"},
    "no audience": {"aud": None},
    "audience in a text": {"aud": "southgate2"},
    "no schemas": {"schemas": None},
    "wrong schema": {"schemas": ["urn:siemens:mindsphere:v2"]},
    "wrong tenant": {"ten": "other"},
    "no exp": {"exp": None},
    "no iat": {"iat": None},
    "exp is text": {"exp": "soon"},
    "exp is true": {"exp": True},
    "exp is infinite": {"exp": 1e400},
    "expired": {"iat": int(time.time()) - 7200, "exp": int(time.time()) - 3600},
    "not yet valid": {"nbf": int(time.time()) + 3600},
    "lives too long": {"exp": int(time.time()) + 8 * 86400},
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_claims_are_400_with_the_iam_body_and_server_time(hub, name):
    device = onboarded(hub)
    assertion = jwt(device.claims(**REFUSED[name]), hs256(device.answer["client_secret"]))
    got = device.ask_token(assertion)
    assert got.status == 400
    assert got.json["error"] == "invalid_client"
    assert "error_description" in got.json
    assert "server-time" in got.headers


@pytest.mark.parametrize("alg", ["none", "HS384", "RS256", "hs256", ""])
def test_a_secret_agent_must_sign_with_hs256(hub, alg):
    device = onboarded(hub)
    sign = hs256(device.answer["client_secret"])
    assert device.ask_token(jwt(device.claims(), sign, alg=alg)).status == 400


def test_a_wrong_secret_is_400(hub):
    device = onboarded(hub)
    assert device.ask_token(jwt(device.claims(), hs256("guess"))).status == 400


def test_leeway_is_60_seconds(hub):
    device = onboarded(hub)
    sign = hs256(device.answer["client_secret"])
    now = int(time.time())
    late = device.claims(iat=now - 3650, nbf=None, exp=now - 50)
    early = device.claims(nbf=now + 50)
    assert [device.ask_token(jwt(claims, sign)).status for claims in (late, early)] == [200, 200]
    late["exp"] = now - 65
    early["nbf"] = now + 65
    assert [device.ask_token(jwt(claims, sign)).status for claims in (late, early)] == [400, 400]


def test_a_shifted_clock_refuses_and_says_the_time(hub):
    device = onboarded(hub)
    hub.set_clock(86400)
    got = device.ask_token()
    assert got.status == 400
    assert abs(int(got.headers["server-time"]) - time.time() - 86400) < 5


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_an_rsa_agent_may_use_three_algorithms(hub, rsa_key, alg):
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    assert device.register(jwks(rsa_key)).status == 201
    assertion = jwt(device.claims(), rsa_sign(rsa_key, alg), alg=alg, pad=alg == "RS256")
    assert device.ask_token(assertion).status == 200


def test_an_rsa_agent_may_not_use_its_public_key_as_a_secret(hub, rsa_key):
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    device.register(jwks(rsa_key))
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for secret in (public.decode(), "", jwks(rsa_key)["jwks"]["keys"][0]["n"]):
        assert device.ask_token(jwt(device.claims(), hs256(secret))).status == 400
    wrong = jwt(device.claims(), rsa_sign(rsa_key, "RS384"), alg="RS256")
    assert device.ask_token(wrong).status == 400


def test_the_urn_may_be_escaped(hub):
    device = onboarded(hub)
    assertion = jwt(device.claims(), hs256(device.answer["client_secret"]))
    form = (
        f"client_assertion={assertion}&grant_type=client_credentials"
        f"&client_assertion_type={ASSERTION_TYPE.replace(':', '%3A')}"
    )
    assert call(hub.url, "POST", TOKEN, form, FORM).status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("", "unsupported_grant_type"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=client_credentials", "invalid_grant"),
        (
            f"grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}",
            "invalid_client",
        ),
        ("a=b&" * 50, "invalid_request"),
        (b"\xff=\xfe", "invalid_request"),
    ],
)
def test_a_bad_form_is_400(hub, form, error):
    got = call(hub.url, "POST", TOKEN, form, FORM)
    assert (got.status, got.json["error"]) == (400, error)
    assert "server-time" in got.headers


def test_a_json_body_is_not_a_form(hub):
    assert call(hub.url, "POST", TOKEN, {}, {"Content-Type": "application/json"}).status == 400


@pytest.mark.parametrize(
    "assertion",
    ["", ".", "..", "a.b", "a.b.c", "é.b.c", "e30.e30.", "W10.W10.x", "x" * 20_000, "e30." * 9]
    + [base64url(b"[" * 5000) + ".e30.x"],
)
def test_what_is_no_jwt_is_400(hub, assertion):
    device = onboarded(hub)
    got = device.ask_token(assertion.encode().decode("latin-1"))
    assert got.status == 400


def test_iat_and_rat_are_no_access_tokens(hub):
    device = onboarded(hub)
    path = f"{AGENTS}/agents/{device.id}"
    for token in (device.content["iat"], device.answer["registration_access_token"], "x", ""):
        assert device.call("GET", path, Authorization=f"Bearer {token}").status == 401


def test_access_tokens_expire_by_the_platforms_clock(hub):
    device = onboarded(hub)
    path = f"{AGENTS}/agents/{device.id}"
    hub.set_clock(3590)
    assert device.call("GET", path).status == 200
    hub.set_clock(3601)
    assert device.call("GET", path).status == 401
