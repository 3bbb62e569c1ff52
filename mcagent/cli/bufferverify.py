"""`mcagent buffer verify`: what is damaged, what it means, what to do."""

from ..inspection.finding import DAMAGE
from ..inspection.verify import Verification
from .bufferwork import Progress, notes_of, open_survey
from .common import count, show
from .exits import INCOMPLETE, OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..inspection.finding import Finding


def run_verify(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    with Progress(survey, args.lane) as progress:
        verification = Verification(survey, progress.advance)
        findings = list(verification.run(args.lane))
    damage = [finding for finding in findings if finding.level == DAMAGE]
    result: "dict[str, Any]" = {
        "directory": survey.directory,
        "clean": not damage,
        "segments": verification.segments,
        "records": verification.records,
        "files": verification.files,
        "bytes": verification.bytes,
        "lost": verification.lost,
        "writer": survey.writer,
        "cursor": {
            "known": survey.cursor.known,
            "generation": survey.cursor.generation,
            "slots": [
                {"offset": slot.offset, "state": slot.state, "generation": slot.generation}
                for slot in survey.cursor.slots
            ],
        },
        "findings": [finding.to_dict() for finding in findings],
        "notes": notes_of(survey) if survey.vanished else [],
    }
    show(args, result, _text(result, findings))
    return INCOMPLETE if damage else OK


def _text(result: "dict[str, Any]", findings: "list[Finding]") -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.level}: {_where(finding)}{finding.what}: {finding.means}")
        if finding.advice:
            lines.append(f"  {finding.advice}")
    slots = ", ".join(
        slot["state"] + (f" (generation {slot['generation']})" if slot["generation"] else "")
        for slot in result["cursor"]["slots"]
    )
    lines.append(f"cursor: slots {slots}")
    lines += ["note: " + note for note in result["notes"]]
    read = ", ".join(
        (
            count(result["segments"], "segment"),
            count(result["records"], "intact record"),
            count(result["files"], "whole file"),
            count(result["bytes"], "byte"),
        )
    )
    problems = sum(finding.level == DAMAGE for finding in findings)
    verdict = "clean" if result["clean"] else f"DAMAGED in {count(problems, 'place')}"
    if result["lost"]:
        verdict += f", {count(result['lost'], 'record')} lost that waited for delivery"
    lines.append(f"{result['directory']}: {verdict}; read {read}")
    return "\n".join(lines)


def _where(finding: "Finding") -> str:
    place = finding.file or finding.lane
    if finding.offset is not None:
        place += f" at {finding.offset}"
    if finding.size is not None:
        place += f", {count(finding.size, 'byte')}"
    return f"{place}: " if place else ""
