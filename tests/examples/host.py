"""host_metrics.py: each reading that this machine gave is what the hub stores."""

import json
import os
import sys
import time

from tests.examples.scene import EXAMPLES, Comparison, Scene, example_settings, wait_for

READINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host_readings.py")
FIELDS = ("system_uptime", "memory_used", "cpu_load", "network_sent")
SYNC_EVERY_S, EVERY_S = 1.0, 0.05


def said(path):
    """Readings of the machine, oldest first; a time since boot occurs once."""
    with open(path, encoding="utf-8") as log:
        taken = [json.loads(line) for line in log if line.endswith("\n")]
    return [tuple(values[name] for name in FIELDS) for values in taken]


def run(folder, say=lambda line: None, *, phase_s=2.5):
    """Collect through an outage and kills; the machine itself is not restarted."""
    with Scene(folder, "host_metrics", say) as scene:
        log = os.path.join(scene.folder, "said.txt")
        script = os.path.join(EXAMPLES, "host_metrics.py")
        toml = example_settings(folder, "host_metrics", ca=scene.hub.ca_file, every_s=EVERY_S)
        collector = scene.program("host_metrics", sys.executable, READINGS, log, script, toml)
        collector.start()

        def stored():
            columns = [scene.stored(name) for name in FIELDS]
            return [tuple(column[when] for column in columns) for when in sorted(columns[0])]

        wait_for(stored, collector.output)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        in_flight = []
        for _ in range(2):
            time.sleep(phase_s)
            say("SIGKILL of the collector, and at once again")
            collector.kill()
            # What was not synced yet: sync_every_s of readings, and the one under way.
            # As many of them, too: after a pause of the machine they are older.
            newest, most = said(log)[-1][0], round((SYNC_EVERY_S + 0.5) / EVERY_S)
            in_flight += [one for one in said(log) if one[0] > newest - SYNC_EVERY_S - 0.5]
            in_flight += said(log)[-most:]
            collector.start()
        time.sleep(phase_s)
        say("the link to the hub is back")
        scene.hub.reconnect()
        known = said(log)[-1]
        wait_for(lambda: known in stored(), collector.output)
        status = collector.stop()
        say(f"SIGTERM: the collector ended with status {status}")
        assert status == 0, collector.output()
        assert "Traceback" not in collector.output(), collector.output()
        last = said(log)[-1]
        collector.start()  # what SIGTERM left on the disk goes out
        wait_for(lambda: last in stored(), collector.output)
        assert collector.stop() == 0
        rest = [one for one in said(log) if one[0] > last[0]]
        sent = [one for one in stored() if one[0] <= last[0]]
        say(f"read after the end of the comparison: {len(rest)}")
        return [
            Comparison("readings", [one for one in said(log) if one not in rest], sent, in_flight)
        ]
