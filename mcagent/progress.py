"""How far a collector has read its machine: a small file that no kill harms. CPython only."""

import json

from .errors import storage_error
from .runtime import FileSystem, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .agent import Agent


class Progress:
    """Remember places in what a machine keeps, and only what is safely on this device's disk.

    >>> progress = Progress(agent, "csv_progress.json")
    >>> progress.done["2026-01.csv"] = 4096
    >>> progress.save()

    It stands in the agent's state directory. After a kill a collector reads on from the places
    that were saved last; what it reads twice replaces itself where it has times of its own.

    Args:
        agent: An open agent, to which everything before a place was given.
        name: Of the file.

    Attributes:
        done: Name to place, as JSON can hold it. Empty where there is no file, and where it was
            damaged, which is told in the log: then the machine is read from its beginning.
    """

    def __init__(self, agent: "Agent", name: str, *, fs: "FileSystem | None" = None) -> None:
        self._agent = agent
        self._fs = fs or FileSystem()
        self.path = agent.directory + "/" + name
        self.done: "dict[str, Any]" = {}
        self._saved = ""
        if not self._fs.exists(self.path):
            return
        try:
            self.done = dict(json.loads(self._fs.read(self.path)).items())
        except (OSError, ValueError, AttributeError) as error:
            log("warning", "collector", f"{self.path} cannot be read, beginning anew: {error}")

    def save(self) -> None:
        """Make durable what the agent was given, and then that it is here.

        Where no place is new, nothing is done.

        Raises:
            AgentError: The disk is full or broken; the places that were saved before stay.
        """
        text = json.dumps(dict(self.done))  # a copy: other threads may add to it
        if text == self._saved:
            return
        self._agent.flush()
        try:
            self._fs.write_atomic(self.path, text.encode())
        except OSError as error:
            raise storage_error(self.path, error) from error
        self._saved = text
