"""examples/Containerfile, built and run by podman in the machine as the guide says.

Its base is Debian's python3 from Debian's packages, because no registry of containers is asked.
"""

import os
import random
import time

import pytest

from tests.machine.conftest import CARGO, deliver
from tests.machine.guide import changed, commands
from tests.machine.image import HUB, HUB_ADDRESS
from tests.machine.test_power import more_stored
from tests.source_tree import ROOT

_FROM_CARGO = "--volume /mnt/cargo:/mnt/cargo:ro --volume /etc/pip.conf:/etc/pip.conf:ro"
_CA = "/opt/press/CA.pem"
_BUILD = (
    CARGO
    + "podman import -q /mnt/cargo/base.tar localhost/debian-python\ncd /opt/press\n"
    + changed(
        commands("podman build"),
        (
            "--tag press",
            "--tag press --build-arg BASE=localhost/debian-python " + _FROM_CARGO,
        ),
    )
)
_RUN = "cd /etc/press\n" + changed(
    commands("podman run"),
    (
        "--stop-timeout 30",
        f"--stop-timeout 30 --add-host {HUB}:{HUB_ADDRESS} --volume {_CA}:{_CA}:ro",
    ),
)


def state(machine, what):
    return machine.run(f"podman inspect press --format '{{{{{what}}}}}'").strip()


@pytest.mark.slow
def test_the_container_keeps_what_the_unit_promises(gateway, hub, figure):
    """Not root, nothing writable but the volume; SIGTERM, SIGKILL, another container, a power cut."""
    gateway.boot()
    deliver(gateway, hub)
    with open(os.path.join(ROOT, "examples", "Containerfile")) as file:
        gateway.put("/opt/press/Containerfile", file.read())
    gateway.run(_BUILD, timeout_s=3000)
    size = int(gateway.run("podman image inspect press --format '{{.Size}}'"))
    base = int(gateway.run("podman image inspect debian-python --format '{{.Size}}'"))
    figure("container", f"{(size - base) / 1e6:.0f} MB beside a base of {base / 1e6:.0f} MB")
    gateway.run(_RUN)
    more_stored(gateway, hub)

    # Its walls.
    assert gateway.run("podman exec press id -u").strip() == "10001"
    inside = "podman exec press python3 -c"
    for place in ("/etc/x", "/opt/press/x", "/var/lib/x", "/root/x"):
        assert "no" in gateway.run(f'{inside} \'open("{place}", "w")\' && echo yes || echo no')
    gateway.run("podman healthcheck run press")
    pid = state(gateway, ".State.Pid")
    gateway.run(f"kill -STOP {pid}")
    assert "not" in gateway.run("podman healthcheck run press >/dev/null && echo well || echo not")
    gateway.run(f"kill -CONT {pid}")
    gateway.wait("podman healthcheck run press >/dev/null && echo well")

    # SIGTERM.
    began_s = time.monotonic()
    gateway.run("podman stop press")
    took_s = time.monotonic() - began_s
    assert state(gateway, ".State.ExitCode") == "0"
    assert took_s < 30
    figure("podman stop (emulated)", f"{took_s:.1f} s")
    gateway.run("podman start press")
    more_stored(gateway, hub)

    # SIGKILL: it is back by itself.
    pid = state(gateway, ".State.Pid")
    gateway.run(f"kill -KILL {pid}")
    gateway.wait(
        f"test $(podman inspect press --format '{{{{.State.Pid}}}}') -gt 0 "
        f"&& test $(podman inspect press --format '{{{{.State.Pid}}}}') != {pid} && echo yes"
    )
    more_stored(gateway, hub)

    # A newer container on the same volume is the same device: the boarding configuration is used up.
    gateway.run("podman rm -f press && podman secret rm agentconfig.json")
    gateway.run(_RUN)
    more_stored(gateway, hub)

    # The power.
    gateway.run("systemctl enable -q podman-restart && sync")
    more_stored(gateway, hub)
    gateway.cut(random.Random(5))
    gateway.boot()
    gateway.wait("podman ps --format '{{.Names}}' | grep -x press")
    more_stored(gateway, hub)
    assert "Traceback" not in gateway.run("podman logs press 2>&1")
    assert hub.recoverable_records() == []
