"""CPython: the end of the process, and the signals that ask for it."""

import _thread
import os

from .cpython import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


def at_exit(callback: "Callable[[], None]") -> "Callable[[], None]":
    """Call *callback* when the process ends by itself or by SIGTERM; return what undoes that.

    SIGTERM keeps its effect, the process ends by the signal. It is watched only where the program
    has no handler of its own, and only from the main thread.
    """
    import atexit
    import signal

    owner = os.getpid()

    def in_owner() -> None:
        # A forked child has a copy of everything in memory, locks included, and owns none of it.
        if os.getpid() == owner:
            callback()

    atexit.register(in_owner)
    present = signal.getsignal(signal.SIGTERM)
    if not isinstance(present, _CallbacksThenTerminate):
        watcher = _CallbacksThenTerminate()
        if present == signal.SIG_DFL:
            try:
                signal.signal(signal.SIGTERM, watcher)
            except ValueError:
                pass  # not the main thread: the program's own affair
        present = watcher
    present.callbacks.append(in_owner)

    def undo() -> None:
        atexit.unregister(in_owner)
        present.callbacks.remove(in_owner)
        if not present.callbacks and signal.getsignal(signal.SIGTERM) is present:
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            except ValueError:
                pass  # closed from another thread; an empty watcher only ends the process

    return undo


def in_forked_child(target: object, method: str) -> None:
    """Call ``target.method()`` in every child that this process forks while *target* lives."""
    import weakref

    reference = weakref.ref(target)

    def call() -> None:
        alive = reference()
        if alive is not None:
            getattr(alive, method)()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


class _CallbacksThenTerminate:
    """SIGTERM handler: run the callbacks, then end by the signal as if nobody had listened."""

    def __init__(self) -> None:
        self.callbacks: "list[Callable[[], None]]" = []

    def __call__(self, number: int, _frame: object) -> None:
        import signal

        signal.signal(number, signal.SIG_DFL)
        # A thread of its own, because the interrupted code may hold the lock that a callback
        # needs; the handler returns, the code goes on and releases it.
        _thread.start_new_thread(self._end, (number,))

    def _end(self, number: int) -> None:
        for callback in self.callbacks:
            try:
                callback()
            except OSError as error:
                log("error", "runtime", f"flush at SIGTERM failed: {error}")
        os.kill(os.getpid(), number)


class StopSignals:
    """While it lives, SIGTERM and SIGINT set `stopped` instead of ending the process."""

    def __init__(self) -> None:
        import signal

        self.stopped = False
        self._previous = []
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._previous.append((number, signal.signal(number, self._stop)))
            except ValueError:
                pass  # not the main thread: whoever runs the loop there ends it

    def undo(self) -> None:
        """Put the previous handlers back."""
        import signal

        for number, handler in self._previous:
            signal.signal(number, handler)
        self._previous = []

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopped = True
