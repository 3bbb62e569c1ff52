"""RSA_3072 by PyJWT and cryptography, and what the device says where they are missing."""

import base64
import json
import subprocess
import sys

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from mcagent.credentials.assertion import SharedSecretSigner, client_assertion
from mcagent.credentials.rsa import RsaSigner, generate_key
from mcagent.errors import ConfigurationError


@pytest.fixture(scope="module")
def pem():
    return generate_key()


def test_the_key_has_3072_bits_and_stays_readable(pem):
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert key.key_size == 3072
    assert key.public_key().public_numbers().e == 65537


def test_pyjwt_accepts_the_assertion(pem):
    """Signed here, verified by a library that we did not write, with the key we register."""
    signer = RsaSigner(pem)
    (jwk,) = json.loads(signer.jwks())["keys"]
    token = client_assertion("agent-1", "acmedev", 1_795_262_400, signer)
    claims = jwt.decode(
        token,
        jwt.PyJWK(jwk, algorithm="RS256").key,
        algorithms=["RS256"],
        audience="southgate",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["sub"] == "agent-1"
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "RS256"}


def test_pyjwt_accepts_a_shared_secret_assertion():
    secret = "x" * 43
    token = client_assertion("agent-1", "acmedev", 1_795_262_400, SharedSecretSigner(secret))
    claims = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        audience="southgate",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["exp"] - claims["iat"] == 3600


def test_the_key_set_is_the_specifications(pem):
    """Agent API, 3.1 and 3.6: e, n, kty and kid; 512 characters of modulus without padding."""
    keys = json.loads(RsaSigner(pem).jwks())
    (jwk,) = keys["keys"]
    assert list(keys) == ["keys"]
    assert sorted(jwk) == ["e", "kid", "kty", "n"]
    assert (jwk["kty"], jwk["e"], len(jwk["n"])) == ("RSA", "AQAB", 512)
    modulus = int.from_bytes(base64.urlsafe_b64decode(jwk["n"]), "big")
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert modulus == key.public_key().public_numbers().n


def test_a_key_is_named_by_itself(pem):
    """A repeated request says the same; another key has another name (RFC 7638)."""
    (first,) = json.loads(RsaSigner(pem).jwks())["keys"]
    (again,) = json.loads(RsaSigner(pem).jwks())["keys"]
    assert first == again
    (other,) = json.loads(RsaSigner(generate_key()).jwks())["keys"]
    assert first["kid"] != other["kid"]


def test_the_thumbprint_is_rfc_7638():
    """Section 3.1, the example: of a key that is 2048 bits long, which does not matter here."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    from mcagent.credentials.rsa import _thumbprint

    assert _thumbprint("AQAB", n) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_damaged_key_is_an_error_that_does_not_show_it(pem):
    for text in (pem[:300], "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(ConfigurationError) as caught:
            RsaSigner(text)
        assert caught.value.hint
        assert caught.value.__cause__ is None
        assert pem[40:80] not in str(caught.value)


@pytest.mark.parametrize("missing", ["jwt", "cryptography"])
def test_missing_libraries_are_named_with_the_remedy(missing, monkeypatch):
    """On 32-bit ARM there are no wheels: the hint has the Debian packages."""
    for name in list(sys.modules):
        if name.split(".")[0] == missing:
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError) as caught:
        generate_key()
    assert missing in caught.value.message
    assert "pip install mcagent[rsa]" in caught.value.hint
    assert "python3-cryptography" in caught.value.hint


def test_a_shared_secret_agent_loads_no_cryptography():
    """Up to the first signature not even hashlib; after it hmac and hashlib, nothing more."""
    script = """
import sys
from mcagent.boarding import read_boarding
from mcagent.credentials.keystore import Keystore, StateLock
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.transport.http import Response

def loaded(*names):
    return sorted(set(names) & set(sys.modules))

boarding = read_boarding({"content": {
    "baseUrl": "https://host", "iat": "iat", "clientCredentialProfile": ["SHARED_SECRET"],
    "clientId": "agent", "tenant": "t"}})
lifecycle = Lifecycle(None, boarding)
request = lifecycle.next_request(1795262400000)
lifecycle.receive(request, Response(201, {}, b'{"client_id": "agent", "client_secret": "s",'
    b'"registration_access_token": "r", "client_secret_expires_at": 0}'), 1795262400000)
assert lifecycle.onboarded
assert loaded("jwt", "cryptography", "hashlib", "hmac", "ssl", "urllib3", "datetime") == []
assert lifecycle.next_request(1795262400000) is not None
assert loaded("jwt", "cryptography", "ssl", "urllib3", "datetime") == []
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
