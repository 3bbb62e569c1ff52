"""Waits after an answer, as the uploader takes them: what was asked for, bounds, jitter, reset."""

import itertools
from email.utils import formatdate

import pytest

from mcagent.errors import TransportError
from mcagent.transport.http import Response
from tests.upload.fakes import add_samples
from tests.upload.test_uploader import Bench

# What Retry-After says, and what becomes of it, in s; an int is a date so many seconds from now.
ASKED = [
    ("7", 7),
    ("0", 0),
    (120, 120),
    (-500, 0),
    (86_400 * 365, 300),
    ("300", 300),
    ("301", 300),
    ("99999999", 300),
    ("9" * 15, 300),
    ("-5", 0),
    ("soon", 0),
    ("1e9", 0),
    ("", 0),
]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "expected_s"), ASKED)
def test_retry_after_in_seconds_as_a_date_and_absurd(asked, expected_s, status):
    """A lower bound, itself at most five minutes; the jitter comes on top."""
    for random, jitter_s in ((0.0, 0), (0.5, 0.5)):
        bench = Bench(random=random)
        if isinstance(asked, int):
            # By the platform's clock, which the session knows.
            text = formatdate(bench.session.now_ms() / 1000 + asked, usegmt=True)
        else:
            text = asked
        bench.platform.answers = [Response(status, {"retry-after": text})]
        add_samples(bench.buffer, [1])
        report = bench.upload(timeout_s=0)
        while bench.platform.count("POST", "exchange") == 0:
            report = bench.upload(timeout_s=0)
        assert report.retry_in_s == pytest.approx(expected_s + jitter_s, abs=1)
        sent = bench.platform.count("POST", "exchange")
        bench.clock.sleep_ms(max(0, int(report.retry_in_s * 1000) - 10))
        if report.retry_in_s > 0.1:
            bench.uploader.step()
            assert bench.platform.count("POST", "exchange") == sent, "not a moment earlier"
        bench.clock.sleep_ms(20)
        assert bench.upload().pending == 0


def pause_ms(bench):
    """Until the next request; the link is looked at before, where it gave no answer."""
    return round(bench.uploader.status()["retry_in_s"] * 1000)


def test_nothing_but_a_success_makes_waits_short_again():
    """Not another kind of failure, not a refusal, not a GET that works meanwhile."""
    bench = Bench(random=0.999999, refresh_s=0)
    troubles = [
        Response(503),
        Response(302, {"location": "https://login.example"}),
        Response(200, {"content-type": "text/html"}, b"<html>pay here</html>"),
        Response(202),
        TransportError("no route", kind="connect"),
        Response(408),
        Response(400, {}, b"no"),  # a search begins: only its first request goes wrong, too
        Response(429),
        TransportError("cut", kind="closed"),
        Response(500),
    ]
    bench.platform.answers = list(troubles)
    add_samples(bench.buffer, [1])
    waits = []
    while bench.platform.answers:
        before = len(bench.platform.answers)
        wait_ms = bench.uploader.step()
        if len(bench.platform.answers) < before and wait_ms:
            waits.append(pause_ms(bench))
        bench.clock.sleep_ms(max(1, wait_ms or 1))
    # Doubling throughout; for want of an answer it is a minute at most.
    assert [round(wait_ms / 1000) for wait_ms in waits] == [1, 2, 4, 8, 16, 32, 64, 60, 256]
    gets = bench.platform.count("GET", "dataSourceConfiguration")
    assert gets > 5, "they worked all the time"
    bench.clock.sleep_ms(400_000)
    assert bench.upload(timeout_s=600).pending == 0
    bench.platform.answers = [Response(503)]
    add_samples(bench.buffer, [2])
    bench.clock.sleep_ms(10_000)
    wait_ms = 0
    while not wait_ms:
        wait_ms = bench.uploader.step()
    assert wait_ms == 999


@pytest.mark.parametrize(
    ("failure", "cap_ms"),
    [
        (Response(503), 300_000),
        (Response(429), 300_000),
        (TransportError("no route", kind="connect"), 60_000),
        (Response(302), 60_000),
    ],
)
def test_the_jitter_comes_after_the_cap(failure, cap_ms):
    """At the cap waits are spread over all of it, from 0 on."""
    for random in (0.0, 0.25, 0.999999):
        bench = Bench(random=random)
        bench.uploader._dispatch._backoff.failures = 100
        bench.platform.answers = [failure] * 2
        add_samples(bench.buffer, [1])
        bench.uploader.step()
        if random:
            bench.uploader.step()
        assert pause_ms(bench) == int(random * cap_ms)


@pytest.mark.parametrize("size", [1, 100])
def test_a_413_halves_until_it_fits_and_is_remembered(size):
    """Bodies that the platform refuses for their size are not sent again and again."""
    bench = Bench()
    real_send = bench.platform.send
    refused = []

    def send(request):
        if request.body is not None and request.body.length > 5_000:
            refused.append(request.body.length)
            return Response(413)
        return real_send(request)

    bench.platform.send = send
    add_samples(bench.buffer, range(2_000), size=size)
    assert bench.upload(timeout_s=600).pending == 0
    assert bench.platform.samples == list(range(2_000))
    assert all(b <= a // 2 + 600 for a, b in itertools.pairwise(refused[:3]))
    exchanges = bench.platform.count("POST", "exchange")
    assert len(refused) <= 7 + exchanges // 50, "larger ones are tried again after 50 accepted"
    assert bench.buffer.rejected == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_success_and_is_not_followed(status):
    bench = Bench()
    where = {"location": "https://southgate.example/api/mindconnect/v3/exchange"}
    bench.platform.answers = [Response(status, where)]
    add_samples(bench.buffer, [1])
    bench.uploader.step()
    while bench.platform.count("POST", "exchange") < 1:
        bench.uploader.step()
    assert bench.platform.samples == []
    assert len(bench.buffer.lanes["timeseries"]) == 1
    assert "redirect" in bench.uploader.status()["reason"]


@pytest.mark.parametrize(
    "page",
    [
        Response(200, {"content-type": "text/html"}, b""),
        Response(200, {"content-type": "text/html; charset=utf-8"}, b"<p>log in</p>"),
        Response(200, {"content-type": "application/xhtml+xml"}, b"<html/>"),
        Response(200, {}, b"<!doctype html><title>Hotel</title>"),
        Response(200, {"content-type": "text/plain"}, b"  <HTML><body>"),
    ],
)
def test_a_page_of_a_captive_portal_acknowledges_nothing(page):
    bench = Bench()
    bench.platform.answers = [page]
    add_samples(bench.buffer, range(3))
    while bench.platform.count("POST", "exchange") < 1:
        bench.uploader.step()
    assert bench.buffer.acknowledged == []
    assert "captive portal" in bench.uploader.status()["reason"]
    assert bench.upload(timeout_s=60).delivered == 3
