"""A gateway of Debian with mcagent in it, and the platform beside it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from mcagent.emulator import Emulator
from tests.machine.guide import changed, commands
from tests.machine.image import HUB, NoMachine, debian, make_disk
from tests.machine.machine import HUB_PORT, Machine, copy_disk
from tests.packaging.conftest import tree, wheel  # noqa: F401 - fixtures
from tests.source_tree import ROOT

if "MCAGENT_MACHINE" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

# Where the guide's commands would ask PyPI, they find what was brought along.
CARGO = """
mkdir -p /mnt/cargo && mount -o ro /dev/vdb /mnt/cargo
printf '[global]\\nno-index = true\\nfind-links = /mnt/cargo\\n' > /etc/pip.conf
"""
# Ten samples a second would be most of what an emulated processor can do.
_SETTINGS = r"""
sed -e 's|^state = .*|state = "${STATE_DIRECTORY}"|' \
    -e 's|^boarding = .*|boarding = "${CREDENTIALS_DIRECTORY}/agentconfig.json"|' \
    -e 's|^# ca = .*|ca = "CA.pem"|' -e 's|^every_s = .*|every_s = 0.5|' \
    -i /opt/press/host_metrics.toml
"""
_DEBIAN_HAS = ("sudo apt-get install python3-venv\n", "")


@pytest.fixture(scope="session")
def image(tool_missing):
    try:
        return debian()
    except NoMachine as error:
        tool_missing(f"no virtual machine: {error}")


@pytest.fixture(scope="session")
def cargo(image, wheel, tmp_path_factory):  # noqa: F811
    """A disk with the wheel, what it needs, and the container's files."""
    folder = tmp_path_factory.mktemp("cargo")
    # For the Python of the image, whatever runs this.
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), "--python-version"]
        + ["3.11", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"]
        + ["--only-binary=:all:", f"mcagent[tools] @ file://{wheel}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shutil.copy(wheel, folder)
    shutil.copy(image.base, folder)
    disk = str(tmp_path_factory.mktemp("disks") / "cargo")
    make_disk(str(folder), disk, "600M")
    return disk


@pytest.fixture(scope="session")
def installed(image, cargo, tmp_path_factory):
    """A disk with mcagent in a virtual environment, as the guide says."""
    folder = str(tmp_path_factory.mktemp("installed"))
    machine = Machine(
        image, copy_disk(image.disk, os.path.join(folder, "disk")), folder, cargo=cargo
    )
    try:
        machine.boot()
        machine.run(CARGO)
        block = changed(commands("-m venv"), _DEBIAN_HAS)
        environment, files = block.split("sudo install", 1)
        assert files  # what an operator brings: `deliver`
        machine.run(environment, timeout_s=1200)
        machine.run("umount /mnt/cargo")
        machine.shut_down()
    finally:
        machine.close()
    return machine.disk


@pytest.fixture
def hub(tmp_path):
    settings = {"public_url": f"https://{HUB}:{HUB_PORT}", "processing_delay_s": 0.0}
    with Emulator(data=str(tmp_path / "hub"), settings=settings) as hub:
        yield hub


@pytest.fixture
def gateway(image, installed, hub, cargo, tmp_path):
    """A machine with mcagent, off; it ends with the test."""
    folder = str(tmp_path)
    machine = Machine(
        image,
        copy_disk(installed, os.path.join(folder, "disk")),
        folder,
        hub_port=hub.port,
        cargo=cargo,
    )
    yield machine
    machine.close()


def deliver(machine, hub, profile="SHARED_SECRET"):
    """The files that an operator brings: boarding configuration, authority, scripts, settings."""
    boarding = hub.create_agent("gateway-3", profile, automap=True)
    machine.put("/root/agentconfig.json", json.dumps(boarding))
    with open(hub.ca_file) as file:
        machine.put("/opt/press/CA.pem", file.read())
    for folder, name in (
        ("examples", "host_metrics.py"),
        ("examples", "host_metrics.toml"),
        ("tests/machine", "collect.py"),
    ):
        with open(os.path.join(ROOT, folder, name)) as file:
            machine.put("/root/" + name, file.read())
    block = commands("-m venv")
    machine.run("cd /root\n" + block[block.index("sudo install") :])
    machine.run("install /root/collect.py /opt/press/")
    machine.run(_SETTINGS)
