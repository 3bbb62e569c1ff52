"""Time series samples: values of one moment → the fragment that goes on the wire.

{"timestamp":"2026-01-05T08:00:00.000Z","values":[{"dataPointId":"P1","value":"182.5",
"qualityCode":"0"},…]} without white space. The timestamp's 24 characters stand at offset 14, so
that they can be corrected in an outgoing copy.

Source: agent API, 6.4.1; services API, 1.8.
"""

from ..errors import InvalidMessage
from ..limits import (
    COUNTED_BYTES,
    COUNTED_BYTES_PER_CHARACTER,
    DATA_POINT_ID_MAX_CHARACTERS,
    RECORD_MAX_COUNTED_BYTES,
    TIMESERIES_MAX_BYTES,
)
from ..runtime import json_string
from .kinds import LANE_OF_KIND, SAMPLE
from .quality import GOOD, quality_texts
from .text import at_point, count_units, require_text, shorten
from .timestamp import format_ms, to_ms
from .values import CHECKERS, max_units, text_checker, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .datamodel import DataModel

TIMESTAMP_OFFSET = len('{"timestamp":"')
TIMESTAMP_BYTES = 24

_COUNTED = dict(COUNTED_BYTES)
_MAX_PLANS = 64  # a device has a handful of sets of data points; more is a stream of chance
_MAX_CODED = 8  # of those, how many sets of quality codes: mostly one
_BRACKETS = 2  # around the samples of a request


class TimeSeries:
    """One sample: values of one moment.

    >>> TimeSeries({"temperature": 21.4, "strokes": 1204})

    Args:
        values: Data point id to value. What a message alone can know is checked here, the rest
            against the data model when it is submitted.
        timestamp: Aware `datetime` or int ms since 1970 UTC; None is the time of submission.
        quality_code: For all values, or a dict by data point id; None is good.

    Raises:
        InvalidMessage: The platform would refuse or drop it.
    """

    lane = LANE_OF_KIND[SAMPLE]
    kind = SAMPLE

    def __init__(
        self,
        values: "dict[str, Any]",
        *,
        timestamp: "Any" = None,
        quality_code: "Any" = None,
    ) -> None:
        self.timestamp_ms = None if timestamp is None else to_ms(timestamp)
        SampleEncoder(None).encode(values, self.timestamp_ms or 0, quality_code)
        self.values = dict(values)
        self.quality_code = dict(quality_code) if isinstance(quality_code, dict) else quality_code

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimeSeries)
            and self.values == other.values
            and self.timestamp_ms == other.timestamp_ms
            and self.quality_code == other.quality_code
        )

    __hash__ = None  # type: ignore[assignment]  # values can be changed

    def __repr__(self) -> str:
        when = "now" if self.timestamp_ms is None else format_ms(self.timestamp_ms)
        return "<TimeSeries %d values at %s>" % (len(self.values), when)


class SampleEncoder:
    """Checks samples against a data model and encodes them. Not for several threads at once.

    >>> SampleEncoder(model).encode({"temperature": 21.4}, 1_767_600_000_000)

    Args:
        model: None where none is known yet: types then follow the Python values.
        max_bytes: Time series bytes allowed in one exchange.

    Attributes:
        empty_strings: Empty strings left out so far; the platform does not store them.
    """

    def __init__(
        self, model: "DataModel | None" = None, *, max_bytes: int = TIMESERIES_MAX_BYTES
    ) -> None:
        self._model = model
        self._max_fragment_bytes = max_bytes - _BRACKETS
        self._plans: "dict[Any, _Plan]" = {}
        self._second: "int | None" = None
        self._head = ""
        self.empty_strings = 0

    def encode(
        self, values: "dict[str, Any]", timestamp_ms: int, quality_code: "Any" = None
    ) -> bytes:
        """The fragment of one sample.

        Args:
            values: Data point id to value.
            timestamp_ms: Int milliseconds since 1970 UTC; see `timestamp.to_ms`.
            quality_code: For all values, or a dict by data point id; None is good.

        Returns:
            ASCII and UTF-8; values in the model's order, without a model sorted by id.

        Raises:
            InvalidMessage: Naming data point, value, limit and the limit's source.
        """
        # This runs once a sample: what depends on the set of data points alone is in the plan,
        # what depends on the second alone is in the head.
        second = timestamp_ms // 1000
        if second != self._second:
            self._head = '{"timestamp":"' + format_ms(second * 1000)[:20]
            self._second = second
        if type(values) is not dict:
            values = _as_dict(values)
        key: "Any" = tuple(values)
        if self._model is None:
            key = (key, tuple(map(type, values.values())))
        plan = self._plans.get(key) or self._new_plan(key, values)
        slots = [self._head, timestamp_ms - second * 1000]
        name = ""
        try:
            for name, check in plan.checks:
                slots.append(check(values[name]))
        except InvalidMessage as error:
            raise at_point(name, error)
        if plan.texts:
            if "" in slots:
                return self._encode_without_empty(values, timestamp_ms, quality_code)
            if plan.most_counted_bytes > RECORD_MAX_COUNTED_BYTES:
                plan.require_counted(values)
        if quality_code is None:
            data = (plan.template % tuple(slots)).encode()
        else:
            data = plan.fill_with_quality(slots, quality_code).encode()
        if len(data) > self._max_fragment_bytes:
            raise InvalidMessage(
                "the sample takes %d bytes on the wire, %d are allowed (IoT Time Series: 1 MB)"
                % (len(data), self._max_fragment_bytes),
                hint="split its data points over samples with different timestamps",
            )
        return data

    def _encode_without_empty(
        self, values: "dict[str, Any]", timestamp_ms: int, quality_code: "Any"
    ) -> bytes:
        # IoT Time Series, limits: "Storage of empty strings is not supported. The respective
        # fields are ignored."
        kept = {name: value for name, value in values.items() if value != ""}
        if not kept:
            raise InvalidMessage(
                "the sample holds nothing but empty strings: data point %s"
                % ", ".join(shorten(name) for name in sorted(values)[:5]),
                hint="the platform ignores empty strings; record a word for 'none' instead",
            )
        if isinstance(quality_code, dict):
            quality_code = {n: c for n, c in quality_code.items() if n in kept or n not in values}
        data = self.encode(kept, timestamp_ms, quality_code)
        self.empty_strings += len(values) - len(kept)
        return data

    def _new_plan(self, key: "Any", values: "dict[str, Any]") -> "_Plan":
        if not values:
            raise InvalidMessage("the sample has no values", hint="record at least one data point")
        if self._model is None:
            plan = _plan_by_values(values)
        else:
            plan = _plan_by_model(values, self._model)
        if plan.fixed_counted_bytes > RECORD_MAX_COUNTED_BYTES:
            raise _too_large(plan.fixed_counted_bytes)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan


class _Plan:
    """What is the same for all samples of one set of data points."""

    def __init__(self, points: "list[tuple[str, str, int | None]]") -> None:
        self.checks: "list[tuple[str, Callable[[Any], str]]]" = []
        self.texts: "list[str]" = []
        self.fixed_counted_bytes = 0
        self.most_counted_bytes = 0
        for name, data_type, length in points:
            if data_type in CHECKERS:
                self.checks.append((name, CHECKERS[data_type]))
                self.fixed_counted_bytes += _COUNTED[data_type]
            else:
                self.checks.append((name, text_checker(data_type, length)))
                self.texts.append(name)
                most = max_units(data_type, length)[0]
                self.most_counted_bytes += most * COUNTED_BYTES_PER_CHARACTER
        self.most_counted_bytes += self.fixed_counted_bytes
        self._names = [name for name, _check in self.checks]
        self._coded: "dict[Any, str]" = {}
        self.template = self._template([GOOD] * len(points))

    def _template(self, codes: "list[str]") -> str:
        members = []
        for name, code in zip(self._names, codes):
            members.append(
                '{"dataPointId":%s,"value":"%%s","qualityCode":"%s"}'
                % (json_string(name).replace("%", "%%"), code)
            )
        return '%s%03dZ","values":[' + ",".join(members) + "]}"

    def fill_with_quality(self, slots: "list[Any]", quality_code: "Any") -> str:
        codes = quality_texts(quality_code, self._names)
        key = tuple(codes)
        template = self._coded.get(key)
        if template is None:
            if len(self._coded) >= _MAX_CODED:
                self._coded.clear()
            template = self._coded[key] = self._template(codes)
        return template % tuple(slots)

    def require_counted(self, values: "dict[str, Any]") -> None:
        counted = self.fixed_counted_bytes
        for name in self.texts:
            counted += count_units(values[name]) * COUNTED_BYTES_PER_CHARACTER
        if counted > RECORD_MAX_COUNTED_BYTES:
            raise _too_large(counted)


def _plan_by_model(values: "dict[str, Any]", model: "DataModel") -> "_Plan":
    for name in values:
        if name not in model.points:
            known = ", ".join(sorted(model.points)[:10])
            raise InvalidMessage(
                "there is no data point %s in data model %s" % (shorten(name), shorten(model.id)),
                hint="known: %s%s" % (known, ", …" if len(model.points) > 10 else ""),
            )
    # Not the order of `values`, which is the order of chance on MicroPython.
    points = [point for source in model.sources for point in source.data_points]
    return _Plan([(point.id, point.type, point.length) for point in points if point.id in values])


def _plan_by_values(values: "dict[str, Any]") -> "_Plan":
    for name in values:
        require_text(
            "data point id %s" % shorten(name),
            name,
            DATA_POINT_ID_MAX_CHARACTERS,
            "Agent Management, data source configuration",
        )
    points: "list[tuple[str, str, int | None]]" = []
    for name in sorted(values):
        try:
            points.append((name, type_of(values[name]), None))
        except InvalidMessage as error:
            raise at_point(name, error)
    return _Plan(points)


def _as_dict(values: "Any") -> "dict[str, Any]":
    if isinstance(values, dict) or hasattr(values, "keys"):
        return {name: values[name] for name in values}
    raise InvalidMessage(
        "a sample is %s, not values by data point" % shorten(values),
        hint='give a dict: {"temperature": 21.4}',
    )


def _too_large(counted: int) -> InvalidMessage:
    return InvalidMessage(
        "the sample counts %d bytes, a record holds %d (IoT Time Series, data types)"
        % (counted, RECORD_MAX_COUNTED_BYTES),
        hint="a character counts 2, LONG, DOUBLE and TIMESTAMP 8; spread the data points over "
        "samples with different timestamps",
    )
