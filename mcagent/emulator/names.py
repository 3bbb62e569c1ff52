"""Words that are nearly right: which known one was meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str:
    """Give `; did you mean …?` for a word that is nearly one of *known*, else nothing."""
    close = get_close_matches(str(name)[:100], list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """Show a value that somebody sent, shortened, in a message about it."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
