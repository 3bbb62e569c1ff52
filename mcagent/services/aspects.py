"""What an asset's aspects hold: names, types and lengths of their variables.

Asked of asset management once for each asset, so that a wrong name or value is found before it is
sent. Who may not read it (scope asm.r) works without: then the platform finds out.
"""

import re
from typing import NamedTuple

from ..errors import InvalidMessage, RemoteError
from ..messages.text import shorten
from .paging import hal_page, numbered
from .query import path
from .records import checked_select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

    from .session import Session

_ASSETS = "/api/assetmanagement/v3/assets"
_PAGE = 100
# "Queries with the URL parameter latestValue are not available for String and Timestamp variables"
# (overview); whether for big strings is not said: treated alike.
NOT_LATEST = ("STRING", "BIG_STRING", "TIMESTAMP")
_ASSET_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")


class Variable(NamedTuple):
    """A variable of an aspect; `length` is None where its type's own counts."""

    name: str
    type: str
    unit: str = ""
    length: "int | None" = None
    has_quality: bool = True


class Aspects:
    """The aspects of assets, each asked for once.

    Args:
        session: The way to the platform.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._known: "dict[str, dict[str, dict[str, Variable]] | None]" = {}

    def of(self, asset: str, *, again: bool = False) -> "dict[str, dict[str, Variable]] | None":
        """Dynamic aspect to variables by name; None where this session may not know.

        Args:
            asset: Its id.
            again: Ask even if that was asked before.

        Raises:
            InvalidMessage: *asset* is no id.
            RemoteError: There is no such asset.
        """
        check_asset_id(asset)
        if again or asset not in self._known:
            self._known[asset] = self._read(asset)
        return self._known[asset]

    def selected(
        self, asset: str, aspect: str, select: "Iterable[str] | None"
    ) -> "tuple[dict[str, Variable] | None, tuple[str, ...] | None]":
        """The variables of one aspect, and the names of *select*, each checked.

        Raises:
            InvalidMessage: One is no variable, or as for `variables`.
        """
        variables = self.variables(asset, aspect)
        names = checked_select(select, None, aspect)
        if variables is not None and names is not None and not variables.keys() >= set(names):
            variables = self.variables(asset, aspect, again=True)
        return variables, checked_select(
            names, None if variables is None else tuple(variables), aspect
        )

    def variables(
        self, asset: str, aspect: str, *, again: bool = False
    ) -> "dict[str, Variable] | None":
        """The variables of one aspect; None where this session may not know.

        Args:
            asset: Its id.
            aspect: Its name.
            again: Ask even if that was asked before: one may have been added meanwhile.

        Raises:
            InvalidMessage: The asset has no such aspect.
            RemoteError: There is no such asset.
        """
        aspects = self.of(asset, again=again)
        if not again and aspects is not None and aspect not in aspects:
            aspects = self.of(asset, again=True)  # it may have been made meanwhile
        if aspects is None:
            return None
        if aspect not in aspects:
            raise InvalidMessage(
                f"asset {asset} has no aspect {shorten(aspect)}",
                hint=f"it has: {', '.join(sorted(aspects))[:300] or 'none'}",
            )
        return aspects[aspect]

    def _read(self, asset: str) -> "dict[str, dict[str, Variable]] | None":
        doing = f"reading the aspects of asset {asset}"

        def fetch(number: int) -> "Any":
            query = {"page": number, "size": _PAGE}
            answer = self._session.get_json(
                path(_ASSETS, asset, "aspects"), query, scope="asm.r", doing=doing
            )
            return hal_page(answer, "aspects", doing)

        try:
            return {
                str(aspect.get("name")): _variables(aspect.get("variables"))
                for aspect in numbered(fetch, size=_PAGE, doing=doing)
                # A static aspect is a description of the asset; it has no time series.
                if str(aspect.get("category") or "").lower() != "static"
            }
        except RemoteError as error:
            if error.status == 403 and "asm.r is missing" in error.message:
                return None
            raise


def check_asset_id(asset: str) -> None:
    """Check the form of an asset's id.

    Raises:
        InvalidMessage: It cannot be one.
    """
    if not isinstance(asset, str) or not _ASSET_ID.fullmatch(asset):
        raise InvalidMessage(
            f"{shorten(asset)} is not the id of an asset",
            hint="ids are 32 hexadecimal digits; mcagent assets lists them",
        )


def latest_names(
    variables: "dict[str, Variable]", names: "tuple[str, ...] | None", aspect: str
) -> "tuple[str, ...]":
    """The names that ``latestValue`` takes.

    Raises:
        InvalidMessage: One of *names* is not, or none is left.
    """
    other = "use newest() or a range, `mcagent timeseries newest` or `read`, for these types"
    for name in names or ():
        if variables[name].type in NOT_LATEST:
            raise InvalidMessage(
                f"the latest value of {name!r} cannot be asked for: it is a "
                f"{variables[name].type}",
                hint=other,
            )
    if names is not None:
        return names
    left = tuple(name for name in variables if variables[name].type not in NOT_LATEST)
    if not left:
        raise InvalidMessage(
            f"the latest values of aspect {aspect!r} cannot be asked for: only texts and times",
            hint=other,
        )
    return left


def _variables(value: "Any") -> "dict[str, Variable]":
    found = {}
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            length = entry.get("length")
            found[entry["name"]] = Variable(
                entry["name"],
                str(entry.get("dataType") or "").upper(),
                str(entry.get("unit") or ""),
                length if isinstance(length, int) and length > 0 else None,
                entry.get("qualityCode") is not False,
            )
    return found
