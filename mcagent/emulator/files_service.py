"""Files of assets: what the file service keeps, and what agents exchanged (services API 3).

A file has an asset, a path that is empty or ends in `/`, and a name. There are no folders and no
versions; the etag starts at 0 and grows by one with each replacement.
"""

import hashlib
import re
import sqlite3
from typing import Any, NamedTuple

from .answers import Refusal
from .times import format_time, parse_time

_NAME_MAX = 1024
_TEXT_MAX = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Place(NamedTuple):
    """Where a file is: its asset, and its full name taken apart."""

    asset: str
    path: str
    name: str


class Meta(NamedTuple):
    """What travels in the headers of an upload."""

    type: str
    description: str
    timestamp: str


def place_of(asset: str, filepath: str) -> Place:
    """Take a full name apart at its last slash.

    Raises:
        Refusal: 400, it ends in a slash, is longer than 1 024 characters, or not to be printed.
    """
    path, slash, name = filepath.rpartition("/")
    if not name or len(filepath) > _NAME_MAX or _CONTROL.search(filepath):
        raise Refusal(400, f"filepath must have 1 to {_NAME_MAX} characters and end in a name.")
    return Place(asset, path + slash, name)


def meta_of(kind: str, description: str, timestamp: str) -> Meta:
    """Check the metadata of an upload.

    Raises:
        Refusal: 400, a text is too long or the timestamp is none.
    """
    for name, text in (("type", kind), ("description", description)):
        if len(text) > _TEXT_MAX:
            raise Refusal(400, f"Header {name} has more than {_TEXT_MAX} characters.")
    if timestamp:
        try:
            timestamp = format_time(parse_time(timestamp))
        except ValueError as exc:
            raise Refusal(400, f"Header timestamp: {exc}.") from exc
    return Meta(kind, description, timestamp)


def find_file(db: sqlite3.Connection, place: Place) -> "sqlite3.Row | None":
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM files WHERE asset = ? AND path = ? AND name = ?", place
    ).fetchone()
    return row


def check_condition(row: "sqlite3.Row | None", given: "str | None", *, stale: int) -> None:
    """Compare `If-Match` with the file that is there, if there is one.

    Args:
        row: The file.
        given: The etag of the header, None without it.
        stale: Status of the refusal (409 or 412, services API 10 no. 13).

    Raises:
        Refusal: *stale*; 404, an etag was given and there is no file.
    """
    if row is None:
        if given is not None:
            raise Refusal(404, "There is no file that If-Match could match.")
    elif given is None:
        raise Refusal(stale, "The file exists; replace it with If-Match.")
    elif given != str(row["etag"]):
        raise Refusal(stale, f"If-Match {given[:40]} is not the current etag {row['etag']}.")


def put_file(
    db: sqlite3.Connection,
    place: Place,
    content: bytes,
    meta: Meta,
    *,
    by: str,
    now_ms: int,
    agent: str = "",
) -> sqlite3.Row:
    """Create a file, or replace the one that is there; give its row."""
    digest = hashlib.sha256(content).hexdigest()
    db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, content))
    return record_file(
        db, place, meta, size=len(content), sha256=digest, by=by, now_ms=now_ms, agent=agent
    )


def record_file(
    db: sqlite3.Connection,
    place: Place,
    meta: Meta,
    *,
    size: int,
    sha256: str,
    by: str,
    now_ms: int,
    agent: str = "",
) -> sqlite3.Row:
    """Record a file whose bytes are stored already; what it replaces is forgotten."""
    before = find_file(db, place)
    db.execute(
        "INSERT INTO files (asset, path, name, agent, type, description, created, size, sha256,"
        " created_ms, updated_ms, created_by, updated_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (asset, path, name) DO UPDATE SET agent = excluded.agent,"
        " type = excluded.type, description = excluded.description, created = excluded.created,"
        " size = excluded.size, sha256 = excluded.sha256, updated_ms = excluded.updated_ms,"
        " updated_by = excluded.updated_by, etag = etag + 1",
        (
            *place,
            agent,
            meta.type,
            meta.description,
            meta.timestamp,
            size,
            sha256,
            now_ms,
            now_ms,
            by,
            by,
        ),
    )
    if before is not None and before["sha256"] != sha256:
        _forget_bytes(db, before["sha256"])
    row = find_file(db, place)
    assert row is not None
    return row


def delete_file(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute("DELETE FROM files WHERE number = ?", (row["number"],))
    _forget_bytes(db, row["sha256"])


def delete_files_of(db: sqlite3.Connection, asset: str) -> None:
    """Delete all files of an asset, and the parts of what is on its way to it."""
    for row in db.execute("SELECT * FROM files WHERE asset = ?", (asset,)).fetchall():
        delete_file(db, row)
    db.execute("DELETE FROM upload_parts WHERE asset = ?", (asset,))
    db.execute("DELETE FROM uploads WHERE asset = ?", (asset,))


def _forget_bytes(db: sqlite3.Connection, digest: str) -> None:
    """Delete bytes that no file and no received item has; hashes are their only names."""
    db.execute(
        "DELETE FROM blobs WHERE sha256 = ? AND NOT EXISTS"
        " (SELECT 1 FROM files WHERE sha256 = ?) AND NOT EXISTS"
        " (SELECT 1 FROM received WHERE instr(details, ?))",
        (digest, digest, digest),
    )


def content_of(db: sqlite3.Connection, row: sqlite3.Row) -> bytes:
    blob = db.execute("SELECT content FROM blobs WHERE sha256 = ?", (row["sha256"],)).fetchone()
    return bytes(blob["content"])


def piece_of(db: sqlite3.Connection, row: sqlite3.Row, first: int, behind: int) -> bytes:
    """Give some bytes of a file, for which the rest of a large one is not copied."""
    piece = db.execute(
        "SELECT substr(content, ?, ?) AS piece FROM blobs WHERE sha256 = ?",
        (first + 1, behind - first, row["sha256"]),
    ).fetchone()
    return bytes(piece["piece"])


def list_files(db: sqlite3.Connection, asset: str) -> list[dict[str, Any]]:
    """Give the files of an asset as they are filtered and sorted, in order of creation."""
    rows = db.execute("SELECT * FROM files WHERE asset = ? ORDER BY number", (asset,))
    return [dict(row) for row in rows]


def show_file(file: dict[str, Any], tenant: str) -> dict[str, Any]:
    """Shape a file as the list answers it."""
    return {
        "name": file["name"],
        "path": file["path"],
        "type": file["type"],
        "size": file["size"],
        "description": file["description"],
        "timestamp": file["created"],
        "created": format_time(file["created_ms"]),
        "updated": format_time(file["updated_ms"]),
        "createdBy": file["created_by"],
        "updatedBy": file["updated_by"],
        "etag": file["etag"],
        "tenantId": tenant,
        "storagePrefix": file["asset"],
    }


def read_range(header: str, size: int) -> "tuple[int, int] | None":
    """Read `bytes=a-b`, `bytes=a-` or `bytes=-n`: first byte and the one behind the last.

    Give None for what is no single range; the whole file is the answer then (RFC 9110 14.2).

    Raises:
        Refusal: 416, the range holds no byte of the file.
    """
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*", header)
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        first, behind = int(match[1]), int(match[2]) + 1 if match[2] else size
        if match[2] and behind <= first:
            return None
    else:
        first, behind = max(0, size - int(match[2])), size
    if first >= size or behind <= first:
        raise Refusal(
            416, f"The file has {size} bytes.", headers={"content-range": f"bytes */{size}"}
        )
    return first, min(behind, size)
