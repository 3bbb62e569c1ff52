"""A record as it goes on the wire, every value checked by its variable's type. No I/O here."""

from ..errors import InvalidMessage
from ..limits import (
    COUNTED_BYTES,
    COUNTED_BYTES_PER_CHARACTER,
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    RECORD_MAX_COUNTED_BYTES,
)
from ..messages.quality import quality_text
from ..messages.text import count_units, shorten
from ..messages.timestamp import format_ms
from ..messages.values import CHECKERS, TEXT_TYPES, max_units, text_checker, type_of
from .records import unknown_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping

    from .aspects import Variable
    from .records import Record

_COUNTED = dict(COUNTED_BYTES)
# The range of DOUBLE, as `messages.values` has it; 1E+126 is the first magnitude beyond.
_DOUBLE_MIN, _DOUBLE_END = 1e-130, 1e126
_WHOLE = {
    "INT": (INT_MIN, INT_MAX),
    "LONG": (LONG_MIN, LONG_MAX),
    "DOUBLE": (LONG_MIN, LONG_MAX),  # 19 digits: nothing else to check
}


class BadValue(InvalidMessage):
    """A record that the platform would refuse.

    Attributes:
        variable: Whose value it is; ``""`` where the record as a whole is wrong.
        problem: The message without its place.
    """

    def __init__(self, place: str, error: InvalidMessage, variable: str) -> None:
        super().__init__(f"{place}: {error.message}", hint=error.hint)
        self.variable = variable
        self.problem = error.message


class _Plan:
    """How a variable is written."""

    def __init__(self, name: str, kind: str, length: "int | None", has_quality: bool) -> None:
        self.text = kind in TEXT_TYPES
        self.double = kind == "DOUBLE"
        quoted = self.text or kind == "TIMESTAMP"
        self.prefix = ',"' + name + '":' + ('"' if quoted else "")
        self.suffix = '"' if quoted else ""
        self.code_prefix = ',"' + name + '_qc":'
        self.has_quality = has_quality
        self.counted = _COUNTED.get(kind, 0)
        # Which whole numbers, and texts of how many characters, are good without another look.
        self.least, self.most = _WHOLE.get(kind, (1, 0))
        self.longest = max_units(kind, length)[0] if self.text else 0
        self.check: "Callable[[Any], str]" = (
            text_checker(kind, length) if self.text else CHECKERS[kind]
        )


class RecordEncoder:
    """Checks and encodes the records of one aspect.

    >>> RecordEncoder("motor", None).encode(Record(1_767_600_000_000, {"rpm": 1478}))
    b'{"_time":"2026-01-05T08:00:00.000Z","rpm":1478}'

    Args:
        aspect: Its name, for errors.
        variables: Name to variable; None where they are not known: then types follow the values.
        again: Reads them again, before a name is refused.

    Attributes:
        empty_strings: Left out so far: the platform does not store them.
    """

    def __init__(
        self,
        aspect: str,
        variables: "Mapping[str, Variable] | None",
        *,
        again: "Callable[[], Mapping[str, Variable] | None] | None" = None,
    ) -> None:
        self._again = again
        self._aspect = aspect
        self._variables = variables
        self._plans: "dict[Any, _Plan]" = {}
        self._second = -1
        self._head = ""
        self.empty_strings = 0

    def encode(self, record: "Record") -> bytes:
        """The JSON object of *record*; ``b""`` where nothing is left to be stored.

        Raises:
            InvalidMessage: Naming time, variable, value and limit.
        """
        second, ms = divmod(record.timestamp_ms, 1000)
        if second != self._second:
            self._head = '{"_time":"' + format_ms(second * 1000)[:20]
            self._second = second
        parts = ['%s%03dZ"' % (self._head, ms)]
        counted = 0
        name: "Any" = ""
        plans = self._plans
        quality = record.quality
        try:
            items: "Iterable[tuple[Any, Any]]" = record.values.items()
            for name, value in items:
                if value is None:
                    continue
                plan = plans.get(name) if self._variables is not None else None
                if plan is None:
                    plan = self._plan(name, value)
                # What nearly every value is, without a call; all else is checked by its type.
                given = type(value)
                if given is float and plan.double and _fits_double(value):
                    parts.append(plan.prefix + repr(value))
                    counted += plan.counted
                elif given is int and plan.least <= value <= plan.most:
                    parts.append(plan.prefix + str(value))
                    counted += plan.counted
                elif given is str and 0 < len(value) <= plan.longest and _plain(value):
                    parts.append(plan.prefix + value + '"')
                    counted += COUNTED_BYTES_PER_CHARACTER * len(value)
                else:
                    if plan.text and value == "":
                        self.empty_strings += 1
                        continue
                    parts.append(plan.prefix + plan.check(value) + plan.suffix)
                    counted += plan.counted or COUNTED_BYTES_PER_CHARACTER * count_units(value)
                if quality and name in quality:
                    parts.append(self._code(plan, name, quality[name]))
            name = ""
            self._check_codes(record)
            _check_size(counted)
        except InvalidMessage as error:
            place = f"{format_ms(record.timestamp_ms)}, "
            place += f"variable {shorten(name)}" if name else f"aspect {self._aspect!r}"
            variable = name if isinstance(name, str) else ""
            raise BadValue(place, error, variable) from error
        if len(parts) == 1:
            return b""
        return ("".join(parts) + "}").encode()

    def _plan(self, name: "Any", value: "Any") -> _Plan:
        if not isinstance(name, str) or not name:
            raise InvalidMessage(f"{shorten(name)} is no variable's name", hint="give text")
        if self._variables is None:
            if not name.isprintable() or '"' in name or "\\" in name:
                raise InvalidMessage(
                    f"{shorten(name)} is no variable's name",
                    hint="names are letters, digits and underscores",
                )
            return _Plan(name, type_of(value), None, has_quality=True)
        if name not in self._variables and self._again is not None:
            # Once: it may have been added since the variables were read.
            again, self._again = self._again, None
            self._variables = again() or self._variables
        variable = self._variables.get(name)
        if variable is None or variable.type not in (*CHECKERS, *TEXT_TYPES):
            raise unknown_variable(name, self._variables, self._aspect)
        plan = _Plan(name, variable.type, variable.length, variable.has_quality)
        self._plans[name] = plan
        return plan

    def _code(self, plan: _Plan, name: str, code: "Any") -> str:
        if not plan.has_quality:
            raise InvalidMessage(
                f"{shorten(name)} is declared without quality codes",
                hint="leave the code out, or declare the variable with qualityCode true",
            )
        return plan.code_prefix + quality_text(code)

    def _check_codes(self, record: "Record") -> None:
        for name in record.quality:
            if name not in record.values:
                raise InvalidMessage(
                    f"variable {shorten(name)} has a quality code but no value",
                    hint="give both, or neither",
                )


def _check_size(counted: int) -> None:
    # "The maximum size of a time series record is 200,000 byte": neither time nor codes count.
    if counted > RECORD_MAX_COUNTED_BYTES:
        raise InvalidMessage(
            f"the record has {counted} counted bytes, {RECORD_MAX_COUNTED_BYTES} are allowed "
            "(IoT Time Series, data types)",
            hint="split it over several aspects; text counts two bytes a character",
        )


def _fits_double(value: float) -> bool:
    return (
        _DOUBLE_MIN <= value < _DOUBLE_END or value == 0.0 or -_DOUBLE_END < value <= -_DOUBLE_MIN
    )


def _plain(text: str) -> bool:
    """Whether *text* stands in JSON as it is, a character for a UTF-16 unit."""
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
