"""A file that is replaced while the power goes: after every cut it is the old one or the new one.

atomic.py KIND

For credentials and the state of the data model, which `FileSystem.write_atomic` writes. Prints
one line of JSON.
"""

import json
import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent.runtime import FileSystem
from tests.micropython.device.ramdisk import KINDS, MOUNT, Mounted, RamDisk, new_disk

FOLDER = MOUNT + "/state"
PATH = FOLDER + "/registration-0.json"
VERSIONS = [b"%d:" % number * (90 + 70 * number) for number in range(8)]


def replace_all(disk, ends):
    """Write each version over the one before it; note the operation in which it was durable."""
    fs = FileSystem()
    fs.make_dir(FOLDER)
    for number in range(9):  # names enough that the folder has more than one sector
        open(FOLDER + "/an other long name %d" % number, "wb").close()
    for version in VERSIONS:
        fs.write_atomic(PATH, version)
        ends.append(disk.operations)


def left_after(kind, image):
    """What a restarted device reads; None where there is no file."""
    with Mounted(kind, RamDisk(KINDS[kind][1], 0, data=image)):
        fs = FileSystem()
        found = fs.read(PATH) if fs.exists(PATH) else None
        fs.make_dir(FOLDER)
        # And it can be replaced again.
        fs.write_atomic(PATH, b"next")
        if fs.read(PATH) != b"next":
            return b"cannot be replaced"
        return found


def main(kind):
    log, ends, wrong = [], [], []
    disk = new_disk(kind)
    medium = bytearray(disk.data)
    disk.log = log
    with Mounted(kind, disk):
        replace_all(disk, ends)
    done = 0
    for entry in log:
        if entry is None:
            continue
        address, data = entry
        medium[address : address + len(data)] = data
        done += 1
        durable = len([end for end in ends if end <= done])
        allowed = VERSIONS[max(durable - 1, 0) : durable + 1]
        found = left_after(kind, bytearray(medium))
        if found not in allowed and (found is not None or durable):
            wrong.append((done, durable, repr(found)[:40]))
    print(json.dumps({"operations": done, "versions": len(VERSIONS), "wrong": wrong}))


main(*sys.argv[1:])
