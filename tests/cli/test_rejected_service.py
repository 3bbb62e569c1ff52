"""`mcagent rejected replay` and `drop` beside a service: what it made of it is printed."""

import os
import time

import pytest

from mcagent import Agent
from mcagent.buffer import Buffer
from mcagent.errors import BufferFull
from mcagent.transport.fake import FakeTransport
from tests.cli.running import inside, refused
from tests.cli.test_rejected import NAMES, build, names


@pytest.fixture
def state(tmp_path):
    return build(tmp_path / "state")


@pytest.fixture
def service(state):
    with Agent.open(state, transport=FakeTransport([])) as agent:
        agent.start()
        yield agent


def test_what_was_dropped_is_said_when_it_is(state, service):
    result = inside("rejected", "drop", "events/1", "files/1", "--yes", "--json", state=state)
    assert result.code == 0, result
    assert result.json["place"] == "service"
    assert result.json["records"] == ["events/1", "files/1"]
    assert result.json["kept"] == []
    assert set(names(state)) == set(NAMES) - {"events/1", "files/1"}


def test_what_cannot_come_back_is_named_with_its_reason(state, service):
    """A data model stays; the rest is done. As without a service: exit code 1."""
    result = inside("rejected", "replay", "--all", state=state)
    assert result.code == 1
    assert result.out == "4 refused records put back to be sent by the service\n"
    assert "models/1 stays where it is: a newer data model replaced it" in result.err
    assert names(state) == ["models/1"]


def test_a_full_lane_says_so_from_the_service(state, service, monkeypatch):
    def full(self, decide, _most):
        decide(self.first_record("rejected"))
        return 0, BufferFull("no room in the lane timeseries")

    monkeypatch.setattr(Buffer, "resolve_rejected", full)
    result = inside("rejected", "replay", "timeseries/1", state=state)
    assert result.code == 8
    assert "1 refused record left where they are: the service says: " in result.err
    assert "no room in the lane timeseries" in result.err
    assert names(state) == NAMES


def test_an_owner_that_is_busy_is_not_waited_for_without_end(state):
    """No thread, no step: the command ends, says what will happen, and nothing is lost."""
    with Agent.open(state, transport=FakeTransport([])) as agent:
        began_s = time.monotonic()
        result = inside("rejected", "drop", "events/1", "--yes", "--wait", "0.3", state=state)
        assert 0.3 <= time.monotonic() - began_s < 5
        assert result.code == 1
        assert "left in the inbox, and not done within 0.3 s" in result.err
        assert str(os.getpid()) in result.err
        assert names(state) == NAMES
        agent._intake.take(agent._inbox, agent._note)
        assert "events/1" not in names(state)


def test_a_service_of_before_that_knows_no_such_message(state, monkeypatch):
    monkeypatch.setattr("mcagent.rejected.DROP", "another word")
    with Agent.open(state, transport=FakeTransport([])) as agent:
        agent.start()
        result = inside("rejected", "drop", "events/1", "--yes", state=state)
    assert result.code == 4
    assert "the service does not know how to do this" in result.err
    assert names(state) == NAMES


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "soon"])
def test_a_time_that_is_none(state, wait):
    refused(
        inside("rejected", "drop", "events/1", "--yes", "--wait", wait, state=state), 2, "wait"
    )
