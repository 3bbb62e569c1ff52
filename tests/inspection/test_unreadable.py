"""What the operating system does not give back: no permission, no medium, gone in between."""

import errno
import os

import pytest

from mcagent.inspection import walk
from mcagent.inspection.export import Export
from mcagent.inspection.stats import read_stats
from mcagent.inspection.summary import summarise
from mcagent.inspection.survey import Survey
from mcagent.runtime.cpython import RandomFile
from tests.inspection import scene


def refuse(monkeypatch, name, number):
    """`os.open` and `os.listdir` of what ends with *name* fail with *number*."""
    real_open, real_listdir = os.open, os.listdir

    def check(path):
        if isinstance(path, str) and path.endswith(name):
            raise OSError(number, os.strerror(number), path)

    def opened(path, *args, **kwargs):
        check(path)
        return real_open(path, *args, **kwargs)

    def listed(path="."):
        check(path)
        return real_listdir(path)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "listdir", listed)


def bad_page(monkeypatch, path, low, high):
    """Reading any byte from *low* to *high* of *path* fails, as from a worn card."""
    real = RandomFile.read_at

    def read_at(self, offset, size):
        if self.path == path and offset < high and offset + size > low and offset < self.size():
            raise OSError(errno.EIO, "Input/output error")
        return real(self, offset, size)

    monkeypatch.setattr(RandomFile, "read_at", read_at)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_segment_that_cannot_be_opened(state, monkeypatch, number):
    """Named with the reason; the others are read."""
    path, after = scene.segments(state)[-2:]
    held = int(os.path.basename(after)[:16]) - int(os.path.basename(path)[:16])
    refuse(monkeypatch, os.path.basename(path), number)
    (finding,) = scene.damage(state)
    assert (finding.what, finding.file) == ("unreadable", "timeseries/" + os.path.basename(path))
    assert os.strerror(number) in finding.means
    survey = Survey(state)
    states = [
        found.state for found in summarise(survey, survey.lanes["timeseries"], lambda _size: None)
    ]
    assert states.count("unreadable") == 1
    work = Export(survey, lambda _size: None)
    assert len(list(work.entries())) == 1334 - held
    assert [line for line in work.damage if "cannot be read" in line]


@pytest.mark.parametrize("name", ["events", "spool", "cursor"])
def test_folders_and_cursor_that_cannot_be_read(state, monkeypatch, name):
    """The rest is read, and the trouble is told."""
    refuse(monkeypatch, "/" + name, errno.EACCES)
    found = scene.damage(state)
    assert [finding for finding in found if "Permission denied" in finding.means]
    work = Export(Survey(state), lambda _size: None)
    assert len(list(work.entries(["timeseries"]))) >= 1300
    read_stats(Survey(state), None, lambda _size: None)


def test_bad_page_in_a_segment(state, monkeypatch):
    """The records around it are read."""
    path = scene.segments(state)[-2]
    first = int(os.path.basename(path)[:16])
    bad_page(monkeypatch, path, 8192, 12288)
    (finding,) = scene.damage(state)
    assert finding.what == "damaged records"
    assert first < finding.first < finding.last
    assert finding.offset <= 8192
    assert finding.offset + finding.size >= 12288
    work = Export(Survey(state), lambda _size: None)
    assert len(list(work.entries(["timeseries"]))) == 1300 - finding.lost


def test_bad_page_in_the_cursor(state, monkeypatch):
    """The other slot holds, as for the agent."""
    path = os.path.join(state, "buffer", "cursor")
    slot = scene.verify(state)[1]._survey.cursor.slots
    older = min(slot, key=lambda each: each.generation).offset
    bad_page(monkeypatch, path, older, older + 10)
    (finding,) = scene.damage(state)
    assert (finding.what, finding.offset) == ("cursor slot damaged", older)
    assert "is unreadable; the other one holds" in finding.means


def test_bad_page_in_a_stored_file(state, monkeypatch, tmp_path):
    """Named; the export goes on and leaves nothing half copied."""
    path = os.path.join(state, "buffer", "files", "spool", "0000000000000002")
    bad_page(monkeypatch, path, 100, 200)
    (finding,) = scene.damage(state)
    assert "cannot be read" in finding.means
    folder = tmp_path / "out"
    folder.mkdir()
    work = Export(Survey(state), lambda _size: None, folder=str(folder))
    entries = list(work.entries(["files"]))
    assert [entry.file["copy"] is None for entry in entries] == [False, True, False]
    assert len(os.listdir(folder)) == 2
    assert len(work.damage) == 1


def test_a_full_target_is_not_taken_for_damage(state, monkeypatch, tmp_path):
    """The error of the copy's file system is the command's error."""

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mcagent.inspection.export._create", lambda _path: Full())
    work = Export(Survey(state), lambda _size: None, folder=str(tmp_path))
    with pytest.raises(OSError) as caught:
        list(work.entries(["files"]))
    assert caught.value.errno == errno.ENOSPC


def test_segments_that_go_away_are_no_damage(state):
    """Between the listing and the reading; said in a note."""
    survey = Survey(state)
    for path in scene.segments(state)[:2]:
        os.unlink(path)
    work = Export(survey, lambda _size: None, everything=True)
    list(work.entries())
    assert work.damage == []
    assert len(survey.vanished) == 2
    states = [
        found.state for found in summarise(survey, survey.lanes["timeseries"], lambda _size: None)
    ]
    assert states[:2] == ["removed meanwhile"] * 2


def test_group_that_is_being_written_is_waited_for(state, monkeypatch):
    """Half of a write at the end is whole a moment later, and is not called torn."""
    path = scene.segments(state, "events")[-1]
    offset = scene.record_at(path, 29)
    whole = scene.read(path)
    scene.overwrite(path, offset + 20, bytes(100))
    monkeypatch.setattr(walk.time, "sleep", lambda _s: scene.overwrite(path, 0, whole))
    assert scene.damage(state) == []
