"""A link that others use, too: bytes leave no faster than the setting says."""

import threading
import time
import tracemalloc

import pytest

from mcagent import Agent, UploadSettings
from mcagent.errors import ConfigurationError
from mcagent.transport import cpython
from mcagent.transport.cpython import pace
from mcagent.transport.http import Request
from tests.patience import with_more_time
from tests.transport.servers import Server
from tests.transport.test_abort import broken_off
from tests.transport.test_requests import GeneratedBody, refused


@pytest.fixture
def clock(monkeypatch):
    """The pace's clock, moved by the test."""
    now = [1000.0]
    monkeypatch.setattr(pace, "monotonic", lambda: now[0])
    return now


def test_rate_is_kept_over_any_number_of_reservations(clock):
    """Whoever waits as told has sent rate by time, and a burst at most."""
    bucket = pace.Pace(1000)
    sent = 0
    for _ in range(50):
        clock[0] += bucket.reserve(100)
        sent += 100
    assert 4.5 <= clock[0] - 1000 <= 5.0
    assert sent == 5000


def test_idle_time_is_not_saved_up(clock):
    """After an hour of silence there is a quarter of a second to spend."""
    bucket = pace.Pace(1000)
    bucket.reserve(1)
    clock[0] += 3600
    free = 0
    while bucket.reserve(10) == 0:
        free += 10
    assert 250 <= free <= 260


@pytest.mark.parametrize("secure", [True, False])
def test_body_takes_its_time(localhost_context, new_transport, secure, figure):
    """30 000 bytes at 20 000 a second; the second request pays, too."""
    with Server(context=localhost_context if secure else None) as server:
        transport = new_transport(max_bytes_per_s=20_000)
        began_s = time.monotonic()
        for _ in range(2):
            request = Request("POST", server.url, body=GeneratedBody(15_000, 4000))
            assert transport.send(request).status == 200
        took_s = time.monotonic() - began_s
        assert [len(seen.body) for seen in server.requests] == [15_000] * 2
    figure(f"30 000 bytes at 20 000/s, {'https' if secure else 'http'}", f"{took_s:.2f} s")
    assert 1.2 < took_s < 7


def test_memory_stays_constant(new_transport):
    """The bucket keeps no bytes."""
    with Server(lambda connection: (connection.read_head(), connection.answer())) as server:
        transport = new_transport(max_bytes_per_s=100_000_000)
        transport.send(Request("GET", server.url))

    def talk(connection):
        connection.read_head()
        left = 20_000_000 - len(connection.take())
        while left:
            left -= len(connection.sock.recv(65_536))
        connection.answer()

    with Server(talk) as server:
        tracemalloc.start()
        try:
            request = Request("POST", server.url, body=GeneratedBody(20_000_000, 65_536))
            assert transport.send(request).status == 200
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 3_000_000


def test_waiting_for_the_bucket_is_broken_off(new_transport):
    """`close` does not wait for a slow pace."""
    begun = threading.Event()

    def talk(connection):
        connection.read_head()
        begun.set()
        connection.sock.recv(1)
        server.stopped.wait(60)

    with Server(talk) as server:
        request = Request("POST", server.url, body=GeneratedBody(100_000, 1000))
        broken_off(new_transport(max_bytes_per_s=200), request, begun)


def test_deadline_ends_the_waiting_for_the_bucket(new_transport):
    """The caller's time counts."""

    def bounded(total_s):
        with Server() as server:
            request = Request("POST", server.url, body=GeneratedBody(100_000, 1000))
            request.total_s = total_s
            began_s = time.monotonic()
            error = refused(new_transport(max_bytes_per_s=1000), request)
            assert time.monotonic() - began_s < 30  # of 100
        assert error.kind == "timeout"  # and not before a connection stood
        assert f"longer than {total_s} s" in str(error)

    with_more_time(bounded, 0.5, 5)


@pytest.mark.parametrize(
    ("body_bytes", "cap", "total_s"),
    [(0, None, 300), (1_000_000, None, 2300), (10_000_000, None, 20_300), (50_000, 1000, 450)],
)
def test_deadline_grows_with_the_body(new_transport, monkeypatch, body_bytes, cap, total_s):
    """At 5 kbit/s a body of a megabyte needs half an hour: it has more."""
    seen = []
    transport = new_transport(max_bytes_per_s=cap)
    monkeypatch.setattr(
        transport, "_with_clock", lambda _request, _url, progress: seen.append(progress.total_s)
    )
    body = GeneratedBody(body_bytes, 1000) if body_bytes else None
    transport.send(Request("POST", "https://southgate.example/", body=body))
    assert seen == [total_s]
    assert cpython.SLOWEST_BYTES_PER_S <= 5000 / 8  # 5 kbit/s, with something to spare


@pytest.mark.parametrize("speed", [0, -1, 50, float("nan")])
def test_speed_that_is_none_is_refused(new_transport, speed):
    """Nothing would ever leave."""
    with pytest.raises(ConfigurationError, match="max_bytes_per_s"):
        new_transport(max_bytes_per_s=speed)


def test_agent_hands_the_setting_on(tmp_path):
    """`UploadSettings` is where a script says it."""
    with Agent.open(tmp_path / "state", upload=UploadSettings(max_bytes_per_s=2000)) as agent:
        transport = agent._outgoing._new_transport()
    assert transport._max_bytes_per_s == 2000
