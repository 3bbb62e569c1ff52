"""What arrived against what was noted, value by value."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

    Value = float | int | str | bool
    Place = tuple[str, str]  # aspect, variable
    Key = tuple[int, str, str]  # timestamp_ms, aspect, variable


class Comparison:
    """The outcome.

    Attributes:
        readings: Readings noted.
        complete: Readings of which every value is stored as it was noted.
        values: Values noted.
        missing: Noted and not stored.
        different: Stored with another value.
        unexpected: Stored and never noted.
        examples: A few of the three, in words.
    """

    def __init__(
        self,
        notes: "Iterable[tuple[int, Mapping[str, Value]]]",
        stored: "Mapping[Key, Value]",
        place_of: "Mapping[str, Place]",
    ) -> None:
        """Compare.

        Args:
            notes: ``(timestamp_ms, {data point: value})`` as read, before mcagent had it.
            stored: What the hub has, by time, aspect and variable.
            place_of: Data point to the aspect and variable that it is mapped to.
        """
        self.readings = self.complete = self.values = 0
        self.missing = self.different = self.unexpected = 0
        self.examples: "list[str]" = []
        left = dict(stored)
        for timestamp_ms, values in notes:
            self.readings += 1
            good = True
            for point, value in values.items():
                self.values += 1
                key = (timestamp_ms, *place_of[point])
                good &= self._compare(point, key, value, left.pop(key, None))
            self.complete += good
        self.unexpected = len(left)
        for key, found in list(left.items())[:1]:
            self._tell(f"{key}: {found!r} was never read")

    @property
    def equal(self) -> bool:
        """True when the hub has every value that was read, equal, and no other."""
        return self.readings > 0 and not (self.missing or self.different or self.unexpected)

    def _compare(self, point: str, key: "Key", value: "Value", found: "Any") -> bool:
        if found is None:
            self.missing += 1
            self._tell(f"{point} of {key[0]}: {value!r} is not stored")
            return False
        # Exact, floats too: their shortest decimal text reads back as the same float.
        if found != value:
            self.different += 1
            self._tell(f"{point} of {key[0]}: read {value!r}, stored {found!r}")
            return False
        return True

    def _tell(self, text: str) -> None:
        if len(self.examples) < 5:
            self.examples.append(text)
