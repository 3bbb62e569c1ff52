"""What the doctor says of data points without a mapping: held, or going nowhere."""

import json

from mcagent.cli.hubclient import HubClient


def test_where_some_points_are_mapped_nobody_is_told_that_samples_are_held(patient):
    """They are not: by default samples go as soon as one point is mapped, and the others' values
    are lost meanwhile."""
    hub = patient.hub_with()
    patient.onboarded(automap=False)
    boarding = json.loads((patient.folder / "agentconfig.json").read_text())
    agent = boarding["content"]["clientId"]
    _code, _cause, step, _steps = patient.diagnosis()
    assert "samples are held until the first mapping is there" in step["remedy"]
    with HubClient(hub.url, hub.ca_file) as operator:
        asset = operator.create_asset(
            "press", {"press": {"strokes": {"type": "LONG", "unit": ""}}}
        )
        operator.map_point(agent, "strokes", asset, "press", "strokes")
    _code, cause, step, _steps = patient.diagnosis()
    assert cause == ("mappings", "unmapped")
    assert "7 of 8 data points" in step["measured"]
    assert "samples are held until" not in step["remedy"]
    assert "the platform drops these values" in step["remedy"]
    assert 'UploadSettings(unmapped="hold")' in step["remedy"]
