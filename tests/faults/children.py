"""Starting the writer: quickly, and from the mcagent that is tested."""

import os
import subprocess
import sys

import mcagent
from tests.source_tree import ROOT

# Without `site` and bytecode writing a child is ready in 40 ms, and always does the same calls.
_PATHS = os.pathsep.join([os.path.dirname(os.path.dirname(mcagent.__file__)), ROOT])
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "PYTHONPATH": _PATHS,
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def command(mode, directory, seed=0, start=0):
    program = [sys.executable, "-S", "-m", "tests.faults.writer"]
    return [*program, mode, str(directory), str(seed), str(start)]


def start(arguments, **kwargs):
    """A child whose promises are read from its standard output."""
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ENVIRONMENT, **kwargs
    )


def run(arguments, timeout_s=60, **kwargs):
    """(exit code, promises, errors) of a child that ends by itself."""
    with start(arguments, **kwargs) as child:
        try:
            output, errors = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    return child.returncode, output, errors
