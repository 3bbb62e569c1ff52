"""`mcagent buffer ls` and `stats`: what is there, as tables or as JSON."""

from ..inspection.entry import time_text
from ..inspection.stats import read_stats
from ..inspection.summary import FOREIGN, UNREADABLE, summarise
from .bufferwork import Progress, notes_of, open_survey
from .common import count, show
from .display import duration, table
from .exits import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..inspection.summary import SegmentSummary
    from ..inspection.survey import LaneView, Survey

_HEADER = ("file", "records", "first", "last", "bytes", "oldest", "newest", "state")
_WRITER = {
    True: "a process owns it",
    False: "no process owns it",
    None: "whether a process owns it cannot be seen",
}


def run_ls(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    with Progress(survey, args.lane) as progress:
        listing = _listing(survey, args.lane, progress)
    listing["notes"] = notes_of(survey)
    show(args, listing, _listing_text(listing))
    return OK


def run_stats(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    with Progress(survey, args.lane) as progress:
        stats = read_stats(survey, args.lane, progress.advance)
    stats["notes"] = notes_of(survey)
    show(args, stats, _stats_text(stats))
    return OK


def _listing(survey: "Survey", lanes: "list[str] | None", progress: Progress) -> "dict[str, Any]":
    found: "dict[str, Any]" = {
        "directory": survey.directory,
        "writer": survey.writer,
        "cursor": {
            "known": survey.cursor.known,
            "generation": survey.cursor.generation,
            "slots": [slot.state for slot in survey.cursor.slots],
        },
        "lanes": {},
    }
    for lane in survey.chosen(lanes):
        segments = [
            _segment(survey, summary) for summary in summarise(survey, lane, progress.advance)
        ]
        found["lanes"][lane.name] = {
            "head": lane.state.head,
            "segments": segments,
            "files": _files(lane),
            "given_up": [survey.relative(segment.path) for segment in lane.given_up],
            "others": lane.others,
        }
    found["damaged"] = survey.damaged
    found["others"] = survey.others
    return found


def _segment(survey: "Survey", found: "SegmentSummary") -> "dict[str, Any]":
    oldest, newest = time_text(found.oldest), time_text(found.newest)
    return {
        "file": found.file,
        "first": found.first,
        "last": found.last,
        "records": found.records,
        "waiting": found.waiting,
        "bytes": found.size,
        "state": found.state,
        "being_written": bool(found.open and survey.writer),
        "damaged": len(found.damage),
        "oldest": oldest,
        "newest": newest,
        "trusted": oldest is not None and newest is not None,
    }


def _files(lane: "LaneView") -> "list[dict[str, Any]]":
    files = [
        {"file": f"{lane.name}/spool/{sequence:016d}", "sequence": sequence, "bytes": size}
        for sequence, size in lane.spooled.items()
    ]
    return files + [
        {"file": f"{lane.name}/spool/{name}", "sequence": None, "bytes": None}
        for name in lane.unfinished
    ]


def _listing_text(listing: "dict[str, Any]") -> str:
    lines = [f"{listing['directory']}: {_WRITER[listing['writer']]}; {_cursor_text(listing)}"]
    rows: "list[tuple[Any, ...]]" = []
    for lane in listing["lanes"].values():
        rows += [_segment_row(segment) for segment in lane["segments"]]
        rows += [_file_row(file, lane["head"]) for file in lane["files"]]
        rows += [_plain_row(name, "given up before it held anything") for name in lane["given_up"]]
        rows += [_plain_row(name, "not of mcagent") for name in lane["others"]]
    for name, size in listing["damaged"].items():
        rows.append((f"damaged/{name}", "", "", "", size, "", "", "kept aside for people"))
    rows += [_plain_row(name, "not of mcagent") for name in listing["others"]]
    lines.append(table(rows, _HEADER) if rows else "no records")
    return "\n".join(lines + ["note: " + note for note in listing["notes"]])


def _cursor_text(listing: "dict[str, Any]") -> str:
    if listing["cursor"]["known"]:
        return f"cursor generation {listing['cursor']['generation']}"
    return "no whole cursor, so all counts as waiting"


def _segment_row(segment: "dict[str, Any]") -> "tuple[Any, ...]":
    state = segment["state"]
    if segment["being_written"]:
        state += ", being written"
    if segment["damaged"]:
        state += f", {count(segment['damaged'], 'damaged part')}"
    times = [segment[name] or "untrusted" for name in ("oldest", "newest")]
    if not segment["records"]:
        times = ["", ""]
    records = "" if segment["state"] in (FOREIGN, UNREADABLE) else segment["records"]
    return (
        segment["file"],
        records,
        _number(segment["first"]),
        _number(segment["last"]),
        segment["bytes"],
        *times,
        state,
    )


def _file_row(file: "dict[str, Any]", head: int) -> "tuple[Any, ...]":
    sequence = file["sequence"]
    if sequence is None:
        state = "being taken in, or left over"
    elif sequence < head:
        state = "delivered or dropped, still on disk"
    else:
        state = f"content of record {sequence}"
    size = "" if file["bytes"] is None else file["bytes"]
    return file["file"], "", _number(sequence), _number(sequence), size, "", "", state


def _plain_row(name: str, state: str) -> "tuple[Any, ...]":
    return name, "", "", "", "", "", "", state


def _number(number: "int | None") -> "int | str":
    return "" if number is None else number


def _stats_text(stats: "dict[str, Any]") -> str:
    cursor = stats["cursor"]
    generation = f"cursor generation {cursor['generation']}" if cursor["known"] else "no cursor"
    lines = [f"{stats['directory']}: {_WRITER[stats['writer']]}; {generation}"]
    if stats["free_bytes"] is not None:
        lines[0] += f"; {count(stats['free_bytes'], 'byte')} free on the file system"
    header = (
        *("lane", "waiting", "bytes", "on disk", "of default", "oldest", "per record"),
        *("per minute", "room for", "dropped"),
    )
    rows = [_stats_row(name, lane) for name, lane in stats["lanes"].items()]
    lines.append(table(rows, header))
    for name, lane in stats["lanes"].items():
        for reason, loss in lane["dropped"].items():
            lines.append(f"{name}: {_loss_text(reason, loss)}")
        if lane["reported"]:
            told = count(lane["reported"], "lost record")
            lines.append(f"{name}: the platform was told of {told}")
        if lane["damaged_parts"]:
            parts = count(lane["damaged_parts"], "damaged part")
            lines.append(f"{name}: {parts}: see mcagent buffer verify")
    return "\n".join(lines + ["note: " + note for note in stats["notes"]])


def _stats_row(name: str, lane: "dict[str, Any]") -> "tuple[Any, ...]":
    left_s = lane["room_lasts_s"]
    rate = lane["records_per_minute"]
    return (
        name,
        lane["records"],
        lane["bytes"],
        lane["disk_bytes"],
        f"{lane['fill']:.0%}",
        lane["oldest"] or ("untrusted" if lane["records"] else ""),
        "" if lane["bytes_per_record"] is None else lane["bytes_per_record"],
        "" if rate is None else rate,
        "" if left_s is None else duration(left_s * 1000),
        sum(loss["records"] for loss in lane["dropped"].values()),
    )


def _loss_text(reason: str, loss: "dict[str, Any]") -> str:
    from ..messages.timestamp import format_ms

    when = "at a time that is not known"
    if loss["until_ms"]:
        when = f"from {format_ms(loss['since_ms'])} to {format_ms(loss['until_ms'])}"
    return (
        f"{count(loss['records'], 'record')} lost ({reason}), between {loss['first']} and "
        f"{loss['last']}, {loss['bytes']} bytes, {when}"
    )
