"""What a durable record costs the medium: programs, bytes and erasures, one line of JSON.

wear.py KIND GROUP RECORDS
"""

import json
import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.micropython.device.ramdisk import MOUNT, Mounted, new_disk

PAYLOAD = b"x" * 100


def main(kind, group, records):
    lane = LaneSettings(256 * 1024, durability=("group", int(group), 1 << 20))
    disk = new_disk(kind, times=4)
    with Mounted(kind, disk):
        settings = BufferSettings(timeseries=lane, ram_bytes=1 << 16)
        buffer = Buffer(MOUNT + "/buffer", settings=settings)
        buffer.open()
        before = disk.operations, disk.bytes, disk.erasures, disk.syncs
        for _ in range(int(records)):
            buffer.append("timeseries", 1, PAYLOAD)
        buffer.flush()
        assert buffer.receipt("timeseries", int(records)).durable
        after = disk.operations, disk.bytes, disk.erasures, disk.syncs
        buffer.close()
    used = [end - start for start, end in zip(before, after)]
    print(json.dumps(dict(zip(("operations", "bytes", "erasures", "syncs"), used))))


main(*sys.argv[1:])
