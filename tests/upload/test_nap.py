"""How a wait ends: by its time, or early, by news; never by looking again and again."""

import pytest

from mcagent.errors import TransportError
from mcagent.transport.http import Response
from mcagent.upload.nap import NAP_MS
from tests.upload.fakes import add_events, add_model, configuration
from tests.upload.test_with_buffer import Bench

HOUR_MS = 3_600_000


@pytest.fixture
def bench(tmp_path):
    """Its link was cut once, and the platform refuses a data model: a lane is held, no more."""
    bench = Bench(tmp_path)
    add_model(bench.buffer, configuration("m2", "a"))
    real_send = bench.platform.send
    troubles = [TransportError("cut", kind="closed")]

    def send(request):
        if request.method == "GET":
            return real_send(request)
        if troubles:
            raise troubles.pop()
        return (
            Response(400, {})
            if b"dataSource" in b"".join(request.body.chunks())
            else (real_send(request))
        )

    bench.platform.send = send
    bench.naps = []
    sleep_ms = bench.clock.sleep_ms

    def nap(duration_ms):
        bench.naps.append(duration_ms)
        sleep_ms(duration_ms)

    bench.uploader._sleep_ms = nap
    yield bench
    bench.close()


def test_a_held_lane_is_not_looked_at_every_millisecond_after_an_outage(bench):
    """The probe of the link that was cut is over with the pause."""
    pieces = []
    real_piece = bench.uploader._piece
    bench.uploader._piece = lambda now_ms: pieces.append(now_ms) or real_piece(now_ms)
    bench.upload(timeout_s=HOUR_MS // 1000)
    assert bench.uploader.status()["held"].keys() == {"models"}
    assert len(bench.naps) <= HOUR_MS // NAP_MS + 20
    assert len(pieces) <= 60, "a piece of work reads the disk: not once a second for nothing"
    assert bench.uploader.step() > NAP_MS


def test_what_another_thread_records_is_sent_within_a_second(bench):
    sleep_ms = bench.uploader._sleep_ms

    def nap(duration_ms):
        sleep_ms(duration_ms)
        if len(bench.naps) == 100:
            add_events(bench.buffer, [7])
            bench.recorded_ms = bench.clock.monotonic_ms()

    bench.uploader._sleep_ms = nap
    real_send = bench.platform.send

    def send(request):
        response = real_send(request)
        if bench.platform.received("businessEvent") and not hasattr(bench, "sent_ms"):
            bench.sent_ms = bench.clock.monotonic_ms()
        return response

    bench.platform.send = send
    bench.upload(timeout_s=HOUR_MS // 1000)
    assert bench.sent_ms - bench.recorded_ms <= NAP_MS
