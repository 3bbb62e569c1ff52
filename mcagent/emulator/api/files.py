"""IoT File v3 (services API 3)."""

import re
import sqlite3

from starlette.requests import Request
from starlette.responses import Response

from .. import files_upload
from ..answers import Refusal, answer, empty
from ..files_filter import read_file_filter, sorted_files
from ..files_service import (
    Meta,
    Place,
    check_condition,
    content_of,
    delete_file,
    find_file,
    list_files,
    meta_of,
    piece_of,
    place_of,
    put_file,
    read_range,
    show_file,
)
from ..hal import etag_of
from .access import found_own_asset
from .common import FILES, caller_of, hub_of, operation

_LIMIT_MAX = 500
_OFFSET_MAX = 10_000
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")
# What a device uploaded is never run by a browser that shows it.
_UNTRUSTED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "bytes",
}


def _place(request: Request, db: sqlite3.Connection, *, write: bool) -> Place:
    asset = found_own_asset(request, db, request.path_params["entity"], write=write)
    return place_of(asset["id"], request.path_params["filepath"])


def _meta(request: Request) -> Meta:
    return meta_of(
        *(request.headers.get(name, "") for name in ("type", "description", "timestamp"))
    )


async def _put(request: Request) -> Response:
    """Upload a file whole, or with `upload` or `part` in the query one step of an upload."""
    hub, query = hub_of(request), request.query_params
    step = query.get("upload")
    if step not in (None, "start", "complete", "abort"):
        raise Refusal(400, "upload must be start, complete or abort.")
    body = await request.body()
    if len(body) > hub.settings.max_file_bytes:
        words = f"Body exceeds {hub.settings.max_file_bytes} bytes; upload the file in parts."
        raise Refusal(hub.settings.too_large_status, words)
    meta = _meta(request)
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        place = _place(request, db, write=True)
        if step == "abort":
            files_upload.abort(db, place, hub.settings, now_ms=now_ms)
            return empty()
        row = find_file(db, place)
        check_condition(row, etag_of(request, "if-match"), stale=hub.settings.stale_file_status)
        status = 201 if row is None else 200
        if step == "start":
            files_upload.start(db, place, meta, hub.settings, now_ms=now_ms)
            return empty(status)
        if "part" in query:
            files_upload.add_part(db, place, query["part"], body, hub.settings, now_ms=now_ms)
            return empty(status)
        if step == "complete":
            body, meta = files_upload.complete(
                db, place, body, hub.settings, now_ms=now_ms, breaches=hub.breaches
            )
        caller = caller_of(request)
        file = put_file(
            db, place, body, meta, by=caller.name, now_ms=now_ms, agent=caller.agent or ""
        )
    response = empty(status)
    response.headers["etag"] = str(file["etag"])
    return response


def _found(request: Request, db: sqlite3.Connection, *, write: bool = False) -> sqlite3.Row:
    row = find_file(db, _place(request, db, write=write))
    if row is None:
        raise Refusal(404, "File not found.")
    return row


async def _read(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        row = _found(request, db)
        wanted = read_range(request.headers.get("range", ""), row["size"])
        if request.method == "HEAD":
            content = b""  # only its length is told
        elif wanted is None:
            content = content_of(db, row)
        else:
            content = piece_of(db, row, *wanted)
    kind = row["type"] if _MEDIA_TYPE.fullmatch(row["type"]) else "application/octet-stream"
    headers = {**_UNTRUSTED, "etag": str(row["etag"]), "content-type": kind}
    first, behind = wanted or (0, row["size"])
    headers["content-length"] = str(behind - first)
    if wanted is None:
        return Response(content, headers=headers)
    headers["content-range"] = f"bytes {first}-{behind - 1}/{row['size']}"
    return Response(content, 206, headers)


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        delete_file(db, _found(request, db, write=True))
    return empty(204)


async def _list(request: Request) -> Response:
    query = request.query_params
    limit = _number(query.get("limit", str(_LIMIT_MAX)), "limit", 1, _LIMIT_MAX)
    offset = _number(query.get("offset", "0"), "offset", 0, _OFFSET_MAX)
    with hub_of(request).store.reading() as db:
        asset = found_own_asset(request, db, request.path_params["entity"])
        files = list_files(db, asset["id"])
    passes = read_file_filter(query.get("filter", ""))
    if passes is not None:  # one that cannot be read is ignored (3.3)
        files = [file for file in files if passes(file)]
    files = sorted_files(files, query.get("order", ""))
    counted = query.get("count", "").lower() == "true"
    headers = {"count": str(len(files))} if counted else None
    shown = [show_file(file, asset["tenant"]) for file in files[offset : offset + limit]]
    return answer(shown, headers=headers)


def _number(text: str, name: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise Refusal(400, f"{name} must be a number from {low} to {high}.")
    return int(text)


async def _parts(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        place = _place(request, db, write=False)
        files_upload.find_upload(db, place, hub.settings, now_ms=hub.clock.now_ms())
        found = files_upload.parts(db, place)
    return answer(files_upload.show_parts(found))


_FILE = f"{FILES}/files/{{entity}}/{{filepath:path}}"
ROUTES = [
    operation("GET", f"{FILES}/files/{{entity}}", _list),
    operation("PUT", _FILE, _put),
    operation("GET", _FILE, _read),
    operation("DELETE", _FILE, _delete),
    # The Node client and the documentation spell it differently (10 no. 8).
    operation("GET", f"{FILES}/fileslist/{{entity}}/{{filepath:path}}", _parts),
    operation("GET", f"{FILES}/filelist/{{entity}}/{{filepath:path}}", _parts),
]
