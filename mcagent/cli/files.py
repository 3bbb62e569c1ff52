"""`mcagent files`: files of assets, of any size."""

import os
import time

from .actions import Action, add_actions, run_action
from .common import count, show
from .consent import add_writing_options, ask
from .display import open_display
from .exits import OK
from .halfway import one_by_one, told_when_interrupted
from .platformnames import asset_id
from .platformsession import open_session
from .rowsout import add_format_option, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from .display import Display

_COLUMNS = ("name", "size", "updated", "type", "description", "timestamp", "created", "etag")
_SHOWN = ("name", "size", "updated", "type", "description")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "files", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _asset_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("asset", metavar="ASSET", help="name or id of the asset")


def _ls_options(parser: "argparse.ArgumentParser") -> None:
    _asset_option(parser)
    add_format_option(parser)


def _put_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "file", metavar="FILE", help="the local file; it must not change meanwhile"
    )
    _asset_option(parser)
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="name on the platform, such as logs/pump.log (default: FILE's)",
    )
    parser.add_argument("--type", metavar="TYPE", default="", help="media type, or any words")
    parser.add_argument("--description", metavar="TEXT", default="", help="kept beside the bytes")
    parser.add_argument("--replace", action="store_true", help="replace a file of that name")
    parser.add_argument(
        "--part-mb", metavar="N", type=float, default=8.0, help="MiB of a part, 5 or more (8)"
    )
    parser.add_argument(
        "--uploads",
        metavar="DIR",
        help="where unfinished uploads are noted (default: $XDG_STATE_HOME/mcagent/uploads, else "
        "~/.local/state/mcagent/uploads)",
    )
    add_writing_options(parser, asks=False)


def _get_options(parser: "argparse.ArgumentParser") -> None:
    _asset_option(parser)
    parser.add_argument("name", metavar="NAME", help="as the list shows it")
    parser.add_argument(
        "to", metavar="TO", nargs="?", help="local file (default: NAME's last part)"
    )
    parser.add_argument("--replace", action="store_true", help="replace a local file")


def _delete_options(parser: "argparse.ArgumentParser") -> None:
    _asset_option(parser)
    parser.add_argument("names", metavar="NAME", nargs="+", help="as the list shows them")
    add_writing_options(parser, asks=True)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.files import Files

    with open_session(args) as session:
        asset = asset_id(session, args.asset)
        rows = (
            {column: getattr(one, column) for column in _COLUMNS}
            for one in Files(session).list(asset)
        )
        write_rows(args, "files", _COLUMNS, rows, shown=_SHOWN)
    return OK


def _put(args: "argparse.Namespace") -> int:
    from ..services.files import Files
    from ..services.files_source import Source
    from ..services.files_values import FileMeta, check_name

    name = args.name or os.path.basename(args.file)
    check_name(name)
    with open_session(args) as session:
        asset, files = asset_id(session, args.asset), Files(session)
        if args.dry_run:
            size = Source(args.file).size
            there = files.find(asset, name)
            words = f"would upload {size} bytes to {args.asset} as {name}"
            words += f", replacing {there.size} bytes" if there else ""
            show(args, {"uploaded": False, "size": size, "replaces": bool(there)}, words)
            return OK
        with told_when_interrupted(_kept), open_display() as display:
            uploaded = files.upload(
                args.file,
                asset,
                name=name,
                meta=FileMeta(args.type, args.description),
                replace=args.replace,
                part_bytes=int(args.part_mb * 1_048_576),
                state_directory=args.uploads,
                on_progress=_Rate(display, "sent").told,
            )
    value: "dict[str, Any]" = {
        "uploaded": True,
        "asset": asset,
        "name": name,
        "size": uploaded.file.size,
        "sha256": uploaded.sha256,
        "partsSent": uploaded.parts_sent,
        "partsKept": uploaded.parts_kept,
    }
    kept = f" ({count(uploaded.parts_kept, 'part')} were there)" if uploaded.parts_kept else ""
    text = f"{name}: {uploaded.file.size} bytes{kept}\nSHA-256 {uploaded.sha256}"
    show(args, value, text)
    return OK


def _get(args: "argparse.Namespace") -> int:
    from ..services.files import Files

    to = args.to or args.name.rpartition("/")[2]
    with open_session(args) as session:
        asset = asset_id(session, args.asset)
        with told_when_interrupted(_kept), open_display() as display:
            done = Files(session).download(
                asset,
                args.name,
                to,
                replace=args.replace,
                on_progress=_Rate(display, "fetched").told,
            )
    value = {"file": to, "size": done.size, "sha256": done.sha256, "resumedAt": done.resumed_at}
    show(args, value, f"{to}: {done.size} bytes\nSHA-256 {done.sha256}")
    return OK


def _delete(args: "argparse.Namespace") -> int:
    from ..errors import InvalidMessage
    from ..services.files import Files

    with open_session(args) as session:
        asset, files = asset_id(session, args.asset), Files(session)
        missing = [name for name in args.names if files.find(asset, name) is None]
        if missing:
            raise InvalidMessage(
                f"{args.asset} has no file {', '.join(missing)}",
                hint=f"mcagent files ls {asset} lists them; nothing was deleted",
            )
        if not args.dry_run:
            ask(args, f"Delete {', '.join(args.names)} of {args.asset} for ever?")
            one_by_one(args.names, lambda name: files.delete(asset, name), "deleted")
    words = "would be deleted" if args.dry_run else "deleted"
    show(
        args, {"deleted": [] if args.dry_run else args.names}, f"{', '.join(args.names)}: {words}"
    )
    return OK


def _kept() -> "tuple[str, str]":
    return (
        "interrupted: the file is not complete",
        "what arrived is kept: the same command goes on",
    )


class _Rate:
    """Progress in bytes: how fast, and how long still. What an earlier run did is not counted."""

    def __init__(self, display: "Display", verb: str) -> None:
        self._display = display
        self._verb = verb
        self._begin = time.monotonic()
        self._first = -1
        self._done = -1

    def told(self, done: int, size: int) -> None:
        if done <= self._done:
            return  # a part that is sent once more
        self._done = done
        passed = time.monotonic() - self._begin
        if self._first < 0:
            self._first = done
        speed = (done - self._first) / passed if passed > 0.5 else 0.0
        left = f", {speed / 1e6:.1f} MB/s, {(size - done) / speed:.0f} s left" if speed else ""
        share = done / size if size else 1.0
        self._display.progress(
            share, f"{self._verb} {done / 1e6:.1f} of {size / 1e6:.1f} MB{left}"
        )


_ACTIONS = {
    "ls": Action("list the files of an asset", _ls_options, _ls),
    "put": Action("upload a file; after a cut, the same command goes on", _put_options, _put),
    "get": Action("download a file; after a cut, the same command goes on", _get_options, _get),
    "delete": Action("delete files; asks first", _delete_options, _delete),
}
