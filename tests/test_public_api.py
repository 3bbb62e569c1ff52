"""Every public name is type-checked in use, and documented."""

import os
import re

import pytest

import mcagent
from tests.source_tree import ROOT

NAMES = [name for name in mcagent.__all__ if name != "__version__"]


def words(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return set(re.findall(r"\w+", file.read()))


@pytest.mark.parametrize("name", NAMES)
def test_name_is_used_where_mypy_looks(name):
    """tests/typing/api.py is what keeps the annotations true."""
    assert name in words("tests", "typing", "api.py")


@pytest.mark.parametrize("name", [name for name in NAMES if mcagent._HOME.get(name)])
def test_name_is_in_the_reference(name):
    """docs/api.md shows it; the errors are shown as one module."""
    assert name in words("docs", "api.md")


@pytest.mark.parametrize(
    "name", ["OnboardResult", "UploadReport", "Status", "Receipt", "Emulator"]
)
def test_what_calls_return_is_in_the_reference(name):
    """A script reads their attributes."""
    assert name in words("docs", "api.md")
