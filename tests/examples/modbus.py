"""The Modbus collector with pymodbus' server: each stroke that was read is what the hub stores."""

import cmath
import os
import socket
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

    def rows(self):
        """[(time, strokes, first register, how many)] of each look at the counter."""
        if not os.path.exists(self._log):
            return []
        with open(self._log, encoding="utf-8") as log:
            return [tuple(map(int, line.split())) for line in log if line.endswith("\n")]

    def said(self):
        return [strokes for _at, strokes, _begin, _count in self.rows()]

    def last_said(self):
        """What it said last, once it has answered all that was asked before."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as device:
            device.sendall(bytes.fromhex("0001 0000 0006 01 03 0009 0001"))  # it counts nothing
            assert device.recv(260)
        return self.said()[-1:]


def steadiness(times, every_ms):
    """How true *times* keep to a clock, 0 to 1, and by how many ms they drift from half to half.

    1: all have one phase. A loop that sleeps between its readings goes through all phases: 0. A busy
    machine is late now and then, which blurs the phase and does not move it.
    """
    turns = [cmath.exp(2j * cmath.pi * at / every_ms) for at in times]
    middle = len(turns) // 2
    first, second = sum(turns[:middle]), sum(turns[middle:])
    drift_ms = cmath.phase(second / first) / (2 * cmath.pi) * every_ms
    return abs(sum(turns)) / len(turns), drift_ms


def own_clock(seconds):
    """Milliseconds at which a loop that does nothing but wait for its clock woke up."""
    begin_s, times = time.monotonic(), []
    while (now_s := time.monotonic()) < begin_s + seconds:
        times.append((now_s - begin_s) * 1000)
        time.sleep(EVERY_MS / 1000 - (now_s - begin_s) % (EVERY_MS / 1000))
    return times


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Read through an outage, restart and kill of the device, kills of the collector; compare."""
    with Scene(folder, "modbus_collector", say) as scene:
        press = Press(scene)
        press.start()
        # Each sample is synced: SIGKILL then takes no more than the reading under way.
        settings = {"port": press.port, "every_s": EVERY_MS / 1000, "sync_every_s": 0.0}
        settings["timeout_s"] = 20.0  # a busy machine answers late, and what it said counts
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
            in_flight += press.last_said()
            asked = len(press.said())
            collector.start()
            wait_for(lambda asked=asked: len(press.said()) > asked, collector.output)
            time.sleep(phase_s)
        for lost, (end, how) in enumerate(
            (
                (press.program.stop, "restarted in order"),
                (press.program.kill, "killed"),
            )
        ):
            say(f"the device is {how}")
            end()
            in_flight += press.said()[-1:]
            wait_for(
                lambda lost=lost: collector.output().count("no connection") > lost,
                collector.output,
            )
            press.start()
            say("the device is back")
            before = press.said()[-1]
            wait_for(lambda before=before: press.said()[-1] > before + 30, collector.output)
        say("the link to the hub is back")
        scene.hub.reconnect()
        witness, _drift_ms = steadiness(own_clock(3 * phase_s), EVERY_MS)
        status = collector.stop()  # what was read is kept
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert collector.output().count("no connection, trying again") == 2, collector.output()
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
        steady, drift_ms = steadiness(last_run, EVERY_MS)
        seconds = (last_run[-1] - last_run[0]) / 1000
        say(
            f"drift of the clock in {seconds:.1f} s, {len(last_run)} samples: {drift_ms:+.1f} ms,"
            f" steadiness {steady:.2f}, of a clock of ours {witness:.2f}"
        )
        # A loop that sleeps is later by its two requests, two milliseconds at least, each time.
        assert len(last_run) * 2 > EVERY_MS, "too few to see it"
        # Where not even a loop that does nothing else keeps its time, nobody can tell.
        assert steady > 0.25 or witness < 0.7, f"steadiness {steady:.2f}"
        return [
            Comparison("strokes", said, good.values(), in_flight),
            Comparison(
                "oil_temperature",
                [(number - 100) / 10 for number in said],
                scene.stored("oil_temperature").values(),
                [(number - 100) / 10 for number in in_flight],
            ),
        ]
