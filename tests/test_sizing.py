"""docs/guides/size-the-buffer.md: computed, and true of a real buffer."""

import importlib.util
import os

import pytest

from mcagent import Agent, BufferSettings, LaneSettings
from tests.source_tree import ROOT

START_MS = 1_767_600_000_000


def _load():
    path = os.path.join(ROOT, "docs", "sizing.py")
    spec = importlib.util.spec_from_file_location("sizing", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sizing = _load()


def recorded(directory, points, count, quota_bytes):
    """The lane's status after *count* samples and no link."""
    buffer = BufferSettings(timeseries=LaneSettings(quota_bytes))
    values = sizing.values(points)
    with Agent.open(directory, buffer=buffer) as agent:
        agent.record_many((START_MS + number, values) for number in range(count))
        agent.flush()
        return agent.status().lanes["timeseries"]


def test_the_page_shows_what_the_script_computes():
    with open(sizing.PAGE, encoding="utf-8") as file:
        text = file.read()
    assert sizing.filled(text) == text, "python docs/sizing.py --write"
    assert text.count("\n| 10 | 10 |") == 1


@pytest.mark.parametrize(("points", "rate", "hours"), [(1, 1, 8), (10, 1, 4)])
def test_the_quota_of_the_table_holds_the_outage(points, rate, hours, tmp_path):
    """Not one sample is given up."""
    count = rate * hours * 3600
    quota = sizing.quota_bytes(points, rate, hours)
    lane = recorded(tmp_path / "enough", points, count, quota)
    assert lane["records"] == count
    assert lane["dropped"] == {}
    assert lane["bytes"] <= quota


@pytest.mark.parametrize("points", [4, 10])
def test_a_sample_takes_what_the_table_says(points, tmp_path):
    """Dropping begins where the table says that a quota is full, give or take a segment."""
    quota = 8 * sizing.MIB
    fits = quota // sizing.disk_bytes(points)
    lane = recorded(tmp_path / "full", points, fits + fits // 4, quota)
    assert lane["dropped"]
    segment = sizing.MIB // sizing.disk_bytes(points)
    assert fits - 2 * segment <= lane["records"] <= fits
