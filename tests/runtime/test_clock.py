"""The device's clocks on CPython."""

import os
import sys
import time

import pytest

from mcagent.runtime import clock


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such clock")
def test_the_steady_clock_counts_sleep(monkeypatch):
    """Linux's CLOCK_MONOTONIC does not: a suspended device would seem to jump at each resume."""
    asked = []

    def eight_hours_asleep(which):
        asked.append(which)
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) + (
            8 * 3600 * 10**9 if which == time.CLOCK_BOOTTIME else 0
        )

    awake_ms = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
    monkeypatch.setattr(clock, "_steady_ns", eight_hours_asleep)
    assert clock.Clock().monotonic_ms() - awake_ms >= 8 * 3_600_000
    assert asked == [time.CLOCK_BOOTTIME]


def test_trust_begins_where_no_clock_that_was_set_can_stand(monkeypatch):
    """1970 and a firmware's build date are no time; today is."""
    device = clock.Clock()
    for now_ms, trusted in ((0, False), (1_700_000_000_000, False), (1_795_262_400_000, True)):
        monkeypatch.setattr(clock.Clock, "now_ms", lambda _self, now_ms=now_ms: now_ms)
        assert device.trusted() is trusted


class _Place:
    """A device with systemd, described by files below a folder."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        (folder / "system").mkdir()
        self.built = folder / "systemd"
        self.built.write_text("")
        monkeypatch.setattr(clock, "_SYSTEMD", str(folder / "system"))
        monkeypatch.setattr(clock, "_TIMESYNC", str(folder / "timesync"))
        monkeypatch.setattr(clock, "_RTC", str(folder / "rtc"))
        monkeypatch.setattr(clock, "_EPOCHS", (str(self.built), str(folder / "clock-epoch")))
        self.steady_ms = 5_000
        monkeypatch.setattr(clock.Clock, "monotonic_ms", lambda _self: self.steady_ms)
        monkeypatch.setattr(clock.Clock, "now_ms", lambda _self: _NOW_MS)

    def trusted(self, device=None):
        self.steady_ms += 2_000
        return (device or clock.Clock()).trusted()


_NOW_MS = 1_795_262_400_000


def test_a_time_that_timesyncd_restored_is_not_believed_until_it_is_synchronised(
    tmp_path, monkeypatch
):
    """Without an RTC that has a time, what systemd shows is when somebody last looked."""
    place = _Place(tmp_path, monkeypatch)
    (tmp_path / "timesync").mkdir()
    device = clock.Clock()
    assert not place.trusted(device)
    (tmp_path / "rtc").write_text("2460\n")  # its battery is empty: 41 minutes after 1970 began
    assert not place.trusted(device)
    (tmp_path / "timesync" / "synchronized").write_text("")
    assert place.trusted(device)
    (tmp_path / "timesync" / "synchronized").unlink()
    assert place.trusted(device)  # once right, right: timesyncd may be restarted


def test_a_clock_with_a_battery_is_believed_without_a_time_server(tmp_path, monkeypatch):
    """So is one that somebody set by hand, which writes the RTC, too."""
    place = _Place(tmp_path, monkeypatch)
    (tmp_path / "timesync").mkdir()
    device = clock.Clock()
    assert not place.trusted(device)
    (tmp_path / "rtc").write_text(f"{_NOW_MS // 1000}\n")
    assert place.trusted(device)


def test_the_time_at_which_systemd_was_built_is_no_time(tmp_path, monkeypatch):
    """Where another service than timesyncd asks for the time, too."""
    place = _Place(tmp_path, monkeypatch)
    os.utime(place.built, (0, _NOW_MS // 1000 - 20))
    device = clock.Clock()
    assert not place.trusted(device)
    monkeypatch.setattr(clock.Clock, "now_ms", lambda _self: _NOW_MS + 86_400_000)
    assert place.trusted(device)


def test_without_systemd_a_possible_time_is_believed(tmp_path, monkeypatch):
    """Nobody is known there who makes times up."""
    place = _Place(tmp_path, monkeypatch)
    (tmp_path / "system").rmdir()
    (tmp_path / "timesync").mkdir()
    assert place.trusted()


def test_whether_a_time_is_made_up_is_asked_once_a_second(tmp_path, monkeypatch):
    """`record()` asks for each sample."""
    place = _Place(tmp_path, monkeypatch)
    (tmp_path / "timesync").mkdir()
    device = clock.Clock()
    assert not place.trusted(device)
    (tmp_path / "timesync" / "synchronized").write_text("")
    assert not device.trusted()
    assert place.trusted(device)
