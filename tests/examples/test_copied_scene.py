"""examples/tests: a test for each collector, to copy; `tox -e examples`.

Each passes, and fails where the script sends something else.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys

import pytest

from tests.examples.scene import ENVIRONMENT, EXAMPLES

TESTS = os.path.join(EXAMPLES, "tests")
NAMES = sorted(name[5:-3] for name in os.listdir(TESTS) if name.startswith("test_"))
# Loaded before the script: each value becomes nothing, each file is refused.
WRONG = """\
import mcagent

record, submit = mcagent.Agent.record, mcagent.Agent.submit


def nothing(values):
    return {name: type(value)(0) for name, value in values.items()}


def wrong_record(agent, values, **options):
    return record(agent, nothing(values), **options)


def wrong_submit(agent, message, **options):
    if isinstance(message, mcagent.File):
        raise mcagent.InvalidMessage("a planted mistake")
    if isinstance(message, mcagent.TimeSeries):
        message.values = nothing(message.values)
    return submit(agent, message, **options)


mcagent.Agent.record, mcagent.Agent.submit = wrong_record, wrong_submit
"""


def run(folder, name, cwd, *options):
    """Exit status and output of pytest on the test of *name*, as a reader runs it."""
    names = {point.name for point in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if "mcagent" in names else ["-p", "mcagent.emulator.pytest_plugin"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options),
            *("-c", os.devnull, "--rootdir", folder, "--basetemp", os.path.join(cwd, "t")),
            os.path.join(folder, "tests", f"test_{name}.py"),
        ],
        env=ENVIRONMENT,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_passes(name, tmp_path, tool_missing):
    code, words = run(EXAMPLES, name, tmp_path)
    assert code == 0, words
    if "skipped" in words:
        tool_missing(words)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_fails_where_the_script_sends_something_else(name, tmp_path):
    """Each file, at its first test that looks at a value."""
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "wrong.py").write_text(WRONG)
    script = folder / f"{name}.py"
    text = script.read_text()
    planted = text.replace("\nfrom mcagent", "\nimport wrong\nfrom mcagent", 1)
    assert planted != text
    script.write_text(planted)
    shared = folder / "tests" / "conftest.py"
    shared.write_text(shared.read_text().replace("timeout_s=60", "timeout_s=6"))
    code, words = run(str(folder), name, tmp_path, "-x")
    assert code == 1, words
    assert "1 failed" in words
