# portable
"""mcagent/__init__.py: the public names are there, and only when they are asked for."""

import mcagent
from mcagent.runtime import MICROPYTHON
from tests.helpers import raises

_OF_CPYTHON = ("log_to_stderr",)  # a board has no journal and no logging


def test_every_public_name_is_there():
    """Each name of `__all__` leads to something."""
    for name in mcagent.__all__:
        if not (MICROPYTHON and name in _OF_CPYTHON):
            assert getattr(mcagent, name) is not None, name


def test_name_is_the_module_s_own():
    """The lazy name and the module's are one object, also the second time."""
    from mcagent.errors import InvalidMessage

    assert mcagent.InvalidMessage is InvalidMessage
    assert mcagent.InvalidMessage is InvalidMessage


def test_unknown_name_is_an_error_that_names_it():
    """A typing mistake is not an import of something else."""
    error = raises(AttributeError, getattr, mcagent, "Agnet")
    assert "Agnet" in str(error)


def test_dir_lists_the_public_names():
    """For people at a prompt."""
    assert set(mcagent.__dir__()) == set(mcagent.__all__)
