"""Faults of a wire between two network namespaces, packet by packet, in real time."""

import time

from tests.e2e.scene import Outcome
from tests.network.conftest import Field
from tests.network.wire import DEVICE, PLATFORM

SLOW = "wire: 5 kbit/s"
MAY_REPEAT = {"wire: cut in the middle of a body", "wire: cut in the middle of an answer"}


def lossy(field):
    field.wire.loss, field.wire.delay_s, field.wire.reorder = 0.05, 0.03, 0.2
    field.record(1000)
    field.start()


def slow(field):
    field.wire.bits_per_s, field.wire.delay_s, field.wire.queue_bytes = 5000, 0.15, 15_000
    field.record(200)
    field.start()


def cut(side, count):
    def fault(field):
        field.wire.bits_per_s = 400_000
        field.record(1000)
        field.wire.cut_after(side, count)
        field.start()
        field.wire.wait_for_cut()
        time.sleep(4)  # longer than the transport's silence
        field.kept = field.agent.status().pending
        field.wire.heal()

    return fault


def half_open(field):
    field.wire.drop()
    field.platform.call(field.hub.disconnect)
    field.platform.call(field.hub.reconnect)
    field.record(500)
    field.start()
    time.sleep(1)
    field.kept = field.agent.status().pending
    field.wire.heal()


def link_down(field):
    field.record(500)
    field.device.link(up=False)
    field.start()
    time.sleep(5)
    field.kept = field.agent.status().pending
    field.device.link(up=True)


WIRES = [
    ("wire: 5 % loss, 60 ms, 20 % reordered", lossy),
    (SLOW, slow),
    ("wire: cut in the middle of a body", cut(DEVICE, 40_000)),
    ("wire: cut in the middle of an answer", cut(PLATFORM, 200)),
    ("wire: half-open connection", half_open),
    ("wire: link down", link_down),
]


def play(wire, folder, name, fault):
    """What *fault* of *wire* comes to."""
    field = Field(wire, folder / "state")
    field.kept = 0
    try:
        field.open(**({} if name == SLOW else {"read_timeout_s": 3}))
        before = _requests(field)
        fault(field)
        field.drained(180)
        field.agent.stop()
        field.hub.settle()
        stored = {row["values"]["strokes"] for row in field.hub.stored()}
        delivered = len(stored & set(range(field.recorded)))
        set_aside = field.agent.status().upload["set_aside"]
        received = len(field.hub.received(kind="timeseries"))
        return Outcome(
            field.recorded,
            delivered,
            set_aside,
            field.kept,
            _requests(field) - before,
            received - delivered,
            field.recorded - delivered - set_aside,
        )
    finally:
        field.close()


def _requests(field):
    return sum(field.hub.state()["requests"].values())
