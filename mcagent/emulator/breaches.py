"""Rules that the platform has and that this hub does not enforce: who broke one is told.

A device script that only works because the hub is lenient should be found out before it meets the
platform, so each breach is noted, and `--strict` refuses it.
"""

import logging
import threading
from collections import Counter, deque
from typing import Any

from .clock import PlatformClock
from .settings import STRICT, Settings
from .times import format_time

_KEPT = 500
_LONGEST = 300
_LOG = logging.getLogger(__name__)


class Breaches:
    """The latest breaches, and how often each rule (a switch's name) was broken."""

    def __init__(self, settings: Settings, clock: PlatformClock) -> None:
        self._settings = settings
        self._clock = clock
        self._latest: deque[dict[str, str]] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()  # requests and the worker break rules at the same time

    def over(self, name: str, amount: int, what: str) -> bool:
        """Tell whether *amount* exceeds the limit *name* (0: no limit); note it if only strict."""
        limit = getattr(self._settings, name)
        if 0 < limit < amount:
            return True
        if amount > STRICT[name]:
            self.note(name, f"{what}: {amount}, more than {STRICT[name]}")
        return False

    def under(self, name: str, amount: int, what: str) -> bool:
        """Tell whether *amount* is below the least that *name* allows; note it if only strict."""
        if amount < getattr(self._settings, name):
            return True
        if amount < STRICT[name]:
            self.note(name, f"{what}: {amount}, less than {STRICT[name]}")
        return False

    def forbids(self, name: str, what: str) -> bool:
        """Tell whether the switch *name* forbids *what* happens; note it if it does not."""
        if getattr(self._settings, name):
            return True
        self.note(name, what)
        return False

    def note(self, name: str, what: str) -> None:
        """Note a breach of the rule that the switch *name* enforces."""
        # It may hold what a device sent, and ends in a terminal.
        said = "".join(c if c.isprintable() else "?" for c in what)[:_LONGEST]
        with self._lock:
            self._counts[name] += 1
            first = self._counts[name] == 1
            self._latest.append(
                {"time": format_time(self._clock.now_ms()), "switch": name, "what": said}
            )
        # Once a rule is enough to be warned; who wants each of them asks for more.
        level = logging.WARNING if first else logging.INFO
        _LOG.log(level, "strict mode (switch %s) would not let this pass: %s", name, said)

    def show(self) -> list[dict[str, str]]:
        """Give the latest breaches, oldest first: `time`, `switch` and `what`."""
        with self._lock:
            return list(self._latest)

    def counts(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        with self._lock:
            self._latest.clear()
            self._counts.clear()
