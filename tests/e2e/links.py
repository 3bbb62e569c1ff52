"""Faults between the device and the platform, TLS and proxies: generators over a `Scene`."""

import contextlib
import ssl
import warnings

from tests.transport.certificates import Authority, context
from tests.transport.servers import Server

MINUTES_10 = 600


@contextlib.contextmanager
def impostor(scene, tls, talk=None):
    """Something else stands where the hub was, and takes whatever it is given."""
    scene.hub.disconnect()
    with Server(talk, context=tls, port=scene.hub.port) as server:
        yield server
    scene.hub.reconnect()


def bad_certificate(make, *, asked=False):
    """*make* gives the TLS context of somebody in between, who gets nothing.

    *asked*: where only the dates are wrong, it is asked for the time, without a credential.
    """

    def fault(scene):
        with impostor(scene, make(scene)) as server:
            yield MINUTES_10
            assert server.connections
            assert bool(server.requests) == asked
            for request in server.requests:
                assert (request.method, request.path, request.body) == ("GET", "/", b"")
                assert "authorization" not in request.headers
        yield 1

    return fault


def unknown_authority(scene):
    return context(scene.folder, Authority("root").leaf())


def self_signed(scene):
    return context(scene.folder, Authority("localhost").leaf())


def expired(scene):
    return context(scene.folder, scene.authority.leaf(days=(-90, -1)))


def other_host(scene):
    return context(scene.folder, scene.authority.leaf("other.example"))


def under_an_expired_authority(scene):
    between = Authority("intermediate", parent=scene.authority, days=(-90, -1))
    return context(scene.folder, between.leaf(), between)


def tls_of_2006(scene):
    made = context(scene.folder, scene.authority.leaf())
    made.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    return made


def revoked(scene):
    """The list of revoked certificates has that of the one in between."""
    leaf = scene.authority.leaf()
    lists = scene.folder / "crl.pem"
    lists.write_bytes(scene.authority.crl(leaf[0]))
    scene.open(crl_file=str(lists))
    with impostor(scene, context(scene.folder, leaf)) as server:
        yield MINUTES_10
        assert server.connections
        assert not server.requests
    yield 1


def list_expired(scene):
    """The list of revoked certificates was not renewed for a day."""
    lists = scene.folder / "crl.pem"
    lists.write_bytes(scene.authority.crl(days=(-30, -1)))
    scene.open(crl_file=str(lists))
    yield MINUTES_10
    assert scene.pending, "nobody may be believed by an old list"
    lists.write_bytes(scene.authority.crl())


def refused(scene):
    scene.hub.disconnect()
    yield MINUTES_10
    scene.hub.reconnect()


def cut_in_the_body(scene):
    """Half of the body is read, then the connection is reset."""

    def talk(connection):
        connection.read_head()
        connection.reset()

    good = context(scene.folder, scene.authority.leaf())
    with impostor(scene, good, talk) as server:
        yield MINUTES_10
        assert server.connections
    yield 1


def cut_in_the_answer(scene):
    """A 200 that ends in its head is none."""

    def talk(connection):
        if connection.read_request():
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConte")

    good = context(scene.folder, scene.authority.leaf())
    with impostor(scene, good, talk):
        yield MINUTES_10
    yield 1


def half_of_a_page(scene):
    """The head of a 200 promises more than comes."""

    def talk(connection):
        if connection.read_request():
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")

    good = context(scene.folder, scene.authority.leaf())
    with impostor(scene, good, talk):
        yield MINUTES_10
    yield 1


def proxy_without_a_name(scene):
    """The proxy's name does not resolve until somebody corrects the setting."""
    scene.open(proxy="http://proxy.invalid:3128")
    yield MINUTES_10
    assert scene.pending
    scene.open()


def through_a_proxy(scene):
    scene.open(proxy="http://127.0.0.1:%d" % scene.proxy())
    yield 60


def wrong_password(scene):
    """407 to CONNECT until somebody corrects the password."""
    port = scene.proxy("--basic-auth", "press7:Pl4nted/Secret")
    scene.open(proxy="http://press7:wrong@127.0.0.1:%d" % port)
    yield MINUTES_10
    assert scene.pending
    scene.open(proxy="http://press7:Pl4nted%%2FSecret@127.0.0.1:%d" % port)
    yield 60


NETWORK = [
    ("connection refused", refused, 0),
    ("cut in the middle of a body", cut_in_the_body, 0),
    ("cut in the middle of an answer's head", cut_in_the_answer, 0),
    ("cut in the middle of an answer's body", half_of_a_page, 0),
    ("certificate of an unknown authority", bad_certificate(unknown_authority), 0),
    ("self-signed certificate", bad_certificate(self_signed), 0),
    ("expired certificate", bad_certificate(expired, asked=True), 0),
    ("expired intermediate authority", bad_certificate(under_an_expired_authority, asked=True), 0),
    ("certificate of another host", bad_certificate(other_host), 0),
    ("revoked certificate", revoked, 0),
    ("expired list of revoked certificates", list_expired, 0),
    ("TLS 1.1", bad_certificate(tls_of_2006), 0),
    ("the proxy's name does not resolve", proxy_without_a_name, 0),
    ("through a proxy", through_a_proxy, 0),
    ("proxy refuses the password: 407", wrong_password, 0),
]
