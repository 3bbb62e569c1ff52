"""The boarding configuration that an operator carries to the device: read and checked.

Source: agent API, 2.1. All its properties are optional on paper, so presence is checked here.
"""

import errno

from .calendar import parse_utc
from .errors import ConfigurationError
from .limits import CLIENT_ID_MAX_CHARACTERS, TENANT_MAX_CHARACTERS
from .runtime import FileSystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROFILES = ("SHARED_SECRET", "RSA_3072")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # hosts that http:// is good enough for

_MAX_FILE_BYTES = 1_000_000  # real ones have 2 kB; the Node client keeps its own state in it, too
_CLIENT_ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."
_NEW_FILE = "download the boarding configuration of the agent again and pass it unchanged"


class BoardingConfiguration:
    """What a device needs to register; made by `read_boarding`.

    >>> boarding = read_boarding("agentconfig.json")
    >>> boarding.client_id, boarding.profile
    ('0f5b7c1d2e3a44b59c6d7e8f90a1b2c3', 'SHARED_SECRET')

    Attributes:
        base_url: Scheme and host of the platform, no trailing slash.
        iat: Initial access token, good for one registration. A secret.
        profile: ``"SHARED_SECRET"`` or ``"RSA_3072"``.
        client_id: The agent's id.
        tenant: Goes into the ``ten`` claim.
        expiration_ms: When the initial access token stops working; None where the file does not
            say so.
    """

    def __init__(
        self,
        base_url: str,
        iat: str,
        *,
        profile: str,
        client_id: str,
        tenant: str,
        expiration_ms: "int | None" = None,
    ) -> None:
        self.base_url = base_url
        self.iat = iat
        self.profile = profile
        self.client_id = client_id
        self.tenant = tenant
        self.expiration_ms = expiration_ms

    def __repr__(self) -> str:
        return "<BoardingConfiguration %s %s at %s>" % (
            self.profile,
            self.client_id,
            self.base_url,
        )


def read_boarding(source: "str | dict[str, Any]") -> BoardingConfiguration:
    """Read a boarding configuration and check it.

    Args:
        source: Path of the file, its text (which begins with a brace), or the parsed object.
            Members that are not ours are ignored: the Node client keeps its state in the file.

    Raises:
        ConfigurationError: There is no such file, or it is not usable; the message says which
            field, the hint what to do.

    Source: agent API, 2.1.
    """
    where = "the boarding configuration"
    if not isinstance(source, dict):
        text = str(source)
        if not text.lstrip().startswith("{"):
            where = "the boarding configuration " + text
            text = _read_file(text)
        source = _parse(text, where)
    content = source.get("content")
    if not isinstance(content, dict):
        raise ConfigurationError(
            where + ' has no "content"',
            hint="the platform prepares it for some seconds after the agent was created: "
            + _NEW_FILE,
        )
    return BoardingConfiguration(
        _base_url(_text(content, "baseUrl", where), where),
        _text(content, "iat", where),
        profile=_profile(content.get("clientCredentialProfile"), where),
        client_id=_client_id(content, where),
        tenant=_text(content, "tenant", where, TENANT_MAX_CHARACTERS),
        expiration_ms=_expiration_ms(source.get("expiration"), where),
    )


def read_if_needed(source: "Any", stored: "Any", notes: "list[str]") -> "Any":
    """As `read_boarding`; None, and a note, where it cannot and *stored* credentials need no file.

    A device that works must not stand still because somebody tidied up.
    """
    try:
        return read_boarding(source) if source is not None else None
    except ConfigurationError as error:
        if not (stored and stored["client_id"]):
            raise
        notes.append("%s; this device was given one before, and needs none" % error.message)


def _read_file(path: str) -> str:
    fs = FileSystem()
    try:
        if fs.size(path) > _MAX_FILE_BYTES:
            raise ConfigurationError(
                "%s is too large for a boarding configuration" % path, hint=_NEW_FILE
            )
        return fs.read(path).decode()
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise ConfigurationError(
                "there is no boarding configuration %s" % path,
                hint="an operator downloads it from Asset Manager (agent, Onboard) and gives you "
                "the file",
            )
        raise ConfigurationError(
            "cannot read the boarding configuration %s: %s" % (path, error.args[-1]),
            hint="it must be a file that this user may read",
        )
    except UnicodeError:
        raise ConfigurationError(
            "the boarding configuration %s is not text" % path, hint=_NEW_FILE
        ) from None


def _parse(text: str, where: str) -> "dict[str, Any]":
    import json

    try:
        # Windows editors put a byte order mark there.
        parsed = json.loads(text[1:] if text[:1] == "\ufeff" else text)
    except ValueError:
        # The parser's own words could quote the token: they are not passed on.
        raise ConfigurationError(where + " is not JSON", hint=_NEW_FILE) from None
    if not isinstance(parsed, dict):
        raise ConfigurationError(where + " is not a JSON object", hint=_NEW_FILE)
    return parsed


def _text(content: "dict[str, Any]", name: str, where: str, maximum: "int | None" = None) -> str:
    value = content.get(name)
    if value is None:
        raise ConfigurationError("%s has no content.%s" % (where, name), hint=_NEW_FILE)
    value = value.strip() if isinstance(value, str) else ""
    # A line break in a token would begin another header: RFC 9112, 11.1.
    if not value or any(not "!" <= character <= "~" for character in value):
        raise ConfigurationError(
            "content.%s in %s is not a text of visible ASCII characters" % (name, where),
            hint=_NEW_FILE,
        )
    if maximum is not None and len(value) > maximum:
        raise ConfigurationError(
            "content.%s in %s has %d characters, the maximum is %d"
            % (name, where, len(value), maximum),
            hint=_NEW_FILE,
        )
    return value


def _client_id(content: "dict[str, Any]", where: str) -> str:
    # It becomes part of a URL.
    value = _text(content, "clientId", where, CLIENT_ID_MAX_CHARACTERS)
    if any(character not in _CLIENT_ID_CHARACTERS for character in value):
        raise ConfigurationError(
            "content.clientId in %s holds a character that no id has" % where, hint=_NEW_FILE
        )
    return value


def _base_url(url: str, where: str) -> str:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    host = rest.split("/")[0]
    if not separator or not host or any(character in rest for character in "?#@\\"):
        raise ConfigurationError(
            "content.baseUrl in %s is not the address of a platform" % where,
            hint="it looks like https://southgate.eu1.mindsphere.io; " + _NEW_FILE,
        )
    name = host[: host.find("]") + 1] if host.startswith("[") else host.split(":")[0]
    if scheme == "http" and name.lower() not in LOOPBACK:
        raise ConfigurationError(
            "content.baseUrl in %s is %s://%s: credentials go over TLS only"
            % (where, scheme, host),
            hint="write https:// — http:// is for an emulator on this device (localhost) only",
        )
    if scheme not in ("https", "http"):
        raise ConfigurationError(
            "content.baseUrl in %s begins with %s://" % (where, scheme[:20]),
            hint="it looks like https://southgate.eu1.mindsphere.io; " + _NEW_FILE,
        )
    while rest.endswith("/"):
        rest = rest[:-1]
    return scheme + "://" + rest


def _profile(value: "Any", where: str) -> str:
    # One element in practice; the Node client takes no more than one either (2.1).
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(where + " has no content.clientCredentialProfile", hint=_NEW_FILE)
    if len(names) != 1 or names[0] not in PROFILES:
        raise ConfigurationError(
            "security profile %s in %s is not supported" % (", ".join(names)[:80] or "[]", where),
            hint="create the agent with one of " + " and ".join(PROFILES),
        )
    return str(names[0])


def _expiration_ms(value: "Any", where: str) -> "int | None":
    if value is None:
        return None  # the platform is the one that decides; the date is for better messages
    moment = parse_utc(value) if isinstance(value, str) else None
    if moment is None:
        raise ConfigurationError(
            "expiration in %s is not a time like 2026-11-28T09:15:00.000Z" % where, hint=_NEW_FILE
        )
    return moment
