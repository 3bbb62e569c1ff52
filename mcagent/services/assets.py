"""Assets and their types (services API 5)."""

import json
from typing import Any, Iterator

from ..errors import RemoteError
from ..transport.http import Response
from .assets_values import Aspect, AspectType, Asset, AssetType
from .listing import HAL, hal_get, hal_list
from .query import path
from .session import Session

_BASE = "/api/assetmanagement/v3"
_PAGE_SIZE = 100  # the cap is 200 since 2023
_GONE = (200, 204, 404)
_MERGE = "application/merge-patch+json"  # RFC 7396


class Assets:
    """Asset management, as far as devices and their data need it.

        turbine = Assets(session).find("Turbine 01")

    Args:
        session: Whose credentials need the scopes ``asm.*`` and ``atm.*``; an agent's own token
            may read.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- assets -----------------------------------------------------------------------------

    def root(self) -> Asset:
        """The tenant's root asset."""
        return Asset.from_wire(self._get("assets", "root", scope="asm.r", doing="the root asset"))

    def get(self, asset_id: str) -> Asset:
        """One asset.

        Raises:
            RemoteError: 404: there is none with this id.
        """
        doing = f"reading asset {asset_id}"
        return Asset.from_wire(self._get("assets", asset_id, scope="asm.r", doing=doing))

    def list(
        self,
        *,
        name: "str | None" = None,
        parent_id: "str | None" = None,
        type_id: "str | None" = None,
        external_id: "str | None" = None,
    ) -> "Iterator[Asset]":
        """Assets that have all of what is given."""
        wanted = {
            member: value
            for member, value in (
                ("name", name),
                ("parentId", parent_id),
                ("typeId", type_id),
                ("externalId", external_id),
            )
            if value is not None
        }
        query = {"filter": json.dumps(wanted)} if wanted else {}
        for wire in hal_list(
            self._session,
            f"{_BASE}/assets",
            "assets",
            query,
            size=_PAGE_SIZE,
            scope="asm.r",
            doing="listing assets",
        ):
            # What a filter does not know it ignores, so everything might come.
            if all(_same(member, wire.get(member), value) for member, value in wanted.items()):
                yield Asset.from_wire(wire)

    def find(self, name: str, *, parent_id: "str | None" = None) -> "Asset | None":
        """The asset of a name; None where there is none.

        Raises:
            RemoteError: There are several; give the parent.
        """
        found = list(self.list(name=name, parent_id=parent_id))
        if len(found) > 1:
            places = ", ".join(one.id for one in found[:5])
            raise RemoteError(
                f"{len(found)} assets are called {name!r}: {places}",
                status=200,
                hint="name it by its id",
            )
        return found[0] if found else None

    def create(self, asset: Asset) -> Asset:
        """Make an asset below its `parent_id`; give it with its id.

        Where the answer is lost it may be there all the same: look before it is made again.
        """
        doing = f"making asset {asset.name}"
        answer = self._session.call(
            "POST",
            f"{_BASE}/assets",
            document=asset.to_wire(),
            headers=HAL,
            scope="asm.c",
            doing=doing,
        )
        return Asset.from_wire(self._session.parse_made(answer, doing, "assetId"))

    def change(self, before: Asset, after: Asset) -> Asset:
        """Change what differs between two.

        Raises:
            RemoteError: 412: somebody changed it since *before* was read.
        """
        held, wanted = before.to_wire(), after.to_wire()
        patch = {name: value for name, value in wanted.items() if held.get(name) != value}
        if not patch:
            return before
        doing = f"changing asset {before.name}"
        answer = self._session.call(
            "PATCH",
            path(f"{_BASE}/assets", before.id),
            document=patch,
            headers={**HAL, "Content-Type": _MERGE, "If-Match": str(before.etag)},
            scope="asm.u",
            doing=doing,
        )
        return Asset.from_wire(self._session.parse(answer, doing))

    def delete(self, asset: Asset) -> None:
        """Delete an asset with its time series and files; one that is gone is as good.

        Raises:
            RemoteError: 400: it has children, or an agent; 412: somebody changed it meanwhile.
        """
        self._session.call(
            "DELETE",
            path(f"{_BASE}/assets", asset.id),
            headers={**HAL, "If-Match": str(asset.etag)},
            scope="asm.d",
            doing=f"deleting asset {asset.name}",
            expect=_GONE,
        )

    def aspects(self, asset_id: str) -> "tuple[Aspect, ...]":
        """What an asset records and what describes it, with all variables."""
        wires = hal_list(
            self._session,
            path(f"{_BASE}/assets", asset_id, "aspects"),
            "aspects",
            {},
            size=_PAGE_SIZE,
            scope="asm.r",
            doing=f"reading the aspects of asset {asset_id}",
        )
        return tuple(Aspect.from_wire(wire) for wire in wires)

    # -- types ------------------------------------------------------------------------------

    def aspect_type(self, type_id: str) -> "AspectType | None":
        """One aspect type; None where there is none."""
        wire = self._find("aspecttypes", type_id, scope="atm.apt.r")
        return None if wire is None else AspectType.from_wire(wire)

    def asset_type(self, type_id: str) -> "AssetType | None":
        """One asset type with what is its own; None where there is none."""
        wire = self._find("assettypes", type_id, scope="atm.r")
        return None if wire is None else AssetType.from_wire(wire)

    def aspect_types(self) -> "Iterator[AspectType]":
        for wire in self._types("aspecttypes", "aspectTypes", scope="atm.apt.r"):
            yield AspectType.from_wire(wire)

    def asset_types(self) -> "Iterator[AssetType]":
        for wire in self._types("assettypes", "assetTypes", scope="atm.r"):
            yield AssetType.from_wire(wire)

    def put_aspect_type(self, wanted: AspectType) -> AspectType:
        """Make an aspect type (`etag` is None), or replace the version that `etag` names.

        The platform lets types grow only: variables are added, units change.

        Raises:
            RemoteError: 412: it exists already, or somebody changed it.
        """
        answer = self._put("aspecttypes", wanted.id, wanted.to_wire(), wanted.etag, "atm.apt.w")
        return AspectType.from_wire(answer)

    def put_asset_type(self, wanted: AssetType) -> AssetType:
        """Make an asset type (`etag` is None), or replace the version that `etag` names.

        Raises:
            RemoteError: 412: it exists already, or somebody changed it.
        """
        answer = self._put("assettypes", wanted.id, wanted.to_wire(), wanted.etag, "atm.w")
        return AssetType.from_wire(answer)

    # -- private ----------------------------------------------------------------------------

    def _get(self, *segments: str, scope: str, doing: str) -> "dict[str, Any]":
        answer = hal_get(self._session, path(_BASE, *segments), (), scope=scope, doing=doing)
        return answer if isinstance(answer, dict) else {}

    def _find(self, kind: str, type_id: str, *, scope: str) -> "dict[str, Any] | None":
        doing = f"reading type {type_id}"
        answer = self._session.call(
            "GET",
            path(_BASE, kind, type_id),
            headers=HAL,
            scope=scope,
            doing=doing,
            expect=(200, 404),
        )
        return None if answer.status == 404 else self._parsed(answer, doing)

    def _types(self, kind: str, member: str, *, scope: str) -> "Iterator[dict[str, Any]]":
        return hal_list(
            self._session,
            path(_BASE, kind),
            member,
            {},
            size=_PAGE_SIZE,
            scope=scope,
            doing=f"listing {member}",
        )

    def _put(
        self, kind: str, type_id: str, wire: "dict[str, Any]", etag: "int | None", scope: str
    ) -> "dict[str, Any]":
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": str(etag)}
        doing = f"{'making' if etag is None else 'changing'} type {type_id}"
        answer = self._session.call(
            "PUT",
            path(_BASE, kind, type_id),
            document=wire,
            headers={**HAL, **condition},
            scope=scope,
            doing=doing,
        )
        return self._parsed(answer, doing)

    def _parsed(self, answer: Response, doing: str) -> "dict[str, Any]":
        return self._session.parse_object(answer, doing)


def _same(member: str, held: "Any", wanted: str) -> bool:
    if member == "typeId":  # ids of types are compared without their case (services API 5.3)
        return str(held).lower() == wanted.lower()
    return bool(held == wanted)
