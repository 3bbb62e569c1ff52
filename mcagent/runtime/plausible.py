"""What no clock that was ever set can say, on every interpreter."""

PLAUSIBLE_MS = 1_760_000_000_000  # 2025-10-09: no release is older, so an earlier clock is wrong
