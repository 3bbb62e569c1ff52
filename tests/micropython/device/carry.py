"""Carry a buffer onto a RAM disk, work on it there, and carry it back.

carry.py KIND DIRECTORY write FIRST LAST    append samples and events, acknowledge a few
carry.py KIND DIRECTORY read                print what is left, and acknowledge it
"""

import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent.buffer import Buffer
from tests.buffer.world import drain, small_settings
from tests.micropython.device.ramdisk import MOUNT, Mounted, new_disk

_IS_DIRECTORY = 0x4000


def copy(source, target):
    """Copy the tree *source*, where there is one."""
    try:
        entries = list(os.ilistdir(source))
    except OSError:
        return
    try:
        os.mkdir(target)
    except OSError:
        pass  # from the last time
    for name in os.listdir(target):
        if name not in [entry[0] for entry in entries]:
            os.remove(target + "/" + name)
    for entry in entries:
        one, other = source + "/" + entry[0], target + "/" + entry[0]
        if entry[1] == _IS_DIRECTORY:
            copy(one, other)
            continue
        with open(one, "rb") as file:
            with open(other, "wb") as made:
                made.write(file.read())


def write(buffer, first, last):
    for number in range(first, last):
        model = "model-%d" % (number // 60)
        buffer.append("timeseries", 1, b"sample %d" % number * 9, configuration_id=model)
        if number % 20 == 0:
            buffer.append("events", 2, b"event %d" % number)
    buffer.ack(buffer.cut("timeseries", max_bytes=2000, max_records=7))


def read(buffer):
    for lane in ("timeseries", "events"):
        for sequence, payload in drain(buffer, lane, max_records=50):
            print(lane, sequence, payload.decode())


def main(kind, directory, command, *numbers):
    here = MOUNT + "/buffer"
    with Mounted(kind, new_disk(kind, times=8)):
        copy(directory, here)
        buffer = Buffer(here, settings=small_settings())
        buffer.open()
        {"write": write, "read": read}[command](buffer, *map(int, numbers))
        buffer.close()
        copy(here, directory)


main(*sys.argv[1:])
