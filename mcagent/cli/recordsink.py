"""Records on their way out: a table, CSV, NDJSON or one JSON object, one record held at a time."""

import csv
import json
import os
import sys
from decimal import Decimal

from ..errors import InvalidMessage
from ..services.records import show
from .csvform import with_comma

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence, TextIO

    from ..services.records import Record

FORMATS = ("table", "csv", "ndjson", "json")
_WIDTH_FROM = 200  # rows that a table's widths are taken from


class Sink:
    """Where records go; `columns` are the variables, in order."""

    def __init__(self, out: "TextIO", columns: "list[str]", coded: "list[str]") -> None:
        self.out = out
        self.columns = columns
        self.coded = coded

    def put(self, aspect: "str | None", record: "Record") -> None:
        raise NotImplementedError

    def end(self) -> None:
        """All have come."""


class CsvSink(Sink):
    """``_time,rpm,rpm_qc,…``; a column ``aspect`` in front where there are several."""

    def __init__(
        self,
        out: "TextIO",
        columns: "list[str]",
        coded: "list[str]",
        *,
        aspects: bool,
        form: "tuple[str, str]",
    ) -> None:
        super().__init__(out, columns, coded)
        self._aspects = aspects
        self._comma = form[1] == ","
        self._writer = csv.writer(out, delimiter=form[0], lineterminator="\n")
        header = ["aspect"] if aspects else []
        header.append("_time")
        for name in columns:
            header.append(name)
            if name in coded:
                header.append(name + "_qc")
        self._writer.writerow(header)

    def put(self, aspect: "str | None", record: "Record") -> None:
        row: "list[Any]" = [aspect] if self._aspects else []
        row.append(show(record.timestamp_ms))
        values, quality = record.values, record.quality
        for name in self.columns:
            row.append(_cell(values.get(name)))
            if name in self.coded:
                row.append(quality.get(name))
        if self._comma:
            row = [with_comma(cell) for cell in row]
        self._writer.writerow(row)


class NdjsonSink(Sink):
    """One JSON object a line, as the service has it: ``{"_time": …, "rpm": …, "rpm_qc": …}``."""

    def put(self, aspect: "str | None", record: "Record") -> None:
        self.out.write(json_of(aspect, record) + "\n")


class JsonSink(Sink):
    """One object, written piece by piece."""

    def __init__(self, out: "TextIO", head: "dict[str, Any]") -> None:
        super().__init__(out, [], [])
        self._count = 0
        self.out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "records": [')

    def put(self, aspect: "str | None", record: "Record") -> None:
        self.out.write((",\n" if self._count else "\n") + json_of(aspect, record))
        self._count += 1

    def end(self) -> None:
        self.out.write("\n]}\n")


class TableSink(Sink):
    """Aligned columns; their widths come from the first rows."""

    def __init__(self, out: "TextIO", columns: "list[str]", *, aspects: bool) -> None:
        super().__init__(out, columns, [])
        self._held: "list[list[Any]]" = []
        self._widths: "list[int]" = []
        self._head = (["aspect"] if aspects else []) + ["time", *columns]
        self._aspects = aspects

    def put(self, aspect: "str | None", record: "Record") -> None:
        row: "list[Any]" = [aspect] if self._aspects else []
        row.append(show(record.timestamp_ms))
        row += [record.values.get(name) for name in self.columns]
        if self._widths:
            self._line(row)
            return
        self._held.append(row)
        if len(self._held) == _WIDTH_FROM:
            self._begin()

    def end(self) -> None:
        if not self._widths:
            self._begin()

    def fill(self, head: "list[str]", rows: "list[list[Any]]") -> None:
        """All rows at once, under a head of their own."""
        self._head, self._held = head, rows
        self._begin()

    def _begin(self) -> None:
        texts = [[_short(cell) for cell in row] for row in [self._head, *self._held]]
        self._widths = [max(len(row[at]) for row in texts) for at in range(len(self._head))]
        if self._held:
            self._line(list(self._head))
        for row in self._held:
            self._line(row)

    def _line(self, row: "list[Any]") -> None:
        cells = []
        for cell, width in zip(row, self._widths):
            text = _short(cell)
            number = isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool)
            cells.append(text.rjust(width) if number else text.ljust(width))
        self.out.write("  ".join(cells).rstrip() + "\n")


def write_table(out: "TextIO", head: "Sequence[str]", rows: "list[list[Any]]") -> None:
    """Aligned columns of a few rows; numbers as they are, to the right."""
    sink = TableSink(out, [], aspects=False)
    sink.fill(list(head), rows)


class Output:
    """Standard output, or a file that appears whole or not at all; a context manager.

    Args:
        path: None or ``"-"`` for standard output.
    """

    def __init__(self, path: "str | None") -> None:
        self._path = None if path in (None, "-") else path
        self._file: "TextIO | None" = None

    def __enter__(self) -> "TextIO":
        if self._path is None:
            return sys.stdout
        try:
            self._file = open(self._path + ".part", "w", encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidMessage(
                f"cannot write {self._path}: {error.strerror}", hint="is the path right?"
            ) from error
        return self._file

    def __exit__(self, kind: "object", *_rest: object) -> None:
        if self._file is None:
            sys.stdout.flush()
            return
        self._file.close()
        assert self._path is not None
        if kind is None:
            os.replace(self._path + ".part", self._path)
        else:
            os.remove(self._path + ".part")


def json_of(aspect: "str | None", record: "Record") -> str:
    """A record as one line of JSON; Decimals keep their digits."""
    row: "dict[str, Any]" = {} if aspect is None else {"aspect": aspect}
    row["_time"] = show(record.timestamp_ms)
    for name, value in record.values.items():
        row[name] = value
        if name in record.quality:
            row[name + "_qc"] = record.quality[name]
    return "{" + ", ".join(_members(row)) + "}"


def _members(row: "dict[str, Any]") -> "Iterator[str]":
    for name, value in row.items():
        text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
        yield json.dumps(name, ensure_ascii=False) + ": " + text


def _cell(value: "Any") -> "Any":
    return ("false", "true")[value] if isinstance(value, bool) else value


def _short(cell: "Any") -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = " ".join(str(cell).split())
    return text if len(text) <= 40 else text[:39] + "…"
