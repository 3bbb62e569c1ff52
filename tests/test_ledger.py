"""A file once for each content: the process dies at every operation, and nothing is lost or twice."""

import hashlib
import io
import os

import pytest

from mcagent import Agent, BufferFull, BufferSettings, File, InvalidMessage, LaneSettings
from mcagent.ledger import Ledger
from mcagent.runtime import FileSystem
from mcagent.runtime.cpython import RandomFile

CONTENTS = [b"first\n" * 50, b"second\n", b"third\n" * 9000]


class Killed(BaseException):
    """The process is gone; what stands in `finally` does nothing any more."""


class Mortal:
    """Counts what changes the disk; dies before, in the middle of or after operation *last*."""

    def __init__(self, last=0, moment=""):
        self.count = 0
        self.names = []
        self._last, self._moment = last, moment
        self.dead = False

    def do(self, name, operation, half=None):
        if self.dead:
            raise Killed
        self.count += 1
        self.names.append(name)
        if self.count == self._last:
            self.dead = True
            if self._moment == "after":
                operation()
            elif self._moment == "within" and half is not None:
                half()
            raise Killed
        return operation()


class MortalFile(RandomFile):
    def __init__(self, path, fd, life):
        super().__init__(path, fd)
        self.life = life

    def write_at(self, offset, data):
        write, half = super().write_at, bytes(data[: len(data) // 2])
        name = "write " + os.path.basename(self.path)
        self.life.do(name, lambda: write(offset, data), lambda: write(offset, half))

    def sync(self):
        # A killed process takes nothing along that was written: the order alone counts.
        self.life.do("sync " + os.path.basename(self.path), lambda: None)

    def preallocate(self, size):
        preallocate = super().preallocate
        return self.life.do("preallocate", lambda: preallocate(size))

    def truncate(self, size):
        truncate = super().truncate
        return self.life.do("truncate", lambda: truncate(size))


class MortalFileSystem(FileSystem):
    def __init__(self, life):
        super().__init__()
        self.life = life
        self.opened = []

    def open(self, path, *, create=False, write=True):
        real = super().open

        def open_():
            file = MortalFile(path, real(path, create=create, write=write)._fd, self.life)
            self.opened.append(file)
            return file

        return self.life.do("create", open_) if create else open_()

    def rename(self, source, target):
        self.life.do("rename", lambda: os.replace(source, target))

    def remove(self, path):
        self.life.do("remove", lambda: os.unlink(path))

    def remove_if_there(self, path):
        real = super().remove_if_there
        self.life.do("remove", lambda: real(path))

    def make_dir(self, path):
        real = super().make_dir
        self.life.do("make_dir", lambda: real(path))

    def write_atomic(self, path, data):
        real = super().write_atomic
        self.life.do("write_atomic", lambda: real(path, data))

    def sync_dir(self, path):
        self.life.do("sync_dir", lambda: None)


class Device:
    """Lives of one agent and its ledger in one directory; *eager*: what it takes in goes out at once."""

    def __init__(self, directory, *, eager):
        self.directory = str(directory)
        self.eager = eager
        self.sent = {}  # number of the record -> its content; a repetition has the same number

    def live(self, life, contents):
        """Hand *contents* over, until the process is killed; give whether each was new."""
        fs = MortalFileSystem(life)
        agent = None
        try:
            agent = Agent.open(self.directory, fs=fs)
            take_in = agent.submit

            def submit(file):
                receipt = take_in(file)
                if self.eager:
                    self.send(agent)
                return receipt

            agent.submit = submit
            ledger = Ledger(agent, fs=fs)
            return [
                ledger.submit(File(io.BytesIO(content), name="log"), sha256=sha256_of(content))
                for content in contents
            ]
        except Killed:
            return None
        finally:
            if agent is not None and not life.dead:
                agent.close()
            elif agent is not None:
                agent._forked()  # its lock goes as with the process, nothing is written
            for file in fs.opened:
                file.close()

    def send(self, agent):
        while True:
            batch = agent._buffer.cut("files", max_bytes=10_000_000, max_records=1)
            if batch is None:
                return
            for record in batch.records():
                content = b"".join(agent._buffer.open_spool(record).chunks())
                self.sent[record.sequence] = content
            agent._buffer.ack(batch)

    def drain(self):
        with Agent.open(self.directory) as agent:
            self.send(agent)


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("eager", [False, True], ids=["offline", "sent at once"])
def test_no_content_is_lost_or_sent_twice_wherever_it_is_killed(tmp_path, eager, figure):
    """Before, in the middle of and after each write, sync, rename and removal."""
    life = Mortal()
    assert Device(tmp_path / "whole", eager=eager).live(life, CONTENTS) == [True] * 3
    for last in range(1, life.count + 1):
        for moment in ("before", "within", "after"):
            device = Device(tmp_path / f"{last}-{moment}", eager=eager)
            assert device.live(Mortal(last, moment), CONTENTS) is None
            assert device.live(Mortal(), CONTENTS) is not None
            assert device.live(Mortal(), CONTENTS) == [False] * 3
            device.drain()
            where = f"killed {moment} operation {last}, {life.names[last - 1]}"
            assert sorted(device.sent.values()) == sorted(CONTENTS), where
    figure(
        f"ledger, {'sent at once' if eager else 'offline'}",
        f"{life.count} operations, 3 kills each",
    )


@pytest.mark.slow
def test_a_kill_in_the_repair_of_a_kill_costs_nothing_either(tmp_path):
    """The start that decides what was in doubt is killed at each of its operations."""
    whole = Mortal()
    Device(tmp_path / "whole", eager=True).live(whole, CONTENTS[1:2])
    for first in range(whole.names.index("sync ledger.txt"), whole.count + 1, 4):
        last = 0
        while True:
            last += 1
            device = Device(tmp_path / f"{first}-{last}", eager=True)
            assert device.live(Mortal(first, "after"), CONTENTS[1:2]) is None
            if device.live(Mortal(last, "within"), CONTENTS[:2]) is not None:
                break
            assert device.live(Mortal(), CONTENTS[:2]) is not None
            device.drain()
            assert sorted(device.sent.values()) == sorted(CONTENTS[:2]), (first, last)


def test_what_is_begun_is_on_the_medium_before_the_file_is_taken_in(tmp_path):
    """The order that everything hangs on."""
    life = Mortal()
    Device(tmp_path, eager=False).live(life, CONTENTS[:1])
    begun = life.names.index("sync ledger.txt")
    taken = next(place for place, name in enumerate(life.names) if name.endswith(".seg"))
    assert begun < taken < len(life.names) - 1 - life.names[::-1].index("sync ledger.txt")


def opened(tmp_path, **settings):
    return Agent.open(str(tmp_path / "state"), **settings)


def put(ledger, content, **options):
    file = File(io.BytesIO(content), name="log")
    return ledger.submit(file, **{"sha256": sha256_of(content), **options})


def pending(agent):
    return agent.status().lanes["files"]["records"]


def test_a_path_is_read_and_stays(tmp_path):
    """No hash is needed from the caller; the same bytes under another name are the same."""
    path = tmp_path / "report.pdf"
    path.write_bytes(b"page")
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        assert ledger.submit(File(str(path), move=True))
        assert path.exists()
        assert not ledger.submit(File(b"page", name="other.pdf"))
        assert sha256_of(b"page") in ledger
        assert (len(ledger), pending(agent)) == (1, 1)
        line = (tmp_path / "state" / "ledger.txt").read_text()
        assert line.endswith(" report.pdf\n")


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path):
    """What was hashed is what is sent; the next try is as good as the first."""
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        with pytest.raises(InvalidMessage, match="changed while it was read"):
            put(ledger, b"grown", sha256=sha256_of(b"grow"))
        assert pending(agent) == 0
        assert put(ledger, b"grown")
        with pytest.raises(InvalidMessage, match="not a SHA-256"):
            put(ledger, b"x", sha256="abc")


def test_a_full_buffer_leaves_nothing_begun(tmp_path):
    """BufferFull; afterwards the same call is new."""
    lane = LaneSettings(64 * 1024, policy="reject")
    with opened(tmp_path, buffer=BufferSettings(files=lane)) as agent:
        ledger = Ledger(agent)
        assert put(ledger, b"1" * 30_000)
        with pytest.raises(BufferFull):
            put(ledger, b"2" * 30_000)
        agent._buffer.ack(agent._buffer.cut("files", max_bytes=10**6, max_records=1))
        assert put(ledger, b"2" * 30_000)
        assert pending(agent) == 1


def test_a_disk_that_fails_after_the_file_was_taken_sends_it_once(tmp_path):
    """The line cannot be completed: the next call finds the file in the buffer."""
    with opened(tmp_path) as agent:
        fs = FileSystem()
        ledger = Ledger(agent, fs=fs)
        take_in, open_ = agent.submit, fs.open

        def full(path, **options):
            raise OSError(28, "No space left on device", path)

        def submit(file):
            receipt = take_in(file)
            fs.open = full
            return receipt

        agent.submit = submit
        with pytest.raises(BufferFull):
            put(ledger, b"once")
        agent.submit, fs.open = take_in, open_
        assert put(ledger, b"once") is False
        assert pending(agent) == 1


def test_other_files_in_the_same_moment_confuse_nobody(tmp_path):
    """Jobs leave files in the inbox: their records stand between."""
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        assert put(ledger, b"mine")
    path = tmp_path / "state" / "ledger.txt"
    with opened(tmp_path) as agent:
        begun = f"{'a' * 64} {sha256_of(b'lost')} 2 "
        path.write_text(path.read_text() + begun)
        agent.submit(File(b"a job's", name="log"))
        ledger = Ledger(agent)
        assert "a" * 64 not in ledger
        assert path.read_text().count("\n") == 1
        path.write_text(path.read_text() + begun)
        agent.submit(File(b"lost", name="log"))
        assert "a" * 64 in Ledger(agent)


def test_a_buffer_that_cannot_tell_sends_again_and_says_so(tmp_path, caplog):
    """Its segment is gone: a repetition rather than a loss."""
    with opened(tmp_path) as agent:
        Ledger(agent)
        agent.submit(File(b"perhaps", name="log"))
        agent._buffer.ack(agent._buffer.cut("files", max_bytes=10**6, max_records=1))
    folder = tmp_path / "state" / "buffer" / "files"
    for path in folder.glob("*.seg"):
        path.unlink()
    (tmp_path / "state" / "ledger.txt").write_text(f"{'a' * 64} {sha256_of(b'perhaps')} 1 ")
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        assert "it is sent, perhaps again" in caplog.text
        assert put(ledger, b"perhaps", key="a" * 64)


def test_a_damaged_line_is_told_and_the_others_hold(tmp_path, caplog):
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        for content in CONTENTS:
            put(ledger, content)
    path = tmp_path / "state" / "ledger.txt"
    lines = path.read_bytes().split(b"\n")
    lines[1] = b"\0" * len(lines[1])
    path.write_bytes(b"\n".join(lines))
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        assert [put(ledger, content) for content in CONTENTS] == [False, True, False]
    assert "1 lines say nothing" in caplog.text


def test_old_contents_are_forgotten_and_those_of_the_folder_kept(tmp_path, monkeypatch):
    """Bounded for years: those that are named, and the newest half."""
    monkeypatch.setattr("mcagent.ledger._MOST", 10)
    with opened(tmp_path) as agent:
        ledger = Ledger(agent)
        contents = [b"%d" % number for number in range(12)]
        for content in contents[:10]:
            put(ledger, content)
        ledger.forget_all_but(set())
        assert len(ledger) == 10, "not before there are many"
        for content in contents[10:]:
            put(ledger, content)
        ledger.forget_all_but({sha256_of(contents[0])})
        ledger = Ledger(agent)
        kept = [content for content in contents if sha256_of(content) in ledger]
        assert kept == [contents[0], *contents[7:]]
        assert put(ledger, contents[3])
        assert (tmp_path / "state" / "ledger.txt").read_text().count("\n") == 7
