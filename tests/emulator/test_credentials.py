"""Registration, and the rotation sequences of agent API 3.5 step by step."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mcagent.emulator import Emulator

from .device import Device, hs256, jwks, jwt, onboarded


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 3072)


def test_registration_answers_201_with_everything_clients_need(hub):
    device = Device(hub, hub.create_agent("a"))
    got = device.register()
    assert got.status == 201
    assert got.json["client_id"] == device.id
    assert got.json["token_endpoint_auth_method"] == "client_secret_jwt"
    assert got.json["grant_types"] == ["SHARED_SECRET"]
    assert got.json["registration_client_uri"] == (
        f"{hub.url}/api/agentmanagement/v3/register/{device.id}"
    )
    assert isinstance(got.json["client_secret_expires_at"], int)
    assert got.json["client_secret"]


def test_boarding_configuration_is_as_the_platform_hands_it_out(hub):
    boarding = hub.create_agent("a")
    content = boarding["content"]
    assert content["baseUrl"] == hub.url
    assert content["clientCredentialProfile"] == ["SHARED_SECRET"]
    assert len(content["clientId"]) == 32
    claims = json.loads(base64.urlsafe_b64decode(content["iat"].split(".")[1] + "=="))
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("SCI", content["clientId"], "AIAM")
    assert claims["exp"] - claims["iat"] == 604800
    assert boarding["expiration"].endswith("Z")


def test_initial_access_token_works_once(hub):
    device = Device(hub, hub.create_agent("a"))
    assert device.register().status == 201
    again = device.register()
    assert again.status == 401
    assert again.json["error"] == "token_validation_failed"
    assert set(again.json) == {"error", "error_description"}


def test_initial_access_token_lives_seven_days(hub):
    device = Device(hub, hub.create_agent("a"))
    hub.set_clock(604800 + 1)
    assert device.register().status == 401
    hub.set_clock(604800 - 60)
    assert device.register().status == 201


@pytest.mark.parametrize("token", ["rubbish", "a.b.c", "\x7f"])
def test_a_wrong_initial_access_token_is_401(hub, token):
    assert Device(hub, hub.create_agent("a")).register(token=token).status == 401


def test_registration_without_a_token_is_400(hub):
    device = Device(hub, hub.create_agent("a"))
    got = device.call("POST", "/api/agentmanagement/v3/register", {}, Authorization="Basic x")
    assert got.status == 400
    assert got.json["error"] == "invalid_authorization_header"


@pytest.mark.parametrize("body", ["", "[]", "{", "nothing", b"\xff"])
def test_registration_needs_a_json_object_and_leaves_the_token_unused(hub, body):
    device = Device(hub, hub.create_agent("a"))
    assert device.register(body=body).status == 400
    assert device.register().status == 201


def test_rotation_answers_200_with_everything_fresh(hub):
    device = onboarded(hub)
    first = device.answer
    got = device.rotate()
    assert got.status == 200
    assert got.json["client_id"] == first["client_id"]
    assert got.json["client_secret"] != first["client_secret"]
    assert got.json["registration_access_token"] != first["registration_access_token"]
    assert got.json["client_secret_expires_at"] >= first["client_secret_expires_at"]


def test_the_token_that_was_used_for_the_last_rotation_stays_valid(hub):
    """A → B1, A → B2, A → B3; token with B3 twice; B2 was superseded and fails."""
    device = onboarded(hub)
    a = device.answer
    b1, b2, b3 = (device.rotate(a) for _ in range(3))
    assert [b1.status, b2.status, b3.status] == [200, 200, 200]
    assert device.ask_token(answer=b3.json).status == 200
    assert device.ask_token(answer=b3.json).status == 200
    refused = device.rotate(b2.json)
    assert refused.status == 401
    assert refused.json["error"] == "token_validation_failed"
    assert device.rotate(b3.json).status == 200


def test_in_a_chain_the_direct_ancestor_stays_good_and_older_ones_do_not(hub):
    """R0 … R4; token with R4; then R4 is lost: only R3 helps."""
    device = onboarded(hub)
    chain = [device.answer, *(device.rotate().json for _ in range(4))]
    assert device.ask_token().status == 200
    assert [device.rotate(old).status for old in chain[:3]] == [401, 401, 401]
    assert device.rotate(chain[3]).status == 200
    assert device.ask_token().status == 200


def test_using_the_current_token_moves_the_slots(hub):
    """A → B, B → C: now B is the previous one and A is gone."""
    device = onboarded(hub)
    a = device.answer
    b = device.rotate(a).json
    assert device.rotate(b).status == 200
    assert device.rotate(a).status == 401
    assert device.rotate(b).status == 200


def test_without_the_second_slot_only_the_newest_token_works(hub):
    hub.change_settings(previous_rat=False)
    device = onboarded(hub)
    a = device.answer
    assert device.rotate(a).status == 200
    assert device.rotate(a).status == 401


def test_previous_secret_works_until_the_new_one_was_used(hub):
    device = onboarded(hub)
    a = device.answer
    b = device.rotate().json
    assert device.ask_token(answer=a).status == 200
    assert device.ask_token(answer=b).status == 200
    assert device.ask_token(answer=a).status == 400


@pytest.mark.parametrize(("policy", "statuses"), [("never", [400, 400]), ("always", [200, 200])])
def test_previous_secret_is_a_switch(hub, policy, statuses):
    hub.change_settings(previous_secret=policy)
    device = onboarded(hub)
    a = device.answer
    b = device.rotate().json
    before = device.ask_token(answer=a).status
    assert device.ask_token(answer=b).status == 200
    assert [before, device.ask_token(answer=a).status] == statuses


def test_a_superseded_answer_is_worth_nothing(hub):
    device = onboarded(hub)
    a = device.answer
    b1 = device.rotate(a).json
    device.rotate(a)
    assert device.ask_token(answer=b1).status == 400


def test_issued_access_tokens_survive_a_rotation(hub):
    device = onboarded(hub)
    device.rotate()
    path = f"/api/agentmanagement/v3/agents/{device.id}"
    assert device.call("GET", path).status == 200


def test_after_expiry_secret_and_registration_token_are_refused(hub):
    device = onboarded(hub)
    secret = device.answer["client_secret"]
    hub.set_clock(7 * 86400 + 5)
    late = device.claims()
    late = device.claims(iat=late["iat"] + 604805, nbf=None, exp=late["exp"] + 604805)
    assert device.ask_token(jwt(late, hs256(secret))).status == 400
    assert device.rotate().status == 401
    hub.change_settings(rat_after_expiry=True)
    assert device.rotate().status == 200


def test_rotation_checks_body_and_owner(hub):
    device, other = onboarded(hub), onboarded(hub, "other")
    assert device.rotate(body={}).status == 400
    assert device.rotate(body={"client_id": other.id}).status == 400
    assert device.rotate(answer=other.answer).status == 401
    assert device.rotate().status == 200


def test_rsa_registration_takes_the_key_and_answers_no_secret(hub, rsa_key):
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    got = device.register(jwks(rsa_key))
    assert got.status == 201
    assert "client_secret" not in got.json
    assert got.json["client_secret_expires_at"]
    assert got.json["token_endpoint_auth_method"] == "private_key_jwt"
    assert device.rotate(body={"client_id": device.id, **jwks(rsa_key)}).status == 200


def test_rsa_modulus_with_a_leading_zero_is_taken(hub, rsa_key):
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    assert device.register(jwks(rsa_key, leading_zero=True)).status == 201


@pytest.mark.parametrize(
    "changes",
    [
        *({"kty": "EC"}, {"n": "AQAB"}, {"n": "***"}, {"n": 5}, {"kid": None}, {"n": "é"}),
        *({"n": "_" * 511 + "4"}, {"e": "Ag"}, {"e": "AQ"}),  # even, and 1
        *({"e": "AQAAAAAAAAAB"}, {"e": "_" * 512}),  # longer than what a signature is checked by
    ],
)
def test_rsa_registration_refuses_other_keys(hub, rsa_key, changes):
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    assert device.register(jwks(rsa_key, **changes)).status == 400
    assert device.register({}).status == 400
    assert device.register({"jwks": {"keys": []}}).status == 400


def test_a_2048_bit_key_is_refused(hub):
    key = rsa.generate_private_key(65537, 2048)
    device = Device(hub, hub.create_agent("a", security_profile="RSA_3072"))
    assert device.register(jwks(key)).status == 400


def test_offboarding_ends_all_credentials_and_a_fresh_file_works(hub):
    device = onboarded(hub)
    hub.offboard(device.id)
    assert device.ask_token().status == 400
    assert device.rotate().status == 401
    assert device.call("GET", f"/api/agentmanagement/v3/agents/{device.id}").status == 401
    again = Device(hub, hub.boarding(device.id))
    assert again.content["iat"] != device.content["iat"]
    assert again.register().status == 201
    assert again.ask_token().status == 200


def test_reading_the_boarding_configuration_twice_gives_the_same_token(hub):
    boarding = hub.create_agent("a")
    assert hub.boarding(boarding["content"]["clientId"]) == boarding


def test_strict_refuses_the_previous_secret_at_once():
    with Emulator(tls=False, strict=True) as strict:
        device = onboarded(strict)
        a = device.answer
        assert device.rotate().status == 200
        assert device.ask_token(answer=a).status == 400
