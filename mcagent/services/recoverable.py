"""What the platform dropped after its 200 and kept: look at it, replay it (agent API 7)."""

import json
from dataclasses import dataclass
from typing import Any, Iterator

from ..errors import RemoteError
from .listing import content_list
from .query import path
from .session import Session

_BASE = "/api/mindconnect/v3/recoverableRecords"
_PAGE_SIZE = 100


@dataclass(frozen=True)
class RecoverableRecord:
    """One request of which something was dropped.

    Attributes:
        correlation_id: Of the request that brought it.
        drop_reason: The platform's words; for time series with up to ten unmapped points.
    """

    id: str
    agent_id: str
    correlation_id: str
    request_time: str
    drop_reason: str

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "RecoverableRecord":
        members = ("id", "agentId", "correlationId", "requestTime", "dropReason")
        return RecoverableRecord(*(str(wire.get(member) or "") for member in members))


class RecoverableRecords:
    """List, replay and delete recoverable records.

        for record in RecoverableRecords(session).list(agent_id=agent.id):
            print(record.request_time, record.drop_reason)

    Args:
        session: Whose credentials need the scopes ``rec.*``; an agent's own token reaches its own.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, *, agent_id: "str | None" = None) -> "Iterator[RecoverableRecord]":
        query = {} if agent_id is None else {"filter": json.dumps({"agentId": agent_id})}
        for wire in content_list(
            self._session,
            _BASE,
            query,
            size=_PAGE_SIZE,
            scope="rec.r",
            doing="listing recoverable records",
        ):
            record = RecoverableRecord.from_wire(wire)
            if agent_id is None or record.agent_id == agent_id:
                yield record

    def replay(self, record_id: str) -> None:
        """Have it processed again with the mappings of today.

        A record that stored everything disappears; look whether it did.
        """
        self._session.call(
            "POST",
            path(_BASE, record_id, "replay"),
            scope="rec.c",
            doing=f"replaying record {record_id}",
        )

    def delete(self, record_id: str) -> None:
        """Delete a record for good; one that is gone already is as good."""
        self._session.call(
            "DELETE",
            path(_BASE, record_id),
            scope="rec.d",
            doing=f"deleting record {record_id}",
            expect=(200, 204, 404),
        )

    def payload(self, record_id: str) -> bytes:
        """What the device sent, as it sent it.

        Raises:
            RemoteError: There is no such record, or its link leads nowhere.
        """
        return self._session.fetch(
            self.download_link(record_id), doing=f"downloading record {record_id}"
        )

    def download_link(self, record_id: str) -> str:
        """Address of what was sent. Whoever has it may read it: do not log it."""
        doing = f"download link of record {record_id}"
        link = self._session.get_json(
            path(_BASE, record_id, "downloadLink"), scope="rec.r", doing=doing
        )
        if not isinstance(link, str):
            raise RemoteError(f"{doing}: the platform answered no link", status=200)
        return link
