"""examples/unittest_your_script.py passes, and would not if the script lost something."""

import os
import subprocess
import sys

import pytest

from tests.source_tree import ROOT

EXAMPLE = os.path.join(ROOT, "examples", "unittest_your_script.py")


def run(path):
    """The exit code and what unittest said, with *path* as a reader runs it."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (ROOT, os.environ.get("PYTHONPATH")) if part
    )
    done = subprocess.run(
        [sys.executable, "-m", "unittest", os.path.basename(path)],
        cwd=os.path.dirname(path),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


@pytest.mark.slow
def test_the_example_passes():
    code, words = run(EXAMPLE)
    assert code == 0, words
    assert "Ran 4 tests" in words


@pytest.mark.slow
def test_the_example_fails_where_the_script_loses_a_reading(tmp_path):
    """A script that leaves the first reading out: each of the four says so."""
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    broken = text.replace("in readings:", "in readings[1:]:")
    assert broken != text
    path = tmp_path / "unittest_broken.py"
    path.write_text(broken, encoding="utf-8")
    code, words = run(str(path))
    assert code == 1
    assert "failures=4" in words
