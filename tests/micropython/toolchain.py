"""MicroPython's unix port and its cross compiler, as installed from PyPI."""

import os
import platform
import shutil
import subprocess
import sys

from tests.source_tree import ROOT, portable_modules


def has_wheels():
    """True where PyPI has wheels of the interpreter; the same condition as in setup.cfg."""
    machine = sys.platform == "darwin" or (
        sys.platform == "linux" and platform.machine() == "x86_64"
    )
    return sys.implementation.name == "cpython" and sys.version_info < (3, 15) and machine


def find(name):
    """Full path of an installed command, looked for beside this Python first; None if absent."""
    return shutil.which(name, path=os.path.dirname(sys.executable)) or shutil.which(name)


def compile_all(target):
    """Compile every portable module below *target*; return dotted name -> path of the .mpy.

    Raises:
        ValueError: A module does not compile; the text is the compiler's.
    """
    compiled = {}
    for name, path in portable_modules().items():
        source = os.path.relpath(path, ROOT)
        compiled[name] = os.path.join(target, source[:-3] + ".mpy")
        os.makedirs(os.path.dirname(compiled[name]), exist_ok=True)
        done = subprocess.run(
            [find("mpy-cross"), "-s", source, "-o", compiled[name], path],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(done.stdout + done.stderr)
    return compiled


def run(compiled_dir, script, *args, heap="16m", tmp="/tmp", timeout_s=300):
    """Run *script* (in the repository) on MicroPython with the compiled modules in its path.

    Returns:
        (exit status, what it printed, what it complained about)
    """
    done = subprocess.run(
        [find("micropython"), "-X", f"heapsize={heap}", script, *map(str, args)],
        cwd=ROOT,
        env={"MCAGENT_PATH": str(compiled_dir), "TMPDIR": str(tmp), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def smallest_heap_kb(compiled_dir, script, *args):
    """The smallest heap, in kB and to 8 kB, in which *script* ends well; None above 1 MB.

    One end of three counts: the collector keeps what a number on the stack happens to point at, and
    the addresses are others in each run.
    """
    fails, works = 0, 1024
    if not _fits(compiled_dir, script, *args, heap=f"{works}k"):
        return None
    while works - fails > 8:
        middle = (works + fails) // 2
        if _fits(compiled_dir, script, *args, heap=f"{middle}k"):
            works = middle
        else:
            fails = middle
    return works


def _fits(*arguments, heap):
    return any(run(*arguments, heap=heap)[0] == 0 for _ in range(3))
