"""The tables of docs/guides/size-the-buffer.md, computed from the formats that are in force.

    python docs/sizing.py            # prints them
    python docs/sizing.py --write    # and puts them into the page

A test compares the page with what this computes.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from mcagent.buffer.frame import FRAME_BYTES
from mcagent.messages.timeseries import SampleEncoder

PAGE = os.path.join(ROOT, "docs", "guides", "size-the-buffer.md")
MIB = 1024 * 1024
POINTS = (1, 4, 10)
RATES = (0.1, 1, 10)  # samples a second
HOURS = (1, 8, 24, 72)
# Segments are 1 MiB from a quota of 8 MiB on. One is being filled, and one is given up whole when
# the next is needed.
SPARE_BYTES = 2 * MIB
LEAST_QUOTA_BYTES = 8 * MIB
_MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def values(points: int) -> "dict[str, float]":
    """A sample of *points* readings with names and digits as devices have them."""
    return {f"temperature_{number}": 21.4375 for number in range(10, 10 + points)}


def wire_bytes(points: int) -> int:
    """What one sample is in the body of a request, with the comma to the next."""
    return len(SampleEncoder().encode(values(points), 1_767_600_000_000)) + 1


def disk_bytes(points: int) -> int:
    """What one sample is in the buffer."""
    return wire_bytes(points) - 1 + FRAME_BYTES


def quota_bytes(points: int, rate: float, hours: float) -> int:
    """A quota of the lane ``timeseries`` in which an outage of *hours* loses nothing."""
    need = round(rate * hours * 3600) * disk_bytes(points) + SPARE_BYTES
    return max(LEAST_QUOTA_BYTES, -(-need // MIB) * MIB)


def tables() -> "dict[str, str]":
    """Mark in the page -> its table."""
    sample = ["| data points in a sample | in the buffer | on the wire |", "|---:|---:|---:|"]
    sample += [f"| {n} | {disk_bytes(n)} bytes | {wire_bytes(n)} bytes |" for n in POINTS]
    quota = [
        "| points | samples a second | "
        + " | ".join(f"{hours} h" for hours in HOURS)
        + " | a day |",
        "|---:|---:|" + "---:|" * (len(HOURS) + 1),
    ]
    for points in POINTS:
        for rate in RATES:
            cells = [f"{quota_bytes(points, rate, hours) // MIB} MiB" for hours in HOURS]
            day = round(rate * 86_400) * wire_bytes(points) / 1e6
            quota.append(f"| {points} | {rate:g} | {' | '.join(cells)} | {day:.1f} MB |")
    return {"sample": "\n".join(sample) + "\n", "quota": "\n".join(quota) + "\n"}


def filled(text: str) -> str:
    """*text*, the page, with the tables as they are today."""
    made = tables()
    return _MARK.sub(lambda match: match[1] + made[match[2]] + match[3], text)


def main() -> None:
    if "--write" in sys.argv[1:]:
        with open(PAGE, encoding="utf-8") as file:
            text = filled(file.read())
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
    print("\n".join(tables().values()))


if __name__ == "__main__":
    main()
