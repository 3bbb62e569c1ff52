"""The data types of time series: one table, which the documentation prints and the tests walk.

Each row names values on both sides of its limits, written out: they do not move with the numbers
that they show. `RecordEncoder` (recordencoder.py) is what
keeps them; `mcagent.limits` and `mcagent.messages.values` hold the numbers and the checks, the
same as for agents.
"""

from decimal import Decimal
from typing import NamedTuple

from ..limits import (
    BIG_STRING_MAX_CHARACTERS,
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    STRING_MAX_CHARACTERS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NINES = "9.9999999999999999999999999999999999999E+125"  # 38 of them


class TypeRow(NamedTuple):
    """A type: what is taken, what is refused, and the words of the documentation.

    `counted` are bytes of a value by the service's counting rule; None for two a character.
    `good` and `bad` hold (what it shows, value) pairs.
    """

    type: str
    counted: "int | None"
    limit: str
    good: "tuple[tuple[str, Any], ...]"
    bad: "tuple[tuple[str, Any], ...]"


TYPES = (
    TypeRow(
        "INT",
        4,
        f"{INT_MIN:_} to {INT_MAX:_}".replace("_", " "),
        (("least", -2_147_483_648), ("greatest", 2_147_483_647)),
        (
            ("below the least", -2_147_483_649),
            ("above the greatest", 2_147_483_648),
            ("a fraction", 1.5),
            ("a boolean", True),
            ("text that is no number", "1L"),
        ),
    ),
    TypeRow(
        "LONG",
        8,
        f"{LONG_MIN:_} to {LONG_MAX:_}".replace("_", " "),
        (
            ("least", -9_223_372_036_854_775_808),
            ("greatest", 9_223_372_036_854_775_807),
            ("beyond a double's digits", 2**53 + 1),
        ),
        (
            ("below the least", -9_223_372_036_854_775_809),
            ("above the greatest", 9_223_372_036_854_775_808),
        ),
    ),
    TypeRow(
        "DOUBLE",
        8,
        f"0, or a magnitude of 1E-130 to {_NINES}; 38 digits",
        (
            ("zero", 0.0),
            ("least magnitude", Decimal("1E-130")),
            ("least magnitude, negative", Decimal("-1E-130")),
            ("greatest", Decimal(_NINES)),
            ("greatest, negative", Decimal("-" + _NINES)),
            ("the same as floats", 1e-130),
            ("the last float", 9.999999999999998e125),
            ("38 digits", Decimal("1.2345678901234567890123456789012345678")),
            ("a whole number", 3),
            ("numeric text", "21.40"),
        ),
        (
            ("below the least magnitude", Decimal(_NINES[:-5] + "E-131")),
            ("below the least magnitude, negative", Decimal("-" + _NINES[:-5] + "E-131")),
            ("above the greatest", Decimal("1E+126")),
            ("above the greatest, negative", Decimal("-1E+126")),
            ("the float below the least magnitude", 9.999999999999999e-131),
            ("the float above the greatest", 1e126),
            ("the same, negative", -1e126),
            ("39 digits", Decimal("1.23456789012345678901234567890123456789")),
            ("not a number", float("nan")),
            ("infinity", float("inf")),
            ("a boolean", True),
        ),
    ),
    TypeRow(
        "BOOLEAN",
        1,
        "`true`, `false`",
        (("true", True), ("false", False)),
        (("a number", 1), ("another word", "yes")),
    ),
    TypeRow(
        "STRING",
        None,
        f"{STRING_MAX_CHARACTERS} characters, and the variable's own length",
        (
            ("255 characters", "x" * 255),
            ("127 characters above U+FFFF count 254", "\U0001f600" * 127),
        ),
        (
            ("256 characters", "x" * 256),
            ("128 characters above U+FFFF count 256", "\U0001f600" * 128),
            ("a number", 1.10),
            ("half of a surrogate pair", "\ud83d"),
        ),
    ),
    TypeRow(
        "BIG_STRING",
        None,
        f"{BIG_STRING_MAX_CHARACTERS:_} characters, and the variable's own length".replace(
            "_", " "
        ),
        (("100 000 characters", "x" * 100_000),),
        (("100 001 characters", "x" * 100_001), ("a list", ["a"])),
    ),
    TypeRow(
        "TIMESTAMP",
        8,
        "years 1970 to 9999, to the millisecond; finer digits are cut off",
        (
            ("milliseconds since 1970", 1_767_600_000_000),
            ("the text itself", "2026-01-05T08:00:00.000Z"),
            ("the last", 253_402_300_799_999),
        ),
        (
            ("after the last", 253_402_300_800_000),
            ("before the first", -1),
            ("another form of text", "5 January 2026"),
        ),
    ),
)


class StringRow(NamedTuple):
    """One of the platform's ten examples for strings in region Europe 2.

    `fragment` is what stands on the wire after the colon; `value` is the Python value that it is
    meant to be; `taken` is whether the platform takes it.
    """

    fragment: str
    value: "Any"
    taken: bool


# Source: the platform's IoT Time Series overview, "For region Europe 2".
EUROPE_2 = (
    StringRow('"test big string data"', "test big string data", True),
    StringRow("\"[{'a':'b'}]\"", "[{'a':'b'}]", True),
    StringRow('"[{\\"a\\":\\"b\\"}]"', '[{"a":"b"}]', True),
    StringRow('"[\\"a\\"]"', '["a"]', True),
    StringRow("1.10", 1.10, False),
    StringRow("1L", "1L", False),
    StringRow("true", True, False),
    StringRow('"["a"]"', '["a"]', False),
    StringRow('"[{"a":"b"}]"', '[{"a":"b"}]', False),
    StringRow('[{"a":"b"}]', [{"a": "b"}], False),
)


def types_markdown() -> str:
    """The table of types, as docs/services.md prints it."""
    lines = ["| type | range or length | counted bytes |", "|---|---|---:|"]
    lines += [f"| {row.type} | {row.limit} | {row.counted or '2 a character'} |" for row in TYPES]
    return "\n".join(lines)


def strings_markdown() -> str:
    """The ten examples, as docs/services.md prints them."""
    lines = ["| on the wire | Europe 2 | from Python |", "|---|---|---|"]
    for row in EUROPE_2:
        ours = "sent so" if row.taken else _instead(row.value)
        lines.append(f"| `{row.fragment}` | {'taken' if row.taken else 'refused'} | {ours} |")
    return "\n".join(lines)


def _instead(value: "Any") -> str:
    if not isinstance(value, str):
        return f"`{value!r}` is refused before it is sent"
    from ..runtime import json_string

    return f"`{value!r}` is sent as `{json_string(value)}`"
