"""`mcagent status` for people: the words that are made of a service's answer."""

import copy

import pytest

from mcagent import Agent
from mcagent.cli.status import read, text
from mcagent.pulse import LAST_MINUTE
from mcagent.transport.fake import FakeTransport


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """What a service says that has met nobody yet."""
    state = str(tmp_path_factory.mktemp("status") / "state")
    with Agent.open(state, transport=FakeTransport([])) as agent:
        agent.record({"strokes": 1})
        agent.start()
        status, told_by = read(state)
    status["upload"]["session"]["problem"] = ""
    return dict(status, told_by=told_by)


@pytest.fixture
def status(answer):
    return copy.deepcopy(answer)


def test_speed_and_time_until_all_is_delivered(status):
    """The background thread counts every few seconds; the words are made of its counts."""
    assert {"recorded_per_s", "delivered_per_s", "drained_in_s"} < set(status["worker"])
    status["pending"] = 1000
    status["worker"].update(
        recorded_per_s=2, delivered_per_s=12, drained_in_s=100, drained_basis=LAST_MINUTE
    )
    words = " ".join(text(status, 0).split())
    assert "12 records/s leave, 2 come" in words
    (line,) = [line for line in text(status, 0).splitlines() if line.startswith("all delivered")]
    assert line.split() == ["all", "delivered", "in", "100", "s"]
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
def test_what_the_clock_is_worth(status, change, words):
    """One row that says what becomes of the samples' times; a second where some had to stay."""
    assert status["upload"]["clock"] == CLOCK
    status["upload"]["clock"] = dict(CLOCK, **change)
    status["upload"]["session"]["clock_offset_ms"] = 210
    assert words in " ".join(text(status, 0).split())
    assert "clock offset ms" not in text(status, 0)


def test_the_secrets_end_is_reckoned_by_the_platforms_clock(status):
    """A device three days behind has three days less than its clock says; a refused one none."""
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


def test_what_becomes_of_values_without_a_mapping(status):
    """Some points are mapped, one is not: samples go, and that one's values go nowhere."""
    status["upload"].update(unmapped=["strokes"], unmapped_why={"strokes": "no mapping"})
    words = " ".join(text(status, 0).split())
    assert "not mapped strokes: no mapping. The platform drops their values" in words
    status["upload"]["held"] = {"timeseries": "1 of 1 data points have none"}
    assert "drops their values" not in text(status, 0)


def test_a_mapping_that_ended_unseen(status):
    assert status["upload"]["vanished"] == {}
    status["upload"]["vanished"] = {"strokes": [1_767_600_000_000, 1_767_600_900_000]}
    words = " ".join(text(status, 0).split())
    assert "mapping of strokes ended, or became invalid, between 2026-01-05T08:00:00.000Z" in words


def test_words_from_afar_do_not_reach_the_terminal_as_orders(status):
    """What a captive portal answers may hold escape sequences."""
    status["upload"]["last_error"] = "HTTP 511 \x1b]0;owned\x07\x1b[2J"
    status["notes"] = ["\x1b[31m"]
    shown = text(status, 0)
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


def test_a_long_reason_is_said_once(status):
    """The same paragraph as next, last error, held and problem would hide everything else."""
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
