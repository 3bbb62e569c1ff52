"""`mcagent status`: of a running service all that it knows, of no service what its files tell."""

import time

import pytest

from mcagent import Agent
from mcagent.cli.status import text
from mcagent.emulator import Emulator
from mcagent.pulse import LAST_MINUTE
from tests.cli.running import inside, mcagent, refused, write_json


@pytest.fixture
def hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def agent(hub, device, tmp_path):
    """A service that has been running for a moment, with its model delivered."""
    boarding = write_json(tmp_path / "boarding.json", hub.create_agent("press-7", automap=True))
    with Agent.open(device, boarding=str(boarding)) as agent:
        agent.record({"strokes": 1})
        assert agent.upload().pending == 0
        agent.start()
        yield agent


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_running_service_tells_what_it_does_next_and_why(hub, agent, device):
    """The hub is gone: the pause, its reason, the last error, the token, the clock, the proxy."""
    hub.stop()
    agent.record({"strokes": 2})
    wait_for(lambda: agent.status().upload["last_error"])
    status = mcagent("status", "--json", state=device).json
    assert status["told_by"].startswith("the service, pid ")
    assert status["pending"] == 1
    upload = status["upload"]
    assert "refused the connection" in upload["reason"]
    assert upload["last_error_s"] < 20
    assert upload["last_success_s"] is not None
    session = upload["session"]
    assert session["proxy"] == ""
    assert abs(session["clock_offset_ms"]) < 5000
    assert session["token_expires_ms"] > time.time() * 1000
    people = inside("status", state=device).out
    for words in (
        "told by the service, pid ",
        "next  ",
        "last error",
        "ago)",
        "last success",
        "proxy   ",
    ):
        assert words in people, people


def test_what_is_held_and_why(hub, agent, device):
    """Without a mapping samples are held: named, from another process."""
    boarding = hub.create_agent("press-8")  # no mappings
    with Agent.open(str(device) + "-8", boarding=boarding) as other:
        assert inside("status", state=str(device) + "-8").code == 0
        other.submit(agent.model)
        other.record({"strokes": 1})
        other.start()
        wait_for(lambda: other.status().upload["held"])
        status = inside("status", "--json", state=str(device) + "-8").json
        assert "strokes" in status["upload"]["unmapped"]
        assert "mapping" in status["upload"]["held"]["timeseries"]
        assert "held timeseries" in inside("status", state=str(device) + "-8").out


def test_speed_and_time_until_all_is_delivered(agent, device):
    """The background thread counts every few seconds; the words are made of its counts."""
    status = inside("status", "--json", state=device).json
    assert {"recorded_per_s", "delivered_per_s", "drained_in_s"} < set(status["worker"])
    status["pending"] = 1000
    status["worker"].update(
        recorded_per_s=2, delivered_per_s=12, drained_in_s=100, drained_basis=LAST_MINUTE
    )
    words = " ".join(text(status, 0).split())
    assert "12 records/s leave, 2 come" in words
    assert "all delivered in 100 s last success" in words
    status["worker"].update(drained_basis="once it is sent again, at 12 a second")
    assert "in 100 s once it is sent again, at 12 a second" in text(status, 0)
    status["worker"].update(drained_in_s=None, drained_basis="no more leave than come")
    assert "nobody can say: no more leave than come" in text(status, 0)


CLOCK = {"trusted": True, "unknown": False, "kept": 0, "note": "", "wrong": ""}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "clock set; the platform's is +0.2 s"),
        (
            {"wrong": "this device's clock is 9 s behind"},
            "clock this device's clock is 9 s behind",
        ),
        ({"trusted": False, "unknown": True}, "clock not set, and the platform has not told"),
        ({"trusted": False}, "clock not set; the platform told the time"),
        ({"note": "3 samples were kept", "kept": 3}, "kept for their time 3 samples were kept"),
    ],
)
def test_what_the_clock_is_worth(agent, device, change, words):
    """One row that says what becomes of the samples' times; a second where some had to stay."""
    status = inside("status", "--json", state=device).json
    assert status["upload"]["clock"] == CLOCK
    status["upload"]["clock"] = dict(CLOCK, **change)
    status["upload"]["session"]["clock_offset_ms"] = 210
    assert words in " ".join(text(status, 0).split())
    assert "clock offset ms" not in text(status, 0)


def test_the_secrets_end_is_reckoned_by_the_platforms_clock(agent, device):
    """A device three days behind has three days less than its clock says; a refused one none."""
    status = inside("status", "--json", state=device).json
    session = status["upload"]["session"]
    session.update(clock_offset_ms=3 * 86_400_000, secret_expires_ms=1_767_600_000_000)
    now_ms = 1_767_600_000_000 - 7 * 86_400_000
    words = " ".join(text(status, now_ms).split())
    assert "secret expires 2026-01-05T08:00:00.000Z (in 4 d)" in words
    session["clock_offset_ms"] = 8 * 86_400_000
    assert "2026-01-05T08:00:00.000Z (over)" in text(status, now_ms)
    session["problem"] = "the platform refuses the credentials of this agent"
    assert "2026-01-05" not in text(status, now_ms)
    assert "what to do" in text(status, now_ms)


def test_what_becomes_of_values_without_a_mapping(agent, device):
    """Some points are mapped, one is not: samples go, and that one's values go nowhere."""
    status = inside("status", "--json", state=device).json
    status["upload"].update(unmapped=["strokes"], unmapped_why={"strokes": "no mapping"})
    words = " ".join(text(status, 0).split())
    assert "not mapped strokes: no mapping. The platform drops their values" in words
    status["upload"]["held"] = {"timeseries": "1 of 1 data points have none"}
    assert "drops their values" not in text(status, 0)


def test_a_mapping_that_ended_unseen(agent, device):
    status = inside("status", "--json", state=device).json
    assert status["upload"]["vanished"] == {}
    status["upload"]["vanished"] = {"strokes": [1_767_600_000_000, 1_767_600_900_000]}
    words = " ".join(text(status, 0).split())
    assert "mapping of strokes ended, or became invalid, between 2026-01-05T08:00:00.000Z" in words


def test_words_from_afar_do_not_reach_the_terminal_as_orders(agent, device):
    """What a captive portal answers may hold escape sequences."""
    status = inside("status", "--json", state=device).json
    status["upload"]["last_error"] = "HTTP 511 \x1b]0;owned\x07\x1b[2J"
    status["notes"] = ["\x1b[31m"]
    shown = text(status, 0)
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


def test_without_a_service_the_files_tell(agent, device):
    agent.record({"strokes": 2})
    agent.stop()
    agent.flush()
    status = inside("status", "--json", state=device).json
    assert "only Agent.start() and Agent.run() tell" in status["told_by"]
    agent.close()
    status = inside("status", "--json", state=device).json
    assert status["told_by"] == "its files (no process has it)"
    assert "pid" not in status


def test_a_long_reason_is_said_once(agent, device):
    """The same paragraph as next, last error, held and problem would hide everything else."""
    status = inside("status", "--json", state=device).json
    problem = "the platform refuses the credentials of this agent: it was offboarded, or " * 2
    reason = problem + ". an operator offboards the agent"
    status["pending"] = 3
    status["upload"].update(
        reason=reason,
        retry_in_s=20,
        last_error=reason,
        last_error_s=5,
        held={"everything": reason},
    )
    status["upload"]["session"]["problem"] = problem
    shown = " ".join(text(status, 0).split())
    assert shown.count(problem.strip()) == 1
    assert "next the next try is in 20 s: the platform refuses" in shown
    assert "last error as above (5 s ago)" in shown
    assert "held everything as above" in shown
    assert "problem as above" in shown


def test_an_unset_variable_of_a_script_is_not_another_device(device, monkeypatch):
    """`--state "$DIR"` without DIR must not show, or fill, what MCAGENT_STATE names."""
    monkeypatch.setenv("MCAGENT_STATE", str(device))
    assert inside("status").code == 0
    refused(inside("status", state=""), 2, "--state names no directory", "unset")
