"""What a service manager is told of a running loop: ready, alive, stopping. CPython only.

The protocol of systemd, without a library; where `NOTIFY_SOCKET` is missing nothing of it runs.
Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
import time

from .errors import AgentError
from .runtime import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .agent import Agent
    from .status import Status

_STATUS_EVERY_S = 10.0
# sd_watchdog_enabled(3) asks for half of the time; a third leaves room for a machine that is busy.
_SHARE = 3
# Between two requests the upload thread packs a body, reads a segment, or waits for a slow medium:
# all in seconds. Five minutes are what the longest request without a body may take.
HUNG_S = 300


def service_manager(environment: "Mapping[str, str] | None" = None) -> "ServiceManager | None":
    """The manager that started this process and wants to hear from it; None without one."""
    environment = os.environ if environment is None else environment
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return None
    if address[0] not in "/@":  # sd_notify(3): vsock is for virtual machines that tell their host
        log("warning", "notify", "NOTIFY_SOCKET=%s is no socket of this machine" % address)
        return None
    return ServiceManager(address, watchdog_s(environment))


def watchdog_s(environment: "Mapping[str, str]") -> float:
    """How long the manager waits for a sign of life; 0 where it does not watch this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0  # the variables were meant for who started us
    try:
        return max(0.0, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0


class ServiceManager:
    """Told about one `Agent.run`; never waits for the manager, and survives its absence.

    Attributes:
        watchdog_s: A sign of life is due within so many seconds; 0 when nobody watches.
    """

    def __init__(self, address: str, watchdog_s: float) -> None:
        # sd_notify(3): "@" stands for the zero byte of the abstract namespace.
        self._address = "\0" + address[1:] if address[0] == "@" else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)  # a manager that does not read must not stop the sampling
        self.watchdog_s = watchdog_s
        self._feed_s = self._status_s = 0.0
        self._failed = False
        self._starving = False
        self._sign_s = 0.0  # when the upload thread was last seen to go on
        self._text = ""

    def ready(self) -> None:
        """The state directory is ours, and recording begins."""
        if self.watchdog_s:
            _show_threads_on_abort()
        self._send("READY=1")

    def beat(self, agent: "Agent") -> None:
        """The loop goes on. Call it often: it sends only what is due.

        The watchdog is fed only while the upload thread goes on, too.
        """
        now_s = time.monotonic()
        feed = bool(self.watchdog_s) and now_s >= self._feed_s
        if not feed and now_s < self._status_s:
            return
        try:
            status = agent.status()
        except (AgentError, OSError):
            status = None  # closed meanwhile: the loop ends
        hung = "" if status is None else self._hung(status, now_s)
        if feed:
            self._feed_s = now_s + self.watchdog_s / _SHARE
            if not hung:
                self._send("WATCHDOG=1")
            elif not self._starving:
                log("error", "notify", "the watchdog is not fed any more: " + hung)
            self._starving = bool(hung)
        if now_s >= self._status_s and status is not None:
            self._status_s = now_s + _STATUS_EVERY_S
            text = hung or _summary(status)
            if text != self._text and self._send("STATUS=" + text):
                self._text = text

    def _hung(self, status: "Status", now_s: float) -> str:
        """Why the upload thread does not go on any more; ``""`` while it does, and while it waits.

        Each request has a deadline, that of a large body on a slow link hours away: until it has
        passed, waiting is no sign of illness.
        """
        worker, network = status.worker, status.upload.get("network")
        if worker is None:
            return ""  # stopped by the script
        if not worker["alive"]:
            return "the upload thread has ended"
        if network is None:
            return ""  # a transport of the script's own: nobody knows how long it may wait
        left_s = network["request_left_s"]
        began_s = now_s if left_s is not None and left_s > 0 else now_s - worker["silent_s"]
        self._sign_s = max(self._sign_s, began_s)
        silent_s = now_s - self._sign_s
        return "the upload thread hangs since %d s" % silent_s if silent_s > HUNG_S else ""

    def stopping(self) -> None:
        """The loop has ended; what is in RAM is written."""
        self._send("STOPPING=1\nSTATUS=writing what is in memory")
        self._socket.close()

    def _send(self, text: str) -> bool:
        try:
            self._socket.sendto(text.encode(), self._address)
        except BlockingIOError:
            return False  # its queue is full: the next sign is due soon
        except OSError as error:
            if not self._failed:
                self._failed = True
                log("warning", "notify", "the service manager cannot be told: %s" % error)
            return False
        return True


def _summary(status: "Status") -> str:
    """One line for `systemctl status`."""
    samples = status.loop["samples"] if status.loop is not None else 0
    text = "%s samples recorded, %d records to send" % (samples, status.pending)
    reason = " ".join(str(status.upload.get("reason") or "").split())
    return "%s: %s" % (text, reason) if reason else text


def _show_threads_on_abort() -> None:
    """Let SIGABRT, with which the watchdog ends a hung service, say where each thread stood."""
    import faulthandler
    import sys

    try:
        if not faulthandler.is_enabled():
            faulthandler.enable(sys.__stderr__ or 2)
    except (OSError, ValueError, RuntimeError):
        pass  # standard error is closed
