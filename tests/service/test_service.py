"""host_metrics.py as a service: ten samples a second, an outage, SIGKILL, a hang; nothing lost.

Six seconds in the suite; `tox -e service` makes it an hour with an outage of 20 minutes.
The supervisor is a stand-in for systemd (supervisor.py).
"""

import json
import os
import signal
import sys
import time

import psutil
import pytest

from mcagent.emulator import Emulator
from mcagent.live import read_live
from tests.examples.scene import example_settings
from tests.service.supervisor import Supervisor
from tests.source_tree import ROOT

LONG = os.environ.get("MCAGENT_SERVICE") == "long"
SECONDS = 3600 if LONG else 6
EVERY_S = 0.1


@pytest.fixture
def hub():
    with Emulator() as hub:
        yield hub


@pytest.fixture
def service(hub, tmp_path, monkeypatch):
    """host_metrics.py under the supervisor, not started yet; `state` is its directory."""
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
    )
    boarding = tmp_path / "agentconfig.json"
    boarding.write_text(json.dumps(hub.create_agent("host", automap=True)))
    settings = example_settings(tmp_path, "host_metrics", ca=hub.ca_file, every_s=EVERY_S)
    command = [sys.executable, os.path.join(ROOT, "examples", "host_metrics.py"), settings]
    # A busy machine is no hang, though it may let a process wait for seconds.
    service = Supervisor(command, str(tmp_path), watchdog_s=9)
    service.state = str(tmp_path / "state")
    yield service
    service.close()


def started(service):
    """Start it; it has said that it is ready, and fed the watchdog once."""
    ready, fed = service.ready, service.fed
    service.start()
    service.watch(60, until=lambda: service.ready > ready and service.fed > fed)
    assert service.ready == ready + 1


def told(service, seconds=60):
    """The status as the running service tells it; a busy one may be too late with an answer."""
    give_up = time.monotonic() + seconds
    while (live := read_live(service.state)) is None:
        assert time.monotonic() < give_up, "no service answers"
        service.watch(0.1)
    return live


def drained(service, sequence=0, seconds=60):
    """Watch until *sequence* is acknowledged and no more is buffered than the last moments brought."""
    give_up = time.monotonic() + seconds
    while True:
        service.watch(0.3)
        live = read_live(service.state)
        lane = live["lanes"]["timeseries"] if live is not None else {"acked_sequence": -1}
        if lane["acked_sequence"] >= sequence and lane["records"] < 1 / EVERY_S * 3:
            return
        assert time.monotonic() < give_up, live


def more_durable(service, sequence, seconds=60):
    """Watch until more than *sequence* samples are durable; the lane then."""
    give_up = time.monotonic() + seconds
    while True:
        service.watch(1.2)
        live = read_live(service.state)
        lane = live and live["lanes"].get("timeseries")
        if lane and lane["durable_sequence"] > sequence:
            return lane
        assert time.monotonic() < give_up, live


def times_of(hub):
    """The times of all samples that the platform stored."""
    hub.settle()
    return sorted({record["_time"] for record in hub.stored()})


@pytest.mark.slow
def test_an_hour_as_a_service_in_short(service, hub, figure):
    """What was recorded is stored, through an outage of a third of the time; RSS and CPU."""
    started(service)
    service.watch(SECONDS / 3)
    assert service.ready == 1
    measured = psutil.Process(service.process.pid)
    first_rss, first_cpu = measured.memory_info().rss, sum(measured.cpu_times()[:2])
    began_s = time.monotonic()
    hub.disconnect()
    service.watch(SECONDS / 3)
    service.watch(60, until=lambda: "records to send" in service.status)
    assert "records to send" in service.status
    hub.reconnect()
    service.watch(SECONDS / 3)
    drained(service)
    rss = measured.memory_info().rss
    cpu_s = sum(measured.cpu_times()[:2]) - first_cpu
    share = cpu_s / (time.monotonic() - began_s)
    assert service.starved == 0
    assert service.ready == 1  # never restarted
    assert service.fed >= SECONDS / service.watchdog_s
    missed = told(service)["loop"]["missed"]
    assert service.stop() == 0
    assert service.stopping

    # What was left at SIGTERM goes with the next start.
    started(service)
    drained(service)
    samples, asked_s = told(service)["lanes"]["timeseries"]["acked_sequence"], time.monotonic()
    assert service.stop() == 0
    stopping_s = time.monotonic() - asked_s
    stored = len(times_of(hub))
    figure(
        f"service, {SECONDS} s",
        f"{samples} samples acknowledged, {stored} stored; RSS {rss / 1e6:.1f} MB "
        f"({(rss - first_rss) / 1e6:+.1f} through outage and drain), {share:.1%} of a processor",
    )
    assert samples + missed >= SECONDS / EVERY_S * 0.9  # a busy machine counts what it misses
    assert samples >= SECONDS / EVERY_S / 4
    assert stored >= samples  # the last batch was stored after the status was asked for
    assert stored - samples < (5 + stopping_s) / EVERY_S
    assert rss - first_rss < 10e6


@pytest.mark.slow
def test_killed_without_a_link_it_comes_back_with_all_that_was_durable(service, hub):
    """SIGKILL again and again; each start finds what the one before had on the disk."""
    hub.disconnect()
    service.start()
    promised = []
    for count in range(10 if LONG else 2):
        lane = more_durable(service, sum(promised[-1:]))
        service.watch(60, until=lambda: service.ready > count)  # noqa: B023 - at once
        assert service.ready == count + 1
        promised.append(lane["durable_sequence"])
        assert lane["records"] >= lane["durable_sequence"]
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(60)
    assert promised == sorted(set(promised))
    hub.reconnect()
    drained(service, promised[-1])
    assert service.stop() == 0
    assert len(times_of(hub)) >= promised[-1]


@pytest.mark.slow
def test_a_service_that_hangs_is_ended_and_started_again(service):
    """A stopped process says nothing: the watchdog starves, and the next one is ready."""
    service.watchdog_s = 3
    started(service)
    hung = service.process
    hung.send_signal(signal.SIGSTOP)
    service.on_starving = lambda: hung.send_signal(signal.SIGCONT)
    service.watch(60, until=lambda: service.ready == 2)
    assert service.starved == 1
    assert hung.returncode == -signal.SIGABRT
    assert service.ready == 2
    with open(service.log, encoding="utf-8") as file:
        assert "Fatal Python error: Aborted" in file.read()
