"""Small file systems of our own, which fill up, turn read-only and lose their power."""

import fcntl
import os
import shutil
import struct
import subprocess

# From <linux/ext4.h> and its like: stop at once, without the journal's last pages.
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class Mount:
    """A mounted file system; `with` ends it."""

    def __init__(self, path, kind, options, device="mcagent-test"):
        self.path = str(path)
        self.device = str(device)
        self._kind, self._options = kind, options
        os.makedirs(self.path, exist_ok=True)
        self.mount()

    def mount(self):
        """Again, after `unmount`. Raises OSError where that is not allowed here."""
        _run("mount", "-t", self._kind, "-o", self._options, self.device, self.path)

    def remount(self, mode):
        """*mode*: ``"ro"`` or ``"rw"``."""
        _run("mount", "-o", "remount," + mode, self.path)

    def unmount(self):
        _run("umount", self.path)

    def cut_power(self):
        """Nothing more reaches the image, as if the cable was pulled."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def switch_on(self):
        """Mount what the image holds now.

        A copy of it: what still holds on to the dead file system, as a process with mounts of its
        own does, would get the same one back.
        """
        dead = self.device
        self.device = dead[: -len(".new")] if dead.endswith(".new") else dead + ".new"
        _run("cp", "--sparse=always", dead, self.device)
        _run("umount", "-l", self.path)
        os.remove(dead)
        self.mount()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        return False


def tmpfs(path, options):
    return Mount(path, "tmpfs", options)


def image(folder, kind, mebibytes=16):
    """A file system of *kind* in a file, mounted over a loop device."""
    maker = shutil.which("mkfs." + kind, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    if maker is None:
        raise FileNotFoundError("mkfs.%s is not installed" % kind)
    path = os.path.join(str(folder), kind + ".img")
    with open(path, "wb") as file:
        file.truncate(mebibytes << 20)
    _run(maker, "-q", path)
    options = "loop,nouuid" if kind == "xfs" else "loop"  # the dead one has the same name
    return Mount(os.path.join(str(folder), kind), kind, options, path)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError("%s: %s" % (" ".join(command), done.stderr.strip()))


def fill(path):
    """A ballast file that takes what is left."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
