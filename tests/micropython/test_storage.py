"""The file systems of boards, littlefs and FAT, on a RAM disk: power cuts, wear, cross-reading.

MCAGENT_POWERCUT=whole cuts in every operation, and tears each at many places (20 minutes).
"""

import json
import os
import sys

import pytest

from tests.buffer import independent_reader
from tests.buffer.test_format import READER, WRITER, run
from tests.micropython.test_micropython import portable_files
from tests.source_tree import ROOT

DEVICE = "tests/micropython/device/"
KINDS = ("lfs2", "fat")
WHOLE = os.environ.get("MCAGENT_POWERCUT") == "whole"
# Stride and tears of one operation. FAT writes fewer and larger pieces.
SAMPLE = {"lfs2": (41, 1), "fat": (3, 2)}
EVERY = {"lfs2": (1, 6), "fat": (1, 40)}  # 40: more than change in a sector of a directory
# What may be left of the operation in which the power goes. FAT stands below for the others.
ENDURED = {"lfs2": "clean,torn,erased,unsynced", "fat": "clean,unsynced"}
TIMEOUT_S = 3600


def answer(output):
    """The JSON that a script prints last; finalizers of files may have complained before."""
    return json.loads(output.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_power_cuts_take_nothing_that_was_durable(micropython, kind, figure):
    """Every record promised is delivered, in order and unaltered, and the buffer goes on."""
    stride, tears = (EVERY if WHOLE else SAMPLE)[kind]
    args = (kind, ENDURED[kind], stride, tears)
    found = answer(micropython(DEVICE + "powercut.py", *args, heap="64m", timeout_s=TIMEOUT_S))
    figure(
        f"power cuts on {kind}",
        f"{found['states']} states of {found['operations']} operations, 0 violations",
    )
    assert found["violations"] == {}, found["shown"]
    assert found["operations"] > 400
    assert found["promises"] > 150
    assert found["states"] > found["operations"] // stride * len(ENDURED[kind].split(","))


@pytest.mark.slow
def test_a_torn_sector_of_fat_costs_no_record(micropython, figure):
    """A sector of the directory that is neither the old nor the new one.

    One place is beyond help: the name of a new file arrives, and the cluster in its entry is still
    that of a file that was renamed. Removing the left-over frees what the other stands in; a
    spooled file then fails its check and is not delivered.
    """
    stride, tears = (EVERY if WHOLE else SAMPLE)["fat"]
    args = ("fat", "torn", stride, tears)
    found = answer(micropython(DEVICE + "powercut.py", *args, heap="64m", timeout_s=TIMEOUT_S))
    lost = found["violations"].get("lost", 0)
    figure(
        "power cuts on fat, sector torn", f"{found['states']} states, {lost} lost a spooled file"
    )
    assert set(found["violations"]) <= {"lost"}, found["shown"]
    assert all("lost: files" in text for text in found["shown"]), found["shown"]
    assert lost * 1000 <= found["states"], found["shown"]


def test_an_erased_sector_of_fat_may_cost_records_but_makes_none_wrong(micropython, figure):
    """FAT has no second copy of a directory; what it says is never taken for a record."""
    args = ("fat", "erased", 1 if WHOLE else 2, 1)
    found = answer(micropython(DEVICE + "powercut.py", *args, heap="64m"))
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(found["violations"].items()))
    figure("power cuts on fat, sector erased", f"{found['states']} states: {counts}")
    assert found["violations"].get("lost"), "the cuts reach no directory"
    assert set(found["violations"]) <= {"lost", "repeated"}, found["shown"]


@pytest.mark.parametrize(
    ("plant", "kind", "ways", "caught"),
    [
        ("no_sync", "lfs2", "clean", "lost"),
        ("no_sync", "fat", "clean", "lost"),
        ("growing_files", "fat", "torn", "lost"),
        ("stale_readers", "lfs2", "clean", "stuck"),
    ],
)
def test_planted_bugs_are_caught(micropython, plant, kind, ways, caught):
    """The matrix sees what it is for."""
    args = (kind, ways, 101 if kind == "lfs2" else 5, 4, plant)
    found = answer(micropython(DEVICE + "powercut.py", *args, heap="64m"))
    assert found["violations"].get(caught), found


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_file_is_the_old_one_or_the_new_one(micropython, kind):
    """Also on FAT, which cannot rename over a file."""
    found = answer(micropython(DEVICE + "atomic.py", kind, heap="64m"))
    assert found["wrong"] == []
    assert found["operations"] > 10 * found["versions"]


def files_on_disk():
    """Portable test files that use real files."""
    found = []
    for path in portable_files():
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            if "TemporaryDirectory" in file.read():
                found.append(path)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_portable_tests_pass_on_the_disk_of_a_board(micropython, kind, figure):
    """All those that touch a file system."""
    files = files_on_disk()
    assert "tests/buffer/test_spool.py" in files
    last = micropython(DEVICE + "ondisk.py", kind, *files, heap="64m").splitlines()[-1]
    figure(f"portable tests on {kind}", f"{last} in {len(files)} files")
    assert last.endswith(" failed=0")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["cpython", "board"])
def test_each_goes_on_with_what_the_other_wrote(micropython, tmp_path, kind, first):
    """A card or a copied state directory: nothing is missing, and a third reader agrees."""
    path = str(tmp_path / "b")

    def write(where, begin, end):
        if where == "cpython":
            run(sys.executable, WRITER, path=path, first=begin, last=end)
        else:
            micropython(DEVICE + "carry.py", kind, path, "write", begin, end, heap="64m")

    write(first, 0, 300)
    write("board" if first == "cpython" else "cpython", 300, 500)
    expected = [f"sample {number}" * 9 for number in range(14, 500)]
    events = [f"event {number}" for number in range(0, 500, 20)]
    seen = [row[2].decode() for row in independent_reader.read_lane(path, "timeseries")]
    assert seen == expected
    if first == "cpython":
        rows = run(sys.executable, READER, path=path)
    else:
        rows = micropython(DEVICE + "carry.py", kind, path, "read", heap="64m")
    lanes = {"timeseries": [], "events": []}
    for row in rows.splitlines():
        lane, _sequence, payload = row.split(" ", 2)
        lanes[lane].append(payload)
    assert lanes == {"timeseries": expected, "events": events}
    assert independent_reader.read_lane(path, "timeseries") == []


def test_wear(micropython, figure):
    """What a durable record of 100 bytes costs the medium, and a batch that is acknowledged."""
    words = "{:.2f} writes, {:.0f} bytes, {:.2f} erasures"
    for kind in KINDS:
        programmed = []
        for group in (1, 10, 100):
            found = answer(micropython(DEVICE + "wear.py", kind, group, 600, heap="64m"))
            programmed.append(found["record"][1])
            figure(
                f"wear on {kind}, a record in groups of {group}", words.format(*found["record"])
            )
        figure(f"wear on {kind}, a batch", words.format(*found["batch"]))
        # The cursor's two slots, and the segments that were removed on the way.
        assert found["batch"][1] < 8192
        assert programmed[0] > 2 * programmed[1] > 2 * programmed[2]


def full(micropython, kind, spare):
    """What became of the records when others left *spare* bytes free; none may be missing."""
    found = answer(micropython(DEVICE + "full.py", kind, spare, heap="64m"))
    assert found["free"] <= spare
    assert found["delivered"] + found["dropped"] == found["accepted"]
    assert found["in_order"]
    return found


def test_a_full_fat_yields_and_drains(micropython):
    """Not one byte free: appending goes on, the oldest gave way, and the rest is delivered."""
    found = full(micropython, "fat", 0)
    assert found["refused"] == 0
    assert found["drained"]
    assert found["dropped"] > 0


@pytest.mark.parametrize("spare", [0, 16384])
def test_a_full_littlefs_yields_and_drains(micropython, spare):
    """It needs room even to write over a file: that is put by, and the oldest gives way."""
    found = full(micropython, "lfs2", spare)
    assert found["refused"] == 0
    assert found["drained"]
    assert 0 < found["dropped"] < 3000  # what others left no room for
    assert found["reasons"] == ["space"]
