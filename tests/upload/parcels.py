"""An agent whose larger files go by the file service, in parts of 10 kB instead of 5 MB."""

import hashlib
import random
import time

from mcagent import Agent, Event, File
from mcagent.upload import iotfile, parcel
from mcagent.upload.settings import UploadSettings

PART = 10_000
EXCHANGE_BYTES = 20_000  # more goes in parts
CONTENT = random.Random(7).randbytes(6 * PART + 345)
FILES = "/api/iotfile/v3/file*"


def small_parts(monkeypatch):
    """As the platform has it, in a moment; the hub is told by `min_part_bytes`."""
    monkeypatch.setattr(parcel, "max_file_bytes", lambda *_: EXCHANGE_BYTES)
    monkeypatch.setattr(parcel, "FILE_PART_MIN_BYTES", PART)
    monkeypatch.setattr(iotfile, "FILE_PART_MIN_BYTES", PART)


class Device:
    """A hub's agent in a directory."""

    def __init__(self, hub, directory):
        self.hub = hub
        self.directory = str(directory)
        self.boarding = hub.create_agent("press-7", automap=True)
        self.client_id = self.boarding["content"]["clientId"]
        self.agent = self.open()
        assert self.agent.onboard().onboarded

    def open(self, directory=None, **options):
        options.setdefault(
            "upload", UploadSettings(backoff_base_s=0.01, hold_retry_s=0.05, min_interval_s=0)
        )
        where = str(directory or self.directory)
        return Agent.open(where, boarding=self.boarding, **options)

    def open_again(self, **options):
        self.agent.close()
        self.agent = self.open(**options)

    def submit(self, name="video.bin", content=CONTENT, **options):
        return self.agent.submit(File(content, name=name, type="video/mp4", **options))

    def step_until(self, done, most=500):
        """One request at a time; how many steps it took."""
        for count in range(most):
            if done():
                return count
            self.agent.step(0)
        raise AssertionError(self.agent.status().upload)

    def drain(self, timeout_s=60):
        """Through waits and holds, too."""
        give_up = time.monotonic() + timeout_s
        while self.pending:
            assert time.monotonic() < give_up, self.agent.status().upload
            self.agent.upload(timeout_s=0.1)
            time.sleep(0.01)

    @property
    def pending(self):
        return sum(lane["records"] for lane in self.agent.status().lanes.values())

    @property
    def half_way(self):
        """Three parts are on the platform."""
        sending = self.agent.status().upload["sending"]
        return sending is not None and sending["sent"] == 3 * PART

    @property
    def stored(self):
        self.hub.settle()
        return {file["name"]: file["sha256"] for file in self.hub.files(self.client_id)}

    def events(self):
        self.hub.settle()
        return [row["event"]["description"] for row in self.hub.events()]

    def tell(self, text):
        return self.agent.submit(Event(text))


def sha(content):
    return hashlib.sha256(content).hexdigest()


class Killed(BaseException):
    """What a script cannot catch."""


class Watched:
    """A transport that acts on requests to the file service, by their method and query.

    Args:
        inner: Sends.
        act: Called with a number from 0 and the words of the request before it goes; what it
            returns, if anything, is called behind it.

    Attributes:
        seen: The words of all requests, in order.
    """

    def __init__(self, inner, act=lambda _number, _words: None):
        self.inner = inner
        self.act = act
        self.seen = []

    def send(self, request):
        if "/iotfile/" not in request.url:
            return self.inner.send(request)
        words = request.method + " " + request.url.rpartition("?")[2]
        after = self.act(len(self.seen), words)
        self.seen.append(words)
        answer = self.inner.send(request)
        if after is not None:
            after()
        return answer

    def parts(self):
        return [words for words in self.seen if "part=" in words]

    def __getattr__(self, name):
        return getattr(self.inner, name)
