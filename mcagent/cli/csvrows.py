"""Rows of a CSV file as samples; what is wrong is named by row and column, and the rest goes on.

Row 1 is the header, as a spreadsheet and (without line breaks inside cells) an editor count.
"""

import csv

from ..errors import InvalidMessage
from .csvform import with_point
from .texts import parse_time, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

    from ..messages.datamodel import DataModel

# Tried in this order when --time-column names none.
TIME_COLUMNS = ("timestamp", "time", "_time")
UTF8_HINT = "save the file as UTF-8, or convert it: iconv -f LATIN1 -t UTF-8 FILE"
_UTF16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")  # as surrogateescape shows its two bytes
_DELIMITERS = (";", "\t", ",", "|")
_NOT_CSV_HINT = "is it text, in UTF-8? From a spreadsheet export as CSV (UTF-8)"


class Column:
    """A column that is no data point; `type` as theirs."""

    def __init__(self, data_type: str) -> None:
        self.type = data_type


class Columns:
    """The columns that a file may have, where no data model says it.

    Attributes:
        noun: What a column is, for errors.
        id: Whose columns they are.
        points: Name to column.
    """

    def __init__(self, noun: str, name: str, points: "dict[str, Column]") -> None:
        self.noun = noun
        self.id = name
        self.points = points


class BadRow(InvalidMessage):
    """A row that cannot be a sample.

    Attributes:
        row: Its number; the header is row 1.
        column: Name of the column; ``""`` where the row as a whole is wrong.
        problem: The message without its place.
    """

    def __init__(self, row: int, column: str, problem: str, *, hint: str = "") -> None:
        place = f"row {row}, column {column!r}" if column else f"row {row}"
        super().__init__(f"{place}: {problem}", hint=hint)
        self.row = row
        self.column = column
        self.problem = problem


class CsvRows:
    """The samples of a CSV file: a column of times and one column a data point.

    Args:
        lines: Text of the file, line by line, line ends included.
        model: Gives the columns their types; None guesses by the look of each value.
        time_column: Header of the column of times; None looks for `TIME_COLUMNS`.
        delimiter: One character.
        decimal: What stands before the fraction of a number: ``"."`` or ``","``.

    Raises:
        InvalidMessage: The header cannot be used; nothing of the file was read.
    """

    def __init__(
        self,
        lines: "Iterable[str]",
        model: "DataModel | Columns | None",
        *,
        time_column: "str | None" = None,
        delimiter: str = ",",
        decimal: str = ".",
    ) -> None:
        self._comma = decimal == ","
        self._reader = csv.reader(lines, delimiter=delimiter)
        self._header = _read_header(self._reader)
        self._time = _time_index(self._header, time_column)
        points = [name for index, name in enumerate(self._header) if index != self._time]
        self._types = _types(points, model)
        self._row = 1

    def __iter__(self) -> "Iterator[tuple[int, int, dict[str, Any]] | BadRow]":
        """Yield ``(row, timestamp_ms, values)``, or the `BadRow` that stands in its place.

        Empty cells are left out of their sample; empty rows are skipped.
        """
        while True:
            self._row += 1
            try:
                cells = next(self._reader)
                if cells:
                    yield (self._row, *self._sample(cells))
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(self._row, "", f"not CSV: {error}", hint=_NOT_CSV_HINT)
            except BadRow as bad:
                yield bad

    def _sample(self, cells: "list[str]") -> "tuple[int, dict[str, Any]]":
        if len(cells) != len(self._header):
            missing = self._header[len(cells)] if len(cells) < len(self._header) else ""
            raise BadRow(
                self._row,
                missing,
                f"{len(cells)} cells, but the header has {len(self._header)}",
                hint="leave a cell empty where there is no value; quote cells with the delimiter",
            )
        timestamp_ms = self._in_column(self._time, parse_time, cells)
        values = {}
        for index, text in enumerate(cells):
            if index != self._time and text != "":
                name = self._header[index]
                kind = self._types[name]
                values[name] = self._in_column(index, lambda t, k=kind: self._value(t, k), cells)
        if not values:
            raise BadRow(
                self._row,
                "",
                "has a time and no value",
                hint="a sample needs a value; leave the row out, or fill a cell",
            )
        return timestamp_ms, values

    def _value(self, text: str, kind: "str | None") -> "Any":
        return parse_value(with_point(text, kind) if self._comma else text, kind)

    def _in_column(self, index: int, parse: "Any", cells: "list[str]") -> "Any":
        try:
            return parse(cells[index])
        except InvalidMessage as error:
            raise BadRow(self._row, self._header[index], error.message, hint=error.hint) from error


def _utf16(what: str) -> InvalidMessage:
    return InvalidMessage(
        f"row 1: the file {what}, which some spreadsheets call Unicode text",
        hint="save it as CSV (UTF-8), or convert it: iconv -f UTF-16 -t UTF-8 FILE",
    )


def _read_header(reader: "Iterator[list[str]]") -> "list[str]":
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise InvalidMessage(
            "the CSV file is empty", hint="its first row names the columns: timestamp, points …"
        ) from None
    except csv.Error as error:
        if "NUL" in str(error):  # Python 3.10 takes none
            raise _utf16("holds NUL: it is no text, or UTF-16") from error
        raise InvalidMessage(f"row 1: not CSV: {error}", hint=_NOT_CSV_HINT) from error
    if header and header[0].startswith(_UTF16_MARKS):
        raise _utf16("is UTF-16")
    if header and header[0].lower().startswith("sep="):
        raise InvalidMessage(
            f"row 1: {','.join(header)!r} is a spreadsheet's note of its delimiter",
            hint="take this row out, and give the delimiter with --delimiter",
        )
    for index, name in enumerate(header):
        if not is_utf8(name):
            raise InvalidMessage(
                f"row 1: the name of column {index + 1} is not UTF-8", hint=UTF8_HINT
            )
        if not name:
            raise InvalidMessage(
                f"row 1: column {index + 1} has no name",
                hint="row 1 names each column: one of times, the others data points",
            )
        if name in header[:index]:
            raise InvalidMessage(
                f"row 1: column {name!r} stands there twice",
                hint="a sample has one value a data point: rename the one or take it out",
            )
    return header


def is_utf8(value: "Any") -> bool:
    """False for text with bytes that were not UTF-8: the file is opened with surrogateescape."""
    return not isinstance(value, str) or not any(
        "\udc80" <= character <= "\udcff" for character in value
    )


def _time_index(header: "list[str]", time_column: "str | None") -> int:
    for name in (time_column,) if time_column else TIME_COLUMNS:
        if name in header:
            return header.index(name)
    if len(header) == 1:
        for other in _DELIMITERS:
            if other in header[0]:
                shown = "$'\\t'" if other == "\t" else f"'{other}'"
                raise InvalidMessage(
                    f"row 1: one column only, {header[0][:60]!r}",
                    hint=f"if its cells are separated by {other!r}, give --delimiter {shown}",
                )
    raise InvalidMessage(
        f"row 1: no column {time_column!r}" if time_column else "row 1: no column of times",
        hint=f"there are: {', '.join(header)[:200]}; name the one with --time-column",
    )


def _types(points: "list[str]", model: "DataModel | Columns | None") -> "dict[str, str | None]":
    if not points:
        raise InvalidMessage(
            "row 1: there are times and no data point",
            hint="each further column is a data point, named in row 1",
        )
    if model is None:
        return dict.fromkeys(points)
    noun = getattr(model, "noun", "data point of the data model")
    for name in points:
        if name not in model.points:
            raise InvalidMessage(
                f"row 1: column {name!r} is not a {noun} {model.id!r}",
                hint=f"it has: {', '.join(model.points)[:200]}",
            )
    return {name: model.points[name].type for name in points}
