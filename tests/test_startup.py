"""Import, open and record load nothing heavy: a device pays for HTTP and TLS when it sends."""

import json
import subprocess
import sys

from mcagent import Agent
from mcagent.emulator import Emulator
from tests.benchmarks.startup import MODEL

HEAVY = {"urllib3", "jwt", "cryptography", "ssl", "hashlib", "http.client", "logging", "threading"}

_IMPORT = """
import sys
before = set(sys.modules)
import mcagent
print(" ".join(sorted(set(sys.modules) - before)))
"""
_RECORD = """
import sys
from mcagent import Agent
with Agent.open(sys.argv[1], boarding=sys.argv[2]) as agent:
    agent.record({"temperature": 21.4, "strokes": 1204}, durable=True)
print(" ".join(sorted(sys.modules)))
"""


def loaded(code, *arguments):
    """The modules that a fresh interpreter names on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing():
    """PEP 562: names are loaded on first use."""
    assert loaded(_IMPORT) == {"mcagent"}


def test_open_and_record_on_an_onboarded_state_load_nothing_heavy(tmp_path):
    """SHARED_SECRET, with a data model: neither HTTP, TLS, cryptography nor the emulator."""
    boarding = tmp_path / "agentconfig.json"
    with Emulator() as hub:
        boarding.write_text(json.dumps(hub.create_agent("light", automap=True)))
        with Agent.open(
            str(tmp_path / "state"), boarding=str(boarding), ca_file=hub.ca_file
        ) as agent:
            agent.submit(MODEL)
            agent.record({"temperature": 21.4, "strokes": 1204})
            assert agent.upload(timeout_s=20).pending == 0
    names = loaded(_RECORD, str(tmp_path / "state"), str(boarding))
    assert "mcagent.agent" in names
    assert names & HEAVY == set()
    assert not [name for name in names if name.startswith(("mcagent.emulator", "mcagent.cli"))]
    assert not [name for name in names if name.startswith("mcagent.transport.cpython")]
