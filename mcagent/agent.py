"""Agent: wires the parts; the only module that knows them all.

Delivery is at-least-once: a record is acknowledged only after the platform answered 200 for it,
and "delivered" means that and no more (the platform checks mappings afterwards).
"""

from .boarding import read_if_needed
from .buffer import Buffer
from .credentials.keystore import Keystore, StateLock
from .credentials.lifecycle import Lifecycle
from .errors import ConfigurationError, storage_error
from .inbox import Inbox
from .intake import Intake
from .messages.timestamp import to_ms
from .modelstore import ModelStore
from .outgoing import Outgoing, default_transport
from .runtime import MICROPYTHON, Clock, FileSystem, at_exit, in_forked_child, log
from .status import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

    from .buffer import BufferSettings
    from .buffer.receipt import Receipt
    from .loop import Collect, Loop
    from .messages import DataModel
    from .transport.http import Transport
    from .upload.keepalive import KeepaliveResult
    from .upload.session import OnboardResult
    from .upload.settings import UploadReport, UploadSettings
    from .worker import Worker


class Agent:
    """A device's connection to Insights Hub, through a buffer on disk.

    >>> with Agent.open("/var/lib/mcagent", boarding="agentconfig.json") as agent:
    ...     agent.record({"temperature": 21.4})

    One process owns a state directory at a time; inside it every method may be called from any
    thread. Nothing here waits for the network but `onboard`, `upload`, `step` and `run`.
    """

    def __init__(
        self, directory: str, *, clock: "Clock", lock: "StateLock", buffer: "Buffer",
        models: "ModelStore", inbox: "Inbox", outgoing: "Outgoing",
    ) -> None:  # fmt: skip
        """Wire parts that are open already; `open` is what scripts call."""
        self.directory = directory
        self._clock = clock
        self._state_lock = lock
        self._buffer = buffer
        self._models = models
        self._intake = Intake(buffer, models, clock=clock)
        self._inbox = inbox
        self._outgoing = outgoing
        self._worker: "Worker | None" = None
        self._loop: "Loop | None" = None
        self._notes: "list[str]" = []
        self.closed = False
        self._undo_at_exit = at_exit(self._flush_at_exit)
        in_forked_child(self, "_forked")

    @classmethod
    def open(
        cls,
        directory: "str | Any",
        *,
        boarding: "str | dict[str, Any] | None" = None,
        ca_file: "str | None" = None,
        crl_file: "str | None" = None,
        proxy: "str | None" = None,
        buffer: "BufferSettings | None" = None,
        upload: "UploadSettings | None" = None,
        transport: "Transport | None" = None,
        clock: "Clock | str | None" = None,
        fs: "FileSystem | None" = None,
    ) -> "Agent":
        """Open the state directory *directory*, making it where it is missing.

        Args:
            directory: Path of where buffer, credentials and model live; one process at a time.
            boarding: Boarding configuration: path of the file, or its parsed content. Needed
                at the first start; afterwards harmless, and no harm when it is gone.
            ca_file: PEM file with the certificate authorities to trust instead of the system's.
            crl_file: PEM file with the revocation lists of those that are met; None asks none.
            proxy: ``http://[user:password@]host:port``; None takes the environment's, ``""``
                connects directly.
            buffer: Quotas, policies and durability of the lanes.
            upload: Limits and holds of the uploader.
            transport: What sends requests; None takes urllib3 (CPython).
            clock, fs: The device's clocks and files; None takes the real ones. A clock that lets
                TLS refuse the platform's certificate is corrected by the platform's own (CPython);
                ``clock="system"`` takes the real one and believes it.

        Raises:
            ConfigurationError: The directory is in use by another process (which is named), or
                cannot be written, or *boarding* is unusable or belongs to another agent.
        """
        if hasattr(directory, "__fspath__"):
            directory = directory.__fspath__()
        if not directory:
            raise ConfigurationError(
                "the state directory has no name",
                hint="give a path such as /var/lib/mcagent; is a variable unset?",
            )
        directory = directory.rstrip("/") or "/"
        fs = fs or FileSystem()
        believed = clock
        if clock is None or isinstance(clock, str):
            clock = Clock()
        lock = StateLock(directory)
        try:
            fs.make_dir(directory)
            lock.acquire()
            keystore = Keystore(directory, fs)
            stored = keystore.load()
            lifecycle = Lifecycle(stored, read_if_needed(boarding, stored, keystore.notes))
            lanes = Buffer(directory + "/buffer", fs=fs, clock=clock, settings=buffer)
            lanes.open()
            models = ModelStore(directory, fs)
            damage = models.load()
            inbox = Inbox(directory, fs, clock)
            inbox.sweep()
            outgoing = Outgoing(
                lanes,
                models,
                lifecycle=lifecycle,
                keystore=keystore,
                clock=clock,
                settings=upload,
                new_transport=lambda: (
                    transport
                    or default_transport(ca_file, crl_file, proxy, clock=believed, settings=upload)
                ),
            )
            agent = cls(
                directory, clock=clock, lock=lock, buffer=lanes,
                models=models, inbox=inbox, outgoing=outgoing,
            )  # fmt: skip
        except OSError as error:
            lock.release()
            raise storage_error(directory, error)
        except BaseException:
            lock.release()
            raise
        for note in keystore.notes + lifecycle.notes + [damage]:
            agent._note(note)
        return agent

    # -- in ---------------------------------------------------------------------------------

    def record(
        self,
        values: "dict[str, Any]",
        *,
        timestamp: "Any" = None,
        quality_code: "Any" = None,
        durable: bool = False,
    ) -> "Receipt":
        """Store one sample; never waits for the network.

        Args:
            values: Data point id to value, all of one moment.
            timestamp: Aware `datetime` or int ms since 1970 UTC; None is now, and never twice.
            quality_code: For all values, or a dict by data point; None is good (``"0"``).
            durable: True returns once it is on the medium; else it is within the group window.

        Raises:
            InvalidMessage: The platform would refuse or drop it; nothing was stored.
            BufferFull: The disk is full, or the lane's policy is ``"reject"`` and it is full.
        """
        timestamp_ms = None if timestamp is None else to_ms(timestamp)
        try:
            return self._intake.record(values, timestamp_ms, quality_code, durable)
        except OSError as error:
            raise storage_error(self.directory, error)

    def record_many(
        self, rows: "Iterable[tuple[Any, dict[str, Any]]]", *, quality_code: "Any" = None
    ) -> int:
        """Store many samples with their own times; the fast way in.

        Args:
            rows: ``(timestamp, values)`` pairs as for `record`.
            quality_code: For all values.

        Returns:
            How many were stored.

        Raises:
            InvalidMessage: Names the row, counted from 0; those before it are stored.
            BufferFull: As `record`; the rows before are stored.
        """
        try:
            return self._intake.record_many(rows, quality_code)
        except OSError as error:
            raise storage_error(self.directory, error)

    def submit(
        self, message: "Any", *, durable: bool = False, lose_mappings: "bool | list[str]" = False
    ) -> "Receipt":
        """Store a `TimeSeries`, `Event`, `File`, `DataModel` or `CustomData`.

        An unchanged data model is not stored again. Samples recorded before a new model go before
        it, under the one they were recorded with. One that deletes mappings (no `keepMapping`)
        waits for *lose_mappings*, True or ``status().upload["consent"]["mappings"]``, also later.

        Raises:
            InvalidMessage, BufferFull: The platform would refuse it, or no room: nothing stored.
        """
        try:
            return self._intake.submit(message, durable, lose_mappings)
        except OSError as error:
            raise storage_error(self.directory, error)

    def flush(self) -> None:
        """Return once everything recorded so far is on the medium."""
        try:
            self._buffer.flush()
        except OSError as error:
            raise storage_error(self.directory, error)

    # -- out --------------------------------------------------------------------------------

    def onboard(self) -> "OnboardResult":
        """Register with the platform, unless that is done. Harmless to repeat.

        Returns:
            Whether the agent is onboarded; offline is a result with `reason` and `retry_in_s`.

        Raises:
            NotOnboarded: There is no boarding configuration to register with.
            OnboardingRefused: The platform refused it for good; the hint says what an operator
                has to do.
        """
        return self._outgoing.onboard()

    def keep_alive(self, *, rotate_before_s: "float | None" = None) -> "KeepaliveResult":
        """Renew the token, and a secret with less than *rotate_before_s* (None: a third) left.

        For a device that sleeps; being offline is a result. Raises as `upload` does.
        """
        return self._outgoing.keep_alive(rotate_before_s)

    def upload(self, timeout_s: float = 30) -> "UploadReport":
        """Send what is buffered until it is all delivered, *timeout_s* is over, or it must wait.

        Being offline is a result: `retry_in_s` and `reason` say when and why.

        Raises:
            NotOnboarded: There is neither a boarding configuration nor a credential.
            CredentialError: The platform refuses this agent; the hint says what to do.
        """
        self._intake.take(self._inbox, self._note)
        return self._outgoing.upload(timeout_s)

    def step(self, budget_ms: int = 50) -> "int | None":
        """Do one bounded piece of work: for loops that do other things too (MicroPython).

        Args:
            budget_ms: No new request is begun after this time.

        Returns:
            Milliseconds until the next call is useful; None when there is nothing to do.
        """
        self._intake.take(self._inbox, self._note)
        due_ms = wait_ms = None
        try:
            try:
                due_ms = self._buffer.tick()
            finally:  # a lane that cannot be written is no reason to send nothing
                wait_ms = self._outgoing.step(budget_ms)
        except OSError as error:
            raise storage_error(self.directory, error)
        if due_ms is None or wait_ms is None:
            return wait_ms if due_ms is None else due_ms
        return min(due_ms, wait_ms)

    def notify_online(self) -> None:
        """The link is back: what waits for want of an answer is sent by the next step, at once.

        Harmless to call too often, from any thread and from a signal handler. What the platform
        asked to wait for waits. A request under way goes on; should it die on the old link, the
        next one follows at once.
        """
        self._outgoing.notify_online()

    def start(self) -> None:
        """Upload in a background thread from now on (CPython). Its errors are in `status()`.

        Harmless to repeat. Without it nothing is sent between calls of `upload` and `step`.
        """
        if MICROPYTHON:
            raise ConfigurationError(
                "there is no background thread on MicroPython", hint="call step() in your loop"
            )
        self._outgoing.status()  # a closed agent says so here, not in its thread
        if self._worker is None:
            from .worker import Worker

            self._worker = Worker(self)

    def stop(self) -> None:
        """End the background thread, and raise the last error that it met, if any."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def run(self, collect: "Collect", *, every_s: float) -> None:
        """Call *collect* every *every_s* seconds and record what it returns.

        Until SIGTERM, SIGINT (Ctrl-C) or `close`. The whole service: onboards when needed,
        uploads in the background (CPython) or between samples (MicroPython). An exception in
        *collect* is counted, logged once per kind, and the loop goes on. Missed moments are
        skipped and counted, never made up for. The last error of the background thread, which
        ends with it, is logged and not raised.

        Args:
            collect: Returns data point id to value, or a `TimeSeries` where time or quality are
                its own; None when there is nothing to record.
            every_s: Seconds between calls, on a steady clock.
        """
        from .loop import Loop

        self._loop = Loop(self._clock, every_s)
        self._loop.run(self, collect)

    # -- about ------------------------------------------------------------------------------

    def status(self) -> "Status":
        """What is buffered, since when, what happens next and why."""
        return Status(
            directory=self.directory,
            buffer=self._buffer.status(),
            upload=self._outgoing.status(),
            model=self._models.model,
            inbox=len(self._inbox),
            worker=self._worker.status() if self._worker is not None else None,
            loop=self._loop.status() if self._loop is not None else None,
            empty_strings=self._intake.empty_strings,
            notes=list(self._notes),
        )

    @property
    def model(self) -> "DataModel | None":
        """The data model that samples are checked against; None before the first."""
        return self._models.model

    def close(self) -> None:
        """Flush, end the background thread and give the state directory back. Repeatable."""
        if self.closed:
            return
        self.closed = True
        self._undo_at_exit()
        try:
            self.stop()
        finally:
            try:
                self._buffer.close()
            except OSError as error:
                raise storage_error(self.directory, error)
            finally:
                self._outgoing.close()
                self._state_lock.release()

    def abort(self) -> None:
        """Break the request in flight, if there is one; it is sent again later."""
        self._outgoing.abort()

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Agent %s>" % self.directory

    # -- private ----------------------------------------------------------------------------

    def _forked(self) -> None:
        """This process is a copy: the state directory is the parent's, so the copy is closed."""
        self.closed = True
        self._worker = None
        self._buffer.abandon()
        self._outgoing.abandon()
        self._state_lock.release()  # our descriptor only; the parent keeps the lock

    def _flush_at_exit(self) -> None:
        try:
            self._buffer.flush()
        except OSError as error:
            log("error", "agent", "flush at exit failed: %s" % error)

    def _note(self, text: str) -> None:
        if text and text not in self._notes:
            self._notes.append(text)
            log("warning", "agent", text)
