# portable
"""mcagent/messages/__init__.py: public names come on first use."""

import mcagent.messages
from mcagent.messages.kinds import CUSTOM, EVENT, EVENT_1, FILE, LANE_OF_KIND, MODEL, SAMPLE
from tests.helpers import raises


def test_every_public_name_loads():
    """Each from its module; another name is an error."""
    for name in mcagent.messages.__all__:
        assert getattr(mcagent.messages, name)
    raises(AttributeError, getattr, mcagent.messages, "Telegram")


def test_kinds_have_lanes():
    """The numbers stand in buffers on disk and never change."""
    named = (SAMPLE, EVENT, EVENT_1, MODEL, FILE, CUSTOM)
    assert named == (1, 2, 3, 4, 5, 6)
    lanes = [LANE_OF_KIND[kind] for kind in named]
    assert lanes == ["timeseries", "events", "events", "models", "files", "events"]
