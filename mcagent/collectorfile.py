"""A collector's TOML file: sections whose members have names and types, and values out of text."""

import datetime as dt
import difflib
import math
import os
import sys
from decimal import Decimal
from importlib import import_module

from .errors import ConfigurationError, InvalidMessage
from .messages.text import shorten
from .messages.timestamp import check_ms
from .messages.values import CHECKERS, TEXT_TYPES, text_checker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
# What a member of such a name may be; seconds are those of ten years at most.
_RANGES: "dict[str, tuple[float, float]]"
_RANGES = {"port": (1, 65_535), "unit_id": (0, 255), "quota_mib": (1, 2**30)}
_SECONDS = (0, 320_000_000)
_ANY = (-math.inf, math.inf)
_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")
TIME_FORMATS = ("iso", "s", "ms")
_MOST_DIGITS = 30  # of milliseconds: any more is no time
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


class Section:
    """Members of a TOML table, checked; each is an attribute.

    Args:
        where: For errors: ``"press.toml: [modbus]"``.
        given: What the file says.
        known: Name to default, or to the type of what must be given; a tuple holds all values
            that may be given, first the default.
        others: Names that somebody else looks at.

    Raises:
        ConfigurationError: A member is missing, unknown or of another type.
    """

    def __init__(
        self,
        where: str,
        given: "dict[str, Any]",
        known: "dict[str, Any]",
        *,
        others: "dict[str, Any] | None" = None,
    ) -> None:
        self.where = where
        if not isinstance(given, dict):
            raise ConfigurationError(
                f"{where} is {shorten(given)}, not a table", hint="write it as a [section]"
            )
        for name in given:
            if name not in known and name not in (others or {}):
                alike = difflib.get_close_matches(name, known, 1)
                raise ConfigurationError(
                    f"{where}: there is no setting {name!r}",
                    hint=f"did you mean {alike[0]!r}?" if alike else f"known: {', '.join(known)}",
                )
        for name, default in known.items():
            setattr(self, name, _member(where, given, name, default))

    def __getattr__(self, name: str) -> "Any":
        raise AttributeError(f"{self.where} has no setting {name!r}")


def read_sections(
    path: str,
    agent: "dict[str, Any]",
    peer: str,
    settings: "dict[str, Any]",
    *,
    points: bool = True,
) -> "tuple[Section, Section, list[dict[str, Any]]]":
    """The sections ``[agent]`` and *peer* of the file *path*, and its ``[[points]]``, if any."""
    data = read_toml(path)
    known = ("agent", peer, "points") if points else ("agent", peer)
    for name in data:
        if name not in known:
            raise ConfigurationError(
                f"{path}: there is no section [{name}]", hint=f"known: {', '.join(known)}"
            )
    entries = data.get("points", [])
    if not isinstance(entries, list):
        raise ConfigurationError(
            f"{path}: [points] is one table", hint="head each point with [[points]]"
        )
    return (
        Section(f"{path}: [agent]", data.get("agent", {}), agent),
        Section(f"{path}: [{peer}]", data.get(peer, {}), settings),
        entries,
    )


def read_toml(path: str) -> "dict[str, Any]":
    """The file *path*.

    Raises:
        ConfigurationError: It cannot be read; the line is named where it is not TOML.
    """
    try:
        toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError:
        raise ConfigurationError(
            "Python 3.10 cannot read TOML by itself", hint="pip install tomli"
        )
    try:
        with open(path, "rb") as file:
            data: "dict[str, Any]" = toml.load(file)
            return data
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the collector's file {os.path.abspath(path)}: {error.strerror}",
            hint="copy one of examples/*.toml and name it on the command line",
        )
    except ValueError as error:  # of TOML, or of UTF-8
        raise ConfigurationError(f"{path} is not TOML: {error}", hint="text stands in quotes")


def value_of(data_type: str, raw: "Any", *, length: int = 0) -> "Any":
    """*raw*, text or a value out of JSON, as a value that a data point of *data_type* may have.

    Args:
        length: Characters that a text may have; 0: as many as its type.

    Raises:
        InvalidMessage: It is none.
    """
    value = _converted(data_type, raw)
    # A value that is out of range, or too long, would take its neighbours along.
    if data_type in TEXT_TYPES:
        text_checker(data_type, length or None)(value)
    elif data_type in CHECKERS:
        CHECKERS[data_type](value)
    return value


def _converted(data_type: str, raw: "Any") -> "Any":
    try:
        if data_type in ("STRING", "BIG_STRING"):
            return raw if isinstance(raw, str) else _refuse(data_type, raw)
        if data_type == "BOOLEAN":
            text = str(raw).strip().lower()
            return text in _TRUE if text in _TRUE + _FALSE else _refuse(data_type, raw)
        if raw is None or isinstance(raw, (bool, dict, list)):
            return _refuse(data_type, raw)
        if isinstance(raw, str) and "_" in raw:
            return _refuse(data_type, raw)  # to Python, 1_000 is a number
        if data_type == "TIMESTAMP":
            return raw
        if data_type == "DOUBLE":
            return float(raw)
        return raw if isinstance(raw, int) else int(str(raw).strip())  # 21.4 is no INT
    except (ValueError, OverflowError):
        return _refuse(data_type, raw)


def time_ms(raw: "Any", time_format: str) -> int:
    """Milliseconds since 1970 UTC; finer digits are cut off.

    Args:
        raw: Text with a zone for ``"iso"``, else a number or its text.
        time_format: One of `TIME_FORMATS`.

    Raises:
        InvalidMessage: It is no such time, or not of the years 1970 to 9999.
    """
    try:
        if time_format == "iso":
            # Python 3.10 knows no Z.
            moment = dt.datetime.fromisoformat(str(raw).strip().replace("Z", "+00:00"))
            if moment.tzinfo is not None:
                return check_ms((moment - _EPOCH) // dt.timedelta(milliseconds=1))
        elif not isinstance(raw, bool) and "_" not in str(raw):
            # By text: as floats, some milliseconds would come out one too early.
            exact = Decimal(str(raw).strip()) * (1000 if time_format == "s" else 1)
            if exact.adjusted() < _MOST_DIGITS:  # of 1e999999 int() is busy for half a minute
                return check_ms(int(exact))
    except (ValueError, ArithmeticError):  # decimals have an overflow of their own
        pass
    raise InvalidMessage(
        f"{shorten(raw)} is no time of format {time_format!r}",
        hint='time_format is "iso" (with a zone: 2026-01-05T08:00:00Z), or "s" or "ms" since 1970',
    )


def _member(where: str, given: "dict[str, Any]", name: str, default: "Any") -> "Any":
    choices = default if isinstance(default, tuple) else ()
    if choices:
        default = choices[0]
    kind = default if isinstance(default, type) else type(default)
    if name not in given:
        if default is kind:
            raise ConfigurationError(
                f"{where}: {name!r} is missing", hint=f"give {_KINDS.get(kind, kind.__name__)}"
            )
        return default
    value = given[name]
    if kind is float and type(value) is int and abs(value) < 2**63:
        value = float(value)
    if type(value) is not kind:
        raise ConfigurationError(
            f"{where}: {name} = {shorten(value)} is not {_KINDS.get(kind, kind.__name__)}",
            hint="text stands in quotes, numbers and true do not",
        )
    if isinstance(value, str) and not _is_said(name, value, needed=default is kind):
        raise ConfigurationError(
            f"{where}: {name} = {shorten(value)} says nothing", hint=f"give {_KINDS[str]}"
        )
    if isinstance(value, (int, float)):
        least, most = _RANGES.get(name, _SECONDS if name.endswith("_s") else _ANY)
        if not (math.isfinite(value) and least <= value <= most):
            raise ConfigurationError(
                f"{where}: {name} = {shorten(value)} cannot be",
                hint="give digits" if most == math.inf else f"{least:,} to {most:,}",
            )
    if choices and value not in choices:
        raise ConfigurationError(
            f"{where}: there is no {name} {shorten(value)}",
            hint=f"one of: {', '.join(repr(choice) for choice in choices)}",
        )
    return value


def _is_said(name: str, value: str, *, needed: bool) -> bool:
    if name == "host":
        try:
            value.encode("idna")
        except UnicodeError:  # such as a part of more than 63 characters
            return False
    return "\0" not in value and bool(value.strip() or not needed)


def _refuse(data_type: str, raw: "Any") -> "Any":
    raise InvalidMessage(
        f"{shorten(raw)} is no {data_type}", hint="mend the sender, or the type in the table"
    )
