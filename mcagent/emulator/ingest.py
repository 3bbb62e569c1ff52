"""What the platform does with an item after it answered 200 (agent API 6.4.1 and 12).

Good values are stored, the others are dropped and counted: the device was told 200 either way.
Diagnostic messages and a recoverable record say so to who asks.
"""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from .agents import find_agent
from .answers import Refusal
from .breaches import Breaches
from .datasource import check_configuration, replace_configuration
from .diagnostics import (
    DROPPED,
    ERROR,
    FINISHED,
    INFO,
    PROCESSING,
    WARN,
    Note,
    find_activation,
    is_active,
    write_messages,
)
from .events import Arrival, exchanged_type, record_exchanged
from .events_mappings import assets_of_event
from .files_service import Meta, place_of, record_file
from .ingest_samples import Samples
from .ingest_verdict import Verdict
from .items import CUSTOM, EVENT, FILE, MODEL, TIMESERIES
from .recoverable import delete_record, keep_record
from .settings import Settings
from .times import parse_time
from .timeseries import write_records


class _Work(NamedTuple):
    """One item to process, with everything that its processing needs."""

    db: sqlite3.Connection
    agent: sqlite3.Row
    row: sqlite3.Row
    content: Any
    verdict: Verdict
    settings: Settings
    breaches: Breaches


def process_item(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    content: Any,
    *,
    settings: Settings,
    breaches: Breaches,
    now_ms: int,
    replayed: "str | None" = None,
) -> Verdict:
    """Process one item of the journal, and write its messages and its recoverable record.

    Args:
        db: Inside a transaction.
        row: The item's row of table `received`.
        content: Its parsed payload if it is of a JSON kind.
        settings: The hub's switches.
        breaches: Where rules are noted that only strict mode enforces.
        now_ms: The platform's time.
        replayed: Id of the recoverable record that is run again; None at the first time.
    """
    points = row["kind"] == TIMESERIES
    verdict = Verdict(
        "data points" if points else "items", _values(content) if points else row["lines"]
    )
    try:
        agent = find_agent(db, row["agent"])
    except Refusal:
        verdict.drop("item of a deleted agent", row["lines"])
    else:
        _PROCESSES[row["kind"]](_Work(db, agent, row, content, verdict, settings, breaches))
        _tell(db, row, verdict, settings=settings, now_ms=now_ms, replayed=replayed)
    if replayed is None:
        db.executemany(
            "INSERT INTO drops VALUES (?, ?, ?)"
            " ON CONFLICT (agent, reason) DO UPDATE SET number = number + excluded.number",
            ((row["agent"], reason, number) for reason, number in verdict.dropped.items()),
        )
    db.execute(
        "UPDATE received SET pending = 0, verdict = ?, dropped = ? WHERE item = ?",
        (verdict.words(), verdict.dropped.total(), row["item"]),
    )
    return verdict


def _values(content: Any) -> int:
    """Count the values of a time series; what is no sample counts as one, to be dropped."""
    lists = (entry.get("values") if isinstance(entry, dict) else None for entry in content)
    return sum(len(values) if isinstance(values, list) else 1 for values in lists)


def _tell(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    verdict: Verdict,
    *,
    settings: Settings,
    now_ms: int,
    replayed: "str | None",
) -> None:
    """Write what became of an item where operators and agents can read it (agent API 7)."""
    lines = f"Number of samplings: {row['lines']}, requests: 1."
    notes = [Note(INFO, PROCESSING, lines)]
    if verdict.dropped:
        severity = ERROR if verdict.whole else WARN
        notes.append(Note(severity, DROPPED, f"{lines} {verdict.reason()}"))
    else:
        notes.append(Note(INFO, FINISHED, f"{lines} {verdict.counts()}."))
    # Before the record, whose being kept may hang on the activation.
    write_messages(db, row, notes, now_ms=now_ms, settings=settings)
    if not verdict.dropped:
        if replayed is not None and not settings.keep_replayed:
            delete_record(db, replayed)
        return
    if settings.recover == "unmapped" and not verdict.note_of_unmapped:
        return
    activation = find_activation(db, row["agent"])
    if settings.records_need_activation and not (activation and is_active(activation, now_ms)):
        return
    keep_record(db, row, verdict.reason(), replayed=replayed, settings=settings)


def _timeseries(work: _Work) -> None:
    agent, settings = work.agent, work.settings
    current = json.loads(agent["dsc"])["configurationId"] if agent["dsc"] else None
    named = json.loads(work.row["details"])["configuration_id"]
    if named != current and settings.drop_mismatched_configuration:
        work.verdict.drop("value under another configuration", work.verdict.total)
        work.verdict.note = (
            f"Configuration {named} is not the agent's: {current or 'it has none'}."
        )
        return
    samples = Samples(work.db, agent, work.verdict, settings=settings, breaches=work.breaches)
    for sample in work.content:
        samples.take(sample)
    for words in samples.pieces():
        work.breaches.note("replace_records", f"agent {agent['id']}: {words}")
    write_records(
        work.db, samples.records, now_ms=work.row["received_ms"], replace=settings.replace_records
    )


def _event(work: _Work) -> None:
    """Store events on the assets that they are mapped to, or on the agent's own (9).

    A resent event (same id) replaces itself.
    """
    for event in work.content:
        fault = _event_fault(event) or _missing_member(event, work)
        if fault:
            work.verdict.drop(f"event {fault}")
            continue
        kind = exchanged_type(work.db, event["type"], work.agent["tenant"])
        assets = assets_of_event(work.db, work.agent, event, kind, work.settings)
        arrival = Arrival(work.row["received_ms"], work.settings, work.breaches)
        record_exchanged(work.db, assets, work.agent["id"], event, kind=kind, arrival=arrival)


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


def _missing_member(event: dict[str, Any], work: _Work) -> str:
    """Name a member that the description asks for and that some clients leave out."""
    for name in ("id", "version"):
        what = f"without {name}"
        if not event.get(name) and work.breaches.forbids("require_event_members", f"event {what}"):
            return what
    return ""


def _file(work: _Work) -> None:
    """Keep the file on the agent's asset, under the name as sent (services API 3.4)."""
    details = json.loads(work.row["details"])
    try:
        place = place_of(work.agent["entity"], details["name"])
    except Refusal:
        work.verdict.dropped["file with a bad name"] += 1
        return
    record_file(
        work.db,
        place,
        Meta(details["type"], "", details["created"]),
        size=details["size"],
        sha256=details["sha256"],
        by=work.agent["name"],
        now_ms=work.row["received_ms"],
        agent=work.agent["id"],
    )


def _model(work: _Work) -> None:
    try:
        configuration = check_configuration(work.content, work.breaches)
        replace_configuration(work.db, work.agent, configuration)
    except ValueError as exc:
        work.verdict.drop("configuration")
        work.verdict.note = str(exc)


def _custom(work: _Work) -> None:
    """Keep it, unless this is a tenant without a consumer of such data (6.4.5, a guess)."""
    kind = json.loads(work.row["details"])["type"]
    if not work.settings.custom_data_consumer:
        work.verdict.drop("custom data without a consumer", heading="Types", name=kind)
    else:
        words = f"custom data of type {kind[:64]}: ordinary tenants have no consumer of them"
        work.breaches.note("custom_data_consumer", words)


_PROCESSES: dict[str, Callable[[_Work], None]] = {
    TIMESERIES: _timeseries,
    EVENT: _event,
    FILE: _file,
    MODEL: _model,
    CUSTOM: _custom,
}
