"""The power goes in mid-run, again and again, with the link away: nothing durable is lost.

What is modelled: the memory is gone at once, and with it all that the kernel had not written; of
what it had written and not synced the disk keeps nothing, half or most, sector by sector
(volatile.py). What is not: a disk that lies about a sync, or that harms what it held before.
"""

import os
import random
import re
import time

import pytest

from tests.machine.conftest import deliver
from tests.machine.guide import changed, commands

CUTS = int(os.environ.get("MCAGENT_MACHINE_CUTS", "10"))

# As the guide says, with a serial line.
SERVICE = (
    changed(
        commands("/opt/press/collect.py"),
        (" -- ", " --device /dev/ttyS1 --group dialout -- "),
        (" | sudo tee", " --ca /opt/press/CA.pem --witness /dev/ttyS1 | sudo tee"),
    )
    + """
# What is written reaches the disk's cache at once, long before any sync; a neighbour writes, too.
printf 'vm.dirty_expire_centisecs = 20\nvm.dirty_writeback_centisecs = 10\n' > /etc/sysctl.d/hurry.conf
/lib/systemd/systemd-sysctl
cat > /opt/press/neighbour <<'SCRIPT'
#!/bin/bash
while sleep 0.3; do
    head -c 100000 /dev/urandom >> /var/tmp/noise
    [ $(stat -c %s /var/tmp/noise) -lt 50000000 ] || rm /var/tmp/noise
done
SCRIPT
chmod 755 /opt/press/neighbour
printf '[Service]\\nExecStart=/opt/press/neighbour\\n[Install]\\nWantedBy=multi-user.target\\n' \
    > /etc/systemd/system/neighbour.service
systemctl daemon-reload
systemctl enable -q --now collect neighbour
sync
"""
)


def witnessed(machine):
    """What the script knew to be durable: kind -> names. A line that the cut tore says nothing."""
    found = {"sample": set(), "event": set()}
    if os.path.exists(machine.witness):
        with open(machine.witness, errors="replace") as file:
            for line in file:
                if said := re.fullmatch(r"(sample|event) ([0-9a-f]{8}-\d+-\d+)\r?\n", line):
                    found[said[1]].add(said[2])
    return found


def stored(hub):
    hub.settle()
    return {
        "sample": {record["values"]["name"] for record in hub.stored()},
        "event": {
            event["event"]["details"]["name"]
            for event in hub.events()
            if "name" in (event["event"].get("details") or {})
        },
    }


def more_witnessed(machine, seconds=600):
    """Wait until the script goes on: nobody but systemd has started it."""
    before = len(witnessed(machine)["sample"])
    give_up = time.monotonic() + seconds
    while len(witnessed(machine)["sample"]) <= before:
        assert time.monotonic() < give_up, machine.journal("collect")
        time.sleep(0.2)


def all_stored(machine, hub, promised, seconds=600):
    give_up = time.monotonic() + seconds
    while True:
        there = stored(hub)
        if all(promised[kind] <= there[kind] for kind in promised):
            return there
        lost = {kind: sorted(promised[kind] - there[kind])[:20] for kind in promised}
        assert time.monotonic() < give_up, f"{lost}\n{machine.journal('collect')}"
        time.sleep(0.5)


def more_stored(machine, hub, seconds=600):
    """Wait until the hub has samples that it did not have."""
    hub.settle()
    before, give_up = len(hub.stored()), time.monotonic() + seconds
    while len(hub.stored()) <= before:
        assert time.monotonic() < give_up, machine.journal()
        time.sleep(0.5)


@pytest.mark.slow
def test_power_cuts_with_an_outage_lose_nothing_durable(gateway, hub, figure):
    """What `record()` had made durable before any cut is stored by the platform, all of it."""
    seed = int(os.environ.get("MCAGENT_MACHINE_SEED", str(random.randrange(10**6))))
    print("MCAGENT_MACHINE_SEED =", seed)
    dice = random.Random(seed)
    gateway.boot()
    deliver(gateway, hub)
    gateway.run(SERVICE)
    for number in range(CUTS):
        if number:
            gateway.boot()
        more_witnessed(gateway)
        away = dice.random() < 0.7
        gateway.link(not away)
        time.sleep(dice.uniform(0.5, 12))
        gateway.cut(dice)
        print(f"cut {number + 1}, {'without' if away else 'with'} a link: {gateway.fates[-1]}")
    promised = witnessed(gateway)
    gateway.boot()
    more_witnessed(gateway)
    there = all_stored(gateway, hub, promised)
    lost = gateway.run(
        "/opt/press/venv/bin/mcagent --state /var/lib/collect status --json"
        ' | python3 -c \'import json, sys; lanes = json.load(sys.stdin)["lanes"];'
        ' print({name: lane["dropped"] for name, lane in lanes.items() if lane["dropped"]})\''
    )
    print("counted as lost:", lost)
    figure(
        f"{CUTS} power cuts, seed {seed}",
        f"{len(promised['sample'])} samples and {len(promised['event'])} events durable before "
        f"a cut, all stored; {len(there['sample'])} samples stored in all; unsynced sectors lost: "
        + " ".join(str(fate.unsynced_lost) for fate in gateway.fates),
    )
    assert len(promised["sample"]) > CUTS * 5
    assert len(promised["event"]) >= CUTS
    assert hub.recoverable_records() == []
