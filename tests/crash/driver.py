"""A buffer that is driven, and what it answers noted in a ledger."""

import hashlib
import json
import random

import mcagent.buffer.segment
import mcagent.buffer.spool
from mcagent.buffer import Buffer
from mcagent.buffer.settings import ALL_LANES
from mcagent.errors import BufferFull

DIRECTORY = "/s/buffer"


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant, text):
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


def seed_randomness(seed):
    """The random part of names becomes repeatable, so that a state can be built again."""
    generator = random.Random(seed)

    def random_bytes(size):
        return generator.randbytes(size)

    mcagent.buffer.segment.random_bytes = random_bytes
    mcagent.buffer.spool.random_bytes = random_bytes


class Content:
    """A file to spool: an object with `read`."""

    def __init__(self, content):
        self.left = content

    def read(self, size):
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def file_token(content):
    """How the ledger names a file: by its bytes."""
    return b"file " + hashlib.sha256(content).hexdigest().encode()


def rejected_token(lane, sequence, payload):
    return b"%s %d " % (lane.encode(), sequence) + payload


def token_of(buffer, fs, lane, record):
    """What the ledger calls *record*, from its bytes and those of its file alone."""
    if lane == "files":
        return _checked_file(json.loads(record.payload), _joined(buffer.open_spool(record)))
    if lane != "rejected":
        return record.payload
    head, _line, payload = record.payload.partition(b"\n")
    fields = json.loads(head)
    if fields["lane"] == "files":
        content = fs.read(f"{DIRECTORY}/rejected/spool/{record.sequence:016d}")
        payload = _checked_file(json.loads(payload), content)
    return rejected_token(fields["lane"], fields["sequence"], payload)


def _joined(spooled):
    return b"".join(list(spooled.chunks()))


def _checked_file(meta, content):
    token = file_token(content)
    if meta["size"] != len(content) or token != b"file " + meta["sha256"].encode():
        raise Violation("I2", f"a file of {len(content)} bytes is recorded as {meta}")
    return token


def lane_bytes(fs):
    """What each lane takes, measured on the medium."""
    sizes = dict.fromkeys(ALL_LANES, 0)
    start = len(DIRECTORY) + 1
    counted = set()
    for path, inode in fs.entries.items():
        lane = path[start : path.find("/", start)]
        if lane in sizes and (lane, id(inode)) not in counted:
            counted.add((lane, id(inode)))
            sizes[lane] += len(inode.data)
    return sizes


class Driver:
    """`buffer` on *fs*; every call that may change something goes through `call`."""

    def __init__(self, fs, clock, settings, ledger):
        self.fs = fs
        self.clock = clock
        self.settings = settings
        self.ledger = ledger
        self.held = {lane: {} for lane in ALL_LANES}  # durable and not gone: number -> token
        self.waiting = []
        self.lost = {}
        self.drops = 0
        self.doubtful = set()  # (lane, token) of which being handed out promises nothing

    def open(self):
        """Also as after a kill: what was in memory is gone, what was written is there."""
        self.waiting = []
        self.buffer = Buffer(DIRECTORY, fs=self.fs, clock=self.clock, settings=self.settings)
        self.buffer.open()

    # -- in ---------------------------------------------------------------------------------

    def put(self, lane, token, kind=1, **kwargs):
        """Append; False where it was refused."""
        return self._put(lane, token, lambda: self.buffer.append(lane, kind, token, **kwargs))

    def put_file(self, content, **kwargs):
        source = kwargs.pop("source", None) or Content(content)
        meta = {"name": "a.bin"}
        token = file_token(content)
        return self._put("files", token, lambda: self.buffer.append_file(meta, source, **kwargs))

    def _put(self, lane, token, call):
        start = len(self.fs.log)
        self.ledger.put(start, lane, token)
        sizes = lane_bytes(self.fs)
        try:
            sequence = call()
        except (OSError, BufferFull):
            self._look(start, sizes, settled=False)
            self.ledger.refused(len(self.fs.log), lane, token)
            return False
        self.ledger.stored(lane, token, sequence)
        self.waiting.append((lane, token, sequence))
        self._look(start, sizes, settled=True)
        return True

    def tick(self):
        start = len(self.fs.log)
        self.buffer.tick()
        self._look(start, None, settled=True)

    def flush(self):
        start = len(self.fs.log)
        try:
            self.buffer.flush()
        except OSError:
            self._look(start, None, settled=False)
        else:
            self._look(start, None, settled=True)

    # -- out --------------------------------------------------------------------------------

    def cut(self, lane, records, max_bytes=1 << 20):
        """A batch; what it holds has been handed out, so it must be durable."""
        try:
            batch = self.buffer.cut(lane, max_bytes=max_bytes, max_records=records)
        except OSError:
            batch = None
        self._look(len(self.fs.log), None, settled=False)
        if batch is None:
            return None
        for record in batch.records():
            token = token_of(self.buffer, self.fs, lane, record)
            if (lane, token) not in self.ledger.sequences:
                raise Violation("I2", f"{lane} {record.sequence} was never put: {token[:60]}")
            self.ledger.stored(lane, token, record.sequence)
            self._hold(lane, record.sequence, token)
        return batch

    def _hold(self, lane, sequence, token):
        if (lane, token) in self.doubtful:
            return
        known = self.held[lane].setdefault(sequence, token)
        if known != token:
            raise Violation("numbers", f"{lane} {sequence} is {known[:60]} and {token[:60]}")
        self.ledger.durable(len(self.fs.log), lane, token)

    def ack(self, batch):
        lane = batch.lane
        taken = [n for n in self.held[lane] if batch.first <= n <= batch.last]
        self._take(lane, taken, "delivered", lambda: self.buffer.ack(batch))

    def send(self, lane, records):
        batch = self.cut(lane, records)
        if batch is not None:
            self.ack(batch)

    def set_aside(self, lane):
        oldest = self.buffer.first_record(lane)
        token = token_of(self.buffer, self.fs, lane, oldest)
        copy = rejected_token(lane, oldest.sequence, token)
        reason = {"status": 400}

        def call():
            number = self.buffer.next_sequence("rejected")
            try:
                self.buffer.set_aside(lane, oldest.sequence, reason)
            except OSError:
                self.ledger.refused(len(self.fs.log), "rejected", copy)
                raise
            self.ledger.stored("rejected", copy, number)
            self.waiting.append(("rejected", copy, number))

        self.ledger.put(len(self.fs.log), "rejected", copy)
        self._take(lane, [oldest.sequence], "set aside", call)

    def _take(self, lane, taken, how, call):
        start = len(self.fs.log)
        self.ledger.going(start, lane, taken, how)
        sizes = lane_bytes(self.fs)
        try:
            call()
        except OSError:
            self._look(start, sizes, settled=False)
        else:
            self.ledger.gone(len(self.fs.log), lane, taken, how)
            self._look(start, sizes, settled=True)
        for sequence in taken:  # taken or not: it was tried, and is not cut again here
            self.held[lane].pop(sequence, None)

    # -- what came of it --------------------------------------------------------------------

    def _look(self, start, sizes, *, settled):
        """Note what became durable, was dropped, or was counted, in the call from *start* on."""
        end = len(self.fs.log)
        self._look_at_drops(start, sizes)
        still = []
        for lane, token, sequence in self.waiting:
            state = self.buffer.receipt(lane, sequence).state
            if state == "buffered":
                still.append((lane, token, sequence))
            else:
                self.held[lane][sequence] = token
                self.ledger.durable(end, lane, token)
        self.waiting = still
        # Damage is counted in memory when it is passed; the next sync of the cursor makes it last.
        cursor = self.fs.entries.get(DIRECTORY + "/cursor")
        if settled and any(op[0] == "sync" and op[1] is cursor for op in self.fs.log[start:end]):
            for (lane, reason), records in self.lost.items():
                self.ledger.counted(end, lane, reason, records)

    def _look_at_drops(self, start, sizes):
        status = self.buffer.status()
        lanes = dict(status["lanes"], rejected=status["rejected"])
        for lane, fields in lanes.items():
            for reason, loss in fields["dropped"].items():
                before = self.lost.get((lane, reason), 0)
                if loss["records"] == before:
                    continue
                self.lost[lane, reason] = loss["records"]
                self.ledger.going_to_count(start, lane, reason, loss["records"])
                if reason == "damaged":
                    continue
                taken = [n for n in self.held[lane] if self.buffer.state_of(lane, n) == "dropped"]
                if len(taken) > loss["records"] - before:
                    raise Violation("losses", f"{lane}: {taken} dropped, {loss} counted")
                self._require_need(lane, sizes)
                self.drops += 1
                self.ledger.going(start, lane, taken, "dropped")
                self.ledger.gone(len(self.fs.log), lane, taken, "dropped")
                for sequence in taken:
                    del self.held[lane][sequence]

    def _require_need(self, lane, sizes):
        """A drop needs a reason that can be measured on the medium."""
        lanes = self.settings.lanes
        # At most what one call asks for: a segment, or a file with its record.
        need = 2 * max(settings.segment_bytes for settings in lanes.values())
        full = sizes[lane] + need > lanes[lane].quota_bytes
        if not full and sum(sizes.values()) + need <= self.settings.total_quota_bytes:
            raise Violation("I1", f"{lane} dropped records at {sizes}, without need")
