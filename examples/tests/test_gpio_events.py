"""gpio_events.py on gpiozero's mock pins, imported: a test moves the pins and looks at the hub."""

import warnings

import gpiozero
import pytest
from gpio_events import GPIO, POINT, Inputs, check
from gpiozero.pins.mock import MockFactory

from mcagent.collector import CollectorFile


@pytest.fixture
def pins():
    # There is no /dev/spidev: gpiozero says so, and drives the pins of SPI itself.
    warnings.simplefilter("ignore", gpiozero.SPISoftwareFallback)
    gpiozero.Device.pin_factory = factory = MockFactory()
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = None


@pytest.fixture
def inputs(pins, settings):  # noqa: ARG001 - the pins must be there first
    path = settings("gpio_events", debounce_s=0.0)
    file = CollectorFile(path, "gpio", GPIO, POINT, together="pin", check=check)
    with file.open_agent() as agent:
        inputs = Inputs(file, agent)
        inputs.agent = agent
        yield inputs
        inputs.close()


def stored(hub, inputs, variable):
    """Values of *variable* in order of time, once all that was recorded has been sent."""
    assert inputs.agent.upload(timeout_s=30).pending == 0
    hub.settle()
    rows = sorted(hub.stored(), key=lambda row: row["_time"])
    return [row["values"][variable] for row in rows if variable in row["values"]]


def test_each_pulse_counts_however_short(insights_hub, inputs, pins):
    pin = pins.pin("GPIO27")
    for _ in range(50):
        pin.drive_low()  # active: the input is pulled up
        pin.drive_high()
    assert stored(insights_hub, inputs, "strokes") == list(range(51))


def test_a_door_is_a_state_and_two_events(insights_hub, inputs, pins):
    pins.pin("GPIO17").drive_low()
    pins.pin("GPIO17").drive_high()
    assert stored(insights_hub, inputs, "door_open") == [False, True, False]
    texts = [row["event"]["description"] for row in insights_hub.received(kind="event")]
    assert texts == ["cabinet door open", "cabinet door open: over"]


def test_edges_wait_on_the_disk_while_the_link_is_cut(insights_hub, inputs, pins):
    stored(insights_hub, inputs, "strokes")
    insights_hub.disconnect()
    pins.pin("GPIO27").drive_low()
    assert inputs.agent.upload(timeout_s=1).pending > 0
    insights_hub.reconnect()
    assert stored(insights_hub, inputs, "strokes") == [0, 1]
