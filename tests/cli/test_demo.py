"""`mcagent demo`: the main job, as a user runs it, and each way it may fail."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest

from mcagent.cli import demo, demorun, main, readings, relay
from mcagent.cli.hubclient import HubClient
from tests.cli.running import ROOT, mcagent, refused

MEMBERS = {
    "equal",
    "recorded",
    "stored",
    "events",
    "files",
    "outage_s",
    "buffer_peak_bytes",
    "requests",
}


def unhurried(*arguments, readings=0, **options):
    """`mcagent demo`, again where the machine had no time for *readings*: that proves nothing."""
    for _ in range(5):
        result = mcagent("demo", *arguments, **options)
        failed = [line for line in result.lines if "FAILED: " in line]
        hurried = failed and all("readings were taken" in line for line in failed)
        if not hurried and not (readings and result.json["recorded"] < readings):
            break
    return result


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["SHARED_SECRET", "RSA_3072"])
def test_demo_ends_equal(profile, tmp_path, figure):
    """What arrived is what was read, through an outage; nothing is left behind."""
    environment = {"TMPDIR": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:1"}
    arguments = ("--seconds", 6, "--profile", profile, "--json")
    result = unhurried(*arguments, readings=54, state="/nowhere", env=environment)
    assert result.code == 0, result
    found = result.json
    assert set(found) >= MEMBERS
    assert found["equal"] is True
    assert found["recorded"] == found["stored"] >= 54
    assert found["values"] >= 5 * found["recorded"]
    assert (found["events"], found["files"]) == (2, 1)
    assert 1.6 < found["outage_s"] < 3.0  # a third, not all that was left
    assert found["buffered_in_outage"] > 0
    assert 0 < found["caught_up_s"] < 1.9  # within the last third, not when all is over
    assert found["buffer_peak_bytes"] > 0
    assert found["problems"] == []
    assert "cut the link" in result.err
    assert "sent what waited" in result.err.partition("took ")[0]
    assert "100%" in result.err
    assert os.listdir(tmp_path) == []
    figure(f"demo, {profile}", f"{found['recorded']} readings, {found['requests']} requests")


@pytest.mark.slow
def test_demo_for_people_is_a_table():
    """Progress on standard error, the table on standard output."""
    result = unhurried("--seconds", 3, "--rate", 20)
    assert result.code == 0, result
    assert result.out.splitlines()[0] == "mcagent demo"
    assert "readings taken" in result.out
    assert result.out.splitlines()[-1].split() == ["equal", "yes"]
    assert "restored the link" in result.err


@pytest.mark.slow
def test_keep_leaves_the_hub_running_until_it_is_interrupted(tmp_path):
    """The page, the control interface and the CA are where the demo says; Ctrl-C ends all."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcagent", "demo", "--seconds", "3", "--keep", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=ROOT, TMPDIR=str(tmp_path)),
    )
    found = json.loads(process.stdout.readline())
    hub = found["hub"]
    context = ssl.create_default_context(cafile=hub["ca_file"])
    with urllib.request.urlopen(hub["page"], context=context) as page:
        assert b"<html" in page.read()
    with urllib.request.urlopen(hub["control"], context=context) as state:
        assert json.load(state)["events"] == 2
    status = mcagent("status", "--json", "--state", hub["state"])
    assert status.json["pending"] == 0
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=90)
    # A machine that had no time for its readings says so, and keeps the hub all the same.
    assert all("readings were taken" in problem for problem in found["problems"])
    assert (process.returncode, out) == (1 if found["problems"] else 0, "")
    assert hub["page"] in err
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_in_the_middle_cleans_up(tmp_path, number, code):
    """Ctrl-C or SIGTERM: no traceback, no directory with credentials, no hub."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcagent", "demo", "--seconds", "60"],
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=ROOT, TMPDIR=str(tmp_path)),
    )
    line = process.stderr.readline()
    while "reading this machine" not in line:
        assert line, "the demo ended by itself"
        line = process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=90)
    assert process.returncode == code
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seconds", "2"),
        ("--seconds", "1e9"),
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--rate", "1000"),
        ("--seconds", "3", "--rate", "0.5"),
        ("--profile", "X509"),
        ("--state", "x"),
    ],
)
def test_settings_that_show_nothing_are_refused(arguments):
    """At once, before a hub is started."""
    refused(mcagent("demo", *arguments), 2)


# -- failures


def run_demo(capsys, *arguments):
    code = main.main(["demo", "--seconds", "3", "--json", *arguments])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


@pytest.mark.slow
def test_demo_fails_when_nothing_had_to_be_buffered(monkeypatch, capsys):
    """A relay that does not cut shows nothing, even where all that was read arrived."""
    monkeypatch.setattr(relay.Relay, "cut", lambda _self: None)
    monkeypatch.setattr(demorun.Reader, "pending", property(lambda _: 0, lambda *_: None), False)
    code, found, err = run_demo(capsys)
    assert code == 1
    assert found["equal"] is True
    assert any("nothing had to be buffered" in problem for problem in found["problems"])
    assert "FAILED: nothing had to be buffered" in err


@pytest.mark.slow
def test_demo_fails_when_too_few_readings_were_taken(monkeypatch, capsys):
    """A machine that is too slow for the rate proves nothing."""
    take = readings.HostReadings.take

    def slow(self):
        time.sleep(0.25)
        return take(self)

    monkeypatch.setattr(readings.HostReadings, "take", slow)
    code, found, _ = run_demo(capsys)
    assert code == 1
    assert found["recorded"] < 0.9 * found["expected"]
    assert any("readings were taken" in problem for problem in found["problems"])


@pytest.mark.slow
def test_demo_fails_when_a_value_is_wrong_and_names_it(monkeypatch, capsys):
    """One value of hundreds that differs at the hub."""
    stored = HubClient.stored

    def tampered(self, asset):
        values = stored(self, asset)
        key = next(iter(values))
        return {**values, key: values[key] + 1}

    monkeypatch.setattr(HubClient, "stored", tampered)
    code, found, err = run_demo(capsys)
    assert code == 1
    assert found["equal"] is False
    assert found["different"] == 1
    assert found["stored"] == found["recorded"] - 1
    assert "FAILED: what arrived is not what was read" in err


def test_hub_packages_are_missing(monkeypatch, capsys):
    """A device without the extra: one line and how to get it."""
    monkeypatch.setattr("mcagent.cli.hubprocess._NEEDS", ("no_such_package",))
    assert demo.__name__
    assert main.main(["demo"]) == 4
    error = capsys.readouterr().err
    assert "no_such_package" in error
    assert "mcagent[emulator]" in error
