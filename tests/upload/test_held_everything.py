"""Where somebody has to act before anything goes, a monitoring system can see it."""

import pytest

from mcagent.errors import CredentialError
from mcagent.transport.http import Response
from tests.upload.fakes import add_events, add_samples
from tests.upload.test_uploader import Bench, no_answer


def bench_with(answer):
    bench = Bench()
    bench.platform.answers = [answer]
    add_events(bench.buffer, [1])
    bench.upload(5)
    return bench


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_waiting_does_not_mend_is_held(status):
    """Offboarded, a right is missing, a wrong host: until something is accepted."""
    bench = bench_with(Response(status, {}, b'{"message": "not you"}'))
    held = bench.uploader.status()["held"]
    assert list(held) == ["everything"]
    assert "HTTP %d" % status in held["everything"]
    bench.clock.sleep_ms(20 * 60_000)
    assert bench.uploader.status()["held"] == held, "until it is known to be over"
    assert bench.upload().delivered == 1
    assert bench.uploader.status()["held"] == {}


@pytest.mark.parametrize("answer", [Response(503), Response(429), no_answer()])
def test_what_passes_by_itself_is_not(answer):
    assert bench_with(answer).uploader.status()["held"] == {}


def test_an_outage_after_it_is_one():
    bench = bench_with(Response(403))
    bench.platform.answers = [no_answer()]
    bench.clock.sleep_ms(20 * 60_000)
    bench.upload(1)
    assert bench.uploader.status()["held"] == {}


def test_a_token_that_the_platform_does_not_give_now_is_asked_for_when_it_wants():
    """`Retry-After` of the token's answer: no sooner is there anything to try."""
    bench = Bench(random=0.0)
    refusal = CredentialError("no access token yet: the platform answered 429")
    refusal.retryable = True
    tries = []

    def send(_request):
        tries.append(bench.clock.ms)
        raise refusal

    bench.session.send = send
    bench.session.wait_ms = 120_000
    add_events(bench.buffer, [1])
    report = bench.upload(30)
    assert len(tries) == 1
    assert report.retry_in_s == 120
    assert bench.uploader.status()["held"] == {}


def test_what_another_thread_records_during_a_long_upload_goes_at_once():
    """`upload(3600)` sits out a held lane; the other lanes are not asleep with it."""
    bench = Bench()
    bench.platform.refuses = lambda item: item["type"] == "businessEvent"
    add_events(bench.buffer, [1])
    recorded_ms = []

    def sleep_ms(duration_ms):
        bench.clock.ms += duration_ms
        if bench.clock.ms > 1_060_000 and not recorded_ms:
            recorded_ms.append(bench.clock.ms)
            add_samples(bench.buffer, [1])
        if bench.platform.samples and len(recorded_ms) == 1:
            recorded_ms.append(bench.clock.ms)

    bench.uploader._sleep_ms = sleep_ms
    bench.uploader.upload(3600)
    assert bench.platform.samples == [1]
    assert recorded_ms[1] - recorded_ms[0] <= 2000
