"""CSV rows as samples; the bad ones by row and column."""

import pytest

from mcagent import DataModel, DataPoint, DataSource, InvalidMessage
from mcagent.cli.csvrows import BadRow, CsvRows

MODEL = DataModel(
    "press-7",
    [DataSource("press", [DataPoint("temperature", "DOUBLE"), DataPoint("note", "STRING")])],
)
NOON = "2026-01-05T12:00:00Z"
NOON_MS = 1_767_614_400_000


def rows(*lines, model=MODEL, **options):
    return list(CsvRows([line + "\r\n" for line in lines], model, **options))


def test_good_rows_are_samples():
    """Times in one column, values in the others, empty cells left out, empty lines skipped."""
    assert rows(
        "timestamp,temperature,note",
        f"{NOON},21.5,ok",
        "",
        f"{NOON_MS},,only a note",
        f'{NOON},-1e-3,"two\nlines, quoted"',
    ) == [
        (2, NOON_MS, {"temperature": "21.5", "note": "ok"}),
        (4, NOON_MS, {"note": "only a note"}),
        (5, NOON_MS, {"temperature": "-1e-3", "note": "two\nlines, quoted"}),
    ]


def test_without_a_model_values_are_guessed():
    """A device that never described itself still records."""
    assert rows("time,a,b", f"{NOON},1,x", model=None) == [(2, NOON_MS, {"a": 1, "b": "x"})]


def test_columns_and_delimiter_can_be_named():
    """`--time-column` and `--delimiter`."""
    found = rows("note;when", f"x,y;{NOON}", time_column="when", delimiter=";")
    assert found == [(2, NOON_MS, {"note": "x,y"})]


def test_a_decimal_comma_is_read_in_numbers_alone():
    """Text keeps its commas; without a model only what looks like a number is one."""
    options = {"delimiter": ";", "decimal": ","}
    head = "time;temperature;note"
    assert rows(head, f"{NOON};-21,5e1;1,5", **options) == [
        (2, NOON_MS, {"temperature": "-21.5e1", "note": "1,5"})
    ]
    guessed = rows("time;a;b;c;d", f"{NOON};1,5;3;1,2,3;v1.2.3", model=None, **options)
    assert guessed == [(2, NOON_MS, {"a": 1.5, "b": 3, "c": "1,2,3", "d": "v1.2.3"})]


@pytest.mark.parametrize("model", [MODEL, None])
def test_a_point_in_a_file_of_decimal_commas_is_refused(model):
    """1.500 is 1500 there, or one and a half: nobody knows."""
    (bad,) = rows("time;temperature", f"{NOON};1.500", model=model, delimiter=";", decimal=",")
    assert (bad.row, bad.column) == (2, "temperature")
    assert "'1.500' has a point" in bad.problem


BAD = [
    ("yesterday,1,x", "timestamp", "not a time"),
    ("2026-01-05T12:00:00,1,x", "timestamp", "offset"),
    (f"{NOON},1", "note", "2 cells"),
    (f"{NOON},1,x,y", "", "4 cells"),
    (f"{NOON},,", "", "no value"),
]


@pytest.mark.parametrize(("line", "column", "word"), BAD)
def test_bad_row_is_named_and_the_rest_goes_on(line, column, word):
    """Row and column of what is wrong; the rows around it are samples."""
    before, bad, after = rows("timestamp,temperature,note", f"{NOON},1,a", line, f"{NOON},2,b")
    assert before[0] == 2
    assert after == (4, NOON_MS, {"temperature": "2", "note": "b"})
    assert isinstance(bad, BadRow)
    assert (bad.row, bad.column) == (3, column)
    assert "row 3" in bad.message
    assert word in bad.message
    if column:
        assert repr(column) in bad.message


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ([], "empty"),
        (["temperature,note"], "no column of times"),
        (["timestamp"], "no data point"),
        (["timestamp,temperature,temperature"], "twice"),
        (["timestamp,temperature,"], "no name"),
        (["timestamp,preassure"], "'preassure' is not a data point"),
    ],
)
def test_bad_header_refuses_the_file(header, word):
    """Nothing is stored from a file whose columns are not understood."""
    with pytest.raises(InvalidMessage, match=word):
        rows(*header)


def test_reading_is_lazy():
    """A file larger than memory passes row by row."""

    def endless():
        yield "timestamp,temperature\n"
        while True:
            yield f"{NOON},1\n"

    reader = iter(CsvRows(endless(), MODEL))
    assert [next(reader)[0] for _ in range(1000)] == list(range(2, 1002))
