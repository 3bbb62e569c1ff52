"""The background thread (CPython, opt-in): calls `Agent.step` until it is stopped."""

import threading
import time

from .errors import AgentError
from .live import StatusServer
from .pulse import Pulse
from .runtime import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .agent import Agent

_STEP_BUDGET_MS = 1000
_LONGEST_WAIT_MS = 250  # a group window that opens meanwhile is closed this much late at most
_WAIT_AFTER_ERROR_MS = 5000
_GRACE_S = 1  # an answer that comes in this time is taken; then the request is broken off
_STOP_S = 10


class Worker:
    """Runs from construction to `stop`.

    An error does not end it: it is kept for `status` and `stop`, logged once per kind, and the
    work goes on, because a device that stopped uploading needs a visit.
    """

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._stopping = threading.Event()
        self._error: "Exception | None" = None
        self._error_count = 0
        self._kinds: "set[str]" = set()
        self._pulse = Pulse()
        self._began_s = time.monotonic()  # the present step, or wait
        self._thread = threading.Thread(target=self._run, name="mcagent", daemon=True)
        self._thread.start()
        self._server = StatusServer(agent)

    def stop(self) -> None:
        """End the thread and raise the last error that it met."""
        self._server.stop()
        self._stopping.set()
        self._thread.join(_GRACE_S)
        until_s = time.monotonic() + _STOP_S
        while self._thread.is_alive() and time.monotonic() < until_s:
            self._agent.abort()  # again, should it have begun another request meanwhile
            self._thread.join(0.2)
        if self._error is not None:
            raise self._error

    def status(self) -> "dict[str, object]":
        return {
            "alive": self._thread.is_alive(),
            "silent_s": round(time.monotonic() - self._began_s, 3),
            "errors": self._error_count,
            "last_error": "" if self._error is None else str(self._error),
            **self._pulse.to_dict(),
        }

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._began_s = time.monotonic()
            try:
                wait_ms = self._agent.step(_STEP_BUDGET_MS)
                now_ms = time.monotonic_ns() // 1_000_000
                if self._pulse.due(now_ms):
                    self._pulse.take(now_ms, self._agent.status())
            except AgentError as error:
                wait_ms = self._keep(error, error.message)
            except Exception as error:  # noqa: BLE001 - the outermost function of this thread
                wait_ms = self._keep(error, "%s: %s" % (type(error).__name__, error))
            if wait_ms is None or wait_ms > _LONGEST_WAIT_MS:
                wait_ms = _LONGEST_WAIT_MS
            self._stopping.wait(wait_ms / 1000)

    def _keep(self, error: Exception, text: str) -> int:
        self._error = error
        self._error_count += 1
        kind = type(error).__name__
        if kind not in self._kinds:
            self._kinds.add(kind)
            log("error", "worker", text)
        self._stopping.wait((_WAIT_AFTER_ERROR_MS - _LONGEST_WAIT_MS) / 1000)
        return _LONGEST_WAIT_MS


def end_thread(agent: "Agent") -> None:
    """End the thread of a service: a stop that was asked for succeeds, whatever the thread met."""
    try:
        agent.stop()
    except Exception as error:  # noqa: BLE001 - of the thread: it is told, and the service has ended
        text = "ended; the last error of the upload thread was %s: %s" % (
            type(error).__name__,
            error,
        )
        hint = getattr(error, "hint", "")
        log("error", "worker", "%s (%s)" % (text, hint) if hint else text)
