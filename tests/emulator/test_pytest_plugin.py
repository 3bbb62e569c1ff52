"""The fixture `insights_hub`, as another project's tests would use it."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = """
import sys

def test_the_plugin_itself_loads_no_server():
    assert "starlette" not in sys.modules

def test_first(insights_hub):
    assert insights_hub.url.startswith("https://")
    insights_hub.create_agent("a")
    insights_hub.set_faults([{"action": "status"}])

def test_second_sees_nothing_of_the_first(insights_hub):
    assert insights_hub.state()["agents"] == 0
    assert insights_hub.state()["faults"] == []
"""


def test_the_fixture_gives_a_fresh_hub_to_each_test(tmp_path):
    (tmp_path / "test_script.py").write_text(SCRIPT)
    environment = {
        **os.environ,
        "PYTHONPATH": ROOT,
        # Whether or not the package is installed here, the plugin is loaded once.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    command = ["-m", "pytest", "-q", "-W", "error", "-p", "mcagent.emulator.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, *command, str(tmp_path)],
        check=False,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
