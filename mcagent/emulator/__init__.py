"""A local Insights Hub: the platform's device side, on this machine, for tests and first steps.

Example:
    >>> from mcagent.emulator import Emulator
    >>> with Emulator(tls=False) as hub:
    ...     boarding = hub.create_agent("press-07")

It imports nothing of the rest of mcagent: what it accepts was decided from the specification
alone, so it is an independent witness of what the library sends. CPython only; needs the extra
`emulator`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .command import serve
    from .emulator import Emulator
    from .settings import Settings

__all__ = ["Emulator", "Settings", "serve"]

# Loaded on first use: the pytest plugin lives in this package and is imported by every pytest run
# on a machine where mcagent is installed, so importing the package must not load a web server.
_HOMES = {"Emulator": "emulator", "Settings": "settings", "serve": "command"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        home = import_module(f".{_HOMES[name]}", __name__)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the local Insights Hub needs the package {error.name!r}: "
            "pip install 'mcagent[emulator]'",
            name=error.name,
        ) from error
    return getattr(home, name)
