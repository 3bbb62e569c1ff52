# portable
"""The whole uploader with the real buffer, on either interpreter."""

import json

from mcagent.buffer import Buffer
from mcagent.messages.kinds import EVENT, MODEL, SAMPLE
from mcagent.transport.http import Response
from mcagent.upload.modelrecord import join_model
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.helpers import TemporaryDirectory

MODEL_1 = (
    b'{"configurationId":"m1","dataSources":[{"name":"press","dataPoints":'
    b'[{"id":"a","name":"a","type":"LONG","unit":""}]}]}'
)


class Clock:
    ms = 1000

    def monotonic_ms(self):
        return self.ms

    def now_ms(self):
        return 1_795_262_400_000 + self.ms

    def boot_id(self):
        return b"0123456789abcdef"

    def trusted(self):
        return True

    def sleep_ms(self, duration_ms):
        self.ms += duration_ms


class Platform:
    """A session whose platform keeps the bodies that it accepts."""

    base_url = "https://southgate.example"
    client_id = "0f5b7c1d"
    correlation_id = "0" * 32
    platform_steady_ms = None

    def __init__(self, refused=b"nothing like this"):
        self.refused = refused
        self.model = b'{"configurationId":null,"dataSources":[]}'
        self.bodies = []
        self.trouble = []

    @property
    def lifecycle(self):
        return self

    def secrets(self):
        return []

    def now_ms(self):
        return 0

    def retry_now(self):
        pass

    def probe(self):
        return None

    def status(self):
        return {}

    def send(self, request):
        if "dataSourceConfiguration" in request.url:
            return Response(200, {}, self.model)
        if "dataPointMappings" in request.url:
            page = {"content": [{"dataPointId": "a", "keepMapping": True}], "totalPages": 1}
            return Response(200, {}, json.dumps(page).encode())
        body = b"".join(list(request.body.chunks()))
        assert len(body) == request.body.length
        if self.trouble:
            return self.trouble.pop(0)
        if self.refused in body:
            return Response(400)
        if b'"type":"dataSourceConfiguration"' in body:
            start = body.index(b'{"configurationId":"m')
            self.model = body[start : body.index(b"\r\n", start)]
        self.bodies.append(body)
        return Response(200)


def drain(directory, platform, samples, events):
    clock = Clock()
    buffer = Buffer(directory, clock=clock)
    buffer.open()
    buffer.append("models", MODEL, join_model(1, MODEL_1))
    for number in range(samples):
        payload = b'{"n":%d}' % number
        buffer.append("timeseries", SAMPLE, payload, configuration_id="m1")
    for number in range(events):
        buffer.append("events", EVENT, b'{"e":%d}' % number)
    uploader = Uploader(
        buffer,
        platform,
        clock=clock,
        random_unit=lambda: 0.5,
        settings=UploadSettings(max_timeseries_bytes=500, max_exchange_bytes=2000),
        sleep_ms=clock.sleep_ms,
    )
    report = uploader.upload(timeout_s=3600)
    buffer.close()
    return report


def numbers(platform, name):
    """Every number after ``{"n":`` in all accepted bodies, in order."""
    found = []
    for body in platform.bodies:
        found += [int(part.split(b"}")[0]) for part in body.split(b'{"%s":' % name)[1:]]
    return found


def test_a_backlog_drains_in_order():
    with TemporaryDirectory() as directory:
        platform = Platform()
        report = drain(directory, platform, 300, 20)
    assert (report.delivered, report.pending, report.set_aside) == (321, 0, 0)
    assert numbers(platform, b"n") == list(range(300))
    assert numbers(platform, b"e") == list(range(20))
    assert all(len(body) <= 2000 for body in platform.bodies)


def test_trouble_and_poison_cost_one_record():
    with TemporaryDirectory() as directory:
        platform = Platform(refused=b'{"n":77}')
        platform.trouble = [Response(503), Response(429, {"retry-after": "7"}), Response(413)]
        report = drain(directory, platform, 200, 5)
    assert (report.delivered, report.pending, report.set_aside) == (205, 0, 1)
    assert numbers(platform, b"n") == [n for n in range(200) if n != 77]
