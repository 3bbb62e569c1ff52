"""The emulator in a process of its own, so that its memory is not that of the device.

Reads commands, one JSON object a line, and answers each with one.
"""

import json
import sys

from mcagent.emulator import Emulator


def main():
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        print(json.dumps({"ca_file": hub.ca_file}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            print(json.dumps(_do(hub, **command)), flush=True)


def _do(hub, do, value=None):
    if do == "clock":
        return hub.set_clock(value)
    if do == "faults":
        return hub.set_faults(value)
    if do == "agent":
        return hub.create_agent("press-7", automap=True)
    if do == "link":
        return hub.reconnect() if value else hub.disconnect()
    hub.settle(60)
    strokes = [row["values"]["strokes"] for row in hub.stored() if "strokes" in row["values"]]
    return {
        "samples": len(set(strokes)),
        "events": len({one["event"]["description"] for one in hub.events()}),
        "files": len({one["sha256"] for one in hub.files()}),
        "received": len(hub.received(kind="timeseries")),
    }


if __name__ == "__main__":
    main()
