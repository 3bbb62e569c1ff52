"""Filter and order of the file service: `name eq pump*.log and path eq logs/` (services API 3.3).

Fields `name`, `path` and `updated`; `eq` or `=`, `gt`, `gte`, `lt`, `lte`, joined by `and` alone;
quotes may be left out; `*` stands for anything in `eq` of names and paths.
"""

import re
from collections.abc import Callable
from typing import Any

from .answers import Refusal
from .times import parse_time

FIELDS = ("name", "path", "updated")
Test = Callable[[dict[str, Any]], bool]

# Not from the middle of a run of blanks: it would be tried again for each of them.
_AND = re.compile(r"(?<!\s)\s+and\s+", re.IGNORECASE)
_TERM = re.compile(r"(name|path|updated)\s*(?:\s(eq|gte|gt|lte|lt)\s|(=))\s*(.*)", re.IGNORECASE)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "gt": lambda value, wanted: bool(value > wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "lte": lambda value, wanted: bool(value <= wanted),
}


def read_file_filter(text: str) -> "Test | None":
    """Read a filter; None if it is none that can be read.

    The service ignores such a filter and answers with everything: a client that deletes what it
    found must look again.
    """
    tests = []
    for term in _AND.split(text.strip()) if text.strip() else []:
        test = _term(term)
        if test is None:
            return None
        tests.append(test)
    return lambda file: all(test(file) for test in tests)


def _term(term: str) -> "Test | None":
    match = _TERM.fullmatch(term.strip())
    if match is None:
        return None
    field = match[1].lower()
    word = (match[2] or "eq").lower()
    wanted = _unquoted(match[4].strip())
    if wanted is None:
        return None
    compare = _COMPARE[word]
    if field == "updated":
        try:
            limit = parse_time(wanted)
        except ValueError:
            return None
        return lambda file: compare(file["updated_ms"], limit)
    if word == "eq":
        return lambda file: matches(wanted, file[field])
    return lambda file: compare(file[field], wanted)


def _unquoted(text: str) -> "str | None":
    """Take the quotes off; None if only one is there."""
    for quote in "'\"":
        if text[:1] == quote or text[-1:] == quote:
            whole = len(text) >= 2 and text[0] == text[-1] and quote not in text[1:-1]
            return text[1:-1] if whole else None
    return text


def matches(pattern: str, text: str) -> bool:
    """Compare with `*` for any text, in a time that no pattern can make long."""
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == text
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    if not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def sorted_files(files: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    """Sort by `name asc`, `path desc` and the like; `""` leaves the order of creation.

    Raises:
        Refusal: 400, not of that form.
    """
    words = order.lower().split()
    if not words:
        return files
    if len(words) > 2 or words[0] not in FIELDS or words[1:] not in ([], ["asc"], ["desc"]):
        raise Refusal(400, f"order must be one of {', '.join(FIELDS)}, with asc or desc.")
    key = "updated_ms" if words[0] == "updated" else words[0]
    return sorted(files, key=lambda file: file[key], reverse=words[1:] == ["desc"])
