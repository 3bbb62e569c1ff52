"""examples/mqtt_bridge.py with mosquitto. `tox -e examples`."""

import json

import pytest

from tests.examples import mqtt
from tests.examples.scene import Scene, answers, wait_for


@pytest.fixture(autouse=True)
def broker_is_installed(tool_missing):
    if mqtt.mosquitto() is None:
        tool_missing("mosquitto is not installed")


@pytest.mark.slow
def test_what_the_broker_took_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, SIGKILL of the bridge twice, the broker restarted and killed."""
    for comparison in mqtt.run(tmp_path):
        figure("mqtt_bridge", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 50


BAD = [
    ("press/7/oil", b"n/a", "'n/a' is no DOUBLE"),
    ("press/7/oil", b"", "'' is no DOUBLE"),
    ("press/7/oil", b"NaN", "nan is outside DOUBLE"),
    ("press/7/oil", b"\xff\x00", "cannot read"),
    ("press/7/state", b"{", "cannot read"),
    ("press/7/state", b'{"counters": 1, "at": "2026-01-05T08:00:00Z"}', "cannot read"),
    ("press/7/state", b'{"counters": {"strokes": 1}}', "'at'"),
    ("press/7/state", b'{"counters": {"strokes": 1}, "at": "noon"}', "'noon' is no time"),
    (
        "press/7/state",
        b'{"counters": {"strokes": 9223372036854775808}, "at": "2026-01-05T08:00:00Z"}',
        "9223372036854775808",
    ),
    ("press/7/state", b'{"counters": {"strokes": ' + b"[" * 50_000 + b"}}", "cannot read"),
]
WRONG_POINT = '\n[[points]]\nid = "group"\ntopic = "press/+/oil"\n'


def run_with(scene, topic, payload, text):
    """Start broker and bridge, publish *payload*, and give the bridge's output with *text*."""
    broker, port = mqtt.broker_of(scene)
    broker.start()
    wait_for(lambda: answers(port), broker.output)
    bridge = scene.collector(port=port, more=WRONG_POINT).start()
    wait_for(lambda: "Received SUBSCRIBE" in broker.output(), bridge.output)
    machine = mqtt.Publisher(port)
    machine.send(topic, payload)
    state = {"at": "2026-01-05T08:00:01Z", "counters": {"strokes": 12}}
    machine.send("press/7/state", json.dumps(state))
    machine.send("press/7/oil", "7.25")
    wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
    wait_for(lambda: text in bridge.output(), bridge.output)
    machine.client.disconnect()
    machine.client.loop_stop()
    assert bridge.stop() == 0
    return bridge.output()


@pytest.mark.parametrize("bad", BAD, ids=[text for _topic, _payload, text in BAD])
def test_a_message_that_nobody_can_use_is_told_and_the_rest_goes_on(tmp_path, bad):
    """In one line, counted, and acknowledged: the broker would send it for ever."""
    topic, payload, text = bad
    with Scene(tmp_path, "mqtt_bridge") as scene:
        output = run_with(scene, topic, payload, text)
        assert "Traceback" not in output
        point = "oil_temperature" if topic.endswith("oil") else "strokes"
        assert f"{topic} → {point} 1" in output or f"{topic} 1" in output
        assert "'press/+/oil' is no single topic" in output
        assert list(scene.stored("oil_temperature").values()) == [7.25]
        assert scene.stored("strokes") == {"2026-01-05T08:00:01.000Z": 12}
