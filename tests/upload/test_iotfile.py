"""mcagent/upload/iotfile.py against the local hub: files in parts, through whatever happens."""

import os
import shutil

import pytest

from mcagent import BufferSettings, File, InvalidMessage
from mcagent.buffer.settings import LaneSettings
from mcagent.emulator import Emulator
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Request
from tests.upload.parcels import CONTENT, FILES, PART, Device, Killed, Watched, sha, small_parts

SMALL = b"s" * 100
SETTINGS = {"processing_delay_s": 0.0, "min_part_bytes": PART}


@pytest.fixture(scope="module")
def running():
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def device(running, tmp_path, monkeypatch):
    running.clear()
    running.change_settings(min_part_bytes=PART)
    small_parts(monkeypatch)
    device = Device(running, tmp_path / "state")
    yield device
    device.agent.close()


def test_a_large_file_arrives_as_it_is_with_what_belongs_to_it(device):
    """Name, type and time of creation; no limit was broken but the one that this test lowers."""
    receipt = device.submit("größe 'x'.bin", created=1_795_262_400_123)
    device.drain()
    (file,) = device.hub.files(device.client_id)
    assert (file["name"], file["type"], file["created"], file["size"], file["sha256"]) == (
        "größe 'x'.bin",
        "video/mp4",
        "2026-11-21T12:00:00.123Z",
        len(CONTENT),
        sha(CONTENT),
    )
    assert receipt.delivered
    assert {one["switch"] for one in device.hub.breaches()} == {"min_part_bytes"}


def test_a_receipt_says_delivered_at_the_end_and_not_before(device):
    """Nothing is visible before the last request, and nothing is acknowledged."""
    receipt = device.submit()
    seen = []
    while not receipt.delivered:
        assert device.stored == {}
        assert receipt.state == "durable"
        sending = device.agent.status().upload["sending"]
        seen.append(sending and sending["sent"])
        device.agent.step(0)
    assert device.stored == {"video.bin": sha(CONTENT)}
    whole = [PART * number for number in range(1, 7)]
    assert [sent for sent in seen if sent] == [*whole, len(CONTENT)]
    assert device.agent.status().upload["sending"] is None


def test_other_lanes_go_between_the_parts(device):
    """The lane of the files keeps nobody back: one request of each in turn."""
    receipt = device.submit()
    device.step_until(lambda: device.agent.status().upload["sending"])
    for number in range(4):
        told = device.tell("note %d" % number)
        assert device.step_until(lambda told=told: told.delivered) <= 3
        assert not receipt.delivered
    device.drain()
    assert device.events() == ["note 0", "note 1", "note 2", "note 3"]
    assert device.stored == {"video.bin": sha(CONTENT)}


def test_a_stream_of_events_does_not_keep_the_file_back(device):
    """In turn means both ways."""
    receipt = device.submit()
    for number in range(60):
        if receipt.delivered:
            break
        device.tell("note %d" % number)
        device.agent.step(0)
    assert receipt.delivered


def test_small_files_keep_their_place_in_the_order(device):
    """One before it goes by the exchange, one behind it waits for its end."""
    small, large, last = device.submit("a", SMALL), device.submit(), device.submit("b", SMALL)
    device.step_until(lambda: large.delivered)
    assert small.delivered
    assert not last.delivered
    device.drain()
    assert device.stored == {"a": sha(SMALL), "video.bin": sha(CONTENT), "b": sha(SMALL)}


def test_a_file_of_the_same_name_is_replaced(device):
    """Its etag is looked up; a small one may have come by the exchange."""
    device.submit("video.bin", SMALL)
    device.drain()
    assert device.stored == {"video.bin": sha(SMALL)}
    device.submit()
    device.submit("video.bin", CONTENT[::-1])
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT[::-1])}


@pytest.mark.slow
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_kill_at_every_request_costs_one_part_at_most(device, tmp_path, behind):
    """The directory as the kill left it goes on, and nothing arrives twice."""
    device.submit()
    device.agent.close()
    for at in range(9):

        def kill():
            raise Killed

        def act(number, _words, at=at):
            if number == at and not behind:
                kill()
            return kill if number == at else None

        before, after = tmp_path / ("before-%d" % at), tmp_path / ("after-%d" % at)
        shutil.copytree(device.directory, before)
        deadly = Watched(Urllib3Transport(), act)
        with pytest.raises(Killed), device.open(before, transport=deadly) as agent:
            for _ in range(100):
                agent.step(0)
        shutil.copytree(before, after)
        again = Watched(Urllib3Transport())
        with device.open(after, transport=again) as agent:
            assert agent.upload(timeout_s=20).pending == 0
        assert device.stored == {"video.bin": sha(CONTENT)}
        assert len(set(deadly.parts()) | set(again.parts())) == 7
        assert len(deadly.parts()) + len(again.parts()) <= 8
        _delete(device)


@pytest.mark.parametrize("step", ["upload=start", "part=3", "upload=complete", "filter="])
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "drop_before"},
        {"action": "drop_after"},
        {"action": "cut", "cut_at": 20},
        {"action": "html", "status": 200},
        {"action": "content_type", "content_type": "text/html"},
        {"action": "revoke"},
        *({"action": "status", "status": one} for one in (401, 403, 404, 408, 409, 429)),
        *({"action": "status", "status": one} for one in (500, 502)),
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_no_fault_at_any_request_loses_the_file(device, step, fault):
    """The first three times that it is sent; the events of that time arrive, the file is whole."""
    hits = []

    def act(_number, words):
        if step not in words or len(hits) == 3:
            return None
        hits.append(words)
        device.hub.set_faults([{"match": "* " + FILES, **fault}])
        return lambda: device.hub.set_faults([])

    class Restored(Watched):
        def send(self, request):
            try:
                return super().send(request)
            finally:
                device.hub.set_faults([])

    device.submit("video.bin", SMALL)  # it is replaced, so that the list is asked for
    device.drain()
    assert device.stored == {"video.bin": sha(SMALL)}  # the hub stores it after its answer
    device.open_again(transport=Restored(Urllib3Transport(), act))
    device.submit()
    device.tell("meanwhile")
    device.drain()
    assert hits
    assert device.agent.status().upload["set_aside"] == 0
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert device.events() == ["meanwhile"]
    assert device.agent.status().lanes["files"]["dropped"] == {}


def test_a_missing_right_holds_the_files_and_nothing_else(device):
    """The reason names the service and the right; once it is there the file goes."""
    device.hub.set_faults([{"match": "PUT " + FILES, "action": "status", "status": 403}])
    device.submit()
    device.tell("meanwhile")
    report = device.agent.upload(timeout_s=0.5)
    status = device.agent.status().upload
    assert list(status["held"]) == ["files"]
    assert "IoT File" in status["held"]["files"]
    assert "iot.fil.w" in status["held"]["files"]
    assert report.pending == 1
    assert device.events() == ["meanwhile"]
    device.hub.set_faults([])
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}


def test_a_refused_file_is_set_aside_when_another_one_passes(device):
    """As small ones are: refused, another accepted, refused again. Its content is kept."""
    device.hub.set_faults([{"match": "PUT */bad.bin*", "action": "status", "status": 400}])
    device.submit("bad.bin")
    device.submit("good.bin", CONTENT[::-1])
    device.submit("small.txt", SMALL)
    device.drain()
    assert device.stored == {"good.bin": sha(CONTENT[::-1]), "small.txt": sha(SMALL)}
    assert device.agent.status().buffer["rejected"]["records"] == 1
    kept = device.directory + "/buffer/rejected/spool"
    (name,) = os.listdir(kept)
    with open(kept + "/" + name, "rb") as file:
        assert file.read() == CONTENT


def test_a_refused_file_that_the_store_cannot_keep_is_held(device):
    """Set aside it would lose its content: somebody has to act."""
    device.open_again(buffer=BufferSettings(rejected=LaneSettings(100_000)))
    device.hub.set_faults([{"match": "PUT */bad.bin*", "action": "status", "status": 400}])
    device.submit("bad.bin")
    device.submit("good.bin")
    device.tell("meanwhile")
    device.agent.upload(timeout_s=0.5)
    assert "HTTP 400" in device.agent.status().upload["held"]["files"]
    assert device.events() == ["meanwhile"]
    assert device.agent.status().lanes["files"]["records"] == 2
    device.hub.set_faults([])
    device.drain()
    assert device.stored == {"bad.bin": sha(CONTENT), "good.bin": sha(CONTENT)}


@pytest.mark.parametrize("status", [500, 502])
def test_an_outage_of_the_file_service_sets_nothing_aside(device, status):
    """That the exchange takes small files meanwhile is no proof against a large one."""
    device.hub.set_faults([{"match": "* " + FILES, "action": "status", "status": status}])
    device.submit()
    device.submit("small.txt", SMALL)
    for number in range(40):
        device.tell("note %d" % number)
        device.agent.upload(timeout_s=0.02)
    assert device.agent.status().upload["set_aside"] == 0
    assert len(device.events()) == 40
    device.hub.set_faults([])
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT), "small.txt": sha(SMALL)}


def test_what_was_damaged_on_the_disk_never_leaves_it(device):
    """One bit, in the last part; the next file proves that it is this one's fault."""
    device.submit()
    device.submit("good.bin")
    device.agent.close()
    with open(device.directory + "/buffer/files/spool/%016d" % 1, "r+b") as file:
        file.seek(len(CONTENT) - 10)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    device.open_again()
    device.drain()
    assert device.stored == {"good.bin": sha(CONTENT)}
    assert device.agent.status().upload["set_aside"] == 1


def test_a_damaged_note_costs_the_parts_and_nothing_else(device):
    """It is damaged, cut, of another version: the upload begins from the start."""
    device.submit()
    device.step_until(lambda: device.half_way)
    device.agent.close()
    for harm in (b"", b"{}", b"\xff" * 50, b'{"version":1,"sequence":1,"parts":-1}'):
        with open(device.directory + "/upload.json", "wb") as file:
            file.write(harm)
        with device.open() as agent:
            for _ in range(4):
                agent.step(0)
    device.open_again()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}


def test_the_platform_forgets_the_upload(device):
    """After two days, or with its own memory: once more from the start."""
    device.submit()
    device.step_until(lambda: device.half_way)
    device.hub.change_settings(upload_life_s=0)
    for _ in range(3):
        device.agent.step(0)
    device.hub.change_settings(upload_life_s=172_800)
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}


def test_a_hub_that_is_started_again_goes_on_where_it_was(tmp_path, monkeypatch):
    """It keeps the parts; the agent asks which, and sends the others."""
    small_parts(monkeypatch)
    with Emulator(tls=False, data=tmp_path / "hub", settings=SETTINGS) as hub:
        port = hub.port
        device = Device(hub, tmp_path / "state")
        device.submit()
        device.step_until(lambda: device.half_way)
        device.agent.close()
    with Emulator(tls=False, port=port, data=tmp_path / "hub", settings=SETTINGS) as device.hub:
        watched = Watched(Urllib3Transport())
        with device.open(transport=watched) as agent:
            assert agent.upload(timeout_s=20).pending == 0
        assert device.stored == {"video.bin": sha(CONTENT)}
    assert watched.seen[0].startswith("GET")
    assert len(watched.parts()) == 4


def test_the_quota_says_no_clearly(device):
    """To a path before it is copied, to a stream where it passes the bound; nothing is left."""
    device.open_again(buffer=BufferSettings(files=LaneSettings(40_000)))
    path = device.directory + "-large.bin"
    with open(path, "wb") as file:
        file.write(CONTENT)
    with pytest.raises(InvalidMessage, match="quota is 40000 bytes"):
        device.agent.submit(File(path))
    with pytest.raises(InvalidMessage, match="longer than 40000 bytes") as caught:
        device.submit()
    assert "quota" in caught.value.hint
    assert os.listdir(device.directory + "/buffer/files/spool") == []


def _delete(device):
    """As an operator does."""
    token = device.hub.operator_token(["iot.fil.d"])
    for name in device.stored:
        url = "%s/api/iotfile/v3/files/%s/%s" % (device.hub.url, device.client_id, name)
        request = Request("DELETE", url, {"Authorization": "Bearer " + token})
        assert Urllib3Transport().send(request).status == 204
