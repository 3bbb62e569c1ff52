"""What samples or a model must know first is not told: they wait, and nothing else does."""

import json

import pytest

from mcagent.transport.http import Response
from tests.upload.fakes import FakePlatform, add_events, add_model, add_samples
from tests.upload.test_uploader import MODEL_1, Bench, no_answer

HOUR_S = 3600


@pytest.mark.parametrize("status", [429, 500, 503, 405])
def test_mappings_that_are_not_told_hold_up_the_samples_alone(status):
    """The very first look: events and files need no mapping. The samples' turn comes, too."""
    bench = Bench()
    bench.platform.mappings_status = status
    add_samples(bench.buffer, range(3))
    add_events(bench.buffer, [1])
    report = bench.upload()
    assert bench.platform.received("businessEvent") == [{"e": 1, "pad": ""}]
    assert bench.platform.samples == []
    assert report.pending == 3
    assert "HTTP %d" % status in report.reason
    status_now = bench.uploader.status()
    assert list(status_now["waiting"]) == ["timeseries"]
    assert "mappings" in status_now["waiting"]["timeseries"]
    assert "HTTP %d" % status in status_now["last_error"]
    add_events(bench.buffer, [2])
    assert bench.upload(5).delivered == 1
    bench.platform.mappings_status = 200
    bench.upload(HOUR_S)
    assert bench.platform.samples == [0, 1, 2]


def test_the_platforms_wish_to_wait_is_the_samples_alone():
    """429 with Retry-After of four minutes: no look before, events at once."""
    bench = Bench()
    platform = bench.platform
    send = platform.send

    def limited(request):
        answer = send(request)
        if request.url.partition("?")[0].endswith("dataPointMappings"):
            return Response(429, {"retry-after": "240"}, b"{}")
        return answer

    platform.send = limited
    add_samples(bench.buffer, range(3))
    bench.upload(200)
    assert platform.count("GET", "dataPointMappings") == 1
    add_events(bench.buffer, [1])
    assert bench.upload(5).delivered == 1
    assert platform.count("GET", "dataPointMappings") == 1
    bench.upload(300)
    assert platform.count("GET", "dataPointMappings") >= 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_model_whose_place_is_not_told_holds_up_no_event(status):
    """Its own samples wait behind it; those before it go, and events."""
    bench = Bench(FakePlatform(None))
    bench.platform.configuration = MODEL_1
    bench.platform.mapped = ["a", "b"]
    bench.platform.configuration_status = status
    add_model(bench.buffer, MODEL_1)
    add_samples(bench.buffer, range(3))
    add_events(bench.buffer, [1])
    report = bench.upload()
    assert bench.platform.received("businessEvent") == [{"e": 1, "pad": ""}]
    assert report.pending == 4
    assert "HTTP %d" % status in report.reason
    bench.platform.configuration_status = 200
    bench.upload(HOUR_S)
    assert bench.buffer.status()["lanes"]["timeseries"]["records"] == 0
    assert bench.platform.samples == [0, 1, 2]


def test_no_answer_at_all_is_the_links_matter():
    """Nothing else would pass either: one pause for all, with its probe."""
    bench = Bench()
    bench.platform.send = lambda _request: (_ for _ in ()).throw(no_answer())
    add_samples(bench.buffer, range(3))
    add_events(bench.buffer, [1])
    assert bench.upload(5).delivered == 0
    assert bench.uploader._dispatch.offline


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "text/html"}, b"<html>pay here</html>"),
        Response(302, {"location": "https://login.example"}),
        Response(403, {"content-type": "text/html"}, b"<html>blocked by policy</html>"),
        Response(404, {"content-type": "text/html"}, b"<html>no such route</html>"),
    ],
)
def test_a_captive_portal_is_the_links_matter_too(answer):
    """It answers in the platform's place: an exchange would only be one request more in vain."""
    bench = Bench()
    requests = []

    def send(request):
        requests.append(request.method)
        return answer

    bench.platform.send = send
    add_samples(bench.buffer, range(3))
    add_events(bench.buffer, [1])
    bench.uploader.step()
    assert requests == ["GET"]
    assert bench.uploader._dispatch.pause_until_ms > bench.clock.ms


@pytest.mark.parametrize("status", [403, 404])
def test_a_page_in_the_place_of_the_mappings_sends_no_model_and_no_sample(status):
    """As if the agent had no right, or no model: the one would send samples unchecked, the other
    the device's model once more."""
    bench = Bench()
    page = Response(status, {"content-type": "text/html"}, b"<html>an upset gateway</html>")
    send = bench.platform.send
    bench.local_model = json.dumps(MODEL_1).encode()
    bench.platform.send = lambda request: page if request.method == "GET" else send(request)
    add_samples(bench.buffer, range(3))
    assert bench.upload(200).delivered == 0
    assert bench.platform.count("POST", "exchange") == 0
    assert "captive portal" in bench.uploader.status()["last_error"]
    assert bench.uploader.status()["held"] == {}
    bench.platform.send = send
    bench.upload(200)
    assert bench.platform.samples == [0, 1, 2]
    assert bench.platform.received("dataSourceConfiguration") == []
