"""opcua_collector.py with asyncua's server in this process."""

import socket
import time

import pytest
from asyncua import ua
from asyncua.sync import Server


@pytest.fixture
def server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.url = f"opc.tcp://127.0.0.1:{port}"
    space = server.register_namespace("press")
    objects = server.nodes.objects
    server.strokes = objects.add_variable(ua.NodeId("strokes", space), "strokes", 1)
    server.oil = objects.add_variable(ua.NodeId("oil_temperature", space), "oil", 21.5)
    with server:
        yield server


def strokes(hub):
    hub.settle()
    rows = sorted(hub.stored(aspect="strokes"), key=lambda row: row["_time"])
    return [row["values"]["strokes"] for row in rows]


def test_changes_arrive_also_those_of_an_outage(insights_hub, collector, server):
    script = collector("opcua_collector", url=server.url, publish_every_s=0.1)
    script.wait_for(lambda: strokes(insights_hub) == [1])
    insights_hub.disconnect()
    known = script.durable()
    for number in range(2, 12):
        server.strokes.write_value(number)
        time.sleep(0.01)  # the source's times count milliseconds: one value for each
    script.wait_for(lambda: script.durable() >= known + 10)
    insights_hub.reconnect()
    script.wait_for(lambda: strokes(insights_hub) == list(range(1, 12)))
    assert script.stop() == 0


def test_a_status_is_a_quality_code(insights_hub, collector, server):
    script = collector("opcua_collector", url=server.url, publish_every_s=0.1)
    script.wait_for(lambda: insights_hub.stored(aspect="oil_temperature"))
    status = ua.StatusCode(ua.StatusCodes.UncertainSensorNotAccurate)
    server.oil.write_value(ua.DataValue(ua.Variant(22.5), status))
    script.wait_for(lambda: len(insights_hub.stored(aspect="oil_temperature")) == 2)
    assert script.stop() == 0
    record = max(insights_hub.stored(aspect="oil_temperature"), key=lambda row: row["_time"])
    assert record["values"] == {"oil_temperature": 22.5}
    assert int(record["quality"]["oil_temperature"]) % 2**32 == status.value
