"""A buffer in memory, a clock, a session without credentials, and a platform to talk to."""

import bisect
import email
import json

from mcagent.errors import TransportError
from mcagent.messages.kinds import EVENT, LANE_OF_KIND, MODEL, SAMPLE
from mcagent.runtime import PLAUSIBLE_MS
from mcagent.transport.http import Response
from mcagent.upload.modelrecord import join_model

LANES = ("models", "events", "timeseries", "files")
BASE_URL = "https://southgate.example"
CLIENT_ID = "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"


class FakeClock:
    """Time goes on only by `sleep_ms`; the wall clock jumps by `wall_ms`, what it says for `ms` 0."""

    def __init__(self, wall_ms=1_795_262_400_000):
        self.ms = 1_000_000
        self.wall_ms = wall_ms
        self.boot = b"a boot of a test"

    def monotonic_ms(self):
        return self.ms

    def now_ms(self):
        return self.wall_ms + self.ms

    def boot_id(self):
        return self.boot

    def trusted(self):
        return self.now_ms() >= PLAUSIBLE_MS

    def sleep_ms(self, duration_ms):
        self.ms += duration_ms


class Record:
    def __init__(self, sequence, kind, payload, configuration_id):
        self.sequence = sequence
        self.kind = kind
        self.payload = payload
        self.context = Context(configuration_id)


class Context:
    trusted = True

    def __init__(self, configuration_id):
        self.configuration_id = configuration_id


class Boots:
    """All times are known."""

    unknown = False

    def look(self, platform_ms):
        pass


class Batch:
    def __init__(self, lane, records):
        self.lane = lane
        self._records = records
        self.first = records[0].sequence
        self.last = records[-1].sequence
        self.count = len(records)
        self.kind = records[0].kind
        self.contexts = [records[0].context]
        self.configuration_id = records[0].context.configuration_id
        self.payload_bytes = sum(len(r.payload) for r in records) + len(records) - 1

    def records(self):
        yield from self._records

    def chunks(self):
        yield b",".join(r.payload for r in self._records)


class MemoryBuffer:
    """The uploader's side of a buffer, with the checks that the real one makes by design.

    *cut_again*: what was released is cut again, or a part of it, never more; so it is after a
    crash.
    """

    def __init__(self, *, cut_again=False):
        self._cut_again = cut_again
        self.lanes = {lane: [] for lane in LANES}
        self._next = dict.fromkeys(LANES, 1)
        self._durable = dict.fromkeys(LANES, 0)
        self._released = dict.fromkeys(LANES, 0)  # a released batch is cut again, or a part
        self._out = {}
        self.boots = Boots()
        self.acknowledged = []
        self.rejected = []

    def append(self, lane, kind, payload, *, configuration_id=None, durable=False):
        sequence = self._next[lane]
        self._next[lane] += 1
        self.lanes[lane].append(Record(sequence, kind, payload, configuration_id or ""))
        if lane != "timeseries":  # samples are synced in groups, the others one by one
            self.flush(lane)
        return sequence

    def next_sequence(self, lane):
        return self._next[lane]

    def flush(self, lane=None):
        for name in LANES if lane is None else [lane]:
            self._durable[name] = self._next[name] - 1

    def first_record(self, lane):
        rows = self.lanes[lane]
        return rows[0] if rows and rows[0].sequence <= self._durable[lane] else None

    def cut(self, lane, *, max_bytes, max_records, max_sequence=None):
        assert lane not in self._out, "one batch of a lane at a time: " + lane
        rows = self.lanes[lane]
        if rows and rows[0].sequence > self._durable[lane]:
            self.flush(lane)
        last = self._durable[lane]
        if self._cut_again and rows and rows[0].sequence <= self._released[lane]:
            last = min(last, self._released[lane])
        if max_sequence is not None:
            last = min(last, max_sequence)
        taken = []
        size = -1
        for record in self.lanes[lane][:max_records]:
            size += len(record.payload) + 1
            if record.sequence > last:
                break
            if taken and (
                size > max_bytes
                or record.kind != taken[0].kind
                or record.context.configuration_id != taken[0].context.configuration_id
            ):
                break
            taken.append(record)
        if not taken:
            return None
        self._out[lane] = Batch(lane, taken)
        self._released[lane] = taken[-1].sequence
        return self._out[lane]

    def ack(self, batches):
        for batch in batches if isinstance(batches, list) else [batches]:
            assert self._out.pop(batch.lane) is batch
            for sequence in range(batch.first, batch.last + 1):
                assert self.lanes[batch.lane].pop(0).sequence == sequence
                self.acknowledged.append((batch.lane, sequence))

    def release(self, batch, *, again=True):
        assert self._out.pop(batch.lane) is batch
        if not again:
            self._released[batch.lane] = 0

    def set_aside(self, lane, sequence, reason):
        assert lane not in self._out
        record = self.lanes[lane].pop(0)
        assert record.sequence == sequence
        self.rejected.append((lane, sequence, reason))
        return True

    def unreported_losses(self):
        return []

    def status(self):
        return {"lanes": {lane: {"records": len(rows)} for lane, rows in self.lanes.items()}}

    @property
    def pinned(self):
        return sorted(self._out)


class FakeSession:
    """Sends to a `FakePlatform`."""

    base_url = BASE_URL
    client_id = CLIENT_ID
    correlation_id = "0123456789abcdef0123456789abcdef"

    def __init__(self, platform, clock):
        self.platform = platform
        self._clock = clock

    platform_steady_ms = None
    wait_ms = 0

    @property
    def lifecycle(self):
        return self

    def secrets(self):
        return []

    def now_ms(self):
        return self._clock.now_ms()

    def connect(self):
        pass

    def send(self, request):
        return self.platform.send(request)

    def retry_now(self):
        pass

    def probe(self):
        return None  # cannot tell

    def status(self):
        return {}


class FakePlatform:
    """Accepts exchanges as the platform does; `answers` come first, then `refuses` is asked.

    A late model: the configuration of an exchange is shown only after `model_delay` GETs.
    """

    def __init__(self, configuration=None, mapped=()):
        self.configuration = configuration
        self.mapped = list(mapped)
        self.requests = []
        self.exchanges = []  # list of items: {"type", "configuration_id", "records"}
        self.answers = []
        self.refuses = lambda item: False
        self.refusal = 400
        self.model_delay = 0
        self.mappings_status = 200
        self.configuration_status = 200
        self.dropped = []  # samples whose configuration id was not the present one
        self.largest = 0  # body
        self.largest_timeseries = 0
        self._coming = []

    def send(self, request):
        path = request.url[len(BASE_URL) :].split("?")[0]
        self.requests.append((request.method, path))
        if path.endswith("/dataSourceConfiguration"):
            return self._show_configuration()
        if path.endswith("/dataPointMappings"):
            assert CLIENT_ID in request.url
            assert "size=2000" in request.url
            content = [
                {"dataPointId": point, "keepMapping": True} if isinstance(point, str) else point
                for point in self.mapped
            ]
            page = {"content": content, "totalPages": 1}
            return Response(self.mappings_status, {}, json.dumps(page).encode())
        assert path == "/api/mindconnect/v3/exchange"
        body = b"".join(request.body.chunks())
        assert len(body) == request.body.length
        self.largest = max(self.largest, len(body))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, TransportError):
                raise answer
            if answer is not None:
                return answer
        items = parse_exchange(request.headers["Content-Type"], body)
        for item in items:
            if item["type"] == "standardTimeSeries":
                self.largest_timeseries = max(self.largest_timeseries, item["bytes"])
        if any(self.refuses(item) for item in items):
            return Response(self.refusal, {}, b'{"message": "not like this"}')
        self.exchanges.append(items)
        for item in items:
            self._take(item)
        return Response(200)

    def _take(self, item):
        if item["type"] == "dataSourceConfiguration":
            self._coming.append([self.model_delay, item["records"][0]])
        if item["type"] == "standardTimeSeries":
            present = (self.configuration or {}).get("configurationId")
            if item["configuration_id"] != present:
                self.dropped += item["records"]

    def _show_configuration(self):
        for coming in list(self._coming):
            if coming[0] <= 0:
                self.configuration = coming[1]
                self.mapped = [one for one in self.mapped if not _is_lost(one)]
                self._coming.remove(coming)
            coming[0] -= 1
        if self.configuration is None:
            return Response(404, {}, b'{"message": "none"}')
        shown = dict(self.configuration, id="1", eTag="1")
        return Response(self.configuration_status, {}, json.dumps(shown).encode())

    def received(self, kind):
        """Every record of payload type *kind*, in order of arrival."""
        return [
            record
            for items in self.exchanges
            for item in items
            if item["type"] == kind
            for record in item["records"]
        ]

    @property
    def samples(self):
        return [sample["n"] for sample in self.received("standardTimeSeries")]

    def count(self, method, end):
        return sum(1 for sent, path in self.requests if sent == method and path.endswith(end))


def _is_lost(mapping):
    """A new model deletes it."""
    return isinstance(mapping, dict) and not mapping.get("keepMapping")


def parse_exchange(content_type, body):
    """Items of an exchange body, by the standard library's parser."""
    head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    items = []
    for part in email.message_from_bytes(head + body).get_payload():
        meta, content = part.get_payload()
        payload = json.loads(meta.get_payload())["payload"]
        data = content.get_payload(decode=True)
        records = [data]
        if payload["type"] in ("standardTimeSeries", "businessEvent"):
            records = json.loads(data)
        elif payload["type"] == "dataSourceConfiguration":
            records = [json.loads(data)]
        details = payload.get("details") or {}
        items.append(
            {
                "type": payload["type"],
                "configuration_id": details.get("configurationId", ""),
                "details": details,
                "bytes": len(data),
                "records": records,
            }
        )
    return items


def out_of_place(numbers):
    """How few of *numbers* would have to be taken out to leave the rest in order."""
    ends = []  # of the rising sequences of each length, the least last number
    for number in numbers:
        place = bisect.bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(numbers) - len(ends)


def configuration(configuration_id, *points):
    return {
        "configurationId": configuration_id,
        "dataSources": [
            {
                "name": "press",
                "dataPoints": [{"id": p, "name": p, "type": "DOUBLE", "unit": ""} for p in points],
            }
        ],
    }


def add_samples(buffer, numbers, configuration_id="m1", size=0):
    for number in numbers:
        payload = '{"n":%d,"pad":"%s"}' % (number, "x" * size)
        buffer.append("timeseries", SAMPLE, payload.encode(), configuration_id=configuration_id)


def add_events(buffer, numbers, size=0):
    for number in numbers:
        payload = '{"e":%d,"pad":"%s"}' % (number, "x" * size)
        buffer.append(LANE_OF_KIND[EVENT], EVENT, payload.encode())


def add_model(buffer, value):
    payload = join_model(buffer.next_sequence("timeseries"), json.dumps(value).encode())
    return buffer.append("models", MODEL, payload)
