# portable
"""The keystore: durable, atomic, private; damage is survived and reported."""

import os

from mcagent.credentials.keystore import Keystore, StateLock
from mcagent.errors import ConfigurationError
from mcagent.runtime import MICROPYTHON, FileSystem
from tests.credentials.device import Cut, Device
from tests.credentials.platform import WEEK_MS, Clock, Platform
from tests.helpers import TemporaryDirectory, raises

STATE = {"state": "onboarded", "current": {"secret": "s3cret", "expires_ms": 2**41}, "n": None}


class CutFileSystem(FileSystem):
    """The power goes off before or after operation number *cut* that changes something."""

    def __init__(self):
        super().__init__()
        self.cut = -1
        self.operations = []

    def _operation(self, name, *args):
        self.operations.append(name)
        if len(self.operations) == self.cut:
            raise Cut
        getattr(super(), name)(*args)
        if len(self.operations) == -self.cut:
            raise Cut

    def write_atomic(self, path, data):
        if len(self.operations) + 1 == self.cut:
            # The worst that an atomic write leaves: its temporary file, half written.
            with open(path + ".tmp", "wb") as file:
                file.write(data[: len(data) // 2])
        self._operation("write_atomic", path, data)

    def make_dir(self, path):
        self._operation("make_dir", path)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_state_comes_back_as_it_was_saved():
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        assert keystore.load() is None
        assert os.listdir(directory) == [], "looking makes nothing"
        keystore.save(STATE)
        assert Keystore(directory).load() == STATE
        keystore.save({"state": "lost"})
        assert Keystore(directory).load() == {"state": "lost"}
        assert keystore.notes == []


def test_files_are_whole_blocks_in_pairs():
    """So that the next state fits where this one did, and one bad block does not cost both."""
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        for size in (0, 10, 3900, 4096, 9000):
            keystore.save({"state": "x" * size})
            first = read(keystore.directory + "/credentials")
            assert first == read(keystore.directory + "/credentials.copy")
            assert len(first) % 4096 == 0
            assert keystore.load() == {"state": "x" * size}


def test_any_damage_to_one_file_is_survived_and_reported():
    """A flipped bit, lost bytes, an empty or a foreign file: the other one is used."""
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        keystore.save(STATE)
        good = read(keystore.directory + "/credentials")
        secret_at = good.find(b"s3cret")
        flipped = good[:secret_at] + b"S" + good[secret_at + 1 :]
        for data in (
            b"",
            b"\n",
            good[:40],
            good[:90],
            flipped,
            b"[1]\n[2]",
            b"\xff" * 99,
            b"{}\n{}",
        ):
            for name in ("/credentials", "/credentials.copy"):
                write(keystore.directory + name, data)
                again = Keystore(directory)
                assert again.load() == STATE, (data, name)
                if name == "/credentials":
                    assert "was damaged" in again.notes[0]
                keystore.save(STATE)
        aside = [name for name in os.listdir(keystore.directory) if "damaged" in name]
        assert len(aside) == 4, "kept for whoever looks into it, but not without end"


def test_both_files_damaged_is_no_state_and_two_notes():
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        keystore.save(STATE)
        for name in ("/credentials", "/credentials.copy"):
            write(keystore.directory + name, b"rubbish")
        assert keystore.load() is None
        assert len(keystore.notes) == 2
        keystore.save(STATE)
        assert keystore.load() == STATE


def test_a_missing_first_file_is_the_cut_of_a_rename():
    """FAT cannot rename over a file: it is removed first."""
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        keystore.save(STATE)
        os.remove(keystore.directory + "/credentials")
        assert keystore.load() == STATE
        assert keystore.notes == []


def test_a_newer_format_is_left_alone():
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        keystore.save(STATE)
        path = keystore.directory + "/credentials"
        newer = read(path).replace(b'"version": 1', b'"version": 2')
        write(path, newer)
        error = raises(ConfigurationError, keystore.load)
        assert "newer release" in error.message
        assert read(path) == newer


def test_files_are_private_and_made_private_again():
    """0600 in a 0700 directory, whatever the umask; a wider mode is taken back and reported."""
    if MICROPYTHON:
        return
    old = os.umask(0)
    try:
        with TemporaryDirectory() as directory:
            keystore = Keystore(directory)
            keystore.save(STATE)
            paths = {
                keystore.directory: 0o700,
                keystore.directory + "/credentials": 0o600,
                keystore.directory + "/credentials.copy": 0o600,
            }
            for path, mode in paths.items():
                assert os.stat(path).st_mode & 0o777 == mode, path
            keystore.load()
            assert keystore.notes == []
            for path in paths:
                os.chmod(path, 0o755)
            assert keystore.load() == STATE
            for path in paths:
                assert os.stat(path).st_mode & 0o077 == 0, path
            assert len(keystore.notes) == 3
            assert "other users" in keystore.notes[0]
    finally:
        os.umask(old)


def test_a_disk_that_refuses_leaves_the_state_before():
    class FullFileSystem(FileSystem):
        full = False

        def write_atomic(self, path, data):
            if self.full:
                raise OSError(28, "No space left on device")
            super().write_atomic(path, data)

    with TemporaryDirectory() as directory:
        fs = FullFileSystem()
        keystore = Keystore(directory, fs)
        keystore.save(STATE)
        fs.full = True
        raises(OSError, keystore.save, {"state": "new"})
        assert Keystore(directory).load() == STATE


def test_every_cut_of_the_keystore_leaves_a_working_agent():
    """Register, token, rotate, twice: cut before and after each file operation."""

    class DiskDevice(Device):
        """A device whose disk is a real keystore."""

        @property
        def disk(self):
            return self.keystore.load()

        @disk.setter
        def disk(self, state):
            if state is not None:
                self.keystore.save(state)

    def live(directory, cut):
        fs = CutFileSystem()
        fs.cut = cut
        clock = Clock()
        platform = Platform(clock)
        DiskDevice.keystore = Keystore(directory, fs)
        device = DiskDevice(platform, clock, platform.boarding)
        for week in range(4):
            if week:
                clock.now_ms += WEEK_MS - 24 * 3_600_000
            try:
                device.live()
            except Cut:
                fs.cut = -1_000_000
                DiskDevice.keystore = Keystore(directory, fs)
                device.start()
                device.live()
        return fs, platform, device

    with TemporaryDirectory() as directory:
        fs, platform, device = live(directory, -1_000_000)
        total = len(fs.operations)
        assert platform.accepts(device.token())
    assert total >= 15
    lost = 0
    for number in range(1, total + 1):
        for cut in (number, -number):
            with TemporaryDirectory() as directory:
                fs, platform, device = live(directory, cut)
                if platform.accepts(device.token()):
                    continue
                # Only the answer to the registration has no second chance.
                lost += 1
                assert "got no answer" in device.lifecycle.problem.message
                device.boarding = platform.issue_boarding()
                device.start()
                device.live()
                assert platform.accepts(device.token())
    assert lost == 1, lost


def test_a_directory_has_one_owner_who_is_named():
    if MICROPYTHON:
        return  # a board has one process
    with TemporaryDirectory() as directory:
        first, second = StateLock(directory), StateLock(directory)
        first.acquire()
        error = raises(ConfigurationError, second.acquire)
        assert "in use by pid %d on " % os.getpid() in error.message
        assert directory in error.message
        assert error.hint
        first.release()
        first.release()
        second.acquire()
        second.release()


def test_no_secret_in_a_repr():
    with TemporaryDirectory() as directory:
        keystore = Keystore(directory)
        keystore.save(STATE)
        assert "s3cret" not in repr(keystore)
