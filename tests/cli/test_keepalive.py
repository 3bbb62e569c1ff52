"""`mcagent keepalive` against the hub: renewed, rotated, beside a service, offline, refused."""

import json
import time

import pytest

from mcagent.agent import Agent
from mcagent.emulator import Emulator
from tests.cli.running import inside, refused, write_json

DAY_S = 86_400


@pytest.fixture
def hub():
    """A hub of its own: its clock and its settings are changed."""
    with Emulator(tls=False, strict=True) as hub:
        yield hub


@pytest.fixture
def state(hub, tmp_path):
    """A device that is onboarded."""
    directory = tmp_path / "state"
    boarding = write_json(tmp_path / "agentconfig.json", hub.create_agent("press-7"))
    assert inside("onboard", boarding, state=directory).code == 0
    return directory


def rotations(hub):
    requests = hub.state()["requests"]
    return sum(count for name, count in requests.items() if name.startswith("PUT "))


def test_it_renews_and_says_how_long_that_lasts(hub, state):
    result = inside("keepalive", "--json", state=state)
    assert result.code == 0
    value = result.json
    assert value["alive"] is True
    assert value["rotated"] is False
    assert value["days_left"] == pytest.approx(7, abs=0.1)
    assert value["secret_expires_ms"] == pytest.approx(time.time() * 1000 + 7e3 * DAY_S, abs=60e3)
    assert value["warning"] == value["reason"] == value["owner"] == ""
    assert "good until" in inside("keepalive", state=state).out
    assert rotations(hub) == 0


def test_it_rotates_before_the_next_run_would_be_too_late(hub, state):
    """Runs a week apart, and a secret of seven days: a third of it would not be enough."""
    result = inside("keepalive", "--rotate-before", "8", "--json", state=state)
    assert result.code == 0
    assert result.json["rotated"] is True
    assert rotations(hub) == 1
    hub.change_settings(secret_life_s=30 * DAY_S)
    assert "new secret" in inside("keepalive", "--rotate-before", "8", state=state).out
    assert (
        inside("keepalive", "--rotate-before", "8", "--json", state=state).json["rotated"] is False
    )


def test_it_rotates_from_a_third_of_the_life_on(hub, state):
    hub.set_clock(4.5 * DAY_S)
    assert inside("keepalive", "--json", state=state).json["rotated"] is False
    hub.set_clock(4.8 * DAY_S)
    result = inside("keepalive", "--json", state=state)
    assert result.json["rotated"] is True
    assert result.json["days_left"] == pytest.approx(7, abs=0.1)


def test_daily_runs_keep_an_idle_device_alive_for_a_month(hub, state):
    for day in range(1, 31):
        if day == 11:
            continue  # no power, on a day when the secret is due for rotation
        hub.set_clock(day * DAY_S)
        result = inside("keepalive", "--json", state=state)
        assert result.code == 0, (day, result)
        assert result.json["days_left"] > 1
    assert rotations(hub) >= 5


@pytest.mark.slow
def test_beside_a_service_it_changes_nothing_and_says_so(hub, state):
    agent = Agent.open(str(state))
    try:
        result = inside("keepalive", state=state)
        assert result.code == 0
        assert "which keeps the credentials alive" in result.out
        assert "in use by pid" in result.out
        value = inside("keepalive", "--json", state=state).json
        assert value["alive"] is None
        assert "in use by pid" in value["owner"]
        assert value["days_left"] == pytest.approx(7, abs=0.1)
    finally:
        agent.close()


@pytest.mark.slow
def test_beside_a_service_a_wrong_clock_of_the_device_is_no_alarm(hub, tmp_path):
    """Forty days ahead of the platform: by this device's clock alone the secret would be over."""
    hub.set_clock(-40 * DAY_S)
    state = tmp_path / "state"
    with Agent.open(str(state), boarding=hub.create_agent("press-7")) as agent:
        assert agent.onboard()
        assert agent.keep_alive()
        agent.start()
        result = inside("keepalive", "--json", state=state)
        assert (result.code, result.err) == (0, "")
        assert result.json["days_left"] == pytest.approx(7, abs=0.1)
        assert result.json["warning"] == ""
        assert "good until" in inside("keepalive", state=state).out


def test_offline_it_says_when_that_will_be_too_late(hub, state):
    hub.disconnect()
    result = inside("keepalive", "--json", state=state)
    assert result.code == 6
    assert result.json["alive"] is False
    assert result.json["days_left"] == pytest.approx(7, abs=0.1)
    assert result.json["reason"]
    hub.reconnect()
    assert inside("keepalive", state=state).code == 0


def test_a_refused_rotation_is_not_complete(hub, state):
    """The secret works for a day more; cron's mail says so."""
    hub.set_clock(6.1 * DAY_S)
    rule = {"match": "PUT /api/agentmanagement/v3/register/*", "action": "status", "status": 401}
    hub.set_faults([rule])
    result = inside("keepalive", "--json", state=state)
    assert result.code == 1
    assert result.json["alive"] is True
    assert "refuses to renew the client secret" in result.err


def test_an_expired_secret_is_the_operators(hub, state):
    hub.set_clock(9 * DAY_S)
    result = inside("keepalive", state=state)
    refused(result, 5, "the client secret expired at", "offboards agent")


def test_without_credentials(tmp_path):
    refused(inside("keepalive", state=tmp_path / "new"), 5, "no boarding configuration")


@pytest.mark.parametrize("days", ["-1", "nan", "soon", "1e9"])
def test_days_that_are_none(days, state):
    result = inside("keepalive", f"--rotate-before={days}", state=state)
    assert result.code == 2
    assert "days" in result.err


def test_status_warns_of_what_ends(state, monkeypatch):
    """From a third of the life on, with the date and the remedy."""
    session = inside("status", "--json", state=state).json["upload"]["session"]
    assert session["warning"] == ""
    assert session["secret_days_left"] == pytest.approx(7, abs=0.1)
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 5 * DAY_S * 10**9)
    result = inside("status", state=state)
    assert "mcagent keepalive" in result.out
    assert "in 2.0 days" in result.out
    assert json.loads(inside("status", "--json", state=state).out)["upload"]["session"]["warning"]
