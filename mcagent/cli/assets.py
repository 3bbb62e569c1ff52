"""`mcagent assets`: assets, their aspects, and their types."""

import json

from .actions import Action, add_actions, run_action
from .common import show
from .consent import add_writing_options, ask
from .exits import OK
from .platformnames import named_asset
from .platformsession import open_session
from .rowsout import add_format_option, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..services.assets_values import Asset

_COLUMNS = ("name", "id", "type", "parent", "externalId", "description")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "assets", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _asset_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("asset", metavar="ASSET", help="name or id; root is the tenant's root")


def _ls_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--parent", metavar="ASSET", help="only below this asset, name or id")
    parser.add_argument("--type", metavar="ID", help="only of this asset type")
    parser.add_argument("--name", metavar="NAME", help="only with exactly this name")
    add_format_option(parser)


def _aspects_options(parser: "argparse.ArgumentParser") -> None:
    _asset_option(parser)
    add_format_option(parser)


def _types_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--aspects", action="store_true", help="aspect types instead")
    add_format_option(parser)


def _create_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("name", metavar="NAME", help="1 to 128 characters, no slash")
    parser.add_argument("--type", metavar="ID", required=True, help="its asset type")
    parser.add_argument(
        "--parent", metavar="ASSET", default="root", help="below which asset (default: the root)"
    )
    parser.add_argument("--external-id", metavar="ID", default="", help="a number of your own")
    add_writing_options(parser, asks=False)


def _delete_options(parser: "argparse.ArgumentParser") -> None:
    _asset_option(parser)
    add_writing_options(parser, asks=True)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.assets import Assets

    with open_session(args) as session:
        parent = named_asset(session, args.parent).id if args.parent else None
        found = Assets(session).list(parent_id=parent, type_id=args.type, name=args.name)
        write_rows(args, "assets", _COLUMNS, map(_row, found), shown=_COLUMNS[:4])
    return OK


def _row(asset: "Asset") -> "dict[str, Any]":
    return {
        "name": asset.name,
        "id": asset.id,
        "type": asset.type_id,
        "parent": asset.parent_id,
        "externalId": asset.external_id,
        "description": asset.description,
    }


def _show(args: "argparse.Namespace") -> int:
    with open_session(args) as session:
        asset = named_asset(session, args.asset)
    value = {
        **_row(asset),
        "timezone": asset.timezone,
        "location": asset.location.to_wire() if asset.location else None,
        "variables": asset.variables,
        "aspects": asset.aspects,
        "etag": asset.etag,
    }
    lines = [
        f"{name}: {json.dumps(held, ensure_ascii=False) if isinstance(held, dict) else held}"
        for name, held in value.items()
        if held not in (None, "", {})
    ]
    show(args, value, "\n".join(lines))
    return OK


def _aspects(args: "argparse.Namespace") -> int:
    from ..services.assets import Assets

    columns = ("aspect", "category", "variable", "type", "unit", "length", "quality")
    with open_session(args) as session:
        asset = named_asset(session, args.asset)
        rows = (
            {
                "aspect": aspect.name,
                "category": aspect.category,
                "variable": variable.name,
                "type": variable.data_type,
                "unit": variable.unit,
                "length": variable.length,
                "quality": variable.quality_code,
            }
            for aspect in Assets(session).aspects(asset.id)
            for variable in aspect.variables
        )
        write_rows(args, "variables", columns, rows)
    return OK


def _types(args: "argparse.Namespace") -> int:
    from ..services.assets import Assets

    with open_session(args) as session:
        assets = Assets(session)
        if args.aspects:
            rows = (
                {
                    "id": one.id,
                    "category": one.category,
                    "variables": [variable.name for variable in one.variables],
                }
                for one in assets.aspect_types()
            )
            write_rows(args, "aspectTypes", ("id", "category", "variables"), rows)
        else:
            kinds = (
                {
                    "id": one.id,
                    "parent": one.parent_type_id,
                    "aspects": [f"{name} {kind}" for name, kind in one.aspects],
                }
                for one in assets.asset_types()
            )
            write_rows(args, "assetTypes", ("id", "parent", "aspects"), kinds)
    return OK


def _create(args: "argparse.Namespace") -> int:
    from ..errors import InvalidMessage
    from ..services.assets import Assets
    from ..services.assets_values import Asset

    if not 1 <= len(args.name) <= 128 or set(args.name) & set("/\\"):
        raise InvalidMessage(
            f"{args.name[:80]!r} is no name for an asset", hint="1 to 128 characters, no slash"
        )
    with open_session(args) as session:
        parent = named_asset(session, args.parent)
        wanted = Asset("", args.name, args.type, parent.id, external_id=args.external_id)
        if args.dry_run:
            words = f"would make {args.name} ({args.type}) below {parent.name}"
            show(args, {"created": False, **_row(wanted)}, words)
            return OK
        made = Assets(session).create(wanted)
    show(args, {"created": True, **_row(made)}, f"{made.name}: {made.id}")
    return OK


def _delete(args: "argparse.Namespace") -> int:
    from ..services.assets import Assets

    with open_session(args) as session:
        asset = named_asset(session, args.asset)
        if not args.dry_run:
            ask(args, f"Delete asset {asset.name} with its time series and files for ever?")
            Assets(session).delete(asset)
    words = "would be deleted" if args.dry_run else "deleted"
    show(args, {"asset": asset.id, "deleted": not args.dry_run}, f"{asset.name}: {words}")
    return OK


_ACTIONS = {
    "ls": Action("list assets", _ls_options, _ls),
    "show": Action("show one asset", _asset_option, _show),
    "aspects": Action("list the aspects and variables of an asset", _aspects_options, _aspects),
    "types": Action("list asset types, or aspect types", _types_options, _types),
    "create": Action("make an asset", _create_options, _create),
    "delete": Action("delete an asset; asks first", _delete_options, _delete),
}
