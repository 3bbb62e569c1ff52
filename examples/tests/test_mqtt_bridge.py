"""mqtt_bridge.py with mosquitto (Debian: apt-get install mosquitto)."""

import json
import os
import shutil
import socket
import subprocess
import time

import pytest
from paho.mqtt import publish


class Broker:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = folder / "mosquitto.log"
        path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if path is None:
            pytest.skip("mosquitto is not installed")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([path, "-v", "-p", str(self.port)], stderr=log)
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def says(self, text):
        return text in self.log.read_text()

    def send(self, topic, payload):
        publish.single(topic, payload, qos=1, hostname="127.0.0.1", port=self.port)


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.process.terminate()
    broker.process.wait()


@pytest.fixture
def bridge(collector, broker):
    script = collector("mqtt_bridge", port=broker.port)
    script.wait_for(lambda: broker.says("Received SUBSCRIBE"))
    return script


def test_payloads_arrive_as_the_table_says(insights_hub, bridge, broker):
    broker.send("press/7/oil", "71.5")
    state = {"at": "2026-01-05T08:00:00Z", "counters": {"strokes": 1200}}
    broker.send("press/7/state", json.dumps(state))
    bridge.wait_for(lambda: len(insights_hub.stored()) == 2)
    assert bridge.stop() == 0
    assert insights_hub.stored(aspect="oil_temperature")[0]["values"]["oil_temperature"] == 71.5
    (record,) = insights_hub.stored(aspect="strokes")
    assert record["_time"] == "2026-01-05T08:00:00.000Z"
    assert record["values"] == {"strokes": 1200}


def test_what_came_while_the_bridge_was_dead_is_sent_again(
    insights_hub, bridge, broker, collector
):
    bridge.kill()
    broker.send("press/7/oil", "71.5")
    bridge = collector("mqtt_bridge", port=broker.port)
    bridge.wait_for(insights_hub.stored)
    assert bridge.stop() == 0


def test_a_payload_that_is_no_number_is_told_and_the_next_arrives(insights_hub, bridge, broker):
    broker.send("press/7/oil", "n/a")
    broker.send("press/7/oil", "72")
    bridge.wait_for(insights_hub.stored)
    assert bridge.stop() == 0
    assert "'n/a' is no DOUBLE" in bridge.output
    (record,) = insights_hub.stored()
    assert record["values"] == {"oil_temperature": 72.0}
