"""How CSV is written where somebody lives: `--delimiter` and `--decimal`, in and out."""

import re

from ..errors import InvalidMessage
from .exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]+([.,])?[0-9]*|([.,])[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FRACTIONS = ("DOUBLE", None)  # types of columns that may have some; None: by the look of a cell


def add_csv_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--delimiter",
        metavar="CHAR",
        help="between CSV cells (default: ',', with a decimal comma ';')",
    )
    parser.add_argument(
        "--decimal",
        choices=(".", ","),
        metavar="SIGN",
        help="before the fraction of a number in CSV: '.' (default) or ','",
    )


def csv_form(args: "argparse.Namespace", *, is_csv: bool) -> "tuple[str, str]":
    """Delimiter and decimal sign.

    Raises:
        UsageError: No such delimiter, or one of both was given and this is no CSV.
    """
    if not is_csv and (args.delimiter or args.decimal):
        raise UsageError("--delimiter and --decimal are for CSV", hint="leave them out")
    decimal = args.decimal or "."
    delimiter = args.delimiter if args.delimiter is not None else ",;"[decimal == ","]
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise UsageError(
            "--delimiter is one character, no quote", hint="a tab is --delimiter $'\\t'"
        )
    return delimiter, decimal


def with_point(text: str, data_type: "str | None") -> str:
    """A cell of a file with decimal commas as one with points.

    Raises:
        InvalidMessage: A number has a point: 1.500 may be 1500 there.
    """
    number = _NUMBER.fullmatch(text.strip()) if data_type in _FRACTIONS else None
    if number is None:
        return text
    if "." in number.groups():
        raise InvalidMessage(
            f"{text[:40]!r} has a point, and the file decimal commas",
            hint="write it without separators of thousands, or leave --decimal out",
        )
    return text.replace(",", ".")


def with_comma(value: "Any") -> "Any":
    """A cell for such a file."""
    text = str(value)
    is_number = not isinstance(value, (bool, str)) and "." in text
    return text.replace(".", ",") if is_number else value
