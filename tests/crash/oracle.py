"""Recovery and drain of what a cut left, judged by what the run had been told.

I1 every record reported durable is delivered, or was taken away by a call that had begun;
I2 nothing is delivered that was not put, byte for byte, nor what was surely delivered before;
I3 order inside a lane; I4 opening never raises; I5 putting and draining work afterwards;
I6 no lane takes more than its quota, nor all of them more than the total, but for what a power
cut brings back of a segment that was given up and cut back;
I7 a second recovery changes nothing, on the medium or in the status. Besides: numbers are not
used again, counted losses stay counted, nothing is left over.
"""

from mcagent.buffer import Buffer
from mcagent.buffer.settings import ALL_LANES
from tests.buffer.memoryfs import FakeClock
from tests.crash.driver import (
    DIRECTORY,
    Content,
    Violation,
    file_token,
    lane_bytes,
    seed_randomness,
    token_of,
)
from tests.crash.ledger import LaneKnowledge

NEW_FILE = b"a new file after the cut"
_RECOVERY_SEED = 77
_NOTHING = LaneKnowledge()


def judge(image, known, settings, undone_bytes=0):
    """Recover and drain *image*; raise `Violation` where it breaks what *known* demands.

    *undone_bytes*: see `Choices.undone_bytes`.
    """
    seed_randomness(_RECOVERY_SEED)
    clock = FakeClock(1_767_700_000_000)
    clock.boot = b"after the cut..."
    status = _status(_open(image, clock, settings))
    after = _snapshot(image)
    _judge_sizes(image, settings, undone_bytes, "after recovery")
    _judge_left_overs(image, status)
    buffer = _open(image, clock, settings, close=False)
    second = buffer.status()
    if second != status:
        raise Violation("I7", f"{status} became {second}")
    if _snapshot(image) != after:
        raise Violation("I7", f"the medium changed: {_changes(after, _snapshot(image))}")
    try:
        found = {lane: _drain(buffer, image, lane) for lane in ALL_LANES}
        new = _put_anew(buffer)
        drained = buffer.status()
        again = {lane: _drain(buffer, image, lane) for lane in new}
        buffer.close()
    except Violation:
        raise
    except Exception as error:
        raise Violation("I5", f"{type(error).__name__}: {error}") from error
    judge_delivered(found, known, status, drained)
    for lane, (number, token) in new.items():
        if again[lane] != [(number, token)]:
            raise Violation("I5", f"{lane} {number}: put anew, found {again[lane]}")
        used = max([*known.lanes.get(lane, _NOTHING).durable, *dict(found[lane]), 0])
        if number <= used:
            raise Violation("numbers", f"{lane} gives {number} again; {used} was used")
    _judge_sizes(image, settings, undone_bytes, "after new records")
    _judge_emptied(image)


def _open(image, clock, settings, *, close=True):
    buffer = Buffer(DIRECTORY, fs=image, clock=clock, settings=settings)
    try:
        buffer.open()
        if close:
            buffer.close()
    except Exception as error:
        raise Violation("I4", f"{type(error).__name__}: {error}") from error
    return buffer


def _status(buffer):
    return buffer.status()


def _drain(buffer, fs, lane):
    """Everything that is left of *lane*, acknowledged: [(number, token)]."""
    found = []
    while True:
        batch = buffer.cut(lane, max_bytes=1 << 20, max_records=97)
        if batch is None:
            return found
        found += [
            (record.sequence, token_of(buffer, fs, lane, record)) for record in batch.records()
        ]
        buffer.ack(batch)


def _put_anew(buffer):
    """One record in every lane: {lane: (number, token)}."""
    new = {}
    for lane, kind in (("models", 4), ("events", 2), ("timeseries", 1)):
        token = b"new in " + lane.encode()
        new[lane] = buffer.append(lane, kind, token, durable=True), token
    number = buffer.append_file({"name": "b.bin"}, Content(NEW_FILE))
    new["files"] = number, file_token(NEW_FILE)
    return new


def judge_delivered(found, known, recovered, drained):
    """Compare what came out with what is known."""
    kept_aside = {token for _number, token in found.get("rejected", [])}
    counted = dict(recovered["lanes"], rejected=recovered["rejected"])
    later = dict(drained["lanes"], rejected=drained["rejected"])
    for lane in ALL_LANES:
        facts = known.lanes.get(lane, _NOTHING)
        numbers = [number for number, _token in found[lane]]
        if numbers != sorted(set(numbers)):
            raise Violation("I3", f"{lane} came as {numbers}")
        seen = set()
        for number, token in found[lane]:
            _judge_record(lane, number, token, facts, seen)
        delivered = set(numbers)
        for number, token in facts.durable.items():
            if number in delivered:
                continue
            how = facts.going.get(number)
            if how is None:
                raise Violation("I1", f"{lane} {number} was durable and is gone: {token[:60]}")
            if how == "set aside":
                _judge_set_aside(lane, number, token, known, kept_aside)
        _judge_losses(lane, facts, delivered, counted[lane], later[lane])


def _judge_record(lane, number, token, facts, seen):
    if token not in facts.put:
        raise Violation("I2", f"{lane} {number} was never put: {token[:60]}")
    if token in seen:
        raise Violation("I2", f"{lane} {number} came twice: {token[:60]}")
    seen.add(token)
    expected = facts.put[token]
    if expected is not None and expected != number:
        raise Violation("I2", f"{lane} {expected} came as {number}: {token[:60]}")
    if facts.durable.get(number, token) != token:
        raise Violation("numbers", f"{lane} {number} was {facts.durable[number][:60]}")
    if number in facts.gone:
        raise Violation("I2", f"{lane} {number} was {facts.gone[number]}, and comes again")


def _judge_set_aside(lane, number, token, known, kept_aside):
    start = b"%s %d " % (lane.encode(), number)
    copy = start + token
    rejected = known.lanes.get("rejected", _NOTHING)
    number_there = next((n for n, payload in rejected.durable.items() if payload == copy), None)
    if copy not in kept_aside and number_there not in rejected.going:
        raise Violation("I1", f"{lane} {number} was set aside and is nowhere: {token[:60]}")


def _judge_losses(lane, facts, delivered, recovered, drained):
    losses = recovered["dropped"]
    for reason in {*facts.least, *losses}:
        records = losses.get(reason, {"records": 0})["records"]
        least, most = facts.least.get(reason, 0), facts.most.get(reason, 0)
        if not least <= records <= max(least, most):
            raise Violation("losses", f"{lane} counts {records} {reason}, not {least} to {most}")
    dropped = [n for n, how in facts.going.items() if how == "dropped" and n in facts.durable]
    silent = len([n for n in dropped if n not in delivered])
    counted = sum([loss["records"] for reason, loss in losses.items() if reason != "damaged"])
    if silent > counted:
        raise Violation("losses", f"{lane}: {silent} dropped records are gone, {counted} counted")
    # A torn write may count as one damaged record; what was delivered never does.
    before = recovered["dropped"].get("damaged", {"records": 0})["records"]
    after = drained["dropped"].get("damaged", {"records": 0})["records"]
    missing = recovered["next_sequence"] - 1 - recovered["acked_sequence"] - len(delivered)
    if after - before > max(missing, 0):
        raise Violation(
            "losses", f"{lane}: {missing} missing, {after - before} counted as damaged"
        )


def _snapshot(fs):
    return sorted(fs.dirs), {path: inode.data for path, inode in fs.entries.items()}


def _changes(before, after):
    paths = {*before[1], *after[1]}
    return [path for path in sorted(paths) if before[1].get(path) != after[1].get(path)]


def _judge_sizes(fs, settings, undone_bytes, when):
    sizes = lane_bytes(fs)
    for lane, size in sizes.items():
        if size > settings.lanes[lane].quota_bytes + undone_bytes:
            raise Violation("I6", f"{lane} takes {size} bytes {when}")
    if sum(sizes.values()) > settings.total_quota_bytes + undone_bytes:
        raise Violation("I6", f"all lanes take {sizes}, {sum(sizes.values())} bytes {when}")


def _judge_left_overs(fs, status):
    """Segments behind the head, and spooled files that no record speaks of, are gone."""
    lanes = dict(status["lanes"], rejected=status["rejected"])
    for lane, fields in lanes.items():
        head, after = fields["acked_sequence"] + 1, fields["next_sequence"]
        firsts = [int(name[:16]) for name in _names(fs, lane, ".seg")]
        for following in firsts[1:]:
            if following <= head:
                raise Violation("left over", f"{lane}: segments {firsts}, head {head}")
        for name in fs.list_dir(f"{DIRECTORY}/{lane}/spool"):
            if not name.isdigit() or not head <= int(name) < after:
                raise Violation("left over", f"{lane}/spool/{name}, head {head}, next {after}")


def _judge_emptied(fs):
    for lane in ALL_LANES:
        segments = _names(fs, lane, ".seg")
        if len(segments) > 1:
            raise Violation("left over", f"{lane} is drained and keeps {segments}")
        if spooled := fs.list_dir(f"{DIRECTORY}/{lane}/spool"):
            raise Violation("left over", f"{lane} is drained and keeps {spooled}")


def _names(fs, lane, suffix):
    return [name for name in fs.list_dir(f"{DIRECTORY}/{lane}") if name.endswith(suffix)]
