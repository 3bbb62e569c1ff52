"""How far a collector has read: only what is safely on the disk, and never in the way."""

import json

import pytest

from mcagent import Agent, BufferFull
from mcagent.progress import Progress
from mcagent.runtime import FileSystem
from tests.test_agent import stored


def test_places_outlive_their_process(tmp_path):
    with Agent.open(str(tmp_path)) as agent:
        progress = Progress(agent, "places.json")
        assert progress.done == {}
        progress.done["2026-01.csv"] = {"offset": 12}
        progress.save()
        assert Progress(agent, "places.json").done == {"2026-01.csv": {"offset": 12}}
        assert progress.path == str(tmp_path / "places.json")


def test_what_lies_before_a_place_is_durable_when_the_place_is(tmp_path):
    """The other way round a kill would lose what is between the two."""
    with Agent.open(str(tmp_path)) as agent:
        seen = []

        class Watched(FileSystem):
            def write_atomic(self, path, data):
                seen.append((receipt.durable, data))
                super().write_atomic(path, data)

        progress = Progress(agent, "places.json", fs=Watched())
        receipt = agent.record({"oil": 1.5})
        assert not receipt.durable
        progress.done["oil"] = 1
        progress.save()
        progress.save()  # nothing new: nothing is written
        assert seen == [(True, b'{"oil": 1}')]
        assert len(stored(agent)) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a"'])
def test_a_damaged_file_is_told_and_begun_anew(tmp_path, caplog, damage):
    with Agent.open(str(tmp_path)) as agent:
        (tmp_path / "places.json").write_bytes(damage)
        progress = Progress(agent, "places.json")
        assert progress.done == {}
        (record,) = caplog.records
        assert "places.json cannot be read, beginning anew" in record.getMessage()
        progress.done["oil"] = 1
        progress.save()
    assert json.loads((tmp_path / "places.json").read_bytes()) == {"oil": 1}


def test_a_full_disk_keeps_the_places_before_and_is_tried_again(tmp_path):
    with Agent.open(str(tmp_path)) as agent:

        class Full(FileSystem):
            full = False

            def write_atomic(self, path, data):
                if self.full:
                    raise OSError(28, "No space left on device")
                super().write_atomic(path, data)

        files = Full()
        progress = Progress(agent, "places.json", fs=files)
        progress.done["oil"] = 1
        progress.save()
        progress.done["oil"] = 2
        files.full = True
        with pytest.raises(BufferFull, match=r"places\.json"):
            progress.save()
        assert Progress(agent, "places.json").done == {"oil": 1}
        files.full = False
        progress.save()
        assert Progress(agent, "places.json").done == {"oil": 2}
