"""What the tests of the collectors share; copy it along with the test that you take.

`insights_hub` comes with mcagent: a local hub, empty in each test. `collector` starts a script.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
# Script and TOML file stand in this folder, or in the one above.
BESIDE = any(name.endswith(".toml") for name in os.listdir(HERE))
SCRIPTS = HERE if BESIDE else os.path.dirname(HERE)
sys.path.insert(0, SCRIPTS)  # to import a script, too


@pytest.fixture
def settings(insights_hub, tmp_path):
    """Give the path of a script's TOML file, with other values for some of its members."""

    def write(name, **changes):
        boarding = tmp_path / "agentconfig.json"
        if not boarding.exists():
            # automap: the hub maps each data point by itself; on the platform a person does it.
            boarding.write_text(json.dumps(insights_hub.create_agent(name, automap=True)))
        with open(os.path.join(SCRIPTS, name + ".toml"), encoding="utf-8") as file:
            text = file.read()
        for member, value in {"ca": insights_hub.ca_file, **changes}.items():
            line = f"{member} = {json.dumps(value)}"
            text, found = re.subn(
                rf"^(# )?{member} = .*$", line, text, count=1, flags=re.MULTILINE
            )
            assert found, f"{name}.toml has no {member}"
        path = tmp_path / (name + ".toml")
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def collector(settings, tmp_path):
    """Start a script as a program, which ends with the test at the latest."""
    started = []

    def start(name, **changes):
        path = settings(name, **changes)
        script = Script(os.path.join(SCRIPTS, name + ".py"), path, tmp_path / "output")
        started.append(script)
        return script

    yield start
    for script in started:
        script.kill()


class Script:
    """A device script that runs; all it prints goes into a file."""

    def __init__(self, script, settings, log):
        self._log, self._state = log, os.path.join(os.path.dirname(settings), "state")
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, script, settings], stdout=file, stderr=file
            )

    def wait_for(self, condition, timeout_s=60):
        """Wait until *condition* holds, and return it; a script that ends sooner is a failure."""
        give_up = time.monotonic() + timeout_s
        while not (result := condition()):
            assert self._process.poll() is None, self.output
            assert time.monotonic() < give_up, self.output
            time.sleep(0.02)
        return result

    def stop(self):
        """SIGTERM, as systemd stops a service, once it listens for it; the exit status."""
        self.wait_for(self._listens)
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def _listens(self):
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as file:
            caught = int(re.search(r"^SigCgt:\s*(\w+)", file.read(), re.MULTILINE)[1], 16)
        return caught >> signal.SIGTERM - 1 & 1

    def wait(self):
        """Until it ends by itself; the exit status."""
        return self._process.wait(60)

    def kill(self):
        """SIGKILL, as good as a power cut."""
        self._process.kill()
        self._process.wait()

    def durable(self):
        """How many samples it has recorded, as `mcagent status` tells beside a running script."""
        words = [sys.executable, "-m", "mcagent", "--state", self._state, "status", "--json"]
        run = subprocess.run(words, capture_output=True, check=False)
        lanes = json.loads(run.stdout)["lanes"] if run.stdout else {}  # it has hardly begun
        return lanes.get("timeseries", {}).get("durable_sequence", 0)

    @property
    def output(self):
        return self._log.read_text(encoding="utf-8")
