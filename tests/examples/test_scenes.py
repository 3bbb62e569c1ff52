"""`examples/run NAME`: what examples/README.md promises is what there is."""

import importlib
import os
import re
import subprocess

from tests.examples.__main__ import SCENES
from tests.examples.scene import EXAMPLES

RUN = os.path.join(EXAMPLES, "run")


def test_each_scene_has_its_command_its_page_and_its_script():
    """A table that a newcomer copies from: none is forgotten, none is made up."""
    with open(os.path.join(EXAMPLES, "README.md"), encoding="utf-8") as file:
        rows = re.findall(
            r"^\| \[`(\w+)\.py`\]\((.*?)\) \| `examples/run (\w+)` ", file.read(), re.MULTILINE
        )
    assert sorted(row[0] for row in rows) == sorted(SCENES)
    for name, page, command in rows:
        assert command == name
        assert os.path.exists(os.path.join(EXAMPLES, page))
        assert os.path.exists(os.path.join(EXAMPLES, name + ".py"))
        assert callable(importlib.import_module(f"tests.examples.{SCENES[name]}").run)


def test_each_collector_has_its_file_and_its_test():
    """Whoever copies the script copies them, too."""
    for name in SCENES:
        assert os.path.exists(os.path.join(EXAMPLES, name + ".toml"))
        assert os.path.exists(os.path.join(EXAMPLES, "tests", f"test_{name}.py"))


def test_the_command_is_a_shell_script_that_runs():
    """Parsed, not started: it would install packages."""
    assert os.access(RUN, os.X_OK)
    assert subprocess.run(["bash", "-n", RUN], check=False, timeout=60).returncode == 0
