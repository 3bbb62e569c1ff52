"""Each kind of damage, and what is said of it."""

import os
import shutil

import pytest

from tests.inspection import scene


def what(state):
    return sorted({finding.what for finding in scene.damage(state)})


def test_a_healthy_buffer_is_clean(state):
    """Nothing is found, and everything was read."""
    findings, verification = scene.verify(state)
    assert findings == []
    on_disk = scene.SAMPLES - int(os.path.basename(scene.segments(state)[0])[:16]) + 1
    assert verification.records == 1 + 30 + 3 + 1 + on_disk
    assert verification.files == 3
    assert verification.lost == 0
    assert verification.bytes > 3 * len(scene.CONTENT)


def test_damaged_record_that_waits(state):
    """File, offset, bytes, number; one record lost."""
    path = scene.segments(state)[-1]
    offset = scene.record_at(path, 3)
    scene.flip(path, offset + 17)
    (finding,) = scene.damage(state)
    sequence = int(os.path.basename(path)[:16]) + 3
    assert (finding.what, finding.lane) == ("damaged records", "timeseries")
    assert finding.file == "timeseries/" + os.path.basename(path)
    assert (finding.offset, finding.first, finding.last) == (offset, sequence, sequence)
    assert finding.size == scene.record_at(path, 4) - offset
    assert finding.lost == 1
    assert "counts them as damaged" in finding.means


def test_damaged_record_that_was_delivered(state):
    """Damage all the same, but nothing is lost by it."""
    path = scene.segments(state)[0]
    scene.flip(path, scene.record_at(path, 0) + 17)
    (finding,) = scene.damage(state)
    assert (finding.lost, finding.what) == (0, "damaged records")
    assert "nothing is lost" in finding.means


def test_damaged_context_costs_no_record(state):
    """There are two copies."""
    scene.flip(scene.segments(state)[-1], 40)
    (finding,) = scene.damage(state)
    assert (finding.what, finding.lost, finding.first) == ("damaged bytes", 0, None)


def test_torn_end(state):
    """One number, not more; the next start does what is said."""
    path = scene.segments(state, "events")[-1]
    offset = scene.record_at(path, 29)
    scene.overwrite(path, offset + 20, bytes(4096))
    (finding,) = scene.damage(state)
    assert (finding.what, finding.first, finding.lost) == ("torn end", 30, 1)
    buffer = scene.open_buffer(state)
    assert buffer.next_sequence("events") == 31
    buffer.close()


def test_missing_segment_in_the_middle(state):
    """The numbers that it held are named."""
    victim, after = scene.segments(state)[-3:-1]
    os.unlink(victim)
    (finding,) = scene.damage(state)
    first, last = (int(os.path.basename(path)[:16]) for path in (victim, after))
    assert (finding.what, finding.first, finding.last) == ("missing records", first, last - 1)
    assert finding.lost == last - first


def test_missing_first_segment_is_a_cursor_behind(state):
    """What it held from the cursor on is lost, the rest was delivered."""
    first, second = scene.segments(state)[:2]
    os.unlink(first)
    findings = scene.damage(state)
    if int(os.path.basename(second)[:16]) <= scene.ACKED + 1:
        pytest.fail("the scene has changed: the cursor stands in another segment")
    (finding,) = findings
    assert (finding.what, finding.first) == ("missing records", scene.ACKED + 1)
    assert finding.last == int(os.path.basename(second)[:16]) - 1


def test_cursor_ahead_of_the_last_segment(state, tmp_path):
    """An old copy of the segments beside a new cursor: said, and no damage."""
    for path in scene.segments(state)[1:]:
        os.unlink(path)
    os.truncate(scene.segments(state)[0], scene.record_at(scene.segments(state)[0], 5))
    findings, verification = scene.verify(state, ["timeseries"])
    assert [(finding.what, finding.level) for finding in findings] == [("cursor ahead", "note")]
    assert verification.lost == 0


def test_lane_without_segments(state):
    """The cursor knows more than the disk."""
    shutil.rmtree(os.path.join(state, "buffer", "timeseries"))
    findings = scene.verify(state)[0]
    assert [(finding.what, finding.lane) for finding in findings] == [
        ("cursor ahead", "timeseries")
    ]


def test_duplicate_segment(state):
    """The one with the lower attempt does not count."""
    path = scene.segments(state)[-1]
    name = os.path.basename(path)
    shutil.copy(path, os.path.join(os.path.dirname(path), name[:16] + "-ff000001.seg"))
    # The copy has another nonce in its name: of another place. It is the one that counts.
    findings = scene.verify(state)[0]
    assert sorted(finding.what for finding in findings) == ["duplicate segment", "other version"]


def test_segment_of_another_version(state):
    """Held back, not read, not removed."""
    path = scene.segments(state, "events")[-1]
    header = bytearray(scene.read(path, 32))
    header[7] = 2
    import struct
    import zlib

    header[28:] = struct.pack("<I", zlib.crc32(header[:24]))
    scene.overwrite(path, 0, bytes(header))
    assert what(state) == ["other version"]


@pytest.mark.parametrize("lane", ["timeseries", "events"])
def test_truncated_anywhere(state, lane):
    """Each cut of a segment that is not the last names the numbers that are gone."""
    path = scene.segments(state, lane)[0]
    whole = scene.read(path)
    last = len(scene.segments(state, lane)) == 1
    for size in (0, 7, 31, 32, 33, 100, 131, len(whole) // 2):
        with open(path, "wb") as file:
            file.write(whole[:size])
        findings, verification = scene.verify(state, [lane])
        assert verification.lost or last, (size, findings)


def test_cursor_missing(state):
    """Duplicates, no loss; nothing is said to be missing."""
    os.unlink(os.path.join(state, "buffer", "cursor"))
    (finding,) = scene.damage(state)
    assert finding.what == "cursor missing"
    assert finding.lost == 0


@pytest.mark.parametrize(("slots", "expected"), [((0, 1), True), ((0,), False), ((1,), False)])
def test_cursor_slots_damaged(state, slots, expected):
    """Each is named by its offset; both together are more than one."""
    for slot in slots:
        scene.flip(os.path.join(state, "buffer", "cursor"), slot * 4096 + 30)
    found = scene.damage(state)
    offsets = [finding.offset for finding in found if finding.what == "cursor slot damaged"]
    assert offsets == [slot * 4096 for slot in slots]
    assert ("cursor damaged" in what(state)) == expected


def test_cursor_of_a_later_version(state):
    """Nothing is known, nothing is lost, and the file keeps its name."""
    path = os.path.join(state, "buffer", "cursor")
    for slot in (0, 4096):
        scene.overwrite(path, slot, b"mcagcur\x02")
    found = scene.damage(state)
    assert [finding.what for finding in found][-1] == "cursor damaged"
    assert "other version" in found[0].means
    assert os.path.exists(path)


def test_cursor_truncated(state):
    """The second slot is cut off."""
    os.truncate(os.path.join(state, "buffer", "cursor"), 4096)
    assert "cursor slot damaged" in what(state)


def test_spooled_files(state):
    """One missing, one too short, one with other bytes, and one that nobody speaks of."""
    spool = os.path.join(state, "buffer", "files", "spool")
    os.unlink(os.path.join(spool, "0000000000000001"))
    os.truncate(os.path.join(spool, "0000000000000002"), 10)
    scene.flip(os.path.join(spool, "0000000000000003"), 5)
    for name in ("0000000000000009", "new-00ff", "notes.txt"):
        scene.touch(os.path.join(spool, name))
    findings, verification = scene.verify(state)
    found = {os.path.basename(finding.file): finding for finding in findings}
    assert found["0000000000000001"].what == "file missing"
    assert "holds 10 bytes" in found["0000000000000002"].means
    assert "another SHA-256" in found["0000000000000003"].means
    assert found["0000000000000009"].what == "file without record"
    assert found["new-00ff"].what == "unfinished copy"
    assert found["notes.txt"].what == "foreign name"
    assert verification.files == 0


def test_content_of_a_damaged_record_is_named(state):
    """The next start keeps it, because the record's number is still waited for."""
    path = scene.segments(state, "files")[0]
    scene.flip(path, scene.record_at(path, 1) + 18)
    findings = scene.verify(state)[0]
    (note,) = [finding for finding in findings if finding.what == "file without record"]
    assert note.file == "files/spool/0000000000000002"
    assert "content is there" in note.means


def test_what_is_not_ours_is_named_and_left_alone(state):
    """A foreign file, a folder, a pipe of a segment's name: no trouble, no waiting."""
    buffer = os.path.join(state, "buffer")
    scene.touch(os.path.join(buffer, "README"))
    os.mkdir(os.path.join(buffer, "timeseries", "old"))
    os.mkfifo(os.path.join(buffer, "events", "0000000000000999-00000001.seg"))
    findings = scene.verify(state)[0]
    assert {finding.file for finding in findings if finding.what == "foreign name"} == {
        "README",
        "timeseries/old",
    }
    assert [finding.file for finding in findings if finding.what == "unreadable"] == [
        "events/0000000000000999-00000001.seg"
    ]


def test_dropped_records_are_not_missing(state):
    """A lane that overflowed is clean: its losses are counted, and no damage."""
    buffer = scene.open_buffer(state)
    for number in range(4000):
        buffer.append("timeseries", 1, scene.sample(number))
    # A batch is out while more is dropped: the hole behind it is no damage either.
    batch = buffer.cut("timeseries", max_bytes=1000, max_records=5)
    for number in range(4000):
        buffer.append("timeseries", 1, scene.sample(number))
    buffer.close()
    assert batch is not None
    from mcagent.inspection.survey import Survey

    state_now = Survey(state).lanes["timeseries"].state
    assert state_now.hole_first
    assert state_now.losses()["quota"]["records"] > 1000
    assert scene.verify(state)[0] == []
