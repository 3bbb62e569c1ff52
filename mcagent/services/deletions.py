"""Which ranges may be deleted: the rules that can be checked from here, and a log of deletes.

The platform's rules: whole UTC hours, at most 7 days, only what was submitted at least 7 days ago,
one request a day for the whole tenant. When data were submitted, and what other clients deleted,
cannot be seen from here.
"""

import json
import os
from typing import NamedTuple

from ..errors import ConfigurationError, InvalidMessage
from .records import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RANGE_MAX_MS = 7 * DAY_MS
AGE_MS = 7 * DAY_MS

UNCHECKED = (
    "whether the data were submitted at least 7 days ago: only the platform knows when they came",
    "whether another client deleted something in this tenant within the last 24 hours",
)


class Deletion(NamedTuple):
    """A delete that the platform has queued: it is carried out a while later."""

    asset: str
    aspect: str
    after_ms: int
    until_ms: int
    unchecked: "tuple[str, ...]" = UNCHECKED


class DeleteLog:
    """The latest delete of each tenant, as far as this client knows.

    Args:
        path: File to keep it in; None keeps it in memory.
    """

    def __init__(self, path: "str | None" = None) -> None:
        self._path = path
        self._latest: "dict[str, int]" = {}

    def latest_ms(self, tenant: str) -> "int | None":
        """When the latest delete of *tenant* was sent; None where none is known.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        self._load()
        return self._latest.get(tenant)

    def note(self, tenant: str, now_ms: int) -> None:
        """A delete was sent."""
        self._load()
        self._latest[tenant] = now_ms
        if self._path is None:
            return
        try:
            os.makedirs(os.path.dirname(self._path) or ".", mode=0o700, exist_ok=True)
            temporary = self._path + ".new"
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(self._latest, file)
            os.replace(temporary, self._path)
        except OSError as error:
            raise ConfigurationError(
                f"the delete was sent, but cannot be noted in {self._path}: {error.strerror}",
                hint="the next one is possible in 24 hours",
            ) from error

    def _load(self) -> None:
        if self._path is None or not os.path.exists(self._path):
            return
        try:
            with open(self._path, encoding="utf-8") as file:
                value: "Any" = json.load(file)
            self._latest = {str(name): int(value[name]) for name in value}
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"the log of deletes {self._path} cannot be read: {error}",
                hint="remove it if nothing was deleted within 24 hours",
            ) from error


def check_deletion(after_ms: int, until_ms: int, now_ms: int, latest_ms: "int | None") -> None:
    """Check what can be checked before the request.

    Raises:
        InvalidMessage: A rule is broken; the hint names the next legal range or time.
    """
    legal = " ".join((next_range(after_ms, until_ms, now_ms), ""))
    if after_ms % HOUR_MS or until_ms % HOUR_MS:
        raise InvalidMessage(
            f"the range {_text(after_ms, until_ms)} is not of whole UTC hours", hint=legal.strip()
        )
    if until_ms - after_ms > RANGE_MAX_MS:
        raise InvalidMessage(
            f"the range {_text(after_ms, until_ms)} is longer than 7 days", hint=legal.strip()
        )
    if until_ms > now_ms - AGE_MS:
        raise InvalidMessage(
            f"the range ends at {show(until_ms)}, less than 7 days ago, and only data that were "
            "submitted at least 7 days ago may be deleted",
            hint=f"{legal}This range is possible from {show(until_ms + AGE_MS)} on",
        )
    # One that lies further ahead was noted by a clock that was wrong, and would bar all for years.
    if latest_ms is not None and abs(now_ms - latest_ms) < DAY_MS:
        raise InvalidMessage(
            f"this client sent a delete at {show(latest_ms)}, and a tenant may send one a day",
            hint=f"the next is possible from {show(latest_ms + DAY_MS)} on",
        )


def next_range(after_ms: int, until_ms: int, now_ms: int) -> str:
    """Words for the largest legal range inside the one that was asked for."""
    begin_ms = -(-after_ms // HOUR_MS) * HOUR_MS
    end_ms = min(until_ms, now_ms - AGE_MS, begin_ms + RANGE_MAX_MS)
    end_ms -= end_ms % HOUR_MS
    if end_ms <= begin_ms:
        return "no legal range lies inside it now."
    return f"legal inside it now: {_text(begin_ms, end_ms)}."


def explain_refusal(
    status: int, after_ms: int, until_ms: int, now_ms: int, latest_ms: "int | None"
) -> str:
    """A hint for a refusal of a range that had passed `check_deletion`."""
    if status == 429:
        known = "this client" if latest_ms is not None else "another client"
        return (
            f"the tenant's delete of the day is used up, by {known}: the same range is possible "
            f"from {show((now_ms if latest_ms is None else latest_ms) + DAY_MS)} on"
        )
    # All of the range may have been submitted a moment ago.
    return (
        "the range is legal as far as can be seen from here, so some of its data were submitted "
        f"less than 7 days ago: {_text(after_ms, until_ms)} is possible from "
        f"{show(now_ms + AGE_MS)} on at the latest, unless more is submitted into it"
    )


def _text(after_ms: int, until_ms: int) -> str:
    return f"{show(after_ms)} to {show(until_ms)}"
