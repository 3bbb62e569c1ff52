"""Consent to the loss of mappings, from the agent to a real hub: kills, restarts, both commands."""

import subprocess
import sys
import textwrap

import pytest

from mcagent import Agent, Event, UploadSettings
from mcagent.emulator import Emulator
from tests.cli.running import ROOT, inside, write_json
from tests.e2e.test_accepted_is_not_stored import Operator
from tests.upload.test_against_hub import model, stored

M1, M2 = model("m1", "strokes"), model("m2", "strokes", "parts")


@pytest.fixture(scope="module")
def running():
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


class Site:
    """A device with one mapping that its next model would delete, and the operator who made it."""

    def __init__(self, hub, directory):
        self.hub = hub
        self.state = directory / "state"
        self.boarding = write_json(directory / "agentconfig.json", hub.create_agent("press-7"))
        self.operator = Operator(hub)
        with self.open() as agent:
            agent.onboard()
            agent.submit(M1)
            assert agent.upload().pending == 0
            self.id = hub.received()[0]["agent"]
            self.operator.map_point(self.id, "strokes", keep=False)
            agent.record({"strokes": 1})
            assert agent.upload().pending == 0
        (self.lost,) = self.mappings()

    def open(self, **upload):
        settings = UploadSettings(min_interval_s=0, **upload)
        return Agent.open(str(self.state), boarding=str(self.boarding), upload=settings, proxy="")

    def mappings(self):
        content = self.operator.call("GET", "/api/mindconnect/v3/dataPointMappings")["content"]
        return [
            "%(dataPointId)s -> %(entityId)s %(propertySetName)s.%(propertyName)s" % one
            for one in content
        ]

    def model_on_platform(self):
        received = [one for one in self.hub.received() if one["kind"] == "dataSourceConfiguration"]
        return received[-1]["configuration"]["configurationId"]


@pytest.fixture
def site(running, tmp_path):
    running.clear()
    return Site(running, tmp_path)


def test_held_named_and_nothing_else_waits(site):
    """Through a restart, too; then with consent, and the mapping is gone."""
    with site.open() as agent:
        agent.submit(M2)
        agent.record({"strokes": 2, "parts": 1})
        agent.submit(Event("new firmware"))
        report = agent.upload()
        assert report.pending == 1
        assert site.lost in report.reason
        assert agent.status().upload["consent"] == {"model": "m2", "mappings": [site.lost]}
        assert agent.status().lanes["models"]["records"] == 1
    assert site.mappings() == [site.lost]
    assert stored(site.hub, "strokes") == [1, 2]
    assert [one["event"]["description"] for one in site.hub.events()] == ["new firmware"]
    with site.open() as agent:
        agent.submit(M2)  # as a script does at each start: no consent
        assert agent.upload().pending == 1
        assert site.mappings() == [site.lost]
        agent.submit(M2, lose_mappings=agent.status().upload["consent"]["mappings"])
        assert agent.upload().pending == 0
    assert site.mappings() == []


def test_with_the_setting_hold_new_samples_wait_with_their_model(site):
    """For who would rather wait than lose the values of a new point."""
    with site.open(unmapped="hold") as agent:
        agent.submit(M2)
        agent.record({"strokes": 2, "parts": 1})
        assert agent.upload().pending == 2
        agent.submit(M2, lose_mappings=True)
        agent.upload(timeout_s=2)
        assert agent.status().lanes["models"]["records"] == 0
        for point in ("strokes", "parts"):
            site.operator.map_point(site.id, point)
    with site.open(unmapped="hold") as agent:
        assert agent.upload().pending == 0
    assert stored(site.hub, "parts") == [1]


CHILD = """
    import os, signal, sys
    from mcagent import Agent
    from tests.e2e.test_consent import M2
    agent = Agent.open(sys.argv[1], proxy="")
    agent.submit(M2)
    agent.submit(M2, lose_mappings=True)
    print("consented", flush=True)
    sys.stdin.read()
"""


def test_consent_survives_a_kill_before_the_model_is_sent(site):
    """SIGKILL between the two; the next start has no consent in its script and needs none."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(site.state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "consented\n"
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    assert site.mappings() == [site.lost]
    with site.open() as agent:
        agent.submit(M2)
        assert agent.upload().pending == 0
    assert site.mappings() == []


def test_consent_lost_with_the_note_of_it_is_asked_for_again(site):
    """A power cut before it was durable: the model is in the buffer, and is held."""
    with site.open() as agent:
        before = (site.state / "model.json").read_bytes()
        agent.submit(M2, lose_mappings=True)
    (site.state / "model.json").write_bytes(before)
    with site.open() as agent:
        assert agent.upload().pending == 1
        assert agent.status().upload["consent"]["model"] == "m2"
    assert site.mappings() == [site.lost]


def test_an_operator_consents_beside_the_running_service(site):
    """By the command, which names what goes; the service sends it at once."""
    with site.open() as agent:
        agent.submit(M2)
        assert agent.upload().pending == 1
        agent.start()
        shown = inside("model", "--lose-mappings", "--dry-run", "--json", state=site.state)
        assert shown.json == {"model": "m2", "mappings": [site.lost], "consented": False}
        nobody = inside("model", "--lose-mappings", state=site.state)
        assert nobody.code == 2
        assert site.lost in nobody.out
        assert "--yes" in nobody.err
        assert site.mappings() == [site.lost]
        done = inside("model", "--lose-mappings", "--yes", state=site.state)
        assert done.code == 0, done
        agent.stop()
        assert agent.upload().pending == 0
    assert site.mappings() == []


def test_an_operator_consents_while_the_service_is_stopped(site):
    with site.open() as agent:
        agent.submit(M2)
    command = ("model", "--lose-mappings", "--proxy", "")
    shown = inside(*command, "--dry-run", state=site.state)
    assert f"data model m2 would delete:\n  {site.lost}\n" in shown.out
    assert inside(*command, "--yes", state=site.state).code == 0
    assert site.mappings() == [site.lost], "it asks, and sends nothing itself"
    again = inside(*command, "--yes", state=site.state)
    assert "consent for the data model m2 was given" in again.out
    with site.open() as agent:
        assert agent.upload().pending == 0
    assert site.mappings() == []
    assert "the platform has the data model m2" in inside(*command, state=site.state).out


def test_the_doctor_names_it_and_the_way_out(site):
    with site.open() as agent:
        agent.submit(M2)
    report = inside("doctor", "--json", "--proxy", "", state=site.state).json
    assert report["cause"] == {"step": "mappings", "cause": "consent"}
    step = next(one for one in report["steps"] if one["step"] == "mappings")
    assert "mcagent model --lose-mappings" in step["remedy"]
    assert any(site.lost in line for line in step["details"])


def test_a_consent_that_comes_too_late_is_none(site):
    """The operator saw m2; the script has another model by now."""
    with site.open() as agent:
        agent.submit(M2)
        agent.upload()
        sequence = agent._models.sequence
        agent.submit(model("m3", "strokes", "scrap"))
        from mcagent.inbox import Inbox
        from mcagent.runtime import Clock, FileSystem

        inbox = Inbox(str(site.state), FileSystem(), Clock())
        inbox.put({"consent": True, "model": sequence}, iter(()))
        assert agent.upload().pending == 1
        assert agent.status().upload["consent"]["model"] == "m3"
        assert any("came too late" in note for note in agent.status().notes)
    assert site.mappings() == [site.lost]


@pytest.mark.parametrize("wrong", ["strokes", 1, None, {"all": True}])
def test_consent_that_is_no_consent_is_refused(site, wrong):
    from mcagent import InvalidMessage

    with site.open() as agent:
        with pytest.raises(InvalidMessage, match="lose_mappings is a"):
            agent.submit(M2, lose_mappings=wrong)
        assert agent.model == M1
        assert agent.status().lanes["models"]["records"] == 0
