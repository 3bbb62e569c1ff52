"""Send rotated log files to Insights Hub, each content once, whatever it is called meanwhile.

    pip install mcagent
    python log_shipper.py log_shipper.toml

Files are known by the SHA-256 of what they hold, unpacked: a log that is renamed, compressed or
copied is the same. It runs until Ctrl-C or SIGTERM; kill it, and it goes on where it was.
"""

import bz2
import fnmatch
import gzip
import hashlib
import logging
import lzma
import os
import re
import stat
import time
import zlib

from mcagent import AgentError, BufferFull, ConfigurationError, File, InvalidMessage
from mcagent.collector import CollectorFile, run_collector
from mcagent.ledger import Ledger

LOGS = {
    "folder": str,
    "pattern": "*.log.* *.log-*",
    "settled_s": 10.0,
    "every_s": 1.0,
    "type": "text/plain",
}
UNPACK = {".gz": lambda raw: gzip.GzipFile(fileobj=raw), ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
ROTATION = re.compile(r"[.-][0-9][0-9.-]*$")  # press.log.1, press.log-20260105
PIECE_BYTES = 256 * 1024
WAIT_S = 30  # for room, for what cannot be read: each try reads a whole file
EMPTY = hashlib.sha256().hexdigest()


class Seen:
    """One file of the folder, whatever its name is at the moment."""

    def __init__(self, now_s):
        self.state = 0, 0  # size, time of the last change
        self.first_s = self.due_s = now_s  # known since; to be read when
        self.done, self.key = False, ""


class Shipper:
    def __init__(self, file, agent):
        self.peer, self.agent, self.troubles = file.peer, agent, file.troubles
        self.folder = file.path(self.peer.folder)
        self.ledger = Ledger(agent)
        quota_bytes = self.lane()["quota_bytes"]
        self.most_bytes = quota_bytes - max(16384, min(quota_bytes // 8, 2**20))  # its own records
        self.seen, self.sent, self.full_until_s, self.full_bytes = {}, 0, 0.0, 0
        self.work = iter(())

    def lane(self):
        return self.agent.status().lanes["files"]

    def tick(self):
        """Go on for a part of the time: SIGTERM and watchdog do not wait for large files."""
        until_s = time.monotonic() + self.peer.every_s / 2
        for _ in self.work:
            if time.monotonic() >= until_s:
                return
        self.work = self.look()

    def look(self):
        """Look at the whole folder; a generator that yields between pieces of work."""
        try:
            entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        except OSError as error:
            hint = "is it mounted, and may this user read it?"
            return self.troubles.tell(self.folder, f"no folder: {error.strerror}", hint=hint)
        if self.full_until_s and self.lane()["bytes"] < self.full_bytes:
            self.full_until_s = 0  # some of it was sent meanwhile
        present = {}
        for entry in entries:
            if any(fnmatch.fnmatch(entry.name, one) for one in self.peer.pattern.split()):
                try:
                    yield from self.visit(entry.name, present)
                except FileNotFoundError:
                    pass  # renamed or removed: the next look meets it, by whatever name
                except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                    hint = "may this user read it, is it whole?"
                    self.troubles.tell(entry.name, f"cannot be read: {error}", hint=hint)
                except AgentError as error:
                    self.troubles.tell(entry.name, str(error), hint=error.hint)
            yield
        self.seen = present
        self.ledger.forget_all_but({seen.key for seen in present.values()})

    def visit(self, name, present):
        # No links, which may lead out of the folder, and no pipes, which never end.
        path, flags = os.path.join(self.folder, name), os.O_NOFOLLOW | os.O_NONBLOCK
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags), "rb") as file:
            info, now_s = os.fstat(file.fileno()), time.monotonic()
            state = info.st_size, info.st_mtime_ns
            seen = present[info.st_ino] = self.seen.get(info.st_ino) or Seen(now_s)
            if seen.state != state:
                if seen.key in self.ledger and seen.state[0] < state[0]:
                    hint = "let its program reopen its log sooner, or raise settled_s"
                    self.troubles.tell(f"{name}, sent before", "has grown: sent again", hint=hint)
                elif now_s - seen.first_s > 10 * self.peer.settled_s and not seen.done:
                    hint = "does its program reopen its log after a rotation?"
                    self.troubles.tell(name, "still grows", hint=hint)
                seen.state, seen.done, seen.due_s = state, False, now_s + self.peer.settled_s
            if seen.done or now_s < max(self.full_until_s, seen.due_s):
                return
            seen.done, seen.due_s = info.st_size > self.most_bytes, now_s + WAIT_S
            if seen.done:
                text = f"has {info.st_size} bytes, the buffer takes {self.most_bytes}: left out"
                return self.troubles.tell(name, text, hint="raise quota_mib, or rotate by size")
            sha256, seen.key = yield from digests(file, name)
            now = os.fstat(file.fileno())
            if (now.st_size, now.st_mtime_ns) == state:
                self.ship(file, name, info.st_mtime_ns // 1_000_000, seen, sha256)

    def ship(self, file, name, created_ms, seen, sha256):
        stem, packed = os.path.splitext(name)
        stem, packed = (stem, packed) if packed in UNPACK else (name, "")
        name = f"{ROTATION.sub('', stem)}.{seen.key[:16]}{packed}"
        file.seek(0)
        try:
            message = File(file, name=name, type=self.peer.type, created=max(0, created_ms))
            if seen.key != EMPTY and self.ledger.submit(message, sha256=sha256, key=seen.key):
                self.sent += 1
                logging.getLogger("logs").info("%s is in the buffer", name)
        except BufferFull:
            self.full_until_s, self.full_bytes = seen.due_s, self.lane()["bytes"]
            seen.due_s = 0
            raise
        except InvalidMessage:
            seen.done = True  # until it changes
            raise
        seen.done = True


def digests(file, name):
    """SHA-256 of the bytes of *file*, and of what they hold unpacked; a generator as `look`."""
    raw = Hashed(file)
    content, digest = UNPACK.get(os.path.splitext(name)[1], lambda raw: raw)(raw), hashlib.sha256()
    while piece := content.read(PIECE_BYTES):
        digest.update(piece)
        yield
    while raw.read(PIECE_BYTES):
        yield  # what follows the packed part
    return raw.digest.hexdigest(), digest.hexdigest()


class Hashed:
    def __init__(self, file):
        self.file, self.digest = file, hashlib.sha256()

    def read(self, size):
        piece = self.file.read(size)
        self.digest.update(piece)
        return piece


def main(path):
    file = CollectorFile(path, "logs", LOGS)
    peer = file.peer
    if not (peer.pattern.split() and peer.settled_s > 0 and peer.every_s > 0):
        hint = "a pattern such as *.log.*, and seconds of more than 0"
        raise ConfigurationError(f"{peer.where}: nothing could be found", hint=hint)
    with file.open_agent(policy="reject") as agent:
        shipper = Shipper(file, agent)
        agent.run(shipper.tick, every_s=peer.every_s)
        print(f"files sent: {shipper.sent}; {file.troubles}")


if __name__ == "__main__":
    run_collector(main, __doc__)
