"""Unit-test a device script against a local Insights Hub: no account, no network, no mocks.

    pip install 'mcagent[emulator]' pytest
    pytest unit_test_your_script.py

`insights_hub` is a fixture that mcagent brings along: a hub over TLS that is empty in each test.
"""

import json

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, Severity

# -- the device script under test; yours would be imported

POINTS = [DataPoint("temperature", "DOUBLE", unit="°C"), DataPoint("strokes", "LONG")]
MODEL = DataModel("press-7", [DataSource("press", POINTS)])


def send_shift_report(state, boarding, samples, *, ca_file=None, timeout_s=30):
    """Record a shift's samples, raise an event where it got too hot, and upload."""
    with Agent.open(state, boarding=boarding, ca_file=ca_file) as agent:
        agent.submit(MODEL)
        for timestamp_ms, temperature, strokes in samples:
            values = {"temperature": temperature, "strokes": strokes}
            agent.record(values, timestamp=timestamp_ms)
            if temperature > 80:
                agent.submit(Event("press too hot", severity=Severity.ERROR))
        return agent.upload(timeout_s=timeout_s)


# -- its tests

SAMPLES = [(1_767_600_000_000, 71.5, 1200), (1_767_600_060_000, 83.25, 1260)]


def test_samples_and_event_arrive(insights_hub, tmp_path):
    # automap: the hub maps each data point by itself; on the platform a person does it.
    boarding = insights_hub.create_agent("press-7", automap=True)

    report = send_shift_report(str(tmp_path), boarding, SAMPLES, ca_file=insights_hub.ca_file)

    assert report.pending == 0
    insights_hub.settle()  # the platform answers first and processes afterwards; so does the hub
    first, second = insights_hub.stored(aspect="press")
    assert first["_time"] == "2026-01-05T08:00:00.000Z"
    assert first["values"] == {"temperature": 71.5, "strokes": 1200}
    assert second["values"] == {"temperature": 83.25, "strokes": 1260}
    (event,) = insights_hub.received(kind="event")
    assert event["event"]["description"] == "press too hot"


def test_an_outage_delays_and_loses_nothing(insights_hub, tmp_path):
    boarding = insights_hub.create_agent("press-7", automap=True)
    path = tmp_path / "agentconfig.json"
    path.write_text(json.dumps(boarding))
    state, ca_file = str(tmp_path / "state"), insights_hub.ca_file

    insights_hub.disconnect()  # the port is closed: nothing answers
    report = send_shift_report(state, str(path), SAMPLES, ca_file=ca_file, timeout_s=1)
    assert report.delivered == 0
    assert report.pending > 0
    assert report.reason

    insights_hub.reconnect()
    report = send_shift_report(state, str(path), [], ca_file=ca_file)
    assert report.pending == 0
    insights_hub.settle()
    assert len(insights_hub.stored(aspect="press")) == 2


def test_a_refusal_of_the_platform_is_retried(insights_hub, tmp_path):
    boarding = insights_hub.create_agent("press-7", automap=True)
    insights_hub.set_faults(
        [
            {
                "match": "POST /api/mindconnect/v3/exchange",
                "action": "status",
                "status": 503,
                "times": 1,
            }
        ]
    )

    report = send_shift_report(str(tmp_path), boarding, SAMPLES, ca_file=insights_hub.ca_file)

    assert report.pending == 0
    insights_hub.settle()
    assert len(insights_hub.stored(aspect="press")) == 2
