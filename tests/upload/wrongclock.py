"""An agent with a clock of 1970 and a platform that knows the time. Portable."""

import json

from mcagent.agent import Agent
from mcagent.boarding import read_boarding  # noqa: F401 - MicroPython loads it late otherwise
from mcagent.errors import TransportError
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.timestamp import format_ms, parse_text
from mcagent.runtime import PLAUSIBLE_MS
from mcagent.transport.http import Response, Transport
from mcagent.upload.settings import UploadSettings

TRUE_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z, when the first boot begins
CLIENT_ID = "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
BASE_URL = "https://southgate.example"
BOARDING = {
    "content": {
        "baseUrl": BASE_URL,
        "iat": "header.payload.signature",
        "clientCredentialProfile": ["SHARED_SECRET"],
        "clientId": CLIENT_ID,
        "tenant": "acmedev",
    },
    "expiration": "2099-01-01T00:00:00.000Z",
}
MODEL = DataModel("m1", [DataSource("s", [DataPoint("n", "LONG")])])
_DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


class WrongClock:
    """No RTC: each boot begins in 1970. `true_ms` is what a good clock would say."""

    def __init__(self, wall_ms=0):
        self._boots = 0
        self._began_ms = TRUE_MS
        self.steady_ms = 0
        self.start(0, wall_ms)

    def start(self, off_ms=60_000, wall_ms=0):
        """The power goes, and comes back after *off_ms*."""
        self._began_ms += self.steady_ms + off_ms
        self._boots += 1
        self.steady_ms = 5000
        self._wall_ms = wall_ms

    def true_ms(self):
        return self._began_ms + self.steady_ms

    def set(self, wall_ms=None):
        """NTP, or somebody by hand: it says *wall_ms* now, or the truth."""
        self._wall_ms = (self.true_ms() if wall_ms is None else wall_ms) - self.steady_ms

    def sleep_ms(self, passed_ms):
        self.steady_ms += passed_ms

    def now_ms(self):
        return self._wall_ms + self.steady_ms

    def monotonic_ms(self):
        return self.steady_ms

    def boot_id(self):
        return b"boot %011d" % self._boots

    def trusted(self):
        return self.now_ms() >= PLAUSIBLE_MS


class Hub(Transport):
    """A platform that names the time in its answers while `tells` is set."""

    def __init__(self, clock):
        self._clock = clock
        self.tells = True
        self.bodies = []
        self.lost = []  # bodies that arrived, whose answer got lost
        self.loses = 0  # how many more answers get lost
        self.offline = False
        self.refuses = b"\0"
        self.signed_s = []

    def send(self, request):
        if self.offline:
            raise TransportError("no route to host", kind="connect")
        body = b""
        if request.body is not None:
            body = b"".join(list(request.body.chunks()))
            assert len(body) == request.body.length
        path = request.url[len(BASE_URL) :].split("?")[0]
        if path.endswith("/exchange"):
            if self.loses:
                self.loses -= 1
                self.lost.append(body)
                raise TransportError("cut", kind="closed")
            if self.refuses in body:
                return self._answer(400, {"message": "not like this"})
            self.bodies.append(body)
            return self._answer(200, None)
        if path.endswith("/register"):
            secret = {"client_id": CLIENT_ID, "client_secret": "s", "client_secret_expires_at": 0}
            secret["registration_access_token"] = "rat"
            secret["registration_client_uri"] = request.url + "/" + CLIENT_ID
            return self._answer(201, secret)
        if path.endswith("/oauth/token"):
            return self._answer(200, {"access_token": "a", "token_type": "b", "expires_in": 3600})
        if path.endswith("/dataSourceConfiguration"):
            return self._answer(200, json.loads(MODEL.fragment().decode()))
        if path.endswith("/dataPointMappings"):
            return self._answer(200, {"content": [{"dataPointId": "n"}], "totalPages": 1})
        return self._answer(404, {"message": path})

    def _answer(self, status, value):
        headers = {"content-type": "application/json"}
        if self.tells:
            headers["date"] = http_date(self._clock.true_ms())
        return Response(status, headers, b"" if value is None else json.dumps(value).encode())

    def times(self, bodies=None):
        """Time of each value of the point n that arrived, by the value, as the wire says it."""
        found = {}
        for body in self.bodies if bodies is None else bodies:
            for part in body.split(b'{"timestamp":"')[1:]:
                value = part.split(b'"value":"')[1].split(b'"')[0]
                found[int(value)] = parse_text(part[:24].decode())
        return found

    def event_times(self):
        found = {}
        for body in self.bodies:
            for part in body.split(b'{"id":"')[1:]:
                text = part.split(b'"description":"')[1].split(b'"')[0].decode()
                found[text] = parse_text(part.split(b'"timestamp":"')[1][:24].decode())
        return found

    def file_times(self):
        found = {}
        for body in self.bodies:
            for part in body.split(b'{"fileName":"')[1:]:
                time = part.split(b'"creationDate":"')[1][:24].decode()
                found[part.split(b'"')[0].decode()] = parse_text(time)
        return found


class Device:
    """A state directory, its agent, and the platform."""

    def __init__(self, directory, *, clock=None, transport=None, boarding=BOARDING, **settings):
        self.directory = directory
        self.clock = clock or WrongClock()
        self.hub = transport or Hub(self.clock)
        self._boarding = boarding
        self._settings = settings
        self.truth = {}
        self.agent = None
        self.open()
        self.agent.submit(MODEL)

    def open(self):
        if self.agent is not None:
            self.agent.close()
        self.agent = Agent.open(
            self.directory,
            boarding=self._boarding,
            transport=self.hub,
            clock=self.clock,
            upload=UploadSettings(**self._settings),
        )

    def power_cut(self, off_ms=60_000, wall_ms=0):
        self.agent.flush()
        self.agent._buffer.abandon()  # nothing is written any more
        self.agent._state_lock.release()
        self.agent.closed = True
        self.agent = None
        self.clock.start(off_ms, wall_ms)
        self.open()

    def restart(self):
        """The process alone."""
        self.open()

    def record(self, *numbers, every_ms=1000, timestamp=None):
        """One sample for each of *numbers*; `truth` remembers when."""
        for number in numbers:
            self.truth[number] = self.clock.true_ms()
            self.agent.record({"n": number}, timestamp=timestamp, durable=True)
            self.clock.sleep_ms(every_ms)

    def upload(self):
        uploader = self.agent._outgoing._get()
        uploader._sleep_ms = self.clock.sleep_ms
        return self.agent.upload(timeout_s=60)

    def errors_ms(self):
        """By how much the time of each sample that arrived is off."""
        times = self.hub.times()
        return {number: times[number] - self.truth[number] for number in sorted(times)}


def http_date(ms):
    """RFC 9110's form."""
    text = format_ms(ms)
    month = int(text[5:7]) - 1
    return "%s, %s %s %s %s GMT" % (
        _DAYS[ms // 86_400_000 % 7],
        text[8:10],
        _MONTHS[month * 3 : month * 3 + 3],
        text[:4],
        text[11:19],
    )
