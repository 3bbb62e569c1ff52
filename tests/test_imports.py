"""The portable modules import on the oldest Python that is supported, where one is installed.

CPython evaluates annotations, and only the oldest shows which of them it cannot: an unquoted name
from under `if TYPE_CHECKING`, or a form that came with a later version.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.source_tree import PACKAGE, portable_modules

OLDEST = "3.10"  # setup.cfg, python_requires


def find_oldest():
    """Path of the oldest supported Python; "" where this machine has none."""
    if sys.version_info[:2] == tuple(int(part) for part in OLDEST.split(".")):
        return sys.executable
    # pyenv's command of that name works only while that version is chosen.
    folders = [os.environ.get("PATH", "")]
    versions = os.path.join(
        os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions"
    )
    if os.path.isdir(versions):
        names = sorted(name for name in os.listdir(versions) if name.startswith(OLDEST + "."))
        folders += [os.path.join(versions, name, "bin") for name in names]
    for folder in folders:
        path = shutil.which("python" + OLDEST, path=folder)
        if (
            path
            and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return path
    return ""


def test_portable_modules_import_on_the_oldest_python(tmp_path):
    """Every one, with nothing installed and every warning an error."""
    python = find_oldest()
    if not python:
        pytest.skip(f"no Python {OLDEST} on this machine; tox -e py310 is the other way")
    names = [name for name in sorted(portable_modules()) if not name.endswith(".micropython")]
    script = (
        f"import sys\nsys.path.insert(0, sys.argv[1])\nfor name in {names!r}: __import__(name)"
    )
    done = subprocess.run(
        # -S: without site-packages; -B: another Python's byte code has no place in the checkout
        [python, "-I", "-S", "-B", "-W", "error", "-c", script, os.path.dirname(PACKAGE)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_oldest_python_is_the_one_that_setup_cfg_promises():
    """The two say the same."""
    with open(os.path.join(os.path.dirname(PACKAGE), "setup.cfg"), encoding="utf-8") as file:
        assert f"python_requires = >={OLDEST}" in file.read()
