"""What agent management knows of an agent (agent API 2)."""

from dataclasses import dataclass, field
from typing import Any

PROFILES = ("SHARED_SECRET", "RSA_3072")  # that an agent may be made with (agent API 2.4)

NOT_ONBOARDED = "NOT_ONBOARDED"
ONBOARDING = "ONBOARDING"
ONBOARDED = "ONBOARDED"


@dataclass(frozen=True)
class AgentRecord:
    """One agent as the platform lists it.

    Attributes:
        id: Also the client id of its device.
        entity_id: Its own asset; the platform gives both the same id.
        etag: Whole number as text, for a change or a deletion.
    """

    id: str
    name: str
    security_profile: str
    entity_id: str
    etag: str = field(default="", compare=False)

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "AgentRecord":
        return AgentRecord(
            str(wire.get("id")),
            str(wire.get("name")),
            str(wire.get("securityProfile")),
            str(wire.get("entityId")),
            etag=str(wire.get("eTag") or ""),
        )


@dataclass(frozen=True)
class OnlineStatus:
    """Whether the platform heard of an agent lately.

    Attributes:
        since: ISO 8601 time; ``""`` where the platform does not say.
    """

    online: bool
    since: str
