"""csv_backfill.py: each row arrives with its time, once, though it was killed in the middle."""

import itertools

import pytest

ROWS = 2000


@pytest.fixture(autouse=True)
def history(tmp_path):
    folder = tmp_path / "history"
    folder.mkdir()
    lines = [f"2026-01-05T08:{n // 60:02}:{n % 60:02}Z,{n},{n / 8}\n" for n in range(ROWS)]
    (folder / "press.csv").write_text("time,Strokes,Oil\n" + "".join(lines))
    return folder


def different(hub):
    """The first rows that are not as they were written, with what the hub has of them."""
    hub.settle()
    rows = sorted(hub.stored(), key=lambda row: row["_time"])
    kept = [row["values"]["strokes"] for row in rows if "strokes" in row["values"]]
    return [pair for pair in itertools.zip_longest(range(ROWS), kept) if pair[0] != pair[1]][:10]


def test_all_rows_arrive_and_it_ends(insights_hub, collector):
    script = collector("csv_backfill")
    assert script.wait() == 0, script.output
    assert different(insights_hub) == []
    assert insights_hub.stored()[0]["_time"] == "2026-01-05T08:00:00.000Z"


def test_a_kill_in_the_middle_repeats_nothing_and_loses_nothing(insights_hub, collector):
    insights_hub.disconnect()
    script = collector("csv_backfill")
    script.wait_for(script.durable)
    script.kill()
    script = collector("csv_backfill")
    insights_hub.reconnect()
    assert script.wait() == 0, script.output
    assert different(insights_hub) == []


def test_a_cell_that_is_no_number_is_told_and_the_rest_arrives(insights_hub, collector, history):
    with open(history / "press.csv", "a", encoding="utf-8") as file:
        file.write("2026-01-05T09:00:00Z,n/a,7.5\n")
    script = collector("csv_backfill")
    assert script.wait() == 0, script.output
    assert "'n/a' is no LONG" in script.output
    assert different(insights_hub) == []
