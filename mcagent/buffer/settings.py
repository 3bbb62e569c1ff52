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

BLOCK_BYTES = 4096  # in which a spooled file takes room

SEGMENT_MIN_BYTES = 16 * 1024
SEGMENT_MAX_BYTES = 1024 * 1024
# A segment is the unit in which space is given back, so less than two cannot work.
QUOTA_MIN_BYTES = 2 * SEGMENT_MIN_BYTES

_MIB = 1024 * 1024
_NEVER_MS = 0x3FFFFFFF
_MAX_AGE_S = 1_000_000_000  # 31 years
_SHARES = 16  # of the total: the size of a segment at most
# Lane, its quota in KiB on CPython and on MicroPython, policy, durability.
_DEFAULTS: "tuple[tuple[str, int, int, str, Any], ...]" = (
    ("models", 1024, 64, "reject", "each"),
    ("events", 8 * 1024, 128, "drop_oldest", "each"),
    ("timeseries", 256 * 1024, 512, "drop_oldest", ("group", 100, 1000)),
    ("files", 256 * 1024, 256, "drop_oldest", "each"),
    (REJECTED, 32 * 1024, 128, "drop_oldest", "each"),
)


class LaneSettings:
    """Bounds and durability of one lane.

    Args:
        quota_bytes: Most that its files take, 32 KiB or more.
        policy: What gives way when it is full: ``"drop_oldest"`` (counted in `status()`), or
            ``"reject"``: the new record, with `BufferFull`. None: as that lane does by default.
        durability: ``"each"`` record is synced before `append` returns; ``("group", n, ms)``
            syncs once for *n* records or *ms* milliseconds; ``"close"`` when 64 KiB wait, at
            `flush` and at the end. None: as that lane does by default.
        max_age_s: Records that waited longer are given up; None keeps them. Measured by the
            monotonic clock within one boot, and across boots only where the wall clock was
            trusted then and is now: a wrong clock drops nothing.

    The defaults of each lane stand at `BufferSettings`.

    >>> LaneSettings(8 * 1024 * 1024, policy="reject", durability=("group", 10, 500))
    """

    def __init__(
        self,
        quota_bytes: int,
        *,
        policy: "str | None" = None,
        durability: "str | tuple[str, int, int] | None" = None,
        max_age_s: "float | None" = None,
    ) -> None:
        if max_age_s is not None and not 1 <= max_age_s <= _MAX_AGE_S:
            raise ConfigurationError(
                "records cannot be given up after %r seconds" % (max_age_s,),
                hint="1 to %d, or None to keep them" % _MAX_AGE_S,
            )
        _require_bytes("the quota of a lane", quota_bytes, QUOTA_MIN_BYTES, "two segments")
        if policy not in (None, "drop_oldest", "reject"):
            raise ConfigurationError(
                "%r is no policy for a full lane" % (policy,), hint='"drop_oldest" or "reject"'
            )
        self.quota_bytes = quota_bytes
        self.policy = policy
        self.durability = durability
        self.max_age_s = max_age_s
        self.block_bytes = BLOCK_BYTES
        self.group_records, self.group_ms = _group("each" if durability is None else durability)
        self.segment_bytes = max(SEGMENT_MIN_BYTES, min(SEGMENT_MAX_BYTES, quota_bytes // 8))


class BufferSettings:
    """Settings of all lanes. What is not given has the default for this kind of device.

    A lane that is given keeps its own policy and durability where its `LaneSettings` name none.

    ============== ============== =================== =============== =========================
    lane           quota, CPython quota, MicroPython  policy          durability
    ============== ============== =================== =============== =========================
    ``models``     1 MiB          64 KiB              ``reject``      ``"each"``
    ``events``     8 MiB          128 KiB             ``drop_oldest`` ``"each"``
    ``timeseries`` 256 MiB        512 KiB             ``drop_oldest`` ``("group", 100, 1000)``
    ``files``      256 MiB        256 KiB             ``drop_oldest`` ``"each"``
    ``rejected``   32 MiB         128 KiB             ``drop_oldest`` ``"each"``
    ============== ============== =================== =============== =========================

    Args:
        models, events, timeseries, files: `LaneSettings`; ``events`` holds custom data, too.
        rejected: Records that the platform refused, kept to be looked at.
        total_quota_bytes: Most that all lanes take together, 512 MiB, or 1 MiB on MicroPython.
            Bulk gives way to events and models; among samples, files and refused records, what
            is fullest for its quota. Less than the quotas together cuts them, so that each of
            the other lanes keeps two segments.
        min_free_bytes, min_free_files: What stays free on the file system for others: the
            buffer stops growing there, and new records push out old ones. None: a sixteenth of
            it, at most 16 MiB and 100 files.
        ram_bytes: Most that waits in memory for its group to be written: 64 KiB, or 2 KiB on
            MicroPython.

    Raises:
        ConfigurationError: A value that cannot work.

    >>> BufferSettings(timeseries=LaneSettings(64 * 1024 * 1024))
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
        min_free_bytes: "int | None" = None,
        min_free_files: "int | None" = None,
        ram_bytes: int = 2048 if MICROPYTHON else 65536,
    ) -> None:
        given = {
            "models": models,
            "events": events,
            "timeseries": timeseries,
            "files": files,
            REJECTED: rejected,
        }
        _require_bytes("the total quota", total_quota_bytes, QUOTA_MIN_BYTES, "one small lane")
        self.lanes = {}
        for lane, quota_kib, small_quota_kib, policy, durability in _DEFAULTS:
            settings = given[lane]
            if settings is None:
                settings = LaneSettings((small_quota_kib if MICROPYTHON else quota_kib) * 1024)
            elif not isinstance(settings, LaneSettings):
                raise ConfigurationError(
                    "the settings of the lane %s are %r" % (lane, settings),
                    hint="give LaneSettings(quota_bytes)",
                )
            # A small total is shared by all lanes, and each has an open segment and one before.
            share_bytes = max(SEGMENT_MIN_BYTES, total_quota_bytes // _SHARES)
            others_bytes = 2 * min(share_bytes, SEGMENT_MAX_BYTES) * (len(_DEFAULTS) - 1)
            most_bytes = max(QUOTA_MIN_BYTES, total_quota_bytes - others_bytes)
            self.lanes[lane] = LaneSettings(
                min(settings.quota_bytes, most_bytes),
                policy=settings.policy or policy,
                durability=durability if settings.durability is None else settings.durability,
                max_age_s=settings.max_age_s,
            )
            self.lanes[lane].block_bytes = settings.block_bytes
            segment_bytes = min(self.lanes[lane].segment_bytes, share_bytes)
            self.lanes[lane].segment_bytes = segment_bytes
        for name, least in (
            ("min_free_bytes", min_free_bytes),
            ("min_free_files", min_free_files),
        ):
            if least is not None and (type(least) is not int or least < 0):
                raise ConfigurationError(
                    "%s cannot be %r" % (name, least), hint="an int, 0 or more; 0 leaves nothing"
                )
        _require_bytes("ram_bytes", ram_bytes, 1, "each record is written at once")
        self.total_quota_bytes = total_quota_bytes
        self.min_free_bytes = min_free_bytes
        self.min_free_files = min_free_files
        self.ram_bytes = ram_bytes


def _require_bytes(what: str, value: "Any", least: int, meaning: str) -> None:
    if type(value) is not int or value < least:
        raise ConfigurationError(
            "%s cannot be %r bytes" % (what, value),
            hint="an int, %d or more (%s)" % (least, meaning),
        )


def _group(durability: "Any") -> "tuple[int, int]":
    if durability == "each":
        return 1, 0
    if durability == "close":
        return _NEVER_MS, _NEVER_MS
    if isinstance(durability, tuple) and len(durability) == 3 and durability[0] == "group":
        _name, records, group_ms = durability
        if (
            type(records) is int
            and type(group_ms) is int
            and records >= 1
            and 1 <= group_ms <= _NEVER_MS
        ):
            return records, group_ms
    raise ConfigurationError(
        "%r is no durability" % (durability,),
        hint='"each", ("group", records, milliseconds) or "close"',
    )
