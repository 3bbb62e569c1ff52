"""What goes wrong again and again, by subject: told seldom, counted always. CPython only."""

import logging
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOG = logging.getLogger("mcagent.collector")
_MOST_SUBJECTS = 1000  # strangers choose them: a broker's topics, the columns of a file


class Troubles:
    """Counts what goes wrong, by subject, and tells the first, tenth, hundredth … in one line.

    >>> troubles.tell("press/7/oil", "the payload 'n/a' is no DOUBLE", hint="mend the sender")

    Attributes:
        counts: Subject to number; strangers beyond a thousand count together.
    """

    def __init__(self) -> None:
        self.counts: "dict[str, int]" = {}
        self._last: "dict[str, tuple[str, float]]" = {}  # subject to words, and when

    def tell(self, subject: str, text: str, *, hint: str = "") -> None:
        if subject not in self.counts and len(self.counts) >= _MOST_SUBJECTS:
            subject = "others"
        count = self.counts[subject] = self.counts.get(subject, 0) + 1
        self._last[subject] = one_line(text), time.monotonic()
        if str(count).strip("0") == "1":
            times = "" if count == 1 else f" ({count} times)"
            way_out = f"; {hint}" if hint else ""
            _LOG.warning("%s: %s%s%s", one_line(subject), one_line(text), times, way_out)

    def to_list(self) -> "list[dict[str, Any]]":
        """What `mcagent status` shows: ``subject``, ``count``, ``last``, ``last_s``; latest first.

        Held in memory alone: a disk is not written for each thing that goes wrong.
        """
        now_s = time.monotonic()
        told = [
            {
                "subject": one_line(subject),
                "count": self.counts[subject],
                "last": text,
                "last_s": round(now_s - when_s, 1),
            }
            for subject, (text, when_s) in list(self._last.items())
        ]
        return sorted(told, key=lambda one: one["last_s"])

    def __str__(self) -> str:
        told = ", ".join(f"{one_line(name)} {count}" for name, count in self.counts.items())
        return f"troubles: {told or 'none'}"


def one_line(text: str) -> str:
    """*text* without line ends, and not longer than a line of a log should be.

    Also the name of a file that is no UTF-8, which no terminal would take.
    """
    return " ".join(text.split())[:300].encode("utf-8", "backslashreplace").decode()
