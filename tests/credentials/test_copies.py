"""Two holders of one agent's credentials: a copied state directory, a restored backup, two processes.

Against the local hub over HTTP, with the whole agent.
"""

import shutil
import subprocess
import sys

import pytest

from mcagent.agent import Agent
from mcagent.emulator import Emulator
from mcagent.errors import ConfigurationError, CredentialError, OnboardingRefused, RotationFailed
from tests.helpers import raises

DAY_S = 86_400
WEEKISH_S = 6 * DAY_S  # past the time at which a running agent rotates, before the secret ends
REGISTER = "POST /api/agentmanagement/v3/register"


class Site:
    """A hub, an agent on it, and the directories of its devices."""

    def __init__(self, hub, directory):
        self.hub = hub
        self.directory = directory
        self.boarding = hub.create_agent("press-7", automap=True)
        self.agent_id = self.boarding["content"]["clientId"]
        self.sent = 0
        self.day = 0

    def copy(self, one, other):
        shutil.copytree(self.directory / one, self.directory / other)

    def restore(self, backup, device):
        shutil.rmtree(self.directory / device)
        self.copy(backup, device)

    def credentials_from(self, backup, device):
        """What a restored backup of the folder alone does."""
        shutil.rmtree(self.directory / device / "credentials")
        shutil.copytree(
            self.directory / backup / "credentials", self.directory / device / "credentials"
        )

    def days_later(self, days):
        self.day += days
        self.hub.set_clock(self.day * DAY_S)

    def open(self, device):
        return Agent.open(self.directory / device, boarding=self.boarding)

    def work(self, device):
        """Record and upload: what was wrong, "" for nothing, or the error for the operator."""
        self.sent += 1
        with self.open(device) as agent:
            if agent.model is None:
                agent.submit(_model())
            agent.record({"temperature": float(self.sent)})
            try:
                report = agent.upload(20)
            except CredentialError as error:
                return error
            assert report.pending == 0, report.reason
            return agent.status().upload["session"]["warning"]

    def pending(self, device):
        with self.open(device) as agent:
            return agent.status().pending

    def onboard_again(self):
        self.hub.offboard(self.agent_id)
        self.boarding = self.hub.boarding(self.agent_id)

    def values(self):
        self.hub.settle()
        return sorted(record["values"]["temperature"] for record in self.hub.stored())


def _model():
    from mcagent import DataModel, DataPoint, DataSource

    return DataModel("m", [DataSource("press", [DataPoint("temperature", "DOUBLE", unit="C")])])


@pytest.fixture
def site(tmp_path):
    with Emulator(tls=False, strict=True) as hub:
        yield Site(hub, tmp_path)


def test_a_backup_one_rotation_old_takes_the_agent_back_and_says_so(site):
    assert site.work("a") == ""
    site.copy("a", "backup")
    site.days_later(6)
    assert site.work("a") == "", "its own rotation is no surprise"
    site.credentials_from("backup", "a")
    warning = site.work("a")
    assert "refused the client secret before its end" in warning
    assert "an older one was restored" in warning
    assert site.work("a") == ""
    assert site.values() == [1.0, 2.0, 3.0, 4.0]


def test_a_backup_two_rotations_old_needs_the_operator_and_keeps_the_buffer(site):
    site.work("a")
    site.copy("a", "backup")
    # Twice within the life of the first secret, so that it is stale and not expired.
    for _ in range(2):
        with site.open("a") as agent:
            assert agent.keep_alive(rotate_before_s=30 * DAY_S).rotated
    site.credentials_from("backup", "a")
    problem = site.work("a")
    assert isinstance(problem, RotationFailed)
    assert "its state directory is an old copy or in use elsewhere" in problem.message
    assert "offboards agent %s" % site.agent_id in problem.hint
    assert site.pending("a") == 1
    site.onboard_again()
    assert site.work("a") == ""
    assert site.values() == [1.0, 2.0, 3.0]


def test_a_backup_older_than_a_secret_lives_says_expired(site):
    site.work("a")
    site.copy("a", "backup")
    for _ in range(2):
        site.days_later(6)
        assert site.work("a") == ""
    site.restore("backup", "a")
    problem = site.work("a")
    assert isinstance(problem, RotationFailed)
    assert "the client secret expired at" in problem.message
    site.onboard_again()
    assert site.work("a") == ""


def test_a_copied_directory_is_noticed_by_both_and_ends_for_one(site):
    """They take the agent from each other; when the common ancestor has expired, one is left."""
    site.work("a")
    site.copy("a", "clone")
    site.days_later(6)
    assert site.work("a") == ""
    assert "another device works with a copy" in site.work("clone")
    assert "another device works with a copy" in site.work("a")
    site.days_later(2)  # the secret that both had is over
    problem = site.work("clone")
    assert isinstance(problem, RotationFailed)
    assert "in use elsewhere" in problem.message
    assert site.pending("clone") == 1, "it keeps buffering"
    assert site.work("a") == ""


def test_a_copy_made_before_the_registration_finds_the_token_used(site):
    """An image with the boarding file in it, on two devices."""
    assert site.work("a") == ""
    problem = site.work("clone")
    assert isinstance(problem, OnboardingRefused)
    assert "is used or was withdrawn" in problem.message
    assert site.pending("clone") == 2, "the model and the sample"


def test_a_second_process_reads_no_credentials(site):
    site.work("a")
    with site.open("a"):
        script = (
            "import sys; from mcagent import Agent, ConfigurationError\n"
            "try: Agent.open(sys.argv[1])\n"
            "except ConfigurationError as error: print(error.message, '|', error.hint)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(site.directory / "a")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "is in use by pid" in done.stdout
        assert "stop that one" in done.stdout
        error = raises(ConfigurationError, site.open, "a")
        assert "is in use by pid" in error.message
    assert site.work("a") == ""


def test_a_lost_registration_keeps_buffering_and_takes_the_new_file(site):
    """The one cut that cannot be repaired: the hub took the IAT, and its answer was lost."""
    site.hub.set_faults([{"match": REGISTER, "action": "drop_after", "times": 1}])
    with site.open("a") as agent:
        agent.submit(_model())
        agent.record({"temperature": 0.5})
        assert not agent.onboard().onboarded
    problem = site.work("a")
    assert isinstance(problem, OnboardingRefused)
    assert "got no answer" in problem.message
    assert site.pending("a") == 3
    site.onboard_again()
    assert site.work("a") == ""
    assert site.values() == [0.5, 1.0, 2.0]


def test_an_expired_secret_keeps_buffering_and_takes_the_new_file(site):
    site.work("a")
    site.days_later(9)
    for pending in (1, 2):
        problem = site.work("a")
        assert isinstance(problem, RotationFailed)
        assert "the client secret expired at" in problem.message
        assert site.pending("a") == pending
    site.onboard_again()
    assert site.work("a") == ""
    assert site.values() == [1.0, 2.0, 3.0, 4.0]
