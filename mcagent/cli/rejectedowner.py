"""`mcagent rejected replay` and `drop` beside a service: ask it, and see what it did.

No answer has to be written for that, on a disk that may be full: the message leaves the inbox when
it was dealt with, and the store shows what left it.
"""

import json
import os
import time

from ..errors import BufferFull, ConfigurationError
from ..inbox import Inbox
from ..live import read_live
from ..rejected import Outcome
from ..runtime import Clock, FileSystem
from .bufferwork import open_survey
from .rejectedlist import read_refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..rejected import Name

_EVERY_S = 0.1


def taken(path: str, wait_s: float) -> bool:
    """True once the owner dealt with the message *path*; False when *wait_s* were not enough."""
    until_s = time.monotonic() + wait_s
    while os.path.exists(path):
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(_EVERY_S, left_s))
    return True


class Request:
    """What is asked of the owner of *directory*; it is in the inbox, synced, once this returns.

    Raises:
        BufferFull: Nobody has emptied the inbox for long.
        OSError: The disk refused it.
    """

    def __init__(self, directory: str, what: str, names: "list[Name]") -> None:
        self._directory = directory
        self._names = names
        inbox = Inbox(directory, FileSystem(), Clock())
        self._path = inbox.put({"rejected": what}, iter([json.dumps(names).encode()]))

    def wait(self, wait_s: float) -> bool:
        """True once the owner has dealt with it; False when *wait_s* were not enough."""
        return taken(self._path, wait_s)

    def outcome(self, args: "argparse.Namespace") -> Outcome:
        """What has left the store, and what has not and why."""
        outcome = Outcome()
        obstacles = {
            (record.lane, record.sequence): record.obstacle
            for record in read_refused(open_survey(args))[0]
        }
        for name in self._names:
            if name not in obstacles:
                outcome.done.append(name)
            elif obstacles[name]:
                outcome.refused.append((name, obstacles[name]))
            else:
                outcome.left.append(name)
        if outcome.left:
            outcome.trouble = self._trouble()
        return outcome

    def _trouble(self) -> Exception:
        notes = (read_live(self._directory) or {}).get("notes") or []
        words = [note for note in notes if " rejected records were not " in note]
        if words:
            return BufferFull("the service says: " + words[-1])
        if os.path.exists(self._path[: -len(".msg")] + ".bad"):
            return ConfigurationError(
                "the service does not know how to do this",
                hint="it runs an older mcagent: restart it",
            )
        return ConfigurationError("the service did not do it", hint="its log says why")
