"""The demo's local Insights Hub as a process of its own.

A process, not a thread: the agent then shares neither interpreter lock nor memory with the hub, so
readings are taken on time and what is read back really went over the wire. It ends when its
standard input does, so it never outlives the demo, however that ends.
"""

import importlib.util
import json
import os
import subprocess
import sys

from ..errors import ConfigurationError
from .emulator import missing_extra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_NEEDS = ("starlette", "uvicorn", "trustme", "jwt", "cryptography")
_END_TIMEOUT_S = 10


class HubProcess:
    """Runs from construction to `close`; a context manager.

    Attributes:
        port: Where it listens, on 127.0.0.1, with TLS.
        url: Its origin.
        ca_file: The CA to trust; removed when it ends.

    Raises:
        ConfigurationError: It cannot run here.
    """

    def __init__(self) -> None:
        package_root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=path),
            # Ctrl-C is for the demo, which then reads back or ends in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise ConfigurationError(
                "the local Insights Hub did not start", hint="see why with: mcagent emulator"
            )
        where = json.loads(line)
        self.port: int = where["port"]
        self.url: str = where["url"]
        self.ca_file: str = where["ca_file"]

    def close(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def __enter__(self) -> "HubProcess":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.close()


def check_packages() -> None:
    """Raise ConfigurationError where a package that the hub needs is not installed."""
    for name in _NEEDS:
        if importlib.util.find_spec(name) is None:
            raise missing_extra(ModuleNotFoundError(name=name))


def serve() -> None:
    """The child: run a hub until standard input ends."""
    from ..emulator import Emulator

    with Emulator() as hub:
        where = {"port": hub.port, "url": hub.url, "ca_file": hub.ca_file}
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    serve()
