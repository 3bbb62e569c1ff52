"""Read everything with its CRCs, and say what is wrong with it.

Source: docs/buffer-format.md, "Damage", "Cursor", "Recovery".
"""

from ..buffer.settings import REJECTED, SPOOLING
from ..messages import kinds
from .cursorview import EMPTY, WHOLE, read_cursor
from .entry import KEPT, Entry
from .finding import DAMAGE, NOTE, Finding, numbers
from .spooled import check_file, left_over
from .summary import FOREIGN, GONE, UNREADABLE, count_waiting, summarise
from .walk import SegmentWalk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from ..buffer.batch import Record
    from .summary import SegmentSummary
    from .survey import LaneView, Survey
    from .walk import Damage

_COUNTED = "delivery goes past them and counts them as damaged"
_MEDIUM = "look at the medium (dmesg, SMART); what is intact is delivered all the same"


class Verification:
    """One reading of a buffer.

    Attributes:
        segments, records, files: How many were read; of files, those whose content is right.
        bytes: How many were read.
        lost: Records that wait for delivery by their number, and are in no file.
    """

    def __init__(self, survey: "Survey", advance: "Callable[[int], None]") -> None:
        self._survey = survey
        self._advance_display = advance
        self.segments = self.records = self.files = self.bytes = self.lost = 0

    def run(self, lanes: "list[str] | None" = None) -> "Iterator[Finding]":
        """Everything that was found, lane by lane; the counts are right at the end."""
        survey = self._survey
        yield from _check_cursor(survey)
        for lane in survey.chosen(lanes):
            for finding in self._check_lane(lane):
                self.lost += finding.lost
                yield finding
        for name in survey.others:
            yield _somebody_elses("", name)
        for name, size in survey.damaged.items():
            yield Finding(
                NOTE,
                "kept aside",
                "the agent passed a damaged part and kept a copy of it for people",
                advice="may be deleted",
                file=f"damaged/{name}",
                size=size,
            )
        for path, why in survey.fs.troubles:
            yield Finding(
                DAMAGE,
                "unreadable",
                f"{why}: what is in it is not known, and cannot be delivered while that is so",
                advice="run this as the user that owns it; else " + _MEDIUM,
                file=survey.relative(path),
            )

    def _advance(self, size: int) -> None:
        self.bytes += size
        self._advance_display(size)

    def _check_lane(self, lane: "LaneView") -> "Iterator[Finding]":
        survey, state = self._survey, lane.state
        if survey.cursor.known and lane.segments:
            first = lane.segments[0].first
            lost = count_waiting(lane, state.head, first - 1)
            if lost:
                yield _missing(lane, "", state.head, first - 1, lost=lost)
        next_sequence = max(state.head, state.hole_last + 1)
        sure = True
        for found in summarise(survey, lane, self._advance):
            self.segments += 1
            self.records += found.records
            sure = found.state not in (FOREIGN, GONE, UNREADABLE)
            if found.state == FOREIGN:
                yield _foreign(lane, found)
            for damage in found.damage:
                yield from _of_damage(lane, found, damage)
            if found.last is not None:
                next_sequence = max(next_sequence, found.last + 1)
                if found.open and sure and state.head > found.last + 1:
                    yield _ahead(lane, found.file, found.last, state.head)
        if survey.cursor.known and not lane.segments and state.head > 1:
            yield _ahead(lane, "", 0, state.head)
        for segment in lane.given_up:
            yield Finding(
                NOTE,
                "duplicate segment",
                "another segment begins with the same number and a later attempt: this one was "
                "given up before anything in it was durable",
                advice="the next start removes it",
                lane=lane.name,
                file=survey.relative(segment.path),
                size=segment.size,
            )
        for name in lane.others:
            yield _somebody_elses(lane.name, f"{lane.name}/{name}")
        if lane.name in SPOOLING:
            yield from self._check_spool(lane, next_sequence if sure else None)

    def _check_spool(self, lane: "LaneView", next_sequence: "int | None") -> "Iterator[Finding]":
        """Every file of the spool against its record; a lane of unknown end keeps them all."""
        survey = self._survey
        spoken_of: "set[int]" = set()
        for place, segment in enumerate(lane.segments):
            try:
                with SegmentWalk(survey, lane, place) as walk:
                    for record in walk.records(lane.state.head):
                        if count_waiting(lane, record.sequence, record.sequence):
                            spoken_of.add(record.sequence)
                            yield from self._check_file(lane, record)
            except OSError as error:
                survey.note(segment.path, error)
        for sequence, size in lane.spooled.items():
            if sequence in spoken_of:
                continue
            if next_sequence is None or not left_over(lane, sequence, next_sequence):
                means = "its record is damaged or missing: the content is there and not delivered"
                advice = "mcagent buffer export --files DIR copies it out"
            else:
                means = "no record speaks of it: under way at this moment, or left over"
                advice = "the next start removes what is left over"
            yield Finding(
                NOTE,
                "file without record",
                means,
                advice=advice,
                lane=lane.name,
                file=survey.relative(lane.spool_path(sequence)),
                size=size,
            )
        for name in lane.unfinished:
            yield Finding(
                NOTE,
                "unfinished copy",
                "a file that is being taken in at this moment, or the left-over of a cut",
                advice="the next start removes what is left over",
                lane=lane.name,
                file=f"{lane.name}/spool/{name}",
            )

    def _check_file(self, lane: "LaneView", record: "Record") -> "Iterator[Finding]":
        entry = Entry(lane, record, KEPT)
        if record.kind != kinds.FILE or entry.file is None:
            return
        survey, path = self._survey, lane.spool_path(record.sequence)
        if lane.name == REJECTED:
            if record.sequence not in lane.spooled:
                return  # the store keeps the record alone of a file that is too large for it
            meaning = "it was refused by the platform; only the copy kept of it is concerned"
        else:
            meaning = (
                "the file cannot be delivered: after three tries its record is set aside in "
                "`rejected`"
            )
        try:
            wrong = check_file(survey, path, entry.file, self._advance)
        except FileNotFoundError as error:
            now = read_cursor(survey.fs, survey.directory + "/cursor").state(lane.name)
            if record.sequence < now.head or now.hole_first <= record.sequence <= now.hole_last:
                survey.note(path, error)
                return
            wrong = "is missing"
        except OSError as error:
            wrong = f"cannot be read: {error.strerror or error}"
        if not wrong:
            self.files += 1
            return
        yield Finding(
            DAMAGE,
            "file missing" if wrong == "is missing" else "file damaged",
            f"the content of {numbers(record.sequence, record.sequence)} "
            f"({entry.file['name']!r}) {wrong}: {meaning}",
            advice="if the original is still there, store it again: mcagent file PATH",
            lane=lane.name,
            file=survey.relative(path),
        )


def _check_cursor(survey: "Survey") -> "Iterator[Finding]":
    cursor = survey.cursor
    some = any(lane.segments for lane in survey.lanes.values())
    unknown = (
        "what was delivered is not known: every record on disk counts as waiting. Some are "
        "delivered again; none is lost"
    )
    if not cursor.present or cursor.trouble:
        if some or cursor.trouble:
            yield Finding(
                DAMAGE,
                "cursor unreadable" if cursor.trouble else "cursor missing",
                f"{cursor.trouble}: {unknown}" if cursor.trouble else unknown,
                advice="of a copy: copy the file `cursor` too; on a device the next start makes "
                "one",
                file="cursor",
            )
        return
    for place, slot in enumerate(cursor.slots):
        if slot.state not in (WHOLE, EMPTY) and (cursor.known or some):
            yield Finding(
                DAMAGE,
                "cursor slot damaged",
                f"slot {place + 1} is {slot.state}; "
                + (
                    f"the other one holds, generation {cursor.generation}. Where this one was "
                    "newer, what it said was delivered is delivered again"
                    if cursor.known
                    else "the other one does not hold either"
                ),
                advice="the next delivery writes it anew",
                file="cursor",
                offset=slot.offset,
            )
    if not cursor.known and some:
        yield Finding(
            DAMAGE,
            "cursor damaged",
            "neither slot is whole: " + unknown,
            advice="the next start writes a new one",
            file="cursor",
        )


def _of_damage(lane: "LaneView", found: "SegmentSummary", damage: "Damage") -> "Iterator[Finding]":
    place: "dict[str, Any]" = {
        "lane": lane.name,
        "file": found.file,
        "offset": damage.start,
        "size": damage.size,
    }
    if damage.open_end:
        yield Finding(
            DAMAGE,
            "torn end",
            "a write that a power cut tore (never reported durable then), or damage: number "
            f"{damage.first} is skipped and counts as one damaged record",
            advice="on a device: nothing, the next start begins a new segment behind it; of a "
            "copy: was the file copied to its end?",
            first=damage.first,
            last=damage.first,
            lost=count_waiting(lane, damage.first, damage.first),
            **place,
        )
        return
    lost = count_waiting(lane, damage.first, damage.last) if damage.missing else 0
    if not damage.size:
        if lost:
            yield _missing(
                lane, found.file, damage.first, damage.last, lost=lost, offset=damage.start
            )
        return
    if damage.missing <= 0:
        if damage.tail:
            yield Finding(
                NOTE,
                "left-over bytes",
                "a failed write was begun again in the next segment: no record is missing",
                **place,
            )
            return
        means = "no record is missing: a context was hit, of which there are two copies"
    elif lost:
        means = f"{numbers(damage.first, damage.last)} cannot be read; {_COUNTED}"
        if damage.size and lost < damage.missing:
            means += f" ({lost} of them: the others were done with)"
    else:
        means = (
            f"{numbers(damage.first, damage.last)} cannot be read, and were done with before: "
            "nothing is lost by it"
        )
    yield Finding(
        DAMAGE,
        "damaged records" if damage.missing > 0 else "damaged bytes",
        means,
        advice=_MEDIUM,
        first=damage.first if damage.missing > 0 else None,
        last=damage.last if damage.missing > 0 else None,
        lost=lost,
        **place,
    )


def _missing(
    lane: "LaneView",
    file: str,
    first: int,
    last: int,
    *,
    lost: int,
    offset: "int | None" = None,
) -> Finding:
    where = "this file ends early" if file else "the cursor is older than the segments"
    return Finding(
        DAMAGE,
        "missing records",
        f"{numbers(first, last)} are in no file, {lost} of them not done with by the cursor: a "
        f"segment was removed or not copied, or {where}; {_COUNTED}",
        advice="of a copy: copy all files of the lane and the cursor again; on a device: "
        + _MEDIUM,
        lane=lane.name,
        file=file,
        offset=offset,
        first=first,
        last=last,
        lost=lost,
    )


def _foreign(lane: "LaneView", found: "SegmentSummary") -> Finding:
    return Finding(
        DAMAGE,
        "other version",
        "written by another version of mcagent, or moved here from elsewhere: it is not read, not "
        "delivered and not removed",
        advice="look into it with the version that wrote it, or with docs/buffer-format.md",
        lane=lane.name,
        file=found.file,
        size=found.size,
    )


def _ahead(lane: "LaneView", file: str, last: int, head: int) -> Finding:
    held = f"the last record on disk is {last}" if last else "the lane has no segment"
    return Finding(
        NOTE,
        "cursor ahead",
        f"{held}, and the cursor says that all before {head} are done with: no number is used "
        "again, nothing waits",
        advice="where records should wait here: was the whole lane copied?",
        lane=lane.name,
        file=file,
    )


def _somebody_elses(lane: str, file: str) -> Finding:
    kept = file.endswith(".kept")
    return Finding(
        NOTE,
        "put aside" if kept else "foreign name",
        "of another version; the agent put it out of its way and does not read it"
        if kept
        else "not a name that mcagent gives: left alone",
        lane=lane,
        file=file,
    )
