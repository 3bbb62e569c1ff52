"""Whom TLS trusts, and how it says no. Real handshakes on loopback."""

import datetime as dt
import ssl
import warnings

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcagent.transport.http import Request
from tests.transport.conftest import server_context
from tests.transport.servers import Server
from tests.transport.test_requests import refused

ECDSA = trustme.KeyType.ECDSA
DAY = dt.timedelta(days=1)


def now():
    return dt.datetime.now(dt.timezone.utc)


def serve_certificate(certificate):
    return Server(context=server_context(certificate))


def context_from_pem(folder, *pems):
    path = folder / "server.pem"
    path.write_bytes(b"".join(pems))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def self_signed(folder):
    """A context with a certificate that no CA signed, and the path of that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY)
        .not_valid_after(now() + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "self.pem").write_bytes(pem)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return context_from_pem(folder, key_pem, pem), str(folder / "self.pem")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_good_certificate_is_taken(ca, new_transport, version):
    """TLS 1.2 is what the platform documents, 1.3 what it may move to."""
    context = server_context(ca.issue_cert("localhost", key_type=ECDSA))
    context.minimum_version = context.maximum_version = version
    with Server(context=context) as server:
        assert new_transport().send(Request("GET", server.url)).status == 200


def test_certificate_for_an_address_is_taken(ca, new_transport):
    """Gateways inside a plant often have no name."""
    with serve_certificate(ca.issue_cert("127.0.0.1", key_type=ECDSA)) as server:
        url = f"https://127.0.0.1:{server.port}/"
        assert new_transport().send(Request("GET", url)).status == 200


def test_chain_over_an_intermediate_is_taken(ca, new_transport):
    """The server sends the intermediate; the device knows the root only."""
    intermediate = ca.create_child_ca(key_type=ECDSA)
    with serve_certificate(intermediate.issue_cert("localhost", key_type=ECDSA)) as server:
        assert new_transport().send(Request("GET", server.url)).status == 200


def test_intermediate_alone_can_be_trusted(ca, new_transport, tmp_path):
    """An operator who has only the issuing CA's certificate gives that one."""
    intermediate = ca.create_child_ca(key_type=ECDSA)
    path = tmp_path / "intermediate.pem"
    intermediate.cert_pem.write_to_path(path)
    transport = new_transport(ca_file=str(path))
    with serve_certificate(intermediate.issue_cert("localhost", key_type=ECDSA)) as server:
        assert transport.send(Request("GET", server.url)).status == 200
    with serve_certificate(ca.issue_cert("localhost", key_type=ECDSA)) as server:
        assert refused(transport, Request("GET", server.url)).kind == "certificate"


def test_system_store_is_used_without_a_ca_file(tls_server, new_transport, monkeypatch, ca_file):
    """OpenSSL's own variables move the system's store."""
    request = Request("GET", tls_server.url)
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert new_transport(ca_file=None).send(request).status == 200


def test_expired_certificate_is_refused(ca, new_transport):
    """The message holds what was compared with: this device's clock."""
    certificate = ca.issue_cert("localhost", not_after=now() - DAY, key_type=ECDSA)
    with serve_certificate(certificate) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "certificate"
    assert "has expired" in str(error)
    assert f"clock ({now():%Y-%m-%d}" in str(error)


def test_certificate_of_the_future_is_refused(ca, new_transport):
    """What a device sees whose clock starts in 1970."""
    certificate = ca.issue_cert("localhost", not_before=now() + DAY, key_type=ECDSA)
    with serve_certificate(certificate) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "certificate"
    assert "not valid yet" in str(error)
    assert f"clock ({now():%Y-%m-%d}" in str(error)


def test_certificate_of_another_host_is_refused(ca, new_transport):
    """By name and by address."""
    with serve_certificate(ca.issue_cert("other.example", key_type=ECDSA)) as server:
        for host in ("localhost", "127.0.0.1"):
            request = Request("GET", f"https://{host}:{server.port}/")
            error = refused(new_transport(), request)
            assert error.kind == "certificate"
            assert "for another host" in str(error)
            assert host in str(error)


def test_unknown_ca_is_refused_and_the_store_named(new_transport, ca_file):
    """Which certificates were tried is a fact; what is wrong with them is not guessed."""
    stranger = trustme.CA(key_type=ECDSA).issue_cert("localhost", key_type=ECDSA)
    with serve_certificate(stranger) as server:
        error = refused(new_transport(), Request("GET", server.url))
        assert error.kind == "certificate"
        assert "issuer that is not trusted" in str(error)
        assert f"only what {ca_file} holds" in str(error)
        error = refused(new_transport(ca_file=None), Request("GET", server.url))
        assert "trusted" in str(error)


def test_machine_without_certificates_is_told_so(tls_server, new_transport, monkeypatch, tmp_path):
    """A container without ca-certificates trusts nobody at all."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    error = refused(new_transport(ca_file=None), Request("GET", tls_server.url))
    assert error.kind == "certificate"
    assert "no CA certificates at all" in str(error)
    assert str(tmp_path / "none.pem") in str(error)


def test_self_signed_certificate_is_refused_until_it_is_the_ca_file(new_transport, tmp_path):
    """The one way to trust it is to say so."""
    context, certificate = self_signed(tmp_path)
    with Server(context=context) as server:
        error = refused(new_transport(), Request("GET", server.url))
        assert error.kind == "certificate"
        assert "signed by itself" in str(error)
        transport = new_transport(ca_file=certificate)
        assert transport.send(Request("GET", server.url)).status == 200


def test_tls_1_1_is_refused(ca, new_transport):
    """Whatever the system's OpenSSL would still allow."""
    context = server_context(ca.issue_cert("localhost"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(context=context) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "tls"
    assert "no TLS version from 1.2 on" in str(error)


def test_tls_1_1_would_work_if_it_were_allowed(ca):
    """The test above is about the version and nothing else."""
    server_side = server_context(ca.issue_cert("localhost"))
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(client_side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for context in (server_side, client_side):
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    ends = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    server = server_side.wrap_bio(*ends, server_side=True)
    client = client_side.wrap_bio(*reversed(ends), server_hostname="localhost")
    for side in (client, server) * 4:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
    assert client.version() == "TLSv1.1"


def test_plain_http_on_the_port_is_told_as_such(new_transport):
    """A wrong port in the base URL."""

    def talk(connection):
        connection.sock.recv(10)
        connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.sock.recv(65_536)

    with Server(talk) as server:
        error = refused(new_transport(), Request("GET", f"https://localhost:{server.port}/"))
    assert error.kind == "tls"
    assert "does not speak TLS" in str(error)


def test_handshake_cut_off_is_told_as_such(new_transport):
    """Some firewalls close a connection at the sight of a name they do not like."""
    with Server(lambda connection: connection.sock.recv(10)) as server:
        error = refused(new_transport(), Request("GET", f"https://localhost:{server.port}/"))
    assert error.kind == "tls"
    assert "closed the connection in the TLS handshake" in str(error)


def test_cipher_disagreement_is_told_by_its_reason(ca, new_transport):
    """OpenSSL's own word, in words."""
    context = server_context(ca.issue_cert("localhost", key_type=ECDSA))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")  # needs an RSA key, which this server has not
    with Server(context=context) as server:
        error = refused(new_transport(), Request("GET", server.url))
    assert error.kind == "tls"
    assert "handshake failure" in str(error)


def test_no_setting_switches_verification_off(new_transport):
    """There is no such parameter, and the context in use verifies."""
    from mcagent.transport.cpython.trust import Trust

    context = Trust().context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
