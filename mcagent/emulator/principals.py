"""Who calls: access tokens and what they allow.

An agent may do what the device side needs, for itself only. An operator's token (from the control
interface) carries the scopes of agent API 2.4, 7 and 8 by their short names.
"""

import sqlite3
from typing import Any, NamedTuple

from starlette.requests import Request

from .answers import Refusal
from .clock import PlatformClock
from .keys import SigningKey
from .settings import Settings

AGENT_SCOPE = "mdsp:core:DefaultAgent"
# Diagnostics and recoverable records are open to users and to the agent itself (agent API 7).
_DIAGNOSTIC_SCOPES = (
    "da.c",
    "da.r",
    "da.u",
    "da.d",
    "da.m.r",
    "di.r",
    "rec.r",
    "rec.c",
    "rec.d",
)
_AGENT_RIGHTS = frozenset(
    (
        "agm.r",
        "obc.r",
        "dsc.r",
        "dsc.u",
        "exc.w",
        "map.c",
        "map.r",
        "map.d",
        *_DIAGNOSTIC_SCOPES,
    )
)
OPERATOR_SCOPES = (
    "agm.c",
    "agm.r",
    "agm.u",
    "agm.d",
    "obc.sec",
    "obc.r",
    "dsc.r",
    "dsc.u",
    "map.c",
    "map.r",
    "map.d",
    *_DIAGNOSTIC_SCOPES,
)


class Principal(NamedTuple):
    """A caller: an agent (`agent` is its id), or an operator (`agent` is None)."""

    agent: "str | None"
    rights: frozenset[str]

    def require(self, right: str, agent: "str | None" = None) -> None:
        """Refuse unless the caller has *right*, and is allowed to use it on *agent*.

        Raises:
            Refusal: 403.
        """
        if right not in self.rights:
            raise Refusal(403, f"Scope {right} is missing.")
        if self.agent is not None and agent is not None and agent != self.agent:
            raise Refusal(403, "An agent may only work on itself.")


class Tokens:
    """Issue and check access tokens."""

    def __init__(self, keys: SigningKey, clock: PlatformClock, settings: Settings) -> None:
        self._keys = keys
        self._clock = clock
        self._settings = settings

    def issue(
        self, *, subject: str, scopes: list[str], category: str, base_url: str
    ) -> dict[str, Any]:
        """Make an access token and the token endpoint's answer with it (agent API 4.3)."""
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
                "ten": self._settings.tenant,
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

    def caller(self, db: sqlite3.Connection, request: Request) -> Principal:
        """Give the caller of a request.

        Raises:
            Refusal: 401, no valid access token, or its agent is gone or offboarded.
        """
        claims = self._keys.verify(bearer(request) or "") or {}
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= self._clock.now_s():
            raise Refusal(401)
        scopes = claims.get("scope")
        if not isinstance(scopes, list):
            raise Refusal(401)  # an IAT or RAT is no access token
        if AGENT_SCOPE not in scopes:
            return Principal(None, frozenset(scope.rpartition(":")[2] for scope in scopes))
        row = db.execute("SELECT boarding FROM agents WHERE id = ?", (claims["sub"],)).fetchone()
        onboarded = row is not None and row["boarding"] == "ONBOARDED"
        if row is None or not (onboarded or self._settings.tokens_after_offboard):
            raise Refusal(401)
        denied = self._settings.denied_to_agents.split()
        return Principal(claims["sub"], _AGENT_RIGHTS.difference(denied))


def bearer(request: Request) -> "str | None":
    """Give the bearer token of a request, None if it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
