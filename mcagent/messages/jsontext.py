"""User objects as compact JSON: checked, and the same text on every interpreter.

The interpreters' own encoders are not used for objects: ujson calls methods of strangers and
rounds Decimal, json and MicroPython write NaN, MicroPython keeps no order of members and writes
``<object>`` for what it does not know.
"""

from ..errors import InvalidMessage
from ..runtime import float_text, json_string
from .text import count_units, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 32  # below every interpreter's recursion limit; nothing in the field comes near


def encode(value: "Any", what: str = "value") -> str:
    """Compact JSON text of *value*, members sorted by name.

    Args:
        value: None, bool, int, float, str, lists or tuples, and dicts with text keys.
        what: Names the value in errors; the path into it is added: ``details.limits[2]``.

    Raises:
        InvalidMessage: NaN, infinity, a lone surrogate, a key that is not text, any other type, or
            more than `MAX_DEPTH` levels (a value that contains itself, mostly).
    """
    return _encode(value, what, MAX_DEPTH)


def encode_object(value: "Any", what: str) -> str:
    """As `encode`, for fields that hold a JSON object; None counts as an empty one."""
    if value is None:
        return "{}"
    if not isinstance(value, dict):
        raise InvalidMessage(
            "%s is %s, not a JSON object" % (what, shorten(value)), hint="give a dict"
        )
    return _encode(value, what, MAX_DEPTH)


def _encode(value: "Any", path: str, depth: int) -> str:
    if isinstance(value, str):
        return _string(value, path)
    if value is None:
        return "null"
    if value is True or value is False:  # before int: True is an int on CPython only
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        if not value - value == 0:
            raise InvalidMessage(
                "%s is %s, which JSON cannot hold" % (path, shorten(value)),
                hint="leave the member out, or use None",
            )
        return float_text(value)
    if depth == 0:
        raise InvalidMessage(
            "%s lies deeper than %d levels" % (shorten(path), MAX_DEPTH),
            hint="does the value contain itself?",
        )
    if isinstance(value, dict):
        members = []
        for key in value:
            if not isinstance(key, str):
                raise InvalidMessage(
                    "%s has the key %s, which is not text" % (path, shorten(key)),
                    hint="use str(key)",
                )
        for key in sorted(value):
            inner = path + "." + key
            members.append(_string(key, inner) + ":" + _encode(value[key], inner, depth - 1))
        return "{" + ",".join(members) + "}"
    if isinstance(value, (list, tuple)):
        items = []
        for index, item in enumerate(value):
            items.append(_encode(item, "%s[%d]" % (path, index), depth - 1))
        return "[" + ",".join(items) + "]"
    raise InvalidMessage(
        "%s is %s, which has no JSON form" % (path, shorten(value)),
        hint="use text, numbers, booleans, None, lists and dicts",
    )


def _string(text: str, path: str) -> str:
    count_units(text, path)  # refuses lone surrogates
    return json_string(text[:])


def _integer(value: int, path: str) -> str:
    try:
        return str(int(value))
    except ValueError:  # CPython prints at most 4300 digits (CVE-2020-10735)
        raise InvalidMessage(
            "%s is an integer of thousands of digits" % path, hint="give it as text"
        ) from None
