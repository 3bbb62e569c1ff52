"""The wheel and the source distribution, built once for all tests here."""

import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser

import pytest

from tests.source_tree import ROOT


@pytest.fixture(scope="session")
def tree(tmp_path_factory, tool_missing):
    """A copy of the tracked files: what lies about in a checkout is not delivered."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        tool_missing("git cannot list the files: " + listed.stderr.decode())
    target = tmp_path_factory.mktemp("tree")
    for name in listed.stdout.decode().split("\0"):
        if name and os.path.exists(os.path.join(ROOT, name)):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), path)
    return target


def build(tree, what, target):
    """Run the build backend as pip does, without its isolation (no network).

    *what* is ``"wheel"`` or ``"sdist"``; the one file made in *target* is returned.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from setuptools import build_meta as b; b.build_{what}({str(target)!r})",
        ],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = target.iterdir()
    return path


@pytest.fixture(scope="session")
def sdist(tree, tmp_path_factory):
    return build(tree, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def wheel(tree, tmp_path_factory):
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())
