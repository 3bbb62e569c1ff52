# portable
"""The client assertion against its specification and against vectors made by others."""

import json
from binascii import a2b_base64

from mcagent.credentials.assertion import SharedSecretSigner, client_assertion
from mcagent.runtime import base64url, hmac_sha256
from mcagent.transport.http import Request


def decoded(segment):
    segment = segment.replace("-", "+").replace("_", "/")
    return a2b_base64(segment + "=" * (-len(segment) % 4))


def test_hmac_is_rfc_4231():
    """Test cases 1 and 6: a short key, and one that has to be hashed first."""
    assert hmac_sha256(b"\x0b" * 20, b"Hi There").hex() == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    large = b"Test Using Larger Than Block-Size Key - Hash Key First"
    assert hmac_sha256(b"\xaa" * 131, large).hex() == (
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    )


def test_signature_is_rfc_7515():
    """Appendix A.1, with its own key: the signature of a JWS by HS256."""
    key = decoded(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    )
    signed = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signer = SharedSecretSigner("")
    signer._key = key
    assert base64url(signer.sign(signed)) == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_claims_are_those_of_the_specification():
    """Agent API, 4.2: audience as an array, no kid, at most an hour, a new uuid each time."""
    jwt = client_assertion("agent-1", "acmedev", 1_795_262_400, SharedSecretSigner("s3cret"))
    head, claims_text, signature = jwt.split(".")
    assert decoded(head) == b'{"typ":"JWT","alg":"HS256"}'
    claims = json.loads(decoded(claims_text))
    jti = claims.pop("jti")
    assert claims == {
        "iss": "agent-1",
        "sub": "agent-1",
        "aud": ["southgate"],
        "iat": 1_795_262_400,
        "nbf": 1_795_262_400,
        "exp": 1_795_266_000,
        "schemas": ["urn:siemens:mindsphere:v1"],
        "ten": "acmedev",
    }
    assert [len(part) for part in jti.split("-")] == [8, 4, 4, 4, 12]
    assert jti[14] == "4"
    assert jti[19] in "89ab"
    again = client_assertion("agent-1", "acmedev", 1_795_262_400, SharedSecretSigner("s3cret"))
    assert jti not in decoded(again.split(".")[1]).decode()
    signed = (head + "." + claims_text).encode()
    assert decoded(signature) == hmac_sha256(b"s3cret", signed)
    assert "=" not in jwt


def test_the_key_is_the_text_of_the_secret():
    """No base64 decoding, whatever the secret looks like (4.2)."""
    assert SharedSecretSigner("AAAA").sign(b"x") == hmac_sha256(b"AAAA", b"x")


def test_odd_names_stay_json():
    jwt = client_assertion('a"b\\c', "t", 0, SharedSecretSigner("k"))
    assert json.loads(decoded(jwt.split(".")[1]))["sub"] == 'a"b\\c'


def test_neither_signer_nor_request_shows_a_secret():
    assert "s3cret" not in repr(SharedSecretSigner("s3cret"))
    request = Request(
        "POST", "https://h/p?q=s3cret", {"Authorization": "Bearer s3cret"}, b"s3cret"
    )
    assert "s3cret" not in repr(request)
