"""Records on their way in: rows of CSV or NDJSON, each checked; a bad one is told by its place."""

import json
import os
from decimal import Decimal

from ..errors import InvalidMessage
from ..services.recordencoder import BadValue, RecordEncoder
from ..services.records import QUALITY, TIME, Record, show
from .csvrows import UTF8_HINT, BadRow, Column, Columns, CsvRows, is_utf8
from .texts import parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, Mapping, TextIO

    from ..services.aspects import Variable

FORMATS = ("csv", "ndjson")


class RecordRows:
    """The records of a file.

    Args:
        lines: Its lines, line ends included.
        aspect: Where they will be written.
        variables: Its variables; None where they are not known.
        form: ``"csv"`` or ``"ndjson"``.
        time_column: As for `CsvRows`.
        delimiter, decimal: As for `CsvRows`.

    Raises:
        InvalidMessage: The header cannot be used.
    """

    def __init__(
        self,
        lines: "Iterable[str]",
        aspect: str,
        variables: "Mapping[str, Variable] | None",
        *,
        form: str,
        time_column: "str | None" = None,
        delimiter: str = ",",
        decimal: str = ".",
    ) -> None:
        self._encoder = RecordEncoder(aspect, variables)
        self._variables = variables
        self._time = time_column or TIME
        self._before_ms = -1
        if form == "csv":
            columns = None if variables is None else _columns(aspect, variables)
            self._rows = self._csv(
                CsvRows(
                    lines, columns, time_column=time_column, delimiter=delimiter, decimal=decimal
                )
            )
        else:
            self._rows = self._ndjson(lines)

    def __iter__(self) -> "Iterator[tuple[int, Record] | BadRow]":
        for row in self._rows:
            if isinstance(row, BadRow):
                yield row
                continue
            number, timestamp_ms, members = row
            try:
                yield number, self._record(number, timestamp_ms, members)
            except BadRow as bad:
                yield bad

    def _csv(self, rows: CsvRows) -> "Iterator[tuple[int, int, dict[str, Any]] | BadRow]":
        yield from rows

    def _ndjson(
        self, lines: "Iterable[str]"
    ) -> "Iterator[tuple[int, int, dict[str, Any]] | BadRow]":
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                members = json.loads(line, parse_float=Decimal, parse_constant=_no_constant)
                if not isinstance(members, dict):
                    raise ValueError("not a JSON object")  # noqa: TRY004, TRY301 - bad input
            except (ValueError, RecursionError) as error:
                yield BadRow(
                    number, "", f"not JSON: {error}", hint='a line reads {"_time": …, "rpm": 1}'
                )
                continue
            given = members.pop(self._time, None)
            try:
                timestamp_ms = parse_time(str(given) if given is not None else "")
            except InvalidMessage as error:
                yield BadRow(number, self._time, error.message, hint=error.hint)
                continue
            yield number, timestamp_ms, members

    def _record(self, number: int, timestamp_ms: int, members: "dict[str, Any]") -> Record:
        values, quality = {}, {}
        for name, value in members.items():
            if not (is_utf8(value) and is_utf8(name)):
                raise BadRow(number, str(name), "is not UTF-8", hint=UTF8_HINT)
            if name.endswith(QUALITY) and not self._is_variable(name):
                quality[name[: -len(QUALITY)]] = value
            else:
                values[name] = value
        record = Record(timestamp_ms, values, quality)
        try:
            self._encoder.encode(record)
        except BadValue as error:
            raise BadRow(number, error.variable, error.problem, hint=error.hint) from error
        if timestamp_ms < self._before_ms:
            raise BadRow(
                number,
                self._time,
                f"its time {show(timestamp_ms)} is before that of a row above, "
                f"{show(self._before_ms)}",
                hint="sort the file by time",
            )
        self._before_ms = timestamp_ms
        return record

    def _is_variable(self, name: str) -> bool:
        return self._variables is not None and name in self._variables


class CountedLines:
    """The lines of an open file, and how much of it was read.

    Attributes:
        share: 0 to 1; 0 where the size is not known.
    """

    def __init__(self, file: "TextIO") -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._read = 0

    @property
    def share(self) -> float:
        return min(1.0, self._read / self._size) if self._size else 0.0

    def __iter__(self) -> "Iterator[str]":
        for line in self._file:
            self._read += len(line)
            yield line


def form_of(path: str, given: "str | None") -> str:
    """The format of a file: what was given, else by its ending, else CSV."""
    if given is not None:
        return given
    return "ndjson" if path.lower().endswith((".ndjson", ".jsonl")) else "csv"


def _columns(aspect: str, variables: "Mapping[str, Variable]") -> Columns:
    points = {}
    for name, variable in variables.items():
        points[name] = Column(variable.type)
        if variable.has_quality:
            points.setdefault(name + QUALITY, Column("INT"))
    return Columns("variable of aspect", aspect, points)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
