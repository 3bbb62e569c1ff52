"""The Modbus collector with pymodbus' server: each stroke that was read is what the hub stores."""

import itertools
import os
import sys
import time

from mcagent.messages.timestamp import parse_text
from tests.examples.scene import Comparison, Scene, answers, free_port, wait_for

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modbus_server.py")
EVERY_MS = 50


class Press:
    """The server as a program, and what it wrote down."""

    def __init__(self, scene, *mode):
        self.port = free_port()
        self._log = os.path.join(scene.folder, "said.txt")
        self.program = scene.program("press", sys.executable, SERVER, self.port, self._log, *mode)

    def start(self):
        self.program.start()
        wait_for(lambda: answers(self.port), self.program.output)

    def said(self):
        if not os.path.exists(self._log):
            return []
        with open(self._log, encoding="utf-8") as log:
            return [int(line.split()[1]) for line in log]


def drift_ms(times):
    """How much later than its clock a run of samples ends than it began.

    A sample is as late as the machine is busy; of twenty, one is on time. A loop that sleeps between
    its readings would be late by the readings' time at each sample, and it adds up.
    """
    late = [0]
    for before, now in itertools.pairwise(times):
        gap_ms = now - before
        late.append(late[-1] + gap_ms - EVERY_MS * round(gap_ms / EVERY_MS))
    return min(late[-20:]) - min(late[:20])


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Read through an outage, a kill of the device and kills of the collector; compare."""
    with Scene(folder, "modbus_collector", say) as scene:
        press = Press(scene)
        press.start()
        # Each sample is synced: SIGKILL then takes no more than the reading under way.
        settings = {"port": press.port, "every_s": EVERY_MS / 1000, "sync_every_s": 0.0}
        collector = scene.collector(**settings).start()
        wait_for(lambda: scene.stored("strokes"), collector.output)
        time.sleep(phase_s)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        time.sleep(phase_s)
        in_flight = []
        for _ in range(3):
            say("SIGKILL of the collector, and at once again")
            collector.kill()
            in_flight += press.said()[-1:]
            collector.start()
            time.sleep(phase_s)
        say("SIGKILL of the device")
        press.program.kill()
        in_flight += press.said()[-1:]
        time.sleep(phase_s)
        press.start()
        say("the device is back")
        before = press.said()[-1]
        wait_for(lambda: press.said()[-1] > before + 20, collector.output)
        say("the link to the hub is back")
        scene.hub.reconnect()
        time.sleep(3 * phase_s)
        status = collector.stop()
        in_flight += press.said()[-1:]
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert "Traceback" not in collector.output(), collector.output()
        # What SIGTERM left on the disk goes out at the next start, before anything new.
        rest = scene.collector(**{**settings, "port": free_port()}).start()
        said = press.said()
        wait_for(lambda: said[-2] in scene.stored("strokes").values(), rest.output)
        assert rest.stop() == 0
        scene.hub.settle()
        good = scene.stored("strokes")
        bad = scene.stored("strokes", bad=True)
        events = [row["event"]["description"] for row in scene.hub.events()]
        say(f"samples of bad quality: {len(bad)}; events: {events}")
        assert bad, "the loss of the device has no quality code"
        assert any("connection lost" in event for event in events)
        assert any("connected again" in event for event in events)
        last_run = [parse_text(when) for when in sorted(good) if good[when] > before]
        drift = drift_ms(last_run)
        seconds = (last_run[-1] - last_run[0]) / 1000
        say(f"drift of the clock in {seconds:.1f} s, {len(last_run)} samples: {drift:+.1f} ms")
        # Four requests take three milliseconds at least: a loop that sleeps would be 180 late.
        assert abs(drift) < EVERY_MS, f"drift {drift} ms"
        return [
            Comparison("strokes", said, good.values(), in_flight),
            Comparison(
                "oil_temperature",
                [(number - 100) / 10 for number in said],
                scene.stored("oil_temperature").values(),
                [(number - 100) / 10 for number in in_flight],
            ),
        ]
