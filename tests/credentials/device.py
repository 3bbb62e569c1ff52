"""The driver that the lifecycle asks for, over a disk that can be cut at any point. Portable."""

from mcagent.boarding import read_boarding
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.credentials.settings import LifecycleSettings
from mcagent.errors import TransportError
from mcagent.runtime import random_bytes
from mcagent.transport.http import Response

from .platform import ROTATE, Clock, FakeRsa, Platform


class Cut(Exception):
    """The power went off."""


class Device:
    """A device that is switched on by `start` and off by an exception.

    Attributes:
        disk: What was saved last; survives.
        points: How many save and send points were passed since the device was made.
        bug: A mistake to be caught: "forgets previous" or "never saves".
    """

    def __init__(self, network, clock, boarding, *, random=0.5):
        self.network = network
        self.clock = clock
        self.boarding = boarding
        self.disk = None
        self.points = 0
        self.cuts = ()
        self.random = random
        self.bug = ""
        self.start()

    def start(self):
        """Switch on: everything but the disk is forgotten."""
        boarding = None if self.boarding is None else read_boarding(self.boarding)
        self.lifecycle = Lifecycle(
            self.disk,
            boarding,
            settings=LifecycleSettings(random_unit=lambda: self.random),
            new_key=lambda: "pem-" + "".join("%02x" % byte for byte in random_bytes(8)),
            signer_for=_signer_for,
        )

    def step(self, **wish):
        """One request; False when there is nothing to do now."""
        lifecycle = self.lifecycle
        request = lifecycle.next_request(self.clock.device_ms, **wish)
        if request is None:
            return False
        self._save()
        self._point()
        try:
            answer = self.network.send(request)
        except TransportError as error:
            answer = error
        self._point()
        lifecycle.receive(request, answer, self.clock.device_ms)
        if self.bug == "forgets previous" and self.token() is not None:
            lifecycle._record.previous = None
        self._save()
        return True

    def work(self, **wish):
        """Requests until there is nothing to do now."""
        for _ in range(50):
            if not self.step(**wish):
                return
            wish = {}
        raise AssertionError("the lifecycle does not come to rest")

    def live(self, duration_ms=2 * 3_600_000):
        """Work, and wait as long as the lifecycle asks, until all is well or *duration_ms* over."""
        end_ms = self.clock.now_ms + duration_ms
        while True:
            self.work()
            until_ms = self.lifecycle.wait_until_ms
            if until_ms is None:
                return
            wait_ms = until_ms - self.clock.device_ms
            well = self.lifecycle.state == "onboarded" and self.token() is not None
            if well and wait_ms > 900_000:
                return
            assert wait_ms > 0, wait_ms
            if self.clock.now_ms + wait_ms > end_ms:
                return
            self.clock.now_ms += wait_ms

    def live_through_cuts(self, cuts):
        """As `live`, with the power cut at each point in *cuts*, and switched on again."""
        self.cuts = cuts
        for _ in range(len(cuts) + 1):
            try:
                self.live()
                return
            except Cut:
                self.start()

    def token(self):
        return self.lifecycle.access_token(self.clock.device_ms)

    def _save(self):
        if self.lifecycle.unsaved and self.bug != "never saves":
            self._point()
            self.disk = self.lifecycle.to_state()
            self._point()
            self.lifecycle.saved()

    def _point(self):
        self.points += 1
        if self.points in self.cuts:
            raise Cut


def _signer_for(profile, secret):
    from mcagent.credentials.assertion import SharedSecretSigner

    return FakeRsa(secret) if profile == "RSA_3072" else SharedSecretSigner(secret)


def unboarded(**settings):
    """A platform, and a device that has sent nothing yet."""
    clock = Clock()
    platform = Platform(clock, **settings)
    return platform, Device(platform, clock, platform.boarding)


def onboarded(**settings):
    """A platform, and a device that works."""
    platform, device = unboarded(**settings)
    device.work()
    assert device.lifecycle.state == "onboarded"
    assert platform.accepts(device.token())
    platform.said = []
    return platform, device


def rotating(**settings):
    """A device whose rotation got no answer, with its token gone."""
    platform, device = onboarded(**settings)
    platform.replies[ROTATE] = [Response(503)]
    device.step(rotate=True)
    device.start()
    platform.said = []
    assert device.lifecycle.state == "rotating"
    return platform, device
