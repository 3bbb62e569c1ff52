"""Uploads in parts: start, parts in any order, complete or abort (services API 3.2)."""

import sqlite3
from typing import Any

from .answers import Refusal
from .breaches import Breaches
from .files_service import Meta, Place
from .settings import Settings

PARTS_MAX = 1000


def start(
    db: sqlite3.Connection, place: Place, meta: Meta, settings: Settings, *, now_ms: int
) -> None:
    """Begin an upload; what an earlier one left is dropped, and what is too old of all others."""
    _drop(db, place)
    too_old = db.execute(
        "SELECT asset, path, name FROM uploads WHERE started_ms <= ?",
        (now_ms - settings.upload_life_s * 1000,),
    ).fetchall()
    for row in too_old:
        _drop(db, Place(*row))
    db.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, *meta, now_ms))


def add_part(
    db: sqlite3.Connection,
    place: Place,
    number: str,
    content: bytes,
    settings: Settings,
    *,
    now_ms: int,
) -> None:
    """Keep one part; the same number again replaces it.

    Raises:
        Refusal: 404 no upload was started, 400 the number is none or there would be too much.
    """
    find_upload(db, place, settings, now_ms=now_ms)
    if not (number.isascii() and number.isdigit() and len(number) <= 4):
        raise Refusal(400, f"part must be a number from 1 to {PARTS_MAX}.")
    if not 1 <= int(number) <= PARTS_MAX:
        raise Refusal(400, f"part must be a number from 1 to {PARTS_MAX}.")
    if not content:
        raise Refusal(400, "A part must not be empty.")
    _keep(db, place, int(number), content, settings)


def _keep(
    db: sqlite3.Connection, place: Place, number: int, content: bytes, settings: Settings
) -> None:
    others = sum(size for part, size in parts(db, place) if part != number)
    if others + len(content) > settings.max_upload_bytes:
        raise Refusal(
            settings.too_large_status, f"All parts exceed {settings.max_upload_bytes} bytes."
        )
    db.execute(
        "INSERT OR REPLACE INTO upload_parts VALUES (?, ?, ?, ?, ?)", (*place, number, content)
    )


def complete(
    db: sqlite3.Connection,
    place: Place,
    last: bytes,
    settings: Settings,
    *,
    now_ms: int,
    breaches: Breaches,
) -> tuple[bytes, Meta]:
    """Join the parts, *last* (may be empty) behind them; give content and metadata.

    Raises:
        Refusal: 404 no upload was started; 400 a part is missing or too short.
    """
    upload = find_upload(db, place, settings, now_ms=now_ms)
    if last:
        highest = max((part for part, _ in parts(db, place)), default=0)
        if highest >= PARTS_MAX:
            raise Refusal(400, f"There are {PARTS_MAX} parts already.")
        _keep(db, place, highest + 1, last, settings)
    found = parts(db, place)
    for expected, (part, size) in enumerate(found, start=1):
        if part != expected:
            raise Refusal(400, f"Part {expected} is missing.")
        what = f"Bytes of part {part} of a file"
        if part < len(found) and breaches.under("min_part_bytes", size, what):
            raise Refusal(
                400,
                f"Part {part} has {size} bytes; all but the last need {settings.min_part_bytes}.",
            )
    if not found:
        raise Refusal(400, "There is no part.")
    rows = db.execute(
        "SELECT content FROM upload_parts WHERE asset = ? AND path = ? AND name = ? ORDER BY part",
        place,
    )
    content = b"".join(row["content"] for row in rows)
    _drop(db, place)
    return content, Meta(upload["type"], upload["description"], upload["timestamp"])


def abort(db: sqlite3.Connection, place: Place, settings: Settings, *, now_ms: int) -> None:
    """Drop an upload.

    Raises:
        Refusal: 404, none was started; the Node client aborts after any failed upload.
    """
    find_upload(db, place, settings, now_ms=now_ms)
    _drop(db, place)


def find_upload(
    db: sqlite3.Connection, place: Place, settings: Settings, *, now_ms: int
) -> sqlite3.Row:
    """Give an upload that is under way; one that is too old has vanished.

    Raises:
        Refusal: 404.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM uploads WHERE asset = ? AND path = ? AND name = ? AND started_ms > ?",
        (*place, now_ms - settings.upload_life_s * 1000),
    ).fetchone()
    if row is None:
        raise Refusal(404, "No multipart upload was started.")
    return row


def parts(db: sqlite3.Connection, place: Place) -> list[tuple[int, int]]:
    """Give (number, size) of the parts that are there, by number."""
    rows = db.execute(
        "SELECT part, length(content) AS size FROM upload_parts"
        " WHERE asset = ? AND path = ? AND name = ? ORDER BY part",
        place,
    )
    return [(row["part"], row["size"]) for row in rows]


def show_parts(found: list[tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"part": part, "size": size} for part, size in found]


def _drop(db: sqlite3.Connection, place: Place) -> None:
    for table in ("upload_parts", "uploads"):
        db.execute(f"DELETE FROM {table} WHERE asset = ? AND path = ? AND name = ?", place)  # noqa: S608
