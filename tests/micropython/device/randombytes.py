"""Random messages, the same ones on each interpreter, one fragment a line.

randombytes.py COUNT
"""

import os
import struct
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent import CustomData, DataModel, DataPoint, DataSource, Event
from mcagent.messages.timeseries import SampleEncoder

CHARACTERS = (
    'abcXYZ 0189"\\/\b\f\n\r\t\x00\x01\x1f\x7f\x80äßé\u20ac\u2028\u2029\ud7ff\ue000\uffff'
    "\U00010000\U0001f600\U0010ffff%{}[]"
)


class Random:
    """A linear congruential generator (Knuth's MMIX): no interpreter brings the same one."""

    def __init__(self, seed):
        self.state = seed

    def below(self, end):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % end

    def double(self):
        """Any bits whose magnitude the platform takes; half of them with few decimal places."""
        if self.below(2):
            return (self.below(2_000_000) - 1_000_000) / 10 ** self.below(7)
        exponent = 1023 - 431 + self.below(431 + 417)  # 1E-130 … 9.99E+125
        bits = (self.below(2) << 63) | (exponent << 52)
        bits |= (self.below(2**26) << 26) | self.below(2**26)
        return struct.unpack("<d", bits.to_bytes(8, "little"))[0]

    def text(self, most):
        return "".join([CHARACTERS[self.below(len(CHARACTERS))] for _ in range(self.below(most))])

    def value(self, depth=4):
        """Any JSON value."""
        kind = self.below(8 if depth else 6)
        if kind < 3:
            return (None, True, False)[kind]
        if kind == 3:
            return self.below(2**31) * self.below(2**31) - 2**60
        if kind == 4:
            return self.double()
        if kind == 5:
            return self.text(12)
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.below(4))]
        return self.object(depth - 1)

    def object(self, depth=4):
        """Any JSON object; members are made in the same order everywhere."""
        made = {}
        for _ in range(self.below(5)):
            name = self.text(6)
            made[name] = self.value(depth)
        return made


def fragments(count):
    random = Random(20260105)
    types = ("DOUBLE", "DOUBLE", "DOUBLE", "LONG", "INT", "BOOLEAN", "BIG_STRING", "TIMESTAMP")
    points = [DataPoint(str(n) + random.text(8), kind) for n, kind in enumerate(types)]
    encode = SampleEncoder(DataModel("m", [DataSource("s", points)])).encode
    for number in range(count):
        values = {}
        for point in points:
            if point.type == "DOUBLE":
                values[point.id] = random.double()
            elif point.type == "LONG":
                values[point.id] = random.below(2**31) * random.below(2**31)
            elif point.type == "INT":
                values[point.id] = random.below(2**31) - 2**30
            elif point.type == "BOOLEAN":
                values[point.id] = random.below(2) == 1
            elif point.type == "TIMESTAMP":
                values[point.id] = random.below(2**31) * 100_000
            else:
                values[point.id] = random.text(20)
        timestamp_ms = random.below(2**31) * 100_000 + random.below(100_000)
        yield encode(values, timestamp_ms, random.below(2**31) if number % 3 else None)
        if number % 5 == 0:
            guid = "7b1c3f0e-52a1-4c53-9b1f-%012x" % number
            event = Event("e" + random.text(40), id=guid, details=random.object())
            yield event.fragment(timestamp_ms)
            yield CustomData("t" + random.text(9), random.object()).fragment()
            point = DataPoint("p", "INT", unit=random.text(9), custom_data=random.object())
            yield DataModel("m" + random.text(9), [DataSource("s", [point])]).fragment()


for fragment in fragments(int(sys.argv[1])):
    print(fragment)
