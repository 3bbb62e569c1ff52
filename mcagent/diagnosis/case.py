"""The device that is examined, and what the steps so far have learned of it."""

from ..boarding import read_boarding
from ..credentials.answers import redacted
from ..credentials.keystore import Keystore
from ..credentials.record import Record
from ..credentials.requests import public_key
from ..errors import ConfigurationError, TransportError
from ..live import read_live
from ..observer import ReadOnlyFileSystem
from ..runtime import Clock
from ..transport.cpython import Urllib3Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..boarding import BoardingConfiguration
    from ..transport.cpython.proxies import Proxy
    from ..transport.http import Request, Response
    from ..upload.platformview import PlatformView
    from .step import Step

# For one address, and for each request: a doctor is waited for by a person.
CONNECT_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 20.0


class Case:
    """What steps read, and what they add for those after them.

    Args:
        directory: The state directory; it need not exist yet.
        boarding: Boarding configuration, path or parsed; None where the directory has one.
        ca_file, crl_file, proxy: As for `mcagent.Agent.open`.
        clock: The device's clocks; None takes the real ones.

    Raises:
        ConfigurationError: A file or the proxy setting cannot be used.

    Attributes:
        record: The stored credentials, read once and never written.
        live: What the running service says of itself; None without one.
        write_error: Why no file could be written into the state directory; None where it could.
        ca_file, crl_file, proxy_setting: What this examination goes by.
        followed: Those of them (`ca_file`, `crl_file`, `proxy`) that somebody else told, to who.
        other_way: What the service goes by and this examination does not; ``""``.
        proxy_source: Where the proxy setting comes from, for messages.
        proxy_secret: The service gives its proxy a password, which it tells nobody.
        verdicts: Of the steps that were taken, by their names.
        proxy: The one on the way; None for none.
        addresses: Of the proxy, or of the host where there is none.
        answer: The platform's first answer; None where none came.
        error: Why none came.
        offset_ms: The platform's clock minus this device's; None before it was measured.
        token: An access token for the steps after it; ``""``.
        asked: What came of asking for it; None before.
        view: The platform's configuration and mappings; None where they could not be read.
    """

    def __init__(
        self,
        directory: str,
        *,
        boarding: "str | dict[str, Any] | None" = None,
        ca_file: "str | None" = None,
        crl_file: "str | None" = None,
        proxy: "str | None" = None,
        clock: "Clock | None" = None,
    ) -> None:
        self.directory = directory.rstrip("/") or "/"
        self.fs = ReadOnlyFileSystem()
        self.clock = clock or Clock()
        self.proxy_setting = proxy
        self.proxy_source = "the proxy setting"
        self.proxy_secret = False
        self.other_way = ""
        self.ca_file = ca_file
        self.crl_file = crl_file
        self.followed: "dict[str, str]" = {}
        self.transport = self._new_transport()
        self.boarding: "BoardingConfiguration | None" = None
        if boarding is not None:
            self.boarding = read_boarding(boarding)
        self.record = Record({})
        self.live: "dict[str, Any] | None" = None
        self._asked_service = False
        self.write_error: "OSError | None" = None
        self.verdicts: "dict[str, str]" = {}
        self.proxy: "Proxy | None" = None
        self.addresses: "list[str]" = []
        self.answer: "Response | None" = None
        self.error: "TransportError | None" = None
        self.offset_ms: "int | None" = None
        self.token = ""
        self.asked: "Step | None" = None
        self.view: "PlatformView | None" = None

    def read_record(self) -> "list[str]":
        """Read the stored credentials; what was found wrong with them.

        Raises:
            ConfigurationError: A newer mcagent wrote them, or the boarding configuration is
                another agent's.
            OSError: They cannot be read.
        """
        keystore = Keystore(self.directory, self.fs)
        self.record = Record(keystore.load() or {})
        if self.boarding is not None:
            self.record.check_agent(self.boarding)
        return keystore.notes

    def go_by(self, settings: "dict[str, str]", source: str) -> None:
        """Take *settings* (`ca_file`, `crl_file`, `proxy`) for this examination; from *source*.

        Raises:
            ConfigurationError: A file cannot be used; nothing has changed then.
        """
        before = (self.ca_file, self.crl_file, self.proxy_setting)
        self.ca_file = settings.get("ca_file", self.ca_file)
        self.crl_file = settings.get("crl_file", self.crl_file)
        self.proxy_setting = settings.get("proxy", self.proxy_setting)
        try:
            transport = self._new_transport()
        except ConfigurationError:
            self.ca_file, self.crl_file, self.proxy_setting = before
            raise
        self.transport.close()
        self.transport = transport
        self.followed.update(dict.fromkeys(settings, source))
        if "proxy" in settings:
            self.proxy_source = source

    def _new_transport(self) -> Urllib3Transport:
        return Urllib3Transport(
            ca_file=self.ca_file,
            crl_file=self.crl_file,
            proxy=self.proxy_setting,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            read_timeout_s=REQUEST_TIMEOUT_S,
            clock=self.clock,
        )

    def ask_service(self) -> "dict[str, Any] | None":
        """The status of the running service, asked once; None where none tells."""
        if not self._asked_service:
            self._asked_service = True
            self.live = read_live(self.directory)
        return self.live

    @property
    def base_url(self) -> str:
        """Scheme and host of the platform; ``""`` where nobody told yet."""
        if self.record.base_url:
            return self.record.base_url
        return self.boarding.base_url if self.boarding is not None else ""

    @property
    def client_id(self) -> str:
        """The agent's id; ``""`` where nobody told yet."""
        if self.record.client_id:
            return self.record.client_id
        return self.boarding.client_id if self.boarding is not None else ""

    @property
    def host(self) -> str:
        return self._split()[0]

    @property
    def port(self) -> int:
        return self._split()[1]

    @property
    def tls(self) -> bool:
        return self.base_url.startswith("https://")

    def platform_now_ms(self) -> int:
        """The time by the platform's clock, as well as it is known."""
        return self.clock.now_ms() + (self.offset_ms or 0)

    def now_ms(self) -> int:
        """As `platform_now_ms`: what `PlatformView` asks of a session."""
        return self.platform_now_ms()

    def reach(self) -> None:
        """Ask the platform for its public key, once: no credential, and the time for nothing."""
        if self.answer is not None or self.error is not None:
            return
        try:
            self.answer = self.transport.send(public_key(self.base_url))
        except TransportError as error:
            self.error = error

    def send(self, request: "Request") -> "Response":
        """Send *request* with the access token: what `PlatformView` asks of a session."""
        request.headers = dict(request.headers, Authorization="Bearer " + self.token)
        return self.transport.send(request)

    def words(self, response: "Response") -> str:
        """Status and the platform's words, without what a gateway may repeat of a request."""
        return f"{response.status} {redacted(response.reason(), self.secrets())}".strip()

    @property
    def lifecycle(self) -> "Case":
        """What `PlatformView` asks of a session: who has secrets."""
        return self

    def secrets(self) -> "list[str]":
        return self.record.secrets() + ([self.token] if self.token else [])

    def _split(self) -> "tuple[str, int]":
        from urllib.parse import urlsplit

        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
