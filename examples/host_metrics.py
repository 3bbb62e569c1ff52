"""Send readings of this machine to Insights Hub: processors, memory, disk, network, temperature.

    pip install 'mcagent[tools]'
    python host_metrics.py host_metrics.toml

It runs until Ctrl-C or SIGTERM, with or without a network, and goes on where it was when it is
started again. Replace `HostReadings` by what reads your own device.
"""

from mcagent import ConfigurationError, Event, InvalidMessage, Severity
from mcagent.cli.readings import SOURCES, HostReadings
from mcagent.collector import CollectorFile, run_collector
from mcagent.collectorfile import value_of

HOST = {"every_s": 10.0}
POINT = {"reading": str}
READINGS = [name for readings in SOURCES.values() for name in readings]


class Host:
    """This machine: what of the table it has, and its values."""

    def __init__(self, file):
        self.readings, self.troubles, self.points = HostReadings(), file.troubles, []
        for point in file.points:
            if point.reading in self.readings.points:
                self.points.append(point)
            else:
                hint = "most virtual machines have no thermometer; take the point out"
                self.troubles.tell(point.id, f"no {point.reading} on this machine", hint=hint)

    def collect(self):
        """One sample of all points."""
        taken, values = self.readings.take(), {}
        for point in self.points:
            try:
                values[point.id] = value_of(point.type, taken.get(point.reading))
            except InvalidMessage as error:
                self.troubles.tell(point.id, str(error), hint=error.hint)
        return values or None


def check(point):
    if point.reading not in READINGS:
        hint = f"one of {', '.join(READINGS)}"
        raise ConfigurationError(f"there is no reading {point.reading!r}", hint=hint)


def main(path):
    file = CollectorFile(path, "host", HOST, POINT, check=check)
    with file.open_agent() as agent:
        agent.submit(Event("collector started", severity=Severity.INFORMATION))
        agent.run(Host(file).collect, every_s=file.peer.every_s)
        print(file.troubles, "loop:", agent.status().loop)


if __name__ == "__main__":
    run_collector(main, __doc__)
