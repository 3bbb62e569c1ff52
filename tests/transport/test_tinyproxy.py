"""A second real proxy, Debian's tinyproxy: written by others, in another language than ours."""

import shutil
import socket
import subprocess
import time

import pytest

from mcagent.transport.http import Request
from tests.transport.servers import Server
from tests.transport.test_requests import GeneratedBody, refused


class TinyProxy:
    """tinyproxy on a free port, in the foreground; *lines* are added to its configuration."""

    def __init__(self, folder, *lines):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._log = folder / "log"
        configuration = folder / "tinyproxy.conf"
        configuration.write_text(
            "\n".join(
                [
                    f"Port {self.port}",
                    "Listen 127.0.0.1",
                    "Timeout 20",
                    "MaxClients 20",
                    "LogLevel Connect",
                    f'LogFile "{self._log}"',
                    *lines,
                    "",
                ]
            )
        )
        command = [shutil.which("tinyproxy"), "-d", "-c", str(configuration)]
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, (folder / "output").read_text()
                assert self.process.poll() is None, (folder / "output").read_text()
                time.sleep(0.02)

    @property
    def log(self):
        return self._log.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def tinyproxy(tmp_path, tool_missing):
    if shutil.which("tinyproxy") is None:
        tool_missing("tinyproxy is not installed (Debian: tinyproxy-bin)")
    made = []

    def start(*lines):
        made.append(TinyProxy(tmp_path, *lines))
        return made[0]

    yield start
    for one in made:
        one.stop()


def test_large_body_passes(tls_server, new_transport, tinyproxy):
    """Ten megabytes through the tunnel, in two requests over one connection."""
    proxy = tinyproxy()
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    for _ in range(2):
        request = Request("POST", tls_server.url, body=GeneratedBody(5_000_000, 65_536))
        assert transport.send(request).status == 200
    assert tls_server.connections == 1
    assert f"CONNECT localhost:{tls_server.port}" in proxy.log


def test_password(tls_server, new_transport, tinyproxy):
    """Right, wrong and none: three outcomes with three texts."""
    proxy = tinyproxy("BasicAuth press7 Pl4ntedSecret")
    where = f"127.0.0.1:{proxy.port}"
    request = Request("GET", tls_server.url)
    transport = new_transport(proxy=f"http://press7:Pl4ntedSecret@{where}")
    assert transport.send(request).status == 200
    assert "proxy-authorization" not in tls_server.requests[0].headers
    wrong = refused(new_transport(proxy=f"http://press7:Pl4ntedWrong@{where}"), request)
    none = refused(new_transport(proxy=f"http://{where}"), request)
    assert (wrong.kind, none.kind) == ("proxy", "proxy")
    assert "refused the user and password" in str(wrong)
    assert "asks for a user and a password" in str(none)
    assert "Pl4nted" not in str(wrong) + wrong.hint + repr(transport)
    assert tls_server.connections == 1


def test_port_that_the_proxy_does_not_let_pass(tls_server, new_transport, tinyproxy):
    """A proxy that knows 443 only."""
    proxy = tinyproxy("ConnectPort 443")
    error = refused(
        new_transport(proxy=f"http://127.0.0.1:{proxy.port}"), Request("GET", tls_server.url)
    )
    assert error.kind == "proxy"
    assert "answered 403 to CONNECT" in str(error)
    assert tls_server.connections == 0


def test_host_that_the_proxy_cannot_reach(new_transport, tinyproxy):
    """Its own answer, with its own name."""
    with Server() as server:
        pass
    proxy = tinyproxy()
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    error = refused(transport, Request("GET", f"https://localhost:{server.port}/"))
    assert error.kind == "proxy"
    assert f"the proxy 127.0.0.1:{proxy.port} answered 5" in str(error)


def test_environment_with_exceptions(tls_server, new_transport, tinyproxy, monkeypatch):
    """`NO_PROXY` by name, by port and by parent domain; everything else through the proxy."""
    proxy = tinyproxy()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    tunnel = f"CONNECT localhost:{tls_server.port}"
    for exception in (
        "localhost",
        f"localhost:{tls_server.port}",
        "other.example, localhost",
        "*",
    ):
        monkeypatch.setenv("no_proxy", exception)
        assert new_transport().send(Request("GET", tls_server.url)).status == 200
    assert tunnel not in proxy.log
    for exception in ("other.example", "localhost:1"):
        monkeypatch.setenv("no_proxy", exception)
        assert new_transport().send(Request("GET", tls_server.url)).status == 200
    assert proxy.log.count(tunnel) >= 2


def test_proxy_that_stops_is_told_and_found_again(tls_server, new_transport, tinyproxy, tmp_path):
    """The kept tunnel dies with it."""
    proxy = tinyproxy()
    transport = new_transport(proxy=f"http://127.0.0.1:{proxy.port}")
    transport.send(Request("GET", tls_server.url))
    proxy.process.kill()
    proxy.process.wait()
    error = refused(transport, Request("GET", tls_server.url))
    assert f"the proxy 127.0.0.1:{proxy.port}" in str(error)
    assert "refused the connection" in str(error)
