"""60 MB by the file service: faults, kills of the agent and of the hub; the file arrives whole."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time

import pytest

from mcagent import Agent, BufferSettings, Event, File, UploadSettings
from mcagent.emulator import Emulator
from tests.faults import mounts

SIZE = 60_000_000
FILES = "* /api/iotfile/*"
KILLS = 4


@pytest.mark.slow
def test_60_mb_survive_cuts_kills_and_a_hub_that_is_started_again(tmp_path, figure):
    """The same SHA-256, once; RSS below what a part would take twice; events go on beside it."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    content = rng.randbytes(SIZE)
    path = tmp_path / "video.bin"
    path.write_bytes(content)
    boarding_file = tmp_path / "agentconfig.json"
    arguments = [str(tmp_path / "state"), str(boarding_file)]
    peaks = []
    port = 0
    for life in range(KILLS + 1):
        with Emulator(data=tmp_path / "hub", port=port) as hub:
            port = hub.port
            if not life:
                boarding_file.write_text(json.dumps(hub.create_agent("press-7", automap=True)))
            # Each request takes 0.3 s and more, and one request in eight is ill.
            rules = [{"match": FILES, "action": "delay", "seconds": 0.3}]
            rules += [
                {"match": FILES, "action": action, "probability": 0.04, "seed": life}
                for action in ("drop_before", "drop_after", "cut")
            ]
            hub.set_faults(rules)
            more = [] if life else [str(path)]
            after_s = rng.uniform(0.6, 1.2) if life < KILLS else None
            peaks += _run([*arguments, hub.ca_file, *more], after_s)
            stored = hub.files()
            if life == KILLS:
                assert len(hub.events()) > KILLS
        if stored:
            break
    assert life >= 2
    (file,) = stored
    assert (file["name"], file["size"]) == ("video.bin", SIZE)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    figure("60 MB by the file service", f"{life} kills, at most {max(peaks) / 1024:.0f} MB of RSS")
    assert max(peaks) < 64 * 1024


@pytest.mark.slow
def test_a_full_disk_keeps_neither_the_file_nor_anybody_else_from_leaving(
    tmp_path, caplog, tool_missing
):
    """Nothing can be noted of the upload: it goes on, and its end is what makes room again."""
    content = random.Random(5).randbytes(12_000_000)
    try:
        disk = mounts.tmpfs(tmp_path / "disk", "size=14m")
    except OSError as error:
        tool_missing(f"no small file system can be mounted: {error}")
    with disk, Emulator(data=tmp_path / "hub") as hub:
        boarding = hub.create_agent("press-7", automap=True)
        with Agent.open(
            disk.path + "/state",
            boarding=boarding,
            ca_file=hub.ca_file,
            upload=UploadSettings(min_interval_s=0, backoff_base_s=0.05),
            buffer=BufferSettings(min_free_bytes=0, min_free_files=0),
        ) as agent:
            assert agent.onboard().onboarded
            receipt = agent.submit(File(content, name="video.bin"))
            told = agent.submit(Event("before the disk was full"))
            with open(disk.path + "/full", "wb", buffering=0) as file:
                with pytest.raises(OSError, match="No space left"):
                    while True:
                        file.write(bytes(4096))
                assert agent.upload(timeout_s=60).pending == 0
            assert told.delivered
            assert receipt.delivered
        (stored,) = hub.files()
        assert stored["sha256"] == hashlib.sha256(content).hexdigest()
        assert os.listdir(disk.path + "/state/buffer/files/spool") == []
    assert [one for one in caplog.messages if "its progress cannot be kept" in one]


def _run(arguments, after_s):
    """Run the agent until it is done, or kill it; the peaks of its RSS in kB."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.filesender", *arguments], stdout=subprocess.PIPE
    )
    try:
        first = json.loads(child.stdout.readline())
        assert first.get("durable", True)
        if after_s is None:
            lines = child.stdout.read().splitlines()
            assert child.wait(120) == 0
        else:
            time.sleep(after_s)
            child.kill()
            lines = child.stdout.read().splitlines()
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
    told = [first, *(json.loads(line) for line in lines if line.endswith(b"}"))]
    return [line["rss_kb"] for line in told if "rss_kb" in line]
