"""Registration and rotation: the two-slot rule of agent API 3.5.

    PUT with the RAT of `current`   previous := current; current := fresh      200
    PUT with the RAT of `previous`  current := fresh (previous unchanged)      200
    PUT with any other RAT                                                     401

It is the strictest model that explains what was observed on the real service.
"""

import base64
import json
import secrets
import sqlite3
from typing import Any

from .agents import find_agent
from .answers import Refusal
from .assets import new_id
from .clock import PlatformClock
from .keys import SigningKey
from .settings import Settings

_REFUSED = "token_validation_failed"
_EXPONENT_BITS = 64  # what OpenSSL takes with so large a modulus


class Credentials:
    """Issue and rotate agents' credentials."""

    def __init__(self, keys: SigningKey, clock: PlatformClock, settings: Settings) -> None:
        self._keys = keys
        self._clock = clock
        self._settings = settings

    def register(
        self, db: sqlite3.Connection, token: str, body: dict[str, Any], base_url: str
    ) -> dict[str, Any]:
        """Register with an initial access token, which is used up (agent API 3.1).

        Raises:
            Refusal: 400 for a bad body, 401 for a bad, expired or used token; IAM family.
        """
        claims = self._keys.verify(token) or {}
        row = db.execute("SELECT * FROM agents WHERE id = ?", (claims.get("sub"),)).fetchone()
        if row is None or claims.get("jti") != row["iat_jti"]:
            raise Refusal(401, "Initial access token is not valid.", iam_error=_REFUSED)
        if row["iat_used"]:
            raise Refusal(401, "Initial access token was used before.", iam_error=_REFUSED)
        if row["iat_expires_ms"] <= self._clock.now_ms():
            raise Refusal(401, "Initial access token is expired.", iam_error=_REFUSED)
        key = _public_key(body) if row["profile"] == "RSA_3072" else None
        db.execute(
            "UPDATE agents SET iat_used = 1, boarding = 'ONBOARDED' WHERE id = ?", (row["id"],)
        )
        db.execute("DELETE FROM credentials WHERE agent = ?", (row["id"],))
        return self._issue(db, row, key, base_url)

    def rotate(
        self, db: sqlite3.Connection, agent: str, token: str, body: dict[str, Any], base_url: str
    ) -> dict[str, Any]:
        """Rotate with a registration access token (agent API 3.2).

        Raises:
            Refusal: 400 for a bad body, 401 for a token that is not in one of the two slots.
        """
        claims = self._keys.verify(token) or {}
        slot = db.execute(
            "SELECT * FROM credentials WHERE agent = ? AND rat_jti = ?",
            (agent, claims.get("jti")),
        ).fetchone()
        if slot is None or claims.get("sub") != agent:
            raise Refusal(401, "Registration access token is not valid.", iam_error=_REFUSED)
        if slot["slot"] == "previous" and not self._settings.previous_rat:
            raise Refusal(401, "Registration access token was superseded.", iam_error=_REFUSED)
        if slot["expires_s"] <= self._clock.now_s() and not self._settings.rat_after_expiry:
            raise Refusal(401, "Registration access token is expired.", iam_error=_REFUSED)
        if body.get("client_id") != agent:
            raise Refusal(400, "client_id is missing or of another agent.", iam_error=_REFUSED)
        row = find_agent(db, agent)
        key = _public_key(body) if row["profile"] == "RSA_3072" else None
        if slot["slot"] == "current":
            db.execute("DELETE FROM credentials WHERE agent = ? AND slot = 'previous'", (agent,))
            db.execute("UPDATE credentials SET slot = 'previous' WHERE agent = ?", (agent,))
        else:
            db.execute("DELETE FROM credentials WHERE agent = ? AND slot = 'current'", (agent,))
        return self._issue(db, row, key, base_url)

    def _issue(
        self, db: sqlite3.Connection, row: sqlite3.Row, key: "str | None", base_url: str
    ) -> dict[str, Any]:
        now_s = self._clock.now_s()
        latest = db.execute(
            "SELECT max(expires_s) FROM credentials WHERE agent = ?", (row["id"],)
        ).fetchone()[0]
        # Observed: a rotation never answers an earlier expiry than the one before (3.2).
        expires_s = max(now_s + self._settings.secret_life_s, latest or 0)
        secret = None
        if key is None:
            secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        jti = new_id()
        db.execute(
            "INSERT INTO credentials VALUES (?, 'current', ?, ?, ?, ?, 0)",
            (row["id"], jti, secret, key, expires_s),
        )
        answer = {
            "client_id": row["id"],
            "client_secret": secret,
            # Also for RSA: the Node client refuses to work without it (3.1).
            "client_secret_expires_at": expires_s,
            "registration_access_token": self._keys.issue(
                {
                    "iss": "SCI",
                    "sub": row["id"],
                    "aud": "AIAM",
                    "iat": now_s,
                    "ten": row["tenant"],
                    "jti": jti,
                }
            ),
            "registration_client_uri": (f"{base_url}/api/agentmanagement/v3/register/{row['id']}"),
            "token_endpoint_auth_method": "private_key_jwt" if key else "client_secret_jwt",
            # The service answers profile names here, not OAuth grant names (3.1).
            "grant_types": [row["profile"]],
        }
        if secret is None:
            del answer["client_secret"]
        return answer


def public_numbers(jwk: dict[str, Any]) -> tuple[int, int]:
    """Give modulus and exponent of an RSA JWK.

    Raises:
        ValueError: It is not one.
    """
    return _number(jwk.get("n")), _number(jwk.get("e"))


def _number(text: Any) -> int:
    if not isinstance(text, str) or len(text) > 2048:
        raise ValueError("not base64url text")
    raw = base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    return int.from_bytes(raw, "big")  # a leading zero byte, as the Node client sends, is harmless


def _public_key(body: dict[str, Any]) -> str:
    """Check the `jwks` of a request and give its one key as JSON text (agent API 3.1)."""
    error = "invalid_request"
    jwks = body.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or len(keys) != 1 or not isinstance(keys[0], dict):
        raise Refusal(400, "jwks must hold one key.", iam_error=error)
    jwk = keys[0]
    if jwk.get("kty") != "RSA" or not isinstance(jwk.get("kid"), str):
        raise Refusal(400, "The key must have kty RSA and a kid.", iam_error=error)
    try:
        modulus, exponent = public_numbers(jwk)
    except ValueError as exc:
        raise Refusal(400, f"The key's n or e is {exc}.", iam_error=error) from exc
    if modulus.bit_length() != 3072 or modulus % 2 == 0:
        raise Refusal(400, "The key must be an RSA key of 3072 bits.", iam_error=error)
    # Others make no signature that could be checked, or one that takes long.
    if not 3 <= exponent < 2**_EXPONENT_BITS or exponent % 2 == 0:
        words = f"The key's e must be odd, and of at most {_EXPONENT_BITS} bits."
        raise Refusal(400, words, iam_error=error)
    return json.dumps(jwk)
