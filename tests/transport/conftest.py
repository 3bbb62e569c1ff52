"""A private CA, TLS servers under it, transports that trust it, a real proxy."""

import os
import ssl
import subprocess
import sys
import time

import pytest
import trustme

from mcagent.transport.cpython import Urllib3Transport
from tests.transport.servers import Server


@pytest.fixture(scope="session")
def ca():
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="session")
def ca_file(ca, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="session")
def localhost_context(ca):
    return server_context(ca.issue_cert("localhost", key_type=trustme.KeyType.ECDSA))


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def tls_server(localhost_context):
    with Server(context=localhost_context) as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    """Tests speak to loopback; a proxy in the developer's environment must not come between."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def new_transport(ca_file):
    """`new_transport(…)`: trusts the test's CA; closed at the end."""
    made = []

    def make(**settings):
        made.append(Urllib3Transport(**{"ca_file": ca_file, **settings}))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


class ProxyServer:
    """proxy.py as a process of its own, and what it logged."""

    def __init__(self, folder, *options):
        self._log = folder / "log"
        port_file = folder / "port"
        command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0"]
        command += ["--port-file", str(port_file), "--num-acceptors", "1", "--num-workers", "1"]
        command += ["--log-file", str(self._log), *options]
        environment = {
            name: value for name, value in os.environ.items() if "proxy" not in name.lower()
        }
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment, cwd=folder
            )
        until = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().strip()):
            output = (folder / "output").read_text()
            assert time.monotonic() < until, output
            assert self.process.poll() is None, output
            time.sleep(0.02)
        self.port = int(port_file.read_text())

    def wait_for_tunnel(self, port):
        """Return once the proxy's own log has a tunnel to *port* of localhost, closed by now."""
        until = time.monotonic() + 60
        while f"CONNECT localhost:{port}" not in self._log.read_text():
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def _proxy(tmp_path_factory, *options):
    server = ProxyServer(tmp_path_factory.mktemp("proxy"), *options)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    """An open proxy."""
    yield from _proxy(tmp_path_factory)


@pytest.fixture(scope="session")
def proxy_with_password(tmp_path_factory):
    """A proxy that wants a user and a password."""
    yield from _proxy(tmp_path_factory, "--basic-auth", "press7:Pl4nted/Secret")
