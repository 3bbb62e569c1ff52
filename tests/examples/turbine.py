"""The wind turbine with its simulation: each answer of the controller is what the hub stores."""

import itertools
import json
import os
import re
import socket
import sys
import time

from tests.examples.scene import EXAMPLES, Comparison, Scene, answers, free_port, wait_for

SIMULATION = os.path.join(EXAMPLES, "turbine_simulation.py")
FIELDS = ("wind_speed", "pitch", "power", "rotor_speed")
ON, OFF = 13.5, 13.0
EVERY_S = 0.05


class Turbine:
    """The simulation as a program, and what it wrote down."""

    def __init__(self, scene, *options):
        self.port = free_port()
        self._log = os.path.join(scene.folder, "said.txt")
        self._scene, self._options, self._seed = scene, options, 1
        self._ours = set()  # lines of the log that were said to a test
        self.program = None

    def start(self):
        # A wind of its own for each start: what was said twice could not be told apart.
        words = [self.port, "--log", self._log, "--seed", self._seed, *self._options]
        self._seed += 1
        self.program = self._scene.program("turbine", sys.executable, SIMULATION, *words)
        self.program.start()
        wait_for(lambda: answers(self.port), self.program.output)

    def said(self):
        """Answers with a speed, oldest first."""
        answers = [one for at, one in enumerate(self._answers()) if at not in self._ours]
        return [one for one in answers if one["rotor_speed"] is not None]

    def last_said(self):
        """What it said last, once it has answered all that was asked before."""
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(b"?\n")
            assert connection.makefile().readline()
        self._ours.add(len(self._answers()) - 1)
        return self.said()[-1:]

    def _answers(self):
        if not os.path.exists(self._log):
            return []
        with open(self._log, encoding="utf-8") as log:
            return [json.loads(line) for line in log if line.endswith("\n")]


def read_back(scene):
    """Settings for reading back: a file for who may, and the asset that the values land on."""
    path = os.path.join(scene.folder, "credentials.json")
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        json.dump(scene.hub.create_credentials("comparing"), file)
    asset = scene.hub.create_asset("Turbine 01")
    scene.hub.automap(scene.agent, asset)
    return {"credentials": path, "asset": asset, "aspect": "turbine-01", "compare_every_s": 0.5}


def _private(path, flags):
    return os.open(path, flags, 0o600)


def samples(scene, *, bad=False):
    """{time: fields} of the samples whose speed was read (*bad*: was not)."""
    columns = [scene.stored(field) for field in FIELDS[:-1]]
    speeds = scene.stored(FIELDS[-1], bad=bad)
    return {
        when: (*(column.get(when) for column in columns), speed) for when, speed in speeds.items()
    }


def overspeed(scene):
    """Texts of the events of over-speed, oldest first."""
    events = [row["event"] for row in scene.hub.events()]
    events.sort(key=lambda event: event["timestamp"])
    texts = [event["description"] for event in events]
    return [text for text in texts if text.startswith("rotor over-speed")]


def expected(said, in_flight, told):
    """The events that belong to what was *said*; nobody knows what became of what was in flight."""
    for count in range(len(in_flight) + 1):
        for unheard in itertools.combinations(in_flight, count):
            texts = events_of([one["rotor_speed"] for one in said if one not in unheard])
            if texts == told:
                return texts
    return events_of([one["rotor_speed"] for one in said])


def events_of(speeds):
    texts, over = [], False
    for speed in speeds:
        if not over and speed > ON:
            over = True
            texts.append(f"rotor over-speed: {speed:.6g} 1/min is above {ON} 1/min")
        elif over and speed < OFF:
            over = False
            texts.append(f"rotor over-speed: over: {speed:.6g} 1/min is below {OFF:.6g} 1/min")
    return texts


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Collect through an outage, a kill of the turbine and kills of the collector; compare."""
    with Scene(folder, "wind_turbine", say) as scene:
        turbine = Turbine(scene, "--speed-up", "20")
        turbine.start()
        settings = {
            **read_back(scene),
            "port": turbine.port,
            "every_s": EVERY_S,
            "timeout_s": 20.0,  # a busy machine answers late, and what it said counts
            "sync_every_s": 0.0,
        }
        collector = scene.collector(**settings).start()
        wait_for(lambda: scene.stored("rotor_speed"), collector.output)
        time.sleep(phase_s)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        time.sleep(phase_s)
        in_flight = []
        for _ in range(2):
            say("SIGKILL of the collector, and at once again")
            collector.kill()
            in_flight += turbine.last_said()
            begin = len(collector.output())
            collector.start()
            time.sleep(phase_s)
        say("SIGKILL of the turbine")
        turbine.program.kill()
        in_flight += turbine.said()[-1:]
        time.sleep(phase_s)
        turbine.start()
        say("the turbine is back")
        before = len(turbine.said())
        wait_for(lambda: len(turbine.said()) > before + 40, collector.output)
        say("the link to the hub is back")
        scene.hub.reconnect()
        wait_for(lambda: len(samples(scene)) >= before, collector.output)
        # Until both events of one over-speed have come, and this process has met a failure of the sensor.
        failed = "has its sensor failed?"
        wait_for(lambda: failed in collector.output()[begin:], collector.output)
        wait_for(lambda: len(overspeed(scene)) > 1 and samples(scene, bad=True), collector.output)
        equal = re.compile(r"turbine: read back equal: [1-9]")
        wait_for(lambda: equal.search(collector.output(), begin), collector.output)
        status = collector.stop()
        in_flight += turbine.said()[-1:]
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert "Traceback" not in collector.output(), collector.output()
        last_line = collector.output().splitlines()[-1]
        say(last_line)
        # What SIGTERM left on the disk goes out at the next start, before anything new.
        nobody = free_port()
        rest = scene.collector(**{**settings, "port": nobody}).start()
        wait_for(lambda: f"{nobody}: no connection" in rest.output(), rest.output)
        said = [tuple(one[field] for field in FIELDS) for one in turbine.said()]
        wait_for(lambda: said[-2] in samples(scene).values(), rest.output)
        assert rest.stop() == 0
        good = samples(scene)
        told = overspeed(scene)
        say(f"events: {told}")
        bad = samples(scene, bad=True)
        say(f"samples while the sensor failed, or nobody answered: {len(bad)}")
        assert "read back equal: 0" not in last_line, last_line
        assert "troubles: rotor_speed" in last_line, last_line  # and no other
        assert "read back " not in last_line.partition(" read back equal")[0], last_line
        lost = [tuple(one[field] for field in FIELDS) for one in in_flight]
        return [
            Comparison("samples", said, good.values(), lost),
            Comparison("over-speed events", expected(turbine.said(), in_flight, told), told),
        ]
