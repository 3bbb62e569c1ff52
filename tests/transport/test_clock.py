"""A certificate refused for the clock alone: the host's clock is measured, and what may follow."""

import datetime as dt
import os
import subprocess
import sys
import time
from email.utils import formatdate

import pytest
import trustme

from mcagent.errors import ConfigurationError
from mcagent.runtime import Clock
from mcagent.transport.cpython import dates
from mcagent.transport.http import Request
from tests.transport.conftest import server_context
from tests.transport.servers import Server
from tests.transport.test_requests import refused

ECDSA = trustme.KeyType.ECDSA
DAY = dt.timedelta(days=1)
DAY_MS = 86_400_000
SECRET = {"Authorization": "Bearer Pl4nted/Secret"}


def now():
    return dt.datetime.now(dt.timezone.utc)


class DatedHost(Server):
    """A host under *certificate* whose clock is *days* ahead of this machine's; None: no Date."""

    def __init__(self, certificate, *, days=0.0, date=None):
        def talk(connection):
            while request := connection.read_request():
                self.requests.append(request)
                moment = formatdate(time.time() + days * 86_400, usegmt=True)
                text = moment if date is None else date
                connection.answer(headers=[f"Date: {text}"] if text else [])

        super().__init__(talk, context=server_context(certificate))


def of_tomorrow(ca, host="localhost"):
    """Valid from tomorrow on: what a device sees whose clock is behind."""
    return ca.issue_cert(host, not_before=now() + DAY, not_after=now() + 90 * DAY, key_type=ECDSA)


def of_yesterday(ca, host="localhost"):
    """Valid until yesterday."""
    return ca.issue_cert(host, not_before=now() - 90 * DAY, not_after=now() - DAY, key_type=ECDSA)


def test_clock_behind_is_measured_and_the_request_goes_out(ca, new_transport):
    """One question without a credential; from then on the certificate is good."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        transport = new_transport()
        for _ in range(2):
            request = Request("POST", host.url + "/path", SECRET, b"body")
            assert transport.send(request).status == 200
        question, *ours = host.requests
        assert [(seen.method, seen.path, seen.body) for seen in ours] == [
            ("POST", "/path", b"body")
        ] * 2
        assert (question.method, question.path, question.body) == ("GET", "/", b"")
        assert "authorization" not in question.headers
        assert "Pl4nted" not in str(question.headers)
        assert abs(transport.clock_offset_ms - 30 * DAY_MS) < 5000
        transport.close()  # another connection is checked by the clock that is known
        assert transport.send(Request("GET", host.url, SECRET)).status == 200
        assert len(host.requests) == 4


def test_the_connection_of_the_question_carries_nothing_else(ca, new_transport):
    """It was made without a check of the dates."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        new_transport().send(Request("GET", host.url, SECRET))
        assert host.connections == 3  # refused, asked, checked


def test_clock_that_is_believed_is_not_measured(ca, new_transport):
    """`clock="system"`: no request, and the error as ever."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        error = refused(new_transport(clock="system"), Request("GET", host.url, SECRET))
        assert (error.kind, host.requests) == ("certificate", [])
    assert "not valid yet" in str(error)


def test_odd_clock_is_refused(new_transport):
    """A typing error must not switch anything."""
    with pytest.raises(ConfigurationError):
        new_transport(clock="sytem")


def test_expired_certificate_stays_an_error_with_its_dates(ca, new_transport):
    """The host agrees that it is over."""
    with DatedHost(of_yesterday(ca)) as host:
        error = refused(new_transport(), Request("GET", host.url, SECRET))
        assert error.kind == "certificate"
        assert "has expired" in str(error)
        assert f"to {now() - DAY:%Y-%m-%d}" in str(error)
        assert "by its own clock" in str(error)
        assert all("authorization" not in seen.headers for seen in host.requests)


def test_host_with_an_expired_certificate_cannot_turn_the_clock_back(ca, new_transport):
    """Who stole the key of an old certificate tells a time of its life: a healthy clock stays."""
    with DatedHost(of_yesterday(ca), days=-30) as host:
        transport = new_transport()
        for _ in range(2):
            error = refused(transport, Request("GET", host.url, SECRET))
            assert "a clock is not turned back" in str(error)
        assert transport.clock_offset_ms is None
        assert all("authorization" not in seen.headers for seen in host.requests)


class ClockOf(Clock):
    def __init__(self, now_ms):
        super().__init__()
        self.wall_ms = now_ms

    def now_ms(self):
        return self.wall_ms


def test_impossible_clock_ahead_is_corrected(ca, new_transport):
    """A clock chip full of noise says 2165."""
    clock = ClockOf(6_150_000_000_000)
    with DatedHost(of_yesterday(ca), days=-30) as host:
        transport = new_transport(clock=clock)
        assert transport.send(Request("GET", host.url, SECRET)).status == 200
        assert transport.clock_offset_ms < -4_000_000_000_000


def test_clock_that_is_set_later_is_taken(ca, new_transport):
    """NTP comes after a while: nothing is asked again, whichever of the two clocks is right."""
    clock = ClockOf(0)
    with DatedHost(of_tomorrow(ca), days=30) as host:
        transport = new_transport(clock=clock)
        transport.send(Request("GET", host.url))
        for clock.wall_ms in (int(time.time() * 1000) + 30 * DAY_MS, 0):
            transport.close()
            assert transport.send(Request("GET", host.url)).status == 200
        assert len(host.requests) == 4


def test_other_host_and_time_stays_an_error(ca, new_transport):
    """Two things are wrong: the one that no clock heals is told, and nothing was asked."""
    with DatedHost(of_tomorrow(ca, "other.example"), days=30) as host:
        error = refused(new_transport(), Request("GET", host.url, SECRET))
        assert "for another host" in str(error)
        assert (error.kind, host.requests) == ("certificate", [])


def test_unknown_ca_and_time_stays_an_error(new_transport):
    """Not one request without verification."""
    stranger = trustme.CA(key_type=ECDSA)
    with DatedHost(of_tomorrow(stranger), days=30) as host:
        error = refused(new_transport(), Request("GET", host.url, SECRET))
        assert "issuer that is not trusted" in str(error)
        assert (error.kind, host.requests) == ("certificate", [])


@pytest.mark.parametrize(
    "date",
    ["", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 06 Nov 9994 08:49:37 GMT", "9" * 400],
)
def test_host_that_tells_no_time_corrects_nothing(ca, new_transport, date):
    """No Date, or an absurd one."""
    with DatedHost(of_tomorrow(ca), date=date) as host:
        error = refused(new_transport(), Request("GET", host.url, SECRET))
        assert "tells no time" in str(error)
        assert error.kind == "certificate"
        assert "not valid yet" in str(error)


def test_host_that_is_silent_when_asked_is_told_so(ca, new_transport):
    """The request itself never left: the kind says so."""

    def talk(connection):
        connection.read_request()

    with Server(talk, context=server_context(of_tomorrow(ca))) as host:
        error = refused(new_transport(), Request("GET", host.url, SECRET))
    assert error.kind == "certificate"
    assert "asked for the time: " in str(error)
    assert "closed the connection" in str(error)


def test_certificate_that_is_not_good_at_the_corrected_time_is_refused(ca, new_transport):
    """Once corrected, dates count as ever: a second host with an older certificate."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        transport = new_transport()
        transport.send(Request("GET", host.url))
        soon_over = ca.issue_cert(
            "localhost", not_before=now() + DAY, not_after=now() + 2 * DAY, key_type=ECDSA
        )
        with DatedHost(soon_over, days=30) as other:
            error = refused(transport, Request("GET", other.url, SECRET))
            assert "has expired" in str(error)
            assert "by its own clock" in str(error)
            assert all("authorization" not in seen.headers for seen in other.requests)


def test_dates_of_the_whole_chain_count(new_transport, tmp_path):
    """OpenSSL checks each; so does what stands in for it."""
    from tests.transport.certificates import chain

    root, leaf_of_expired_issuer = chain(tmp_path, issuer=(-90, 10), leaf=(1, 90))  # days from now
    with Server(
        lambda connection: (
            connection.answer(headers=[_date(30)]) if connection.read_request() else None
        ),
        context=leaf_of_expired_issuer,
    ) as host:
        error = refused(new_transport(ca_file=root), Request("GET", host.url, SECRET))
    assert error.kind == "certificate"
    assert "by its own clock" in str(error)


def _date(days):
    return "Date: " + formatdate(time.time() + days * 86_400, usegmt=True)


def test_through_a_proxy(ca, new_transport, proxy):
    """CONNECT for the question, too."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
        assert transport.send(Request("GET", host.url, SECRET)).status == 200
        assert "authorization" not in host.requests[0].headers
        proxy.wait_for_tunnel(host.port)


IN_1970 = """
import datetime, sys
import urllib3.connection
urllib3.connection.RECENT_DATE = datetime.date(2999, 1, 1)
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Request
print(Urllib3Transport(ca_file=sys.argv[1], proxy="").send(Request("GET", sys.argv[2])).status)
"""


def test_clock_of_1970_is_no_python_warning(tls_server, ca_file):
    """urllib3 would print one to standard error, and end a program that runs with -W error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_1970, ca_file, tls_server.url],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert (done.stdout.strip(), done.stderr) == ("200", "")


def test_no_connection_skips_dates_unwatched(ca, new_transport, monkeypatch):
    """Whoever would forget the check of the dates sends nothing at all."""
    with DatedHost(of_tomorrow(ca), days=30) as host:
        transport = new_transport()
        transport.send(Request("GET", host.url))
        transport.close()
        monkeypatch.setattr(transport._corrected, "check", None)
        with pytest.raises(AssertionError, match="nobody checks the dates"):
            transport.send(Request("GET", host.url, SECRET))
        assert all("authorization" not in seen.headers for seen in host.requests)


def test_verdicts_are_by_the_millisecond():
    """The bounds belong to the validity."""
    chain = [(1000, 5000), (2000, 9000)]
    assert [dates.verdict_at(ms, chain) for ms in (1999, 2000, 5000, 5001)] == [9, 0, 0, 10]


def test_clock_goes_on_by_the_steady_one(ca):
    """What was measured an hour ago is an hour later now, whatever the wall clock did."""
    clock = ClockOf(5_000)
    steady = [1_000]
    clock.monotonic_ms = lambda: steady[0]
    corrected = dates.CorrectedClock(clock)
    corrected.learn(1_800_000_000_000, "host")
    steady[0] += 3_600_000
    corrected.check([(1_800_003_600_000, 1_800_003_600_000)])
    clock.wall_ms = 77_000
    assert corrected.offset_ms == 1_800_003_600_000 - 77_000
