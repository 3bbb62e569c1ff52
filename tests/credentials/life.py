"""A device's life with a real session and keystore, on a disk and a network that fail where told.

`World` has the platform and the device's parts, `Life` is one run, and a `Course` is a run that can
be repeated, with the faults that come next in it.
"""

import errno
import json

from mcagent.boarding import read_boarding
from mcagent.credentials.keystore import Keystore
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.credentials.settings import LifecycleSettings
from mcagent.errors import CredentialError, TransportError
from mcagent.transport.http import Request, Response
from mcagent.upload.session import Session
from tests.credentials.device import Cut, _signer_for
from tests.credentials.disk import ROOT, Disk
from tests.credentials.platform import (
    BASE_URL,
    NOON_MS,
    REGISTER,
    ROTATE,
    WEEK_MS,
    Clock,
    Platform,
)

HOUR_MS = 3_600_000
MARGIN_MS = 25 * HOUR_MS
FILES = (ROOT + "/credentials/credentials", ROOT + "/credentials/credentials.copy")
_API = BASE_URL + "/api/agentmanagement/v3/agents/x/dataSourceConfiguration"
# A request never arrives; its answer is lost; it is given up and arrives before the request that
# is so many further on.
_FATES = ("before", "after", ("late", 1), ("late", 2), ("late", 3), ("late", 4), ("late", 99))


class World:
    """A platform, and what a device is made of; *off_ms*: how long it stays off after the first cut."""

    def __init__(
        self, platform=None, *, off_ms=0, new_key=None, signer_for=_signer_for, **settings
    ):
        self.platform = platform or Platform(Clock(), **settings)
        self.clock = self.platform.clock
        self.off_ms = off_ms
        self.new_key = new_key or self._next_key
        self.signer_for = signer_for
        if self.platform.boarding["expiration"] is None:
            self.platform.boarding["expiration"] = "2026-11-28T12:00:00.000Z"
        self.beginning = Snapshot("beginning", 0, self, Disk())
        self._keys = 0

    def _next_key(self):
        self._keys += 1
        return "pem-%d" % self._keys


class Snapshot:
    """What survives a cut here: the disk, and the rest of the world."""

    def __init__(self, step, phase, world, disk, *, held=()):
        self.step = step
        self.phase = phase
        self.disk = disk.copy()
        self.platform = world.platform.remember()
        self.now_ms = world.clock.now_ms
        self.held = list(held)

    def disks(self, *, ill=False):
        """Every disk that the next start may find: after a kill, a power cut, a bad block.

        *ill*: a file was eaten before. Then the other one is not eaten too, neither by the medium
        nor by a file system that loses both names of a rename: nothing would be left to read.
        """
        yield "kill", self.disk.copy()
        for disk in self.disk.after_power_cuts(journal=ill):
            yield "power", disk
        if (
            self.step.startswith("request") and not ill
        ):  # at rest: two blows at one moment are a third fault
            for path in FILES:
                disk = self.disk.copy()
                if disk.damage(path):
                    yield "damage", disk


class Life:
    """One run of a device.

    Attributes:
        fates: Number of a request for credentials to what happens to it: one of `_FATES`, "cut" (the
            power goes when it has arrived), a `Response` that somebody gives instead of passing it
            on, or ("instead", `Response`) for somebody who gives that when it has arrived.
        refusals: Number of an API request to how many from there on are answered 401.
        full: Number of the step before which somebody else takes all space, for an hour; -1: never.
        rots: Number of a request for credentials to the file that the medium eats before it.
        sent: Requests for credentials so far; `asked`: API requests so far.
        watch: Called with a `Snapshot` before every step.
        found: What the keystore had at the last start.
    """

    def __init__(
        self, world, snapshot, disk, *, fates=(), refusals=(), rots=(), full=-1, watch=None
    ):
        self.world = world
        self.full = full
        self.steps = 0
        self.platform = world.platform
        self.clock = world.clock
        self.platform.recall(snapshot.platform)
        self.clock.now_ms = snapshot.now_ms
        self.phase = snapshot.phase
        self.held = [(request, 99) for request, _when in snapshot.held]
        self.disk = disk
        self.disk.step = self._step
        self.fates = dict(fates)
        self.refusals = dict(refusals)
        self.rots = dict(rots)
        self.watch = watch
        self.sent = self.asked = 0
        self.boarding = self.platform.boarding
        self.start()

    def start(self):
        """Switch on."""
        self.keystore = Keystore(ROOT, self.disk)
        self.found = self.keystore.load()
        self._refused_token = False
        self._open = self.found is not None and self.found["state"] == "rotating"
        self.lifecycle = Lifecycle(
            self.found,
            read_boarding(self.boarding),
            settings=LifecycleSettings(random_unit=lambda: 0.5),
            new_key=self.world.new_key,
            signer_for=self.world.signer_for,
        )
        self.session = Session(self.lifecycle, self.keystore, self, clock=self)

    def live(self, for_ms=HOUR_MS):
        """Ask something of the platform until it answers and no rotation is open, or *for_ms*."""
        end_ms = self.clock.now_ms + for_ms
        while True:
            try:
                answered = self.session.send(Request("GET", _API)).status == 200
            except (CredentialError, TransportError):
                answered = False
            except OSError as error:
                assert error.errno == errno.ENOSPC
                answered = False
                self.clock.now_ms += 60_000
                if self.clock.now_ms >= end_ms:
                    return False
                continue
            if answered and self.lifecycle.state != "rotating":
                return True
            until_ms = self.lifecycle.wait_until_ms
            if until_ms is None or self.clock.now_ms >= end_ms:
                return answered
            self.clock.now_ms = max(until_ms, self.clock.now_ms + 1000)

    def go_on(self):
        """The rest of the story: registered, and rotated three times in good time."""
        self.live_an_hour()
        while self.phase < 3:
            self.phase += 1
            self.clock.now_ms += WEEK_MS - 24 * HOUR_MS
            self.live_an_hour()

    def live_an_hour(self):
        """Until the next access token; then somebody has made room."""
        answered = self.live()
        self.clock.now_ms += HOUR_MS
        if self.disk.free is not None:
            self.live()
            self.disk.free = None
        return self.live() and answered

    # -- the transport and the clock of the session ------------------------------------------

    def now_ms(self):
        return self.clock.now_ms

    monotonic_ms = now_ms

    def trusted(self):
        return True

    def close(self):
        pass

    def send(self, request):
        if request.url == _API:
            return self._answer_api(request)
        operation = self.platform._operation(request)
        if operation == ROTATE:
            self._check_reason()
        if operation in (REGISTER, ROTATE):
            self._check_written_ahead(operation, request)
        number, self.sent = self.sent, self.sent + 1
        self.deliver(number)
        if number in self.rots:
            self.disk.damage(self.rots[number])
        self._step("request " + operation)
        fate = self.fates.get(number, "")
        if operation == ROTATE:
            self._open = True
        response = self._meet(fate, number, request)
        # A 200 that somebody else gave is no answer that anybody can use: the rotation stays open.
        own = not isinstance(fate, (Response, tuple))
        if operation == ROTATE and response.status in ((200, 400, 401) if own else (400, 401)):
            self._open = False
        if operation == "token":
            self._refused_token = response.status in (400, 401)
        return response

    def _meet(self, fate, number, request):
        """The answer to *request*, which *fate* meets on its way."""
        if fate == "before":
            raise TransportError("no route", kind="connect")
        if isinstance(fate, Response):
            return fate  # somebody else's, on the way there
        if isinstance(fate, tuple) and fate[0] == "late":
            self.held.append((request, number + fate[1]))
            raise TransportError("no answer in time", kind="timeout")
        response = self.platform.send(request)
        self._step("request %s arrived" % self.platform._operation(request))
        if fate == "after":
            raise TransportError("the connection was closed", kind="closed")
        if fate == "cut":
            raise Cut
        if isinstance(fate, tuple):
            return fate[1]  # instead of the platform's, on the way back
        return response

    def deliver(self, number=99):
        """What was held until request *number* arrives; its answer reaches nobody."""
        due = [held for held in self.held if held[1] <= number]
        self.held = [held for held in self.held if held[1] > number]
        for request, _when in due:
            self.platform.send(request)

    def _answer_api(self, request):
        number, self.asked = self.asked, self.asked + 1
        for first, count in self.refusals.items():
            if first <= number < first + count:
                return Response(401)
        bearer = request.headers["Authorization"].split(" ", 1)[1]
        return Response(200 if self.platform.accepts(bearer) else 401)

    # -- what holds at every request -----------------------------------------------------------

    def _check_reason(self):
        """A rotation is due, was begun, or answers a refused token request; never a 401 of an API."""
        state = self.lifecycle.to_state()
        due = self.clock.now_ms >= state["current"]["expires_ms"] - MARGIN_MS
        assert due or self._open or self._refused_token, "a rotation without a reason"

    def _check_written_ahead(self, operation, request):
        """Whatever a cut leaves of the disk knows of this request, and can repeat it."""
        bearer = request.headers["Authorization"].split(" ", 1)[1]
        jwks = json.loads(request.body.data).get("jwks")
        for disk in [self.disk.copy(), *self.disk.after_power_cuts()]:
            state = Keystore(ROOT, disk).load()
            assert state is not None, "nothing was written ahead"
            if operation == REGISTER:
                assert state["boarding"]["iat"] == bearer
                assert state["asked_ms"], "the attempt was not written ahead"
            else:
                assert state["state"] in ("rotating", "lost"), "the rotation was not written ahead"
                rats = [state[slot]["rat"] for slot in ("current", "previous") if state[slot]]
                assert bearer in rats
            if jwks is not None:
                public = self.world.signer_for("RSA_3072", state["pending_key"]).jwks()
                assert json.loads(public) == jwks, "the key was not written ahead"

    def _step(self, name):
        if self.steps == self.full:
            self.disk.fill()
        self.steps += 1
        if self.watch is not None:
            self.watch(Snapshot(name, self.phase, self.world, self.disk, held=self.held))


class Course:
    """A run that can be repeated: from *snapshot* on, with *disk*, through *fates*.

    Attributes:
        name: The faults in it, for whoever has to understand a failure.
    """

    def __init__(
        self,
        world,
        snapshot=None,
        disk=None,
        *,
        fates=(),
        refusals=(),
        rots=(),
        full=-1,
        name=(),
    ):
        self.world = world
        self.snapshot = snapshot or world.beginning
        self._disk = disk or self.snapshot.disk
        self._fates = dict(fates)
        self._refusals = dict(refusals)
        self._rots = dict(rots)
        self._full = full
        self.name = name

    def run(self, watch=None):
        """Live it; the story goes on to its end only where nothing was cut before."""
        life = Life(
            self.world,
            self.snapshot,
            self._disk.copy(),
            fates=self._fates,
            refusals=self._refusals,
            rots=self._rots,
            full=self._full,
            watch=watch,
        )
        if self.snapshot is self.world.beginning:
            life.go_on()
        else:
            life.live()
        return life

    def faults(self):
        """A course for each fault that may come next."""
        snapshots = []
        last = max([*self._fates, *self._rots], default=None)
        counts = []

        def watch(snapshot):
            snapshots.append(snapshot)
            counts.append(self._life_sent(snapshot))

        self._sent = -1
        life = self.run(watch)
        for number, snapshot in enumerate(snapshots):
            if last is not None and counts[number] <= last:
                continue  # before the fault that this course has
            if self._full >= 0 and snapshot.disk.free is None:
                continue  # before it was full, or when there was room again
            if self._full < 0:
                name = (*self.name, "full from %d: %s" % (number, snapshot.step))
                yield self._with(name, full=number)
            for how, disk in snapshot.disks(ill=bool(self._rots)):
                name = (*self.name, "%s at %d: %s" % (how, number, snapshot.step))
                yield Course(self.world, self._later(snapshot), disk, name=name)
        requests = range(0 if last is None else last + 1, life.sent)
        if self._full >= 0:
            full = zip(counts, snapshots, strict=True)
            requests = sorted({count for count, one in full if one.disk.free is not None} - {-1})
        for number in requests:
            for fate in _FATES:
                name = (*self.name, "request %d: %s" % (number, fate))
                yield self._with(name, fates={number: fate})
            for path in FILES:
                if not self._rots and number:
                    name = (*self.name, "rot before request %d: %s" % (number, path))
                    yield self._with(name, rots={number: path})
        if not self._refusals and self._full < 0:
            for number in range(life.asked):
                for count in (1, 6):
                    name = (*self.name, "API request %d: %d times 401" % (number, count))
                    yield self._with(name, refusals={number: count})

    def _life_sent(self, snapshot):
        """How many requests were begun before this step."""
        if snapshot.step.startswith("request") and not snapshot.step.endswith("arrived"):
            self._sent += 1
        return self._sent

    def _with(self, name, *, fates=(), refusals=(), rots=(), full=-1):
        return Course(
            self.world,
            self.snapshot,
            self._disk,
            fates={**self._fates, **dict(fates)},
            refusals={**self._refusals, **dict(refusals)},
            rots={**self._rots, **dict(rots)},
            full=max(full, self._full),
            name=name,
        )

    def _later(self, snapshot):
        if self.world.off_ms and not self.name:
            snapshot.now_ms += self.world.off_ms
        return snapshot


def new_platform(**settings):
    return Platform(Clock(NOON_MS), **settings)
