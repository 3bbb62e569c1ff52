"""The data model of a device: its data sources and data points.

On the wire it is the platform's data source configuration.
"""

from ..errors import InvalidMessage
from ..limits import (
    CONFIGURATION_ID_MAX_CHARACTERS,
    DATA_POINT_ID_MAX_CHARACTERS,
    DATA_POINT_NAME_MAX_CHARACTERS,
    DATA_SOURCE_NAME_MAX_CHARACTERS,
    DESCRIPTION_MAX_CHARACTERS,
    UNIT_MAX_CHARACTERS,
)
from ..runtime import json_string
from .jsontext import encode_object
from .kinds import LANE_OF_KIND, MODEL
from .multipart import model_item, require_fit
from .text import require_text, shorten
from .values import DATA_TYPES, TEXT_TYPES, max_units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOURCE = "Agent Management, data source configuration"


class DataPoint:
    """One measured variable.

    >>> DataPoint("temperature", "DOUBLE", unit="°C")
    >>> DataPoint("serial", "STRING", length=20, description="label on the housing")

    Args:
        id: 1 to 36 characters, unique in its model.
        type: ``INT``, ``LONG``, ``DOUBLE``, ``BOOLEAN``, ``STRING``, ``BIG_STRING`` or
            ``TIMESTAMP``.
        unit: Must be the unit of the variable that it is mapped to; ``""`` for none.
        name: For people, 1 to 64 characters; None takes the id.
        length: Longest text of a STRING or BIG_STRING, as the mapped variable declares it; None
            for the type's own limit. Not sent: the platform knows it from the variable.
        custom_data: Any JSON object.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - the field's name
        type: str,  # noqa: A002
        *,
        unit: str = "",
        name: "str | None" = None,
        description: str = "",
        length: "int | None" = None,
        custom_data: "dict[str, Any] | None" = None,
    ) -> None:
        self.id = require_text("data point id", id, DATA_POINT_ID_MAX_CHARACTERS, _SOURCE)
        what = "data point %s: " % shorten(id)
        if type not in DATA_TYPES:
            raise InvalidMessage(
                "%sthere is no type %s" % (what, shorten(type)),
                hint="choose one of " + ", ".join(DATA_TYPES),
            )
        self.type = type
        self.unit = require_text(what + "unit", unit, UNIT_MAX_CHARACTERS, _SOURCE, empty=True)
        self.name = require_text(
            what + "name",
            self.id if name is None else name,
            DATA_POINT_NAME_MAX_CHARACTERS,
            _SOURCE,
        )
        self.description = _description(what, description)
        self.length = length
        if length is not None:
            self._check_length(what, length)
        self.custom_data = custom_data
        self._fragment = '{"id":%s,"name":%s%s,"type":"%s","unit":%s%s}' % (
            json_string(self.id),
            json_string(self.name),
            _member("description", self.description),
            type,
            json_string(self.unit),
            _custom_member(what, custom_data),
        )

    def _check_length(self, what: str, length: "Any") -> None:
        if self.type not in TEXT_TYPES:
            raise InvalidMessage(
                "%sa %s has no length" % (what, self.type),
                hint="length is for STRING and BIG_STRING only",
            )
        most = max_units(self.type, None)[0]
        if type(length) is not int or not 1 <= length <= most:
            raise InvalidMessage(
                "%slength is %s, not 1 to %d (%s)"
                % (what, shorten(length), most, "IoT Time Series, data types"),
                hint="leave it out where the mapped variable declares none",
            )

    def __repr__(self) -> str:
        return "<DataPoint %s %s>" % (self.id, self.type)


class DataSource:
    """A logical group of data points: a sensor, a machine.

    >>> DataSource("press", [DataPoint("temperature", "DOUBLE", unit="°C")])

    Args:
        name: 1 to 64 characters.
        data_points: At least one `DataPoint`.
        custom_data: Any JSON object.
    """

    def __init__(
        self,
        name: str,
        data_points: "list[DataPoint]",
        *,
        description: str = "",
        custom_data: "dict[str, Any] | None" = None,
    ) -> None:
        self.name = require_text(
            "data source name", name, DATA_SOURCE_NAME_MAX_CHARACTERS, _SOURCE
        )
        what = "data source %s: " % shorten(name)
        self.data_points = _some(what + "data point", data_points, DataPoint)
        self.description = _description(what, description)
        self.custom_data = custom_data
        self._fragment = '{"name":%s%s,"dataPoints":[%s]%s}' % (
            json_string(self.name),
            _member("description", self.description),
            ",".join(point._fragment for point in self.data_points),  # noqa: SLF001
            _custom_member(what, custom_data),
        )

    def __repr__(self) -> str:
        return "<DataSource %s: %d data points>" % (self.name, len(self.data_points))


class DataModel:
    """What a device measures. Submit it before, or with, the samples that follow it.

    >>> DataModel("press-7", [DataSource("press", [DataPoint("temperature", "DOUBLE")])])

    Args:
        id: The configuration id, 1 to 36 characters. A changed model is best given a new one.
        sources: At least one `DataSource`.

    Models are equal when they are the same on the wire.

    Attributes:
        points: Data point id to `DataPoint`, of all data sources.
    """

    lane = LANE_OF_KIND[MODEL]
    kind = MODEL

    def __init__(self, id: str, sources: "list[DataSource]") -> None:  # noqa: A002
        self.id = require_text("configuration id", id, CONFIGURATION_ID_MAX_CHARACTERS, _SOURCE)
        self.sources = _some("data model %s: data source" % shorten(id), sources, DataSource)
        self.points: "dict[str, DataPoint]" = {}
        for source in self.sources:
            for point in source.data_points:
                if point.id in self.points:
                    raise InvalidMessage(
                        "data model %s: data point %s of %s is there already (%s)"
                        % (shorten(id), shorten(point.id), shorten(source.name), _SOURCE),
                        hint="an id is unique in the whole model, not only in its data source",
                    )
                self.points[point.id] = point
        text = '{"configurationId":%s,"dataSources":[%s]}' % (
            json_string(self.id),
            ",".join(source._fragment for source in self.sources),  # noqa: SLF001
        )
        self._payload = text.encode()
        require_fit("data model %s" % shorten(id), model_item(self._payload).size)

    def fragment(self) -> bytes:
        """The payload on the wire: ``{"configurationId":…,"dataSources":[…]}``.

        Source: agent API, 5.1 and 6.4.4.
        """
        return self._payload

    def to_state(self) -> "dict[str, Any]":
        """Everything, lengths included, ready for JSON: what `from_state` reads back."""
        import json

        state: "dict[str, Any]" = json.loads(self._payload.decode())
        for source in state["dataSources"]:
            for point in source["dataPoints"]:
                length = self.points[point["id"]].length
                if length is not None:
                    point["length"] = length
        return state

    @staticmethod
    def from_state(state: "dict[str, Any]") -> "DataModel":
        """The model that `to_state` described."""
        return DataModel.parse(state)

    @staticmethod
    def parse(data: "bytes | dict[str, Any]") -> "DataModel":
        """Read a fragment, a stored state, or the platform's answer to a GET.

        Unknown members are ignored; null counts as absent; types may be in lower case (older
        samples of the platform's documentation write them so).

        Raises:
            InvalidMessage: It is none of these; also for the empty answer of a new agent.
        """
        if isinstance(data, (bytes, bytearray)):
            import json

            try:
                data = json.loads(bytes(data).decode())
            except (ValueError, UnicodeError) as error:
                raise InvalidMessage("a data source configuration is not JSON: %s" % error)
        if not isinstance(data, dict):
            raise InvalidMessage("a data source configuration is %s" % shorten(data))
        return DataModel(
            data.get("configurationId") or "",
            [_read_source(source) for source in _list(data, "dataSources")],
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataModel) and self._payload == other._payload

    def __hash__(self) -> int:
        return hash(self._payload)

    def __repr__(self) -> str:
        return "<DataModel %s: %d data points>" % (self.id, len(self.points))


def _read_source(data: "Any") -> DataSource:
    if not isinstance(data, dict):
        raise InvalidMessage("a data source is %s" % shorten(data), hint="is the answer complete?")
    return DataSource(
        _field(data, "name"),
        [_read_point(point) for point in _list(data, "dataPoints")],
        description=_field(data, "description"),
        custom_data=data.get("customData"),
    )


def _read_point(data: "Any") -> DataPoint:
    if not isinstance(data, dict):
        raise InvalidMessage("a data point is %s" % shorten(data), hint="is the answer complete?")
    return DataPoint(
        _field(data, "id"),
        _field(data, "type").upper(),
        unit=_field(data, "unit"),
        name=_field(data, "name") or None,
        description=_field(data, "description"),
        length=data.get("length"),
        custom_data=data.get("customData"),
    )


def _field(data: "dict[str, Any]", name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _list(data: "dict[str, Any]", name: str) -> "list[Any]":
    value = data.get(name)
    return value if isinstance(value, list) else []


def _some(what: str, parts: "Any", wanted: "Any") -> "list[Any]":
    found = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    if not found:
        raise InvalidMessage("%s: there is none" % what, hint="describe at least one")
    for part in found:
        if not isinstance(part, wanted):
            raise InvalidMessage(
                "%s: %s is none" % (what, shorten(part)), hint="give a list of " + wanted.__name__
            )
    return found


def _description(what: str, text: str) -> str:
    most = DESCRIPTION_MAX_CHARACTERS
    return require_text(what + "description", text, most, _SOURCE, empty=True)


def _member(name: str, text: str) -> str:
    return ',"%s":%s' % (name, json_string(text)) if text else ""


def _custom_member(what: str, custom_data: "Any") -> str:
    if custom_data is None:
        return ""
    return ',"customData":' + encode_object(custom_data, what + "custom_data")
