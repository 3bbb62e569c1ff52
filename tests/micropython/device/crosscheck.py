"""One half of a cross-check: the same script on CPython and on MicroPython.

crosscheck.py fragments         print every kind of fragment, one a line
crosscheck.py write DIRECTORY   fill a buffer
crosscheck.py read DIRECTORY    print what a buffer holds, lane by lane
"""

import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent import CustomData, DataModel, DataPoint, DataSource, Event, Severity
from mcagent.buffer import Buffer
from mcagent.messages.kinds import LANE_OF_KIND
from mcagent.messages.timeseries import SampleEncoder

T0_MS = 1_790_000_000_123
SAMPLES = 300


def model():
    return DataModel(
        "press-7",
        [
            DataSource(
                "hydraulics",
                [
                    DataPoint("P1", "DOUBLE", unit="bar", description="main line"),
                    DataPoint("CNT", "LONG", custom_data={"register": "40021", "a": [1, None]}),
                    DataPoint("ON", "BOOLEAN"),
                    DataPoint("N", "INT"),
                    DataPoint("TXT", "STRING", length=40),
                    DataPoint("AT", "TIMESTAMP"),
                ],
                description='pump "block" / Größe \u2713',
                custom_data={"host": "10.0.0.4", "zone": 7, "deep": {"b": True, "a": 0.1}},
            )
        ],
    )


def samples(count):
    """Payloads of samples whose values vary in type, size and characters."""
    encoder = SampleEncoder(model())
    for number in range(count):
        values = {
            "P1": number * 0.1 + 1e-7 * number,
            "CNT": number * 4_000_000_007,
            "ON": number % 3 == 0,
            "N": -number,
            "TXT": 'Füllstand "%d"\t\\ \u20ac \U0001f600 /' % number,
            "AT": T0_MS + number,
        }
        if number % 7 == 0:
            del values["CNT"]
        yield encoder.encode(values, T0_MS + number * 61, number % 2)


def fragments():
    """(kind, payload) of one message of each sort."""
    for payload in samples(20):
        yield 1, payload
    for event in (
        Event(
            'coolant below "minimum" ü\u2713',
            severity=Severity.WARNING,
            timestamp=T0_MS,
            details={"z": 1, "a": [True, None, -0.5, 1e300, "\u0001\x7f"], "m": {}},
            correlation_id="batch-4711",
            id="7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f10",
        ),
        Event(
            "old tenant",
            severity=Severity.ERROR,
            timestamp=T0_MS,
            format_version="1.0",
            id="7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f11",
        ),
    ):
        yield event.kind, event.fragment(T0_MS)
    yield 4, model().fragment()
    recipe = CustomData("recipe", {"b": [1.5, "é"], "a": 2}, details={"k": "v"})
    yield recipe.kind, recipe.fragment(T0_MS)


def write(directory):
    buffer = Buffer(directory)
    buffer.open()
    for kind, payload in fragments():
        if kind != 1:
            buffer.append(LANE_OF_KIND[kind], kind, payload)
    for payload in samples(SAMPLES):
        buffer.append("timeseries", 1, payload, configuration_id="press-7")
    buffer.close()


def read(directory):
    buffer = Buffer(directory)
    buffer.open()
    for lane in ("models", "events", "timeseries"):
        while True:
            batch = buffer.cut(lane, max_bytes=20000, max_records=64)
            if batch is None:
                break
            for record in batch.records():
                show(lane, record.sequence, record.kind, batch.configuration_id, record.payload)
            joined = b"".join(bytes(chunk) for chunk in batch.chunks())
            show(lane, batch.first, batch.last, batch.count, joined)
            buffer.ack(batch)
    buffer.close()


def show(*items):
    print(*(hexadecimal(item) if hasattr(item, "decode") else item for item in items))


def hexadecimal(data):
    return "".join("%02x" % byte for byte in bytes(data))


if sys.argv[1] == "fragments":
    for kind, payload in fragments():
        show(kind, payload)
elif sys.argv[1] == "write":
    write(sys.argv[2])
else:
    read(sys.argv[2])
