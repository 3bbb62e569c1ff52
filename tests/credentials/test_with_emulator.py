"""The lifecycle against the local Insights Hub: real HTTP, real JWTs, real RSA keys."""

import time

import pytest

from mcagent.boarding import read_boarding
from mcagent.credentials.keystore import Keystore
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.credentials.settings import LifecycleSettings
from mcagent.emulator import Emulator
from mcagent.errors import OnboardingRefused, RotationFailed, TransportError
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Request

PROFILES = ["SHARED_SECRET", pytest.param("RSA_3072", marks=pytest.mark.slow)]
WEEK_S = 7 * 24 * 3600
REGISTER = "POST /api/agentmanagement/v3/register"
ROTATE = "PUT /api/agentmanagement/v3/register/*"


class RealDevice:
    """Lifecycle, keystore and transport; the clock is this machine's plus *ahead_s*."""

    def __init__(self, hub, directory, profile):
        self.hub = hub
        self.directory = str(directory)
        self.boarding = hub.create_agent("press-07", profile)
        self.transport = Urllib3Transport()
        self.ahead_s = 0
        self.start()

    def start(self):
        self.keystore = Keystore(self.directory)
        self.lifecycle = Lifecycle(
            self.keystore.load(),
            read_boarding(self.boarding),
            settings=LifecycleSettings(random_unit=lambda: 0.0),
        )

    def now_ms(self):
        return int((time.time() + self.ahead_s) * 1000)

    def travel(self, seconds):
        """Both clocks go on."""
        self.ahead_s += seconds
        self.hub.set_clock(self.ahead_s)

    def step(self, **wish):
        """One request: its status, "lost" for a missing answer, None when there is none now."""
        request = self.lifecycle.next_request(self.now_ms(), **wish)
        self.save()
        if request is None:
            return None
        # A connection of its own: on a kept one the transport repeats what was cut off.
        self.transport.close()
        try:
            answer = self.transport.send(request)
        except TransportError as error:
            self.lifecycle.receive(request, error, self.now_ms())
            self.save()
            return "lost"
        self.lifecycle.receive(request, answer, self.now_ms())
        self.save()
        return answer.status

    def work(self, **wish):
        """Send until there is nothing to do now; the statuses."""
        statuses = []
        for _ in range(20):
            status = self.step(**wish)
            if status is None:
                return statuses
            statuses.append(status)
            wish = {}
        raise AssertionError(statuses)

    def save(self):
        if self.lifecycle.unsaved:
            self.keystore.save(self.lifecycle.to_state())
            self.lifecycle.saved()

    def onboard_again(self):
        """The operator's part, and a restart."""
        agent = self.lifecycle.client_id
        self.hub.offboard(agent)
        self.boarding = self.hub.boarding(agent)
        self.start()

    def check_works(self):
        """The token opens the agent's own configuration."""
        token = self.lifecycle.access_token(self.now_ms())
        assert token, (self.lifecycle.problem, self.lifecycle.reason)
        url = "%s/api/agentmanagement/v3/agents/%s/dataSourceConfiguration" % (
            self.lifecycle.base_url,
            self.lifecycle.client_id,
        )
        request = Request("GET", url, {"Authorization": "Bearer " + token})
        assert self.transport.send(request).status == 200


@pytest.fixture(params=PROFILES)
def device(request, tmp_path):
    with Emulator(tls=False, strict=True) as hub:
        device = RealDevice(hub, tmp_path, request.param)
        yield device
        device.transport.close()


def test_register_token_rotate(device):
    """Strict hub; the agent works after each, and after a restart from the disk."""
    assert device.work() == [201, 200]
    device.check_works()
    for _ in range(2):
        assert device.work(rotate=True) == [200, 200]
        device.check_works()
        device.start()
        assert device.work() == [200]
        device.check_works()


def test_the_secret_is_rotated_in_time_for_ever(device):
    device.work()
    for _ in range(3):
        device.travel(WEEK_S - 24 * 3600)
        assert device.work() == [200, 200, 200], "token, rotation, token of the new secret"
        device.check_works()


@pytest.mark.parametrize("restarts", [False, True])
def test_lost_answers_of_a_rotation(device, restarts):
    """The hub rotated three times, and the device knows of none."""
    device.work()
    device.hub.set_faults([{"match": ROTATE, "action": "drop_after", "times": 3}])
    for _ in range(3):
        assert device.step(rotate=True) == "lost"
        if restarts:
            device.start()
            assert device.step() == 400, "the strict hub refuses the secret before"
        device.lifecycle.retry_now()
    device.work(rotate=True)
    device.check_works()
    assert device.lifecycle.state == "onboarded"
    device.start()
    device.work(rotate=True)
    device.check_works()


def test_a_lost_registration_is_named_and_a_new_file_helps(device):
    device.hub.set_faults([{"match": REGISTER, "action": "drop_after", "times": 1}])
    assert device.step() == "lost"
    device.start()
    assert device.work() == [401]
    assert isinstance(device.lifecycle.problem, OnboardingRefused)
    assert "got no answer" in device.lifecycle.problem.message
    device.onboard_again()
    assert device.work() == [201, 200]
    device.check_works()


def test_an_expired_secret_needs_an_operator(device):
    """The strict reading: the RAT has died with the secret."""
    device.work()
    device.travel(WEEK_S + 3600)
    device.start()
    assert device.work() == [400, 401]
    assert isinstance(device.lifecycle.problem, RotationFailed)
    assert "expired at" in device.lifecycle.problem.message
    device.onboard_again()
    device.work()
    device.check_works()


def test_an_expired_secret_is_repaired_where_the_hub_is_lenient(device):
    device.hub.change_settings(rat_after_expiry=True)
    device.work()
    device.travel(WEEK_S + 3600)
    device.start()
    assert device.work() == [400, 200, 200]
    device.check_works()


def test_a_clock_thirty_days_off(device):
    """Signed again with the hub's time; the assertion before it was refused."""
    device.hub.set_clock(-30 * 24 * 3600)
    device.work()
    assert device.lifecycle.access_token(device.now_ms())
    assert device.lifecycle.clock_offset_ms == pytest.approx(-30 * 24 * 3600_000, abs=3000)
