"""The uploader against the local Insights Hub, which knows nothing of mcagent."""

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, Event
from mcagent.emulator import Emulator
from mcagent.upload.settings import UploadSettings

EXCHANGE = "POST /api/mindconnect/v3/exchange"


@pytest.fixture(scope="module")
def running():
    with Emulator(tls=False, strict=True) as hub:
        yield hub


@pytest.fixture
def hub(running):
    running.clear()
    return running


def model(name, *points):
    return DataModel(name, [DataSource("press", [DataPoint(p, "LONG") for p in points])])


def drain(agent, timeout_s=90):
    report = agent.upload(timeout_s=timeout_s)
    assert report.pending == 0, report
    return report


def stored(hub, point):
    hub.settle()
    return [row["values"][point] for row in hub.stored() if point in row["values"]]


def test_a_model_that_changes_in_mid_outage_costs_nothing(hub, tmp_path):
    """Three models, two restarts, one of them between a model and its first sample."""
    boarding = hub.create_agent("press-7", automap=True)
    with Agent.open(str(tmp_path), boarding=boarding) as agent:
        assert agent.onboard().onboarded
        agent.submit(model("m1", "strokes"))
        for number in range(5):
            agent.record({"strokes": number})
        drain(agent)
        hub.disconnect()
        for number in range(5, 20):
            agent.record({"strokes": number})
        agent.submit(model("m2", "strokes", "parts"))
        for number in range(20, 40):
            agent.record({"strokes": number, "parts": number})
        assert agent.upload(timeout_s=1).pending == 36
    with Agent.open(str(tmp_path)) as agent:
        for number in range(40, 50):
            agent.record({"strokes": number, "parts": number})
        agent.submit(model("m3", "strokes", "parts", "scrap"))
    with Agent.open(str(tmp_path)) as agent:
        for number in range(50, 60):
            agent.record({"strokes": number, "scrap": number})
        hub.reconnect()
        report = drain(agent)
        assert report.delivered == 57
        assert report.set_aside == 0
    assert stored(hub, "strokes") == list(range(60))
    assert stored(hub, "parts") == list(range(20, 50))
    assert stored(hub, "scrap") == list(range(50, 60))
    assert hub.state()["dropped"] == {}
    sent = [line["configuration_id"] for line in hub.received(kind="timeseries")]
    assert sent == ["m1"] * 20 + ["m2"] * 30 + ["m3"] * 10


def test_samples_wait_for_the_operator_s_mapping(hub, tmp_path):
    settings = UploadSettings()
    boarding = hub.create_agent("press-7")
    client_id = boarding["content"]["clientId"]
    with Agent.open(str(tmp_path), boarding=boarding, upload=settings) as agent:
        agent.onboard()
        agent.submit(model("m1", "strokes"))
        agent.record({"strokes": 1})
        agent.submit(Event("started"))
        report = agent.upload(timeout_s=10)
        assert report.pending == 1
        assert "1 of 1 data points have none (strokes)" in report.reason
        assert agent.status().upload["unmapped"] == ["strokes"]
        hub.automap(client_id)
    with Agent.open(str(tmp_path)) as agent:
        drain(agent)
    assert stored(hub, "strokes") == [1]
    assert len(hub.events()) == 1


def test_poison_and_trouble_cost_one_record(hub, tmp_path):
    """The gateway refuses one value, hangs up, is busy, and shows a log-in page."""
    boarding = hub.create_agent("press-7", automap=True)
    with Agent.open(str(tmp_path), boarding=boarding) as agent:
        agent.onboard()
        agent.submit(model("m1", "strokes"))
        drain(agent)
        hub.set_faults(
            [
                {"match": EXCHANGE, "contains": '"665"', "action": "drop_before", "times": 1},
                {"match": EXCHANGE, "action": "status", "status": 503, "times": 1},
                {"match": EXCHANGE, "action": "html", "times": 1},
                {"match": EXCHANGE, "action": "status", "status": 401, "times": 1},
                {
                    "match": EXCHANGE,
                    "contains": '"value":"666"',
                    "action": "status",
                    "status": 400,
                    "times": 1000,
                },
            ]
        )
        for number in range(1000):
            agent.record({"strokes": number}, timestamp=1_795_262_400_000 + number)
        report = drain(agent)
        assert report.set_aside == 1
    assert stored(hub, "strokes") == [n for n in range(1000) if n != 666]
    assert hub.state()["dropped"] == {}


def test_a_lost_answer_repeats_what_arrived_and_changes_nothing(hub, tmp_path):
    boarding = hub.create_agent("press-7", automap=True)
    with Agent.open(str(tmp_path), boarding=boarding) as agent:
        agent.onboard()
        agent.submit(model("m1", "strokes"))
        drain(agent)
        hub.set_faults([{"match": EXCHANGE, "action": "drop_after", "times": 2}])
        for number in range(100):
            agent.record({"strokes": number})
        assert drain(agent).delivered == 100
    assert stored(hub, "strokes") == list(range(100))
    assert len(hub.received(kind="timeseries")) == 300
