"""A block device in memory that counts what is written and loses its power on demand.

It speaks the extended protocol (offsets, erase) that littlefs needs and the plain one of FAT.
"""

import errno
import os

import vfs

MOUNT = "/disk"
_SYNC, _BLOCKS, _BLOCK_BYTES, _ERASE = 3, 4, 5, 6  # ioctl requests, docs.micropython.org, `vfs`
_ERASED = b"\xff"
_playgrounds = {}  # one for all of a size: new ones would break the heap into pieces


class RamDisk:
    """Attributes: `data` what is on the medium; `operations` programs and erasures so far;
    `syncs` how often the file system asked for a barrier; `bytes` programmed so far.

    Args:
        block_bytes: A flash page group for littlefs, a sector for FAT.
        blocks: So many of them.
        power: Operations until the power is cut, None for never. The one in which it happens is
            left as *tear* says; afterwards every request raises for ever.
        tear: See `torn`.
        log: A list that takes every operation, as (address, bytes), and None for a sync.
    """

    def __init__(self, block_bytes, blocks, *, data=None, power=None, tear=None, log=None):
        self.block_bytes = block_bytes
        self.data = bytearray(block_bytes * blocks) if data is None else data
        self.power = power
        self.tear = tear
        self.log = log
        self.operations = 0
        self.erasures = 0
        self.bytes = 0
        self.syncs = 0

    def unplug(self):
        """The same medium for another mount; what is done to this one has no effect any more.

        A closed file writes, and one that is only forgotten does when it is collected.
        """
        other = RamDisk(self.block_bytes, 0, data=self.data, power=self.power, tear=self.tear)
        other.log = self.log
        other.operations, other.erasures = self.operations, self.erasures
        other.bytes, other.syncs = self.bytes, self.syncs
        if len(self.data) not in _playgrounds:
            _playgrounds[len(self.data)] = bytearray(len(self.data))
        playground = _playgrounds[len(self.data)]
        playground[:] = self.data
        self.data = playground
        self.power, self.log = None, None
        return other

    def readblocks(self, block, buffer, offset=0):
        self._check()
        start = block * self.block_bytes + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.bytes += len(buffer)
        self._program(block * self.block_bytes + offset, buffer)

    def ioctl(self, request, argument):
        if request == _BLOCKS:
            return len(self.data) // self.block_bytes
        if request == _BLOCK_BYTES:
            return self.block_bytes
        if request == _ERASE:
            self.erasures += 1
            self._program(argument * self.block_bytes, _ERASED * self.block_bytes)
        elif request == _SYNC:
            self._check()
            self.syncs += 1
            if self.log is not None:
                self.log.append(None)
        return 0

    def _check(self):
        if self.power is not None and self.operations >= self.power:
            raise OSError(errno.EIO)

    def _program(self, address, data):
        self._check()
        self.operations += 1
        if self.log is not None:
            self.log.append((address, bytes(data)))
        cut = self.operations == self.power
        if cut and self.tear is not None:
            data = torn(self.data, address, bytes(data), self.tear)
        self.data[address : address + len(data)] = data
        if cut:
            raise OSError(errno.EIO)


def torn(medium, address, data, tear):
    """What a cut in the middle of a program leaves of *data*: as many bytes.

    Args:
        medium: The bytes that were there before.
        address: Where *data* goes.
        tear: How many bytes of it arrive, the rest stays as it was; or ``"erased"``: all of them
            read as 0xFF, as on a flash whose sector was erased to be written.
    """
    if tear == "erased":
        return _ERASED * len(data)
    return data[:tear] + bytes(medium[address + tear : address + len(data)])


# Small enough that files cross many blocks: littlefs blocks as on a serial flash, and FAT with
# one sector a cluster, the worst case for its table.
KINDS = {"lfs2": (vfs.VfsLfs2, 4096, 64), "fat": (vfs.VfsFat, 512, 512)}


def new_disk(kind, *, times=1, **options):
    """A formatted disk, *times* as large as usual; *kind* is a key of `KINDS`."""
    driver, block_bytes, blocks = KINDS[kind]
    disk = RamDisk(block_bytes, blocks * times)
    driver.mkfs(disk)
    return RamDisk(block_bytes, 0, data=disk.data, **options)


class Mounted:
    """`with Mounted("fat", disk):` the disk is at `MOUNT`."""

    def __init__(self, kind, disk):
        self.kind = kind
        self.disk = disk

    def __enter__(self):
        os.mount(KINDS[self.kind][0](self.disk), MOUNT)
        return self.disk

    def __exit__(self, *exc):
        os.umount(MOUNT)
        return False
