"""The access token in RAM and its age. It is never stored: a start costs one request."""

# A clock set back by more than this makes a token's age unknown; NTP's small steps do not.
_STEP_BACK_MS = 60_000


class AccessToken:
    """The latest access token, by the device's clock."""

    def __init__(self) -> None:
        self._text = ""
        self._from_ms = 0
        self._due_ms = 0
        self.until_ms: "int | None" = None

    def take(self, text: str, *, life_ms: int, now_ms: int, jitter: float) -> None:
        """A new token, good for *life_ms*. *jitter* is uniform in [0, 1)."""
        self._text = text
        self._from_ms = now_ms
        # Agent API, 4.6: refresh at 80-90 %. The jitter keeps a fleet that was switched on
        # together from asking together; the last 3 % are for requests on their way.
        self._due_ms = now_ms + int(life_ms * (0.8 + 0.1 * jitter))
        self.until_ms = now_ms + life_ms * 97 // 100

    def drop(self) -> None:
        self._text = ""
        self.until_ms = None

    def get(self, now_ms: int) -> "str | None":
        """The token while it is good."""
        if self.until_ms is None or now_ms >= self.until_ms or self._is_rewound(now_ms):
            return None
        return self._text

    def due_ms(self, now_ms: int) -> int:
        """When the next one has to be asked for; 0 for now."""
        if self.until_ms is None or self._is_rewound(now_ms):
            return 0
        return self._due_ms

    def secrets(self) -> "list[str]":
        """What must not appear in any text."""
        return [self._text] if self._text else []

    def _is_rewound(self, now_ms: int) -> bool:
        return now_ms < self._from_ms - _STEP_BACK_MS

    def __repr__(self) -> str:
        return "<AccessToken until %s>" % self.until_ms
