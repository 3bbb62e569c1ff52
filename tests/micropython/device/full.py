"""A disk that something else fills up: append, drain, get room again. One line of JSON.

full.py KIND SPARE      leave SPARE bytes free
"""

import json
import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent.buffer import Buffer
from mcagent.errors import AgentError
from mcagent.runtime import FileSystem
from tests.micropython.device.ramdisk import MOUNT, Mounted, new_disk

FOREIGN = MOUNT + "/foreign"


def fill(spare):
    """Write until *spare* bytes are free at most; how many are."""
    fs = FileSystem()
    file = open(FOREIGN, "wb")  # noqa: SIM115 - closing it may fail as well
    try:
        while not spare or fs.free(MOUNT)[0] > spare:
            file.write(bytes(512))
            file.flush()
    except OSError:
        pass
    try:
        file.close()
    except OSError:
        pass
    return fs.free(MOUNT)[0]


def send(buffer, delivered):
    """Drain as far as it goes; False where an acknowledgement was refused."""
    try:
        while True:
            batch = buffer.cut("timeseries", max_bytes=4000, max_records=50)
            if batch is None:
                return True
            delivered += [record.sequence for record in batch.records()]
            buffer.ack(batch)
    except OSError:
        return False


def main(kind, spare):
    refused, accepted, delivered = 0, [], []
    with Mounted(kind, new_disk(kind, times=4)):
        buffer = Buffer(MOUNT + "/buffer")
        buffer.open()
        for number in range(5000):
            if number == 3000:
                free = fill(int(spare))
            try:
                accepted.append(buffer.append("timeseries", 1, b"%04d" % number * 25))
            except (OSError, AgentError):
                refused += 1
        drained = send(buffer, delivered)
        os.remove(FOREIGN)
        last = buffer.append("timeseries", 1, b"room again", durable=True)
        accepted.append(last)
        send(buffer, delivered)
        lost = buffer.status()["lanes"]["timeseries"]["dropped"]
        buffer.close()
    found = {
        "free": free,
        "refused": refused,
        "accepted": len(accepted),
        "dropped": sum([loss["records"] for loss in lost.values()]),
        "delivered": len(delivered),
        "drained": drained,
        "in_order": delivered == sorted(delivered) and delivered[-1] == last,
        "reasons": sorted(lost),
    }
    print(json.dumps(found))


main(*sys.argv[1:])
