"""Text that goes into a message: its length as the platform counts it, and what is refused."""

from ..errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SHOWN_CHARACTERS = 40


def count_units(text: str, what: str = "the text") -> int:
    """Count *text* in UTF-16 units, the strictest reading of "character" (services API, 1.8).

    *what* names it in the error.

    Raises:
        InvalidMessage: A lone surrogate: such text has no UTF-8 form.
    """
    try:
        data = text.encode()
    except UnicodeError:
        raise _lone_surrogate(text, what) from None
    if len(data) == len(text):
        return len(text)
    # MicroPython encodes lone surrogates without an error: as ED A0..BF, which is not UTF-8.
    at = data.find(b"\xed")
    while at >= 0:
        if data[at + 1] >= 0xA0:
            raise _lone_surrogate(text, what)
        at = data.find(b"\xed", at + 1)
    # Characters above U+FFFF take two units; F0 to F4 begin exactly those in UTF-8.
    units = len(text)
    for lead in (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4"):
        units += data.count(lead)
    return units


def _lone_surrogate(text: str, what: str) -> InvalidMessage:
    return InvalidMessage(
        "%s %s holds half of a surrogate pair" % (what, shorten(text)),
        hint="decode the source with its own encoding, and not with 'surrogateescape'",
    )


def shorten(value: "Any") -> str:
    """*value* for a message to people: one line of plain ASCII, at most about 40 characters."""
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return "%s… (%d characters)" % (_one_line(repr(value[:_SHOWN_CHARACTERS])), len(value))
    if isinstance(value, (bytes, bytearray)) and len(value) > _SHOWN_CHARACTERS:
        return "%d bytes" % len(value)
    if isinstance(value, int) and not -(10**40) < value < 10**40:
        return "an integer of more than 40 digits"  # CPython refuses to print very long ones
    shown = _one_line(repr(value))
    if len(shown) > _SHOWN_CHARACTERS + 2:
        return shown[:_SHOWN_CHARACTERS] + "…"
    return shown


def _one_line(shown: str) -> str:
    return " ".join(shown.split())


def at_point(name: "Any", error: InvalidMessage) -> InvalidMessage:
    """*error* again, naming the data point whose value it is about."""
    return InvalidMessage("data point %s: %s" % (shorten(name), error.message), hint=error.hint)


def require_text(
    what: str, value: "Any", max_units: int, source: str, *, empty: bool = False
) -> str:
    """Return *value* when it is text of 1 (0 where *empty*) to *max_units* characters.

    Args:
        what: Names the field in the error.
        source: Names the document that sets the limit.

    Raises:
        InvalidMessage: It is not, or it holds a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidMessage("%s is %s, not text" % (what, shorten(value)), hint="give a str")
    if not value and not empty:
        raise InvalidMessage("%s is empty" % what, hint="give at least one character")
    units = count_units(value, what)
    if units > max_units:
        raise InvalidMessage(
            "%s is %s: %d characters, %d allowed (%s)"
            % (what, shorten(value), units, max_units, source),
            hint="shorten it; a character above U+FFFF counts as two",
        )
    return value[:]  # plain text also where a subclass (an enum's member) was given
