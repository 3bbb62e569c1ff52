"""The last value of each data point, and how good it is by now. CPython only.

A collector whose machine does not answer has nothing new to say but that: its last values once
more, with quality codes that tell why they are not of this moment.
"""

from .messages.timeseries import TimeSeries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Status codes of OPC UA (part 6, annex A); the platform's quality codes are the same 32 bits.
GOOD = 0
BAD_DECODING = 0x80070000  # what came cannot be understood
BAD_NO_COMMUNICATION = 0x80310000  # the machine does not answer
BAD_CONFIGURATION = 0x80890000  # it has no such point: a mistake of the collector's table
BAD_DEVICE = 0x808B0000  # it cannot tell this point
BAD_SENSOR = 0x808C0000  # the sensor behind it failed


class Latest:
    """Collects what is said of data points, for one sample after the other.

    >>> latest = Latest()
    >>> latest.good("oil", 71.5)
    >>> latest.bad("rpm", BAD_SENSOR)  # it never had a value: nothing can be said of it yet
    >>> latest.sample().values
    {'oil': 71.5}
    >>> latest.all_bad(BAD_NO_COMMUNICATION)
    >>> latest.sample().quality_code
    {'oil': 2150694912}

    Not for several threads at once.

    Attributes:
        values: Data point to its last good value.
    """

    def __init__(self) -> None:
        self.values: "dict[str, Any]" = {}
        self._codes: "dict[str, int]" = {}  # of what was said since the last sample

    def good(self, name: str, value: "Any") -> None:
        """*name* has this *value* now."""
        self.values[name] = value
        self._codes[name] = GOOD

    def bad(self, name: str, code: int) -> None:
        """*name* could not be read, for a reason that *code* says."""
        self._codes[name] = code

    def all_bad(self, code: int) -> None:
        """Nothing could be read."""
        self._codes = dict.fromkeys(self.values, code)

    def sample(self, timestamp: "Any" = None) -> "TimeSeries | None":
        """What was said since the last time this was asked.

        Args:
            timestamp: As for `TimeSeries`.

        Returns:
            The points that were spoken of and have a value, each with its quality code; None where
            there is none.

        Raises:
            InvalidMessage: A value, a code or the time that no data point takes.
        """
        codes = {name: code for name, code in self._codes.items() if name in self.values}
        self._codes = {}
        if not codes:
            return None
        values = {name: self.values[name] for name in codes}
        return TimeSeries(values, timestamp=timestamp, quality_code=codes)
