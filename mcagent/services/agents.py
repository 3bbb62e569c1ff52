"""Agents of a tenant: make, board, look at, offboard, delete (agent API 2)."""

import json
import os
from typing import Any, Iterable, Iterator

from ..errors import ConfigurationError, InvalidMessage, RemoteError
from .agents_values import PROFILES, AgentRecord, OnlineStatus
from .callrate import AGENT_DELETIONS, AGENT_LISTS, CallRate
from .listing import content_list
from .query import path
from .session import Session

_BASE = "/api/agentmanagement/v3/agents"
_PAGE_SIZE = 100
_NAME_MAX = 128
_ONE_BY_ONE = 3  # more agents are found by listing all
# The boarding configuration is made a moment after it was asked for; Siemens' Node client asks
# again after 500 ms, 1 s, 1.5 s … (agent API 2.2).
_PAUSE_S = 0.5
_BOARDING_TRIES = 10


class BoardingConfiguration:
    """What a device is onboarded with. It holds a token, so it shows nothing of itself.

    Attributes:
        expiration: ISO 8601 time at which the token ends; ``""`` where the platform does not say.
    """

    def __init__(self, answer: "dict[str, Any]") -> None:
        self._answer = answer
        self.expiration = str(answer.get("expiration") or "")

    def __repr__(self) -> str:
        return f"<BoardingConfiguration until {self.expiration or 'an unknown time'}>"

    def save(self, file: "str | os.PathLike[str]", *, replace: bool = False) -> None:
        """Write the file that the device takes, readable for this user alone.

        Raises:
            ConfigurationError: It exists and *replace* is False, or cannot be written.
        """
        name = os.fspath(file)
        data = json.dumps(self._answer, indent=2).encode() + b"\n"
        # Written whole or not at all, and never readable for others in between.
        part = f"{name}.{os.getpid()}.part"
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            if replace:
                os.replace(part, name)
            else:
                os.link(part, name)
                os.unlink(part)
        except FileExistsError as error:
            _forget(part)
            raise ConfigurationError(
                f"{name} is there already",
                hint="a device may still need it; choose another name, or replace it on purpose",
            ) from error
        except OSError as error:
            _forget(part)
            raise ConfigurationError(
                f"cannot write {name}: {error.strerror}",
                hint="name a file in a directory that this user may write",
            ) from error


class Agents:
    """Agent management, for an application or a service user.

        agents = Agents(session)
        agent = agents.create("press-7", entity_id=asset.id)

    Args:
        session: Whose credentials need the scopes ``agm.*`` and ``obc.*``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lists = CallRate(AGENT_LISTS, session.clock, session.sleep)
        self._deletions = CallRate(AGENT_DELETIONS, session.clock, session.sleep)

    def list(self, *, name: "str | None" = None) -> "Iterator[AgentRecord]":
        """All agents, or the one of a name."""
        query = {} if name is None else {"filter": json.dumps({"name": name})}
        for wire in content_list(
            self._session,
            _BASE,
            query,
            size=_PAGE_SIZE,
            rate=self._lists,
            scope="agm.r",
            doing="listing agents",
        ):
            record = AgentRecord.from_wire(wire)
            # A filter that a service cannot read may be ignored.
            if name is None or record.name == name:
                yield record

    def find(self, name: str) -> "AgentRecord | None":
        """The agent of a name; names are unique in a tenant."""
        return next(self.list(name=name), None)

    def named(self, names: "Iterable[str]") -> "dict[str, AgentRecord]":
        """The agents of many names, with few calls: a tenant may list only so often."""
        wanted = set(names)
        if len(wanted) <= _ONE_BY_ONE:
            found = [self.find(name) for name in sorted(wanted)]
            return {one.name: one for one in found if one is not None}
        return {one.name: one for one in self.list() if one.name in wanted}

    def get(self, agent_id: str) -> AgentRecord:
        answer = self._session.get_object(
            path(_BASE, agent_id), scope="agm.r", doing=f"reading agent {agent_id}"
        )
        return AgentRecord.from_wire(answer)

    def create(
        self, name: str, *, entity_id: str, security_profile: str = PROFILES[0]
    ) -> AgentRecord:
        """Make the agent of an asset, which must be of an agent's type (``core.mclib``).

        Raises:
            InvalidMessage: The name is empty or longer than 128 characters, or there is no such
                profile.
            RemoteError: 409: the name is taken, or the asset has an agent.
        """
        if not 1 <= len(name) <= _NAME_MAX:
            raise InvalidMessage(
                f"the name of an agent is {name[:80]!r}, not 1 to {_NAME_MAX} characters",
                hint="choose a name that is unique in the tenant",
            )
        if security_profile not in PROFILES:
            raise InvalidMessage(
                f"there is no security profile {security_profile!r}",
                hint=f"choose one of {', '.join(PROFILES)}",
            )
        doing = f"making agent {name}"
        answer = self._session.call(
            "POST",
            _BASE,
            document={"name": name, "securityProfile": security_profile, "entityId": entity_id},
            scope="agm.c",
            doing=doing,
        )
        return AgentRecord.from_wire(self._session.parse_made(answer, doing))

    def rename(self, agent: AgentRecord, name: str) -> AgentRecord:
        """Give an agent another name.

        Raises:
            RemoteError: 412: somebody changed it since *agent* was read.
        """
        doing = f"renaming agent {agent.name}"
        answer = self._session.call(
            "PUT",
            path(_BASE, agent.id),
            document={"name": name, "securityProfile": agent.security_profile},
            headers={"If-Match": agent.etag},
            scope="agm.u",
            doing=doing,
        )
        return AgentRecord.from_wire(self._session.parse_object(answer, doing))

    def delete(self, agent: AgentRecord) -> None:
        """Delete an agent; offboard it before, where it is onboarded. Its asset stays.

        Raises:
            RemoteError: 412: somebody changed it since *agent* was read.
        """
        self._deletions.take()
        self._session.call(
            "DELETE",
            path(_BASE, agent.id),
            headers={"If-Match": agent.etag},
            scope="agm.d",
            doing=f"deleting agent {agent.name}",
        )

    def online(self, agent_id: str) -> OnlineStatus:
        answer = self._session.get_object(
            path(_BASE, agent_id, "status"), scope="agm.r", doing=f"status of agent {agent_id}"
        )
        return OnlineStatus(answer.get("status") == "ONLINE", str(answer.get("since") or ""))

    def boarding_status(self, agent_id: str) -> str:
        """``NOT_ONBOARDED``, ``ONBOARDING`` or ``ONBOARDED``."""
        answer = self._session.get_object(
            path(_BASE, agent_id, "boarding", "status"),
            scope="obc.r",
            doing=f"boarding status of agent {agent_id}",
        )
        return str(answer.get("status"))

    def boarding_configuration(self, agent_id: str) -> BoardingConfiguration:
        """What the device is onboarded with; its token is good for seven days and one use.

        The platform may need a moment to make it: this waits for half a minute at most.

        Raises:
            RemoteError: It is still not there; also the platform's refusals.
        """
        doing = f"boarding configuration of agent {agent_id}"
        where = path(_BASE, agent_id, "boarding", "configuration")
        for attempt in range(1, _BOARDING_TRIES + 1):
            answer = self._session.get_json(where, scope="obc.sec", doing=doing)
            if isinstance(answer, dict) and isinstance(answer.get("content"), dict):
                return BoardingConfiguration(answer)
            if attempt < _BOARDING_TRIES:
                self._session.sleep(_PAUSE_S * attempt)
        raise RemoteError(
            f"{doing}: the platform has not made it yet",
            status=200,
            hint="ask again in a minute",
        )

    def offboard(self, agent_id: str) -> None:
        """Take the agent's credentials away; its device needs a new boarding configuration.

        Raises:
            RemoteError: 409: it is not onboarded.
        """
        self._session.call(
            "POST",
            path(_BASE, agent_id, "boarding", "offboard"),
            scope="obc.sec",
            doing=f"offboarding agent {agent_id}",
        )


def _forget(file: str) -> None:
    try:
        os.unlink(file)
    except OSError:
        pass
