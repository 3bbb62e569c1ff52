"""Proxies: which one is taken, and what it answers. A real one (proxy.py) on loopback."""

import base64
import logging
import traceback

import pytest

from mcagent.errors import ConfigurationError, TransportError
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.cpython.proxies import environment_proxy, parse_proxy
from mcagent.transport.http import Request
from tests.transport.servers import Server
from tests.transport.test_requests import refused

USER, PASSWORD = "press7", "Pl4nted/Secret"
ESCAPED = "press7:Pl4nted%2FSecret"
ENCODED = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def has_secret(text):
    return (
        "Pl4nted" in text or ENCODED in text or base64.b64encode(b"Pl4nted").decode()[:6] in text
    )


# -- reading a setting


@pytest.mark.parametrize(
    ("text", "url", "address"),
    [
        ("http://proxy:3128", "http://proxy:3128", "proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128", "proxy:3128"),
        ("proxy:3128", "http://proxy:3128", "proxy:3128"),
        ("proxy", "http://proxy:80", "proxy:80"),
        ("https://proxy", "https://proxy:443", "proxy:443"),
        ("HTTP://Proxy.Example:8080", "http://proxy.example:8080", "proxy.example:8080"),
        ("http://[::1]:3128", "http://[::1]:3128", "[::1]:3128"),
        ("user:word@10.0.0.1:80", "http://10.0.0.1:80", "10.0.0.1:80"),
    ],
)
def test_proxy_is_read_in_every_usual_form(text, url, address):
    """With or without a scheme, a port, credentials."""
    proxy = parse_proxy(text, "x")
    assert (proxy.url, proxy.address) == (url, address)


@pytest.mark.parametrize(
    ("user_part", "pair"),
    [
        ("user:word", "user:word"),
        ("user", "user:"),
        ("dom%5Cuser:p%40ss%3Aw%25", "dom\\user:p@ss:w%"),
        ("user:p@ss", "user:p@ss"),
        ("us%C3%A9r:w%C3%B6rd", "usér:wörd"),
    ],
)
def test_credentials_are_decoded_and_sent_as_utf8(user_part, pair):
    """RFC 7617, with percent-encoding as in any URL."""
    proxy = parse_proxy(f"http://{user_part}@proxy:1", "x")
    assert proxy.authorization == "Basic " + base64.b64encode(pair.encode()).decode()
    assert proxy.url == "http://proxy:1"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("socks5://u:Pl4nted@proxy:1080", "socks5:// is not supported"),
        ("http://u:Pl4nted@proxy:port", "port is not a number"),
        ("http://u:Pl4nted@proxy:99999", "port is not a number"),
        ("http://u:Pl4nted@", "names no host"),
        ("http://u:Pl4nted/Secret@proxy:1", ""),
        ("http://u:Pl4nted#x@proxy:1", ""),
        ("http://proxy:1/path", "something follows"),
        ("http://[::1", ""),
    ],
)
def test_unreadable_proxy_is_refused_without_quoting_it(text, flaw):
    """The flaw is named, the text is not: it may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        Urllib3Transport(proxy=text)
    assert flaw in str(caught.value)
    assert "percent-encode" in caught.value.hint
    shown = "".join(traceback.format_exception(caught.value)).replace(repr(text), "")
    assert not has_secret(shown)


# -- reading the environment


def environment(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a:1"}, "a:1"),
        ({"https_proxy": "http://a:1"}, "a:1"),
        ({"HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:2"}, "a:1"),
        ({"HTTP_PROXY": "http://b:2"}, "b:2"),
        ({"ALL_PROXY": "c:3", "HTTP_PROXY": "http://b:2"}, "c:3"),
        ({"HTTPS_PROXY": "a:1", "NO_PROXY": "mindsphere.io"}, None),
        ({"HTTPS_PROXY": "a:1", "no_proxy": "x.example, .eu1.mindsphere.io"}, None),
        ({"HTTPS_PROXY": "a:1", "NO_PROXY": "southgate.eu1.mindsphere.io:443"}, None),
        ({"HTTPS_PROXY": "a:1", "NO_PROXY": "southgate.eu1.mindsphere.io:8443"}, "a:1"),
        ({"HTTPS_PROXY": "a:1", "NO_PROXY": "gate.eu1.mindsphere.io"}, "a:1"),
        ({"HTTPS_PROXY": "a:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": ""}, None),
    ],
)
def test_environment_names_the_proxy(monkeypatch, variables, address):
    """HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and NO_PROXY, in capitals or not."""
    environment(monkeypatch, **variables)
    proxy = environment_proxy("southgate.eu1.mindsphere.io", 443)
    assert (proxy.address if proxy else None) == address


def test_unreadable_variable_is_told_by_its_name(monkeypatch, new_transport):
    """Which variable, but not its value."""
    environment(monkeypatch, HTTPS_PROXY="socks5://u:Pl4nted@proxy:1")
    error = refused(new_transport(), Request("GET", "https://localhost:1/"))
    assert error.kind == "proxy"
    assert "https_proxy" in str(error)
    assert not has_secret("".join(traceback.format_exception(error)))


# -- a real proxy


def test_request_goes_through_the_tunnel(tls_server, new_transport, proxy):
    """CONNECT, then TLS with the host itself; the tunnel is kept like any connection."""
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    for _ in range(3):
        response = transport.send(Request("POST", tls_server.url, body=b"x" * 100_000))
        assert response.status == 200
    assert tls_server.connections == 1
    transport.close()
    proxy.wait_for_tunnel(tls_server.port)
    assert "proxy-authorization" not in tls_server.requests[0].headers


def test_environment_leads_to_the_proxy(tls_server, new_transport, proxy, monkeypatch):
    """Without any setting."""
    environment(monkeypatch, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
    transport = new_transport()
    assert transport.send(Request("GET", tls_server.url)).status == 200
    transport.close()
    proxy.wait_for_tunnel(tls_server.port)


@pytest.mark.parametrize("setting", ["no_proxy", "empty"])
def test_environment_can_be_passed_by(tls_server, new_transport, monkeypatch, setting):
    """NO_PROXY, or `proxy=""`: the dead proxy is not asked."""
    environment(monkeypatch, HTTPS_PROXY="http://127.0.0.1:1")
    request = Request("GET", tls_server.url)
    assert refused(new_transport(), request).kind == "proxy"
    if setting == "no_proxy":
        environment(monkeypatch, NO_PROXY="localhost")
        assert new_transport().send(request).status == 200
    else:
        assert new_transport(proxy="").send(request).status == 200


def test_plain_http_on_loopback_takes_no_proxy(new_transport, monkeypatch):
    """It would carry credentials to the proxy unencrypted."""
    environment(monkeypatch, HTTP_PROXY="http://127.0.0.1:1")
    with Server() as server:
        assert new_transport().send(Request("GET", server.url)).status == 200
        transport = new_transport(proxy="http://127.0.0.1:1")
        assert transport.send(Request("GET", server.url)).status == 200


def test_password_is_given(tls_server, new_transport, proxy_with_password):
    """User and password of the setting reach the proxy, and nobody else."""
    url = f"http://{ESCAPED}@127.0.0.1:{proxy_with_password.port}"
    transport = new_transport(proxy=url)
    assert transport.send(Request("GET", tls_server.url)).status == 200
    assert "proxy-authorization" not in tls_server.requests[0].headers
    assert not has_secret(repr(transport))


@pytest.mark.parametrize(
    ("user_part", "words", "hint"),
    [
        ("", "asks for a user and a password (407, Basic); none is configured", "Write them"),
        ("press7:Pl4ntedWrong@", "refused the user and password", "Check the user and password"),
    ],
)
def test_407_says_whether_a_password_was_given(
    tls_server, new_transport, proxy_with_password, user_part, words, hint, caplog
):
    """The two need different hands; neither shows the password."""
    caplog.set_level(logging.DEBUG)
    proxy = f"http://{user_part}127.0.0.1:{proxy_with_password.port}"
    transport = new_transport(proxy=proxy)
    error = refused(transport, Request("GET", tls_server.url))
    assert error.kind == "proxy"
    assert words in str(error)
    assert hint in error.hint
    assert f"127.0.0.1:{proxy_with_password.port}" in str(error)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(transport)
    assert not has_secret(shown + caplog.text + repr(vars(transport)))
    assert tls_server.connections == 0


def test_host_behind_the_proxy_refuses(new_transport, proxy):
    """The proxy is fine, what it should reach is not."""
    with Server() as server:
        pass
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    error = refused(transport, Request("GET", f"https://localhost:{server.port}/"))
    assert error.kind == "proxy"
    assert f"localhost:{server.port}" in str(error)


def test_certificate_behind_the_proxy_is_checked(new_transport, proxy, tls_server, tmp_path):
    """A tunnel is no reason to trust; the host is named, not the proxy."""
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    request = Request("GET", f"https://127.0.0.1:{tls_server.port}/")
    error = refused(transport, request)
    assert error.kind == "certificate"
    assert "another host" in str(error)
    assert "through the proxy" in str(error)


# -- proxies that misbehave


def answering_connect(answer):
    def talk(connection):
        connection.read_head()
        connection.sock.sendall(answer)

    return talk


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", "answered 403 to CONNECT localhost:1"),
        (b"HTTP/1.0 503 No\r\nX: y\r\n\r\n<html>", "answered 503 to CONNECT"),
        (
            (
                b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n"
                b"Proxy-Authenticate: Negotiate x\r\n\r\n"
            ),
            "takes no password in the form Basic (407); it asks for: NTLM, Negotiate",
        ),
        (b"HTTP/1.1 407 No\r\n\r\n", "it asks for: none that it names"),
        (b"SSH-2.0-x\r\n", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_answer_to_connect_is_told_as_it_was(new_transport, answer, words):
    """Status and schemes are read from the answer, not guessed."""
    with Server(answering_connect(answer)) as server:
        transport = new_transport(proxy=f"http://{ESCAPED}@127.0.0.1:{server.port}")
        error = refused(transport, Request("GET", "https://localhost:1/"))
    assert error.kind == "proxy"
    assert words in str(error)
    assert f"the proxy 127.0.0.1:{server.port}" in str(error)
    assert not has_secret("".join(traceback.format_exception(error)))


def test_silent_proxy_is_given_up(new_transport):
    """Taken, and then nothing."""
    with Server(lambda _connection: server.stopped.wait(60)) as server:
        transport = new_transport(proxy=f"http://127.0.0.1:{server.port}", connect_timeout_s=0.2)
        error = refused(transport, Request("GET", "https://localhost:1/"))
    assert error.kind == "proxy"
    assert "silent for 0.2 s" in str(error)


def test_proxy_that_is_not_there_is_told_by_its_own_name(new_transport):
    """Not as if the platform had refused."""
    error = refused(
        new_transport(proxy="http://nowhere.invalid:3128"), Request("GET", "https://localhost:1/")
    )
    assert error.kind == "proxy"
    assert "no address for the proxy nowhere.invalid:3128" in str(error)


def test_proxy_over_tls_works(tls_server, localhost_context, new_transport):
    """TLS to the proxy, and TLS to the host within."""
    import socket
    import threading

    def pump(source, sink):
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass

    def talk(connection):
        head = connection.read_head()
        heads.append(head)
        with socket.create_connection(("127.0.0.1", tls_server.port)) as onward:
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, connection.sock))
            back.start()
            pump(connection.sock, onward)
            onward.shutdown(socket.SHUT_RDWR)
            back.join()

    heads = []
    with Server(talk, context=localhost_context) as server:
        transport = new_transport(proxy=f"https://{ESCAPED}@localhost:{server.port}")
        response = transport.send(Request("POST", tls_server.url, body=b"y" * 200_000))
        assert response.status == 200
        transport.close()
    assert heads[0].startswith(b"CONNECT localhost:%d " % tls_server.port)
    assert ENCODED.encode() in heads[0]
    assert tls_server.requests[0].body == b"y" * 200_000


def test_errors_are_transport_errors(new_transport):
    """One class to catch."""
    error = refused(new_transport(proxy="http://127.0.0.1:1"), Request("GET", "https://h/"))
    assert isinstance(error, TransportError)
