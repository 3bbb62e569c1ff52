"""Read members of a description: their types, lengths and spelling, with the place of a fault."""

import difflib
import re
from typing import Any, Callable

NAME_IN_TYPE = re.compile(r"[A-Za-z0-9_]{1,64}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
TYPE_ID = re.compile(r"[A-Za-z0-9_]{1,8}\.[A-Za-z0-9_]{1,119}")
EVENT_TYPE_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
ASSET_ID = re.compile(r"[0-9a-f]{32}")


class Fault(ValueError):
    """One entry cannot be used; the text says why."""


class Faults:
    """Collects what is wrong, so that one run names all of it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def reading(self, where: str, read: "Callable[[], Any]") -> "Any":
        """What *read* gives; None where it found a fault, which is noted with its place."""
        try:
            return read()
        except Fault as fault:
            self.found.append(f"{where}: {fault}")
            return None


def entry_name(entry: "Any", number: int) -> str:
    """How an entry of a list is called in a message."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"'{name}'" if isinstance(name, str) and name else f"no. {number}"


def entries(holder: "dict[str, Any]", member: str) -> "list[Any]":
    value = holder.get(member)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Fault(f"{member} is {shown(value)}, not a list")
    return value


def obj(value: "Any", what: str, known: "tuple[str, ...]") -> "dict[str, Any]":
    """An object with no other members than *known* ones.

    Raises:
        Fault: It is something else, or has another member (with the one that it resembles).
    """
    if not isinstance(value, dict):
        raise Fault(f"{what} is {shown(value)}, not an object")
    for member in value:
        if member not in known:
            close = difflib.get_close_matches(str(member), known, 1)
            guess = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise Fault(f"{what} has no member {shown(member)}; {guess}")
    return value


def text(
    holder: "dict[str, Any]",
    member: str,
    most: int,
    *,
    default: "str | None" = None,
    pattern: "re.Pattern[str] | None" = None,
) -> str:
    """A text of 1 to *most* characters; with a *default* it may be missing."""
    value = holder.get(member)
    if value is None and default is not None:
        return default
    if value is None:
        raise Fault(f"{member} is missing")
    if not isinstance(value, str):
        # YAML reads 1.10 as a number and yes as a truth: say how to write a text.
        raise Fault(f"{member} is {shown(value)}, not text; put it into quotes")
    if not (1 if default is None else 0) <= len(value) <= most:
        raise Fault(f"{member} has {len(value)} characters, not 1 to {most}")
    if pattern is not None and not pattern.fullmatch(value):
        raise Fault(f"{member} is {shown(value)}, which has other characters than it may have")
    return value


def choice(
    holder: "dict[str, Any]",
    member: str,
    choices: "tuple[str, ...]",
    *,
    default: "str | None" = None,
) -> str:
    value = holder.get(member, default)
    if value not in choices:
        raise Fault(f"{member} is {shown(value)}, not one of {', '.join(choices)}")
    return str(value)


def flag(holder: "dict[str, Any]", member: str, *, default: bool) -> bool:
    value = holder.get(member, default)
    if not isinstance(value, bool):
        raise Fault(f"{member} is {shown(value)}, not true or false")
    return value


def whole(
    holder: "dict[str, Any]", member: str, low: int, high: int, *, default: "int | None" = None
) -> "int | None":
    value = holder.get(member, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Fault(f"{member} is {shown(value)}, not a whole number from {low} to {high}")
    return value


def number(holder: "dict[str, Any]", member: str, low: float, high: float) -> "float | None":
    value = holder.get(member)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise Fault(f"{member} is {shown(value)}, not a number from {low} to {high}")
    return float(value)


def named_values(holder: "dict[str, Any]", what: str) -> "dict[str, str]":
    """``[{name, value}]`` as a dict."""
    found: dict[str, str] = {}
    for entry in entries(holder, "variables"):
        one = obj(entry, f"a variable of {what}", ("name", "value"))
        name = text(one, "name", 64)
        if name in found:
            raise Fault(f"variable {name} of {what} occurs twice")
        found[name] = text(one, "value", 255, default="")
    return found


def unique(names: "list[str]", what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Fault(f"{what} {name} occurs twice")


def shown(value: "Any") -> str:
    words = repr(value)
    return words if len(words) <= 60 else words[:57] + "..."
