"""The examples run as a newcomer runs them: as programs, against a hub in another process."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from mcagent.cli.hubclient import HubClient
from mcagent.cli.hubprocess import HubProcess
from tests.examples.scene import Program, example_settings, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
ENVIRONMENT = dict(
    os.environ,
    PYTHONPATH=os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH")))),
)


@pytest.fixture
def hub():
    with HubProcess() as hub:
        yield hub


def test_host_metrics_is_short_enough_to_copy():
    """Under 60 lines."""
    with open(os.path.join(EXAMPLES, "host_metrics.py"), encoding="utf-8") as file:
        assert len(file.readlines()) < 60


def host_metrics(folder, *, more="", **changes):
    """The script on its own TOML file with *changes*, started in *folder*."""
    settings = example_settings(folder, "host_metrics", more=more, **changes)
    return subprocess.Popen(
        [sys.executable, os.path.join(EXAMPLES, "host_metrics.py"), settings],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


WRONG_POINTS = """
[[points]]
id = "wrong"
reading = "cpu_lod"

[[points]]
id = "unlike"
type = "BOOLEAN"
reading = "memory_used"
"""


def test_host_metrics_collects_until_it_is_told_to_stop(hub, tmp_path):
    """Readings of this machine arrive at the hub; SIGTERM ends it in order."""
    boarding = tmp_path / "agentconfig.json"
    with HubClient(hub.url, hub.ca_file) as operator:
        configuration = operator.create_agent("host", "SHARED_SECRET", automap=True)
        agent = configuration["content"]["clientId"]
        boarding.write_text(json.dumps(configuration))
        script = host_metrics(tmp_path, ca=hub.ca_file, every_s=0.1, more=WRONG_POINTS)
        try:
            give_up = time.monotonic() + 30
            while len(operator.received(agent, "timeseries")) < 10:
                assert script.poll() is None, script.stdout.read()
                assert time.monotonic() < give_up, "no readings arrived"
                time.sleep(0.1)
        finally:
            script.send_signal(signal.SIGTERM)
            output, _ = script.communicate(timeout=90)
        assert script.returncode == 0, output
        samples = operator.received(agent, "timeseries")
        (event,) = operator.received(agent, "event")
    assert event["event"]["description"] == "collector started"
    points = {value["dataPointId"] for value in samples[0]["values"]}
    assert {"cpu_load", "memory_used", "system_uptime"} <= points
    assert not {"wrong", "unlike"} & points
    assert "there is no reading 'cpu_lod'" in output
    assert " is no BOOLEAN" in output
    assert "Traceback" not in output


def test_host_metrics_without_boarding_says_what_to_do(tmp_path):
    """A line and a hint for who forgot the file, not a traceback."""
    script = host_metrics(tmp_path, boarding="none.json")
    output, _ = script.communicate(timeout=60)
    assert script.returncode == 1
    assert "none.json" in output
    assert "hint:" in output
    assert "Traceback" not in output


def test_the_guides_own_collector_runs_as_it_stands(hub, tmp_path):
    """docs/guides/write-your-own-collector.md: its file and its script, on a hub of this machine."""
    page = os.path.join(ROOT, "docs", "guides", "write-your-own-collector.md")
    with open(page, encoding="utf-8") as file:
        blocks = re.findall(r"^```(toml|py)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    (_, settings), (_, script) = blocks
    ca = f"[agent]\nca = {json.dumps(hub.ca_file)}\n"
    (tmp_path / "press.toml").write_text(settings.replace("[agent]\n", ca), encoding="utf-8")
    (tmp_path / "collect.py").write_text(script, encoding="utf-8")
    with HubClient(hub.url, hub.ca_file) as operator:
        configuration = operator.create_agent("press", "SHARED_SECRET", automap=True)
        agent = configuration["content"]["clientId"]
        (tmp_path / "agentconfig.json").write_text(json.dumps(configuration))
        program = Program(
            str(tmp_path),
            "collect",
            *(sys.executable, tmp_path / "collect.py"),
            tmp_path / "press.toml",
        )
        program.start()
        try:
            wait_for(lambda: len(operator.received(agent, "timeseries")) > 3, program.output)
            assert program.stop() == 0
        finally:
            program.close()
        events = [row["event"]["description"] for row in operator.received(agent, "event")]
    assert events == ["press: connection lost", "press: connected again, 1 losses so far"]
    assert "troubles: none loop: " in program.output()


@pytest.mark.slow
def test_unit_test_example_passes(tmp_path):
    """pytest finds the fixture by itself where mcagent is installed."""
    names = {point.name for point in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if "mcagent" in names else ["-p", "mcagent.emulator.pytest_plugin"]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin),
            *("-c", os.devnull, "--rootdir", EXAMPLES),
            os.path.join(EXAMPLES, "unit_test_your_script.py"),
        ],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
