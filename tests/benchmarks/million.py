"""A million buffered samples: memory, time to open, drain rate, disk, from one command.

``python -m tests.benchmarks.million [--records 1000000] [--per 100] [--directory DIRECTORY]``
"""

import argparse
import os
import shutil
import sys
import tempfile

from . import surroundings
from .buffer import ROOT, say, settle, work

_MIB = 1024 * 1024
_FOREVER_S = 3600


def measure(directory, records, per):
    """(what, figure) for each line that is printed; the content of the drain is checked."""
    low, middle = records // 1000, records // 10
    task = {"name": "mcagent", "directory": directory + "/work"}
    say("%d records into the buffer" % records)
    filled = work(dict(task, what="fill", goals=[low, middle, records]))
    say("a new process opens it and drains it")
    # What comes out is compared with what was put in by a CRC that is taken while it drains: the
    # rate is that of another drain, without it.
    shutil.copytree(task["directory"], directory + "/copy")
    more = {"what": "drain", "per": per, "records": records, "limit_s": _FOREVER_S}
    checked = work(dict(task, **more, check=True, directory=directory + "/copy"))
    shutil.rmtree(directory + "/copy")
    settle(directory)
    drained = work(dict(task, **more))
    resident = filled["resident_kib"]
    grown_kib = [resident[str(goal)] - resident[str(low)] for goal in (middle, records)]
    return [
        ("records drained, every byte compared", "%d" % checked["records"]),
        ("RSS with %d buffered" % low, "%d KiB" % resident[str(low)]),
        ("RSS growth to %d" % middle, "%d KiB" % grown_kib[0]),
        ("RSS growth to %d" % records, "%d KiB" % grown_kib[1]),
        ("open and first record, new process", "%.1f ms" % drained["open_ms"]),
        ("drain rate, first tenth", "%d records/s" % drained["first_rate"]),
        ("drain rate, all, acknowledged per %d" % per, "%d records/s" % drained["rate"]),
        ("RSS growth while it drains", "%d KiB" % drained["grown_kib"]),
        ("disk used before the drain", "%.1f MiB" % (filled["disk_bytes"] / _MIB)),
        ("disk used after it", "%.1f MiB" % (drained["left_bytes"] / _MIB)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="1 000 or more")
    parser.add_argument("--per", type=int, default=100, help="records acknowledged together")
    parser.add_argument(
        "--directory", default=os.path.dirname(ROOT), help="on the disk to measure"
    )
    arguments = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="mcagent-bench-", dir=arguments.directory)
    try:
        about = surroundings.describe(directory, ["mcagent"])
        lines = measure(directory, max(arguments.records, 1000), arguments.per)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(" ".join(about))
    for what, figure in lines:
        print("%-44s %s" % (what, figure))
    return 0


if __name__ == "__main__":
    sys.exit(main())
