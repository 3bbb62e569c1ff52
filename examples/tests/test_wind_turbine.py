"""wind_turbine.py with the simulation in this process: a test takes over rotor and sensor."""

import json
import math
import os
import re
import threading

import pytest
from turbine_simulation import Controller

BAD_SENSOR = str(0x808C0000 - 2**32)  # as the platform shows it: signed


@pytest.fixture
def controller():
    with Controller(0, seed=1) as controller:
        thread = threading.Thread(target=controller.serve_forever)
        thread.start()
        yield controller
        controller.shutdown()
        thread.join()


@pytest.fixture
def started(collector, controller):
    def start(**changes):
        port = controller.server_address[1]
        return collector("wind_turbine", port=port, every_s=0.05, **changes)

    return start


def test_over_speed_is_one_event_and_its_end_another(insights_hub, started, controller):
    script = started()
    script.wait_for(insights_hub.stored)

    def told(count, rotor_rad_s):
        """Until the platform has so many events; the control works against the speed meanwhile."""
        controller.turbine.rotor_rad_s = rotor_rad_s
        return len(insights_hub.events()) == count

    script.wait_for(lambda: told(1, 1.6))  # 15.3 a minute
    script.wait_for(lambda: told(2, 1.2))
    assert script.stop() == 0
    first, second = sorted(insights_hub.events(), key=lambda row: row["event"]["timestamp"])
    assert "is above 13.5 1/min" in first["event"]["description"]
    assert "is below 13 1/min" in second["event"]["description"]
    assert first["event"]["correlationId"] == second["event"]["correlationId"]


def test_a_sensor_that_fails_is_a_quality_code(insights_hub, started, controller):
    controller.turbine.failed_until_s = -1
    script = started()
    script.wait_for(insights_hub.stored)
    controller.turbine.failed_until_s = math.inf

    def bad():
        rows = insights_hub.stored()
        return [row for row in rows if row["quality"].get("rotor_speed") == BAD_SENSOR]

    record = script.wait_for(bad)[0]
    assert script.stop() == 0
    assert record["values"]["rotor_speed"] > 0  # the last one that was known
    assert record["quality"]["wind_speed"] == "0"


def test_what_the_platform_stored_is_what_was_sent(insights_hub, started, tmp_path):
    asset = insights_hub.create_asset("Turbine 01")
    boarding = insights_hub.create_agent("turbine", automap=asset)
    (tmp_path / "agentconfig.json").write_text(json.dumps(boarding))
    path = tmp_path / "credentials.json"
    path.touch(0o600)
    path.write_text(json.dumps(insights_hub.create_credentials("comparing")))
    read_back = {"credentials": os.fspath(path), "asset": asset, "aspect": "turbine-01"}
    script = started(**read_back, compare_every_s=0.3)
    # The first look may find nothing yet: the platform stores a moment after it has answered.
    script.wait_for(lambda: re.search("turbine: read back equal: [1-9]", script.output))
    assert script.stop() == 0
    last_line = script.output.splitlines()[-1]
    assert last_line.startswith("troubles: none read back equal: ")
    assert "equal: 0 " not in last_line
