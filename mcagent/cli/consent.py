"""Ask before something is deleted; say what would be done instead of doing it."""

import sys

from .exits import NotComplete, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add_writing_options(parser: "argparse.ArgumentParser", *, asks: bool) -> None:
    """`--dry-run`, and where the command asks before it does its work `--yes`."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and change nothing"
    )
    if asks:
        parser.add_argument("--yes", action="store_true", help="do not ask")


def ask(args: "argparse.Namespace", question: str) -> None:
    """Go on where ``--yes`` was given or a person says yes.

    Raises:
        UsageError: There is nobody to ask.
        NotComplete: The answer is another.
    """
    if args.yes:
        return
    if not sys.stdin.isatty():
        command = " ".join(filter(None, (args.command, getattr(args, "action", ""))))
        raise UsageError(
            f"mcagent {command} asks first, and there is nobody to ask: {question}",
            hint="--yes goes on without asking; --dry-run shows what would be done",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotComplete("nothing was changed")
