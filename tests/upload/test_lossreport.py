"""What the buffer had to give up is told to the platform, past the buffer, and not too often."""

import json

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from mcagent.errors import TransportError
from mcagent.messages.kinds import EVENT
from mcagent.transport.http import Response
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import FakeClock, FakePlatform, FakeSession, configuration

_HOUR_MS = 3_600_000


class Bench:
    """An events lane of 32 KiB on disk, an uploader, a platform that notes what comes."""

    def __init__(self, path, **values):
        self.path = str(path)
        self.platform = FakePlatform(configuration("m1", "a"), mapped=["a"])
        self.clock = FakeClock()
        self.settings = UploadSettings(**values)
        self.restart()

    def restart(self):
        self.buffer = Buffer(
            self.path + "/buffer",
            clock=self.clock,
            settings=BufferSettings(events=LaneSettings(32 * 1024)),
        )
        self.buffer.open()
        self.uploader = Uploader(
            self.buffer,
            FakeSession(self.platform, self.clock),
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=self.settings,
            sleep_ms=self.clock.sleep_ms,
        )

    def lose(self, records=500):
        """Fill the events lane over its quota; return how many records it lost so far."""
        for number in range(records):
            self.buffer.append("events", EVENT, b'{"e":%d,"pad":"%s"}' % (number, b"x" * 100))
        return self.buffer.status()["lanes"]["events"]["dropped"]["quota"]["records"]

    @property
    def reports(self):
        return [
            event
            for event in self.platform.received("businessEvent")
            if (event.get("details") or {}).get("code") == "records-lost"
        ]


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.buffer.close()


def test_a_loss_is_one_event_with_its_figures(bench):
    """It comes first, and does not pass through the lane that is full."""
    lost = bench.lose()
    stored = bench.buffer.status()["lanes"]["events"]["next_sequence"] - 1
    bench.uploader.upload()
    (event,) = bench.reports
    assert event["description"].startswith(
        f"{lost} records of the lane events are lost since the last report, {lost} in all "
        f"(quota {lost}), the latest on 20"
    )
    assert event["severity"] == 30
    assert event["details"] == {
        "source": "mcagent",
        "code": "records-lost",
        "component": "events",
        "acknowledged": False,
    }
    assert bench.platform.exchanges[0][0]["records"] == [event]
    assert len(bench.platform.received("businessEvent")) == 1 + 500 - lost
    assert stored == 500


def test_at_most_one_event_an_hour_and_lane_also_across_a_restart(bench):
    """What is lost meanwhile is in the next one."""
    first = bench.lose()
    bench.uploader.upload()
    second = bench.lose()
    bench.clock.sleep_ms(_HOUR_MS // 2)
    bench.uploader.upload()
    assert len(bench.reports) == 1
    bench.buffer.close()
    bench.restart()
    bench.uploader.upload()
    assert len(bench.reports) == 1
    bench.clock.sleep_ms(_HOUR_MS // 2)
    bench.uploader.upload()
    assert len(bench.reports) == 2
    assert f"{second - first} records" in bench.reports[1]["description"]
    assert f"{second} in all" in bench.reports[1]["description"]
    bench.clock.sleep_ms(2 * _HOUR_MS)
    bench.uploader.upload()
    assert len(bench.reports) == 2  # nothing new


def test_without_an_answer_the_same_event_goes_again(bench):
    """Same id, so that the platform can know it."""
    bench.lose()
    bench.platform.answers.append(TransportError("no route", hint="", kind="connect"))
    sent = []
    take = bench.platform.send

    def send(request):
        if request.body is not None:
            sent.append(b"".join(request.body.chunks()))
        return take(request)

    bench.platform.send = send
    bench.uploader.upload()
    (event,) = bench.reports
    assert bench.buffer.unreported_losses() == []
    assert [event["id"].encode() in body for body in sent[:3]] == [True, True, False]


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_platform_that_does_not_want_it_gets_everything_else(bench, status):
    """The event is tried again in an hour; no record waits for it, none is suspected."""
    lost = bench.lose()
    bench.platform.answers.append(Response(status, {}, b'{"message": "no"}'))
    report = bench.uploader.upload()
    assert (report.pending, report.set_aside) == (0, 0)
    assert bench.reports == []
    bench.clock.sleep_ms(_HOUR_MS)
    bench.uploader.upload()
    assert f"{lost} records" in bench.reports[0]["description"]


def test_it_can_be_switched_off(tmp_path):
    """loss_events=False: the losses stay in the status."""
    bench = Bench(tmp_path, loss_events=False)
    bench.lose()
    bench.uploader.upload()
    assert bench.reports == []
    assert bench.buffer.unreported_losses()[0]["lane"] == "events"
    bench.buffer.close()


def test_the_hub_takes_the_event(tmp_path):
    """An emulator that judges strictly finds nothing wrong with it."""
    from mcagent import Agent
    from mcagent.emulator import Emulator

    with Emulator() as hub:
        boarding = hub.create_agent("lossy", automap=True)
        with Agent.open(
            str(tmp_path / "state"),
            boarding=boarding,
            ca_file=hub.ca_file,
            buffer=BufferSettings(events=LaneSettings(32 * 1024)),
        ) as agent:
            from mcagent import Event

            for number in range(300):
                agent.submit(Event("event %d" % number))
            assert agent.upload(30).pending == 0
        hub.settle(10)
        events = hub.received(kind="event")
    texts = [json.dumps(event) for event in events]
    assert sum("records-lost" in text for text in texts) == 1
