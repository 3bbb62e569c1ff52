"""`mcagent timeseries delete`: what is legal, asked for once more, and noted."""

import os
import sys

from ..services.records import show as show_time
from .common import show
from .exits import OK, NotComplete, UsageError, complain
from .platformnames import asset_id
from .platformsession import open_session
from .timerange import read_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..services.deletions import Deletion


def configure(_name: str, parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the range, and delete nothing"
    )
    parser.add_argument(
        "--delete-log",
        metavar="FILE",
        help="where the times of deletes are kept, because a tenant has one a day (default: "
        "$XDG_STATE_HOME/mcagent/deletes.json, else ~/.local/state/mcagent/deletes.json)",
    )


def run_delete(args: "argparse.Namespace") -> int:
    from ..services.timeseries import TimeSeries

    if args.until is None:
        raise UsageError("the end of the range is missing", hint="give --to TIME")
    with open_session(args) as session:
        args.asset = asset_id(session, args.asset)
        after_ms, until_ms = read_range(args, session.now_ms())
        series = TimeSeries(session, delete_log=args.delete_log or _default_log())
        what = (args.asset, args.aspect, after_ms, until_ms)
        # Checked before anybody is asked.
        deletion = series.delete(*what, dry_run=True)
        if args.dry_run:
            _report(args, deletion, "would be deleted", done=False)
            return OK
        if not args.yes:
            _ask(deletion)
        deletion = series.delete(*what)
    _report(args, deletion, "deleted; it may be visible for a while", done=True)
    return OK


def _ask(deletion: "Deletion") -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "mcagent timeseries delete asks first, and there is nobody to ask",
            hint="--yes deletes without asking",
        )
    sys.stderr.write(f"Delete all variables of {_words(deletion)} for ever? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotComplete("nothing was deleted")


def _report(args: "argparse.Namespace", deletion: "Deletion", words: str, *, done: bool) -> None:
    value = {
        "deleted": done,
        "asset": deletion.asset,
        "aspect": deletion.aspect,
        "from": show_time(deletion.after_ms),
        "to": show_time(deletion.until_ms),
        "unchecked": list(deletion.unchecked),
    }
    show(args, value, f"{_words(deletion)}: {words}")
    if not args.json:
        for unchecked in deletion.unchecked:
            complain("not checked: " + unchecked)


def _words(deletion: "Deletion") -> str:
    return (
        f"aspect {deletion.aspect!r} of asset {deletion.asset} after "
        f"{show_time(deletion.after_ms)} up to {show_time(deletion.until_ms)}"
    )


def _default_log() -> str:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "mcagent", "deletes.json")
