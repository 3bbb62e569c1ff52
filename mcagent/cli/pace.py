"""Progress of long work on records: how many, how fast, how much of it. Short work is silent."""

import time

from .display import open_display

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .display import Display

_SILENT_S = 1.0


class Pace:
    """Counts records; a context manager.

    >>> with Pace("read") as pace: pace.add(0.5, 1000)
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._begin = time.monotonic()
        self._display: "Display | None" = None

    def show(self, share: float, records: int) -> None:
        """*records* in all so far, which is *share* (0 to 1) of the work."""
        passed_s = time.monotonic() - self._begin
        if self._display is None:
            if passed_s < _SILENT_S:
                return
            self._display = open_display().__enter__()
        share = min(max(share, 0.0), 1.0)
        left_s = passed_s * (1 - share) / share if share > 0 else 0.0
        rate = records / passed_s if passed_s > 0 else 0.0
        self._display.progress(
            share, f"{self._verb} {records} records, {rate:.0f}/s, {left_s:.0f} s left"
        )

    def __enter__(self) -> "Pace":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._display is not None:
            self._display.__exit__(*exc)
