"""Large files through faults at random: answers, losses and kills at every request there is."""

import os
import random
import shutil
import time

import pytest

from mcagent import File
from mcagent.emulator import Emulator
from mcagent.errors import TransportError
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Response
from mcagent.upload import iotfile
from tests.upload.parcels import PART, Device, Killed, Watched, sha, small_parts

FILES, EVENTS = 4, 20
REFUSALS = (400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 422, 425, 429, 500, 502, 503)
LIES = (Response(200), Response(201), Response(204), Response(200, {}, b"{}"))
PAGE = {"content-type": "text/html"}


class Fate(Watched):
    """Between the agent and the file service.

    Args:
        rng: Decides.
        share: Of the requests that something happens to.
        lies: The platform says yes to parts and ends that it did not take, and shows what it has;
            otherwise it says no to anything.
    """

    def __init__(self, rng, share, *, lies):
        super().__init__(Urllib3Transport())
        self.rng, self.share, self.lies = rng, share, lies

    def send(self, request):
        if "/iotfile/" not in request.url or self.rng.random() > self.share:
            return super().send(request)
        fate = self.rng.choice(("answer", "answer", "page", "lost", "kill", "kill late", "late"))
        if fate == "kill":
            raise Killed
        if fate in ("answer", "page") and not (self.lies and request.method == "GET"):
            if request.body is not None:
                assert sum(map(len, request.body.chunks())) == request.body.length
            if fate == "page":
                return Response(self.rng.choice((200, 404, 503)), PAGE, b"<html>")
            return self.rng.choice(LIES) if self.lies else Response(self.rng.choice(REFUSALS))
        if fate in ("kill late", "late"):
            super().send(request)
            if fate == "kill late":
                raise Killed
        raise TransportError("lost", kind=self.rng.choice(("closed", "timeout")))


@pytest.mark.slow
@pytest.mark.parametrize("lies", [False, True], ids=["refusals", "lies"])
def test_what_is_acknowledged_is_there_whatever_happened(tmp_path, monkeypatch, lies):
    """Each file is on the platform as it was, or in the store of refused records; events pass."""
    small_parts(monkeypatch)
    monkeypatch.setattr(iotfile, "_LOOKS", 3)  # with their pauses eight take minutes
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        for number in range(4):
            seed = random.randrange(2**32)
            print("seed", seed)
            hub.clear()
            hub.change_settings(min_part_bytes=PART)
            _live(hub, tmp_path / str(number), random.Random(seed), lies=lies)


def _live(hub, directory, rng, *, lies):
    device = Device(hub, directory / "0")
    fate = Fate(rng, rng.choice((0.1, 0.3, 0.5)), lies=lies)
    device.open_again(transport=fate)
    submitted, told, lives = [], [], 1
    until = time.monotonic() + 30
    while (device.pending or len(submitted) < FILES) and time.monotonic() < until:
        try:
            if len(submitted) < FILES and rng.random() < 0.2:
                size = rng.choice((100, 25_000, 61_000))
                # What the exchange took is stored later: names of its own, as docs/upload.md says.
                name = "%d.%s" % (rng.randrange(3), "txt" if size == 100 else "bin")
                submitted.append((name, rng.randbytes(size)))
                device.agent.submit(File(submitted[-1][1], name=name))
            if len(told) < EVENTS and rng.random() < 0.2:
                told.append("event %d" % len(told))
                device.tell(told[-1])
            device.agent.step(0)
        except Killed:  # another process finds what this one left just then
            left, device.directory = device.directory, str(directory / str(lives))
            lives += 1
            shutil.copytree(left, device.directory)
            device.open_again(transport=fate)
    fate.share = 0
    device.drain(240)
    folder = device.directory + "/buffer/rejected/spool"
    kept = set()
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        with open(folder + "/" + name, "rb") as file:
            kept.add(sha(file.read()))
    assert set(device.stored) <= {name for name, _content in submitted}
    for name in {name for name, _content in submitted}:
        contents = [sha(content) for other, content in submitted if other == name]
        due = [place for place, one in enumerate(contents) if one not in kept]
        # What was refused in the end may have arrived before; no older one is the last word.
        last = contents[due[-1] :] if due else [None, *contents]
        assert device.stored.get(name) in last, (name, contents, device.stored, kept)
    assert set(told) <= set(device.events())
    assert device.agent.status().lanes["files"]["dropped"] == {}
    device.agent.close()
