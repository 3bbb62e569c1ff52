"""Chains and lists of revoked certificates: each cause has its words."""

import os
import time

import pytest

from mcagent.errors import ConfigurationError, TransportError
from mcagent.transport.http import Request
from tests.transport.certificates import Authority, context
from tests.transport.servers import Server
from tests.transport.test_requests import refused


@pytest.fixture(scope="module")
def root():
    return Authority("root")


@pytest.fixture(scope="module")
def between(root):
    return Authority("intermediate", parent=root)


@pytest.fixture
def files(tmp_path, root):
    """`files(name, *pems)`: a PEM file; ``ca.pem`` holds the root."""

    def write(name, *pems):
        (tmp_path / name).write_bytes(b"".join(pems))
        return str(tmp_path / name)

    write("ca.pem", root.pem)
    return write


@pytest.fixture
def transport_for(new_transport, tmp_path, files):
    """A transport that trusts the root; with the lists *pems*."""

    def make(*pems, **settings):
        crl_file = files("crl.pem", *pems) if pems else None
        return new_transport(ca_file=str(tmp_path / "ca.pem"), crl_file=crl_file, **settings)

    return make


def test_intermediate_that_the_host_sends_is_taken(transport_for, tmp_path, between):
    """As every public host does."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        assert transport_for().send(Request("GET", server.url)).status == 200


def test_intermediate_that_the_host_does_not_send_is_told(transport_for, tmp_path, between):
    """The host's mistake, which browsers hide; its own words, and what heals it here."""
    with Server(context=context(tmp_path, between.leaf())) as server:
        error = refused(transport_for(), Request("GET", server.url))
    assert error.kind == "certificate"
    assert "the host sent no certificate of that issuer" in str(error)
    assert "intermediate" in error.hint


def test_foreign_root_that_the_host_sends_is_told(transport_for, tmp_path):
    """A whole chain, of somebody else."""
    stranger = Authority("stranger")
    with Server(context=context(tmp_path, stranger.leaf(), stranger)) as server:
        error = refused(transport_for(), Request("GET", server.url))
    assert error.kind == "certificate"
    assert "ends in a root of its own" in str(error)


def test_certificate_that_is_not_revoked_is_taken(transport_for, tmp_path, root, between):
    """Lists of both CAs, nothing on them."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        transport = transport_for(root.crl(), between.crl())
        assert transport.send(Request("GET", server.url)).status == 200


def test_revoked_certificate_is_refused(transport_for, tmp_path, root, between):
    """By the list of its issuer; without `crl_file` nobody asks."""
    leaf = between.leaf()
    with Server(context=context(tmp_path, leaf, between)) as server:
        request = Request("GET", server.url)
        error = refused(transport_for(root.crl(), between.crl(leaf[0])), request)
        assert transport_for().send(request).status == 200
    assert error.kind == "certificate"
    assert "was revoked by its issuer" in str(error)
    assert "crl.pem" in str(error)


def test_revoked_intermediate_is_refused(transport_for, tmp_path, root, between):
    """The whole chain is looked up."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        transport = transport_for(root.crl(between.certificate), between.crl())
        error = refused(transport, Request("GET", server.url))
    assert "was revoked by its issuer" in str(error)


def test_missing_list_is_an_error(transport_for, tmp_path, root, between):
    """No list is no answer: of the leaf's issuer, and of the issuer's."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        for present in (root.crl(), between.crl()):
            error = refused(transport_for(present), Request("GET", server.url))
            assert error.kind == "certificate"
            assert "holds no list of an issuer" in str(error)
            assert "the root included" in error.hint


def test_expired_list_is_an_error_that_says_so(transport_for, tmp_path, root, between):
    """With the clock that it was compared with; and it is the list, not the certificate."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        old = between.crl(days=(-30, -1))
        error = refused(transport_for(root.crl(), old), Request("GET", server.url))
    assert error.kind == "certificate"
    assert "crl.pem holds a list" in str(error)
    assert "has expired by this device's clock" in str(error)
    assert time.strftime("%Y-%m-%d", time.gmtime()) in str(error)


def test_list_of_the_future_is_an_error_that_says_so(transport_for, tmp_path, root, between):
    """A device whose clock is behind."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        error = refused(
            transport_for(root.crl(), between.crl(days=(1, 30))), Request("GET", server.url)
        )
    assert "not valid yet by this device's clock" in str(error)
    assert "list" in str(error)


def test_list_that_another_signed_is_an_error(transport_for, tmp_path, root, between):
    """A list under the right name with the wrong key."""
    forged = Authority("intermediate", parent=root)
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        error = refused(transport_for(root.crl(), forged.crl()), Request("GET", server.url))
    assert "its issuer did not sign" in str(error)


def test_renewed_list_is_read_again(transport_for, tmp_path, files, root, between):
    """The device that runs for years: revoked while it runs, and healed again."""
    leaf = between.leaf()
    with Server(context=context(tmp_path, leaf, between)) as server:
        transport = transport_for(root.crl(), between.crl())
        request = Request("GET", server.url)
        assert transport.send(request).status == 200
        for number, revoked in enumerate([(leaf[0],), ()]):
            path = files("crl.pem", root.crl(), between.crl(*revoked))
            os.utime(path, (number, number))
            if revoked:
                assert "revoked" in str(refused(transport, request))
            else:
                assert transport.send(request).status == 200


def test_list_that_vanished_is_told(transport_for, tmp_path, root, between):
    """Without the list nothing is sent."""
    with Server(context=context(tmp_path, between.leaf(), between)) as server:
        transport = transport_for(root.crl(), between.crl())
        os.unlink(tmp_path / "crl.pem")
        with pytest.raises(TransportError, match="cannot be read") as caught:
            transport.send(Request("GET", server.url))
        assert caught.value.kind == "certificate"
        assert server.connections == 0


def test_certificate_in_the_list_file_is_no_way_to_be_trusted(new_transport, files):
    """OpenSSL would trust it: whoever may renew lists could add a CA."""
    stranger = Authority("stranger")
    path = files("crl.pem", stranger.crl(), stranger.pem)
    with pytest.raises(ConfigurationError, match="holds a certificate"):
        new_transport(crl_file=path)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\n"])
def test_unusable_list_file_is_told_at_once(new_transport, files, content):
    """A typing error shows when the agent opens, not a week later."""
    with pytest.raises(ConfigurationError, match=r"crl\.pem holds no revocation list"):
        new_transport(crl_file=files("crl.pem", content))


def test_broken_list_is_told_with_the_tool_that_shows_it(new_transport, files, tls_server):
    """PEM around nonsense."""
    path = files("crl.pem", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    with pytest.raises(TransportError) as caught:
        new_transport(crl_file=path).send(Request("GET", tls_server.url))
    assert caught.value.kind == "certificate"
    assert "revocation list that OpenSSL cannot read" in str(caught.value)
    assert "openssl crl" in caught.value.hint


def test_wrong_clock_is_not_corrected_where_lists_count(transport_for, tmp_path, root):
    """The correction would skip the dates of the lists, too."""
    with Server(context=context(tmp_path, root.leaf(days=(1, 90)))) as server:
        error = refused(transport_for(root.crl()), Request("GET", server.url))
        assert "not valid yet" in str(error)
        assert server.requests == []
