"""What the platform knows about this agent: its configuration and its mappings.

The platform answers 200 to samples of an agent without either, and drops them. So they are asked
for before samples go out.
"""

from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport.http import Response
    from .session import Session

_MOST_PAGES = 100  # 200 000 mappings: more is not an answer of the platform
_PAGE_SIZE = 2000  # Siemens' Node client asks for as many (specification of the agent API, 8)
_NAMED_POINTS = 5  # a reason stays one line; status() has them all


class Configuration:
    """What matters of a data source configuration, ours or the platform's.

    Read without judgement: an operator may have made one that `DataModel` would refuse.

    Attributes:
        id: Its configuration id; ``""`` for the empty shell of a new agent (5.2).
        points: Data point id to (type, unit).
    """

    def __init__(self, data: "dict[str, Any]") -> None:
        self.id: str = data.get("configurationId") or ""
        self.points: "dict[str, tuple[str, str]]" = {}
        for source in data.get("dataSources") or ():
            for point in source.get("dataPoints") or ():
                # Types in lower case and missing units stand in samples of the documentation.
                kind, unit = point.get("type") or "", point.get("unit") or ""
                self.points[point.get("id") or ""] = (kind.upper(), unit)

    def equals(self, other: "Configuration") -> bool:
        return self.id == other.id and self.points == other.points


class PlatformView:
    """Read by `read_configuration` and `read_mappings`, then asked without I/O.

    Both return None when they learned what there is to learn, else the answer that prevented it.

    Attributes:
        model: The data source configuration as the platform shows it; None where it has none.
        known: The configuration was read, or reading it is forbidden.
        unmapped: Data point ids of `model` without a valid mapping, sorted.
        note: What could not be read and why; ``""``.
    """

    def __init__(self, session: "Session", *, unmapped: str) -> None:
        self._session = session
        self._setting = unmapped
        self.model: "Configuration | None" = None
        self.known = False
        self.unmapped: "list[str]" = []
        self.note = ""
        self._forbidden = False
        self._mapped = -1  # valid mappings; -1: not known

    # -- reading ----------------------------------------------------------------------------

    def read_configuration(self) -> "Response | None":
        """GET the data source configuration."""
        url = "%s/api/agentmanagement/v3/agents/%s/dataSourceConfiguration" % (
            self._session.base_url,
            self._session.client_id,
        )
        response: "Response" = self._session.send(Request("GET", url))
        self.model = None
        self._forbidden = response.status == 403
        if self._forbidden:
            self.note = "the agent may not read its data source configuration"
        elif response.status == 200:
            answer = response.json()
            if not isinstance(answer, dict):
                self.known = False
                return response
            # Before the first PUT the platform answers 404, or an empty shell (5.2).
            try:
                model = Configuration(answer)
            except (AttributeError, TypeError):  # not the platform's words
                self.known = False
                return response
            self.model = model if model.id else None
        elif response.status != 404:
            self.known = False
            return response
        self.known = True
        return None

    def read_mappings(self) -> "Response | None":
        """GET the agent's data point mappings."""
        self._mapped = -1
        self.unmapped = []
        if self._setting == "send" or self.model is None:
            return None
        mapped = set()
        page = 0
        while True:
            response: "Response" = self._session.send(Request("GET", self._mappings_url(page)))
            answer = response.json()
            if response.status != 200:
                if response.status in (400, 403, 404):
                    # Not this agent's right: the platform decides about unmapped points alone.
                    self.note = "mappings cannot be read (HTTP %d %s): samples are sent unchecked"
                    self.note %= (response.status, response.reason())
                    return None
                return response
            if not isinstance(answer, dict) or not isinstance(answer.get("content"), list):
                return response
            for mapping in answer["content"]:
                if _is_valid(mapping):
                    mapped.add(str(mapping.get("dataPointId")))
            page += 1
            pages = answer.get("totalPages")
            if not answer["content"] or not isinstance(pages, int) or page >= pages:
                break
            if page >= _MOST_PAGES:
                return response
        self.note = ""
        self.unmapped = sorted(point for point in self.model.points if point not in mapped)
        self._mapped = len(self.model.points) - len(self.unmapped)
        return None

    def _mappings_url(self, page: int) -> str:
        # {"agentId":"…"} percent-encoded; a client id holds letters, digits and dashes only.
        return (
            "%s/api/mindconnect/v3/dataPointMappings?size=%d&page=%d"
            "&filter=%%7B%%22agentId%%22%%3A%%22%s%%22%%7D"
            % (self._session.base_url, _PAGE_SIZE, page, self._session.client_id)
        )

    # -- asking -----------------------------------------------------------------------------

    def shows(self, model: Configuration) -> bool:
        """True where the platform has *model* already: a PUT could only delete mappings."""
        return self.model is not None and self.model.equals(model)

    @property
    def silent(self) -> bool:
        """True where the agent may not read its configuration."""
        return self._forbidden

    def configuration_id(self, recorded: str) -> str:
        """Under which configuration id to send samples recorded under *recorded*.

        The platform judges samples by its present configuration and drops those of another one.
        """
        return self.model.id if self.model is not None else recorded

    def needed(self, recorded: str) -> bool:
        """True where samples recorded under *recorded* cannot go without a look first."""
        return self._setting != "send" or not recorded

    def hold_reason(self, recorded: str) -> str:
        """Why samples recorded under *recorded* must wait; ``""`` where they may go."""
        if not self.needed(recorded):
            return ""
        if self.model is None:
            if self._forbidden and recorded:
                return ""
            return (
                "the agent has no data source configuration on the platform, which would drop "
                "the samples: submit a DataModel"
            )
        if self._mapped < 0 or not self.unmapped:
            return ""
        if self._mapped == 0 or self._setting == "hold":
            named = ", ".join(self.unmapped[:_NAMED_POINTS])
            more = len(self.unmapped) - _NAMED_POINTS
            return (
                "the platform would drop values without a mapping, and %d of %d data points have "
                "none (%s%s): map them to variables of an asset"
                % (
                    len(self.unmapped),
                    len(self.model.points),
                    named,
                    ", and %d more" % more if more > 0 else "",
                )
            )
        return ""

    @property
    def has_configuration(self) -> bool:
        """False where samples cannot go before a model does."""
        return self.model is not None or self._forbidden


def _is_valid(mapping: object) -> bool:
    if not isinstance(mapping, dict):
        return False
    validity = mapping.get("validity")
    return not (isinstance(validity, dict) and validity.get("status") == "INVALID")
