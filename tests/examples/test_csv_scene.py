"""examples/csv_backfill.py. `tox -e examples`."""

import os
import time

import pytest

from tests.examples import history
from tests.examples.scene import Scene, wait_for
from tests.faults import mounts


@pytest.mark.slow
def test_all_rows_are_stored_however_often_it_is_killed(tmp_path, figure):
    """Kills, the link cut and a file that grows; the second run has nothing to do."""
    for comparison in history.run(tmp_path):
        figure("csv_backfill", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.stored) == history.ROWS


def backfilled(scene, text=None, **changes):
    """Run it to its end over one good file and one of *text*; give its output."""
    history.write(scene, "good.csv", range(10))
    if text is not None:
        with open(os.path.join(scene.folder, "history", "bad.csv"), "wb") as file:
            file.write(text)
    collector = scene.collector(**changes).start()
    wait_for(collector.ended, collector.output)
    assert collector.stop() == 0
    assert "Traceback" not in collector.output()
    return collector.output()


HEAD = b"time,Strokes,Oil\n"
LATER = b"2026-02-05T08:00:00Z,99,7.5\n"
WRONG = {
    "no number": (HEAD + b"2026-02-05T07:00:00Z,n/a,1\n" + LATER, "'n/a' is no LONG"),
    "no time": (HEAD + b"noon,1,1\n" + LATER, "'noon' is no time"),
    "no zone": (HEAD + b"2026-02-05T07:00:00,1,1\n" + LATER, "with a zone"),
    "a short row": (HEAD + b"2026-02-05T07:00:00Z\n" + LATER, "None is no LONG"),
    "no UTF-8": (HEAD + b"2026-02-05T07:00:00Z,\xff,1\n" + LATER, "is no LONG"),
    "before 1970": (HEAD + b"1965-01-01T00:00:00Z,1,1\n" + LATER, "outside the years 1970 to"),
    "thousands": (HEAD + b"2026-02-05T07:00:00Z,1_000,1\n" + LATER, "'1_000' is no LONG"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_row_is_told_and_the_others_are_sent(tmp_path, wrong):
    """File and column are named."""
    text, told = WRONG[wrong]
    with Scene(tmp_path, "csv_backfill") as scene:
        output = backfilled(scene, text)
        (line,) = [line for line in output.splitlines() if told in line]
        assert "bad.csv, column " in line
        assert "csv_progress.json to read the rows again" in output.splitlines()[-1]
        strokes = scene.stored("strokes")
        assert strokes.pop("2026-02-05T08:00:00.000Z") == 99
        assert list(strokes.values()) == list(range(10))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", ""),
        (b"time;Strokes;Oil\n" + LATER, "no column 'time'; there are 'time;Strokes;Oil': is the"),
        (HEAD.replace(b"time", b"Zeit") + LATER, "no column 'time'; there are 'Zeit', 'Strokes'"),
        (b"time,A,B\n" + LATER, "no column 'Strokes'; there are 'time', 'A', 'B'"),
        (b"time,Oil,Oil\n" + LATER, "two columns 'Oil'; rename one"),
        (HEAD + b'2026-02-05T07:00:00Z,"' + b"9" * 200_000, "field larger than field limit"),
    ],
)
def test_a_file_that_is_none_keeps_no_other_from_its_end(tmp_path, text, told):
    """Empty, without the columns, a quote that never closes: the good file is sent, and it ends."""
    with Scene(tmp_path, "csv_backfill") as scene:
        output = backfilled(scene, text)
        assert list(scene.stored("strokes").values()) == list(range(10))
        if told:
            (line,) = [line for line in output.splitlines() if told in line]
            assert "bad.csv: cannot be read: " in line


def test_a_file_whose_table_was_wrong_is_sent_once_that_is_mended(tmp_path):
    """Nothing of it counts as read; of a file with some of the columns those are sent."""
    with Scene(tmp_path, "csv_backfill") as scene:
        text = HEAD.replace(b",", b";") + LATER.replace(b",", b";")
        assert "is the delimiter right?" in backfilled(scene, text)
        with open(os.path.join(scene.folder, "history", "some.csv"), "wb") as file:
            file.write(b"time;Oil\n2026-02-05T09:00:00Z;8.5\n")
        collector = scene.collector(delimiter=";").start()
        wait_for(lambda: "2026-02-05T08:00:00.000Z" in scene.stored("strokes"), collector.output)
        wait_for(collector.ended, collector.output)
        assert scene.stored("oil_temperature")["2026-02-05T09:00:00.000Z"] == 8.5
        assert "some.csv, column Strokes: is not there; there are 'time', 'Oil'" in (
            collector.output()
        )


def test_what_programs_for_offices_write_is_read(tmp_path):
    """A byte order mark, blanks in the head, CRLF, empty lines, no end of the last line."""
    with Scene(tmp_path, "csv_backfill") as scene:
        text = b"time, Strokes ,Oil\r\n\r\n2026-02-05T07:00:00Z,5,1\r\n,,\r\n" + LATER.rstrip()
        output = backfilled(scene, b"\xef\xbb\xbf" + text)
        assert output.endswith("troubles: none\n")
        strokes = scene.stored("strokes")
        assert strokes.pop("2026-02-05T07:00:00.000Z") == 5
        assert strokes.pop("2026-02-05T08:00:00.000Z") == 99
        assert len(strokes) == 10


def test_a_file_that_was_written_anew_is_read_from_its_beginning(tmp_path):
    """Under the same name, with the same head, and longer than the one before."""
    with Scene(tmp_path, "csv_backfill") as scene:
        backfilled(scene)
        os.remove(os.path.join(scene.folder, "history", "good.csv"))
        history.write(scene, "good.csv", range(20, 60))
        collector = scene.collector().start()
        wait_for(collector.ended, collector.output)
        wanted = [*range(10), *range(20, 60)]
        assert sorted(scene.stored("strokes").values()) == wanted


def test_a_disk_without_room_is_waited_for(tmp_path, tool_missing):
    """Nothing waits for the platform, and yet it is not at its end."""
    try:
        disk = mounts.tmpfs(tmp_path / "state", "size=40m,mode=700")
    except OSError as error:
        tool_missing(f"no file system of our own: {error}")
    with Scene(tmp_path, "csv_backfill") as scene, disk:
        history.write(scene, "good.csv", range(10))
        collector = scene.collector(quota_mib=1).start()
        wait_for(collector.ended, collector.output)
        mounts.fill(tmp_path / "state" / "ballast")
        history.write(scene, "more.csv", range(10, 20_000))
        collector.start()
        wait_for(lambda: "no room: " in collector.output(), collector.output)
        assert not collector.ended()
        os.remove(tmp_path / "state" / "ballast")
        wait_for(collector.ended, collector.output)
        assert collector.stop() == 0
        assert "Traceback" not in collector.output()
        assert sorted(scene.stored("strokes").values()) == list(range(20_000))


def test_an_unmeasured_cell_is_left_out_and_a_comma_may_be_decimal(tmp_path):
    """An empty cell is no trouble."""
    with Scene(tmp_path, "csv_backfill") as scene:
        path = os.path.join(scene.folder, "history")
        os.mkdir(path)
        with open(os.path.join(path, "de.csv"), "w", encoding="utf-8") as file:
            file.write("time;Strokes;Oil\n2026-02-05T08:00:00Z;;7,5\n2026-02-05T08:00:01Z;3;\n")
            file.write("2026-02-05T08:00:02Z;;1.234\n")  # of thousands, perhaps
        collector = scene.collector(delimiter=";", decimal=",").start()
        wait_for(collector.ended, collector.output)
        assert "rows read: 3; troubles: de.csv, column Oil 1\n" in collector.output()
        assert "'1.234' has a point, but decimal is ','; write it" in collector.output()
        assert scene.stored("oil_temperature") == {"2026-02-05T08:00:00.000Z": 7.5}
        assert scene.stored("strokes") == {"2026-02-05T08:00:01.000Z": 3}


def test_a_line_that_is_still_written_is_waited_for(tmp_path):
    """Half a number is a number, too."""
    with Scene(tmp_path, "csv_backfill") as scene:
        history.write(scene, "good.csv", range(10))
        path = os.path.join(scene.folder, "history", "good.csv")
        with open(path, "a", encoding="utf-8") as file:
            collector, text = scene.collector().start(), "12"
            file.write("2026-02-05T08:00:00Z,1,12")

            def others():
                """A digit now and then: a line that nobody goes on with for 5 s is one."""
                nonlocal text
                file.write("3")
                file.flush()
                text += "3"
                time.sleep(0.2)
                return len(scene.stored("strokes")) == 10

            wait_for(others, collector.output)
            assert not collector.ended()
            file.write("4\n")
        wait_for(collector.ended, collector.output)
        assert scene.stored("oil_temperature")["2026-02-05T08:00:00.000Z"] == float(text + "4")


def test_a_folder_that_vanished_is_told_and_waited_for(tmp_path):
    """A share that is not mounted yet."""
    with Scene(tmp_path, "csv_backfill") as scene:
        collector = scene.collector().start()
        wait_for(lambda: "is no folder; is it mounted?" in collector.output(), collector.output)
        history.write(scene, "good.csv", range(10))
        wait_for(collector.ended, collector.output)
        assert len(scene.stored("strokes")) == 10
