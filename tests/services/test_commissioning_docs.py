"""docs/guides/commissioning.md: its code runs, its table of limits is the code's."""

import json
import os
import re
import shutil

from mcagent.emulator import Emulator
from mcagent.services.eventmappings_values import MAPPINGS_OF_EVENT_TYPE, MAPPINGS_OF_PLAN
from mcagent.services.mappings_values import TARGETS_OF_PLAN
from tests.services.platform import Platform

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def guide():
    with open(os.path.join(ROOT, "docs", "guides", "commissioning.md"), encoding="utf-8") as file:
        return file.read()


def test_the_code_of_the_guide_runs(tmp_path, monkeypatch):
    """The plant of the examples is commissioned, and a file goes to its turbine."""
    shutil.copy(os.path.join(ROOT, "examples", "wind_farm.yaml"), tmp_path / "wind-farm.yaml")
    (tmp_path / "video.mp4").write_bytes(b"not a long one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    names = {}
    with Emulator(tls=False) as hub:
        session = None
        with open(tmp_path / "credentials.json", "w", encoding="utf-8") as file:
            os.chmod(file.name, 0o600)
            platform = Plain(hub)
            json.dump({**platform.application(), "gateway": hub.url}, file)
        for block in re.findall(r"^```py\n(.*?)^```$", guide(), re.MULTILINE | re.DOTALL):
            exec(compile(block, "guide", "exec"), names)
        assert len(names["plan"].changes) == 17
        session = names["session"]
        asset = hub.create_asset("any", {"a": {"b": {"type": "INT"}}})
        names["send"](session, asset)
        assert [file["name"] for file in hub.files()] == ["videos/2026-01-05.mp4"]
        session.close()
        platform.close()


class Plain(Platform):
    """A platform without TLS."""

    def __init__(self, hub):
        from mcagent.transport.cpython import Urllib3Transport

        self.hub = hub
        self._control = Urllib3Transport(proxy="")
        self._sessions = []


def test_the_limits_of_the_guide_are_the_codes():
    """One row each, plan by plan."""
    rows = {
        cells[0]: cells[1:]
        for line in guide().splitlines()
        if line.startswith("|")
        and len(cells := [c.strip() for c in line.strip("|").split("|")]) == 8
    }
    plans = rows["plan"]
    assert plans == list(TARGETS_OF_PLAN) == list(MAPPINGS_OF_PLAN)

    def shown(table):
        return ["none" if table[plan] is None else str(table[plan]) for plan in plans]

    assert rows["variables for one data point"] == shown(TARGETS_OF_PLAN)
    assert rows["event mappings of an agent"] == shown(MAPPINGS_OF_PLAN)
    assert rows["… of them for one event type"] == [str(MAPPINGS_OF_EVENT_TYPE)] * 6 + ["none"]
