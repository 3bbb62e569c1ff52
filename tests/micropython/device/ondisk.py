"""Run portable test files with their temporary folders on a RAM disk.

ondisk.py KIND FILE…     as run.py
"""

import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from tests.micropython import run
from tests.micropython.device.ramdisk import MOUNT, Mounted, new_disk

with Mounted(sys.argv[1], new_disk(sys.argv[1], times=4)):
    os.putenv("TMPDIR", MOUNT)
    status = run.main(sys.argv[2:])
sys.exit(status)
