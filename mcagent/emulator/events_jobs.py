"""Jobs on many events: create up to 50, delete by filter (services API 4.3).

They are done at once; their status can be read for two hours, as on the platform.
"""

import json
import sqlite3
import uuid
from typing import Any

from .answers import Refusal

CREATE, DELETE = "create", "delete"
EVENTS_MAX = 50
_KEPT_MS = 2 * 3600 * 1000


def keep_job(
    db: sqlite3.Connection, kind: str, tenant: str, details: dict[str, Any], *, now_ms: int
) -> dict[str, Any]:
    """Keep a job that was done; give what its creation answers."""
    job = str(uuid.uuid4())
    failed = any(
        one["resultCode"] != "201" for one in details["resultDescription"] if isinstance(one, dict)
    )
    done = {
        "id": job,
        "state": "FINISHED_WITH_ERROR" if failed else "FINISHED",
        "details": details,
    }
    db.execute(
        "INSERT INTO event_jobs VALUES (?, ?, ?, ?, ?)",
        (job, kind, tenant, now_ms, json.dumps(done)),
    )
    return {"id": job, "state": "ACCEPTED"}


def find_job(
    db: sqlite3.Connection, kind: str, tenant: str, job: str, *, now_ms: int
) -> dict[str, Any]:
    """Give a job's status.

    Raises:
        Refusal: 404, there is none, or it ended more than two hours ago.
    """
    row = db.execute(
        "SELECT * FROM event_jobs WHERE id = ? AND kind = ? AND tenant = ? AND done_ms > ?",
        (job, kind, tenant, now_ms - _KEPT_MS),
    ).fetchone()
    if row is None:
        raise Refusal(404, f"Job {job[:64]} not found.")
    return dict(json.loads(row["body"]))
