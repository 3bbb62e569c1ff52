"""The serial collector with a scale on a pty: each whole line is what the hub stores."""

import os
import signal
import sys
import time

from tests.examples.scene import Comparison, Scene, wait_for

STATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "station.py")
EVERY_S = 0.02


class Scale:
    """The station as a program: it is unplugged by killing it, and its device is another then."""

    def __init__(self, scene, every_s, *modes):
        self.device = os.path.join(scene.folder, "ttyUSB0")
        self._said = os.path.join(scene.folder, "said.txt")
        command = (STATION, self.device, self._said, every_s, *modes)
        self.program = scene.program("scale", sys.executable, *command)

    def plug(self):
        self.program.start()
        wait_for(lambda: os.path.exists(self.device), self.program.output)

    def unplug(self):
        self.program.kill()

    def said(self):
        if not os.path.exists(self._said):
            return []
        with open(self._said, encoding="utf-8") as file:
            return [int(line) for line in file.read().split("\n")[:-1]]


def run(folder, say=lambda line: None, *, phase_s=0.7):
    """Weigh through an outage, kills of the collector and a cable that is pulled; compare."""
    with Scene(folder, "serial_line", say) as scene:
        scale = Scale(scene, EVERY_S, "torn")
        scale.plug()
        # Each sample is synced: SIGKILL then takes no more than what was on the line.
        settings = {"device": scale.device, "sync_every_s": 0.0}
        collector = scene.collector(**settings).start()
        wait_for(lambda: scene.stored("pieces"), collector.output)
        first = min(scene.stored("pieces").values())
        missed = []

        def unheard(event, *, back):
            """*event*; what is said from a moment before it until a line is read again."""
            connections = collector.output().count(": connected")
            before = len(scale.said())
            event()
            back()
            wait_for(
                lambda: collector.output().count(": connected") > connections, collector.output
            )
            # A pty that is closed forgets what nobody has read: half a second of it at most.
            missed.extend(
                scale.said()[max(0, before - round(0.5 / EVERY_S)) : len(scale.said()) + 1]
            )

        time.sleep(phase_s)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        for _ in range(3):
            say("SIGKILL of the collector, and at once again")
            unheard(collector.kill, back=collector.start)
            time.sleep(phase_s)
        say("the cable is pulled for a moment")
        unheard(scale.unplug, back=scale.plug)
        time.sleep(phase_s)
        say("the link to the hub is back")
        scene.hub.reconnect()
        time.sleep(phase_s)
        scale.program.signal(signal.SIGSTOP)
        said = scale.said()
        missed.append(said[-1])  # it stopped in the middle of it, perhaps
        wait_for(lambda: said[-2] in scene.stored("pieces").values(), collector.output)
        scale.unplug()
        status = collector.stop()
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert "Traceback" not in collector.output(), collector.output()
        events = [row["event"]["description"] for row in scene.hub.events()]
        codes = {row["quality"].get("pieces") for row in scene.hub.stored()}
        say(f"quality codes: {sorted(map(str, codes))}; events: {len(events)}")
        assert any("connection lost" in event for event in events)
        said = [number for number in said if number >= first]
        return [
            Comparison("pieces", said, scene.stored("pieces").values(), missed),
            Comparison(
                "weight",
                [number / 8 for number in said],
                scene.stored("weight").values(),
                [number / 8 for number in missed],
            ),
        ]
