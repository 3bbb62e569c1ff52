# portable
"""tests/helpers.py: the helpers do what the tests believe of them."""

import os

from tests.helpers import TemporaryDirectory, raises


def test_raises_returns_the_error():
    """The error itself can be looked at."""
    assert raises(ValueError, int, "x").args[0].startswith("invalid")


def test_raises_demands_an_error():
    """A call that succeeds fails the test and says what it returned."""
    try:
        raises(ValueError, int, "7")
    except AssertionError as error:
        assert "7" in str(error)
    else:
        raise AssertionError("nothing was raised")


def test_raises_lets_other_errors_through():
    """Only the named class counts."""
    try:
        raises(KeyError, int, "x")
    except ValueError:
        return
    raise AssertionError("ValueError was swallowed")


def test_temporary_directory_is_removed_with_its_contents():
    """Nothing stays behind, also with folders inside."""
    with TemporaryDirectory() as path:
        os.mkdir(path + "/inner")
        with open(path + "/inner/file", "wb") as file:
            file.write(b"x")
        assert os.listdir(path) == ["inner"]
    raises(OSError, os.stat, path)
