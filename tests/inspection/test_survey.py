"""Which buffer is meant, what is in it, who writes; and that nothing is ever changed."""

import os
import shutil
import subprocess
import sys

import pytest

from mcagent.errors import ConfigurationError
from mcagent.inspection.places import ReadOnly, find_buffer, writer_of
from mcagent.inspection.survey import Survey
from mcagent.runtime import FileLock
from tests.inspection import scene

LANES = ("models", "events", "timeseries", "files", "rejected")


def test_state_directory_buffer_and_copies_are_found(state, tmp_path):
    """The directory, its folder, and one lane in an otherwise empty folder."""
    buffer = os.path.join(state, "buffer")
    assert find_buffer(state, LANES) == find_buffer(state + "/", LANES) == buffer
    assert find_buffer(buffer, LANES) == buffer
    shutil.copytree(os.path.join(buffer, "events"), tmp_path / "part" / "events")
    assert find_buffer(str(tmp_path / "part"), LANES) == str(tmp_path / "part")
    assert len(Survey(str(tmp_path / "part")).lanes["events"].segments) == 1


def test_a_state_directory_without_records_has_an_empty_buffer(tmp_path):
    """A device that was onboarded and has recorded nothing."""
    scene.touch(tmp_path / "lock")
    survey = Survey(str(tmp_path))
    assert not any(lane.segments for lane in survey.lanes.values())


@pytest.mark.parametrize("make", [False, True])
def test_other_directories_are_refused(tmp_path, make):
    """A wrong path is not an empty buffer."""
    path = tmp_path / "x"
    if make:
        path.mkdir()
    with pytest.raises(ConfigurationError) as caught:
        Survey(str(path))
    assert caught.value.hint


def test_writer_is_seen_without_touching_the_lock(state):
    """True while the lock is held, False after; and it stays free for others."""
    lock = FileLock(os.path.join(state, "lock"))
    assert writer_of(os.path.join(state, "buffer")) is None
    assert lock.acquire()
    if not os.path.exists("/proc/locks"):
        assert writer_of(os.path.join(state, "buffer")) is None
        return
    assert writer_of(os.path.join(state, "buffer")) is True
    lock.release()
    assert writer_of(os.path.join(state, "buffer")) is False


def test_read_only_is_what_it_says(tmp_path):
    """Every operation that changes something raises."""
    fs = ReadOnly()
    path = str(tmp_path / "x")
    scene.touch(path)
    for change in (
        lambda: fs.open(path, write=True),
        lambda: fs.open(path + "2", create=True),
        lambda: fs.write_atomic(path, b""),
        lambda: fs.make_dir(path + "3"),
        lambda: fs.make_private(path),
        lambda: fs.remove(path),
        lambda: fs.remove_if_there(path),
        lambda: fs.rename(path, path + "4"),
        lambda: fs.link(path, path + "5"),
    ):
        with pytest.raises(OSError):
            change()
    assert os.listdir(tmp_path) == ["x"]


# Every file that is opened, and everything that is done to a name, passes an audit hook.
_AUDITED = """
import os, sys
changes = []
def audit(event, args):
    if event == "open" and isinstance(args[0], str) and args[0].startswith(state):
        if args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            changes.append((event, args))
    elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
                   "os.truncate", "os.chmod", "os.chown", "os.utime", "fcntl.flock"):
        changes.append((event, args))
state, commands = sys.argv[1], sys.argv[2:]
from mcagent.cli.main import main
sys.addaudithook(audit)
for command in commands:
    main(["--state", state, "buffer", *command.split()])
changes or sys.exit(0)
sys.stderr.write("CHANGES %r" % changes)
sys.exit(1)
"""
COMMANDS = (
    "ls",
    "ls --json",
    "peek --count 3",
    "peek --newest",
    "verify",
    "export --all",
    "stats",
)


@pytest.mark.parametrize("damaged", [False, True])
def test_nothing_is_ever_written(state, damaged):
    """No file is opened for writing, and every byte, time and inode is what it was."""
    if damaged:
        scene.flip(scene.segments(state)[-1], 200)
        os.unlink(os.path.join(state, "buffer", "cursor"))
        scene.touch(os.path.join(state, "buffer", "files", "spool", "0000000000000077"))
    before = scene.fingerprint(state)
    done = subprocess.run(
        [sys.executable, "-c", _AUDITED, state, *COMMANDS],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, "CHANGES" in done.stderr) == (0, False), done.stderr
    assert scene.fingerprint(state) == before


def test_the_audit_sees_a_change(state):
    """The test of the test: `mcagent event` does write."""
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            _AUDITED.replace('"buffer", *command.split()', '"event", command'),
            *(state, "x"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "CHANGES" in done.stderr


@pytest.mark.parametrize(
    "left_out",
    [
        ("cursor",),
        (".seg",),
        ("cursor", ".seg"),
        ("spool/0000000000000001", "spool/0000000000000002"),
    ],
)
def test_half_a_copy_can_be_listed_and_exported(state, tmp_path, left_out):
    """No error, whatever is missing."""
    from mcagent.inspection.export import Export
    from mcagent.inspection.stats import read_stats

    copy = str(scene.half(state, str(tmp_path / "copy"), *left_out))
    scene.verify(copy)
    work = Export(Survey(copy), lambda _size: None, everything=True)
    found = list(work.entries())
    assert (found == []) == (".seg" in left_out)
    assert set(read_stats(Survey(copy), None, lambda _size: None)["lanes"]) == set(LANES)
