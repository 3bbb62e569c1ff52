"""A gateway of Debian with mcagent in it, and the platform beside it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from mcagent.emulator import Emulator
from tests.machine.image import HUB, NoMachine, debian, make_disk
from tests.machine.machine import HUB_PORT, Machine, copy_disk
from tests.packaging.conftest import tree, wheel  # noqa: F401 - fixtures
from tests.source_tree import ROOT

if "MCAGENT_MACHINE" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

_INSTALL = """
mkdir -p /mnt/cargo && mount -o ro /dev/vdb /mnt/cargo
python3 -m venv /opt/press/venv
/opt/press/venv/bin/pip install -q --no-index --find-links /mnt/cargo 'mcagent[tools]'
umount /mnt/cargo
"""


@pytest.fixture(scope="session")
def image(tool_missing):
    try:
        return debian()
    except NoMachine as error:
        tool_missing(f"no virtual machine: {error}")


@pytest.fixture(scope="session")
def cargo(wheel, tmp_path_factory):  # noqa: F811
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
    disk = str(tmp_path_factory.mktemp("disks") / "cargo")
    make_disk(str(folder), disk, "300M")
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
        machine.run(_INSTALL, timeout_s=600)
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
    """The files that an operator brings: boarding configuration, authority, scripts."""
    boarding = hub.create_agent("gateway-3", profile, automap=True)
    machine.put("/etc/press/agentconfig.json", json.dumps(boarding), "0600")
    with open(hub.ca_file) as file:
        machine.put("/opt/press/CA.pem", file.read())
    for folder, name in (("examples", "host_metrics.py"), ("tests/machine", "collect.py")):
        with open(os.path.join(ROOT, folder, name)) as file:
            machine.put("/opt/press/" + name, file.read())
