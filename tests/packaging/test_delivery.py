"""What is delivered: the wheel, the source distribution and what they say of themselves."""

import os
import re
import tarfile
import zipfile

import pytest

import mcagent
from tests.packaging.machines import PLATFORMS, needed
from tests.source_tree import ROOT, modules

WHEEL_GOAL_BYTES = 400_000
WHEEL_DEVICE_MAX_BYTES = 464_000
WHEEL_MAX_BYTES = 895_000  # docs/adr/0013 says what it bought
# What a command of an operator imports, and no command of a device does.
OPERATORS_IMPORTS = (b"from ..services.", b"from .platformsession ")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PURE = {"urllib3", "pyjwt"}  # no compiled parts; test_install.py asks the index itself


def test_wheel_is_pure_and_small(wheel, figure):
    """One wheel for every machine; what a device uses of it keeps a ceiling of its own."""
    size = wheel.stat().st_size
    with zipfile.ZipFile(wheel) as archive:
        hub = sum(taken(one) for one in archive.infolist() if is_hub(one.filename))
        names = operators_modules(archive)
        operators = sum(taken(one) for one in archive.infolist() if one.filename in names)
    figure(
        "wheel",
        f"{size} bytes; {hub} of them are the local hub, {operators} for operators, the rest of "
        f"{size - hub - operators} has the goal {WHEEL_GOAL_BYTES}",
    )
    assert wheel.name.endswith("-py3-none-any.whl")
    assert size < WHEEL_MAX_BYTES
    assert min(hub, operators) > 0
    assert size - hub - operators < WHEEL_DEVICE_MAX_BYTES


def taken(entry):
    """Bytes of the archive: an entry's name stands before its bytes and in the directory at the
    end, each with a head."""
    return entry.compress_size + 2 * len(entry.filename) + 76


def is_hub(name):
    return name.startswith("mcagent/emulator/")


def operators_modules(archive):
    """The clients of the platform's services, the commands that use them, and what only those
    commands import."""
    commands = {
        entry.filename: archive.read(entry)
        for entry in archive.infolist()
        if entry.filename.startswith("mcagent/cli/")
    }
    found = {
        name
        for name, text in commands.items()
        if any(words in text for words in OPERATORS_IMPORTS)
    }
    importers = {
        name: {other for other, text in commands.items() if imports(text, name)}
        for name in commands
    }
    while True:
        more = {name for name, users in importers.items() if users and users <= found} - found
        if not more:
            break
        found |= more
    services = {name for name in archive.namelist() if name.startswith("mcagent/services/")}
    return found | services


def imports(text, name):
    module = name.rpartition("/")[2].removesuffix(".py").encode()
    return re.search(rb"^ *from \.%s import " % module, text, re.MULTILINE) is not None


def test_wheel_holds_every_module_and_nothing_else(wheel):
    """All of the package, its type marker and static files; no tests, no docs."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    delivered = {name for name in names if ".dist-info/" not in name}
    code = {os.path.relpath(path, ROOT) for path in modules().values()}
    homes = [os.path.join(ROOT, "mcagent", "emulator", name) for name in ("static", "plants")]
    files = {
        os.path.relpath(os.path.join(home, name), ROOT)
        for home in homes
        if os.path.isdir(home)
        for name in os.listdir(home)
    }
    assert delivered == code | files | {"mcagent/py.typed"}
    assert any(name.endswith("LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)


def test_source_distribution_can_be_tested_and_built_from(sdist):
    """Whoever packages mcagent for a distribution finds tests, docs and the licence."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "setup.cfg", "pyproject.toml", "tox.ini"} <= names
    assert {"tests/packaging/test_delivery.py", "docs/conf.py", "mcagent/py.typed"} <= names
    assert not {name for name in names if "__pycache__" in name or name.endswith(".pyc")}


def test_version_has_one_source(metadata):
    """`mcagent.__version__` is what pip says, and the changelog has it."""
    assert metadata["Version"] == mcagent.__version__
    with open(os.path.join(ROOT, "CHANGELOG.md"), encoding="utf-8") as file:
        text = file.read()
    assert "## [Unreleased]" in text or f"## [{mcagent.__version__}]" in text


def test_every_python_and_licence_is_declared(metadata):
    """What CI runs is what the metadata promises."""
    assert metadata["Requires-Python"] == ">=3.10"
    declared = {c.rpartition(" ")[2] for c in metadata.get_all("Classifier")}
    assert set(PYTHONS) <= declared
    assert "MIT" in (metadata["License-Expression"] or metadata["License"])


def requirements(metadata, machine, python):
    """Names of what pip would install with a plain `mcagent` there."""
    return {r.name for r in needed(metadata.get_all("Requires-Dist"), machine, python)}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", sorted(PLATFORMS))
def test_small_machines_need_pure_wheels_only(metadata, machine, python):
    """Without a compiler on the device nothing that has to be compiled may be required."""
    assert requirements(metadata, machine, python) == PURE


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_other_machines_get_the_fast_parts(metadata, machine):
    """ujson and cryptography come along wherever PyPI has wheels of them."""
    assert requirements(metadata, machine, "3.11") == PURE | {"ujson", "cryptography"}
