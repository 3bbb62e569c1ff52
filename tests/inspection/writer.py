"""A process that owns a state directory and writes, rolls, drops, sends and sets aside.

``python -m tests.inspection.writer STATE``: at full speed until its standard input ends. Each payload
says the sequence number that it has.
"""

import io
import random
import select
import sys

from mcagent.messages import kinds
from mcagent.runtime import FileLock
from tests.inspection import scene

CONTENT = b"content of a file\n" * 100


def main(state):
    lock = FileLock(state + "/lock")
    assert lock.acquire()
    buffer = scene.open_buffer(state)
    chance = random.Random(5)
    rounds = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(chance.randrange(1, 400)):
            _append(buffer, "timeseries", kinds.SAMPLE)
        for _ in range(chance.randrange(4)):
            _append(buffer, "events", kinds.EVENT)
        if chance.random() < 0.3:
            meta = {"name": "f", "type": "", "created_ms": 1}
            buffer.append_file(meta, io.BytesIO(CONTENT))
        _send(buffer, chance)
        rounds += 1
        if rounds == 3:
            print("ready", flush=True)
    buffer.close()
    lock.release()
    print(rounds)


def _append(buffer, lane, kind):
    number = buffer.next_sequence(lane)
    padding = "x" * (number % 300)
    assert buffer.append(lane, kind, b'{"n":%d,"x":"%s"}' % (number, padding.encode())) == number


def _send(buffer, chance):
    """A batch of each lane: delivered, kept for later, or its first record refused."""
    for lane in ("timeseries", "events", "files"):
        batch = buffer.cut(lane, max_bytes=40_000, max_records=chance.randrange(1, 500))
        if batch is None:
            continue
        fate = chance.random()
        if fate < 0.5:
            # More comes in while it is on its way: what is dropped then is behind it.
            for _ in range(chance.randrange(2000) if fate < 0.05 else 0):
                _append(buffer, "timeseries", kinds.SAMPLE)
            buffer.ack(batch)
        elif fate < 0.7:
            buffer.release(batch, again=False)
            if lane != "timeseries":
                buffer.set_aside(lane, batch.first, {"status": 400})


if __name__ == "__main__":
    main(sys.argv[1])
