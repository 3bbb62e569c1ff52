"""Diagnostics of agents: switched on for an hour, they say what becomes of what was sent."""

import json
from dataclasses import dataclass
from typing import Any, Iterator

from ..errors import RemoteError
from .listing import content_list
from .query import path
from .session import Session

_BASE = "/api/mindconnect/v3/diagnosticActivations"
_PAGE_SIZE = 100
_CONFLICT = 409
AGENTS_MAX = 5  # of a tenant at a time (agent API 7.3)


@dataclass(frozen=True)
class Activation:
    """Diagnostics of one agent; the platform switches them off after an hour."""

    id: str
    agent_id: str
    active: bool

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "Activation":
        return Activation(
            str(wire.get("id")), str(wire.get("agentId")), wire.get("status") == "ACTIVE"
        )


@dataclass(frozen=True)
class DiagnosticMessage:
    """One message; kept for seven days.

    Attributes:
        severity: ``INFO``, ``WARN`` or ``ERROR``.
        state: ``ACCEPTED``, ``RETRYING``, ``DROPPED``, ``PROCESSING`` or ``FINISHED``.
        source: ``TIMESERIES`` and others.
        message: For people; its form is nobody's promise.
    """

    timestamp: str
    severity: str
    state: str
    source: str
    message: str
    correlation_id: str

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "DiagnosticMessage":
        members = ("timestamp", "severity", "state", "source", "message", "correlationId")
        return DiagnosticMessage(*(str(wire.get(member) or "") for member in members))


class Diagnostics:
    """Switch diagnostics on and off, and read their messages.

        activation = Diagnostics(session).activate(agent.id)
        for message in Diagnostics(session).messages(activation.id): ...

    Args:
        session: Whose credentials need the scopes ``da.*``; an agent's own token reaches its own.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> "Iterator[Activation]":
        for wire in content_list(
            self._session,
            _BASE,
            {},
            size=_PAGE_SIZE,
            scope="da.r",
            doing="listing diagnostics",
        ):
            yield Activation.from_wire(wire)

    def activate(self, agent_id: str) -> Activation:
        """Switch on for one agent, for an hour; what is on already stays on.

        Raises:
            RemoteError: Five agents of the tenant have them on; the hint names them.
        """
        doing = f"switching diagnostics of agent {agent_id} on"
        body = {"agentId": agent_id, "status": "ACTIVE"}
        try:
            answer = self._session.call("POST", _BASE, document=body, scope="da.c", doing=doing)
        except RemoteError as error:
            if error.status not in (400, _CONFLICT):
                raise
            # Conflict: it has an activation; else there may be five others (status unknown, 7.3).
            others = list(self.list())
            for activation in others:
                if activation.agent_id == agent_id:
                    return activation if activation.active else self._switch(activation, on=True)
            active = [one.agent_id for one in others if one.active]
            if len(active) >= AGENTS_MAX:
                error.hint = (
                    f"{AGENTS_MAX} agents of a tenant may have them on; switch one off first: "
                    + ", ".join(active)
                )
            raise
        return Activation.from_wire(self._session.parse_made(answer, doing))

    def deactivate(self, activation: Activation) -> Activation:
        """Switch off; the messages stay."""
        return self._switch(activation, on=False)

    def delete(self, activation_id: str) -> None:
        """Delete an activation; one that is gone already is as good."""
        self._session.call(
            "DELETE",
            path(_BASE, activation_id),
            scope="da.d",
            doing=f"deleting diagnostics {activation_id}",
            expect=(200, 204, 404),
        )

    def messages(
        self, activation_id: str, *, correlation_id: "str | None" = None
    ) -> "Iterator[DiagnosticMessage]":
        """Messages of an activation, or those about one request."""
        query = (
            {} if not correlation_id else {"filter": json.dumps({"correlationId": correlation_id})}
        )
        for wire in content_list(
            self._session,
            path(_BASE, activation_id, "messages"),
            query,
            size=_PAGE_SIZE,
            scope="da.m.r",
            doing=f"reading messages of diagnostics {activation_id}",
        ):
            yield DiagnosticMessage.from_wire(wire)

    def _switch(self, activation: Activation, *, on: bool) -> Activation:
        doing = f"switching diagnostics of agent {activation.agent_id} {'on' if on else 'off'}"
        # The description asks for agentId, too, which its own example leaves out (7.2).
        body = {"agentId": activation.agent_id, "status": "ACTIVE" if on else "INACTIVE"}
        answer = self._session.call(
            "PUT", path(_BASE, activation.id), document=body, scope="da.u", doing=doing
        )
        return Activation.from_wire(self._session.parse_object(answer, doing))
