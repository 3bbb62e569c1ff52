"""The way out: a session and an uploader, made at the first use, one request at a time."""

from .errors import ConfigurationError, storage_error
from .runtime import MICROPYTHON, new_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .buffer import Buffer
    from .credentials.keystore import Keystore
    from .credentials.lifecycle import Lifecycle
    from .modelstore import ModelStore
    from .runtime import Clock
    from .transport.http import Transport
    from .upload.keepalive import KeepaliveResult
    from .upload.session import OnboardResult, Session
    from .upload.settings import UploadReport, UploadSettings
    from .upload.uploader import Uploader


class Outgoing:
    """What `Agent.onboard`, `upload` and `step` do; from any thread, one at a time.

    A script that only records needs none of what is imported here.
    """

    def __init__(
        self,
        buffer: "Buffer",
        models: "ModelStore",
        *,
        lifecycle: "Lifecycle",
        keystore: "Keystore",
        clock: "Clock",
        settings: "UploadSettings | None",
        new_transport: "Callable[[], Transport]",
    ) -> None:
        self._directory = buffer.directory
        self._buffer = buffer
        self._models = models
        self._lifecycle = lifecycle
        self._keystore = keystore
        self._clock = clock
        self._settings = settings
        self._new_transport = new_transport
        self._uploader: "Uploader | None" = None
        self._transport: "Transport | None" = None
        self._make_lock = new_lock()
        self._turn = new_lock()  # held during requests; never taken while recording
        self._closed = False

    def onboard(self) -> "OnboardResult":
        """See `Agent.onboard`."""
        with self._turn:
            return self._get().session.onboard()

    def keep_alive(self, rotate_before_s: "float | None") -> "KeepaliveResult":
        """See `Agent.keep_alive`."""
        from .upload.keepalive import keep_alive

        with self._turn:
            return keep_alive(self._get().session, rotate_before_s)

    def upload(self, timeout_s: float) -> "UploadReport":
        """See `Agent.upload`."""
        with self._turn:
            try:
                return self._get().upload(timeout_s)
            except OSError as error:
                raise storage_error(self._directory, error)

    def step(self, budget_ms: int) -> "int | None":
        """See `Agent.step`."""
        with self._turn:
            try:
                return self._get().step(budget_ms)
            except OSError as error:
                raise storage_error(self._directory, error)

    def notify_online(self) -> None:
        """See `Agent.notify_online`. Takes no lock: a signal handler may call it."""
        if self._uploader is not None and not self._closed:
            self._uploader.notify_online()

    def status(self) -> "dict[str, Any]":
        """See `Uploader.status`. Takes no turn: a request in flight must not hold it up."""
        status = self._get().status()
        status["network"] = getattr(self._transport, "way", None)  # a script's own may have none
        return status

    def abort(self) -> None:
        """Give connections back, and break a request in flight; it is sent again later."""
        if self._uploader is not None:
            self._uploader.session.close()

    def abandon(self) -> None:
        """Close in a forked child: the connections are the parent's."""
        self._closed = True
        self._turn = new_lock()
        self._make_lock = new_lock()

    def close(self) -> None:
        """As `abort`, and nothing is sent afterwards."""
        self._closed = True
        self.abort()

    def _get(self) -> "Uploader":
        if self._closed:
            # Another process may own the directory, and use its credentials, by now.
            raise ConfigurationError("this agent is closed", hint="open it again with Agent.open")
        with self._make_lock:
            if self._uploader is None:
                from .upload.session import Session
                from .upload.uploader import Uploader

                self._transport = self._new_transport()
                session = Session(
                    self._lifecycle, self._keystore, self._transport, clock=self._clock
                )
                self._uploader = Uploader(
                    self._buffer,
                    session,
                    clock=self._clock,
                    settings=self._settings,
                    senders=_senders(session, self._models),
                    local_model=self._models.fragment,
                    consent=self._models.consent_for,
                )
            return self._uploader


def _senders(session: "Session", state: "ModelStore") -> "dict[Any, Any] | None":
    if MICROPYTHON:
        return None
    from .messages.kinds import FILE
    from .upload.exchange import ExchangeSender
    from .upload.iotfile import FileSender
    from .upload.uploadnote import UploadNote

    note = UploadNote(state.directory, state.fs)
    return {"exchange": ExchangeSender(session), FILE: FileSender(session, note)}


def default_transport(
    ca_file: "str | None",
    crl_file: "str | None",
    proxy: "str | None",
    *,
    clock: "Clock | str | None",
    settings: "UploadSettings | None",
) -> "Transport":
    """What sends requests where the script brings nothing of its own; see `Agent.open`."""
    if MICROPYTHON:
        raise ConfigurationError(
            "there is no transport to send with", hint="give transport=… to Agent.open"
        )
    from .transport.cpython import Urllib3Transport

    return Urllib3Transport(
        ca_file=ca_file,
        crl_file=crl_file,
        proxy=proxy,
        max_bytes_per_s=settings.max_bytes_per_s if settings is not None else None,
        clock=clock,
    )
