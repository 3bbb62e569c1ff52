"""Bulk import of time series from files that lie in the file service (services API 2): a stub.

A job is done at once. What it imports is not seen by the time series service while it is younger
than 7 days, though the bulk service's own read shows it.
"""

import json
import sqlite3
import uuid
from typing import Any, NamedTuple

from .answers import Refusal, parse_json
from .breaches import Breaches
from .files_service import content_of, find_file, place_of
from .settings import Settings
from .times import format_time, parse_time
from .timeseries import Records, Values, Variable, write_records
from .timeseries_writing import read_body

FILES_MAX = 100
HIDDEN_MS = 7 * 24 * 3600 * 1000
_WAITING_MS = 2**61


class Wanted(NamedTuple):
    """What a job is to import: one asset and aspect, and files with their ranges."""

    entity: str
    aspect: str
    files: list[tuple[str, int, int]]


def read_job(body: dict[str, Any]) -> Wanted:
    """Read the body of a job.

    Raises:
        Refusal: 400, not of the form of services API 2, or more than one aspect or 100 files.
    """
    data = body.get("data")
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        raise Refusal(400, "data must be a list of one asset and aspect.")
    entity, aspect, given = (
        data[0].get(name) for name in ("entity", "propertySetName", "timeseriesFiles")
    )
    if not isinstance(entity, str) or not isinstance(aspect, str):
        raise Refusal(400, "entity and propertySetName must be text.")
    if not isinstance(given, list) or not 1 <= len(given) <= FILES_MAX:
        raise Refusal(400, f"timeseriesFiles must be a list of 1 to {FILES_MAX}.")
    return Wanted(entity, aspect, [_file(one) for one in given])


def _file(one: Any) -> tuple[str, int, int]:
    if not isinstance(one, dict):
        raise Refusal(400, "An entry of timeseriesFiles must be an object.")
    # The documentation writes filePath; the Node client sends filepath, and that works (2).
    path = one.get("filePath", one.get("filepath"))
    if not isinstance(path, str):
        raise Refusal(400, "filePath is missing or not text.")
    try:
        first_ms, last_ms = parse_time(one.get("from")), parse_time(one.get("to"))
    except ValueError as exc:
        raise Refusal(400, f"from or to of {path[:140]}: {exc}.") from exc
    if first_ms > last_ms:
        raise Refusal(400, f"from of {path[:140]} is after its to.")
    return path, first_ms, last_ms


def check_region(asset: sqlite3.Row, settings: Settings) -> None:
    """Refuse simulation assets in region Europe 2 (services API 1.11).

    Raises:
        Refusal: 400.
    """
    if settings.region == "eu2" and json.loads(asset["body"])["twinType"] == "simulation":
        raise Refusal(400, "Bulk import for simulation assets is not supported in Europe 2.")


def run_job(
    db: sqlite3.Connection,
    asset: sqlite3.Row,
    wanted: Wanted,
    variables: list[Variable],
    *,
    settings: Settings,
    breaches: Breaches,
    now_ms: int,
) -> dict[str, Any]:
    """Import all files, or none if one of them is not valid; give the job's status."""
    status, message = "SUCCESS", "All files were imported."
    try:
        records: dict[int, Values] = {}
        for path, first_ms, last_ms in wanted.files:
            content = _content(db, asset["id"], path)
            read = read_body(
                content, variables, aspect=wanted.aspect, settings=settings, breaches=breaches
            )
            _check_times(list(read), first_ms, last_ms)
            records.update(read)
        _write(db, asset["id"], wanted.aspect, records, now_ms=now_ms)
    except (ValueError, Refusal) as exc:
        status = "ERROR"
        message = exc.message if isinstance(exc, Refusal) else f"{path}: {exc}"
    job, now = str(uuid.uuid4()), format_time(now_ms)
    shown = {
        # Both spellings: the service of 2019 had the second ones, and clients deal with both.
        "id": job,
        "status": status,
        "message": message,
        "startTime": now,
        "lastModified": now,
        "jobId": job,
        "jobStartTime": now,
        "jobLastModified": now,
    }
    db.execute("INSERT INTO bulk_jobs VALUES (?, ?, ?)", (job, asset["tenant"], json.dumps(shown)))
    return shown


def _content(db: sqlite3.Connection, asset: str, path: str) -> Any:
    row = find_file(db, place_of(asset, path))
    if row is None:
        raise Refusal(404, f"File {path[:140]} is not there.")
    return parse_json(content_of(db, row))


def _check_times(times: list[int], first_ms: int, last_ms: int) -> None:
    if times != sorted(times):
        raise ValueError("its records are not in the order of their times")
    if times and not first_ms <= times[0] <= times[-1] <= last_ms:
        raise ValueError("a record lies outside from and to")


def _write(
    db: sqlite3.Connection, asset: str, aspect: str, records: dict[int, Values], *, now_ms: int
) -> None:
    old: Records = {}
    young: Records = {}
    for time_ms, values in records.items():
        side = old if time_ms <= now_ms - HIDDEN_MS else young
        side[((asset, aspect), time_ms)] = values
    write_records(db, old, now_ms=now_ms, replace=True)
    write_records(db, young, now_ms=now_ms, replace=True, visible_ms=_WAITING_MS)
    db.execute(
        "UPDATE stored SET visible_ms = time_ms + ? WHERE visible_ms = ? AND series IN"
        " (SELECT id FROM series WHERE asset = ? AND aspect = ?)",
        (HIDDEN_MS, _WAITING_MS, asset, aspect),
    )


def find_job(db: sqlite3.Connection, job: str, tenant: str) -> dict[str, Any]:
    """Give a job's status.

    Raises:
        Refusal: 404.
    """
    row = db.execute(
        "SELECT body FROM bulk_jobs WHERE id = ? AND tenant = ?", (job, tenant)
    ).fetchone()
    if row is None:
        raise Refusal(404, f"Job {job[:64]} not found.")
    return dict(json.loads(row["body"]))
