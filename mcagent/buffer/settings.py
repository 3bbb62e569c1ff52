"""How much each lane may hold, what happens when it is full, and when it is synced."""

from ..errors import ConfigurationError
from ..runtime import MICROPYTHON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REJECTED = "rejected"  # what the platform refused; not a lane that anything is sent from
# Order of the lanes in the cursor; the place + 1 is the lane's number in the format.
ALL_LANES = ("models", "events", "timeseries", "files", REJECTED)

SPOOLING = ("files", REJECTED)  # lanes whose records may speak of a file

SEGMENT_MIN_BYTES = 16 * 1024
SEGMENT_MAX_BYTES = 1024 * 1024
# A segment is the unit in which space is given back, so less than two cannot work.
QUOTA_MIN_BYTES = 2 * SEGMENT_MIN_BYTES

_MIB = 1024 * 1024
_NEVER_MS = 0x3FFFFFFF


class LaneSettings:
    """Bounds and durability of one lane.

    Args:
        quota_bytes: Most that its files take, 32 KiB or more.
        policy: What gives way when it is full: ``"drop_oldest"`` (counted in `status()`), or
            ``"reject"``: the new record, with `BufferFull`.
        durability: ``"each"`` record is synced before `append` returns; ``("group", n, ms)``
            syncs once for *n* records or *ms* milliseconds; ``"close"`` when 64 KiB wait, at
            `flush` and at the end.

    >>> LaneSettings(8 * 1024 * 1024, policy="reject", durability=("group", 10, 500))
    """

    def __init__(
        self,
        quota_bytes: int,
        *,
        policy: str = "drop_oldest",
        durability: "str | tuple[str, int, int]" = "each",
    ) -> None:
        if quota_bytes < QUOTA_MIN_BYTES:
            raise ConfigurationError(
                "a quota of %d bytes is too small for a lane" % quota_bytes,
                hint="the smallest is %d: two segments" % QUOTA_MIN_BYTES,
            )
        if policy not in ("drop_oldest", "reject"):
            raise ConfigurationError(
                "%r is no policy for a full lane" % (policy,), hint='"drop_oldest" or "reject"'
            )
        self.quota_bytes = quota_bytes
        self.policy = policy
        self.group_records, self.group_ms = _group(durability)
        self.segment_bytes = max(SEGMENT_MIN_BYTES, min(SEGMENT_MAX_BYTES, quota_bytes // 8))


class BufferSettings:
    """Settings of all lanes. What is not given has the default for this kind of device.

    Args:
        models, events, timeseries, files: `LaneSettings`.
        rejected: Records that the platform refused, kept to be looked at.
        total_quota_bytes: Most that all lanes take together; the lane that is fullest for its
            quota gives way.
        ram_bytes: Most that waits in memory for its group to be written.
    """

    def __init__(
        self,
        *,
        models: "LaneSettings | None" = None,
        events: "LaneSettings | None" = None,
        timeseries: "LaneSettings | None" = None,
        files: "LaneSettings | None" = None,
        rejected: "LaneSettings | None" = None,
        total_quota_bytes: int = _MIB if MICROPYTHON else 512 * _MIB,
        ram_bytes: int = 2048 if MICROPYTHON else 65536,
    ) -> None:
        group = ("group", 100, 1000)
        small = MICROPYTHON
        self.lanes = {
            "models": models or LaneSettings((64 if small else 1024) * 1024, policy="reject"),
            "events": events or LaneSettings(_MIB // 8 if small else 8 * _MIB),
            "timeseries": timeseries
            or LaneSettings(_MIB // 2 if small else 256 * _MIB, durability=group),
            "files": files or LaneSettings(_MIB // 4 if small else 256 * _MIB),
            REJECTED: rejected or LaneSettings(_MIB // 8 if small else 32 * _MIB),
        }
        if total_quota_bytes < QUOTA_MIN_BYTES:
            raise ConfigurationError(
                "a total quota of %d bytes is too small" % total_quota_bytes,
                hint="the smallest is %d" % QUOTA_MIN_BYTES,
            )
        self.total_quota_bytes = total_quota_bytes
        self.ram_bytes = ram_bytes


def _group(durability: "Any") -> "tuple[int, int]":
    if durability == "each":
        return 1, 0
    if durability == "close":
        return _NEVER_MS, _NEVER_MS
    if isinstance(durability, tuple) and len(durability) == 3 and durability[0] == "group":
        _name, records, group_ms = durability
        if records >= 1 and group_ms >= 1:
            return records, group_ms
    raise ConfigurationError(
        "%r is no durability" % (durability,),
        hint='"each", ("group", records, milliseconds) or "close"',
    )
