"""examples/csv_backfill.py. `tox -e examples`."""

import os

import pytest

from tests.examples import history
from tests.examples.scene import Scene, wait_for


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
    "an empty line": (HEAD + b"\n" + LATER, "None is no time"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_row_is_told_and_the_others_are_sent(tmp_path, wrong):
    """File and column are named."""
    text, told = WRONG[wrong]
    with Scene(tmp_path, "csv_backfill") as scene:
        output = backfilled(scene, text)
        (line,) = [line for line in output.splitlines() if told in line]
        assert "bad.csv, column " in line
        strokes = scene.stored("strokes")
        assert strokes.pop("2026-02-05T08:00:00.000Z") == 99
        assert list(strokes.values()) == list(range(10))


@pytest.mark.parametrize(
    "text", [b"", b"time;Strokes\n", HEAD + b'2026-02-05T07:00:00Z,"' + b"9" * 200_000]
)
def test_a_file_that_is_none_keeps_no_other_from_its_end(tmp_path, text):
    """Empty, without the columns, a quote that never closes: the good file is sent, and it ends."""
    with Scene(tmp_path, "csv_backfill") as scene:
        backfilled(scene, text)
        assert list(scene.stored("strokes").values()) == list(range(10))


def test_an_unmeasured_cell_is_left_out_and_a_comma_may_be_decimal(tmp_path):
    """An empty cell is no trouble."""
    with Scene(tmp_path, "csv_backfill") as scene:
        path = os.path.join(scene.folder, "history")
        os.mkdir(path)
        with open(os.path.join(path, "de.csv"), "w", encoding="utf-8") as file:
            file.write("time;Strokes;Oil\n2026-02-05T08:00:00Z;;7,5\n2026-02-05T08:00:01Z;3;\n")
        collector = scene.collector(delimiter=";", decimal=",").start()
        wait_for(collector.ended, collector.output)
        assert "rows read: 2; troubles: none" in collector.output()
        assert scene.stored("oil_temperature") == {"2026-02-05T08:00:00.000Z": 7.5}
        assert scene.stored("strokes") == {"2026-02-05T08:00:01.000Z": 3}


def test_a_line_that_is_still_written_is_waited_for(tmp_path):
    """Half a number is a number, too."""
    with Scene(tmp_path, "csv_backfill") as scene:
        history.write(scene, "good.csv", range(10))
        path = os.path.join(scene.folder, "history", "good.csv")
        with open(path, "a", encoding="utf-8") as file:
            file.write("2026-02-05T08:00:00Z,12")
            file.flush()
            collector = scene.collector().start()
            wait_for(lambda: len(scene.stored("strokes")) == 10, collector.output)
            assert not collector.ended()
            file.write("34,1\n")
        wait_for(collector.ended, collector.output)
        assert scene.stored("strokes")["2026-02-05T08:00:00.000Z"] == 1234


def test_a_folder_that_vanished_is_told_and_waited_for(tmp_path):
    """A share that is not mounted yet."""
    with Scene(tmp_path, "csv_backfill") as scene:
        collector = scene.collector().start()
        wait_for(lambda: "is no folder; is it mounted?" in collector.output(), collector.output)
        history.write(scene, "good.csv", range(10))
        wait_for(collector.ended, collector.output)
        assert len(scene.stored("strokes")) == 10
