"""What the status of a running agent is, told to other processes of this device. CPython only.

`Agent.start` and `Agent.run` listen on a socket in the state directory; who connects gets one JSON
object. Not a file that is written every few seconds: that would wear out flash for a question that
nobody asks, be late by as much, and could not be written on the full disk that makes one ask.
"""

import json
import os
import socket
import threading
import weakref

from .errors import AgentError
from .runtime import in_forked_child, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .agent import Agent

_NAME = "status.sock"
_PATIENCE_S = 3.0  # a status waits for the buffer's lock, which a slow medium can hold for a while
_AGAIN_S = 5.0  # after it could not be asked
_MAX_BYTES = 16_000_000  # a model of a million points has that many names


# What is told besides the agent's own status: by agent, name to what gives it.
_BESIDES: "weakref.WeakKeyDictionary[Agent, dict[str, Callable[[], Any]]]"
_BESIDES = weakref.WeakKeyDictionary()


def tell_besides(agent: "Agent", name: str, what: "Callable[[], Any]") -> None:
    """Let other processes see, under *name*, what *what* returns, ready for JSON.

    It is called in a thread of its own whenever somebody asks, and costs nothing until then.
    """
    _BESIDES.setdefault(agent, {})[name] = what


class StatusServer:
    """Answers in a thread of its own from construction to `stop`; the worker's is busy sending.

    Attributes:
        listening: False where this file system has no sockets; then nobody is told anything.
    """

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._path = agent.directory + "/" + _NAME
        self._socket: "socket.socket | None" = None
        self._stopped = threading.Event()
        try:
            self._socket = _listen(agent.directory)
        except (OSError, AttributeError) as error:  # FAT has no sockets, Windows no AF_UNIX
            log("info", "live", "no status for other processes: %s" % error)
        self.listening = self._socket is not None
        if self._socket is not None:
            in_forked_child(self, "_forked")
            threading.Thread(
                target=self._run, args=(self._socket,), name="mcagent-status", daemon=True
            ).start()

    def stop(self) -> None:
        """Listen no more."""
        listener, self._socket = self._socket, None
        self._stopped.set()
        if listener is None:
            return
        try:
            os.unlink(self._path)
            listener.shutdown(socket.SHUT_RDWR)  # ends the thread's accept
        except OSError:
            pass
        listener.close()

    def _run(self, listener: socket.socket) -> None:
        while self._socket is listener:
            try:
                connection, _address = listener.accept()
            except OSError as error:
                # No descriptor is left, say: who asks later must not find this thread gone.
                if self._socket is listener:
                    log("warning", "live", "no status: %s" % error)
                    self._stopped.wait(_AGAIN_S)
                continue
            with connection:
                try:
                    connection.settimeout(_PATIENCE_S)
                    status = self._agent.status().to_dict()
                    status["pid"] = os.getpid()
                    for name, what in list(_BESIDES.get(self._agent, {}).items()):
                        status[name] = what()
                    connection.sendall(json.dumps(status).encode())
                except (OSError, AgentError):
                    pass  # it went away; or the agent was closed meanwhile
                except Exception as error:  # noqa: BLE001 - the outermost function of this thread
                    # A service that can be asked no more would need a restart, or a visit.
                    log("error", "live", "no status: %s: %s" % (type(error).__name__, error))

    def _forked(self) -> None:
        """This process is a copy: the parent answers."""
        listener, self._socket = self._socket, None
        if listener is not None:
            listener.close()


def read_live(directory: str) -> "dict[str, Any] | None":
    """The status of the agent that runs in *directory*, and its ``pid``.

    None where none runs, where it has no background thread, and where it does not answer in time;
    `why_silent` says which.
    """
    try:
        data = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_PATIENCE_S)
            _at(directory, sock.connect)
            while len(data) < _MAX_BYTES:
                part = sock.recv(65_536)
                if not part:
                    break
                data += part
        status = json.loads(data)
    except (OSError, AttributeError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def why_silent(directory: str) -> str:
    """Why `read_live` got nothing from the process that has *directory*, as words about it."""
    path = directory + "/" + _NAME
    if not os.path.lexists(path):
        return "only Agent.start() and Agent.run() tell it"
    if not os.access(path, os.R_OK | os.W_OK):
        return "it tells its own user and root alone"
    return f"it did not answer within {_PATIENCE_S:g} s"


def _listen(directory: str) -> socket.socket:
    path = directory + "/" + _NAME
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.lexists(path):
            os.unlink(path)  # of an owner that was killed: the lock is ours
        _at(directory, listener.bind)
        os.chmod(path, 0o600)  # before anyone can connect
        listener.listen(8)
    except BaseException:
        listener.close()
        raise
    return listener


def _at(directory: str, use: "Any") -> None:
    """Call *use* with the address of the socket in *directory*.

    An address of this kind has room for 107 bytes; a state directory may be deeper.
    """
    path = directory + "/" + _NAME
    if len(os.fsencode(path)) < 104:
        use(path)
        return
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        use("/proc/self/fd/%d/%s" % (fd, _NAME))
    finally:
        os.close(fd)
