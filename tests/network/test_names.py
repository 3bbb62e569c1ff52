"""Names: a dead name server, a slow one, one that comes back. The system's own resolver asks."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time

import pytest

from mcagent.emulator.authority import Authority
from tests.network.conftest import Field
from tests.network.nameserver import NameServer
from tests.network.wire import ADDRESSES, PLATFORM

HUB = "hub.test"
PORT = 8443
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def named_field(wire, tmp_path, monkeypatch):
    """The hub is known by a name only; resolv.conf names a server at its address."""

    def server_context(authority, *_names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority._ca.issue_cert(HUB).configure_cert(context)
        return context

    monkeypatch.setattr(Authority, "server_context", server_context)
    folder = resolv_folder(wire)
    os.makedirs(folder)
    resolver_waits(wire, 5)
    field = Field(wire, tmp_path / "state", port=PORT, public_url=f"https://{HUB}:{PORT}")
    yield field
    field.close()
    shutil.rmtree(folder)


def resolv_folder(wire):
    return f"/etc/netns/{wire.places[0].name}"


def resolver_waits(wire, seconds):
    """How long the system's resolver of the device does, once."""
    with open(resolv_folder(wire) + "/resolv.conf", "w") as file:
        file.write(f"nameserver {ADDRESSES[PLATFORM]}\noptions timeout:{seconds} attempts:1\n")


class Device:
    """`tests.network.device` in the device's namespace; the lines that it printed."""

    def __init__(self, field, folder, count):
        boarding = folder / "boarding.json"
        boarding.write_text(json.dumps(field.boarding))
        command = ["ip", "netns", "exec", field.device.name, sys.executable, "-m"]
        command += ["tests.network.device", field.state, boarding, field.hub.ca_file, str(count)]
        self.lines = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        field.recorded = count

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def wait_for(self, what, timeout_s):
        """Seconds until a line says *what*."""
        began_s = time.monotonic()
        while not any(what in json.dumps(line) for line in list(self.lines)):
            assert time.monotonic() - began_s < timeout_s, self.lines
            time.sleep(0.01)
        return time.monotonic() - began_s

    def stop(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdout.close()


@pytest.fixture
def device(named_field, tmp_path):
    made = []

    def start(count):
        made.append(Device(named_field, tmp_path, count))
        return made[0]

    yield start
    for one in made:
        one.stop()


@pytest.fixture
def name_server(named_field):
    made = []

    def start(**settings):
        made.append(NameServer(named_field.platform, HUB, ADDRESSES[PLATFORM], **settings))
        return made[0]

    yield start
    for one in made:
        one.stop()


def test_dead_name_server(named_field, device, name_server, figure):
    """Nobody answers, which is told as that; everything arrives when it is back."""
    named_field.wire.drop()
    running = device(500)
    running.wait_for("no name server answered", 90)
    named_field.wire.heal()
    name_server()
    figure("name server back: all delivered", f"{running.wait_for('pending', 90):.1f} s")
    named_field.assert_all_arrived()


def test_slow_name_server(named_field, device, name_server, figure):
    """Three seconds for a name are no reason to give up."""
    resolver_waits(named_field.wire, 20)
    server = name_server(delay_s=3)
    running = device(500)
    figure("name server takes 3 s: all delivered", f"{running.wait_for('pending', 90):.1f} s")
    assert server.questions
    assert not any("no name server" in line.get("error", "") for line in running.lines)
    named_field.assert_all_arrived()
