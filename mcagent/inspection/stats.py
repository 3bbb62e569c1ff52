"""Figures of each lane: how much, how old, how fast, and how long the room lasts."""

from ..buffer.settings import BufferSettings
from .entry import time_text
from .summary import oldest_waiting, summarise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..buffer.batch import Record
    from .survey import LaneView, Survey

_LEAST_SPAN_MS = 1000  # a rate out of less is chance


def read_stats(
    survey: "Survey", lanes: "list[str] | None", advance: "Callable[[int], None]"
) -> "dict[str, Any]":
    """All figures, ready for JSON. Lane to those of `_lane`, beside what holds for all."""
    cursor = survey.cursor
    free = survey.fs.free(survey.directory)
    return {
        "directory": survey.directory,
        "lanes": {lane.name: _lane(survey, lane, advance) for lane in survey.chosen(lanes)},
        "cursor": {
            "known": cursor.known,
            "generation": cursor.generation,
            "high_water_ms": cursor.high_water_ms,
        },
        "free_bytes": None if free is None else free[0],
        "writer": survey.writer,
    }


def _lane(
    survey: "Survey", lane: "LaneView", advance: "Callable[[int], None]"
) -> "dict[str, Any]":
    """``records`` and ``bytes`` wait; ``on_disk`` counts those that are done with, too."""
    records = size = on_disk = data_bytes = damaged = 0
    oldest: "Record | None" = None
    first: "Record | None" = None
    newest: "Record | None" = None
    for place, found in enumerate(summarise(survey, lane, advance)):
        records += found.waiting
        size += found.waiting_bytes
        on_disk += found.records
        data_bytes += found.data_bytes
        damaged += len(found.damage)
        if found.records:
            first = first or found.oldest
            newest = found.newest
        if found.waiting and oldest is None:
            oldest = oldest_waiting(survey, lane, place)
    quota_bytes = BufferSettings().lanes[lane.name].quota_bytes
    disk_bytes = lane.segment_bytes + lane.spool_bytes
    per_record = (data_bytes + lane.spool_bytes) / on_disk if on_disk else None
    per_minute = _rate(first, newest, on_disk)
    left_s = None
    if per_record and per_minute:
        room_bytes = max(0, quota_bytes - disk_bytes)
        free = survey.fs.free(survey.directory)
        if free is not None:
            room_bytes = min(room_bytes, free[0])
        left_s = int(room_bytes / per_record / per_minute * 60)
    paths = [segment.path for segment in lane.segments + lane.given_up]
    paths += [lane.spool_path(sequence) for sequence in lane.spooled]
    return {
        "records": records,
        "bytes": size,
        "on_disk": on_disk,
        "segments": len(lane.segments),
        "files": len(lane.spooled),
        "disk_bytes": disk_bytes,
        "taken_bytes": sum(survey.fs.taken(path) for path in paths),
        "default_quota_bytes": quota_bytes,
        "fill": round(disk_bytes / quota_bytes, 4),
        "oldest": time_text(oldest),
        "newest": time_text(newest),
        "bytes_per_record": None if per_record is None else round(per_record, 1),
        "records_per_minute": None if per_minute is None else round(per_minute, 3),
        "room_lasts_s": left_s,
        "damaged_parts": damaged,
        "done_with": lane.state.head - 1,
        "dropped": lane.state.losses(),
        "reported": lane.state.reported,
        "reported_ms": lane.state.reported_ms or None,
    }


def _rate(first: "Record | None", newest: "Record | None", records: int) -> "float | None":
    """Records a minute between the two; None where no clock covers both."""
    if first is None or newest is None:
        return None
    if first.wall_ms is not None and newest.wall_ms is not None:
        span_ms = newest.wall_ms - first.wall_ms
    elif first.context.boot_id == newest.context.boot_id:
        span_ms = newest.monotonic_ms - first.monotonic_ms
    else:
        return None
    return (records - 1) * 60_000 / span_ms if span_ms >= _LEAST_SPAN_MS else None
