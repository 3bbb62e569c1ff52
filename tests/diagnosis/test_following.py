"""The doctor goes the way of the running service: nobody has to know its options by heart."""

import contextlib
import os
import shutil
import time

import pytest

from mcagent import Agent
from mcagent.diagnosis import delivery
from mcagent.diagnosis.case import Case
from mcagent.diagnosis.following import follow_service
from mcagent.live import read_live
from tests.cli.running import inside
from tests.transport import certificates

PASSWORD = "Pl4nted/Secret"


@contextlib.contextmanager
def service(patient, *, meets=True, **options):
    """A service that has met the platform: as `python my_device.py` under systemd."""
    with Agent.open(patient.state, **options) as agent:
        if meets:
            agent.record({"strokes": 1})
            assert agent.upload(60).pending == 0
        agent.start()
        yield agent


def alone(patient):
    """Type `mcagent doctor`, without an option."""
    patient.options = []
    return patient.diagnosis()


@pytest.fixture
def onboarded(patient):
    patient.hub_with()
    patient.onboarded()
    return patient


def test_its_ca_file_is_taken_and_named(onboarded):
    """Without it the platform's certificate is unknown, and that would be named as the cause."""
    ca_file = onboarded.hub.ca_file
    code, cause, _step, _steps = alone(onboarded)
    assert (code, cause) == (6, ("tls", "unknown-issuer"))
    with service(onboarded, ca_file=ca_file, proxy=""):
        code, cause, _step, steps = alone(onboarded)
        assert (code, cause) == (0, ("", ""))
        told = f"trusted: {ca_file}, from the running service, pid {os.getpid()}"
        assert told in steps["tls"]["details"]
        assert inside("status", "--platform", state=onboarded.state).code == 0


def test_its_ca_file_is_named_from_the_root(onboarded, monkeypatch, tmp_path):
    """A service may name it from its own folder."""
    shutil.copy(onboarded.hub.ca_file, tmp_path / "ca.pem")
    monkeypatch.chdir(tmp_path)
    with service(onboarded, ca_file="ca.pem", proxy=""):
        assert read_live(str(onboarded.state))["upload"]["network"]["ca_file"] == str(
            tmp_path / "ca.pem"
        )


def test_its_revocation_list_that_has_expired_is_the_cause(onboarded, tmp_path):
    """The options of the command have none; the service's is what keeps it from the platform."""
    authority = certificates.Authority("plant CA")
    crl = tmp_path / "crl.pem"
    crl.write_bytes(authority.crl(days=(-30, -1)))
    with service(onboarded, meets=False, ca_file=onboarded.hub.ca_file, crl_file=str(crl)):
        code, cause, step, _steps = alone(onboarded)
    assert code == 6
    assert cause[0] == "tls"
    assert cause[1].startswith("crl-")
    assert any(str(crl) in line and "from the running service" in line for line in step["details"])


def test_its_proxy_is_taken_and_named(onboarded, proxy):
    url = f"http://127.0.0.1:{proxy.port}"
    with service(onboarded, ca_file=onboarded.hub.ca_file, proxy=url):
        code, _cause, _step, steps = alone(onboarded)
    assert code == 0
    assert url in steps["proxy"]["measured"]
    assert f"from the running service, pid {os.getpid()}" in steps["proxy"]["measured"]
    assert steps["tunnel"]["verdict"] == "pass"


def test_its_direct_way_is_taken_where_the_shell_has_a_proxy(onboarded):
    """An administrator's shell often has one; that it is dead is not the device's trouble."""
    onboarded.env = {"HTTPS_PROXY": "http://127.0.0.1:9"}
    with service(onboarded, ca_file=onboarded.hub.ca_file, proxy=""):
        code, _cause, _step, steps = alone(onboarded)
    assert code == 0
    assert "the running service" in steps["proxy"]["measured"]
    assert "takes none" in steps["proxy"]["measured"]


def test_a_proxy_with_a_password_is_looked_at_as_far_as_that_goes(onboarded, proxy_with_password):
    """The password is told to nobody: no false 407 is named as the cause."""
    address = f"127.0.0.1:{proxy_with_password.port}"
    url = f"http://press7:{PASSWORD.replace('/', '%2F')}@{address}"
    with service(onboarded, ca_file=onboarded.hub.ca_file, proxy=url):
        assert PASSWORD not in str(read_live(str(onboarded.state)))
        code, cause, _step, steps = alone(onboarded)
        platform = inside("status", "--platform", "--json", state=onboarded.state)
        onboarded.options = ["--proxy", url]
        whole = onboarded.diagnosis()
    assert (code, cause) == (0, ("", ""))
    assert steps["tcp"]["verdict"] == "pass"
    assert steps["tunnel"]["verdict"] == "skipped"
    assert f"--proxy http://user:password@{address}" in steps["tunnel"]["measured"]
    assert steps["tls"]["verdict"] == "skipped"
    assert platform.code == 4
    assert "--proxy" in platform.json["platform"]["hint"]
    assert whole[0] == 0
    assert whole[3]["token"]["verdict"] == "pass"


def test_a_wrong_password_of_its_proxy_is_the_cause(onboarded, proxy_with_password):
    """The doctor has no password to try; the service has tried, and says what it was answered."""
    url = f"http://press7:Pl4nted-Wr0ng@127.0.0.1:{proxy_with_password.port}"
    with service(onboarded, meets=False, ca_file=onboarded.hub.ca_file, proxy=url) as agent:
        agent.record({"strokes": 2})
        until_s = time.monotonic() + 60
        while not agent.status().upload["reason"]:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        code, cause, step, _steps = alone(onboarded)
    assert (code, cause) == (1, ("delivery", "waits"))
    assert "407" in step["measured"]
    assert "Pl4nted" not in str(step)


def test_a_service_that_delivers_passes(onboarded):
    with service(onboarded, ca_file=onboarded.hub.ca_file, proxy=""):
        _code, _cause, _step, steps = alone(onboarded)
    assert steps["delivery"]["verdict"] == "pass"


def test_what_a_service_is_refused_and_the_doctor_is_not(onboarded):
    """The exchange refuses this body and takes the doctor's: only the service knows."""
    rule = {"match": "POST /api/mindconnect/v3/exchange", "contains": "timestamp"}
    onboarded.hub.set_faults([dict(rule, action="status", status=403)])
    with service(onboarded, meets=False, ca_file=onboarded.hub.ca_file, proxy="") as agent:
        agent.record({"strokes": 2})
        until_s = time.monotonic() + 60
        while not agent.status().upload["held"]:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        code, cause, step, _steps = alone(onboarded)
    assert (code, cause) == (1, ("delivery", "held"))
    assert "everything: HTTP 403" in step["measured"]


def test_an_option_counts_more_and_the_difference_is_told(onboarded, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(certificates.Authority("another CA").pem)
    with service(onboarded, ca_file=onboarded.hub.ca_file, proxy=""):
        onboarded.options = ["--ca", str(other)]
        code, cause, _step, steps = onboarded.diagnosis()
    assert (code, cause) == (6, ("tls", "unknown-issuer"))
    told = " ".join(steps["service"]["details"])
    assert f"{other}, by option; the running service" in told
    assert onboarded.hub.ca_file in told


def test_a_file_that_is_gone_meanwhile_is_told(onboarded, tmp_path):
    """The service holds what it has read; who starts it anew will not."""
    ca_file = tmp_path / "ca.pem"
    shutil.copy(onboarded.hub.ca_file, ca_file)
    with service(onboarded, ca_file=str(ca_file), proxy=""):
        ca_file.unlink()
        _code, _cause, _step, steps = alone(onboarded)
    assert "cannot be gone here: CA file" in steps["service"]["details"][0]


def test_a_list_that_was_spoiled_under_the_service_is_told(onboarded, tmp_path):
    """It says itself why it sends nothing, and the doctor does not find it well from elsewhere."""
    crl_file = tmp_path / "crl.pem"
    crl_file.write_bytes(certificates.Authority("another CA").crl())
    options = {"ca_file": onboarded.hub.ca_file, "crl_file": str(crl_file), "proxy": ""}
    with service(onboarded, meets=False, **options) as agent:
        crl_file.unlink()
        agent.record({"strokes": 2})
        until_s = time.monotonic() + 60
        while "CRL file" not in (reason := agent.status().upload["reason"]):
            assert time.monotonic() < until_s, reason
            time.sleep(0.05)
        code, cause, step, _steps = alone(onboarded)
    assert (code, cause) == (1, ("delivery", "waits"))
    assert f"{crl_file} cannot be read" in step["measured"]


@pytest.mark.parametrize("live", [{}, {"upload": None}, {"upload": {"network": 5}}, {"pid": 1}])
def test_a_service_that_does_not_tell_changes_nothing(live):
    class Case:
        def ask_service(self):
            return live

    assert follow_service(Case()) == []


def test_a_service_that_waits_on_another_way_is_not_found_well(tmp_path):
    """Its proxy's password was changed; the one that was given to the doctor is the new one."""
    network = {"ca_file": None, "crl_file": None, "proxy": "http://proxy:3128"}
    upload = {"reason": "the proxy refused the password", "retry_in_s": 3, "network": network}
    case = Case(str(tmp_path), proxy="http://press7:Pl4nted@proxy:3128")
    case.live = {"pid": 5, "pending": 7, "upload": upload}
    case.ask_service = lambda: case.live
    case.verdicts = {"exchange": "pass"}
    follow_service(case)
    step = delivery.look(case)
    case.transport.close()
    assert (step.verdict, step.cause) == ("fail", "waits")
    assert "the proxy refused" in step.measured
    assert "its proxy is http://proxy:3128" in step.measured
    assert "Pl4nted" not in step.measured
