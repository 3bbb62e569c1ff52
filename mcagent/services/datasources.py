"""The data source configuration of an agent, put by version (agent API 5)."""

import json
from dataclasses import dataclass

from ..errors import ConfigurationError, InvalidMessage, RemoteError
from ..messages.datamodel import DataModel
from .datasources_model import same_model
from .etag import ETag
from .mappings import Mappings
from .mappings_values import Mapping
from .query import path
from .session import Session

_BASE = "/api/agentmanagement/v3/agents"
_STALE = (409, 412)
_NAMED = 10


class MappingsAtRisk(ConfigurationError):
    """A new data model would delete mappings, and nobody consented to that.

    Attributes:
        mappings: Those without `keep`.
    """

    def __init__(self, agent: str, mappings: "tuple[Mapping, ...]") -> None:
        named = ", ".join(map(str, mappings[:_NAMED]))
        more = len(mappings) - _NAMED
        super().__init__(
            f"a new data model of agent {agent} would delete {len(mappings)} of its mappings: "
            f"{named}" + (f" and {more} more" if more > 0 else ""),
            hint="they were made without keepMapping. Consent to their loss (lose_mappings), or "
            "delete them and make them again with keepMapping first",
        )
        self.mappings = mappings


@dataclass(frozen=True)
class StoredModel:
    """A data model as the platform has it.

    Attributes:
        model: None where there is none yet, or `problem` says why it cannot be read.
        etag: For the next PUT; ``"0"`` before the first.
        problem: What is wrong with a configuration that somebody made without us.
    """

    model: "DataModel | None"
    etag: str
    problem: str = ""


@dataclass(frozen=True)
class Put:
    """What became of a data model.

    Attributes:
        changed: False where the platform had it already, so nothing was put.
        lost: Mappings that went with the old one.
    """

    changed: bool
    etag: str
    lost: "tuple[Mapping, ...]" = ()


class DataSources:
    """Read and put data models.

        put = DataSources(session).put(agent.id, DataModel("press-7", [...]))

    Args:
        session: Whose credentials need ``dsc.r``, ``dsc.u`` and ``map.r``; an agent's own token
            has them for itself.
        mappings: Asked for mappings at risk; None for one of its own, with a call rate of its own.
    """

    def __init__(self, session: Session, *, mappings: "Mappings | None" = None) -> None:
        self._session = session
        self._mappings = mappings or Mappings(session)

    def read(self, agent_id: str) -> StoredModel:
        """The model that the platform has of an agent."""
        doing = f"reading the data model of agent {agent_id}"
        answer = self._session.call(
            "GET", _path(agent_id), scope="dsc.r", doing=doing, expect=(200, 404)
        )
        if answer.status == 404:
            # Before the first PUT: 404, or a shell without a configuration id (5.2). An unknown
            # agent is a 404, too: whoever puts to it is told so.
            return StoredModel(None, "0")
        body = self._session.parse_object(answer, doing)
        etag = ETag.of(answer) or ETag("0")
        if not body.get("configurationId"):
            return StoredModel(None, str(etag))
        try:
            return StoredModel(DataModel.parse(body), str(etag))
        except InvalidMessage as error:
            return StoredModel(None, str(etag), problem=str(error))

    def put(self, agent_id: str, model: DataModel, *, lose_mappings: bool = False) -> Put:
        """Replace the data model of an agent, unless it is the same.

        Where somebody else puts one at the same time, it is read again: the same model is as
        good, a version that moved under an unchanged model is taken, and another model is
        reported, never overwritten.

        Args:
            agent_id: The agent.
            model: What it shall be.
            lose_mappings: Consent to the deletion of all mappings without `keep`.

        Raises:
            MappingsAtRisk: There are such mappings, and no consent; nothing was put.
            RemoteError: Somebody else put another model meanwhile, or the platform refuses.
        """
        there = self.read(agent_id)
        if same_model(there.model, model):
            return Put(False, there.etag)
        at_risk = tuple(
            mapping for mapping in self._mappings.list(agent_id=agent_id) if not mapping.keep
        )
        if at_risk and not lose_mappings:
            raise MappingsAtRisk(agent_id, at_risk)
        for attempt in (1, 2):
            try:
                answer = self._session.call(
                    "PUT",
                    _path(agent_id),
                    document=json.loads(model.fragment()),
                    headers={"If-Match": there.etag},
                    scope="dsc.u",
                    doing=f"putting data model {model.id} of agent {agent_id}",
                )
            except RemoteError as error:
                if error.status not in _STALE:
                    raise
                current = self.read(agent_id)
                if same_model(current.model, model):
                    break  # our own, whose answer was lost, or the same of somebody else
                if attempt == 2 or (current.model, current.problem) != (
                    there.model,
                    there.problem,
                ):
                    raise _conflict(agent_id, model, current, error) from error
                there = current
                continue
            etag = ETag.of(answer)
            return Put(True, str(etag) if etag else "", at_risk)
        return Put(True, current.etag, at_risk)


def _conflict(
    agent_id: str, model: DataModel, current: StoredModel, error: RemoteError
) -> RemoteError:
    other = current.model.id if current.model else current.problem or "none"
    return RemoteError(
        f"data model {model.id} of agent {agent_id} was not put: somebody else put {other!r} "
        "meanwhile",
        status=error.status,
        reason=error.reason,
        correlation_id=error.correlation_id,
        hint="the device itself may be sending its model; see which is right, then repeat",
    )


def _path(agent_id: str) -> str:
    return path(_BASE, agent_id, "dataSourceConfiguration")
