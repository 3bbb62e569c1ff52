"""Data point mappings of a tenant's agents (agent API 8)."""

import json
from typing import Callable, Iterator

from ..errors import RemoteError
from .callrate import MAPPING_CALLS, CallRate
from .listing import content_list
from .mappings_values import Mapping, check_mapping
from .query import path
from .session import Session

_BASE = "/api/mindconnect/v3/dataPointMappings"
_PAGE_SIZE = 2000  # as Siemens' Node client asks
_CONFLICT = 409


class Mappings:
    """Read, make and delete data point mappings, within the tenant's 1 050 calls an hour.

        for mapping in Mappings(session).list(agent_id=agent.id):
            print(mapping, mapping.valid)

    Args:
        session: Whose credentials need the scopes ``map.*``; an agent's own token reaches its
            own mappings.
        on_wait: Told the seconds before a wait for the call rate.
    """

    def __init__(
        self, session: Session, *, on_wait: "Callable[[float], None] | None" = None
    ) -> None:
        self._session = session
        # Each operation has a limit of its own.
        self._rates = {
            operation: CallRate(MAPPING_CALLS, session.clock, session.sleep, on_wait=on_wait)
            for operation in ("list", "create", "delete")
        }

    def list(self, *, agent_id: "str | None" = None) -> "Iterator[Mapping]":
        """Mappings of an agent, or of all that these credentials see."""
        query = {} if agent_id is None else {"filter": json.dumps({"agentId": agent_id})}
        for wire in content_list(
            self._session,
            _BASE,
            query,
            size=_PAGE_SIZE,
            rate=self._rates["list"],
            scope="map.r",
            doing="listing mappings",
        ):
            mapping = Mapping.from_wire(wire)
            if agent_id is None or mapping.agent_id == agent_id:
                yield mapping

    def get(self, mapping_id: str) -> Mapping:
        """One mapping.

        Raises:
            RemoteError: 404: there is none.
        """
        self._rates["list"].take()
        doing = f"reading mapping {mapping_id}"
        answer = self._session.get_object(path(_BASE, mapping_id), scope="map.r", doing=doing)
        return Mapping.from_wire(answer)

    def create(self, mapping: Mapping) -> Mapping:
        """Make a mapping; one that exists already is as good.

        Raises:
            InvalidMessage: A member is empty or too long.
            RemoteError: 400: data point, aspect or variable is unknown, or types differ.
        """
        check_mapping(mapping)
        self._rates["create"].take()
        doing = f"mapping {mapping}"
        answer = self._session.call(
            "POST",
            _BASE,
            document=mapping.to_wire(),
            scope="map.c",
            doing=doing,
            # A mapping that a lost answer left behind is found by its 409.
            repeat=True,
            expect=(200, 201, _CONFLICT),
        )
        if answer.status != _CONFLICT:
            return Mapping.from_wire(self._session.parse_made(answer, doing))
        for found in self.list(agent_id=mapping.agent_id):
            if (found.data_point_id, found.target) == (mapping.data_point_id, mapping.target):
                return found
        raise RemoteError(
            f"{doing}: the platform says that it exists, and does not list it",
            status=_CONFLICT,
            reason=answer.reason(),
            hint="is the data point mapped to another variable of this aspect?",
        )

    def delete(self, mapping_id: str) -> None:
        """Delete a mapping; one that is gone already is as good."""
        self._rates["delete"].take()
        self._session.call(
            "DELETE",
            path(_BASE, mapping_id),
            scope="map.d",
            doing=f"deleting mapping {mapping_id}",
            expect=(200, 204, 404),
        )
