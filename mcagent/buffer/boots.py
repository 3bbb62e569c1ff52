"""What is known of the wall clock in boots that began without one.

A record of such a boot says how long after its start it was made, and not when. Once the time is
known, by the device's clock or by the platform's, the boot gets an entry here: written once,
durable before anything is sent by it, and never changed, so that what is sent twice has one time.

Source: docs/buffer-format.md, "Boots".
"""

import struct

from ..runtime import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime import Clock, FileSystem
    from .frame import Context

_ENTRY = "<16sqI"  # boot id, wall clock minus steady clock in ms, number; a CRC follows
_ENTRY_BYTES = 32
_ENTRIES = 128  # a page; the oldest one gives way
# A clock that was set is more exact than the seconds that the platform names, unless it is wrong.
_AGREE_MS = 30_000


class Boots:
    """The file ``boots`` beside the lanes; made when the clock is first seen not to be trusted.

    Attributes:
        needed: Records of this boot may be from before its clock was known.
        resumed: The buffer held records of this boot when it was opened.
    """

    def __init__(self, directory: str, fs: "FileSystem", clock: "Clock") -> None:
        self.needed = False
        self.resumed = False
        self._directory = directory
        self._path = directory + "/boots"
        self._fs = fs
        self._clock = clock
        self._known: "dict[bytes, int]" = {}
        self._last = 0  # number of the newest entry
        self._loaded = False
        self._made = False

    def open(self, contexts: "list[Context]") -> None:
        """Take up what is there; *contexts* are those of the last records."""
        for context in contexts:
            if context.boot_id == self.present:
                self.resumed = True
                self.needed = self.needed or not context.trusted
        self.needed = self.needed or not self._clock.trusted()
        try:
            self._load()
        except OSError:
            pass  # tried again before anything is written

    def difference_ms(self, boot_id: bytes) -> "int | None":
        """Wall clock minus steady clock in the boot *boot_id*; None where that is not known."""
        return self._known.get(boot_id)

    @property
    def present(self) -> bytes:
        """The id of this boot."""
        return self._clock.boot_id()

    @property
    def unknown(self) -> bool:
        """This boot needs an entry, and has none."""
        return self.needed and self.present not in self._known

    def look(self, platform_ms: "int | None" = None) -> None:
        """Give this boot its entry where it needs one and the time is known by now.

        Args:
            platform_ms: The platform's clock minus the steady one, where that was measured.

        Raises:
            OSError: It cannot be written; nothing may be sent by it.
        """
        clock = self._clock
        trusted = clock.trusted()
        if not trusted:
            self.needed = True
        elif not self.needed:
            return
        boot_id = clock.boot_id()
        if boot_id in self._known:
            return
        difference_ms = platform_ms
        if trusted:
            own_ms = clock.now_ms() - clock.monotonic_ms()
            if platform_ms is None or abs(own_ms - platform_ms) <= _AGREE_MS:
                difference_ms = own_ms
        if difference_ms is not None:
            self._fix(boot_id, difference_ms)
        elif not self._made:
            # While there is room: the entry itself must not need any.
            self._made = True
            if self._fs.exists(self._directory):
                self._make()

    def look_quietly(self) -> None:
        """As `look`, for a script that only records: nobody waits for the entry."""
        try:
            self.look()
        except OSError:
            pass

    # -- private ----------------------------------------------------------------------------

    def _fix(self, boot_id: bytes, difference_ms: int) -> None:
        self._load()
        if boot_id in self._known:
            return
        self._make()
        number = self._last + 1
        entry = struct.pack(_ENTRY, boot_id, difference_ms, number)
        file = self._fs.open(self._path)
        try:
            file.write_at(
                (number - 1) % _ENTRIES * _ENTRY_BYTES, entry + struct.pack("<I", crc32(entry))
            )
            file.sync()
        finally:
            file.close()
        self._last = number
        self._known[boot_id] = difference_ms

    def _make(self) -> None:
        there = self._fs.exists(self._path)
        size = self._fs.size(self._path) if there else 0
        if size >= _ENTRIES * _ENTRY_BYTES:
            return
        self._fs.make_dir(self._directory)
        file = self._fs.open(self._path, create=not there)
        try:
            file.write_at(size, bytes(_ENTRIES * _ENTRY_BYTES - size))
            file.sync()
        finally:
            file.close()
        self._fs.sync_dir(self._directory)

    def _load(self) -> None:
        if self._loaded:
            return
        if self._fs.exists(self._path):
            data = self._fs.read(self._path)
            found = []
            for offset in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                entry = data[offset : offset + _ENTRY_BYTES - 4]
                boot_id, difference_ms, number = struct.unpack(_ENTRY, entry)
                crc = struct.unpack("<I", data[offset + len(entry) : offset + _ENTRY_BYTES])[0]
                if number and crc == crc32(entry):
                    found.append((number, boot_id, difference_ms))
            for number, boot_id, difference_ms in sorted(found):
                self._known.setdefault(boot_id, difference_ms)
                self._last = number
        self._loaded = True
