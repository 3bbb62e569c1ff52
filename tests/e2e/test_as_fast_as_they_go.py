"""Default timestamps against a platform that replaces the whole record of an equal time."""

import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, InvalidMessage
from mcagent.emulator import Emulator

MODEL = DataModel("fast-1", [DataSource("line", [DataPoint("number", "LONG")])])
COUNT = 10_000


@pytest.mark.slow
def test_ten_thousand_calls_as_fast_as_they_go_all_arrive(tmp_path):
    """10 000 `record()` calls: every sample is stored, none replaced another."""
    with Emulator(strict=True) as hub:
        boarding = hub.create_agent("fast", automap=True)
        with Agent.open(str(tmp_path), boarding=boarding, ca_file=hub.ca_file) as agent:
            agent.submit(MODEL)
            for number in range(COUNT):
                record_when_allowed(agent, {"number": number})
            report = agent.upload(timeout_s=120)
            assert report.pending == 0, report
        hub.settle(30)
        values = [
            row["values"]["number"]
            for asset in {row["asset"] for row in hub.stored()}
            for row in hub.stored(asset)
        ]
    assert sorted(int(value) for value in values) == list(range(COUNT))


def record_when_allowed(agent, values):
    """The refusal of more than 1 000 samples a second loses nothing: the same call works later."""
    while True:
        try:
            return agent.record(values)
        except InvalidMessage as error:
            assert "explicit timestamps" in error.message
            time.sleep(0.001)
