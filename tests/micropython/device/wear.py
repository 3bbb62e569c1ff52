"""What durable records cost the medium: programs, bytes and erasures, one line of JSON.

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


def counts(disk):
    return disk.operations, disk.bytes, disk.erasures


def main(kind, group, records):
    lane = LaneSettings(256 * 1024, durability=("group", int(group), 1 << 20))
    disk = new_disk(kind, times=4)
    with Mounted(kind, disk):
        settings = BufferSettings(timeseries=lane, ram_bytes=1 << 16)
        buffer = Buffer(MOUNT + "/buffer", settings=settings)
        buffer.open()
        begin = counts(disk)
        for _ in range(int(records)):
            buffer.append("timeseries", 1, PAYLOAD)
        buffer.flush()
        assert buffer.receipt("timeseries", int(records)).durable
        full = counts(disk)
        batches = 0
        while True:
            batch = buffer.cut("timeseries", max_bytes=2000, max_records=10)
            if batch is None:
                break
            buffer.ack(batch)
            batches += 1
        empty = counts(disk)
        buffer.close()
    print(
        json.dumps(
            {
                "record": [(end - start) / int(records) for start, end in zip(begin, full)],
                "batch": [(end - start) / batches for start, end in zip(full, empty)],
            }
        )
    )


main(*sys.argv[1:])
