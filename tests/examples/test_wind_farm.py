"""examples/wind_farm.py: one file and one script, from an empty tenant to data on the turbine."""

import json
import os
import subprocess
import sys

import pytest

from mcagent.emulator import Emulator
from mcagent.services.commissioning_file import load_plant
from tests.examples.test_examples import ENVIRONMENT, EXAMPLES
from tests.services.platform import Platform


def run(hub, folder, *options):
    return subprocess.run(
        [
            sys.executable,
            os.path.join(EXAMPLES, "wind_farm.py"),
            *("--credentials", folder / "credentials.json"),
            *("--state", folder / "state"),
            *("--ca", hub.ca_file),
            *options,
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_the_wind_farm_from_nothing_to_data_on_the_turbine(tmp_path):
    """Types, assets, agent, model, mappings, event mapping; readings and an event; and again."""
    with Emulator() as hub:
        platform = Platform(hub)
        path = tmp_path / "credentials.json"
        path.write_text(json.dumps({**platform.application(), "gateway": hub.url}))
        path.chmod(0o600)
        platform.close()
        first = run(hub, tmp_path, "--readings", "2")
        assert first.returncode == 0, first.stderr
        assert "create asset Turbine 01" in first.stdout
        assert "create event mapping" in first.stdout
        turbine = next(one["asset"] for one in hub.stored() if "cpu_load" in one["values"])
        # Both readings, on three aspects of the turbine; the event, too, and none elsewhere.
        assert len([one for one in hub.stored(turbine) if one["aspect"] == "memory"]) == 2
        assert {one["aspect"] for one in hub.stored(turbine)} == {"cpu", "memory", "system"}
        assert len(hub.stored()) == len(hub.stored(turbine))
        (event,) = hub.events(turbine)
        assert event["event"]["description"] == "started"
        assert len(hub.events()) == 1
        assert first.stdout.count("memory_load': ") == 2
        assert " 40 started" in first.stdout
        again = run(hub, tmp_path, "--readings", "1")
        assert again.returncode == 0, again.stderr
        assert "create" not in again.stdout
        assert len([one for one in hub.stored(turbine) if one["aspect"] == "memory"]) == 3
        assert hub.recoverable_records() == []


def test_the_file_of_the_example_is_a_commissioning_file():
    """Six points, all mapped to the turbine."""
    plant = load_plant(os.path.join(EXAMPLES, "wind_farm.yaml"), tenant="demo")
    (agent,) = plant.agents
    assert [wish.data_point_id for wish in agent.mappings] == list(agent.model.points)
    assert len(agent.mappings) == 5
