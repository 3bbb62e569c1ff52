"""Who asks: an application, a service user, or an agent with its own token.

Each knows the request that gets it a token, and nothing else. The secret is in no `repr`.
"""

import base64
import json
import os
import re
import stat
from urllib.parse import urlsplit

from ..errors import ConfigurationError, NotOnboarded
from ..runtime import FileSystem
from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..credentials.record import Record

_TOKEN_MANAGER = "/api/technicaltokenmanager/v3/oauth/token"  # noqa: S105 - a path
_GATEWAY_HOST = re.compile(r"\bgateway\b")
_FORM = "application/x-www-form-urlencoded"


class Credentials:
    """Something that a `Session` gets tokens with.

    Attributes:
        may_change: The secret may be another one a moment later, so a refusal is not the end.
    """

    may_change = False

    def token_request(self, gateway: str, platform_ms: int) -> Request:
        """The request for a token.

        Args:
            gateway: Origin of the platform's gateway.
            platform_ms: The platform's time, as well as it is known.
        """
        raise NotImplementedError

    def secrets(self) -> "list[str]":
        """What must not be shown, wherever it turns up."""
        raise NotImplementedError

    @property
    def who(self) -> str:
        """A name for messages."""
        raise NotImplementedError

    @property
    def tenant(self) -> str:
        """The tenant whose things are seen."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.who}>"


class ApplicationCredentials(Credentials):
    """Credentials of an application, for the Technical Token Manager.

    Example:
        >>> ApplicationCredentials("demo-edgetest-v1.0.0", secret, app_name="edgetest",
        ...     app_version="v1.0.0", host_tenant="demo")

    Args:
        client_id: ``{host tenant}-{application}-{version}``.
        client_secret: As the platform showed it once.
        app_name: Name of the application.
        app_version: Its version.
        host_tenant: The tenant that owns the application.
        user_tenant: The tenant whose things are asked for; None for the same.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        app_name: str,
        app_version: str,
        host_tenant: str,
        user_tenant: "str | None" = None,
    ) -> None:
        self._pair = _checked_pair(client_id, client_secret)
        self._names = {
            "appName": app_name,
            "appVersion": app_version,
            "hostTenant": host_tenant,
            "userTenant": user_tenant or host_tenant,
        }

    def token_request(self, gateway: str, platform_ms: int) -> Request:  # noqa: ARG002
        # Source: services API 6.2. The client's basic credentials under a name of their own.
        headers = {"X-SPACE-AUTH-KEY": _basic(self._pair), "Content-Type": "application/json"}
        body = json.dumps(self._names).encode()
        return Request("POST", gateway + _TOKEN_MANAGER, headers, body)

    def secrets(self) -> "list[str]":
        return [self._pair[1], _basic(self._pair)[6:]]

    @property
    def who(self) -> str:
        return f"application {self._pair[0]}"

    @property
    def tenant(self) -> str:
        return self._names["userTenant"]


class ServiceCredentials(Credentials):
    """Credentials of a service user of one tenant.

    Example:
        >>> ServiceCredentials("demo-service-1", secret, tenant="demo")

    Args:
        client_id: Name of the service user.
        client_secret: As the platform showed it once.
        tenant: Its tenant.
        token_url: Where tokens are to be had; None makes it of the gateway's address:
            ``https://{tenant}.piam.{region}.mindsphere.io/oauth/token``.
    """

    def __init__(
        self, client_id: str, client_secret: str, *, tenant: str, token_url: "str | None" = None
    ) -> None:
        self._pair = _checked_pair(client_id, client_secret)
        self._tenant = tenant
        self._token_url = token_url

    def token_request(self, gateway: str, platform_ms: int) -> Request:  # noqa: ARG002
        # Source: services API 6.1.
        url = self._token_url
        if url is None:
            parts = urlsplit(gateway)
            host = _GATEWAY_HOST.sub(f"{self._tenant}.piam", parts.netloc, count=1)
            url = f"{parts.scheme}://{host}/oauth/token"
        headers = {"Authorization": _basic(self._pair), "Content-Type": _FORM}
        return Request("POST", url, headers, b"grant_type=client_credentials")

    def secrets(self) -> "list[str]":
        return [self._pair[1], _basic(self._pair)[6:]]

    @property
    def who(self) -> str:
        return f"service user {self._pair[0]}"

    @property
    def tenant(self) -> str:
        return self._tenant


class AgentCredentials(Credentials):
    """The token of an agent that was onboarded from this machine, read from its state directory.

    A service may own the directory: nothing is locked or written, and a further token takes
    nothing from it. What an agent's token reaches is little: services API 6.5.

    Args:
        state_directory: As given to ``Agent.open``.

    Raises:
        NotOnboarded: There are no credentials in it.
    """

    may_change = True

    def __init__(self, state_directory: str) -> None:
        self._directory = state_directory.rstrip("/") or "/"
        self._secrets: "list[str]" = []
        record = self._read()
        self._client_id = record.client_id
        self._tenant = record.tenant
        self.gateway = record.base_url

    def token_request(self, gateway: str, platform_ms: int) -> Request:  # noqa: ARG002
        from ..credentials.composer import Composer

        # Read anew: the service beside us rotates the secret.
        composer = Composer(self._read(), new_key=None, signer_for=None)
        return composer.build(("token", "current"), platform_ms)

    def secrets(self) -> "list[str]":
        return self._secrets

    @property
    def who(self) -> str:
        return f"agent {self._client_id}"

    @property
    def tenant(self) -> str:
        return self._tenant

    def _read(self) -> "Record":
        from ..credentials.keystore import Keystore
        from ..credentials.record import Record

        record = Record(Keystore(self._directory, _ReadOnly()).load() or {})
        if record.current is None:
            raise NotOnboarded(
                f"the agent in {self._directory} is not onboarded",
                hint="onboard it first, or use an application's credentials",
            )
        self._secrets = record.secrets()
        return record


class _ReadOnly(FileSystem):
    """What `Keystore.load` would mend on the way is its owner's to mend."""

    def write_atomic(self, path: str, data: bytes) -> None:
        pass

    def make_private(self, path: str) -> bool:  # noqa: ARG002
        return False

    def sync_dir(self, path: str) -> None:
        pass

    def rename(self, source: str, target: str) -> None:
        pass

    def remove(self, path: str) -> None:
        pass


def read_credentials(path: str) -> "tuple[Credentials, str]":
    """Read a credentials file; return them and the gateway that it names (``""`` for none).

    A JSON object with ``clientId``, ``clientSecret`` and ``tenant``; for an application also
    ``appName`` and ``appVersion``; optional ``userTenant``, ``tokenUrl``, ``gateway``.

    Raises:
        ConfigurationError: It is not such a file, or other users may read it.
    """
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            value = json.load(file)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the credentials {path}: {error.strerror}", hint="is the path right?"
        ) from error
    except ValueError:
        # The parser's own words would quote a piece of the file.
        raise ConfigurationError(f"the credentials {path} are not JSON", hint=_FILE_HINT) from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"the credentials {path} can be read by other users of this machine",
            hint=f"chmod 600 {path}",
        )
    return _of_file(value, path)


_FILE_HINT = 'it reads {"clientId": "…", "clientSecret": "…", "tenant": "…"}'


def _of_file(value: "Any", path: str) -> "tuple[Credentials, str]":
    if not isinstance(value, dict):
        raise ConfigurationError(f"the credentials {path} are no JSON object", hint=_FILE_HINT)
    wanted = ["clientId", "clientSecret", "tenant"]
    # The local hub writes an empty version into those of a service user.
    application = bool(value.get("appVersion", "appName" in value))
    if application:
        wanted += ["appName", "appVersion"]
    for name in wanted:
        if not isinstance(value.get(name), str) or not value[name]:
            raise ConfigurationError(f"the credentials {path} have no {name}", hint=_FILE_HINT)
    found: Credentials
    pair = (value["clientId"], value["clientSecret"])
    if application:
        found = ApplicationCredentials(
            *pair,
            app_name=value["appName"],
            app_version=value["appVersion"],
            host_tenant=value["tenant"],
            user_tenant=value.get("userTenant"),
        )
    else:
        found = ServiceCredentials(*pair, tenant=value["tenant"], token_url=value.get("tokenUrl"))
    gateway = value.get("gateway")
    return found, gateway if isinstance(gateway, str) else ""


def _checked_pair(client_id: str, client_secret: str) -> "tuple[str, str]":
    for name, text in (("client id", client_id), ("client secret", client_secret)):
        if not isinstance(text, str) or not text or not text.isprintable():
            raise ConfigurationError(f"the {name} is empty or no text", hint=_FILE_HINT)
    if ":" in client_id:
        # RFC 7617 section 2: the first colon ends the user's name.
        raise ConfigurationError(f"the client id {client_id!r} holds a colon", hint=_FILE_HINT)
    return client_id, client_secret


def _basic(pair: "tuple[str, str]") -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode()
