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
    """Fetch wheels for another machine; return their paths."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={tag}" for tag in PLATFORMS[machine]]
    done = subprocess.run(
        [*command, f"--dest={target}", *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(target.glob("*.whl"))


@pytest.mark.parametrize("python", ["3.10", "3.13"])
@pytest.mark.parametrize("machine", sorted(PLATFORMS))
def test_resolves_with_wheels_only(metadata, machine, python, tmp_path, figure):
    """Every requirement, and every requirement of those, has a wheel for such a device."""
    wanted = set(map(str, needed(metadata.get_all("Requires-Dist"), machine, python)))
    asked, seen = set(), set()
    while wanted - asked:
        fetched = download(sorted(wanted - asked), machine, python, tmp_path)
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
