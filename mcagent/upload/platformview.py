"""What the platform knows about this agent: its configuration and its mappings.

It answers 200 to samples of an agent without either, and drops them: they are asked for before.
"""

from ..credentials.answers import redacted
from ..messages.timestamp import format_ms
from ..runtime import log
from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..transport.http import Response
    from .session import Session

_MOST_PAGES = 100  # 200 000 mappings: more is not an answer of the platform
_PAGE_SIZE = 2000  # Siemens' Node client asks for as many (specification of the agent API, 8)
_NAMED_POINTS = 5  # a reason stays one line; status() has them all

NO_MAPPING = "no mapping"

# How often held samples look for the mapping that they wait for. An operator who is at it sees
# them go within a minute; later within six, because a tenant has some 1 050 reads of mappings an
# hour for all of its agents (specification of the agent API, 8), which is a hundred that wait.
_LOOK_MS = 60_000
_QUICK_LOOKS = 10
_PATIENT_LOOK_MS = 360_000

_LOOKED_INTO = 16_384  # bytes of a sample: some hundred points

# Types whose values are values of another type, too: everything travels as text (6.4.1).
_TEXT = ("STRING", "BIG_STRING")
_WIDER = {"INT": ("LONG", "DOUBLE"), "LONG": ("DOUBLE",)}


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
        unmapped: Data point ids of the oldest samples' model, where the device has it, else of
            `model`, to why the platform would drop their values; set by `hold_reason`.
        not_kept: Mappings that a new data model deletes (no `keepMapping`), sorted, each as
            ``"point -> asset aspect.variable"``; None where the platform does not tell.
        vanished: Data point ids whose mapping ended between two looks, to the times of those, in
            ms: values that were delivered in between may have been dropped.
        note: What could not be read and why; ``""``.
    """

    def __init__(
        self,
        session: "Session",
        *,
        unmapped: str,
        local_model: "Callable[[], bytes | None]" = lambda: None,
    ) -> None:
        self._session = session
        self._setting = unmapped
        self._local_model = local_model
        self.model: "Configuration | None" = None
        self.known = False
        self.unmapped: "dict[str, str]" = {}
        self.not_kept: "list[str] | None" = None
        self.vanished: "dict[str, list[int]]" = {}
        self.note = ""
        self._forbidden = False
        self._found: "dict[str, str] | None" = None  # point: why its mapping is invalid
        self._found_at = ("", 0)  # under which configuration, and when
        self._points: "dict[str, tuple[str, str]]" = {}  # that were judged
        self._judged = ""  # for samples recorded under this id
        self._named = self._missed_ms = 0  # points at the last look, and when a miss is one again
        self._looks = 0  # in a row, while samples were held for the same reason
        self._held_for = ""

    # -- reading ----------------------------------------------------------------------------

    def read_configuration(self) -> "Response | None":
        """GET the data source configuration."""
        url = "%s/api/agentmanagement/v3/agents/%s/dataSourceConfiguration" % (
            self._session.base_url,
            self._session.client_id,
        )
        response: "Response" = self._session.send(Request("GET", url))
        self.model = None
        self._forbidden = response.status == 403 and not response.is_html()
        if self._forbidden:
            self.note = (
                "the agent may not read its data source configuration: grant it the scope dsc.r"
            )
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
        elif response.status != 404 or response.is_html():  # a page says nothing of the agent
            self.known = False
            return response
        self.known = True
        return None

    def read_mappings(self, *, for_model: bool = False) -> "Response | None":
        """GET the agent's data point mappings.

        Args:
            for_model: One is about to be sent: they are asked for in any case, and afresh.
        """
        if not for_model and (self._setting == "send" or self.model is None):
            self._forget()
            return None
        found: "dict[str, str]" = {}
        not_kept: "list[str]" = []
        page = 0
        while True:
            response: "Response" = self._session.send(Request("GET", self._mappings_url(page)))
            answer = response.json()
            if response.status != 200:
                return self._unread(response, for_model)
            if not isinstance(answer, dict) or not isinstance(answer.get("content"), list):
                return response
            for mapping in answer["content"]:
                if isinstance(mapping, dict):
                    _add(found, mapping)
                    if mapping.get("keepMapping") is not True:
                        not_kept.append(_target(mapping))
            page += 1
            pages = answer.get("totalPages")
            if not answer["content"] or not isinstance(pages, int) or page >= pages:
                break
            if page >= _MOST_PAGES:
                return response
        self.note = ""
        if self.model is not None:
            self._see_what_vanished(found, self.model.id)
        self._found = found
        self._judged = ""
        self.not_kept = sorted(not_kept)
        return None

    def _see_what_vanished(self, found: "dict[str, str]", model_id: str) -> None:
        """Compare with the look before; another model ends mappings by itself (`not_kept`)."""
        (before_id, before_ms), now_ms = self._found_at, self._session.now_ms()
        self._found_at = (model_id, now_ms)
        if self._found is None or before_id != model_id:
            return
        gone = {}
        for point in self._found:
            if not self._found[point] and found.get(point, NO_MAPPING):
                gone[point] = [before_ms, now_ms]
        if gone:
            self.vanished.update(gone)
            log(
                "warning",
                "upload",
                "the mapping of %s ended, or became invalid, after %s: values that were delivered "
                "meanwhile may have been dropped; mcagent status --platform shows what the "
                "platform kept of them"
                % (", ".join(sorted(gone)[:_NAMED_POINTS]), format_ms(max(0, before_ms))),
            )

    def _forget(self) -> None:
        self._found, self.unmapped = None, {}
        # Nothing can have been mapped where there never was a configuration.
        self.not_kept = None if self.has_configuration or self._found_at[0] else []

    def _unread(self, response: "Response", for_model: bool) -> "Response | None":
        """Reading the mappings was answered with no."""
        words = (response.status, redacted(response.reason(), self._session.lifecycle.secrets()))
        if response.status in (400, 403, 404) and not response.is_html():
            # Not this agent's right: the platform decides about unmapped points alone.
            self._forget()
            self.note = "mappings cannot be read (HTTP %d %s): samples are sent unchecked" % words
            if response.status == 403:
                self.note += "; grant the agent the scope map.r"
            return None
        trouble = response.status == 429 or response.status >= 500
        if trouble and self._found is not None and not for_model:
            # What was true a quarter of an hour ago is better than keeping everything back.
            self.note = "mappings could not be read again (HTTP %d %s)" % words
            return None
        return response

    def _judge(self, model: Configuration, recorded: str, sample: bytes) -> None:
        """Which points' values would the platform drop?"""
        if recorded and recorded == self._judged:
            return
        self._judged = recorded
        self._points = model.points
        if recorded:
            # Types can be compared only while the device still has the model.
            local = self._local_model()
            mine = None if local is None else _configuration(local)
            if mine is not None and mine.id == recorded:
                self._points = mine.points
        else:
            self._points = dict(model.points)
            for point in _points_of(sample):
                self._points.setdefault(point, ("", ""))
        self.unmapped = {}
        for point in self._points:
            why = self.fault(point, self._points[point][0])
            if why:
                self.unmapped[point] = why

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

    def hold_reason(self, recorded: str, sample: bytes) -> str:
        """Why samples must wait; ``""`` where they may go.

        Args:
            recorded: Configuration id that the oldest was recorded under.
            sample: Its payload.
        """
        if not self.needed(recorded):
            return ""
        if self.model is None:
            if self._forbidden and recorded:
                return ""
            return (
                "the agent has no data source configuration on the platform, which would drop "
                "the samples: submit a DataModel"
            )
        if self._found is None:
            return ""
        self._judge(self.model, recorded, sample)
        bad = len(self.unmapped)
        if bad and (bad == len(self._points) or self._setting == "hold"):
            return (
                "the platform would drop values without a mapping, and %d of %d data points have "
                "none (%s): map them to variables of an asset"
                % (bad, len(self._points), _named(self.unmapped))
            )
        return ""

    def missed(self, reason: str, now_ms: int) -> bool:
        """True where samples would be held, or data points named, by what was read a while ago.

        An operator may be at work: look again first. Once a minute at most, because a script that
        invents names must not use up the reads that a tenant has.
        """
        more, self._named = len(self.unmapped) > self._named, len(self.unmapped)
        if not (reason or more) or now_ms < self._missed_ms:
            return False
        self._missed_ms = now_ms + _LOOK_MS
        return True

    def fault(self, point: str, kind: str) -> str:
        """Why the platform drops values of *point*, ``""`` where it takes them.

        *kind*: the type that they are recorded with, ``""`` where it is not known. Only after
        both were read.
        """
        model, found = self.model, self._found
        if model is None or found is None:
            return ""
        why = _type_fault(kind, model.points.get(point))
        if why:
            return why
        return found.get(point, NO_MAPPING)

    def look_again_ms(self, reason: str) -> int:
        """When to read again, in ms; *reason*: why samples are held now, ``""`` when they go."""
        self._looks = self._looks + 1 if reason == self._held_for else 1
        self._held_for = reason
        return _LOOK_MS if self._looks <= _QUICK_LOOKS else _PATIENT_LOOK_MS

    def status(self) -> "dict[str, Any]":
        """What is known, as plain values."""
        return {
            "configuration_id": self.model.id if self.model is not None else "",
            "unmapped": sorted(self.unmapped),
            "unmapped_why": dict(self.unmapped),
            "not_kept": list(self.not_kept or ()),
            "vanished": dict(self.vanished),
            "note": self.note,
        }

    @property
    def has_configuration(self) -> bool:
        """False where samples cannot go before a model does."""
        return self.model is not None or self._forbidden


def _add(found: "dict[str, str]", mapping: "dict[str, Any]") -> None:
    """Note a mapping of a point; a valid one counts more than others."""
    point = str(mapping.get("dataPointId"))
    validity = mapping.get("validity")
    why = ""
    if isinstance(validity, dict) and validity.get("status") == "INVALID":
        reasons = validity.get("reasons")
        named = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
        why = "its mapping is invalid: " + (", ".join(named) or "no reason given")
    if not why or point not in found:
        found[point] = why


def _target(mapping: "dict[str, Any]") -> str:
    """A mapping as an operator's commands write it."""
    names = ("dataPointId", "entityId", "propertySetName", "propertyName")
    return "%s -> %s %s.%s" % tuple([mapping.get(name) or "?" for name in names])


def _configuration(fragment: bytes) -> Configuration:
    import json

    return Configuration(json.loads(fragment.decode()))


def _points_of(sample: bytes) -> "list[str]":
    """Data point ids of a sample that was recorded without a data model.

    None of a very large one: it is the oldest before each exchange, and heaps are small.
    """
    if len(sample) > _LOOKED_INTO:
        return []
    import json

    values = json.loads(sample.decode()).get("values") or ()
    return [value["dataPointId"] for value in values]


def _type_fault(kind: str, theirs: "tuple[str, str] | None") -> str:
    """Why the platform drops values of type *kind* for a point that it knows as *theirs*."""
    if theirs is None:
        return "the platform's data model does not have it"
    if kind in ("", theirs[0]) or theirs[0] in _TEXT or theirs[0] in _WIDER.get(kind, ()):
        return ""
    return "recorded as %s, the platform's data model says %s" % (kind, theirs[0])


def _named(unmapped: "dict[str, str]") -> str:
    """Some points on one line; of those that have no mapping, the name says it all."""
    shown = [
        point if unmapped[point] == NO_MAPPING else "%s: %s" % (point, unmapped[point])
        for point in sorted(unmapped)[:_NAMED_POINTS]
    ]
    more = len(unmapped) - len(shown)
    return ", ".join(shown) + (", and %d more" % more if more > 0 else "")
