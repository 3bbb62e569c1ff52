"""The GPIO example on gpiozero's mock pins: each edge and each pulse is what the hub stores."""

import os
import random
import socket
import sys
import threading
import time

from mcagent.messages.timestamp import parse_text
from tests.examples.scene import EXAMPLES, Comparison, Scene, example_settings, wait_for

PINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpio_pins.py")
NEEDS = ("gpiozero",)


class Cabinet:
    """Who opens the door and lets the press strike, by driving the pins of the collector's process.

    Attributes:
        edges: (before, after, open) of each move of the door, in ms.
        pulses: (before, after) of each stroke, a millisecond long.
        in_flight: How many moves nobody acknowledged, because the collector was killed.
    """

    def __init__(self, scene):
        self.address = os.path.join(scene.folder, "pins")
        self.edges, self.pulses, self.in_flight = [], [], 0
        self._random, self._end, self._lock = random.Random(1), threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run)

    def drive(self, what, *values):
        """The times before the first and after the last; OSError where nobody is there."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(120)
            sock.connect(self.address)
            sock.sendall(f"{what} {' '.join(map(str, values))}\n".encode())
            line = sock.makefile().readline()
        if not line:
            raise ConnectionResetError("killed while it was driven")
        before, after = line.split()
        return int(before), int(after)

    def _run(self):
        door = False
        while not self._end.is_set():
            try:
                # Active is low: the inputs are pulled up.
                before, after = self.drive("GPIO17", int(door))
                door = not door
                self.edges.append((before, after, door))
                self.pulses.append(self.drive("GPIO27", 0))
                self.drive("GPIO27", 1)
            except OSError as error:
                self.in_flight += isinstance(error, (ConnectionResetError, BrokenPipeError))
                door = False  # a new process: its pins are as they are at rest
                self._end.wait(0.05)
            self._end.wait(self._random.uniform(0.02, 0.06))

    def start(self):
        wait_for(lambda: os.path.exists(self.address), "no pins")
        self._thread.start()
        return self

    def stop(self):
        self._end.set()
        self._thread.join()


def collector_of(scene, *, more="", **changes):
    """The example in a process whose pins can be driven."""
    script = os.path.join(EXAMPLES, "gpio_events.py")
    changes = {"ca": scene.hub.ca_file, "every_s": 0.1, **changes}
    toml = example_settings(scene.folder, "gpio_events", more=more, **changes)
    address = os.path.join(scene.folder, "pins")
    return scene.program("gpio_events", sys.executable, PINS, address, script, toml)


def matched(name, said, stored, allowed):
    """Each move (None: of any value) and a sample of its time; besides, *allowed* samples belong to nobody's move.

    Those are the states at a start, and what was in flight when the collector was killed.
    """
    times = {parse_text(when): value for when, value in stored.items()}
    ids = []
    for number, (before, after, value) in enumerate(said):
        found = [
            when
            for when in range(before, after + 3)  # two samples never have one time: a ms later
            if when in times and value in (None, times[when]) and when not in ids
        ]
        ids.append(found[0] if found else f"{name} {number} at {before}")
    others = sorted(set(times) - set(ids))
    assert len(others) <= allowed, f"{name}: {len(others)} samples of no move, {allowed} allowed"
    return Comparison(name, ids, sorted(set(times) - set(others)))


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Move the inputs through an outage and kills of the collector; compare."""
    with Scene(folder, "gpio_events", say) as scene:
        settings = {"sync_every_s": 0.0, "debounce_s": 0.0}
        collector = collector_of(scene, **settings).start()
        wait_for(lambda: scene.stored("strokes"), collector.output)
        cabinet = Cabinet(scene).start()
        starts = 1
        try:
            time.sleep(phase_s)
            say("the link to the hub is cut")
            scene.hub.disconnect()
            time.sleep(phase_s)
            for _ in range(2):
                say("SIGKILL of the collector, and at once again")
                collector.kill()
                before = len(cabinet.edges)
                collector.start()
                starts += 1
                wait_for(lambda before=before: len(cabinet.edges) > before + 20, collector.output)
            say("the link to the hub is back")
            scene.hub.reconnect()
            time.sleep(phase_s)
        finally:
            cabinet.stop()
        say(f"SIGTERM: the collector ended with status {collector.stop()}")
        assert "Traceback" not in collector.output(), collector.output()
        # What SIGTERM left on the disk goes out at the next start.
        rest = collector_of(scene, **settings).start()
        last = {"door_open": cabinet.edges[-1], "strokes": cabinet.pulses[-1]}
        starts, samples = starts + 1, len(scene.stored("oil_temperature"))

        def all_is_there():
            return all(
                max(map(parse_text, scene.stored(name)), default=0) >= before
                for name, (before, *_) in last.items()
            )

        wait_for(all_is_there, rest.output)
        wait_for(lambda: len(scene.stored("oil_temperature")) > samples, rest.output)
        assert rest.stop() == 0
        allowed = starts + cabinet.in_flight
        pulses = [(*times, None) for times in cabinet.pulses]
        return [
            matched("door_open", cabinet.edges, scene.stored("door_open"), allowed),
            matched("strokes", pulses, scene.stored("strokes"), allowed),
        ]
