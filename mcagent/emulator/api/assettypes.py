"""Aspect types and asset types over HTTP (services API 5.2 and 5.3)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import assets_types
from ..answers import Refusal, empty, json_object
from ..assets_types import ASPECT, ASSET
from ..filters import read_filter
from ..hal import Listing, check_accept, check_etag, etag_of, hal, page_of, resource
from .common import ASSETS, caller_of, hub_of, note_page, operation

_PATHS = {ASPECT: "aspecttypes", ASSET: "assettypes"}
_MEMBERS = {ASPECT: "aspectTypes", ASSET: "assetTypes"}
_KNOWN = frozenset(("id", "name", "tenantId", "scope", "category", "parentTypeId", "instantiable"))


def asset_listing(request: Request, member: str, sortable: frozenset[str]) -> Listing:
    """Tell how asset management lists; a page larger than today's limit is noted as a breach."""
    most = note_page(request, "asset_page_max")
    # Siemens' own tests against the platform read `_embedded` of lists in which nothing may be.
    embeds = hub_of(request).settings.embedded_when_empty
    return Listing(member, 10, most, "name,asc", sortable, embeds_nothing=embeds)


def check_unlocked(request: Request, db: sqlite3.Connection) -> None:
    """Refuse to change a model that is locked.

    Raises:
        Refusal: 403.
    """
    tenant = caller_of(request).tenant
    if db.execute("SELECT 1 FROM model_locks WHERE tenant = ?", (tenant,)).fetchone():
        raise Refusal(403, "The tenant's model is locked.")


class _Types:
    """The operations of one of the two kinds of types; both work alike."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._word = _PATHS[table]

    def url(self, request: Request) -> str:
        return f"{hub_of(request).base_url(request)}{ASSETS}/{self._word}"

    async def browse(self, request: Request) -> Response:
        hub, query = hub_of(request), request.query_params
        check_accept(request, hub.breaches)
        passes = read_filter(query.get("filter", ""), _KNOWN, ignore_unknown=True)
        with hub.store.reading() as db:
            types = assets_types.list_types(db, self._table, caller_of(request).tenant)
            listing = asset_listing(
                request, _MEMBERS[self._table], frozenset(("id", "name", "etag"))
            )
            return hal(
                page_of(
                    query,
                    [one for one in types if passes(one)],
                    listing,
                    self.url(request),
                    show=lambda one: self._shown(request, db, one),
                )
            )

    async def read(self, request: Request) -> Response:
        check_accept(request, hub_of(request).breaches)
        with hub_of(request).store.reading() as db:
            return resource(request, self._shown(request, db, self._found(request, db)))

    async def put(self, request: Request) -> Response:
        """Create with `If-None-Match: *` or with neither header; change with `If-Match`."""
        body = await json_object(request)
        tenant = caller_of(request).tenant
        type_id = request.path_params["type"]
        with hub_of(request).store.transaction() as db:
            check_unlocked(request, db)
            current = assets_types.find_type(db, self._table, type_id)
            if etag_of(request, "if-match") is None:
                if current is not None:
                    raise Refusal(412, f"{type_id[:140]} exists; change it with If-Match.")
                made = assets_types.create_type(db, self._table, type_id, body, tenant)
                return resource(request, self._shown(request, db, made), 201)
            current = self._found(request, db)
            check_etag(request, current["etag"])
            made = assets_types.change_type(db, self._table, current, body, tenant)
            return resource(request, self._shown(request, db, made))

    async def patch(self, request: Request) -> Response:
        body = await json_object(request)
        with hub_of(request).store.transaction() as db:
            check_unlocked(request, db)
            current = self._found(request, db)
            check_etag(request, current["etag"])
            # JSON merge patch (RFC 7396); all members are on the first level or lists.
            merged = {**current, **body}
            merged = {name: value for name, value in merged.items() if value is not None}
            tenant = caller_of(request).tenant
            made = assets_types.change_type(db, self._table, current, merged, tenant)
            return resource(request, self._shown(request, db, made))

    async def patch_variables(self, request: Request) -> Response:
        body = await json_object(request)
        with hub_of(request).store.transaction() as db:
            check_unlocked(request, db)
            current = self._found(request, db)
            check_etag(request, current["etag"])
            tenant = caller_of(request).tenant
            made = assets_types.change_variables(db, self._table, current, body, tenant)
        response = empty(204)
        response.headers["etag"] = str(made["etag"])
        return response

    async def delete(self, request: Request) -> Response:
        with hub_of(request).store.transaction() as db:
            check_unlocked(request, db)
            current = self._found(request, db)
            check_etag(request, current["etag"])
            assets_types.delete_type(db, self._table, current, caller_of(request).tenant)
        return empty(204)

    def _found(self, request: Request, db: sqlite3.Connection) -> dict[str, Any]:
        return assets_types.visible_type(
            db, self._table, request.path_params["type"], caller_of(request).tenant
        )

    def _shown(
        self, request: Request, db: sqlite3.Connection, one: dict[str, Any]
    ) -> dict[str, Any]:
        """Shape a type; an asset type shows its aspect types whole, and inherited if asked."""
        links = {"self": {"href": f"{self.url(request)}/{one['id']}"}}
        shown = {**one, "sharing": {"modes": []}, "_links": links}
        if self._table == ASSET:
            if request.query_params.get("exploded", "").lower() == "true":
                shown = {
                    **assets_types.exploded(db, one),
                    "sharing": {"modes": []},
                    "_links": links,
                }
            shown["aspects"] = [
                {
                    "name": aspect["name"],
                    "aspectId": aspect["aspectTypeId"],
                    "aspectType": assets_types.find_type(db, ASPECT, aspect["aspectTypeId"]),
                }
                for aspect in shown["aspects"]
            ]
        return shown

    def routes(self) -> list[Route]:
        path = f"{ASSETS}/{self._word}"
        one = f"{path}/{{type}}"
        return [
            operation("GET", path, self.browse),
            operation("GET", one, self.read),
            operation("PUT", one, self.put),
            operation("PATCH", one, self.patch),
            operation("DELETE", one, self.delete),
            operation("PATCH", f"{one}/variables", self.patch_variables),
        ]


ROUTES = [*_Types(ASPECT).routes(), *_Types(ASSET).routes()]
