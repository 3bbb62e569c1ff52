"""`.ci/venv` takes the Python that PYTHON names, or says why not."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.running import ROOT

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def run(directory, python):
    """Run a copy of the script in *directory*; it must not get as far as installing."""
    (directory / ".ci").mkdir()
    shutil.copy(os.path.join(ROOT, ".ci", "venv"), directory / ".ci")
    return subprocess.run(
        [directory / ".ci" / "venv", "--version"],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHON=str(python)),
        timeout=180,
        check=False,
    )


def _script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_python_that_cannot_be_used_is_named(tmp_path):
    """Whoever names one must not get another."""
    result = run(tmp_path, "no-such-python")
    assert result.returncode == 1
    assert "PYTHON=no-such-python" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_environment_of_another_python_is_not_taken_for_it(tmp_path):
    """The .venv that is there stays, and what to do is said."""
    _script(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\necho 3.9\n")
    _script(tmp_path / ".venv" / "bin" / "pip", "#!/bin/sh\n")
    result = run(tmp_path, sys.executable)
    assert result.returncode == 1
    assert ".venv has Python 3.9" in result.stderr
    assert "remove .venv" in result.stderr
