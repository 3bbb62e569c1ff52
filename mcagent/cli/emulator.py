"""`mcagent emulator`: the local Insights Hub, with its own options."""

from ..errors import ConfigurationError
from .exits import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

INSTALL_HINT = "pip install 'mcagent[emulator]'"


def serve(argv: "Sequence[str]") -> int:
    """Run until Ctrl-C; *argv* is the emulator's own command line."""
    try:
        from ..emulator import serve as serve_emulator
    except ModuleNotFoundError as error:
        raise missing_extra(error) from error
    code = serve_emulator(list(argv))
    return OK if code is None else int(code)


def missing_extra(error: ModuleNotFoundError) -> ConfigurationError:
    """The local Insights Hub needs packages that a device does not have."""
    return ConfigurationError(
        f"the local Insights Hub needs the package {error.name!r}", hint=INSTALL_HINT
    )
