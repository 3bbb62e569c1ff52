"""`mcagent model`: describe the device's data points, or show the description."""

import json
import sys

from ..errors import InvalidMessage
from .common import (
    add_json_option,
    add_network_options,
    count,
    open_agent,
    show,
    state_directory,
)
from .consent import add_writing_options
from .exits import OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..messages.datamodel import DataModel


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="JSON file with configurationId and dataSources, as the platform writes them, each "
        "text point with its length if it has one ('-': standard input); without it the present "
        "model is shown",
    )
    parser.add_argument(
        "--lose-mappings",
        action="store_true",
        help="name the mappings that the present model would delete on the platform, and consent "
        "to that; beside a running service, too",
    )
    add_writing_options(parser, asks=True)
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    if args.lose_mappings:
        if args.file is not None:
            raise UsageError(
                "--lose-mappings names what the present model deletes, and FILE is a new one",
                hint=f"mcagent model {args.file} first, then mcagent model --lose-mappings",
            )
        from .modelconsent import run_consent

        return run_consent(args)
    if args.dry_run or args.yes:
        raise UsageError("--dry-run and --yes are for --lose-mappings", hint="leave them out")
    return _show(args) if args.file is None else _submit(args)


def _submit(args: "argparse.Namespace") -> int:
    from ..messages.datamodel import DataModel

    model = DataModel.parse(_read(args.file))
    with open_agent(args) as agent:
        changed = model != agent.model
        agent.submit(model)
    text = f"stored the data model {model.id!r}: {count(len(model.points), 'data point')}"
    if not changed:
        text = f"the data model {model.id!r} is the present one already"
    value = {"model": model.id, "points": len(model.points), "changed": changed}
    show(args, value, text)
    return OK


def _show(args: "argparse.Namespace") -> int:
    """Works while a service owns the directory: model.json is replaced as a whole."""
    from ..modelstore import ModelStore
    from ..runtime import FileSystem
    from .display import table

    store = ModelStore(state_directory(args), FileSystem())
    problem = store.load()
    if problem:
        raise InvalidMessage(problem, hint="mcagent model FILE writes it anew")
    if store.model is None:
        raise InvalidMessage(
            "there is no data model yet", hint="mcagent model FILE describes the data points"
        )
    header = ("source", "data point", "type", "unit", "length", "description")
    text = f"data model {store.model.id}\n" + table(_rows(store.model), header)
    show(args, store.model.to_state(), text)
    return OK


def _rows(model: "DataModel") -> "list[tuple[str, str, str, str, int | None, str]]":
    return [
        (source.name, point.id, point.type, point.unit, point.length, point.description)
        for source in model.sources
        for point in source.data_points
    ]


def _read(path: str) -> bytes:
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        data = data.removeprefix(b"\xef\xbb\xbf")  # editors of Windows put one in front
        json.loads(data)
        return data
    except OSError as error:
        raise InvalidMessage(
            f"cannot read {path}: {error.strerror}", hint="is the path right?"
        ) from error
    except ValueError as error:
        raise InvalidMessage(
            f"{path} is not JSON: {error}",
            hint='a model is {"configurationId": "press-7", "dataSources": [...]}',
        ) from error
