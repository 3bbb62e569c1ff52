"""Devices in simulated time: real agents, real sockets, and a clock that nobody waits for.

A `World` has the time; each `Device` has an `Agent` whose clock reads it. A request takes as long
as the device's link says, in simulated time; the platform's clock is set before each one.
"""

import heapq
import time

from mcagent import Agent, TransportError, UploadSettings
from mcagent.runtime import PLAUSIBLE_MS
from mcagent.transport.cpython import Urllib3Transport

START_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
LATENCY_MS = 200  # there and back, the platform's work included
BYTES_PER_MS = 125  # 1 Mbit/s, each device its own link


class World:
    """Simulated time, in ms since it began; *set_platform_clock* gets the offset in s."""

    def __init__(self, set_platform_clock):
        self.ms = 0
        self._set_platform_clock = set_platform_clock
        self._queue = []
        self._number = 0

    def tell_platform(self, clock_ms):
        self._set_platform_clock((START_MS + clock_ms) / 1000 - time.time())

    def at(self, due_ms, call):
        """Call *call* then; it returns when it wants to be called again, or None."""
        self._number += 1
        heapq.heappush(self._queue, (due_ms, self._number, call))

    def run_until(self, end_ms):
        """Whatever is due before *end_ms*, in order of its time."""
        while self._queue and self._queue[0][0] < end_ms:
            due_ms, _number, call = heapq.heappop(self._queue)
            self.ms = max(self.ms, due_ms)
            again_ms = call()
            if again_ms is not None:
                self.at(max(again_ms, self.ms), call)
        self.ms = end_ms


class Clock:
    """A device's clocks. `ahead_ms` is what it spent in the piece of work that it is doing."""

    def __init__(self, world):
        self._world = world
        self.ahead_ms = 0
        self.wall_ms = START_MS  # what the wall clock says at the world's begin

    def monotonic_ms(self):
        return self._world.ms + self.ahead_ms

    def now_ms(self):
        return self.wall_ms + self.monotonic_ms()

    def boot_id(self):
        return b"a simulated boot"

    def trusted(self):
        return self.now_ms() >= PLAUSIBLE_MS


class Transport(Urllib3Transport):
    """urllib3 over real sockets; a request takes simulated time.

    Attributes:
        sent: For each request: when it began, in ms of the world; the status of its answer, or
            the kind of its failure.
        probed: When it tried a connection without a request.
    """

    def __init__(self, world, clock, **settings):
        super().__init__(**{"proxy": "", **settings})
        self._world = world
        self._own_clock = clock
        self.sent = []
        self.probed = []

    def probe(self, url):
        self.probed.append(self._own_clock.monotonic_ms())
        reached = super().probe(url)
        self._own_clock.ahead_ms += LATENCY_MS
        return reached

    def send(self, request):
        clock = self._own_clock
        began_ms = clock.monotonic_ms()
        self._world.tell_platform(began_ms)
        outcome = "?"
        try:
            response = super().send(request)
            outcome = response.status
            return response
        except TransportError as error:
            outcome = error.kind
            raise
        finally:
            length = request.body.length if request.body else 0
            clock.ahead_ms += LATENCY_MS + length // BYTES_PER_MS
            self.sent.append((began_ms, outcome))


class Device:
    """An agent that records *per_period* samples every *period_ms*, and steps when it is due.

    Attributes:
        recorded: Samples so far; the first has the value 0 and the time `START_MS`.
        drained_ms: When nothing was left to send, for the first time since `watch_drain`.
    """

    def __init__(
        self,
        world,
        directory,
        model,
        boarding,
        *,
        period_ms,
        per_period,
        transport=None,
        **settings,
    ):
        self.world = world
        self.clock = Clock(world)
        self.transport = Transport(world, self.clock, **(transport or {}))
        self.agent = Agent.open(
            directory,
            boarding=boarding,
            transport=self.transport,
            clock=self.clock,
            upload=UploadSettings(**settings),
        )
        self.agent.submit(model)
        self.recorded = 0
        self.drained_ms = None
        self._watching = False
        self._period_ms = period_ms
        self._per_period = per_period
        self._record_ms = None  # when it records next

    def begin(self, first_ms):
        """Record for the first time at *first_ms*."""
        self._record_ms = first_ms
        self.world.at(first_ms, self._turn)

    def end(self):
        """Record no more."""
        self._record_ms = float("inf")

    def watch_drain(self):
        self._watching = True

    def row(self, number):
        """(timestamp, values) of sample *number*."""
        return START_MS + number * self._period_ms // self._per_period, {"strokes": number}

    def _turn(self):
        """Record what is due, do a piece of work, say when the next is due."""
        if self.world.ms >= self._record_ms:
            stop = self.recorded + self._per_period
            self.agent.record_many(self.row(number) for number in range(self.recorded, stop))
            self.recorded = stop
            self._record_ms += self._period_ms
            self.agent.flush()
        wait_ms = self.agent.step(0)
        now_ms, self.clock.ahead_ms = self.clock.monotonic_ms(), 0
        if self._watching and self.drained_ms is None and not self.agent.status().pending:
            self.drained_ms = now_ms
        if wait_ms is None:
            return self._record_ms if self._record_ms != float("inf") else None
        return min(now_ms + wait_ms, self._record_ms)

    def close(self):
        self.agent.close()
