"""A hundred agents, one platform, ten minutes without it, and what they do when it is back."""

import os
from collections import Counter

from mcagent import DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator
from tests import simulated

MODEL = DataModel("herd-1", [DataSource("press", [DataPoint("strokes", "LONG")])])
WARM_MS = 60_000
PATIENCE_MS = 1_200_000  # after the return; who is not drained by then is stuck
PERIOD_MS = 10_000  # each device records ten samples in one go


class Herd:
    """What one outage looked like, and the figures of it.

    Attributes:
        during: For each device: when it asked while the platform was away, ms since it went.
        probes: For each device: how often it tried a connection without a request meanwhile.
        first: For each device: its first request after the return, ms since that.
        drained: For each device: when nothing was left, ms since the return.
        after: All requests after the return, ms since that.
        lost, duplicates: Of all samples, by what the hub stored and received.
    """

    def __init__(self, size, outage_ms, folder, cut, mend, **settings):
        self.outage_ms = outage_ms
        with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
            world = simulated.World(hub.set_clock)
            devices = []
            try:
                for number in range(size):
                    boarding = hub.create_agent(f"press-{number}", automap=True)
                    device = simulated.Device(
                        world,
                        os.path.join(folder, str(number)),
                        MODEL,
                        boarding,
                        period_ms=PERIOD_MS,
                        per_period=10,
                        **settings,
                    )
                    devices.append(device)
                    # Nobody starts a plant in one instant, and samples have phases of their own.
                    device.begin(number * PERIOD_MS // size)
                world.run_until(WARM_MS)
                cut(hub)
                world.run_until(WARM_MS + outage_ms)
                mend(hub)
                for device in devices:
                    device.watch_drain()
                end_ms = WARM_MS + outage_ms + PATIENCE_MS
                while world.ms < end_ms and any(one.drained_ms is None for one in devices):
                    world.run_until(world.ms + 1000)
                for device in devices:
                    device.end()
                world.run_until(world.ms + 60_000)
                self._collect(hub, devices)
            finally:
                for device in devices:
                    device.close()

    def _collect(self, hub, devices):
        hub.settle(60)
        begin, back = WARM_MS, WARM_MS + self.outage_ms
        times = [[at for at, _outcome in device.transport.sent] for device in devices]
        self.during = [[at - begin for at in one if begin <= at < back] for one in times]
        self.probes = [
            sum(begin <= at < back for at in device.transport.probed) for device in devices
        ]
        self.first = [min(at - back for at in one if at >= back) for one in times]
        self.after = [at - back for one in times for at in one if at >= back]
        drained = [device.drained_ms for device in devices]
        self.stuck = drained.count(None)
        self.drained = [at - back for at in drained if at is not None]
        recorded = sum(device.recorded for device in devices)
        asset_times = Counter((row["asset"], row["_time"]) for row in hub.stored())
        self.lost = recorded - len(asset_times)
        self.duplicates = len(hub.received(kind="timeseries")) - len(asset_times)
        self.recorded = recorded


def bunch(times, window_ms=1000):
    """Most of *times* within any window."""
    times = sorted(times)
    most = begin = 0
    for end, at in enumerate(times):
        while at - times[begin] >= window_ms:
            begin += 1
        most = max(most, end + 1 - begin)
    return most


def distance_from(times, share_before):
    """Kolmogorov and Smirnov: largest distance between *times* and their distribution."""
    times = sorted(times)
    count = len(times)
    worst = 0.0
    for place, at in enumerate(times):
        expected = share_before(at)
        worst = max(worst, abs(expected - place / count), abs(expected - (place + 1) / count))
    return worst


def far_bunch(count, share_before, last_ms, window_ms=1000):
    """More of *count* in one window than their distribution has by chance: six deviations."""
    starts = range(-window_ms, int(last_ms), window_ms // 20)
    most = max(share_before(at + window_ms) - share_before(max(at, 0)) for at in starts)
    return count * most + 6 * (count * most * (1 - most)) ** 0.5


def full_jitter(cap_ms):
    """Share of waiting devices that have tried again by a time after any moment, where each wait
    is uniform up to *cap_ms*: the residual life of a renewal process."""
    return lambda at_ms: 1 - (1 - min(at_ms, cap_ms) / cap_ms) ** 2


def probed(cap_ms, period_ms):
    """The same where the link is also tried after each 0.5 to 1.5 *period_ms*, and found."""

    def share(at_ms):
        part = min(at_ms / period_ms, 1.5)
        probes = part if part < 0.5 else 1.5 * part - part * part / 2 - 0.125
        return 1 - (1 - probes) * (1 - full_jitter(cap_ms)(at_ms))

    return share
