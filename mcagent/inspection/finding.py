"""What `verify` has to say: one thing that was found, what it means, and what to do."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DAMAGE, NOTE = "damage", "note"


class Finding:
    """One thing.

    Attributes:
        level: ``damage``: something is lost, unreadable or held back. ``note``: worth knowing.
        what: Two or three words, the same for each finding of this kind.
        means: What it means for delivery.
        advice: What to do; ``""`` for nothing.
        lane, file: Where; ``""`` for neither. *file* is the path within the buffer.
        offset, size: Bytes of the file that are concerned; None where it is about all of it.
        first, last: Sequence numbers that are missing; None for none.
        lost: How many of them were neither delivered nor dropped before.
    """

    def __init__(
        self,
        level: str,
        what: str,
        means: str,
        *,
        advice: str = "",
        lane: str = "",
        file: str = "",
        offset: "int | None" = None,
        size: "int | None" = None,
        first: "int | None" = None,
        last: "int | None" = None,
        lost: int = 0,
    ) -> None:
        self.level = level
        self.what = what
        self.means = means
        self.advice = advice
        self.lane = lane
        self.file = file
        self.offset = offset
        self.size = size
        self.first = first
        self.last = last
        self.lost = lost

    def to_dict(self) -> "dict[str, Any]":
        """Ready for JSON."""
        return {
            "level": self.level,
            "what": self.what,
            "lane": self.lane or None,
            "file": self.file or None,
            "offset": self.offset,
            "bytes": self.size,
            "first": self.first,
            "last": self.last,
            "lost": self.lost,
            "means": self.means,
            "advice": self.advice or None,
        }


def numbers(first: int, last: int) -> str:
    """``record 7``, ``records 7 to 9``."""
    return f"record {first}" if first == last else f"records {first} to {last}"
