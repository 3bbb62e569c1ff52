"""mcagent/upload/iotfile.py where the platform's word and what it has are not the same."""

import json
import os

import pytest

from mcagent import BufferSettings
from mcagent.buffer.settings import LaneSettings
from mcagent.emulator import Emulator
from mcagent.errors import CredentialError, TransportError
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Response
from tests.upload.parcels import CONTENT, FILES, PART, Device, Watched, sha, small_parts

PARTS = 7


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


class Liar(Watched):
    """Answers for the platform.

    Args:
        answer: Called with the words of each request to the file service; what it returns is the
            answer, and the platform hears nothing of the request. None lets it through.
    """

    def __init__(self, answer):
        super().__init__(Urllib3Transport())
        self._answer = answer

    def send(self, request):
        if "/iotfile/" in request.url:
            words = request.method + " " + request.url.rpartition("/")[2]
            answer = self._answer(words)
            if answer is not None:
                if request.body is not None:
                    assert sum(map(len, request.body.chunks())) == request.body.length
                self.seen.append(request.method + " " + request.url.rpartition("?")[2])
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return super().send(request)


def once(words, answer):
    """*answer* for the first request with *words*."""
    left = [answer]

    def answered(request):
        return left.pop() if left and words in request else None

    return answered


def test_a_last_part_that_was_taken_and_is_not_there_is_no_delivery(device):
    """The platform joins what it has: the file there is short, and is sent once more."""
    liar = Liar(once("part=7", Response(201)))
    device.open_again(transport=liar)
    receipt = device.submit()
    device.drain()
    assert receipt.delivered
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert liar.parts().count("PUT part=7") == 2


def test_a_file_whose_length_grows_for_a_while_is_not_sent_again(device):
    """The platform lists it while it joins its parts."""
    listed = []

    def answer(words):
        if "limit=" not in words or len(listed) == 4:
            return None
        listed.append(words)
        row = {"name": "video.bin", "path": "", "size": 10_000 * len(listed), "etag": 0}
        return Response(200, {}, json.dumps([row]).encode())

    liar = Liar(answer)
    device.open_again(transport=liar)
    device.submit()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == PARTS


@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_a_yes_to_the_last_request_that_did_nothing_is_no_delivery(device, before):
    """The parts are there still, and no file: the request is sent again."""
    if before:
        device.submit("video.bin", CONTENT[::-1])
        device.drain()
    liar = Liar(once("upload=complete", Response(200)))
    device.open_again(transport=liar)
    receipt = device.submit()
    device.drain()
    assert receipt.delivered
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == PARTS


@pytest.mark.parametrize("status", [408, 429, 502])
def test_a_list_that_does_not_come_is_asked_for_again(device, status):
    """Until it does, nobody knows whether the last part is there."""
    failed = []

    def answer(words):
        if "part=7" in words and not failed:
            return Response(201)
        if "limit=" in words and len(failed) < 4:
            failed.append(words)
            return Response(status)
        return None

    device.open_again(transport=Liar(answer))
    device.submit()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}


@pytest.mark.parametrize("status", [400, 403, 404, 501, 502])
def test_a_platform_that_never_lists_is_believed(device, status):
    """An agent that may write and not read has its files there all the same."""
    liar = Liar(lambda words: Response(status) if words.startswith("GET") else None)
    device.open_again(transport=liar)
    device.submit()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == PARTS


def test_a_platform_that_always_cuts_the_file_holds_it_with_its_sizes(device):
    """It is not acknowledged, not sent for ever, and the words say what is there."""
    liar = Liar(lambda words: Response(201) if "part=7" in words else None)
    device.open_again(transport=liar)
    device.submit()
    device.tell("meanwhile")
    held = device.agent.status().upload["held"]
    while not held:
        device.agent.upload(timeout_s=0.02)
        held = device.agent.status().upload["held"]
    words = held["files"]
    assert "took all 60345 bytes of video.bin and has 60000" in words
    assert device.agent.status().lanes["files"]["records"] == 1
    assert len(liar.parts()) == 2 * PARTS
    assert device.events() == ["meanwhile"]


def test_a_part_in_the_middle_that_is_not_there_is_asked_for(device):
    """The parts before it are not sent again."""
    liar = Liar(once("part=5", Response(201)))
    device.open_again(transport=liar)
    device.submit()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert liar.parts() == ["PUT part=%d" % number for number in (1, 2, 3, 4, 5, 6, 7, 5, 6, 7)]


@pytest.mark.parametrize("lost", [502, "timeout"])
def test_a_platform_that_joins_the_parts_slowly_does_not_get_them_twice(device, lost):
    """Its gateway gave up, the parts are gone, the file is not there yet: look again, wait."""
    looks = []

    def answer(words):
        if "limit=" in words and len(looks) < 5:
            looks.append(words)
            return Response(200, {}, b"[]")
        return None

    class Slow(Liar):
        def send(self, request):
            response = super().send(request)
            if "upload=complete" not in request.url:
                return response
            if lost == "timeout":
                raise TransportError("no answer in time", kind="timeout")
            return Response(lost)

    liar = Slow(answer)
    device.open_again(transport=liar)
    device.submit()
    device.tell("meanwhile")
    said = set()
    while device.pending:
        device.agent.upload(timeout_s=0.02)
        said |= set(device.agent.status().upload["waiting"].values())
    assert any("does not show video.bin yet" in words for words in said)
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == PARTS
    assert device.events() == ["meanwhile"]


def test_a_file_that_never_appears_is_sent_again(device):
    """The last request was lost, and the upload with it."""
    hub, started = device.hub, []

    def answer(words):
        if "upload=start" in words:
            hub.change_settings(upload_life_s=172_800)
            started.append(words)
        if "upload=complete" not in words or len(started) > 1:
            return None
        hub.change_settings(upload_life_s=0)
        return Response(502)

    liar = Liar(answer)
    device.open_again(transport=liar)
    device.submit()
    device.drain()
    assert len(started) == 2
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == 2 * PARTS


def test_an_upload_that_nobody_completed_is_in_nobodys_way(device):
    """A platform that takes no second start says 409 and shows no file: the old one is dropped."""
    dropped = []

    def answer(words):
        if "upload=abort" in words:
            dropped.append(words)
        return Response(409) if "upload=start" in words and not dropped else None

    device.open_again(transport=Liar(answer))
    device.submit()
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(dropped) == 1


def test_a_file_that_the_platform_has_and_does_not_show_is_held_with_a_way_out(device):
    """Without its etag nobody may replace it."""
    liar = Liar(lambda words: Response(409) if "upload=start" in words else None)
    device.open_again(transport=liar)
    device.submit()
    device.step_until(lambda: device.agent.status().upload["held"])
    words = device.agent.status().upload["held"]["files"]
    assert "has a file video.bin already and does not show it" in words
    assert "submit this one under another name" in words


def test_the_page_of_a_portal_costs_no_part(device):
    """Its 404 says nothing of the upload."""
    device.submit()
    device.step_until(lambda: device.half_way)
    page = Response(404, {"content-type": "text/html"}, b"<html>not here</html>")
    liar = Liar(once("GET video.bin", page))
    device.open_again(transport=liar)
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(liar.parts()) == PARTS - 3


@pytest.mark.parametrize("status", [400, 413, 414, 415, 422])
def test_events_go_between_the_parts_of_the_proof(device, status):
    """While a refused file waits for the next one to prove it wrong, nothing else waits."""
    device.hub.set_faults([{"match": "PUT */bad.bin*", "action": "status", "status": status}])
    device.submit("bad.bin")
    device.submit("good.bin", CONTENT[::-1])
    device.step_until(lambda: device.agent.status().upload["searching"] == "files")
    for number in range(4):
        told = device.tell("note %d" % number)
        assert device.step_until(lambda told=told: told.delivered) <= 6
        assert device.agent.status().upload["searching"] == "files"
    device.drain()
    assert device.stored == {"good.bin": sha(CONTENT[::-1])}
    assert device.agent.status().upload["set_aside"] == 1
    assert device.agent.status().upload["sending"] is None


def test_a_refused_event_beside_the_proof_is_found_too(device):
    """The search for the file begins anew; both are set aside, all others arrive."""
    device.hub.set_faults([{"match": "PUT */bad.bin*", "action": "status", "status": 400}])
    device.submit("bad.bin")
    device.submit("good.bin", CONTENT[::-1])
    device.step_until(lambda: device.agent.status().upload["searching"] == "files")
    exchanges = []

    class Refusing(Watched):
        def send(self, request):
            if request.url.endswith("/exchange"):
                body = b"".join(request.body.chunks())
                exchanges.append(body)
                if b"poison" in body:
                    return Response(400, {}, b"{}")
            return super().send(request)

    device.open_again(transport=Refusing(Urllib3Transport()))
    device.step_until(lambda: device.agent.status().upload["searching"] == "files")
    told = [device.tell(text) for text in ("one", "poison", "two")]
    device.drain()
    assert exchanges
    assert [one.state for one in told] == ["delivered", "set aside", "delivered"]
    assert device.stored == {"good.bin": sha(CONTENT[::-1])}
    assert device.agent.status().upload["set_aside"] == 2
    assert sorted(device.events()) == ["one", "two"]


@pytest.mark.parametrize("more", [-4096, 0, 4096])
def test_at_the_bound_of_the_store_a_refused_file_is_kept_whole_one_way_or_the_other(device, more):
    """It takes whole blocks there; set aside without its content it would be lost."""
    quota = 2 * (len(CONTENT) + more)
    device.open_again(buffer=BufferSettings(rejected=LaneSettings(quota)))
    device.hub.set_faults([{"match": "PUT */bad.bin*", "action": "status", "status": 400}])
    device.submit("bad.bin")
    device.submit("good.bin", CONTENT[::-1])
    device.step_until(lambda: device.agent.status().upload["held"] or "good.bin" in device.stored)
    held = device.agent.status().upload["held"].get("files", "")
    places = [device.directory + "/buffer/" + lane + "/spool" for lane in ("files", "rejected")]
    found = [name for place in places if os.path.isdir(place) for name in os.listdir(place)]
    assert found
    if more < 4096:
        assert (
            "the store `rejected` needs a quota of %d bytes" % (2 * (len(CONTENT) + 4096)) in held
        )
        device.open_again(buffer=BufferSettings(rejected=LaneSettings(2 * (len(CONTENT) + 4096))))
    device.drain()
    assert device.agent.status().upload["set_aside"] == 1
    (name,) = os.listdir(places[1])
    with open(places[1] + "/" + name, "rb") as file:
        assert file.read() == CONTENT


def test_a_file_that_gave_way_is_not_said_to_be_on_its_way(device):
    """The quota dropped it between two parts."""
    device.open_again(buffer=BufferSettings(files=LaneSettings(150_000)))
    device.submit("old.bin")
    device.step_until(lambda: device.half_way)
    device.hub.set_faults([{"match": "* " + FILES, "action": "status", "status": 503}])
    device.submit("new.bin")
    device.submit("newer.bin")
    assert device.agent.status().lanes["files"]["dropped"]["quota"]["records"] == 1
    device.agent.upload(timeout_s=0.2)
    sending = device.agent.status().upload["sending"]
    assert sending is None or sending["name"] == "new.bin"
    device.hub.set_faults([])
    device.drain()
    assert sorted(device.stored) == ["new.bin", "newer.bin"]


def test_a_last_request_that_times_out_keeps_nobody_else_waiting(device):
    """Joining may take long; events go on, although no byte of the file was on its way."""

    def answer(words):
        return TransportError("silence", kind="timeout") if "upload=complete" in words else None

    liar = Liar(answer)
    device.open_again(transport=liar)
    device.submit()
    told = device.tell("first")
    device.step_until(lambda: told.delivered)
    # One more event is always there when the request dies.
    while "PUT upload=complete" not in liar.seen:
        device.tell("beside")
        device.agent.step(0)
    assert "files" in device.agent.status().upload["waiting"]
    assert device.agent.status().upload["reason"].startswith("files")


def test_a_caller_with_too_little_time_for_a_part_hears_it(device):
    """Each call would begin the same part, and end it."""

    def answer(words):
        return TransportError("time is over", kind="timeout") if "part=2" in words else None

    device.open_again(transport=Liar(answer))
    device.submit()
    reasons = [device.agent.upload(timeout_s=0.2).reason for _ in range(20)]
    (words,) = {reason for reason in reasons if "timeout_s" in reason}
    assert "A part of a file, %d bytes, passes whole or not at all" % PART in words
    assert "upload() needs a longer timeout_s" in words


def test_an_agent_that_is_boarded_again_goes_on_where_it_was(device):
    """Offboarded in mid-upload: the error says what to do, and then no part is sent twice."""
    device.submit()
    device.step_until(lambda: device.half_way)
    device.hub.offboard(device.client_id)
    with pytest.raises(CredentialError, match="offboarded") as caught:
        device.agent.upload(timeout_s=5)
    assert "new boarding configuration" in caught.value.hint
    assert device.stored == {}
    device.boarding = device.hub.boarding(device.client_id)
    watched = Watched(Urllib3Transport())
    device.open_again(transport=watched)
    assert device.agent.onboard().onboarded
    device.drain()
    assert device.stored == {"video.bin": sha(CONTENT)}
    assert len(watched.parts()) == PARTS - 3


def test_names_that_would_break_an_address_or_a_filter(device):
    """Each arrives under its own name."""
    names = [
        "a?b#c%2Fd.bin",
        "..bin",
        "%2e%2e",
        "a and b.bin",
        "name eq 'x'",
        '"quoted"*.bin',
        "back\\slash.bin",
        "نص-🛰️.bin",
        " spaces .bin",
        "no\xa0break.bin",
        "left\u202eright.bin",
        "ä" * 200,
    ]
    for name in names:
        device.submit(name)
        device.submit(name, CONTENT[::-1])  # it is replaced: it has to be found in the list
    device.drain(60)
    assert device.stored == {name: sha(CONTENT[::-1]) for name in names}
    assert json.dumps(device.agent.status().upload["held"]) == "{}"
