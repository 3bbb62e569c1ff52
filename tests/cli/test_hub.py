"""The demo's hub: a process of its own, set up and read over HTTP."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mcagent import ConfigurationError, RemoteError
from mcagent.cli import hubprocess
from mcagent.cli.hubclient import HubClient
from mcagent.cli.hubprocess import HubProcess
from mcagent.cli.relay import Relay


@pytest.fixture(scope="module")
def hub():
    with HubProcess() as hub:
        yield hub


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_operator_sets_up_an_asset_an_agent_and_a_mapping(hub):
    """What the demo does before a device comes, by way of a relay where the agent will be."""
    with Relay(hub.port) as relay:
        with HubClient(f"https://localhost:{relay.port}", hub.ca_file) as near:
            boarding = near.create_agent("client-test", "RSA_3072")
        assert boarding["content"]["baseUrl"] == f"https://localhost:{relay.port}"
    assert boarding["content"]["clientCredentialProfile"] == ["RSA_3072"]
    with HubClient(hub.url, hub.ca_file) as operator:
        asset = operator.create_asset("press", {"cpu": {"load": {"type": "DOUBLE", "unit": "%"}}})
        agent = boarding["content"]["clientId"]
        operator.map_point(agent, "cpu_load", asset, "cpu", "load")
        with pytest.raises(RemoteError, match="409"):
            operator.map_point(agent, "cpu_load", asset, "cpu", "load")
        assert operator.settle()
        assert operator.stored(asset) == {}
        assert operator.events(agent) == []
        assert operator.files(agent) == []
        assert sum(operator.requests().values()) == 2


def test_proxy_of_the_environment_is_not_asked(hub, monkeypatch):
    """The hub is on this machine; a company's proxy knows nothing of it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with HubClient(hub.url, hub.ca_file) as operator:
        assert operator.requests() is not None


def test_hub_ends_with_its_parent():
    """A demo that is killed leaves no hub behind."""
    program = (
        "from mcagent.cli.hubprocess import HubProcess\n"
        "hub = HubProcess()\n"
        "print(hub._process.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    give_up = time.monotonic() + 60
    while alive(child) and not _zombie(child):
        assert time.monotonic() < give_up, "the hub outlived its parent"
        time.sleep(0.05)


def _zombie(pid):
    # Where process 1 collects no orphans (some containers), what has ended stays as a zombie.
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_missing_packages_are_named_with_the_way_to_get_them(monkeypatch):
    """A device has no web server; the hint says how to get one."""
    monkeypatch.setattr(hubprocess, "_NEEDS", ("starlette", "no_such_package"))
    with pytest.raises(ConfigurationError, match="no_such_package") as caught:
        hubprocess.check_packages()
    assert "mcagent[emulator]" in caught.value.hint


def test_hub_that_cannot_start_is_an_error(monkeypatch, capfd):
    """Not a traceback of the parent."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ConfigurationError, match="did not start"):
        HubProcess()
