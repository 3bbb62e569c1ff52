"""Who calls: access tokens, the tenant that they are of, and what they allow (scopes.py).

An agent may do what the device side needs, for itself only. The tokens of applications, service
users and operators (from the control interface) carry scopes and belong to one tenant.
"""

import sqlite3
from collections import deque
from typing import Any, NamedTuple

from starlette.requests import Request

from .answers import Refusal
from .clock import PlatformClock
from .keys import SigningKey
from .scopes import AGENT_RIGHTS, AGENT_SCOPE, AGENT_TIMESERIES, rights_of
from .settings import Settings

_REVOKED_MAX = 10_000


class Principal(NamedTuple):
    """A caller: an agent (`agent` is its id), or an application or operator (`agent` is None)."""

    agent: "str | None"
    tenant: str
    rights: frozenset[str]
    name: str

    def require(self, right: str) -> None:
        """Refuse unless the caller has *right*.

        Raises:
            Refusal: 403.
        """
        if right not in self.rights:
            raise Refusal(403, f"Scope {right} is missing.")

    def act_on(self, agent: str) -> None:
        """Refuse an agent that works on another than itself; others may work on any.

        Raises:
            Refusal: 403.
        """
        if self.agent is not None and agent != self.agent:
            raise Refusal(403, "An agent may only work on itself.")


class Tokens:
    """Issue and check access tokens."""

    def __init__(self, keys: SigningKey, clock: PlatformClock, settings: Settings) -> None:
        self._keys = keys
        self._clock = clock
        self._settings = settings
        # By jti, oldest first; a token lives for an hour, and who takes ten thousand in it has
        # other faults.
        self._revoked: deque[object] = deque(maxlen=_REVOKED_MAX)

    def revoke(self, token: str) -> None:
        """Make an access token void, as if its owner's rights had been taken away."""
        jti = (self._keys.verify(token) or {}).get("jti")
        if jti is not None and jti not in self._revoked:
            self._revoked.append(jti)

    def issue(
        self,
        *,
        subject: str,
        scopes: list[str],
        category: str,
        base_url: str,
        tenant: "str | None" = None,
    ) -> dict[str, Any]:
        """Make an access token and the token endpoint's answer with it (agent API 4.3).

        *tenant* None is the hub's own.
        """
        now_s = self._clock.now_s()
        token = self._keys.issue(
            {
                "scope": scopes,
                "iss": f"{base_url}/api/agentmanagement/",
                "sub": subject,
                "zid": "agentiam",
                "aud": ["southgate"],
                # No nbf: the Node client checks it against a clock that may be behind (4.4).
                "iat": now_s,
                "exp": now_s + self._settings.token_life_s,
                "schemas": ["urn:siemens:mindsphere:iam:v1"],
                "ten": tenant or self._settings.tenant,
                "ten_ctx": "main-tenant",
                "cat": category,
                "grant_type": "client_credentials",
            }
        )
        claims = self._keys.verify(token) or {}
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self._settings.token_life_s,
            "jti": claims["jti"],
            "scope": scopes,  # an array, unlike ordinary OAuth (4.3)
        }

    def issue_application(self, client: str, tenant: str, scopes: list[str]) -> dict[str, Any]:
        """Make an application's token and the answer with it (services API 6.1, 6.4)."""
        now_s = self._clock.now_s()
        life_s = self._settings.application_token_life_s
        issuer = f"https://{tenant}.piam.{self._settings.region}.mindsphere.io/oauth/token"
        token = self._keys.issue(
            {
                "scope": scopes,  # a list in the token, a string with blanks in the answer
                "iss": issuer,
                "sub": client,
                "client_id": client,
                "azp": client,
                "zid": tenant,
                "ten": tenant,
                "aud": [client],
                "iat": now_s,
                "exp": now_s + life_s,
                "schemas": ["urn:siemens:mindsphere:v1"],
                "cat": "client-token:v1",
                "grant_type": "client_credentials",
            }
        )
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": life_s,
            "scope": " ".join(scopes),
            "jti": (self._keys.verify(token) or {})["jti"],
        }

    def caller(self, db: sqlite3.Connection, request: Request) -> Principal:
        """Give the caller of a request.

        Raises:
            Refusal: 401, no valid access token, or its agent is gone or offboarded.
        """
        claims = self._keys.verify(bearer(request) or "") or {}
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= self._clock.now_s():
            raise Refusal(401)
        if claims.get("jti") in self._revoked:
            raise Refusal(401)
        scopes = claims.get("scope")
        if not isinstance(scopes, list):
            raise Refusal(401)  # an IAT or RAT is no access token
        if AGENT_SCOPE not in scopes:
            tenant = claims.get("ten")
            subject = claims.get("sub")
            if not isinstance(tenant, str) or not isinstance(subject, str):
                raise Refusal(401)
            return Principal(None, tenant, rights_of(scopes), subject)
        row = db.execute("SELECT * FROM agents WHERE id = ?", (claims["sub"],)).fetchone()
        onboarded = row is not None and row["boarding"] == "ONBOARDED"
        if row is None or not (onboarded or self._settings.tokens_after_offboard):
            raise Refusal(401)
        rights = AGENT_RIGHTS
        if self._settings.agent_reads_timeseries:
            rights |= AGENT_TIMESERIES
        denied = self._settings.denied_to_agents.split()
        return Principal(row["id"], row["tenant"], rights.difference(denied), row["name"])


def bearer(request: Request) -> "str | None":
    """Give the bearer token of a request, None if it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
