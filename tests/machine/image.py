"""A small Debian of the distribution's own packages: kernel, initial RAM disk, root file system.

Built once (two minutes) and kept outside of the repository, in `$XDG_CACHE_HOME/mcagent-machine`;
another recipe is another image. Nothing of it is started on this machine.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

SUITE = "bookworm"
MIRROR = os.environ.get("MCAGENT_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PACKAGES = (
    "systemd-sysv dbus systemd-timesyncd linux-image-cloud-amd64 initramfs-tools iproute2 kmod "
    "qemu-guest-agent sudo ca-certificates python3 python3-venv "
    "podman buildah crun netavark aardvark-dns iptables uidmap"
)
# What an operator never sees of it, and what would disturb a machine that lives for minutes.
_UNWANTED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer "
    "e2scrub_reap.service podman-auto-update.timer podman-auto-update.service podman.socket "
    "getty@tty1.service serial-getty@ttyS0.service serial-getty@ttyS1.service"
)
_BASE_PACKAGES = "python3 python3-venv passwd"
HUB = "hub.test"  # the platform's name and address, as the machine knows it (machine.py)
HUB_ADDRESS = "10.0.2.100"
_FILES = {
    "etc/hostname": "gateway\n",
    "etc/hosts": f"127.0.0.1 localhost gateway\n{HUB_ADDRESS} {HUB}\n",
    "etc/fstab": "/dev/vda / ext4 defaults,errors=remount-ro 0 1\n",
    "etc/systemd/network/10-wire.network": (
        "[Match]\nName=e*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"
    ),
    "etc/machine-id": "",  # its own at the first boot
    "var/log/journal/.keep": "",  # a journal that survives a power cut
}
# Of all drivers, the initial RAM disk needs those of this disk.
_EARLY = {
    "etc/initramfs-tools/conf.d/small": "MODULES=list\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n",
}
_SIZE = "3G"  # sparse: a tenth of it is used
_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
}


class NoMachine(Exception):
    """There can be none here; the text says why."""


class Image:
    """Paths: `kernel`, `initrd`, `disk` (to be copied, not written), `base` (of containers)."""

    def __init__(self, folder):
        self.kernel, self.initrd, self.disk, self.base = (
            os.path.join(folder, name) for name in ("kernel", "initrd", "disk", "base.tar")
        )


def debian():
    """The image, built where there is none yet.

    Raises:
        NoMachine: A tool is missing, or the right to use it.
    """
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    for tool, package in _TOOLS.items():
        if shutil.which(tool) is None:
            raise NoMachine(f"{tool} is not installed (Debian: {package})")
    if os.geteuid() != 0:
        raise NoMachine("a root file system is made by root alone")
    recipe = repr((SUITE, PACKAGES, _BASE_PACKAGES, _UNWANTED, _EARLY, _FILES, _SIZE))
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(
        cache, "mcagent-machine", hashlib.sha256(recipe.encode()).hexdigest()[:16]
    )
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as work:
                _build(work)
                for name in ("root", "early"):
                    shutil.rmtree(os.path.join(work, name))
                os.rename(work, folder)
                os.mkdir(work)  # what its context removes
    return Image(folder)


def _build(folder):
    root = os.path.join(folder, "root")
    early = os.path.join(folder, "early")
    _write(early, _EARLY)
    bootstrap(root, PACKAGES.split(), early)
    _write(root, _FILES)
    for verb, units in (
        ("enable", "systemd-networkd"),
        ("disable", "podman-restart"),
        ("mask", _UNWANTED),
    ):
        _run("systemctl", "--quiet", f"--root={root}", verb, *units.split())
    for name, pattern in (("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        (path,) = glob.glob(os.path.join(root, "boot", pattern))
        shutil.copyfile(path, os.path.join(folder, name))
    make_disk(root, os.path.join(folder, "disk"), _SIZE)
    bootstrap(os.path.join(folder, "base.tar"), _BASE_PACKAGES.split())


def _write(root, files):
    for name, text in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


def bootstrap(target, packages, early=""):
    """Install *packages* and what they need into the folder (or archive) *target*.

    What the folder *early* holds is there before them.
    """
    hooks = [f"--setup-hook=cp -r {early}/. $1"] if early else []
    _run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--components=main",
        "--include=" + ",".join(packages),
        '--aptopt=Acquire::Retries "5"',
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        *hooks,
        SUITE,
        target,
        MIRROR,
    )


def make_disk(folder, path, size):
    """A disk with a file system that holds what *folder* holds."""
    with open(path, "wb"):
        pass
    _run("truncate", "--size", size, path)
    _run("mkfs.ext4", "-q", "-d", folder, path)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")
