"""Assets over HTTP (services API 5.4)."""

import json
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import assets_tree
from ..answers import empty, json_object
from ..filters import read_filter
from ..hal import check_accept, check_etag, hal, page_of, resource
from .access import found_asset, found_root
from .assettypes import asset_listing, check_unlocked
from .common import ASSETS, caller_of, hub_of, operation

_SORTABLE = frozenset(
    ("assetId", "name", "externalId", "typeId", "parentId", "twinType", "timezone", "etag")
)


def _url(request: Request) -> str:
    return f"{hub_of(request).base_url(request)}{ASSETS}/assets"


def _shown(request: Request, db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    return assets_tree.show(db, row, _url(request), caller_of(request).tenant)


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


_BILLBOARD = ("aspectTypes", "assetTypes", "assets")


async def _billboard(request: Request) -> Response:
    base = f"{hub_of(request).base_url(request)}{ASSETS}"
    links = {name: {"href": f"{base}/{name.lower()}"} for name in _BILLBOARD}
    links["self"] = {"href": base}
    # Siemens' description has the links as members, HAL, which its media type is, in `_links`.
    return hal({**links, "_links": links})


async def _list(request: Request) -> Response:
    hub, query = hub_of(request), request.query_params
    check_accept(request, hub.breaches)
    passes = read_filter(query.get("filter", ""), assets_tree.FILTERABLE, ignore_unknown=True)
    listing = asset_listing(request, "assets", _SORTABLE)
    with hub.store.transaction() as db:  # the root may have to be made
        rows = assets_tree.list_rows(
            db, caller_of(request).tenant, shared=_flag(request, "includeShared")
        )
        rows = [row for row in rows if passes(row)]

        def show(row: dict[str, Any]) -> dict[str, Any]:
            return _shown(request, db, row["row"])

        return hal(page_of(query, rows, listing, _url(request), show=show))


async def _create(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        check_unlocked(request, db)
        row = assets_tree.create(db, body, caller_of(request).tenant)
        return resource(request, _shown(request, db, row), 201)


async def _root(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        return resource(request, _shown(request, db, found_root(request, db)))


def _found(request: Request, db: sqlite3.Connection, *, write: bool = False) -> sqlite3.Row:
    """Give the asset of the path; to change it the model must be open and the etag current."""
    row = found_asset(request, db, request.path_params["asset"], write=write)
    if write:
        check_unlocked(request, db)
        check_etag(request, row["etag"])
    return row


async def _read(request: Request) -> Response:
    check_accept(request, hub_of(request).breaches)
    with hub_of(request).store.reading() as db:
        return resource(request, _shown(request, db, _found(request, db)))


async def _change(request: Request) -> Response:
    """PUT replaces; PATCH merges (RFC 7396)."""
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, write=True)
        if request.method == "PATCH":
            body = {"name": row["name"], **_merged(json.loads(row["body"]), body)}
        return resource(request, _shown(request, db, assets_tree.change(db, row, body)))


def _merged(held: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(held)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = {**merged[name], **value}
        else:
            merged[name] = value
    return merged


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        assets_tree.delete(db, _found(request, db, write=True))
    return empty(204)


async def _move(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, write=True)
        moved = assets_tree.move(db, row, body.get("newParentId"))
        return resource(request, _shown(request, db, moved))


async def _aspects(request: Request) -> Response:
    sortable = frozenset(("name", "aspectTypeId", "category"))
    with hub_of(request).store.reading() as db:
        row = _found(request, db)
        found = assets_tree.aspects_of(db, row, _url(request))
    return _sublist(request, row["id"], "aspects", found, sortable)


async def _variables(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        row = _found(request, db)
        found = assets_tree.variables_of(db, row)
    return _sublist(request, row["id"], "variables", found, frozenset(("name", "dataType")))


def _sublist(
    request: Request,
    asset: str,
    member: str,
    found: list[dict[str, Any]],
    sortable: frozenset[str],
) -> Response:
    query = request.query_params
    passes = read_filter(query.get("filter", ""), sortable, ignore_unknown=True)
    listing = asset_listing(request, member, sortable)
    rows = [one for one in found if passes(one)]
    return hal(page_of(query, rows, listing, f"{_url(request)}/{asset}/{member}"))


async def _put_location(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, write=True)
        return resource(request, _shown(request, db, assets_tree.place(db, row, body)))


async def _delete_location(request: Request) -> Response:
    """Answer 200 with the asset, unlike other deletions (5.4)."""
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, write=True)
        return resource(request, _shown(request, db, assets_tree.place(db, row, None)))


async def _lock(request: Request) -> Response:
    """Read the lock of the tenant's model, or set it with the parameter `enabled`."""
    tenant = (caller_of(request).tenant,)
    with hub_of(request).store.transaction() as db:
        if request.method == "PUT":
            if _flag(request, "enabled"):
                db.execute("INSERT OR IGNORE INTO model_locks VALUES (?)", tenant)
            else:
                db.execute("DELETE FROM model_locks WHERE tenant = ?", tenant)
        row = db.execute("SELECT 1 FROM model_locks WHERE tenant = ?", tenant).fetchone()
    return hal({"id": tenant[0], "enabled": row is not None})


_PATH = f"{ASSETS}/assets"
_ONE = f"{_PATH}/{{asset}}"
ROUTES = [
    operation("GET", ASSETS, _billboard),
    operation("GET", f"{ASSETS}/", _billboard),
    operation("GET", _PATH, _list),
    operation("POST", _PATH, _create),
    operation("GET", f"{_PATH}/root", _root),
    operation("GET", _ONE, _read),
    operation("PUT", _ONE, _change),
    operation("PATCH", _ONE, _change),
    operation("DELETE", _ONE, _delete),
    operation("POST", f"{_ONE}/move", _move),
    operation("GET", f"{_ONE}/aspects", _aspects),
    operation("GET", f"{_ONE}/variables", _variables),
    operation("PUT", f"{_ONE}/location", _put_location),
    operation("DELETE", f"{_ONE}/location", _delete_location),
    operation("GET", f"{ASSETS}/model/lock", _lock),
    operation("PUT", f"{ASSETS}/model/lock", _lock),
]
