"""The benchmark of the buffer runs, and its tables and verdicts follow from its figures.

No time is asserted: what is fast is a question for a quiet machine.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarks import budgets, gauges, payloads, report

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(module, *arguments):
    command = [sys.executable, "-m", "tests.benchmarks." + module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    """Every record comes out again in our buffer, the floor and SQLite: the workers check that."""
    figures = tmp_path / "figures.json"
    names = ["mcagent", "rawlog", "sqlite"]
    text = run(
        "buffer",
        "--quick",
        *("--only", "each,group,drain,scale,agent", "--contestants", ",".join(names)),
        *("--directory", tmp_path, "--json", figures),
    )
    results = json.loads(figures.read_text())["results"]
    for what in ("each", "group", "drain", "fill", "drain_scale"):
        assert list(results[what]) == names, what
    assert results["each"]["mcagent"][0]["checked"] == 100 + 200  # with those of the warm-up
    for name in names:
        assert results["checked"][name][0]["checked"] is True
        assert results["checked"][name][0]["records"] == 1000
    for what in ("drain", "drain1000", "walk"):
        assert results[what]["mcagent"][0]["records"] == 1000
    assert results["record_many"]["mcagent"][0]["rate"] > 0
    assert "| **mcagent** |" in text
    assert sorted(os.listdir(tmp_path)) == ["figures.json"]


@pytest.mark.slow
def test_a_large_backlog_is_measured_by_one_command(tmp_path):
    """The same as for a million, with few."""
    text = run("million", "--records", 2000, "--directory", tmp_path)
    assert "records drained, every byte compared         2000\n" in text
    assert "disk used after it" in text


def test_a_missing_record_ends_the_measurement(tmp_path):
    """The check of the workers can fail: a backlog of fewer records than was said."""
    task = {"name": "mcagent", "directory": str(tmp_path / "work")}
    command = [sys.executable, "-m", "tests.benchmarks.worker"]
    fill = json.dumps(dict(task, what="fill", goals=[150]))
    subprocess.run([*command, fill], cwd=ROOT, check=True, capture_output=True)
    drain = json.dumps(dict(task, what="drain", records=151, per=100, limit_s=60))
    done = subprocess.run([*command, drain], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "150 records of 151 came out" in done.stderr


def test_records_differ_and_have_200_bytes():
    records = payloads.make(0, 3000)
    assert {len(record) for record in records} == {200}
    assert len(set(records)) == 3000
    assert json.loads(records[1])["timestamp"] == "2026-01-05T00:00:00.001Z"


def test_syncs_are_counted_between_the_marks_only():
    """One that a thread began and another ended is one; those outside are not counted."""
    trace = (
        "7 fdatasync(3) = 0\n"
        '7 stat("%s", 0x7ffd) = -1 ENOENT\n'
        "7 fdatasync(3 <unfinished ...>\n"
        "8 fsync(4) = 0\n"
        "7 <... fdatasync resumed>) = 0\n"
        '7 stat("%s", 0x7ffd) = -1 ENOENT\n'
        "7 fsync(3) = 0\n"
    ) % (gauges.BEGIN, gauges.END)
    assert gauges.count_syncs(trace) == 2
    with pytest.raises(SystemExit):
        gauges.count_syncs("7 fdatasync(3) = 0\n")


def test_verdicts_follow_from_the_figures():
    """Medians, not the best run; a budget without figures is not judged."""

    def runs(*rates):
        return [{"rate": rate, "dirtied": 22.5} for rate in rates]

    results = {"each": {"mcagent": runs(10, 12, 90), "leveldb": runs(1, 10, 11)}}
    assert budgets.judge(results) == [
        ("one sync each: ≥ 1.2 x LevelDB", "1.20 x leveldb", True),
        ("bytes dirtied per payload byte, one sync each: ≤ 22", "22.50", False),
    ]
    results["each"]["leveldb"] = runs(1, 10.1, 11)
    assert budgets.judge(results)[0][2] is False
    text = report.page(results, [], [], {})
    assert "| **mcagent** | 0.0 | 0.0 to 0.1 | 1.00 |" in text
    assert "| one sync each: ≥ 1.2 x LevelDB | 1.19 x leveldb | **missed** |" in text
    assert budgets.judge({}) == []


def test_a_million_is_judged_by_a_million():
    """Growth and opening are budgets of a large backlog; a small one says nothing about them."""
    for goal, judged in (("1000", []), ("1000000", [("500 KiB", True), ("6.0 ms", False)])):
        results = {
            "fill": {"mcagent": [{"resident_kib": {"100": 9000, goal: 9500}}]},
            "drain_scale": {"mcagent": [{"open_ms": 6.0, "records": 7}]},
        }
        assert [verdict[1:] for verdict in budgets.judge(results)] == judged


def test_tables_are_written_between_the_marks(tmp_path):
    """What stands around them in the page stays."""
    page = tmp_path / "page.md"
    page.write_text("before\n\n%s\n\nold\n\n%s\nafter\n" % (report.BEGIN, report.END))
    report.write(page, "new\n")
    assert page.read_text() == "before\n\n%s\n\nnew\n\n%s\nafter\n" % (report.BEGIN, report.END)
    page.write_text("no marks")
    with pytest.raises(SystemExit):
        report.write(page, "new\n")
    with open(os.path.join(ROOT, "docs", "benchmarks.md"), encoding="utf-8") as file:
        text = file.read()
    assert text.count(report.BEGIN) == text.count(report.END) == 1
