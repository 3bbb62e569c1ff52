"""`pip install mcagent` on machines without compiled wheels, asked of the package index itself.

pip's `--platform` chooses wheels for another machine but evaluates markers for the running one
(and would so ask for ujson on armv6l), hence the markers are evaluated here and pip is asked,
wheel by wheel, for what is left. The requirements of those wheels are followed in the same way.
"""

import subprocess
import sys
import zipfile
from email.parser import Parser

import pytest

from tests.packaging.machines import PLATFORMS, needed

pytestmark = pytest.mark.slow


def download(names, machine, python, target):
    """Fetch wheels for another machine; return pip's complaint and all wheels in *target*."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries=2"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={tag}" for tag in PLATFORMS[machine]]
    done = subprocess.run(
        [*command, f"--dest={target}", *names], capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else "", set(target.glob("*.whl"))


@pytest.mark.parametrize("python", ["3.10", "3.13"])
@pytest.mark.parametrize("machine", sorted(PLATFORMS))
def test_resolves_with_wheels_only(metadata, machine, python, tmp_path, figure, tool_missing):
    """Every requirement, and every requirement of those, has a wheel for such a device."""
    wanted = set(map(str, needed(metadata.get_all("Requires-Dist"), machine, python)))
    asked, seen = set(), set()
    while wanted - asked:
        complaint, fetched = download(sorted(wanted - asked), machine, python, tmp_path)
        if "connection broken by" in complaint:
            tool_missing("the package index cannot be reached: " + complaint)
        assert complaint == ""
        asked |= wanted
        for path in fetched - seen:
            with zipfile.ZipFile(path) as archive:
                (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
                message = Parser().parsestr(archive.read(name).decode())
            wanted |= set(map(str, needed(message.get_all("Requires-Dist"), machine, python)))
        seen |= fetched
    names = sorted("-".join(path.name.split("-")[:2]) for path in seen)
    figure(f"pip on {machine}, {python}", " ".join(names))
    assert all(path.name.endswith("-none-any.whl") for path in seen)
