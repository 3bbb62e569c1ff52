"""What was put, what was said of it, and what came out: the judge of every fault.

The judge knows what was promised from the writer's words alone. Of the buffer it believes one
thing: the losses that its own quota took, which it must have counted.
"""

import io
import re
import zlib

from mcagent.buffer import Buffer, BufferSettings, LaneSettings

KINDS = {"models": 4, "events": 2, "timeseries": 1, "files": 5}
LANES = tuple(KINDS)
_MARK = re.compile(rb'^\{"([a-z]+)-([0-9]+)-([0-9]+)":"')
_ALL = 1 << 30
PATIENCE = 20  # as documented
UNREADABLE = -1  # the number of a file that was said to be damaged, and was not handed out


def small_settings():
    """Two to eight small segments a lane: they roll and drop soon."""
    return BufferSettings(
        models=LaneSettings(32 * 1024, policy="reject"),
        events=LaneSettings(48 * 1024),
        timeseries=LaneSettings(64 * 1024, durability=("group", 10, 1000)),
        files=LaneSettings(64 * 1024),
    )


def roomy_settings():
    """Nothing is dropped."""
    lanes = {lane: LaneSettings(64 * 1024 * 1024) for lane in LANES if lane != "timeseries"}
    series = LaneSettings(64 * 1024 * 1024, durability=("group", 10, 1000))
    return BufferSettings(timeseries=series, **lanes)


def payload(lane, number, size):
    """The bytes of one record: all of them follow from its name."""
    mark = b'{"%s-%d-%d":"' % (lane.encode(), number, size)
    filler = b"%08x" % zlib.crc32(mark)
    room = max(size - len(mark) - 2, 1)
    return mark + (filler * (room // 8 + 1))[:room] + b'"}'


def number_of(lane, data):
    """The number under which *data* was put; None where nobody put these bytes."""
    match = _MARK.match(data)
    if match is None or match[1] != lane.encode():
        return None
    number, size = int(match[2]), int(match[3])
    return number if payload(lane, number, size) == data else None


def content(number, size):
    """The bytes of one file."""
    return payload("file", number, size)


class Ledger:
    """What a writer said, lane by lane.

    Attributes:
        accepted: sequence -> number, for all that `append` took.
        durable: The same, for what was reported durable.
        answered: Sequences whose acknowledgement returned: they must not come again.
        perhaps: Those whose acknowledgement was begun: they may.
        reused: Records whose number had been given to a durable one before.
        refused: Openings that ended in an error.
    """

    def __init__(self):
        self.accepted = {lane: {} for lane in LANES}
        self.durable = {lane: {} for lane in LANES}
        self.answered = {lane: set() for lane in LANES}
        self.perhaps = {lane: set() for lane in LANES}
        self.reused = 0
        self.refused = 0
        self.lines = 0

    def put(self, lane, sequence, number):
        if sequence in self.durable[lane] and self.durable[lane][sequence] != number:
            self.reused += 1
        self.accepted[lane][sequence] = number

    def settle(self, lane, last):
        """Everything accepted up to *last* was reported durable."""
        accepted, durable = self.accepted[lane], self.durable[lane]
        for sequence in accepted:
            if sequence <= last and sequence not in durable:
                durable[sequence] = accepted[sequence]

    def read(self, output, *, promised=True):
        """Take in the lines of a writer; the last may be half a line.

        Not *promised*: what it said may be wrong, all but what it had begun.
        """
        for line in output.split(b"\n")[:-1]:
            words = line.decode().split()
            self.lines += 1
            if words[0] == "open":
                # What was not durable before may be gone: no later promise speaks of it.
                self.accepted = {lane: {} for lane in LANES}
            elif words[0] == "put":
                self.put(words[1], int(words[2]), int(words[3]))
            elif words[0] == "acking":
                self.perhaps[words[1]].update(range(int(words[2]), int(words[3]) + 1))
            elif not promised:
                continue
            elif words[0] == "durable":
                self.settle(words[1], int(words[2]))
            elif words[0] == "acked":
                self.answered[words[1]].update(range(int(words[2]), int(words[3]) + 1))
            elif words[0] == "refused":
                self.refused += 1


class Outcome:
    """What came out, against what was promised. All but `delivered` should be nothing."""

    def __init__(self):
        self.delivered = {lane: {} for lane in LANES}
        self.lost = self.wrong = self.duplicates = self.refused = 0
        self.notes = []

    def note(self, text):
        if len(self.notes) < 20:
            self.notes.append(text)

    @property
    def clean(self):
        return not (self.lost or self.wrong or self.duplicates or self.refused)


def judge(directory, ledger, *, settings=None, fs=None, damaged=(), again=(), lanes=LANES):
    """Open what is left, deliver all of it, and see that it works.

    Args:
        directory: The buffer's.
        ledger: What was said.
        settings: As the writer had them.
        fs: Another file system than the real one.
        damaged: (lane, sequence) of records whose own bytes were harmed: they may be missing.
        again: Lanes in which records may come twice, as documented for this fault.
        lanes: Those that are tried afterwards.
    """
    outcome = Outcome()
    outcome.wrong += ledger.reused
    outcome.refused += ledger.refused
    settings = settings or small_settings()
    buffer = Buffer(directory, settings=settings, fs=fs)
    try:
        buffer.open()
        for lane in LANES:
            _deliver(buffer, lane, ledger, outcome, again)
        losses = {lane: buffer.status()["lanes"][lane]["dropped"] for lane in LANES}
        _works(buffer, outcome, lanes)
        buffer.close()
        buffer = Buffer(directory, settings=settings, fs=fs)
        buffer.open()
        for lane in LANES:
            while batch := buffer.cut(lane, max_bytes=_ALL, max_records=_ALL):
                outcome.duplicates += batch.count
                outcome.note("%s after everything was delivered: %r" % (lane, batch))
                buffer.ack(batch)
        buffer.close()
    except Exception as error:
        outcome.refused += 1
        outcome.note("%s: %s" % (type(error).__name__, error))
        return outcome
    for lane in LANES:
        _compare(lane, ledger, outcome, losses[lane], damaged)
    return outcome


def _deliver(buffer, lane, ledger, outcome, again):
    last = 0
    delivered = outcome.delivered[lane]
    while batch := _cut(buffer, lane):
        records = list(batch.records())
        if b"".join(batch.chunks()) != b",".join([record.payload for record in records]):
            outcome.wrong += 1
            outcome.note("the body of %r is not its records" % batch)
        for record in records:
            if record.sequence <= last:
                outcome.wrong += 1
                outcome.note("%s %d after %d" % (lane, record.sequence, last))
            last = record.sequence
            number = _number(buffer, lane, record)
            promised = ledger.durable[lane].get(last, number)
            if number == UNREADABLE:
                pass
            elif number is None or number != promised:
                outcome.wrong += 1
                outcome.note("%s %d holds %r" % (lane, last, record.payload[:60]))
            elif last in ledger.answered[lane] and lane not in again:
                outcome.duplicates += 1
                outcome.note("%s %d was answered before" % (lane, last))
            elif number in delivered.values() and lane not in again:
                outcome.duplicates += 1
                outcome.note("%s %d holds what another holds" % (lane, last))
            delivered[last] = number
        buffer.ack(batch)


def _cut(buffer, lane):
    """The next batch. What cannot be read is tried again before it is given up."""
    for _ in range(PATIENCE):
        try:
            return buffer.cut(lane, max_bytes=20_000, max_records=_ALL)
        except OSError:
            pass
    return buffer.cut(lane, max_bytes=20_000, max_records=_ALL)


def _number(buffer, lane, record):
    """The number of a record, None where its bytes are not what was put."""
    if lane != "files":
        return number_of(lane, record.payload)
    spooled = buffer.open_spool(record)
    number = int(spooled.meta["name"])
    try:
        data = b"".join(spooled.chunks())
    except OSError:
        return UNREADABLE
    return number if data == content(number, spooled.length) else None


def _works(buffer, outcome, lanes):
    """A record goes in and comes out of each lane."""
    for lane in lanes:
        data = payload(lane, 999_999_999, 300)
        if lane == "files":
            buffer.append_file({"name": "999999999"}, io.BytesIO(content(999_999_999, 300)))
        else:
            buffer.append(lane, KINDS[lane], data, durable=True)
        batch = buffer.cut(lane, max_bytes=_ALL, max_records=_ALL)
        numbers = [_number(buffer, lane, record) for record in batch.records()]
        if numbers != [999_999_999]:
            outcome.refused += 1
            outcome.note("%s gives %r after one record was put" % (lane, numbers))
        buffer.ack(batch)


def _compare(lane, ledger, outcome, losses, damaged):
    """Count what is missing, less what the quota took and counted."""
    missing = [
        sequence
        for sequence in ledger.durable[lane]
        if sequence not in outcome.delivered[lane]
        and sequence not in ledger.perhaps[lane]
        and sequence not in ledger.answered[lane]
        and (lane, sequence) not in damaged
    ]
    # A file whose content failed its check was said to be damaged, not delivered.
    missing += [
        sequence
        for sequence, number in outcome.delivered[lane].items()
        if number == UNREADABLE and (lane, sequence) not in damaged
    ]
    quota = losses.get("quota", {"records": 0, "first": 0, "last": 0})
    beyond = [each for each in missing if not quota["first"] <= each <= quota["last"]]
    lost = max(len(beyond), len(missing) - quota["records"])
    if lost:
        outcome.lost += lost
        outcome.note("%s lost %r; the quota took %r" % (lane, missing[:10], quota))
