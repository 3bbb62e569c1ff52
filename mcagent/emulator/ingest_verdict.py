"""What became of one item: how much of it was dropped, and why (agent API 7)."""

from collections import Counter

_NAMED_MAX = 10  # a drop reason names up to ten points (7.2)
UNMAPPED = "Data points without mapping"
INVALID = "Data points with an invalid mapping"
REFUSED = "Data points with a refused value"


class Verdict:
    """What became of one item.

    Attributes:
        total: Data points of a time series, else events or other single things.
        dropped: How many of them were dropped, by reason.
        named: Heading to the points, with details, that a drop reason names below it.
        note: What else there is to say.
    """

    def __init__(self, noun: str, total: int) -> None:
        self.noun = noun
        self.total = total
        self.dropped: Counter[str] = Counter()
        self.named: dict[str, dict[str, None]] = {}
        self.note = ""

    def drop(self, reason: str, number: int = 1, *, heading: str = "", name: str = "") -> None:
        if number:
            self.dropped[reason] += number
        if heading:
            self.named.setdefault(heading, {})[name] = None

    @property
    def whole(self) -> bool:
        """Nothing is left of it."""
        return self.dropped.total() >= self.total

    @property
    def note_of_unmapped(self) -> bool:
        return UNMAPPED in self.named or INVALID in self.named

    def counts(self) -> str:
        dropped = self.dropped.total()
        return (
            f"Total {self.noun}: {self.total}, valid: {self.total - dropped}, dropped: {dropped}"
        )

    def words(self) -> str:
        """Say in one line what became of the item."""
        return self.reason() if self.dropped else f"{self.counts()}."

    def reason(self) -> str:
        """Say in one line what was dropped; for people, never to be parsed."""
        kinds = ", ".join(f"{number} {name}" for name, number in sorted(self.dropped.items()))
        parts = [f"{self.counts()} ({kinds})."]
        for heading, names in self.named.items():
            parts.append(f"{heading}: {', '.join(list(names)[:_NAMED_MAX])}.")
        return " ".join([*parts, self.note]).rstrip()
