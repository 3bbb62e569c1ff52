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
    plant = _json(name, text) if path.lower().endswith(".json") else _yaml(name, text)
    if plant is None:
        raise SeedError(f"{name} describes nothing", "see docs/emulator.md, Plants")
    return plant


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SeedError(f"{name} is not JSON: {error}", "see docs/emulator.md") from error


def _yaml(name: str, text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        hint = "pip install 'mcagent[emulator]', or write it as JSON (.json)"
        raise SeedError("YAML needs the package 'yaml'", hint) from error
    loader = yaml.SafeLoader(text)
    try:
        tree = loader.get_single_node()
        if tree is None:
            return None
        if _expanded(tree, {}) > _BYTES_MAX:
            what = f"{name} would be more than {_BYTES_MAX} bytes with each alias (*) written out"
            hint = "split it into several plants; aliases of aliases multiply"
            raise SeedError(what, hint)  # noqa: TRY301 - one way out
        return loader.construct_document(tree)
    except SeedError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise SeedError(f"{name} is not YAML: {words}", "see docs/emulator.md") from error
    finally:
        loader.dispose()


def _expanded(node: Any, known: dict[int, int]) -> int:
    """Count the bytes of a node, some ten for each and its text, its aliases written out.

    Each is looked at once. A node within itself counts as nothing: `send_plant` finds it.
    """
    if id(node) not in known:
        known[id(node)] = 0
        size = 10
        if isinstance(node.value, str):
            size += len(node.value)
        else:
            for part in node.value:
                for one in part if isinstance(part, tuple) else (part,):
                    size += _expanded(one, known)
        known[id(node)] = size
    return known[id(node)]
