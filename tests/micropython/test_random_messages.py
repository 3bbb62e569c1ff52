"""Messages of any content are the same bytes on both interpreters."""

import subprocess
import sys

from tests.source_tree import ROOT

SCRIPT = "tests/micropython/device/randombytes.py"
COUNT = 600


def test_random_messages_are_byte_equal(micropython):
    """Floats of any size, text with every kind of character, nested objects."""
    done = subprocess.run(
        [sys.executable, SCRIPT, str(COUNT)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = done.stdout.splitlines()
    found = micropython(SCRIPT, COUNT).splitlines()
    assert len(expected) > COUNT
    different = [pair for pair in zip(found, expected) if pair[0] != pair[1]]
    assert different == []
    assert len(found) == len(expected)
