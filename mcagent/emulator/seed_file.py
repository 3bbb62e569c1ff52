"""Read the description of a plant: a YAML or JSON file, or one that ships with the emulator."""

import json
import os
from typing import Any

_HOME = os.path.join(os.path.dirname(__file__), "plants")
_BYTES_MAX = 10_000_000


class SeedError(ValueError):
    """A description that cannot be read; `hint` says what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def shipped_plants() -> list[str]:
    """Give the names of the plants that ship."""
    return sorted(
        name.removesuffix(".yaml") for name in os.listdir(_HOME) if name.endswith(".yaml")
    )


def read_plant(name: str) -> Any:
    """Read a file, or the plant that ships under *name* if there is no such file.

    Raises:
        SeedError: It cannot be read, or is neither YAML nor JSON.
    """
    path = name
    if not os.path.exists(name) and name in shipped_plants():
        path = os.path.join(_HOME, f"{name}.yaml")
    try:
        with open(path, "rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError as error:
        hint = f"name a file, or one of the plants that ship: {', '.join(shipped_plants())}"
        raise SeedError(f"cannot read {name}: {error.strerror}", hint) from error
    if len(content) > _BYTES_MAX:
        raise SeedError(f"{name} has more than {_BYTES_MAX} bytes", "split it into several plants")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SeedError(f"{name} is not UTF-8: {error}", "save it as UTF-8") from error
    if path.lower().endswith(".json"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SeedError(f"{name} is not JSON: {error}", "see docs/emulator.md") from error
    return _yaml(name, text)


def _yaml(name: str, text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        hint = "pip install 'mcagent[emulator]', or write it as JSON (.json)"
        raise SeedError("YAML needs the package 'yaml'", hint) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise SeedError(f"{name} is not YAML: {words}", "see docs/emulator.md") from error
