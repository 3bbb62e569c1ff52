"""The OPC UA collector with asyncua's server: value, source time and status as the server said."""

import os
import sys
import time

from tests.examples.scene import Comparison, Scene, answers, free_port, wait_for

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "opcua_server.py")
CONNECTED = ": connected"
# What the server has said and not yet published when somebody is killed: 0.1 s of 20 a second, and
# as much again for a busy machine.
UNPUBLISHED = 6


class Press:
    """The server as a program, and what it wrote down."""

    def __init__(self, scene):
        self.port = free_port()
        self._log = os.path.join(scene.folder, "said.txt")
        self.program = scene.program("press", sys.executable, SERVER, self.port, self._log)

    def start(self):
        self.program.start()
        wait_for(lambda: answers(self.port), self.program.output)

    def said(self):
        """[(source time, strokes, status)]"""
        if not os.path.exists(self._log):
            return []
        with open(self._log, encoding="utf-8") as log:
            lines = [line.split() for line in log if line.endswith("\n")]
        return [(at.replace("+00:00", "Z"), int(n), int(status)) for at, n, status in lines]


def stored(scene, variable):
    return [
        (record["_time"], record["values"][variable], int(record["quality"].get(variable, 0)))
        for record in scene.hub.stored()
        if variable in record["values"]
    ]


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Listen through an outage, kills of the collector and of the server; compare."""
    with Scene(folder, "opcua_collector", say) as scene:
        press = Press(scene)
        press.start()
        url = f"opc.tcp://127.0.0.1:{press.port}"
        # Each sample is synced: SIGKILL then takes only what the server had not published.
        collector = scene.collector(url=url, publish_every_s=0.1, sync_every_s=0.0)
        unheard = []

        def away(begin, times):
            """What was said from *begin* until the collector had subscribed so often."""
            wait_for(lambda: collector.output().count(CONNECTED) == times, collector.output)
            unheard.extend(press.said()[max(0, begin - UNPUBLISHED) :])

        collector.start()
        away(0, 1)
        wait_for(lambda: stored(scene, "strokes"), collector.output)
        time.sleep(phase_s)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        time.sleep(phase_s)
        for times in (2, 3):
            say("SIGKILL of the collector, and at once again")
            collector.kill()
            begin = len(press.said())
            collector.start()
            away(begin, times)
            time.sleep(phase_s)
        say("SIGKILL of the server")
        press.program.kill()
        begin = len(press.said())
        time.sleep(phase_s)
        press.start()
        away(begin, 4)
        say("the server is back, and so is the collector")
        time.sleep(phase_s)
        say("the link to the hub is back")
        scene.hub.reconnect()
        time.sleep(phase_s)
        press.program.kill()
        said = press.said()
        unheard += said[-UNPUBLISHED:]
        wait_for(lambda: said[-UNPUBLISHED - 1] in stored(scene, "strokes"), collector.output)
        status = collector.stop()
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert "Traceback" not in collector.output(), collector.output()
        scene.hub.settle()
        say(f"events: {[row['event']['description'] for row in scene.hub.events()]}")

        def oil(rows):
            return [(when, number / 8, code) for when, number, code in rows]

        return [
            Comparison("strokes, source time, status", said, stored(scene, "strokes"), unheard),
            Comparison(
                "oil_temperature, source time, status",
                oil(said),
                stored(scene, "oil_temperature"),
                oil(unheard),
            ),
        ]
