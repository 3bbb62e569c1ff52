"""modbus_collector.py with pymodbus' server in this process."""

import random
import socket
import threading
import time

import pytest
from pymodbus.server import ServerStop, StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

# 21.5 °C, 7 strokes with the low word first, 8.0 bar as FLOAT32.
REGISTERS = [215, 0, 7, 0, 0x4100, 0, 0, 0, 0, 0]
BAD_NO_COMMUNICATION = str(0x80310000 - 2**32)  # as the platform shows it: signed


class Device:
    def __init__(self):
        # Below those that the system hands out: nobody takes it while the device is gone.
        self.port = random.randrange(10_000, 32_000)
        while self.answers():
            self.port += 1

    def start(self):
        data = [SimData(0, values=REGISTERS, datatype=DataType.REGISTERS)]
        options = {"context": SimDevice(1, simdata=data), "address": ("127.0.0.1", self.port)}
        self.thread = threading.Thread(target=StartTcpServer, kwargs=options)
        self.thread.start()
        while not self.answers():
            assert self.thread.is_alive()
            time.sleep(0.01)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.thread.is_alive():
            ServerStop()
        self.thread.join()


@pytest.fixture
def device():
    device = Device()
    device.start()
    yield device
    device.stop()


def test_registers_arrive_as_values(insights_hub, collector, device):
    script = collector("modbus_collector", port=device.port, every_s=0.1)
    script.wait_for(insights_hub.stored)
    assert script.stop() == 0
    values = insights_hub.stored()[0]["values"]
    assert values == {"oil_temperature": 21.5, "strokes": 7, "pressure": 8.0, "running": False}


def test_a_device_that_is_gone_is_an_event_and_a_quality_code(insights_hub, collector, device):
    script = collector("modbus_collector", port=device.port, every_s=0.1)
    script.wait_for(insights_hub.stored)
    device.stop()
    script.wait_for(insights_hub.events)
    script.wait_for(
        lambda: insights_hub.stored()[-1]["quality"].get("strokes") == BAD_NO_COMMUNICATION
    )
    device.start()
    script.wait_for(lambda: len(insights_hub.events()) == 2)
    assert script.stop() == 0


def test_a_platform_that_refuses_is_asked_again(insights_hub, collector, device):
    insights_hub.add_fault(
        "status", match="POST /api/mindconnect/v3/exchange", status=503, times=2
    )
    script = collector("modbus_collector", port=device.port, every_s=0.1)
    script.wait_for(insights_hub.stored)
    assert script.stop() == 0
    assert insights_hub.faults()[0]["hits"] == 2
