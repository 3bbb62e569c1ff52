"""A device whose clock is wrong works all the same: against the emulator, over TLS."""

import datetime as dt
import ssl
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, File
from mcagent.emulator import Emulator
from mcagent.emulator.authority import Authority
from mcagent.runtime import Clock

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])
MONTH_S = 30 * 86_400
HOUR_MS = 3_600_000
PROFILES = ("SHARED_SECRET", "RSA_3072")


@pytest.fixture
def certificate_of_tomorrow(monkeypatch):
    """The hub's certificate begins after the clock of this machine."""

    def server_context(authority, *_names):
        begin = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = authority._ca.issue_cert(
            "localhost", not_before=begin, not_after=begin + dt.timedelta(days=90)
        )
        certificate.configure_cert(context)
        return context

    monkeypatch.setattr(Authority, "server_context", server_context)


def uploads(hub, state, profile):
    """Onboard an agent of *profile*, upload 20 samples; its status."""
    boarding = hub.create_agent("press-7", security_profile=profile, automap=True)
    with Agent.open(state, boarding=boarding, ca_file=hub.ca_file) as agent:
        assert agent.onboard().onboarded
        agent.submit(MODEL)
        for number in range(20):
            agent.record({"strokes": number}, timestamp=1_790_000_000_000 + number)
        report = agent.upload(timeout_s=60)
        assert (report.delivered, report.pending) == (21, 0), report.reason
        status = agent.status()
    hub.settle()
    assert [row["values"]["strokes"] for row in hub.stored()] == list(range(20))
    return status


@pytest.mark.parametrize("profile", PROFILES)
def test_certificate_that_begins_after_the_clock(
    certificate_of_tomorrow, tmp_path, figure, profile
):
    """The clock stands before the certificate: measured, shown, used to sign."""
    with Emulator(strict=True, settings={"processing_delay_s": 0.0}) as hub:
        hub.set_clock(MONTH_S)
        status = uploads(hub, tmp_path / "state", profile)
        offset_s = status.upload["session"]["clock_offset_ms"] / 1000
        figure(f"clock 30 days behind, certificate of tomorrow, {profile}", f"{offset_s:.0f} s")
        assert abs(offset_s - MONTH_S) < 10


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("offset_s", [MONTH_S, -MONTH_S])
def test_platform_30_days_off_with_a_good_certificate(tmp_path, offset_s, profile):
    """TLS has no objection; the signature would."""
    with Emulator(strict=True, settings={"processing_delay_s": 0.0}) as hub:
        hub.set_clock(offset_s)
        status = uploads(hub, tmp_path / "state", profile)
        assert abs(status.upload["session"]["clock_offset_ms"] / 1000 - offset_s) < 10


def test_system_clock_that_is_believed_keeps_everything(certificate_of_tomorrow, tmp_path):
    """`clock="system"`: not a request, and not a record lost."""
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        hub.set_clock(MONTH_S)
        boarding = hub.create_agent("press-7", automap=True)
        state = str(tmp_path / "state")
        with Agent.open(state, boarding=boarding, ca_file=hub.ca_file, clock="system") as agent:
            result = agent.onboard()
            assert not result.onboarded
            assert "not valid yet" in result.reason
            assert time.strftime("%Y-%m-%d", time.gmtime()) in result.reason
            agent.submit(MODEL)
            agent.record({"strokes": 1})
            assert agent.upload(timeout_s=1).pending == 2
        with Agent.open(state, ca_file=hub.ca_file) as agent:
            assert agent.upload(timeout_s=60).pending == 0


class Since1970(Clock):
    """A device without RTC: the clock counts from its start, and so does everything real."""

    def __init__(self):
        super().__init__()
        self.began_ms = super().now_ms()

    def now_ms(self):
        return super().now_ms() - self.began_ms + HOUR_MS


@pytest.mark.parametrize("profile", PROFILES)
def test_device_of_1970_and_a_certificate_of_tomorrow(
    certificate_of_tomorrow, tmp_path, figure, profile
):
    """From power-on to samples, an event and a file that the hub has at their true time."""
    with Emulator(strict=True, settings={"processing_delay_s": 0.0}) as hub:
        hub.set_clock(MONTH_S)
        boarding = hub.create_agent("press-7", security_profile=profile, automap=True)
        state = str(tmp_path / "state")
        with Agent.open(state, boarding=boarding, ca_file=hub.ca_file, clock=Since1970()) as agent:
            agent.submit(MODEL)
            before_s = time.time() + MONTH_S
            for number in range(20):
                agent.record({"strokes": number})
            agent.submit(Event("started"))
            agent.submit(File(b"x", name="log.txt"))
            after_s = time.time() + MONTH_S
            report = agent.upload(timeout_s=60)
            assert (report.delivered, report.pending) == (23, 0), report.reason
        hub.settle()
        # No signature was refused: the time was known before the first.
        assert hub.state()["requests"].get("POST /api/agentmanagement/v3/oauth/token") == 1
        found = sorted(hub.stored(), key=lambda row: row["values"]["strokes"])
        texts = [row["_time"] for row in found]
        texts += [hub.events()[0]["event"]["timestamp"], hub.files()[0]["created"]]
        times = [dt.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts]
        assert len(set(times[:20])) == 20
        figure(
            f"device of 1970, {profile}",
            f"first sample {times[0].timestamp() - before_s:+.2f} s off on the hub",
        )
        for moment in times:
            assert before_s - 30 <= moment.timestamp() <= after_s + 30  # wrong is an hour
        # The next start has credentials, and no time: it asks before it signs.
        with Agent.open(state, ca_file=hub.ca_file, clock=Since1970()) as agent:
            agent.record({"strokes": 20})
            assert agent.upload(timeout_s=60).pending == 0
        assert hub.state()["requests"].get("POST /api/agentmanagement/v3/oauth/token") == 2
