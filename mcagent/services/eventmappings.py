"""Event mappings of a tenant's agents (agent API 9)."""

import json
from typing import Callable, Iterator

from ..errors import RemoteError
from .callrate import MAPPING_CALLS, CallRate
from .eventmappings_values import EventMapping, check_event_mapping
from .listing import content_list
from .query import path
from .session import Session

_BASE = "/api/mindconnect/v3/eventMappings"
_PAGE_SIZE = 100
_CONFLICT = 409
_STALE = (409, 412)  # the description lists 409; other services answer 412


class EventMappings:
    """Read, make, change and delete event mappings, within the tenant's 1 050 calls an hour.

        EventMappings(session).create(
            EventMapping(agent.id, asset.id, "demo.PressEvent", "source", "pump block"))

    Args:
        session: Whose credentials need the scopes ``evt.map.*``.
        on_wait: Told the seconds before a wait for the call rate.
    """

    def __init__(
        self, session: Session, *, on_wait: "Callable[[float], None] | None" = None
    ) -> None:
        self._session = session
        self._rates = {
            operation: CallRate(MAPPING_CALLS, session.clock, session.sleep, on_wait=on_wait)
            for operation in ("list", "create", "change", "delete")
        }

    def list(self, *, agent_id: "str | None" = None) -> "Iterator[EventMapping]":
        """Event mappings of an agent, or of all that these credentials see."""
        query = {} if agent_id is None else {"filter": json.dumps({"agentId": agent_id})}
        for wire in content_list(
            self._session,
            _BASE,
            query,
            size=_PAGE_SIZE,
            rate=self._rates["list"],
            scope="evt.map.r",
            doing="listing event mappings",
        ):
            mapping = EventMapping.from_wire(wire)
            if agent_id is None or mapping.agent_id == agent_id:
                yield mapping

    def create(self, mapping: EventMapping) -> EventMapping:
        """Make an event mapping; one that exists already is as good.

        Raises:
            InvalidMessage: A member is empty or too long.
            RemoteError: 400 or 409: agent, asset or type is unknown, or the plan has no room.
        """
        check_event_mapping(mapping)
        self._rates["create"].take()
        doing = f"mapping {mapping}"
        try:
            answer = self._session.call(
                "POST",
                _BASE,
                document=mapping.to_wire(),
                scope="evt.map.c",
                doing=doing,
                repeat=True,  # what a lost answer left behind is found by its 409
            )
        except RemoteError as error:
            if error.status != _CONFLICT:
                raise
            # Also the status of a plan that is full: nobody wrote down which it is.
            for found in self.list(agent_id=mapping.agent_id):
                if found == mapping:
                    return found
            raise
        return EventMapping.from_wire(self._session.parse_made(answer, doing))

    def change(self, before: EventMapping, after: EventMapping) -> EventMapping:
        """Replace a mapping that was read before.

        Where somebody changed it meanwhile it is read again, and changed if only its version
        moved.

        Raises:
            RemoteError: Somebody made another mapping of it.
        """
        check_event_mapping(after)
        doing = f"changing {before}"
        for attempt in (1, 2):
            self._rates["change"].take()
            try:
                answer = self._session.call(
                    "PATCH",
                    path(_BASE, before.id),
                    document=after.to_wire(),
                    headers={"If-Match": before.etag},
                    scope="evt.map.u",
                    doing=doing,
                )
            except RemoteError as error:
                if error.status not in _STALE:
                    raise
                current = self._get(before.id)
                if current == after:
                    return current
                if attempt == 2 or current != before:
                    raise
                before = current
                continue
            return EventMapping.from_wire(self._session.parse_object(answer, doing))
        raise AssertionError("unreachable")

    def delete(self, mapping: EventMapping) -> None:
        """Delete a mapping that was read before; one that is gone already is as good.

        Raises:
            RemoteError: Somebody made another mapping of it since.
        """
        for attempt in (1, 2):
            self._rates["delete"].take()
            try:
                self._session.call(
                    "DELETE",
                    path(_BASE, mapping.id),
                    headers={"If-Match": mapping.etag},
                    scope="evt.map.d",
                    doing=f"deleting {mapping}",
                    expect=(200, 204, 404),
                )
            except RemoteError as error:
                if attempt == 2 or error.status not in _STALE:
                    raise
                current = self._get(mapping.id)
                if current != mapping:
                    raise
                mapping = current
                continue
            return

    def _get(self, mapping_id: str) -> EventMapping:
        answer = self._session.get_object(
            path(_BASE, mapping_id), scope="evt.map.r", doing=f"reading event mapping {mapping_id}"
        )
        return EventMapping.from_wire(answer)
