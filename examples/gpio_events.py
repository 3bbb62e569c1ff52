"""Send what the inputs of a Raspberry Pi say to Insights Hub: each edge, and analog values.

    pip install mcagent gpiozero
    python gpio_events.py gpio_events.toml

Edges come from gpiozero's threads at the moment they happen, so that a pulse shorter than the
sampling is not lost. It runs until Ctrl-C or SIGTERM.
"""

import math
import threading
import time

import gpiozero

from mcagent import AgentError, ConfigurationError, Event, InvalidMessage, Severity
from mcagent.collector import CollectorFile, run_collector
from mcagent.collectorfile import value_of
from mcagent.latest import BAD_DEVICE, Latest
from mcagent.threshold import Threshold

GPIO = {"every_s": 0.5, "adc": "MCP3008"}
POINT = {
    "pin": "",
    "pull_up": True,
    "debounce_s": 0.02,
    "channel": -1,
    "scale": 1.0,
    "offset": 0.0,
    "event": "",
    "event_on": math.nan,
    "event_off": math.nan,
}
CHIPS = ("MCP3004", "MCP3008", "MCP3204", "MCP3208")
BROKEN = (gpiozero.GPIOZeroError, ImportError, OSError, ValueError)


class Pin:
    """A digital input. A BOOLEAN is its state, a LONG counts how often it became active."""

    def __init__(self, point, agent, troubles):
        self.point, self.agent, self.troubles = point, agent, troubles
        self.lock, self.count, self.state, self.edge_s = threading.Lock(), 0, None, 0.0
        with self.lock:  # edges wait until the state that they change is recorded
            # Not gpiozero's bounce_time: it forgets the last edge, and the state stays wrong.
            self.device = gpiozero.DigitalInputDevice(point.pin, pull_up=point.pull_up)
            self.device.when_activated = lambda: self.edge(active=True)
            self.device.when_deactivated = lambda: self.edge(active=False)
            self.take(self.device.is_active)

    def edge(self, *, active):
        """In gpiozero's thread. The first edge counts at once; what bounces after it does not."""
        with self.lock:
            now_s = time.monotonic()
            bounces = now_s - self.edge_s < self.point.debounce_s
            self.edge_s = now_s
            if not bounces and active != self.state:
                self.take(active)

    def settle(self):
        """Take the state that is left when bouncing has ended."""
        with self.lock:
            quiet = time.monotonic() - self.edge_s >= self.point.debounce_s
            if quiet and self.device.is_active != self.state:
                self.take(self.device.is_active)

    def take(self, active):
        first, self.state = self.state is None, bool(active)
        self.count += self.state and not first
        try:
            if self.point.type == "BOOLEAN":
                self.agent.record({self.point.id: self.state})
            elif self.state or first:
                self.agent.record({self.point.id: self.count})
            if self.point.event and not first:
                self.tell()
        except AgentError as error:  # a full disk
            self.troubles.tell("lost", f"{self.point.id}: {error}", hint=error.hint)

    def tell(self):
        severity = Severity.WARNING if self.state else Severity.INFORMATION
        text = self.point.event + ("" if self.state else ": over")
        self.agent.submit(Event(text, severity=severity, details={"source": self.point.id}))


class Channel:
    """An analog input, and the threshold of its event."""

    def __init__(self, point, agent, adc):
        self.point = point
        self.device = getattr(gpiozero, adc)(channel=point.channel)
        self.threshold = None
        if point.event:
            limits = {"on": point.event_on, "off": point.event_off}
            self.threshold = Threshold(agent, point.event, unit=point.unit, **limits)

    def read(self):
        raw = self.device.value  # 0 to 1
        value = value_of(self.point.type, raw * self.point.scale + self.point.offset)
        if self.threshold is not None:
            self.threshold.see(value)
        return value


class Inputs:
    """All that could be opened; the rest is told."""

    def __init__(self, file, agent):
        self.troubles, self.pins, self.channels = file.troubles, [], []
        self.latest = Latest()
        for point in file.points:
            try:
                if point.pin:
                    self.pins.append(Pin(point, agent, file.troubles))
                else:
                    self.channels.append(Channel(point, agent, file.peer.adc))
            except BROKEN as error:
                hint = "`pinout` shows the pins; GPIOZERO_PIN_FACTORY=mock tries it without any"
                subject = f"{point.id} = {point.pin or point.channel}"
                self.troubles.tell(subject, f"cannot be opened: {error}", hint=hint)
        if not self.pins and not self.channels:
            hint = "on a Raspberry Pi: apt install python3-lgpio, and a user of the group gpio"
            raise ConfigurationError("none of the inputs can be opened", hint=hint)

    def collect(self):
        """Look after the pins; one sample of the analog inputs."""
        for pin in self.pins:
            pin.settle()
        for channel in self.channels:
            name = channel.point.id
            try:
                self.latest.good(name, channel.read())
            except (InvalidMessage, *BROKEN) as error:  # its last value, with a quality code
                self.troubles.tell(name, f"cannot be read: {error}", hint="is SPI switched on?")
                self.latest.bad(name, BAD_DEVICE)
        return self.latest.sample()

    def close(self):
        for one in self.pins + self.channels:
            one.device.close()


def check(point):
    band = point.event_on < point.event_off or point.event_off < point.event_on
    for wrong, text in (
        (bool(point.pin) is (point.channel >= 0), "give pin, or channel"),
        (
            point.pin and point.type not in ("BOOLEAN", "LONG"),
            "a pin is BOOLEAN, or LONG to count",
        ),
        (not point.pin and point.type != "DOUBLE", "an analog value is DOUBLE"),
        (not point.pin and point.channel > 7, f"channel {point.channel}: 0 to 7"),
        (not point.pin and point.event and not band, "its event wants event_on and event_off"),
    ):
        if wrong:
            raise ConfigurationError(text, hint="see docs/collectors/gpio_events.md")


def main(path):
    file = CollectorFile(path, "gpio", GPIO, POINT, together="pin", check=check)
    if file.peer.adc not in CHIPS:
        raise ConfigurationError(f"no adc {file.peer.adc!r}", hint=f"one of {', '.join(CHIPS)}")
    with file.open_agent() as agent:
        inputs = Inputs(file, agent)
        agent.run(inputs.collect, every_s=file.peer.every_s)
        inputs.close()
        print(file.troubles, "loop:", agent.status().loop)


if __name__ == "__main__":
    run_collector(main, __doc__)
