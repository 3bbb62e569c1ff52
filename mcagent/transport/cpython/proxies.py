"""Which proxy a request takes, from a setting or from the environment."""

from ...errors import ConfigurationError, TransportError


class Proxy:
    """An HTTP proxy that tunnels with CONNECT.

    Attributes:
        url: Scheme, host and port; never the credentials.
        host: Without brackets, where it is an IPv6 address.
        address: ``host:port``, for messages.
        authorization: Value of ``Proxy-Authorization``; ``""`` without credentials.
        source: Where it was configured, for messages.
    """

    def __init__(self, url: str, host: str, address: str, authorization: str, source: str) -> None:
        self.url = url
        self.host = host
        self.address = address
        self.authorization = authorization
        self.source = source

    @property
    def key(self) -> str:
        """Differs where another connection is needed."""
        return self.url + " " + self.authorization

    def __repr__(self) -> str:
        return f"<Proxy {self.url}{' with credentials' if self.authorization else ''}>"


def parse_proxy(text: str, source: str) -> Proxy:
    """Read ``[http[s]://][user[:password]@]host[:port]``, user and password percent-encoded.

    Raises:
        ConfigurationError: It cannot be read. The message does not quote it: it may hold a
            password.
    """
    from urllib.parse import unquote, urlsplit

    flaw = ""
    try:
        parts = urlsplit(text if "://" in text else "http://" + text)
        host, port = parts.hostname, parts.port
    except ValueError:
        flaw = "its port is not a number from 0 to 65535"
    else:
        if parts.scheme not in ("http", "https"):
            flaw = f"{parts.scheme}:// is not supported"
        elif not host:
            flaw = "it names no host"
        elif parts.path.strip("/") or parts.query or parts.fragment:
            flaw = "something follows the port"
    if flaw:
        raise ConfigurationError(
            f"{source} cannot be used: {flaw}",
            hint="It reads http://user:password@host:port; "
            "percent-encode / ? # @ : % in the user and the password.",
        )
    assert host is not None
    # The defaults of curl and wget differ (1080, 80); here the scheme's own.
    port = port or (443 if parts.scheme == "https" else 80)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    authorization = ""
    if parts.username:
        from base64 import b64encode

        pair = unquote(parts.username) + ":" + unquote(parts.password or "")
        # RFC 7617 section 2.1: UTF-8 is what a server means if it says anything at all.
        authorization = "Basic " + b64encode(pair.encode()).decode()
    return Proxy(f"{parts.scheme}://{address}", host, address, authorization, source)


def environment_proxy(host: str, port: int) -> "Proxy | None":
    """The proxy that the environment names for ``https://host:port``; None for none.

    ``https_proxy``, then ``all_proxy``, then ``http_proxy`` (Siemens' Node client knows only the
    last, and devices are configured for it), in small letters or in capitals; ``no_proxy`` as
    Python's own `urllib` reads it, with or without a port.

    Raises:
        TransportError: The variable cannot be read.
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    for name in ("https", "all", "http"):
        if proxies.get(name):
            if proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
                return None
            try:
                return parse_proxy(proxies[name], f"the proxy of the environment ({name}_proxy)")
            except ConfigurationError as error:
                raise TransportError(error.message, kind="proxy", hint=error.hint) from None
    return None
