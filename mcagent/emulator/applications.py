"""Application and service credentials, and the tokens that they get (services API 6).

Both are a client id and a secret of one tenant. An application may also be used by other tenants
(`userTenant` of the token manager); its token then belongs to that tenant.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
from typing import Any

from .answers import Refusal
from .scopes import rights_of

_TEXT_MAX = 128
BAD_CREDENTIALS = "unauthorized"


def create_credentials(
    db: sqlite3.Connection,
    *,
    tenant: str,
    name: str,
    version: str = "",
    scopes: tuple[str, ...],
    users: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Make credentials; the secret is shown once and kept as a hash.

    Args:
        db: Inside a transaction.
        tenant: The tenant that owns them.
        name: Name of the application or of the service user; a new secret replaces an old one.
        version: Version of the application; `""` makes service credentials.
        scopes: What its tokens allow.
        users: Tenants that may use the application; its own always may.
    """
    # Client ids of applications have this form (services API 6.2).
    client = "-".join(part for part in (tenant, name, version) if part)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()
    db.execute(
        "INSERT OR REPLACE INTO applications VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            client,
            _hashed(secret),
            tenant,
            name,
            version,
            json.dumps(scopes),
            json.dumps(sorted({tenant, *users})),
        ),
    )
    return {
        "clientId": client,
        "clientSecret": secret,
        "tenant": tenant,
        "appName": name,
        "appVersion": version,
        "scopes": list(scopes),
    }


def check_credentials(db: sqlite3.Connection, client: str, secret: str) -> sqlite3.Row:
    """Give the application of a client id.

    Raises:
        Refusal: 401, no such client or another secret; the answer does not say which.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM applications WHERE client = ?", (client[: 4 * _TEXT_MAX],)
    ).fetchone()
    if row is None or not hmac.compare_digest(row["secret"], _hashed(secret)):
        raise Refusal(401, "Bad credentials", iam_error=BAD_CREDENTIALS)
    return row


def user_tenant(row: sqlite3.Row, wanted: dict[str, Any]) -> str:
    """Give the tenant of a token manager's token.

    Raises:
        Refusal: 401, application, version or tenants are not those of the credentials.
    """
    given = tuple(wanted.get(name) for name in ("appName", "appVersion", "hostTenant"))
    tenant = wanted.get("userTenant")
    fits = given == (row["name"], row["version"], row["tenant"])
    if not fits or tenant not in json.loads(row["users"]):
        raise Refusal(401, "Bad credentials", iam_error=BAD_CREDENTIALS)
    return str(tenant)


def scopes_of(row: sqlite3.Row) -> list[str]:
    """Give the scopes of an application's token: roles as they are, and what they expand to."""
    given = [str(scope) for scope in json.loads(row["scopes"])]
    return sorted({*given, *rights_of(given)})


def basic_credentials(header: str) -> "tuple[str, str] | None":
    """Read `Basic …`, or `Bearer …` with the same content (services API 10 no. 11)."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() not in ("basic", "bearer"):
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        return None
    client, colon, secret = text.partition(":")
    return (client, secret) if colon else None


def _hashed(secret: str) -> str:
    # The secret is random, not a password: a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
