"""`mcagent file`: store a copy of a file."""

from .common import add_json_option, show
from .door import open_door
from .exits import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "path", help="the file; it may change or go away once the command has ended"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="its name on the platform (default: its own)"
    )
    parser.add_argument(
        "--type", metavar="TYPE", default="", help="its type, such as text/plain (default: none)"
    )
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..messages.file import File

    message = File(args.path, name=args.name, type=args.type)
    with open_door(args) as door:
        door.submit(message)
        place, owner = door.place, door.owner
    text = f"stored {message.name}" + (f" (left in the inbox: {owner})" if owner else "")
    show(args, {"name": message.name, "place": place}, text)
    return OK
