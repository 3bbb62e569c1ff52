"""Real readings of this machine, with psutil and without."""

import builtins
import os
import time

import pytest

from mcagent.cli.readings import SOURCES, HostReadings


@pytest.fixture(params=["psutil", "proc"])
def readings(request, monkeypatch):
    if request.param == "psutil":
        pytest.importorskip("psutil")
    else:
        if not os.path.exists("/proc/stat"):
            pytest.skip("no /proc here")
        real = builtins.__import__

        def without_psutil(name, *args, **kwargs):
            if name == "psutil":
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without_psutil)
    return HostReadings()


def test_readings_have_the_types_of_their_model(readings):
    """Each value fits its data point, and the model describes exactly what is read."""
    values = readings.take()
    model = readings.model()
    assert list(values) == list(model.points)
    for name, value in values.items():
        expected = {"LONG": int, "DOUBLE": float}[model.points[name].type]
        assert isinstance(value, expected), name
    assert {"cpu_load", "memory_used", "disk_used", "system_uptime"} <= set(values)


def test_readings_are_plausible(readings):
    """Shares are shares, memory is not empty, and time passes."""
    first = readings.take()
    time.sleep(0.05)
    second = readings.take()
    assert 0 <= second["cpu_load"] <= 100
    assert 0 < second["memory_load"] <= 100
    assert second["memory_used"] > 1_000_000
    assert second["system_uptime"] > first["system_uptime"]


def test_both_readers_see_the_same_machine(monkeypatch):
    """/proc read by hand agrees with psutil where values hardly move."""
    psutil = pytest.importorskip("psutil")
    if not os.path.exists("/proc/stat"):
        pytest.skip("no /proc here")
    from mcagent.cli.readings import _ProcReader, _PsutilReader

    ours, theirs = _ProcReader().read(), _PsutilReader(psutil).read()
    assert set(theirs) <= set(ours)
    assert ours["memory_used"] == pytest.approx(theirs["memory_used"], rel=0.2)
    assert ours["disk_used"] == pytest.approx(theirs["disk_used"], rel=0.01)
    assert ours["system_uptime"] == pytest.approx(theirs["system_uptime"], abs=5)
    assert ours["network_received"] == pytest.approx(theirs["network_received"], rel=0.1, abs=1e6)


def test_every_point_has_a_variable_name():
    """The demo maps `cpu_load` to `load` of `cpu`."""
    for source, points in SOURCES.items():
        assert all(name.startswith(source + "_") for name in points)
