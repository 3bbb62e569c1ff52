"""A disk of one's own, whose writes can be counted: an ext4 image behind a loop device."""

import os
import shutil
import subprocess
from contextlib import contextmanager

_BYTES = 1 << 30


class Unavailable(Exception):
    """No loop device here; the text says why."""


@contextmanager
def mounted(directory):
    """Yield (mount point, device name) of a new file system, its image in *directory*."""
    if os.geteuid() != 0:
        raise Unavailable("only root mounts a loop device")
    for tool in ("mkfs.ext4", "mount", "losetup"):
        if shutil.which(tool) is None:
            raise Unavailable(tool + " is not installed")
    image, place = directory + "/disk.img", directory + "/disk"
    with open(image, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, _BYTES)
    # Nothing is left to be initialised in the background: it would be counted.
    _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
    os.mkdir(place)
    _run("mount", "-o", "loop", image, place)
    try:
        device = _run("losetup", "-j", image, "-n", "-O", "NAME").strip()
        yield place, os.path.basename(device)
    finally:
        _run("umount", place)
        os.remove(image)
        os.rmdir(place)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable("%s: %s" % (command[0], done.stderr.strip()))
    return done.stdout
