"""`mcagent timeseries`: against a hub over TLS, with the credentials of an application."""

import csv
import itertools
import json
import re

import pytest

from mcagent.cli import plot as plotting
from mcagent.services.records import Record
from tests.cli.running import inside, mcagent, refused
from tests.services.plant import DAY_MS, HOUR_MS, MOTOR, T0
from tests.services.platform import Platform

_numbers = itertools.count()
FROM = "2026-01-05T07:59:59Z"
TO = "2026-01-05T09:00:00Z"
ROWS = "_time,rpm,load,label,on,rpm_qc\n"


@pytest.fixture
def plant(hub, operator, tmp_path, monkeypatch):
    """(options of a command, an asset's id); the credentials stand in the environment."""
    platform = Platform(hub)
    given = platform.application(name=f"cli{next(_numbers)}")
    given["gateway"] = hub.url
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(given))
    path.chmod(0o600)
    monkeypatch.setenv("MCAGENT_CREDENTIALS", str(path))
    monkeypatch.delenv("MCAGENT_GATEWAY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    name = f"pump-{next(_numbers)}"
    asset = operator.create_asset(name, {"motor": MOTOR, "air": {"t": {"type": "DOUBLE"}}})
    yield Plant(hub, asset, tmp_path, name)
    platform.close()


class Plant:
    def __init__(self, hub, asset, folder, name=""):
        self.hub = hub
        self.name = name
        self.asset = asset
        self.folder = folder

    def run(self, action, *arguments, aspect="motor"):
        aspects = [aspect] if aspect else []
        return inside(
            "timeseries", action, self.asset, *aspects, *arguments, "--ca", self.hub.ca_file
        )

    def file(self, text, name="rows.csv"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def rows(self, count, start_ms=T0):
        lines = "".join(f"{start_ms + n * 1000},{n},{n / 8},r{n},true,0\n" for n in range(count))
        return self.file(ROWS + lines)

    def read(self, *arguments):
        result = self.run("read", "--from", FROM, "--to", TO, "--json", *arguments)
        assert result.code == 0, result
        return result.json["records"]


def test_rows_are_written_and_read_in_every_format(plant):
    """Table, JSON, CSV and NDJSON say the same."""
    result = plant.run("write", plant.rows(3), "--json")
    assert (result.code, result.json["written"], result.json["bad_rows"]) == (0, 3, [])
    assert plant.read()[1] == {
        "_time": "2026-01-05T08:00:01.000Z",
        "rpm": 1,
        "rpm_qc": 0,
        "load": 0.125,
        "on": True,
        "label": "r1",
    }
    table = plant.run("read", "--from", FROM, "--to", TO, "--select", "rpm,load")
    assert table.out.splitlines()[0].split() == ["time", "rpm", "load"]
    assert table.out.splitlines()[2].split() == ["2026-01-05T08:00:01.000Z", "1", "0.125"]
    path = plant.folder / "out.csv"
    assert plant.run("read", "--from", FROM, "--to", TO, "--output", path).code == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert (rows[2]["rpm"], rows[2]["rpm_qc"], rows[2]["label"], rows[2]["on"]) == (
        "2",
        "0",
        "r2",
        "true",
    )
    lines = plant.run("read", "--from", FROM, "--to", TO, "--format", "ndjson").out.splitlines()
    assert [json.loads(line)["rpm"] for line in lines] == [0, 1, 2]


@pytest.mark.parametrize("name", ["out.csv", "out.ndjson"])
def test_what_was_exported_is_imported_again_without_a_difference(plant, operator, name):
    """Every type, text with quotes, commas and line breaks, 38 digits as far as doubles go."""
    values = {
        "rpm": -5,
        "total": 2**63 - 1,
        "load": 0.1,
        "on": False,
        "label": 'a "b", c;\n  d\\ \u00fc\U0001f600 ',
        "since": "2026-01-05T08:00:00.250Z",
        "bare": 7,
    }
    line = json.dumps({"_time": "2026-01-05T10:00:00.5+02:00", **values, "rpm_qc": 0x80340000})
    assert plant.run("write", plant.file(line, "rows.ndjson")).code == 0
    before = plant.read()
    assert before == [{"_time": "2026-01-05T08:00:00.500Z", "rpm_qc": -2144075776, **values}]
    path = plant.folder / name
    assert plant.run("read", "--from", FROM, "--to", TO, "--output", path).code == 0
    other = Plant(plant.hub, operator.create_asset("copy", {"motor": MOTOR}), plant.folder)
    result = other.run("write", path)
    assert result.code == 0, result
    assert other.read() == before


def test_decimal_commas_go_out_and_come_in_again(plant, operator):
    """As a spreadsheet of many countries has them: semicolons between cells."""
    line = json.dumps({"_time": FROM, "rpm": 3, "load": -0.125, "label": "1.5", "on": True})
    assert plant.run("write", plant.file(line, "rows.ndjson")).code == 0
    assert plant.run("write", plant.rows(1)).code == 0
    path = plant.folder / "out.csv"
    ends = ("--from", str(T0 - 60_000), "--to", TO)
    assert plant.run("read", *ends, "--output", path, "--decimal", ",").code == 0
    text = path.read_text()
    assert ";-0,125;" in text
    assert ";1.5;" in text, "text stays as it is"
    other = Plant(plant.hub, operator.create_asset("comma", {"motor": MOTOR}), plant.folder)
    assert other.run("write", path, "--decimal", ",").code == 0
    assert (
        other.run("read", *ends, "--json").json["records"]
        == (plant.run("read", *ends, "--json").json["records"])
    )
    newest = plant.run("newest", "--format", "csv", "--decimal", ",", "--delimiter", "\t")
    assert "\t0,0\t" in newest.out
    summed = plant.run("aggregate", *ends, "--format", "csv", "--decimal", ",")
    assert re.search(";load;.*-0,125", summed.out)
    refused(other.run("write", path), 3, "one column only")
    refused(plant.run("read", *ends, "--json", "--decimal", ","), 2, "are for CSV")
    refused(plant.run("read", *ends, "--decimal", ";"), 2, "--decimal")


def test_a_whole_asset_is_exported_with_its_aspects(plant):
    """Aspect by aspect, the aspect in a column."""
    plant.run("write", plant.rows(2))
    plant.run("write", plant.file(f"_time,t\n{T0},21.5\n", "air.csv"), aspect="air")
    result = plant.run("read", "--from", FROM, "--to", TO, "--format", "csv", aspect=None)
    rows = list(csv.DictReader(result.out.splitlines()))
    assert [(row["aspect"], row["t"], row["rpm"]) for row in rows] == [
        ("air", "21.5", ""),
        ("motor", "", "0"),
        ("motor", "", "1"),
    ]
    refused(plant.run("read", "--last", "1d", "--select", "t", aspect=None), 2, "--select")


MIXED = (
    ROWS
    + f"{T0},1,1.5,a,true,0\n"
    + f"{T0 + 1000},fast,1.5,a,true,0\n"  # row 3, rpm
    + f"{T0 + 2000},2,1.5,{'x' * 256},true,0\n"  # row 4, label
    + "yesterday,2,1.5,a,true,0\n"  # row 5, _time
    + f"{T0 + 3000},3,1e200,a,true,0\n"  # row 6, load
    + f"{T0 + 3000},3,1.5,a,maybe,0\n"  # row 7, on
    + f"{T0 + 3000},3,1.5\n"  # row 8, a cell is missing
    + f"{T0 + 3000},3,1.5,a,true,good\n"  # row 9, rpm_qc
    + f"{T0 - 500},3,1.5,a,true,0\n"  # row 10, back in time
    + f"{T0 + 4000},4,,,,\n"
)
BAD = [
    (3, "rpm"),
    (4, "label"),
    (5, "_time"),
    (6, "load"),
    (7, "on"),
    (8, "label"),
    (9, "rpm"),
    (10, "_time"),
]


def test_bad_rows_are_named_by_row_and_column_and_nothing_is_written(plant):
    """The default: all or nothing."""
    result = plant.run("write", plant.file(MIXED))
    assert result.code == 3, result
    assert "row 3, column 'rpm': 'fast'" in result.err
    assert "row 4, column 'label'" in result.err
    assert "nothing was written: 8 bad rows of 10" in result.err
    assert plant.read() == []
    dry = plant.run("write", plant.file(MIXED), "--dry-run", "--json")
    assert (dry.code, dry.json["good"]) == (3, 2)
    assert [(row["row"], row["column"]) for row in dry.json["bad_rows"]] == BAD


def test_the_good_rows_are_kept_by_choice(plant):
    """The bad ones are named just the same, and the exit code says that there were some."""
    result = plant.run("write", plant.file(MIXED), "--keep-good", "--json")
    assert (result.code, result.json["written"]) == (3, 2)
    assert [(row["row"], row["column"]) for row in result.json["bad_rows"]] == BAD
    assert [record["rpm"] for record in plant.read()] == [1, 4]


def test_bad_lines_of_ndjson_are_named_too(plant):
    """Not JSON, no object, no time, a wrong value, NaN, an unknown variable."""
    lines = [
        '{"_time": "2026-01-05T08:00:00Z", "rpm": 1}',
        "{",
        "[1]",
        '{"rpm": 1}',
        '{"_time": "2026-01-05T08:00:01Z", "rpm": "x"}',
        '{"_time": "2026-01-05T08:00:01Z", "load": NaN}',
        '{"_time": "2026-01-05T08:00:01Z", "rmp": 1}',
        "",
    ]
    path = plant.file("\n".join(lines), "rows.ndjson")
    result = plant.run("write", path, "--keep-good", "--json")
    assert result.json["written"] == 1
    assert [(row["row"], row["column"]) for row in result.json["bad_rows"]] == [
        (2, ""),
        (3, ""),
        (4, "_time"),
        (5, "rpm"),
        (6, ""),
        (7, "rmp"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("empty",)),
        ("_time,rmp\n", ("'rmp'", "variable of aspect 'motor'")),
        ("rpm\n1\n", ("no column of times",)),
        ("_time;rpm\n", ("--delimiter",)),
        ("sep=;\r\n_time;rpm\r\n", ("row 1", "sep=;", "take this row out")),
        ("_time,rpm\n".encode("utf-16"), ("row 1", "UTF-16", "iconv -f UTF-16")),
        (b"_time,rpm\n\xff,1\n", ("row 2", "_time")),
        (b"_time,label\n1767600000000,\xff\n", ("row 2", "label", "UTF-8")),
    ],
)
def test_files_that_are_none_are_refused_with_their_name(plant, text, words):
    """Before anything is written."""
    result = plant.run("write", plant.file(text))
    assert result.code == 3, result
    for word in words:
        assert word in result.err, result


def test_standard_input_is_read_once_and_checked_whole(plant, monkeypatch):
    """It is kept aside meanwhile: a bad last row still means that nothing is written."""
    env = {"MCAGENT_CREDENTIALS": str(plant.folder / "credentials.json")}
    text = plant.rows(3).read_text()
    arguments = ("timeseries", "write", plant.asset, "motor", "-", "--ca", plant.hub.ca_file)
    bad = mcagent(*arguments, stdin=text + "x,1\n", env=env)
    assert bad.code == 3
    assert plant.read() == []
    assert mcagent(*arguments, stdin=text, env=env).code == 0
    assert len(plant.read()) == 3


def test_a_file_that_changes_while_it_is_written_is_noticed(plant, monkeypatch):
    """Both ways: a row that was good a moment ago, and a file that grew."""
    from mcagent.services.timeseries import TimeSeries

    path = plant.rows(3)
    write = TimeSeries.write

    def spoil_first(self, asset, aspect, records, **options):
        path.write_text(path.read_text() + "yesterday,1,,,,\n")
        return write(self, asset, aspect, records, **options)

    monkeypatch.setattr(TimeSeries, "write", spoil_first)
    result = plant.run("write", path)
    assert result.code in (1, 3)
    assert "changed" in result.err

    def grow_after(self, asset, aspect, records, **options):
        done = write(self, asset, aspect, records, **options)
        path.write_text(path.read_text() + f"{T0 + 60_000},1,,,,\n")
        return done

    path = plant.rows(3)
    monkeypatch.setattr(TimeSeries, "write", grow_after)
    result = plant.run("write", path)
    assert result.code == 1
    assert "changed while it was written: 3 records" in result.err


@pytest.mark.parametrize(("rows", "words"), [(0, "nothing was written"), (40, "40 records of")])
def test_ctrl_c_says_what_was_written(plant, monkeypatch, rows, words):
    """In the check of the rows, and after a request."""
    from mcagent.services.timeseries import TimeSeries

    def interrupted(self, asset, aspect, records, *, progress):
        next(iter(records))
        progress(rows)
        raise KeyboardInterrupt

    def before(self, _asset, **_options):
        raise KeyboardInterrupt

    if rows:
        monkeypatch.setattr(TimeSeries, "write", interrupted)
    else:
        monkeypatch.setattr("mcagent.services.aspects.Aspects.of", before)
    result = plant.run("write", plant.rows(100))
    assert result.code == 130
    assert f"interrupted: {words}" in result.err


def test_an_asset_is_called_by_its_name_too(plant):
    """As in the other commands; an id needs no scope to look it up."""
    assert plant.run("write", plant.rows(2)).code == 0
    plant.asset = plant.name
    assert [row["rpm"] for row in plant.read()] == [0, 1]
    result = plant.run("aggregate", "--from", FROM, "--to", TO, "--unit", "hour", "--json")
    assert result.code == 0
    assert plant.run("delete", "--from", FROM[:13] + ":00:00Z", "--to", TO, "--dry-run").code == 0
    plant.asset = "nobody"
    refused(plant.run("latest"), 3, "no asset is called 'nobody'")


def test_waiting_for_what_was_written(plant):
    """`--wait`: visible, or an exit code that says so."""
    result = plant.run("write", plant.rows(2), "--wait", "10", "--json")
    assert (result.code, result.json["visible"]) == (0, True)


def test_long_work_says_how_fast_it_is_and_when_it_ends(monkeypatch, capsys):
    """Nothing in the first second; then share, rate and what is left."""
    from mcagent.cli import pace as pacing

    now = [100.0]
    monkeypatch.setattr(pacing.time, "monotonic", lambda: now[0])
    with pacing.Pace("read") as pace:
        now[0] += 0.9
        pace.show(0.1, 900)
        assert capsys.readouterr().err == ""
        now[0] += 1.1
        pace.show(0.25, 2000)
        assert "25%  read 2000 records, 1000/s, 6 s left" in capsys.readouterr().err


def test_an_empty_range_is_said(plant):
    """Not silence."""
    result = plant.run("read", "--from", FROM, "--to", TO)
    assert (result.code, result.out) == (0, "")
    assert "nothing there" in result.err


# -- newest, latest, aggregate


def test_newest_and_latest(plant):
    """The newest records first; each variable once."""
    import time

    now_ms = time.time_ns() // 1_000_000
    plant.run("write", plant.rows(3, start_ms=now_ms - 10_000))
    newest = plant.run("newest", "--limit", "2", "--json").json["records"]
    assert [record["rpm"] for record in newest] == [2, 1]
    latest = plant.run("latest", "--json").json["latest"]
    assert {one["variable"]: one["value"] for one in latest} == {
        "rpm": 2,
        "load": 0.25,
        "on": True,
    }
    assert "rpm" in plant.run("latest").out
    refused(plant.run("latest", "--select", "label"), 3, "label", "newest")
    empty = plant.run("latest", aspect="air")
    assert empty.code == 0
    assert "2 hours" in empty.err
    assert "12 months" in plant.run("newest", aspect="air").err


def test_aggregates_in_every_format(plant):
    """A row an interval and variable."""
    plant.run("write", plant.rows(5))
    options = ("--from", FROM, "--to", TO, "--unit", "hour", "--select", "rpm")
    found = plant.run("aggregate", *options, "--json").json["aggregates"]
    assert [(one["start"], one["count_good"], one["maximum"]) for one in found] == [
        ("2026-01-05T07:00:00.000Z", 1, 0),
        ("2026-01-05T08:00:00.000Z", 4, 4),
    ]
    assert found[1]["last_time"] == "2026-01-05T08:00:04.000Z"
    rows = list(
        csv.DictReader(plant.run("aggregate", *options, "--format", "csv").out.splitlines())
    )
    assert [row["average"] for row in rows] == ["0.0", "2.5"]
    assert "average" in plant.run("aggregate", *options).out
    assert len(plant.run("aggregate", *options, "--format", "ndjson").out.splitlines()) == 2


# -- delete


def hours(days):
    import time

    start = (time.time_ns() // 1_000_000 - days * DAY_MS) // HOUR_MS * HOUR_MS
    return ("--from", str(start), "--to", str(start + HOUR_MS)), start


def test_a_delete_asks_first_and_is_noted(plant):
    """Without a terminal there is nobody to ask; the second of a day is stopped here."""
    options, start = hours(30)
    plant.run("write", plant.rows(3, start_ms=start + 1))
    dry = plant.run("delete", *options, "--dry-run", "--json")
    assert (dry.code, dry.json["deleted"], len(dry.json["unchecked"])) == (0, False, 2)
    env = {
        "MCAGENT_CREDENTIALS": str(plant.folder / "credentials.json"),
        "XDG_STATE_HOME": str(plant.folder / "xdg"),
    }
    arguments = ("timeseries", "delete", plant.asset, "motor", *options, "--ca", plant.hub.ca_file)
    refused(mcagent(*arguments, stdin="y\n", env=env), 2, "--yes")
    assert len(plant.run("read", *options, "--json").json["records"]) == 3
    done = plant.run("delete", *options, "--yes")
    assert done.code == 0
    assert "deleted" in done.out
    assert "submitted" in done.err
    assert plant.run("read", *options, "--json").json["records"] == []
    refused(plant.run("delete", *options, "--yes"), 3, "one a day", "possible from")


def test_illegal_ranges_are_refused_before_the_question(plant):
    """With the next legal one."""
    _options, start = hours(30)
    odd = ("--from", str(start + 1), "--to", str(start + 2 * HOUR_MS))
    refused(plant.run("delete", *odd), 3, "whole UTC hours", "legal inside it now")
    refused(plant.run("delete", "--from", FROM), 2, "--to")
    recent, _start = hours(2)
    refused(plant.run("delete", *recent), 3, "less than 7 days ago")


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 3), ("\n", 1, 3), ("y\n", 0, 0)])
def test_the_answer_to_the_question_decides(plant, monkeypatch, answer, code, left):
    """At a terminal; anything but yes is no."""
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    options, start = hours(30)
    plant.run("write", plant.rows(3, start_ms=start + 1))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    result = plant.run("delete", *options)
    assert result.code == code, result
    assert "for ever? [y/N]" in result.err
    assert len(plant.run("read", *options, "--json").json["records"]) == left


# -- wrong commands and credentials


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, ("missing", "--last")),
        (("--from", FROM, "--last", "1h"), 2, ("given twice",)),
        (("--last", "1 week"), 2, ("--last", "7d")),
        (("--from", "5 January"), 3, ("--from",)),
        (("--from", "2026-01-05T08:00:00"), 3, ("offset from UTC",)),
        (("--from", TO, "--to", FROM), 3, ("before it begins",)),
        (("--last", "1h", "--select", "rmp"), 3, ("'rmp'", "rpm")),
        (("--last", "1h", "--json", "--format", "csv"), 2, ("--json",)),
        (("--last", "1h", "--limit", "0"), 3, ("limit",)),
        (("--last", "1h", "--timeout", "0"), 2, ("--timeout",)),
        (("--last", "1h", "--output", "/nowhere/out.csv"), 3, ("/nowhere/out.csv",)),
        (("--last", "1h", "--agent", "x", "--credentials", "y"), 2, ("--agent",)),
        (("--last", "1h", "--credentials", "/nowhere"), 4, ("/nowhere",)),
        (("--last", "1h", "--agent", "/nowhere"), 5, ("not onboarded",)),
    ],
)
def test_wrong_options_say_what_is_wrong(plant, options, code, words):
    """One line and a hint."""
    refused(plant.run("read", *options), code, *words)


def test_unknown_aspect_and_asset(plant):
    """The aspects there are; the id that is none."""
    refused(plant.run("read", "--last", "1h", aspect="motr"), 3, "motr", "air, motor")
    plant.asset = "0" * 32
    refused(plant.run("read", "--last", "1h"), 7, "0" * 32)


def test_credentials_that_ended_are_told_from_everything_else(plant, operator):
    """A secret that was replaced: exit code 5, and what to do."""
    path = plant.folder / "credentials.json"
    given = json.loads(path.read_text())
    Platform(plant.hub).application(name=given["appName"])  # a new secret ends the old one
    result = plant.run("read", "--last", "1h")
    refused(result, 5, given["clientId"], "secret")
    assert given["clientSecret"] not in result.err


def test_an_agents_own_token_is_named_where_it_does_not_reach(plant, operator):
    """Time series are not an agent's to read: the scope is named."""
    boarding = plant.folder / "agentconfig.json"
    boarding.write_text(json.dumps(operator.create_agent(f"ts-{next(_numbers)}", "SHARED_SECRET")))
    state = plant.folder / "state"
    assert inside("onboard", boarding, "--ca", plant.hub.ca_file, state=state).code == 0
    result = plant.run("read", "--last", "1h", "--agent", state, "--format", "ndjson")
    refused(result, 7, "403")


def test_nobody_says_who_asks(plant, monkeypatch):
    """The two ways are named."""
    monkeypatch.delenv("MCAGENT_CREDENTIALS")
    refused(plant.run("read", "--last", "1h"), 2, "--credentials", "--agent")


def test_a_failed_export_leaves_no_half_file(plant):
    """It appears when it is complete."""
    plant.run("write", plant.rows(3))
    path = plant.folder / "out.csv"
    assert plant.run("read", "--last", "1h", "--output", path, aspect="motr").code == 3
    assert not path.exists()
    assert not list(plant.folder.glob("*.part"))


def test_no_action_shows_help(plant):
    """And what there is."""
    result = inside("timeseries")
    assert result.code == 2
    assert "read" in result.err


# -- the picture


@pytest.mark.slow
def test_a_plot_is_drawn(plant, tool_missing):
    """A PNG with a curve for each numeric variable."""
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        tool_missing("matplotlib is not installed")
    plant.run("write", plant.rows(50))
    path = plant.folder / "out.png"
    assert plant.run("read", "--from", FROM, "--to", TO, "--plot", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    svg = plant.folder / "out.svg"
    plant.run("read", "--from", FROM, "--to", TO, "--plot", svg)
    assert svg.read_text().count('id="axes_') == 3  # rpm, load, on
    refused(plant.run("read", "--last", "1h", "--plot", "x.doc"), 3, ".png")
    refused(plant.run("read", "--last", "1s", "--plot", path), 3, "nothing to draw")


def test_a_curve_of_many_points_keeps_its_peaks_and_stays_bounded():
    """A million points, one of them high."""
    curve = plotting.Curve()
    for n in range(200_000):
        curve.add(n, 1000.0 if n == 77_777 else n % 10)
    assert len(curve.times) < 40_000
    assert max(curve.values) == 1000.0
    assert list(curve.times) == sorted(set(curve.times))
    picture = plotting.Plot("x.png")
    picture.add(Record(1, {"a": 1, "t": "text", "b": True}))
    assert set(picture.curves) == {"a", "b"}
