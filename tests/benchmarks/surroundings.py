"""Where and when figures were measured: without this they say nothing."""

import os
import platform
import sqlite3
import sys
import time
from importlib.metadata import version

from .peers import CONTESTANTS


def describe(directory, names):
    """Sentences for the head of the figures.

    Raises:
        SystemExit: *directory* is not on a disk.
    """
    packages = sorted({CONTESTANTS[name].package for name in names} - {""})
    versions = ["%s %s" % (package, version(package)) for package in packages]
    if "sqlite" in names:
        versions.append("SQLite " + sqlite3.sqlite_version)
    device, kind = _mount(directory)
    return [
        "Measured %s." % time.strftime("%Y-%m-%d"),
        "Linux %s, %s on %s, %s, %d cores, Python %s."
        % (platform.release(), kind, device, cpu(), os.cpu_count(), sys.version.split()[0]),
        "Versions: %s." % ", ".join(versions),
        "Load average when it began: %.1f." % os.getloadavg()[0],
    ]


def _mount(directory):
    """Device and file system type of *directory*."""
    path, best = os.path.realpath(directory), ("", "?", "?")
    with open("/proc/self/mounts") as file:
        for line in file:
            device, point, kind = line.split()[:3]
            inside = point in ("/", path) or path.startswith(point + "/")
            if inside and len(point) >= len(best[0]):
                best = point, device, kind
    if best[2] in ("tmpfs", "ramfs"):
        raise SystemExit("%s is in memory: give --directory on a disk" % directory)
    return best[1:]


def cpu():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    return platform.machine()
