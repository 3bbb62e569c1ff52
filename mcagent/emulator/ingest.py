"""What the platform does with an item after it answered 200 (agent API 6.4.1 and 12).

Good values are stored, the others are dropped and counted: the device was told 200 either way.
"""

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from .agents import find_agent
from .answers import Refusal
from .datasource import check_configuration, points_of, replace_configuration
from .items import CUSTOM, EVENT, FILE, MODEL, TIMESERIES
from .mappings import Target, targets
from .settings import Settings
from .times import parse_time
from .timeseries import Records, write_records
from .values import is_quality_code, read_value

_NAMED_MAX = 10  # a drop reason names up to ten unmapped points (agent API 7.2)


class Verdict:
    """What became of one item: dropped things by reason, and the points without a mapping."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.unmapped: dict[str, None] = {}
        self.note = ""

    def reason(self) -> str:
        """Say in one line what was dropped; for people, never to be parsed."""
        counts = ", ".join(f"{number} {name}" for name, number in sorted(self.dropped.items()))
        names = ", ".join(list(self.unmapped)[:_NAMED_MAX])
        text = f"Dropped: {counts}."
        if names:
            text += f" Data points without mapping: {names}."
        return f"{text} {self.note}".rstrip()


class _Work(NamedTuple):
    """One item to process, with everything that its processing needs."""

    db: sqlite3.Connection
    agent: sqlite3.Row
    row: sqlite3.Row
    content: Any
    verdict: Verdict
    settings: Settings


def process_item(
    db: sqlite3.Connection, row: sqlite3.Row, content: Any, settings: Settings
) -> Verdict:
    """Process one item of the journal.

    Args:
        db: Inside a transaction.
        row: The item's row of table `received`.
        content: Its parsed payload if it is of a JSON kind.
        settings: The hub's switches.
    """
    verdict = Verdict()
    try:
        agent = find_agent(db, row["agent"])
    except Refusal:
        verdict.dropped["item of a deleted agent"] = row["lines"]
    else:
        _PROCESSES[row["kind"]](_Work(db, agent, row, content, verdict, settings))
    if verdict.dropped.total():
        db.executemany(
            "INSERT INTO drops VALUES (?, ?, ?)"
            " ON CONFLICT (agent, reason) DO UPDATE SET number = number + excluded.number",
            ((row["agent"], reason, number) for reason, number in verdict.dropped.items()),
        )
        db.execute(
            "INSERT INTO recoverable VALUES (?, ?, ?, ?, ?, ?)",
            (
                str(uuid.uuid4()),
                row["item"],
                row["agent"],
                row["correlation_id"],
                row["received_ms"],
                verdict.reason()[:1024],
            ),
        )
    db.execute("UPDATE received SET pending = 0 WHERE item = ?", (row["item"],))
    return verdict


def _timeseries(work: _Work) -> None:
    agent, settings = work.agent, work.settings
    current = json.loads(agent["dsc"])["configurationId"] if agent["dsc"] else None
    named = json.loads(work.row["details"])["configuration_id"]
    if named != current and settings.drop_mismatched_configuration:
        work.verdict.dropped["sample of another configuration"] = len(work.content)
        return
    where = targets(work.db, agent["id"], points_of(agent), settings)
    records: Records = {}
    for sample in work.content:
        _take_sample(sample, where, records, work.verdict, settings)
    write_records(work.db, records, replace=settings.replace_records)


def _take_sample(
    sample: Any,
    where: dict[str, list[Target]],
    records: Records,
    verdict: Verdict,
    settings: Settings,
) -> None:
    values = sample.get("values") if isinstance(sample, dict) else None
    if not isinstance(values, list):
        verdict.dropped["malformed sample"] += 1
        return
    try:
        time_ms = parse_time(sample.get("timestamp"))
    except ValueError:
        verdict.dropped["value with a bad timestamp"] += len(values)
        return
    # With whole-record replacement a later sample of the same time starts the record anew.
    begun: set[tuple[str, str]] = set()
    for entry in values:
        point = entry.get("dataPointId") if isinstance(entry, dict) else None
        if not isinstance(point, str):
            verdict.dropped["malformed value"] += 1
            continue
        found = where.get(point)
        if found is None:
            verdict.dropped["unmapped value"] += 1
            verdict.unmapped[point] = None
            continue
        quality = entry.get("qualityCode")
        if settings.check_quality_codes and quality is not None and not is_quality_code(quality):
            verdict.dropped["value with a bad quality code"] += 1
            continue
        for series, record, kind, length in found:
            try:
                value = read_value(kind, entry.get("value"), length)
            except ValueError as exc:
                verdict.dropped[f"value refused: {exc}"] += 1
                continue
            key = (record, time_ms)
            if settings.replace_records and record not in begun:
                begun.add(record)
                records[key] = {}
            held = records.setdefault(key, {})
            held[series] = (value, None if quality is None else str(quality))


def _event(work: _Work) -> None:
    """Store events on the agent's own asset; a resent event (same id) replaces itself."""
    for event in work.content:
        fault = _event_fault(event)
        if fault:
            work.verdict.dropped[f"event {fault}"] += 1
            continue
        work.db.execute(
            "INSERT OR REPLACE INTO events (asset, agent, id, time_ms, body)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                work.agent["entity"],
                work.agent["id"],
                str(event.get("id") or uuid.uuid4()),
                parse_time(event["timestamp"]),
                json.dumps(event),
            ),
        )


def _event_fault(event: Any) -> str:
    """Say what is wrong with an event (agent API 6.4.2), `""` if nothing is."""
    if not isinstance(event, dict):
        return "that is not an object"
    try:
        parse_time(event.get("timestamp"))
    except ValueError:
        return "with a bad timestamp"
    if not isinstance(event.get("type"), str):
        return "without a type"
    severity = event.get("severity")
    if isinstance(severity, bool) or not isinstance(severity, int):
        return "without a severity"
    if len(str(event.get("description") or "")) > 255:
        return "with a too long description"
    return ""


def _file(work: _Work) -> None:
    details = json.loads(work.row["details"])
    work.db.execute(
        "INSERT INTO files (asset, agent, name, type, created, size, sha256)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            work.agent["entity"],
            work.agent["id"],
            *(details[name] for name in ("name", "type", "created", "size", "sha256")),
        ),
    )


def _model(work: _Work) -> None:
    try:
        replace_configuration(work.db, work.agent, check_configuration(work.content))
    except ValueError as exc:
        work.verdict.dropped["configuration"] += 1
        work.verdict.note = str(exc)


def _custom(_work: _Work) -> None:
    """Nothing: what the platform does depends on a consumer that ordinary tenants lack (6.4.5)."""


_PROCESSES: dict[str, Callable[[_Work], None]] = {
    TIMESERIES: _timeseries,
    EVENT: _event,
    FILE: _file,
    MODEL: _model,
    CUSTOM: _custom,
}
