"""The OPC UA collector with asyncua's server: value, source time and status as the server said."""

import os
import signal
import sys
import time

from tests.examples.scene import Comparison, Scene, Wire, answers, free_port, wait_for

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "opcua_server.py")
CONNECTED = ": connected"


class Press:
    """The server as a program, and what it wrote down."""

    def __init__(self, scene, *mode):
        self.port = free_port()
        self._log = os.path.join(scene.folder, "said.txt")
        self.program = scene.program("press", sys.executable, SERVER, self.port, self._log, *mode)

    def start(self):
        self.program.start()
        wait_for(lambda: answers(self.port), self.program.output)

    def silenced(self):
        """What it has said, once it says no more."""
        self.program.signal(signal.SIGUSR1)
        wait_for(lambda: "\nsilent\n" in "\n" + self.program.output(), self.program.output)
        return self.said()

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
    """Listen through outages on both sides, restart and kill of server and collector; compare."""
    with Scene(folder, "opcua_collector", say) as scene:
        press = Press(scene, "history")
        press.start()
        with Wire(press.port) as wire:
            return _through(scene, press, wire, say, phase_s)


def _through(scene, press, wire, say, phase_s):
    # Not synced each: what SIGKILL takes is read from the server's history once more.
    collector = scene.collector(
        url=f"opc.tcp://127.0.0.1:{wire.port}", publish_every_s=0.1, timeout_s=1.0
    ).start()

    def heard():
        """Wait until what the server says now is at the hub, or in the log that it cannot be."""
        newest = press.said()[-1]
        wait_for(lambda: newest in stored(scene, "strokes"), collector.output)

    def counted(text, event):
        """What *event* gives, once the collector has said *text* after it."""
        before = collector.output().count(text)
        result = event()
        wait_for(lambda: collector.output().count(text) > before, collector.output)
        return result

    progress = os.path.join(scene.folder, "state", "opcua_progress.json")
    wait_for(lambda: os.path.exists(progress), collector.output)
    heard()
    first = {name: stored(scene, name)[0] for name in ("strokes", "oil_temperature")}
    say("the link to the hub is cut")
    scene.hub.disconnect()
    for _ in range(2):
        time.sleep(phase_s)
        say("SIGKILL of the collector")
        collector.kill()
        time.sleep(phase_s)
        counted(CONNECTED, collector.start)
        say("the collector is back")
    say("the link to the hub is back")
    scene.hub.reconnect()
    heard()
    say("the cable to the server is pulled")
    counted("no connection", wire.pull)
    time.sleep(phase_s)
    say("the cable is plugged in")
    counted(CONNECTED, wire.plug)
    heard()
    unsaid = []
    for end, how in ((press.program.stop, "restarted"), (press.program.kill, "killed")):
        say(f"the server is {how}")
        counted("no connection", end)
        if how == "killed":
            unsaid = press.said()[-1:]  # written down, and perhaps no more than that
        counted(CONNECTED, press.start)
        heard()
    say("the machine is silent, the collector catches up")
    said = press.silenced()

    def compared():
        for name, each in (("strokes", 1), ("oil_temperature", 1 / 8)):
            rows = [(when, number * each, code) for when, number, code in said]
            kept = stored(scene, name)
            lost = [(when, number * each, code) for when, number, code in unsaid]
            # From the first value of this node that was heard.
            yield Comparison(
                f"{name}, source time, status", rows[rows.index(first[name]) :], kept, lost
            )

    try:
        wait_for(lambda: all(one.equal for one in compared()), "")
    except AssertionError:
        say("the comparison fails")
    status = collector.stop()
    say(f"SIGTERM: the collector ended with status {status}")
    assert status == 0, collector.output()
    assert "Traceback" not in collector.output(), collector.output()
    scene.hub.settle()
    say(f"events: {[row['event']['description'] for row in scene.hub.events()]}")
    return list(compared())
