"""What the operating system says about a process and a disk; None where it does not say it."""

import os
import re
import subprocess

# The marks that a measured part leaves in a trace of system calls: two files that do not exist.
BEGIN, END = "/measured-part-begins", "/measured-part-ends"
SYNCS = ("fsync", "fdatasync", "msync", "sync_file_range", "syncfs")
_SECTOR_BYTES = 512  # the unit of /sys/block, whatever the device's own is


class Gauge:
    """Bytes that this process dirtied, and that a device took, inside a `with`.

    Attributes:
        dirtied_bytes: `write_bytes` of /proc/self/io: whole pages, without the file system's own.
        device_bytes: Written to the block device, after everything was flushed to it.
    """

    def __init__(self, directory, device):
        self._directory = directory
        self._device = device
        self.dirtied_bytes = None
        self.device_bytes = None

    def __enter__(self):
        self._device_before = self._device_bytes()
        self._dirtied_before = _dirtied_bytes()
        os.path.exists(BEGIN)
        return self

    def __exit__(self, *_error):
        os.path.exists(END)
        dirtied = _dirtied_bytes()
        if dirtied is not None:
            self.dirtied_bytes = dirtied - self._dirtied_before
        device = self._device_bytes()
        if device is not None:
            self.device_bytes = device - self._device_before

    def _device_bytes(self):
        if not self._device:
            return None
        subprocess.run(["sync", "-f", self._directory], check=True)
        with open("/sys/block/%s/stat" % self._device) as file:
            return int(file.read().split()[6]) * _SECTOR_BYTES


def _dirtied_bytes():
    try:
        with open("/proc/self/io") as file:
            return int(re.search(r"^write_bytes: (\d+)", file.read(), re.MULTILINE)[1])
    except OSError:
        return None


def resident_kib():
    """Resident memory of this process, 0 where there is no /proc."""
    return _of_status("VmRSS")


def peak_kib():
    """The most that it was."""
    return _of_status("VmHWM")


def _of_status(name):
    try:
        with open("/proc/self/status") as file:
            return int(re.search(r"^%s:\s+(\d+)" % name, file.read(), re.MULTILINE)[1])
    except OSError:
        return 0


def disk_bytes(directory):
    """What the files below *directory* take on the disk."""
    total = 0
    for where, _directories, names in os.walk(directory):
        total += sum(os.lstat(os.path.join(where, name)).st_blocks * 512 for name in names)
    return total


def count_syncs(trace):
    """Syncs between the marks in the text that strace wrote."""
    lines = trace.splitlines()
    begin = [place for place, line in enumerate(lines) if BEGIN in line]
    end = [place for place, line in enumerate(lines) if END in line]
    if len(begin) != 1 or len(end) != 1:
        raise SystemExit("the marks of the measured part are not in the trace")
    call = re.compile(r"^(\d+ +)?(%s)\(" % "|".join(SYNCS))  # a resumed call is not a second one
    return sum(1 for line in lines[begin[0] : end[0]] if call.match(line))
