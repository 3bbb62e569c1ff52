"""A limit with hysteresis: two events, whatever trembles, fails or is killed in between."""

import math
import os
from decimal import Decimal

import pytest

from mcagent import Agent, ConfigurationError, Severity
from mcagent.errors import BufferFull
from mcagent.threshold import Threshold
from tests.test_agent import stored


@pytest.fixture
def agent(tmp_path):
    with Agent.open(str(tmp_path / "state")) as agent:
        yield agent


def events(agent):
    """(severity, description) of each event in the buffer."""
    return [(event["severity"], event["description"]) for event in stored(agent, "events")]


def test_one_event_at_the_limit_and_one_when_it_is_over(agent):
    """What lies between the two changes nothing, however often it passes the limit."""
    hot = Threshold(agent, "oil too hot", on=80, off=75, unit="°C")
    seen = [hot.see(value) for value in (79, 80, 80.5, 79, 81, 75, 80.5, 74.9, 79, 76)]
    assert seen == [False, False, True, True, True, True, True, False, False, False]
    assert events(agent) == [
        (Severity.WARNING, "oil too hot: 80.5 °C is above 80 °C"),
        (Severity.INFORMATION, "oil too hot: over: 74.9 °C is below 75 °C"),
    ]


def test_a_lower_limit_is_the_same_the_other_way_round(agent):
    low = Threshold(agent, "tank empty", on=Decimal("0.1"), off=Decimal("0.2"), severity=20)
    assert [low.see(Decimal(text)) for text in ("0.15", "0.1", "0.09", "0.2", "0.21")] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert events(agent) == [
        (20, "tank empty: 0.09 is below 0.1"),
        (40, "tank empty: over: 0.21 is above 0.2"),
    ]


def test_the_two_events_belong_together_and_have_the_time_of_their_values(agent):
    hot = Threshold(agent, "hot", on=80, off=75, details={"component": "pump"})
    for number, value in enumerate((81, 70, 81)):
        hot.see(value, 1_767_600_000_000 + number)
    begun, over, again = stored(agent, "events")
    assert begun["correlationId"] == over["correlationId"] != again["correlationId"]
    assert [one["timestamp"][-5:] for one in (begun, over, again)] == [".000Z", ".001Z", ".002Z"]
    assert begun["details"] == {"component": "pump"}
    assert begun["id"] != over["id"]


def test_a_sensor_that_failed_ends_no_alarm_and_begins_none(agent):
    hot = Threshold(agent, "hot", on=80, off=75)
    assert [hot.see(value) for value in (None, math.nan, 81, None, math.nan)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert len(events(agent)) == 1


def test_a_restart_tells_no_beginning_twice_and_no_end_never(tmp_path):
    """An alarm that nobody ended stays on a screen for ever; one that comes at each start, too."""
    total = 0
    for values, told in (((81, 90), 1), ((85, 79), 0), ((60,), 1), ((60, 70), 0), ((81,), 1)):
        with Agent.open(str(tmp_path)) as agent:
            hot = Threshold(agent, "hot", on=80, off=75)
            assert not Threshold(agent, "another", on=80, off=75).active
            for value in values:
                hot.see(value)
            total += told
            assert agent.status().lanes["events"]["records"] == total
    with Agent.open(str(tmp_path)) as agent:
        groups = [event["correlationId"] for event in stored(agent, "events")]
    assert groups[0] == groups[1] != groups[2]


def test_a_damaged_memory_still_says_that_it_began(agent):
    Threshold(agent, "hot", on=80, off=75).see(81)
    folder = os.path.join(agent.directory, "thresholds")
    (name,) = os.listdir(folder)
    for damage in (b"", b"[]", b"\xff{", b'{"group": 7}'):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(damage)
        assert Threshold(agent, "hot", on=80, off=75).active


def test_an_event_that_the_disk_does_not_take_is_tried_again(agent, caplog, monkeypatch):
    """With the next value; the log has it once."""
    hot = Threshold(agent, "hot", on=80, off=75)
    with monkeypatch.context() as patch:

        def full(_message):
            raise BufferFull("the disk is full")

        patch.setattr(agent, "submit", full)
        assert not hot.see(81)
        assert not hot.see(82)
        assert "no event yet: the disk is full" in caplog.text
        assert len(caplog.records) == 1
    assert hot.see(83)
    assert events(agent) == [(30, "hot: 83 is above 80")]


def test_a_state_directory_that_cannot_be_written_is_told(agent, caplog):
    """The events go on; what a restart will do is said."""
    with open(os.path.join(agent.directory, "thresholds"), "w", encoding="utf-8"):
        pass  # a file where the folder belongs
    hot = Threshold(agent, "hot", on=80, off=75)
    assert hot.see(81)
    assert "a restart will tell it again" in caplog.text
    assert not hot.see(70)
    assert len(events(agent)) == 2


@pytest.mark.parametrize("pair", [(80, 80), (math.nan, 75), (80, math.nan)])
def test_a_band_without_room_is_refused(agent, pair):
    with pytest.raises(ConfigurationError, match="no room between") as caught:
        Threshold(agent, "hot", on=pair[0], off=pair[1])
    assert "lower limit" in caught.value.hint


def test_a_long_name_is_cut_in_the_event(agent):
    Threshold(agent, "n" * 500, on=80, off=75).see(81)
    ((_severity, text),) = events(agent)
    assert text.endswith("81 is above 80")
