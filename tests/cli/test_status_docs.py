"""The guide explains every member that a running agent's status has."""

import os
import re

from mcagent import Agent
from mcagent.transport.fake import FakeTransport
from tests.cli.running import ROOT


def names(value):
    """Every key, also of what is inside; lanes and the like by their one form."""
    for key, inner in value.items():
        yield key
        if isinstance(inner, dict) and key not in ("lanes", "rejected"):
            yield from names(inner)


def test_every_member_is_in_the_guide(tmp_path):
    with open(os.path.join(ROOT, "docs", "guides", "watch-a-device.md"), encoding="utf-8") as file:
        table = "".join(line for line in file if line.startswith("| "))
    explained = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`[^`]+`", table))))
    with Agent.open(tmp_path / "state", transport=FakeTransport([])) as agent:
        agent.start()
        status = agent.status().to_dict()
        members = set(names(status)) | {"samples", "missed", "oldest_ms", "dropped", "quota_bytes"}
    assert members - explained == set()
    assert {"lanes", "rejected"} <= explained
