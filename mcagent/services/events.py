"""Events and event types of a tenant (services API 4)."""

import json
from datetime import datetime
from typing import Any, Iterator, Union

from ..errors import InvalidMessage
from ..messages.timestamp import MAX_MS, format_ms, to_ms
from .events_values import EventType, StoredEvent
from .listing import HAL, hal_get, hal_list
from .query import path
from .session import Session

_BASE = "/api/eventmanagement/v3"
_PAGE_SIZE = 100  # one text of the platform says 100 at most, another 500
_TYPES_PAGE_SIZE = 100

Time = Union[datetime, int]


class Events:
    """Read and post events, and look after their types.

        for event in Events(session).list(entity_id=asset.id, since=yesterday):
            print(event.timestamp, event.severity, event.description)

    Args:
        session: Whose credentials need the scopes ``em.*``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        entity_id: "str | None" = None,
        since: "Time | None" = None,
        until: "Time | None" = None,
        type_id: "str | None" = None,
        severity: "int | None" = None,
        source: "str | None" = None,
        code: "str | None" = None,
        correlation_id: "str | None" = None,
        history: bool = False,
    ) -> "Iterator[StoredEvent]":
        """Events, the newest first.

        Args:
            entity_id: Of one asset; None for all that these credentials see.
            since: From here on; without *since* and *until* the service looks back seven days.
            until: To here.
            type_id: None finds standard events and what derives from them.
            severity: 20 error, 30 warning, 40 information.
            source: Exactly this one.
            code: Exactly this one.
            correlation_id: States of one matter.
            history: Also the states of a matter that were followed by others.

        Raises:
            InvalidMessage: A time is naive, or *until* is not behind *since*.
        """
        wanted: dict[str, Any] = {
            name: value
            for name, value in (
                ("entityId", entity_id),
                ("typeId", type_id),
                ("severity", severity),
                ("source", source),
                ("code", code),
                ("correlationId", correlation_id),
            )
            if value is not None
        }
        if since is not None or until is not None:
            wanted["timestamp"] = {"between": _between(since, until)}
        query: dict[str, Any] = {"sort": "timestamp,desc", "history": history}
        if wanted:
            query["filter"] = json.dumps(wanted)
        for wire in hal_list(
            self._session,
            f"{_BASE}/events",
            "events",
            query,
            size=_PAGE_SIZE,
            scope="em.r",
            doing="reading events",
        ):
            yield StoredEvent.from_wire(wire)

    def get(self, event_id: str) -> StoredEvent:
        where = path(f"{_BASE}/events", event_id)
        return StoredEvent.from_wire(
            hal_get(self._session, where, (), scope="em.r", doing=f"reading event {event_id}")
        )

    def post(self, event: StoredEvent) -> StoredEvent:
        """Store an event; give it with its id.

        Where the answer is lost the event may be stored all the same: it is not sent again.

        Raises:
            InvalidMessage: It has no asset or no time.
            RemoteError: 400: a field is unknown, missing or of another type.
        """
        if not event.entity_id or not event.timestamp:
            raise InvalidMessage(
                "an event needs an asset and a time", hint="give entity_id and timestamp"
            )
        doing = f"posting an event of asset {event.entity_id}"
        answer = self._session.call(
            "POST",
            f"{_BASE}/events",
            document=event.to_wire(),
            headers=HAL,
            scope="em.c",
            doing=doing,
        )
        return StoredEvent.from_wire(self._session.parse_made(answer, doing))

    # -- types ------------------------------------------------------------------------------

    def types(self) -> "Iterator[EventType]":
        for wire in hal_list(
            self._session,
            f"{_BASE}/eventTypes",
            "eventTypes",
            {},
            size=_TYPES_PAGE_SIZE,
            scope="em.et.r",
            doing="listing event types",
        ):
            yield EventType.from_wire(wire)

    def find_type(self, type_id: str) -> "EventType | None":
        doing = f"reading event type {type_id}"
        answer = self._session.call(
            "GET",
            path(f"{_BASE}/eventTypes", type_id),
            headers=HAL,
            scope="em.et.r",
            doing=doing,
            expect=(200, 404),
        )
        if answer.status == 404:
            return None
        return EventType.from_wire(self._session.parse_object(answer, doing))

    def create_type(self, wanted: EventType) -> EventType:
        doing = f"making event type {wanted.id}"
        answer = self._session.call(
            "POST",
            f"{_BASE}/eventTypes",
            document=wanted.to_wire(),
            headers=HAL,
            scope="em.et.c",
            doing=doing,
        )
        return EventType.from_wire(self._session.parse_object(answer, doing))

    def extend_type(self, there: EventType, wanted: EventType) -> EventType:
        """Add the fields that *wanted* has and *there* has not; take its ttl and scope.

        Raises:
            RemoteError: 412: somebody changed it since *there* was read.
        """
        held = {field.name for field in there.fields}
        new = [field.to_wire() for field in wanted.fields if field.name not in held]
        steps: list[dict[str, Any]] = []
        if new:
            steps.append({"op": "add", "path": "/fields", "value": new})
        for name in ("ttl", "scope"):
            if getattr(wanted, name) != getattr(there, name):
                value = getattr(wanted, name)
                steps.append({"op": "replace", "path": f"/{name}", "value": value})
        if not steps:
            return there
        doing = f"changing event type {there.id}"
        answer = self._session.call(
            "PATCH",
            path(f"{_BASE}/eventTypes", there.id),
            document=steps,
            headers={**HAL, "If-Match": str(there.etag)},
            scope="em.et.u",
            doing=doing,
        )
        return EventType.from_wire(self._session.parse_object(answer, doing))


def _between(since: "Time | None", until: "Time | None") -> str:
    begin = 0 if since is None else to_ms(since)
    end = MAX_MS if until is None else to_ms(until)
    if end < begin:
        raise InvalidMessage(
            f"the range ends at {format_ms(end)}, before it begins at {format_ms(begin)}",
            hint="exchange since and until",
        )
    return f"[{format_ms(begin)},{format_ms(end)}]"
