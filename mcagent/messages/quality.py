"""Quality codes: OPC UA status codes as signed decimal text."""

from ..errors import InvalidMessage
from .text import at_point, shorten
from .values import is_integer_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GOOD = "0"
_MIN = -(2**31)
_SIGNED_END = 2**31
_UNSIGNED_END = 2**32


def quality_text(code: "Any") -> str:
    """The wire text of one quality code.

    Args:
        code: None for good, or a 32-bit OPC UA status, signed or unsigned, as int or as decimal
            text. The platform stores it signed (services API, 1.8), so 0x80340000 goes out as
            ``"-2144075776"``. Eight hexadecimal digits are refused: whether the platform reads
            them as decimal is unknown (agent API, 6.4.1).

    Raises:
        InvalidMessage: It is not such a number.
    """
    if code is None:
        return GOOD
    number = code
    if isinstance(code, str) and len(code) <= 11 and is_integer_text(code):
        number = int(code)
    if isinstance(number, bool) or not isinstance(number, int):
        raise _invalid(code)
    if not _MIN <= number < _UNSIGNED_END:
        raise _invalid(code)
    return str(number - _UNSIGNED_END if number >= _SIGNED_END else int(number))


def _invalid(code: "Any") -> InvalidMessage:
    return InvalidMessage(
        "the quality code %s is not a 32-bit integer" % shorten(code),
        hint="0 is good; otherwise give the OPC UA status code as an int or in decimal digits",
    )


def quality_texts(codes: "Any", names: "list[str]") -> "list[str]":
    """The wire text for each of *names*.

    Args:
        codes: One code for all, or a dict of codes by data point id; who is not in it is good.

    Raises:
        InvalidMessage: A code is invalid, or the dict names a data point that has no value here.
    """
    if not isinstance(codes, dict):
        return [quality_text(codes)] * len(names)
    for name in codes:
        if name not in names:
            raise InvalidMessage(
                "data point %s has a quality code but no value" % shorten(name),
                hint="give both, or neither",
            )
    texts = []
    for name in names:
        try:
            texts.append(quality_text(codes.get(name)))
        except InvalidMessage as error:
            raise at_point(name, error)
    return texts
