"""Beside a process that writes, rolls, drops, sends and removes at full speed."""

import json
import subprocess
import sys
import time

import pytest

from mcagent.inspection.export import Export
from mcagent.inspection.stats import read_stats
from mcagent.inspection.summary import summarise
from mcagent.inspection.survey import Survey
from tests.inspection import scene
from tests.source_tree import ROOT

SECONDS = 8


@pytest.fixture
def busy(tmp_path):
    """A state directory whose owner is at work."""
    state = str(tmp_path / "state")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.inspection.writer", state],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    (tmp_path / "state").mkdir(exist_ok=True)
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()[1]
    yield state
    _out, err = process.communicate("\n", timeout=60)
    assert process.returncode == 0, err


@pytest.mark.slow
def test_nothing_is_taken_for_damage(busy, figure):
    """Verify again and again: each time it is clean, whatever went away meanwhile."""
    end = time.monotonic() + SECONDS
    rounds = records = gone = 0
    while time.monotonic() < end or rounds <= 3:
        findings, verification = scene.verify(busy)
        bad = [finding.to_dict() for finding in findings if finding.level == "damage"]
        assert bad == []
        assert verification.lost == 0
        assert {finding.what for finding in findings} <= {
            "file without record",
            "unfinished copy",
            "cursor ahead",  # of a lane that was emptied
        }
        rounds += 1
        records += verification.records
        gone += len(verification._survey.vanished)
    figure("verify beside a writer", f"{rounds} times, {records} records, {gone} files went away")


@pytest.mark.slow
def test_exports_hold_the_right_records_without_a_gap(busy):
    """Each payload is that of its number; between two there is nothing that was not passed."""
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end or rounds <= 3:
        rounds += 1
        survey = Survey(busy)
        work = Export(survey, lambda _size: None, everything=rounds % 2 == 0)
        numbers = {}
        for entry in work.entries():
            shown = json.loads(entry.to_line())
            if entry.lane in ("timeseries", "events"):
                assert shown["payload"]["n"] == entry.sequence
            if entry.lane == "rejected" and entry.rejected["lane"] == "events":
                assert shown["payload"]["n"] == entry.rejected["sequence"]
            numbers.setdefault(entry.lane, []).append(entry.sequence)
        assert work.damage == []
        for lane, found in numbers.items():
            assert found == sorted(set(found))
            if not survey.vanished:
                state = survey.lanes[lane].state
                missing = set(range(max(found[0], state.head), found[-1] + 1)) - set(found)
                hole = range(state.hole_first, state.hole_last + 1) if state.hole_first else ()
                assert missing <= set(hole)


@pytest.mark.slow
def test_listing_and_figures_end_well(busy):
    """`ls` and `stats`."""
    end = time.monotonic() + SECONDS / 2
    while time.monotonic() < end:
        survey = Survey(busy)
        assert survey.writer in (True, None)
        assert survey.cursor.known
        for lane in survey.lanes.values():
            for found in summarise(survey, lane, lambda _size: None):
                assert found.damage == []
                assert found.state != "unreadable"
        read_stats(survey, None, lambda _size: None)
        assert survey.fs.troubles == []
