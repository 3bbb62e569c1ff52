"""The serial collector with a scale on a pty: each whole line is what the hub stores."""

import json
import os
import signal
import sys

from mcagent.inspection.export import Export
from mcagent.inspection.survey import Survey
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


def last_recorded(scene):
    """The newest number that waits on the collector's disk; 0 where nothing waits."""
    survey = Survey(os.path.join(scene.folder, "state"))
    newest = 0
    for entry in Export(survey, lambda _size: None).entries(["timeseries"]):
        for value in json.loads(entry.payload)["values"]:
            if value["dataPointId"] == "pieces":
                newest = max(newest, int(value["value"]))
    return newest


def run(folder, say=lambda line: None, *, phase_lines=30):
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

        def phase():
            """A while in which the scale says so many lines."""
            goal = len(scale.said()) + phase_lines
            wait_for(lambda: len(scale.said()) >= goal, scale.program.output)

        def heard():
            """Stop both where the collector has recorded all but the last half second; how far.

            On a busy machine it is behind at times: what it has not read by then it cannot have.
            """
            for program in (scale.program, collector):
                program.signal(signal.SIGSTOP)
            recorded = last_recorded(scene)
            if len(scale.said()) - recorded <= round(0.5 / EVERY_S):
                return recorded
            for program in (scale.program, collector):
                program.signal(signal.SIGCONT)
            return 0

        def unheard(event, other, *, back):
            """*event* beside *other*; what is said and not recorded, until a line is read again."""
            connections = collector.output().count(": connected")
            recorded = wait_for(heard, "the collector is behind all the time")
            event()
            other.signal(signal.SIGCONT)
            back()
            wait_for(
                lambda: collector.output().count(": connected") > connections, collector.output
            )
            # A pty that is closed forgets what nobody has read.
            missed.extend(range(recorded + 1, len(scale.said()) + 2))

        phase()
        say("the link to the hub is cut")
        scene.hub.disconnect()
        for _ in range(3):
            say("SIGKILL of the collector, and at once again")
            unheard(collector.kill, scale.program, back=collector.start)
            phase()
        say("the cable is pulled for a moment")
        unheard(scale.unplug, collector, back=scale.plug)
        phase()
        say("the link to the hub is back")
        scene.hub.reconnect()
        phase()
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
