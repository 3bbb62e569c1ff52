"""Whatever is left of a state directory can be listed, checked and exported."""

import json
import os
import random
import shutil

import pytest

from tests.buffer import independent_reader
from tests.cli.running import inside
from tests.inspection import scene

STATES = 40
ACTIONS = (("ls",), ("peek", "--newest"), ("verify",), ("stats",), ("export", "--all"))


def ruin(buffer, chance):
    """Do one thing to one file: flip, cut, fill, empty, remove, rename, swap, or add one."""
    files = [os.path.join(folder, name) for folder, _, names in os.walk(buffer) for name in names]
    path, other = chance.choice(files), chance.choice(files)
    size = os.path.getsize(path)
    deed = chance.randrange(9)
    if deed == 0 and size:
        scene.flip(path, chance.randrange(size))
    elif deed == 1:
        os.truncate(path, chance.randrange(size + 1))
    elif deed == 2:
        fill = chance.choice((bytes(4096), b"\xff" * 4096, chance.randbytes(700)))
        scene.overwrite(path, chance.randrange(size + 1), fill)
    elif deed == 3:
        os.truncate(path, 0)
    elif deed == 4:
        os.unlink(path)
    elif deed == 5:
        os.rename(
            path,
            os.path.join(os.path.dirname(path), "%016d-00000001.seg" % chance.randrange(3000)),
        )
    elif deed == 6 and path != other:
        shutil.copy(path, other)
    elif deed == 7:
        os.truncate(path, size + 5000)
    else:
        name = chance.choice(("cursor", "0000000000000001-00000001.seg", "spool", "x"))
        target = os.path.join(os.path.dirname(path), name)
        if not os.path.exists(target):
            os.mkdir(target)


@pytest.mark.slow
def test_ruins(tmp_path, figure):
    """No error of ours, nothing written, and what is exported was recorded once, as it is."""
    original = str(scene.build(tmp_path / "original"))
    state = str(tmp_path / "state")
    recorded = {
        ("timeseries", n): json.loads(scene.sample(n)) for n in range(1, scene.SAMPLES + 1)
    }
    recorded.update({("events", n): json.loads(scene.event(n)) for n in range(1, 31)})
    damaged = exported = 0
    for seed in range(STATES):
        chance = random.Random(seed)
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(original, state)
        for _ in range(chance.choice((1, 2, 5, 12))):
            ruin(os.path.join(state, "buffer"), chance)
        before = scene.fingerprint(state)
        for arguments in ACTIONS:
            result = inside("buffer", *arguments, state=state)
            assert result.code in (0, 1), (seed, arguments, result)
            damaged += arguments == ("verify",) and result.code
        found = {}
        for line in result.out.splitlines():
            entry = json.loads(line)
            key = entry["lane"], entry["sequence"]
            assert key not in found, (seed, key)
            found[key] = entry["payload"]
            assert entry["payload"] == recorded.get(key, entry["payload"]), (seed, key)
        exported += len(found)
        for lane in ("events", "timeseries"):
            try:
                expected = independent_reader.read_lane(
                    os.path.join(state, "buffer"), lane, everything=True
                )
            except OSError:
                continue  # a folder where a file should be: the independent reader is a plain one
            assert {n for name, n in found if name == lane} == {record[0] for record in expected}
        assert scene.fingerprint(state) == before
    figure("ruined buffers", f"{STATES}, damage found in {damaged}, {exported} records exported")
    assert damaged > STATES / 2
