"""Check client assertions: the JWT that a device signs to get an access token (agent API 4.2).

Written out instead of using PyJWT because the platform takes what a strict parser refuses: padded
segments, the standard base64 alphabet, and times written as floating point numbers.
"""

import base64
import binascii
import hashlib
import hmac
import json
import sqlite3
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .answers import Refusal, parse_json
from .breaches import Breaches
from .clock import PlatformClock
from .credentials import public_numbers
from .settings import Settings

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUDIENCE = "southgate"
_SCHEMA = "urn:siemens:mindsphere:v1"
_MAX_LENGTH = 16 * 1024

# Clients sign with RS256 (C, Go) and RS384 (Node): the header decides. Never `none`, and never HS*
# for an RSA agent, whose public key would then be the "secret".
_RSA_HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


class Assertion(NamedTuple):
    """A parsed assertion whose signature has not been checked yet."""

    algorithm: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse_assertion(text: str) -> Assertion:
    """Take a JWT apart.

    Raises:
        ValueError: It is not one.
    """
    # A "+" of the standard alphabet arrives as a space when the form was not escaped.
    text = text.replace(" ", "+")
    segments = text.split(".")
    if len(segments) != 3 or len(text) > _MAX_LENGTH or not text.isascii():
        raise ValueError("not a JWT")
    header, claims = (parse_json(_base64(segment)) for segment in segments[:2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ValueError("header or claims are not JSON objects")  # noqa: TRY004 - bad input
    # The signature covers the text as received, padding included.
    signed = f"{segments[0]}.{segments[1]}".encode()
    return Assertion(str(header.get("alg")), claims, signed, _base64(segments[2]))


def check_assertion(
    db: sqlite3.Connection,
    assertion: Assertion,
    *,
    clock: PlatformClock,
    settings: Settings,
    breaches: Breaches,
) -> sqlite3.Row:
    """Check claims, signature and replay; give the agent's row.

    Order as the documentation has it: client known, onboarded, then signature and times.

    Raises:
        Refusal: 400, IAM family (the service documents no 401 here, agent API 4.3).
    """
    claims = assertion.claims
    client = claims.get("sub")
    row: sqlite3.Row | None = None
    if isinstance(client, str) and claims.get("iss") == client:
        row = db.execute("SELECT * FROM agents WHERE id = ?", (client,)).fetchone()
    if row is None:
        raise _refusal("iss and sub must be the id of a known agent")
    if row["boarding"] != "ONBOARDED":
        raise _refusal("agent is not onboarded")
    slot = _verify_signature(db, assertion, row, settings)
    now_s = clock.now_s()
    if slot["expires_s"] <= now_s:
        raise _refusal("client secret is expired")
    _check_claims(claims, row, now_s, settings)
    if settings.refuse_assertion_replay:
        _check_replay(db, row["id"], claims, now_s)
    if slot["slot"] == "current" and not slot["used"]:
        db.execute(
            "UPDATE credentials SET used = 1 WHERE agent = ? AND slot = 'current'", (row["id"],)
        )
    if slot["slot"] == "previous":
        words = f"agent {row['id']} signed with the secret or key before the present one"
        breaches.note("previous_secret", words)
    return row


def _verify_signature(
    db: sqlite3.Connection, assertion: Assertion, row: sqlite3.Row, settings: Settings
) -> sqlite3.Row:
    """Find the slot whose secret or key signed the assertion."""
    slots: dict[str, sqlite3.Row] = {
        slot["slot"]: slot
        for slot in db.execute("SELECT * FROM credentials WHERE agent = ?", (row["id"],))
    }
    allowed = ["current"]
    # Whether the old secret still works is not documented (3.5): a switch.
    unproven = "current" in slots and not slots["current"]["used"]
    if settings.previous_secret == "always" or (  # noqa: S105 - a policy
        settings.previous_secret == "until_new_used" and unproven  # noqa: S105 - a policy
    ):
        allowed.append("previous")
    for slot in (slots[name] for name in allowed if name in slots):
        if _is_signed_by(assertion, row["profile"], slot):
            return slot
    raise _refusal("signature is not valid")


def _is_signed_by(assertion: Assertion, profile: str, slot: sqlite3.Row) -> bool:
    if profile == "SHARED_SECRET":
        # The key is the secret's text as it stands, not decoded (4.2).
        mac = hmac.new((slot["secret"] or "").encode(), assertion.signed, hashlib.sha256)
        return assertion.algorithm == "HS256" and hmac.compare_digest(
            mac.digest(), assertion.signature
        )
    if assertion.algorithm not in _RSA_HASHES or not slot["jwk"]:
        return False
    modulus, exponent = public_numbers(json.loads(slot["jwk"]))
    try:
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(
            assertion.signature,
            assertion.signed,
            padding.PKCS1v15(),
            _RSA_HASHES[assertion.algorithm],
        )
    except InvalidSignature:
        return False
    return True


def _check_claims(
    claims: dict[str, Any], row: sqlite3.Row, now_s: int, settings: Settings
) -> None:
    audience = claims.get("aud")
    if _AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        raise _refusal(f"aud must be {_AUDIENCE}")
    schemas = claims.get("schemas")
    if not isinstance(schemas, list) or _SCHEMA not in schemas:
        raise _refusal(f"schemas must hold {_SCHEMA}")
    if claims.get("ten") != row["tenant"]:
        raise _refusal("ten is not the agent's tenant")
    leeway_s = settings.clock_leeway_s
    issued_s, expires_s = _time(claims, "iat"), _time(claims, "exp")
    if expires_s <= now_s - leeway_s:
        raise _refusal("assertion is expired")
    if "nbf" in claims and _time(claims, "nbf") > now_s + leeway_s:
        raise _refusal("assertion is not valid yet")
    if expires_s - issued_s > settings.assertion_life_max_s:
        raise _refusal("assertion lives too long")


def _check_replay(db: sqlite3.Connection, agent: str, claims: dict[str, Any], now_s: int) -> None:
    db.execute("DELETE FROM assertions WHERE expires_s < ?", (now_s - 3600,))
    try:
        db.execute(
            "INSERT INTO assertions VALUES (?, ?, ?)",
            (agent, str(claims.get("jti")), int(_time(claims, "exp"))),
        )
    except sqlite3.IntegrityError as exc:
        raise _refusal("jti was used before") from exc


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 2**53:
        raise _refusal(f"{name} must be a number of seconds")
    return value


def _refusal(message: str) -> Refusal:
    return Refusal(400, f"Client assertion: {message}.", iam_error="invalid_client")


def _base64(segment: str) -> bytes:
    text = segment.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as exc:
        raise ValueError("a segment is not base64url") from exc
