"""The settings file of the command `mcagent emulator`, and what `--print-settings` prints.

JSON: switches by name, `faults`, `clock_offset_s`; members that begin with `//` are for people.
The control interface takes and gives the same words. Not TOML: Python 3.10 cannot read it, and
there would be two ways to write a fault rule.
"""

import json
from dataclasses import fields
from typing import Any, NamedTuple

from .answers import parse_json
from .clock import PlatformClock, check_offset
from .faults import Faults
from .names import nearest, shown
from .settings import CHOICES, STRICT, Settings
from .settings_words import SENTENCES, WORDS

_HINT = "mcagent emulator --print-settings shows a whole settings file"
_FAULT_HINT = "the members of fault rules stand in docs/emulator.md, Faults"
_COMMENT = "//"


class SettingsError(Exception):
    """A settings file that cannot be used; `hint` says what to do."""

    def __init__(self, what: str, hint: str = _HINT) -> None:
        super().__init__(what)
        self.hint = hint


class SettingsFile(NamedTuple):
    """What a settings file says."""

    switches: dict[str, Any]
    faults: list[Any]
    clock_offset_s: float


def read_settings(path: str) -> SettingsFile:
    """Read and check a settings file.

    Raises:
        SettingsError: It cannot be read, or something in it is wrong.
    """
    try:
        with open(path, "rb") as file:
            value = parse_json(file.read())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} is not a JSON object")
    switches = {name: item for name, item in value.items() if not name.startswith(_COMMENT)}
    faults = switches.pop("faults", [])
    offset_s = switches.pop("clock_offset_s", 0)
    try:
        _check_names(switches)
        Settings.build(changes=switches)
        check_offset(offset_s)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    try:
        Faults(PlatformClock()).replace(faults)
    except ValueError as error:
        raise SettingsError(f"{path}: faults: {error}", _FAULT_HINT) from error
    return SettingsFile(switches, faults, offset_s)


def _check_names(switches: dict[str, Any]) -> None:
    known = (*SENTENCES, "faults", "clock_offset_s")
    for name in switches:
        if name not in known:
            raise ValueError(f"unknown member {shown(name)}{nearest(name, known)}")


def print_settings(*, strict: bool) -> str:
    """Write a whole settings file: every switch with its value, after a sentence about it."""
    settings = Settings.build(strict=strict).as_dict()
    entries: list[tuple[str, Any]] = []
    for heading, group in WORDS.items():
        entries.append((f"// {heading}", ""))
        for name, words in group.items():
            entries += [(f"//{name}", words + _also(name)), (name, settings[name])]
    entries += [
        ("// Clock and faults", ""),
        ("//clock_offset_s", "Added to the platform's clock."),
        ("clock_offset_s", 0),
        ("//faults", "Fault rules, see docs/emulator.md."),
        ("faults", []),
    ]
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in entries]
    return "{\n" + ",\n".join(lines) + "\n}"


def table() -> list[str]:
    """Give the rows of the table in docs/emulator.md."""
    defaults = Settings().as_dict()
    rows = ["| switch | default | `--strict` | what it settles |", "|---|---|---|---|"]
    for heading, group in WORDS.items():
        rows.append(f"| **{heading}** | | | |")
        for name, words in group.items():
            strict = f"`{json.dumps(STRICT[name])}`" if name in STRICT else ""
            sentence = (words + _also(name)).replace("{", "\\{")
            rows.append(f"| `{name}` | `{json.dumps(defaults[name])}` | {strict} | {sentence} |")
    return rows


def describe() -> list[dict[str, Any]]:
    """Give every switch for programs: `name`, `group`, `default`, `strict`, `choices`, `words`."""
    kinds = {field.name: field.default for field in fields(Settings)}
    return [
        {
            "name": name,
            "group": heading,
            "default": kinds[name],
            "strict": STRICT.get(name, kinds[name]),
            "choices": list(CHOICES.get(name, ())),
            "words": SENTENCES[name],
        }
        for heading, group in WORDS.items()
        for name in group
    ]


def _also(name: str) -> str:
    """Give the values that a switch may have, where it is one of a few."""
    choices = CHOICES.get(name, ())
    return f" One of {', '.join(map(str, choices))}." if choices else ""
