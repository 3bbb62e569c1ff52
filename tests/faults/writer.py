"""A program that puts records and says what became of them: it is killed, starved and lied to.

Run as ``python -m tests.faults.writer MODE DIRECTORY SEED START``. Each line that it has written
is a promise, which `oracle.Ledger` reads. MODE is ``script`` (always the same operations, for
strace) or ``endless``.
"""

import hashlib  # noqa: F401 - what the buffer imports late is loaded before the first fault
import io
import json  # noqa: F401
import os
import random
import sys

from mcagent.buffer import Buffer
from mcagent.errors import BufferFull
from tests.faults.oracle import KINDS, content, payload, roomy_settings, small_settings

BEGIN, END = "/the-writer-begins", "/the-writer-ends"  # opened in vain: strace sees it
_PATIENCE = 50  # errors in a row after which a writer gives up
_ALL = 1 << 30


def say(*words):
    """At once and in one call: what was said before a kill is whole."""
    os.write(1, (" ".join([str(word) for word in words]) + "\n").encode())


def mark(place):
    """A call that stands out among those that strace lists."""
    try:
        os.open(place, os.O_RDONLY)
    except OSError:
        pass


class Writer:
    """A buffer whose every answer is told."""

    def __init__(self, directory, start, settings):
        self.directory = directory
        self.settings = settings
        self.number = start
        self.errors = 0
        self.buffer = None
        self.last = dict.fromkeys(KINDS, 0)
        self.open()

    def open(self):
        for _ in range(_PATIENCE):
            self.buffer = Buffer(self.directory, settings=self.settings)
            try:
                self.buffer.open()
            except OSError as error:
                say("refused", error.errno)
            else:
                say("open")
                return
        sys.exit(0)

    def attempt(self, function, *args, **kwargs):
        """What *function* returns, None where it failed as it may."""
        try:
            result = function(*args, **kwargs)
        except BufferFull:
            return None
        except OSError:
            self.errors += 1
            if self.errors > _PATIENCE:
                say("enough")
                sys.exit(0)
            return None
        self.errors = 0
        return result

    def put(self, lane, size, *, durable=False):
        self.number += 1
        data = payload(lane, self.number, size)
        sequence = self.attempt(self.buffer.append, lane, KINDS[lane], data, durable=durable)
        if sequence is not None:
            self.told(lane, sequence, durable or lane != "timeseries")

    def file(self, size):
        self.number += 1
        source = io.BytesIO(content(self.number, size))
        sequence = self.attempt(self.buffer.append_file, {"name": str(self.number)}, source)
        if sequence is not None:
            self.told("files", sequence, True)

    def told(self, lane, sequence, durable):
        self.last[lane] = sequence
        say("put", lane, sequence, self.number)
        if durable:
            say("durable", lane, sequence)

    def flush(self):
        if self.attempt(self._flush):
            for lane, sequence in self.last.items():
                if sequence:
                    say("durable", lane, sequence)

    def _flush(self):
        self.buffer.flush()
        return True

    def deliver(self, lane, max_records):
        batch = self.attempt(self.buffer.cut, lane, max_bytes=_ALL, max_records=max_records)
        if batch is None:
            return
        if self.attempt(self._read, batch) is None:
            self.attempt(self.buffer.release, batch, again=False)
            return
        say("acking", lane, batch.first, batch.last)
        if self.attempt(self._ack, batch):
            say("acked", lane, batch.first, batch.last)

    def _read(self, batch):
        return b"".join(batch.chunks())

    def _ack(self, batch):
        self.buffer.ack(batch)
        return True

    def restart(self):
        self.flush()
        self.attempt(self.buffer.close)
        self.last = dict.fromkeys(KINDS, 0)  # what was not durable is gone
        self.open()


def script(writer):
    """Rolls, drops, files, acknowledgements, restarts, on every lane."""
    writer.put("models", 900)
    for _ in range(3):
        for _ in range(9):
            writer.put("events", 2100)
        for place in range(14):
            writer.put("timeseries", 1500, durable=place == 6)
        writer.deliver("timeseries", 12)
        writer.deliver("events", 3)
        writer.file(20_000)
        writer.file(3_000)
        writer.restart()
    writer.deliver("files", 2)
    for _ in range(12):
        writer.put("events", 2100)
    writer.put("models", 900)
    writer.deliver("models", 1)
    writer.put("timeseries", 1500)
    writer.flush()


def endless(writer, rng):
    """Whatever comes, until the kill."""
    while True:
        chance = rng.random()
        if chance < 0.45:
            writer.put("timeseries", rng.randrange(30, 1200))
        elif chance < 0.7:
            writer.put("events", rng.randrange(30, 3000))
        elif chance < 0.75:
            writer.put("models", rng.randrange(30, 2000))
        elif chance < 0.8:
            writer.file(rng.randrange(30, 20_000))
        elif chance < 0.85:
            writer.flush()
        elif chance < 0.99:
            writer.deliver(rng.choice(list(KINDS)), rng.randrange(1, 60))
        else:
            writer.restart()


def main(mode, directory, seed, start):
    settings = roomy_settings() if mode == "power" else small_settings()
    mark(BEGIN)
    writer = Writer(directory, int(start), settings)
    if mode == "script":
        script(writer)
        writer.attempt(writer.buffer.close)
        mark(END)
        say("end")
    else:
        endless(writer, random.Random(int(seed)))


if __name__ == "__main__":
    main(*sys.argv[1:])
