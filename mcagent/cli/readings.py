"""Real readings of this machine: load, temperature, memory, disk, network, uptime.

psutil where it is installed (extra `tools`), else /proc and /sys of Linux. Shared by
`mcagent demo` and the examples.
"""

import os
import time

from ..errors import ConfigurationError
from ..messages.datamodel import DataModel, DataPoint, DataSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Values = dict[str, "float | int"]

# Data source -> data point -> (type, unit, what it is). An aspect and its variables have the same
# names without the prefix, so that the mappings of the demo do some mapping.
SOURCES = {
    "cpu": {
        "cpu_load": ("DOUBLE", "%", "use of all processors since the last reading"),
        "cpu_temperature": ("DOUBLE", "°C", "warmest sensor"),
    },
    "memory": {
        "memory_used": ("LONG", "B", "memory that programs cannot have"),
        "memory_load": ("DOUBLE", "%", "the same as a share"),
    },
    "disk": {
        "disk_used": ("LONG", "B", "used on the file system of the working directory"),
        "disk_read": ("LONG", "B", "read since boot"),
        "disk_written": ("LONG", "B", "written since boot"),
    },
    "network": {
        "network_sent": ("LONG", "B", "sent since boot, all interfaces"),
        "network_received": ("LONG", "B", "received since boot, all interfaces"),
    },
    "system": {"system_uptime": ("DOUBLE", "s", "time since boot")},
}


class HostReadings:
    """Takes readings of this machine.

    >>> readings = HostReadings()
    >>> readings.take()["memory_used"]

    Points that this machine does not have (most virtual machines have no thermometer) are left
    out of `points` and of every reading.
    """

    def __init__(self) -> None:
        self._read = _reader()
        available = self._read()
        self.points = {
            name: shape
            for source in SOURCES.values()
            for name, shape in source.items()
            if name in available
        }

    def take(self) -> "Values":
        """Read everything now: data point to value."""
        values = self._read()
        return {name: values[name] for name in self.points if name in values}

    def model(self, model_id: str = "host-metrics") -> DataModel:
        """The data model of these readings."""
        sources = []
        for source, points in SOURCES.items():
            present = [
                _point(name, *shape) for name, shape in points.items() if name in self.points
            ]
            if present:
                sources.append(DataSource(source, present))
        return DataModel(model_id, sources)


def _point(name: str, data_type: str, unit: str, description: str) -> DataPoint:
    return DataPoint(name, data_type, unit=unit, description=description)


def _reader() -> "Callable[[], Values]":
    try:
        import psutil
    except ImportError:
        if not os.path.exists("/proc/stat"):
            raise ConfigurationError(
                "this system has no /proc to read from", hint="pip install 'mcagent[tools]'"
            ) from None
        return _ProcReader().read
    return _PsutilReader(psutil).read


class _PsutilReader:
    def __init__(self, psutil: "Any") -> None:
        self._psutil = psutil
        self._boot_s = psutil.boot_time()
        psutil.cpu_percent()  # the first call only sets the mark that the next one measures from

    def read(self) -> "Values":
        psutil = self._psutil
        memory = psutil.virtual_memory()
        values: "Values" = {
            "cpu_load": psutil.cpu_percent(),
            "memory_used": memory.total - memory.available,
            "memory_load": memory.percent,
            "disk_used": psutil.disk_usage(".").used,
            "system_uptime": round(time.time() - self._boot_s, 3),
        }
        disk = psutil.disk_io_counters()
        if disk is not None:  # a container without block devices
            values.update(disk_read=disk.read_bytes, disk_written=disk.write_bytes)
        network = psutil.net_io_counters()
        if network is not None:
            values.update(network_sent=network.bytes_sent, network_received=network.bytes_recv)
        sensors: "dict[str, Any]" = getattr(
            psutil, "sensors_temperatures", dict
        )()  # not on macOS and Windows
        degrees = [sensor.current for group in sensors.values() for sensor in group]
        if degrees:
            values["cpu_temperature"] = max(degrees)
        return values


class _ProcReader:
    """The same from Linux's own files, for a device without psutil."""

    def __init__(self) -> None:
        self._busy, self._total = _cpu_ticks()
        self._load = 0.0

    def read(self) -> "Values":
        busy, total = _cpu_ticks()
        if total > self._total:  # two readings within one tick: the load is still the last one
            self._load = round(100 * (busy - self._busy) / (total - self._total), 1)
            self._busy, self._total = busy, total
        memory = {name: int(rest.split()[0]) * 1024 for name, rest in _pairs("/proc/meminfo")}
        used = memory["MemTotal"] - memory["MemAvailable"]
        disk = os.statvfs(".")
        read, written = _disk_bytes()
        sent, received = _network_bytes()
        values: "Values" = {
            "cpu_load": self._load,
            "memory_used": used,
            "memory_load": round(100 * used / memory["MemTotal"], 1),
            "disk_used": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            "disk_read": read,
            "disk_written": written,
            "network_sent": sent,
            "network_received": received,
            "system_uptime": float(_text("/proc/uptime").split()[0]),
        }
        degrees = _temperatures()
        if degrees:
            values["cpu_temperature"] = max(degrees)
        return values


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _pairs(path: str) -> "list[tuple[str, str]]":
    """Lines of ``name: rest``."""
    lines = (line.partition(":") for line in _text(path).splitlines())
    return [(name.strip(), rest) for name, colon, rest in lines if colon]


def _cpu_ticks() -> "tuple[int, int]":
    # proc(5): user nice system idle iowait irq softirq steal; guest time is part of user.
    ticks = [int(field) for field in _text("/proc/stat").split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _disk_bytes() -> "tuple[int, int]":
    # proc(5), diskstats: sectors of 512 bytes; whole devices only, partitions would count twice.
    whole = set(os.listdir("/sys/block")) if os.path.isdir("/sys/block") else set()
    read = written = 0
    for line in _text("/proc/diskstats").splitlines():
        fields = line.split()
        if fields[2] in whole and not fields[2].startswith(("loop", "ram", "dm-", "md")):
            read += int(fields[5]) * 512
            written += int(fields[9]) * 512
    return read, written


def _network_bytes() -> "tuple[int, int]":
    sent = received = 0
    for _interface, rest in _pairs("/proc/net/dev"):
        fields = rest.split()
        if len(fields) >= 9 and fields[0].isdigit():
            received += int(fields[0])
            sent += int(fields[8])
    return sent, received


def _temperatures() -> "list[float]":
    degrees = []
    zones = "/sys/class/thermal"
    for name in os.listdir(zones) if os.path.isdir(zones) else ():
        if name.startswith("thermal_zone"):
            try:
                degrees.append(int(_text(f"{zones}/{name}/temp")) / 1000)
            except (OSError, ValueError):
                continue  # a zone that is switched off
    return degrees
