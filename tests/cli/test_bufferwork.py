"""Progress on long work: on a terminal, seldom, and never between the lines of a result."""

import sys

import pytest

from mcagent.cli import bufferwork
from tests.inspection import scene


@pytest.fixture
def state(tmp_path):
    return str(scene.build(tmp_path / "state"))


@pytest.fixture
def impatient(monkeypatch):
    """Every work is long, and rich is not installed."""
    monkeypatch.setattr(bufferwork, "_QUIET_S", 0)
    monkeypatch.setattr("mcagent.cli.display._has_rich", lambda: False)


def run(monkeypatch, capsys, terminals, *arguments):
    """Run in this process with standard streams that are terminals, or not."""
    from mcagent.cli import main

    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: name in terminals)
    code = main.main(list(arguments))
    return code, capsys.readouterr()


@pytest.mark.parametrize("action", ["ls", "verify", "stats"])
def test_progress_on_a_terminal(state, monkeypatch, capsys, impatient, action):
    """One line for so short a work."""
    terminals = ("stdout", "stderr")
    code, shown = run(monkeypatch, capsys, terminals, "--state", state, "buffer", action)
    assert code == 0
    assert "MiB read" in shown.err
    assert "MiB read" not in shown.out
    assert len(shown.err.splitlines()) == 1


def test_no_progress_where_nobody_looks(state, monkeypatch, capsys, impatient):
    """A log file gets none."""
    code, shown = run(monkeypatch, capsys, ("stdout",), "--state", state, "buffer", "verify")
    assert (code, shown.err) == (0, "")


def test_no_progress_between_the_lines_of_an_export(state, monkeypatch, capsys, impatient):
    """On the same terminal; it is shown where the lines go elsewhere."""
    terminals = ("stdout", "stderr")
    arguments = ("--state", state, "buffer", "export")
    code, shown = run(monkeypatch, capsys, terminals, *arguments)
    assert (code, shown.err) == (0, "")
    code, shown = run(monkeypatch, capsys, ("stderr",), *arguments)
    assert "MiB read" in shown.err


def test_short_work_shows_nothing(state, monkeypatch, capsys):
    """Half a second is no time to read a bar."""
    monkeypatch.setattr(bufferwork, "_QUIET_S", 60)
    code, shown = run(monkeypatch, capsys, ("stdout", "stderr"), "--state", state, "buffer", "ls")
    assert (code, shown.err) == (0, "")
