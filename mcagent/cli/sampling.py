"""The demo's reader: real readings on a steady clock, noted before mcagent gets them."""

import json
import math
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from ..agent import Agent
    from .readings import HostReadings, Values


class Reader:
    """Reads *rate* times a second from the first call of `read_until` on.

    Args:
        take: Takes one reading.
        agent: Gets each reading, after it was noted.
        notes_path: Where readings are noted, one JSON array ``[timestamp_ms, values]`` a line.
        rate: Readings a second.

    Attributes:
        taken: Readings so far.
        peak_bytes: Most bytes that waited in the agent's buffer, looked at after each reading.
        pending: Records that waited in it at the last look.
    """

    def __init__(
        self, readings: "HostReadings", agent: "Agent", notes_path: str, rate: float
    ) -> None:
        self._readings = readings
        self._agent = agent
        self._notes_path = notes_path
        self._notes = open(notes_path, "w", encoding="utf-8")  # noqa: SIM115 - `close` closes it
        self._rate = rate
        self._began = 0.0
        self._moment = 0  # the next reading is due at _moment / rate
        self._last_ms = 0
        self.taken = 0
        self.peak_bytes = 0
        self.pending = 0

    def read_until(self, end_s: float, progress: "Callable[[Reader, float], Any]") -> None:
        """Read until *end_s* seconds after the first call began; call *progress* after each.

        A moment that was missed is skipped, not made up for: a late reading is another reading.
        """
        if not self._began:
            self._began = time.monotonic()
        while self._moment / self._rate < end_s:
            self._sleep_until(self._moment / self._rate)
            self._read()
            progress(self, self._elapsed_s())
            self._moment = max(self._moment + 1, math.floor(self._elapsed_s() * self._rate))
        self._sleep_until(end_s)

    def notes(self) -> "Iterator[tuple[int, Values]]":
        """What was noted, read back from the file."""
        self._notes.flush()
        with open(self._notes_path, encoding="utf-8") as file:
            for line in file:
                timestamp_ms, values = json.loads(line)
                yield timestamp_ms, values

    def close(self) -> None:
        self._notes.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self) -> None:
        values = self._readings.take()
        timestamp_ms = self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        self._notes.write(json.dumps([timestamp_ms, values]) + "\n")
        self._notes.flush()
        self._agent.record(values, timestamp=timestamp_ms)
        self.taken += 1
        lanes = self._agent.status().lanes.values()
        self.pending = sum(lane["records"] for lane in lanes)
        self.peak_bytes = max(self.peak_bytes, sum(lane["bytes"] for lane in lanes))

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _sleep_until(self, elapsed_s: float) -> None:
        time.sleep(max(0.0, elapsed_s - self._elapsed_s()))


def expected_readings(rate: float, seconds: float) -> int:
    """Moments ``0, 1 / rate, 2 / rate …`` before *seconds*."""
    return math.ceil(rate * seconds - 1e-9)  # 0.1 * 30 is a little more than 3
