"""The unit as the guide makes it, under systemd: its start, its walls, its ends."""

import re
import time

import pytest

from tests.machine.conftest import deliver
from tests.machine.guide import changed, commands
from tests.machine.test_power import more_stored


def shown(machine, name):
    return machine.run(f"systemctl show host_metrics -P {name}").strip()


def log(machine, words=""):
    return machine.run(f"journalctl -b --no-pager -o cat -u host_metrics {words}")


@pytest.mark.slow
def test_the_unit_runs_as_the_guide_says(gateway, hub, figure):
    """Onboards with RSA_3072 inside of its walls, starts with the machine, stops in time, comes back."""
    gateway.boot()
    deliver(gateway, hub, "RSA_3072")
    # A watchdog of 20 seconds, so that a hang is over sooner.
    gateway.run(changed(commands("tee /etc/systemd/system/host"), (" -- ", " --watchdog 20 -- ")))
    assert shown(gateway, "ActiveState") == "active"  # Type=notify: it has said that it is ready
    more_stored(gateway, hub)

    # Nobody: the user is made for it, and has nothing.
    pid = shown(gateway, "MainPID")
    status = gateway.run(f"cat /proc/{pid}/status")
    uid = re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)", status, re.MULTILINE).groups()
    assert all(61184 <= int(number) <= 65519 for number in uid)  # systemd's dynamic users
    assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert gateway.run("stat -Lc %a /var/lib/private/host_metrics").strip() == "700"
    inside = f"nsenter -t {pid} -m -S {uid[0]} -G {uid[0]} --"
    for place in ("/etc", "/opt/press", "/usr", "/var", "/home", "/root", "/boot"):
        assert "no" in gateway.run(f"{inside} test -w {place} && echo yes || echo no")
    assert "no" in gateway.run(f"{inside} cat /etc/press/agentconfig.json && echo yes || echo no")

    exposure = gateway.run("systemd-analyze security --no-pager host_metrics | tail -n 1")
    figure("systemd-analyze security", exposure.strip())
    assert float(re.search(r"(\d+\.\d+)", exposure)[1]) <= 1.5

    # Levels: this machine has no thermometer, which is a warning, and no more.
    assert "no cpu_temperature on this machine" in log(gateway, "-p warning")
    assert "Started host_metrics.service" in log(gateway, "-p info")
    assert "Started" not in log(gateway, "-p warning")
    assert log(gateway, "-p err").strip() in ("", "-- No entries --")

    # An operator's stop and restart.
    took = []
    for verb in ("stop", "start", "restart"):
        began_s = time.monotonic()
        gateway.run(f"systemctl {verb} host_metrics")
        took.append(time.monotonic() - began_s)
        if verb == "stop":
            assert shown(gateway, "Result") == "success"
            assert shown(gateway, "ExecMainStatus") == "0"
    figure("stop, start, restart (emulated)", " ".join(f"{seconds:.1f} s" for seconds in took))
    assert took[0] < 30  # TimeoutStopSec: nothing was killed

    # A crash.
    before = int(shown(gateway, "NRestarts"))
    gateway.run("systemctl kill -s KILL --kill-who=main host_metrics")
    gateway.wait(f"test $(systemctl show host_metrics -P NRestarts) = {before + 1} && echo yes")
    gateway.wait("systemctl is-active host_metrics | grep -x active")

    # A hang: nobody feeds the watchdog.
    hung = shown(gateway, "MainPID")
    gateway.run(f"kill -STOP {hung}")
    gateway.wait(f"test $(systemctl show host_metrics -P NRestarts) = {before + 2} && echo yes")
    gateway.wait("systemctl is-active host_metrics | grep -x active")
    assert "Watchdog timeout" in log(gateway, "-p warning")
    more_stored(gateway, hub)

    # With the machine.
    gateway.shut_down()
    gateway.boot()
    gateway.wait("systemctl is-active host_metrics | grep -x active")
    more_stored(gateway, hub)
    assert "Traceback" not in gateway.run("journalctl --no-pager -o cat -u host_metrics")
    assert hub.recoverable_records() == []
