"""HTTP over TLS with urllib3: pooled, always verified, bounded in time. CPython only."""

from ...errors import ConfigurationError, TransportError
from ..http import BytesBody, Request, Response, Transport, pieces
from .proxies import environment_proxy, parse_proxy
from .trust import Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool, PoolManager
    from urllib3.util import Url

    from ...runtime import Clock
    from ..http import Body
    from .dates import CorrectedClock
    from .dialing import Resolver
    from .pace import Pace
    from .progress import Progress
    from .proxies import Proxy

# One request in all. 300 s is what Siemens' C library waits (specification of the agent API, 1.2);
# a body may take longer by its size over the slowest link that is still used, 5 kbit/s with some
# loss. Silence ends a request long before either, so this only stops a peer that drips.
TOTAL_TIMEOUT_S = 300
SLOWEST_BYTES_PER_S = 500
LEAST_BYTES_PER_S = 100  # below it the head of a request alone would take ten seconds

# Kinds that say: not a byte of the request reached the host.
NOTHING_SENT = ("dns", "connect", "tls", "certificate", "proxy")

ONCE_GRACE_S = 10  # how long `close` waits for an answer that exists only once
CLOCK_CODES = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID and …_HAS_EXPIRED
PIECE_BYTES = 65_536  # one write: four TLS records; larger ones were not faster (measured)


class Urllib3Transport(Transport):
    """Send requests through urllib3 1.26.12 or newer, which is loaded by the first one.

    TLS is 1.2 or newer and always verified; nothing switches that off. Connections are kept alive
    and replaced when the peer has closed them. ``http://`` is for loopback only.

        transport = Urllib3Transport(ca_file="/etc/ssl/our-ca.pem", proxy="http://proxy:3128")
        response = transport.send(Request("GET", "https://southgate.eu1.mindsphere.io/"))

    Args:
        ca_file: PEM file with the only CAs to trust; None trusts the system's.
        crl_file: PEM file with the revocation lists of every CA in the chain, read again when it
            has changed. With it a wrong clock is not corrected.
        proxy: ``"http://user:password@host:port"`` (also ``https://``, or without a scheme) for
            every ``https://`` request; None reads the environment, ``""`` connects directly.
        connect_timeout_s: For each address of the host, and again for the TLS handshake.
        read_timeout_s: Longest silence of the peer, sending and receiving alike.
        max_bytes_per_s: At most so many bytes of requests a second, TLS and TCP not counted; None
            for as fast as they go. A request gets as much more time.
        user_agent: None sends ``mcagent/<version>``.
        clock: The device's clocks; None takes the real ones. Where a certificate is refused for
            the clock alone, the host's is measured and used (docs/adr/0009); ``"system"``
            switches that off.

    Raises:
        ConfigurationError: The CA file or the proxy cannot be used.
    """

    def __init__(
        self,
        *,
        ca_file: "str | None" = None,
        crl_file: "str | None" = None,
        proxy: "str | None" = None,
        connect_timeout_s: float = 10,
        read_timeout_s: float = 60,
        max_bytes_per_s: "float | None" = None,
        user_agent: "str | None" = None,
        clock: "Clock | str | None" = None,
    ) -> None:
        self._trust = Trust(ca_file, crl_file)
        self._trust_version = 0
        self._from_environment = proxy is None
        self._proxy = parse_proxy(proxy, "the proxy setting") if proxy else None
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._user_agent = user_agent or _default_user_agent()
        self._managers: dict[tuple[str, bool], PoolManager] = {}  # proxy key, dates by OpenSSL
        if isinstance(clock, str) and clock != "system":
            raise ConfigurationError(
                f"clock={clock!r} is not a clock", hint='give a Clock, None, or "system"'
            )
        self._clock = clock
        self._corrected: "CorrectedClock | None" = None
        self._under_way: "dict[Progress, bool]" = {}  # True: see Request.once
        self._resolver: "Resolver | None" = None
        if max_bytes_per_s is not None and not max_bytes_per_s >= LEAST_BYTES_PER_S:
            raise ConfigurationError(
                f"max_bytes_per_s={max_bytes_per_s!r} is no speed to upload with",
                hint=f"{LEAST_BYTES_PER_S} or more; None for no limit",
            )
        self._max_bytes_per_s = max_bytes_per_s
        self._pace: "Pace | None" = None
        self._used: "Proxy | None" = None  # by the last request
        self._target_text = ""  # of the last request, and taken apart
        self._target_url: "Url | None" = None

    def __repr__(self) -> str:
        return f"<Urllib3Transport ca_file={self._trust.ca_file!r} proxy={self._proxy!r}>"

    @property
    def way(self) -> "dict[str, object]":
        """How requests go, for a doctor in another process: files and addresses, no secret."""
        proxy = self._used
        return {
            **self._trust.files(),
            "proxy": None if self.via is None else "" if proxy is None else proxy.url,
            "proxy_password": proxy is not None and bool(proxy.authorization),
            "request_left_s": max((p.left_s() for p in list(self._under_way)), default=None),
        }

    def send(self, request: "Request") -> Response:
        """Send *request* and read the whole answer.

        A request on a kept-alive connection that turns out closed before a byte of the answer
        is sent once more on a fresh one, unless it is `single`: the peer has most likely never
        read it, and the service takes a repeated exchange (delivery is at least once).

        Raises:
            TransportError: There was no answer; `kind` names the step that failed.
        """
        url = self._target(request.url)
        proxy = self._proxy_for(url)
        self._used = proxy
        self.via = "" if proxy is None else f"{proxy.url} ({proxy.source})"
        progress = self._progress(request, url, proxy)
        self._under_way[progress] = request.once
        try:
            return self._with_clock(request, url, progress)
        except ConfigurationError as error:  # a file that was good when this was made
            raise TransportError(error.message, kind="certificate", hint=error.hint) from error
        finally:
            del self._under_way[progress]
            progress.finish()

    def probe(self, url: str) -> "bool | None":
        """Whether the host of *url*, through the proxy if there is one, takes a connection."""
        from urllib3.util import parse_url

        from .reach import REACH_S, reach

        target = parse_url(url)
        try:
            proxy = self._proxy_for(target)
        except TransportError:
            return None
        request = Request("GET", url, timeout_s=REACH_S)
        request.total_s = REACH_S
        progress = self._progress(request, target, proxy)
        self._under_way[progress] = False
        try:
            port = target.port or (443 if target.scheme == "https" else 80)
            return reach(str(target.host).strip("[]"), port, progress)
        finally:
            del self._under_way[progress]
            progress.finish()

    @property
    def clock_offset_ms(self) -> "int | None":
        """The host's clock minus this device's, where TLS had to measure it; else None."""
        return self._corrected.offset_ms if self._corrected else None

    def _target(self, text: str) -> "Url":
        """*text* taken apart; nearly every request goes where the last one went."""
        if self._target_text == text and self._target_url is not None:
            return self._target_url
        from urllib3.exceptions import LocationParseError
        from urllib3.util import parse_url

        try:
            url = parse_url(text)
        except LocationParseError:
            raise TransportError(f"{text!r} is not a URL", kind="other") from None
        _check_scheme(url)
        self._target_text, self._target_url = text, url
        return url

    def _with_clock(self, request: "Request", url: "Url", progress: "Progress") -> Response:
        try:
            return self._attempts(self._pool(url, progress), request, url.request_uri, progress)
        except TransportError as error:
            # OpenSSL would skip the dates of revocation lists, too: those need a good clock.
            believed = self._clock == "system" or self._trust.crl_file is not None
            if progress.verify_code not in CLOCK_CODES or believed:
                raise
            refusal = error
        self._ask_the_time(url, progress, refusal)
        return self._attempts(self._pool(url, progress), request, url.request_uri, progress)

    def _ask_the_time(self, url: "Url", progress: "Progress", refusal: TransportError) -> None:
        """One request without a credential and without dates; what it tells, if it may count.

        Raises:
            TransportError: Something else is wrong with the certificate, too, or the host's
                clock must not stand in for ours.
        """
        from .dates import CorrectedClock, header_ms, objection, period

        clock = self._corrected
        if clock is None:
            from ...runtime import Clock

            assert not isinstance(self._clock, str)
            clock = CorrectedClock(self._clock or Clock())
        certificates: "list[tuple[int, int]]" = []
        manager = self._new_manager(progress, dates=False)
        progress.take_certificates = certificates.extend
        try:
            pool = manager.connection_from_host(url.host, port=url.port, scheme=url.scheme)
            answer = self._attempt(pool, Request("GET", f"https://{url.netloc}/"), "/", progress)
        except TransportError as error:
            if error.kind in (*NOTHING_SENT, "aborted"):
                raise
            reason = f"{error}"
        else:
            host_ms = header_ms(answer.header("date"))
            reason = objection(clock.own_ms(), host_ms, certificates)
        finally:
            manager.clear()  # its connection is not good for anything else
            progress.take_certificates = None
        if reason or host_ms is None:
            raise TransportError(
                f"{refusal}; it is valid from {period(certificates)}. The host was asked for the "
                f"time: {reason}",
                kind="certificate",
                hint="Set this device's clock if it is wrong; if it is right, the host needs a "
                "new certificate.",
            )
        clock.learn(host_ms, progress.host)
        self._corrected = clock

    def _attempts(
        self, pool: "HTTPConnectionPool", request: "Request", path: str, progress: "Progress"
    ) -> Response:
        try:
            return self._attempt(pool, request, path, progress)
        except TransportError as error:
            fresh = not progress.reused or progress.answered or request.single
            if error.kind != "closed" or fresh:
                raise
            first = error
        try:
            return self._attempt(pool, request, path, progress)
        except TransportError as error:
            if error.kind in NOTHING_SENT:
                # The peer may have read the first one after all: a caller that hears "connect"
                # would conclude that nothing was sent.
                raise TransportError(
                    f"{first}; then: {error}", kind=first.kind, hint=error.hint
                ) from error
            raise

    def close(self) -> None:
        """Close idle connections and break off what other threads send; usable again.

        A broken request ends with kind ``"aborted"``, at once, whatever it waits for. One whose
        answer exists only once (registration, rotation) gets 10 s to come to its end.
        """
        for progress, once in list(self._under_way.items()):
            if once:
                progress.over.wait(ONCE_GRACE_S)
            progress.break_off()
        self._clear()

    def _clear(self) -> None:
        managers, self._managers = self._managers, {}
        for manager in managers.values():
            manager.clear()

    def _attempt(
        self, pool: "HTTPConnectionPool", request: "Request", path: str, progress: "Progress"
    ) -> Response:
        from http.client import HTTPException

        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        from .answers import read_answer
        from .causes import translate

        body = request.body
        progress.restart()
        pool.watch(progress)  # type: ignore[attr-defined]
        try:
            response = pool.urlopen(
                request.method,
                path,
                # `pieces` raises TransportError itself, which urllib3 lets through after closing
                # the connection: the peer never sees a body of the promised length.
                body=pieces(body, PIECE_BYTES) if body and body.length else None,
                headers=self._headers(request, body),
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(connect=self._connect_timeout_s, read=progress.silence_s),
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
            return read_answer(response, keep=progress.sent)
        except (HTTPError, HTTPException, OSError) as error:
            raise translate(error, progress, trust=self._trust) from error

    def _headers(self, request: "Request", body: "Body | None") -> "dict[str, str]":
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": self._user_agent,
            "Correlation-ID": request.correlation_id,
        }
        headers.update(request.headers)
        for name, value in headers.items():
            # http.client would refuse them too, but quote the value, which can be a token.
            if not (value.isascii() and value.isprintable()):
                raise TransportError(
                    f"the header {name} holds a character that HTTP does not allow", kind="other"
                )
        if body is None and request.method in ("POST", "PUT"):
            body = BytesBody(b"")
        if body is not None:
            headers["Content-Length"] = str(body.length)
        return headers

    def _progress(self, request: "Request", url: "Url", proxy: "Proxy | None") -> "Progress":
        from .dialing import Resolver
        from .progress import Progress

        self._resolver = self._resolver or Resolver()
        if self._max_bytes_per_s is not None and self._pace is None:
            from .pace import Pace

            self._pace = Pace(self._max_bytes_per_s)
        length = request.body.length if request.body else 0
        total_s = TOTAL_TIMEOUT_S + length / SLOWEST_BYTES_PER_S
        if self._pace is not None:
            total_s += length / self._pace.bytes_per_s
        return Progress(
            host=f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}",
            proxy=proxy,
            connect_timeout_s=self._connect_timeout_s,
            silence_s=request.timeout_s or self._read_timeout_s,
            total_s=total_s if request.total_s is None else min(total_s, request.total_s),
            resolver=self._resolver,
            pace=self._pace,
        )

    def _proxy_for(self, url: "Url") -> "Proxy | None":
        if url.scheme == "http":  # loopback: what stays on this machine needs no one between
            return None
        if self._from_environment:
            return environment_proxy(str(url.host), url.port or 443)
        return self._proxy

    def _new_manager(self, progress: "Progress", *, dates: bool) -> "PoolManager":
        from .connections import new_manager

        return new_manager(self._trust, progress.proxy, user_agent=self._user_agent, dates=dates)

    def _pool(self, url: "Url", progress: "Progress") -> "HTTPConnectionPool":
        version = self._trust.version()
        if version != self._trust_version:
            self._clear()
            self._trust_version = version
        key = (progress.proxy.key if progress.proxy else "", self._corrected is None)
        if self._corrected is not None:
            progress.take_certificates = self._corrected.check
        if key not in self._managers:
            self._managers[key] = self._new_manager(progress, dates=self._corrected is None)
        manager = self._managers[key]
        return manager.connection_from_host(url.host, port=url.port, scheme=url.scheme)


def _check_scheme(url: "Url") -> None:
    if url.scheme == "https" and url.host:
        return
    if url.scheme != "http" or not url.host:
        raise TransportError(f"{url.scheme}: is not a scheme that mcagent speaks", kind="other")
    from ipaddress import ip_address

    try:
        loopback = ip_address(url.host.strip("[]")).is_loopback
    except ValueError:
        loopback = url.host == "localhost"
    if not loopback:
        raise TransportError(
            f"http:// to {url.host} is refused: credentials would cross the network unencrypted",
            kind="other",
            hint="Use https://; http:// is for this machine's own loopback address only.",
        )


def _default_user_agent() -> str:
    from ... import __version__

    return "mcagent/" + __version__
