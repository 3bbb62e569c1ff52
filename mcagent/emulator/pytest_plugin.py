"""pytest fixture `insights_hub`: unit-test a device script against a local Insights Hub.

Example:
    def test_my_script(insights_hub):
        boarding = insights_hub.create_agent("press-07", automap=True)
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .emulator import Emulator


@pytest.fixture(scope="session")
def _insights_hub_session() -> "Iterator[Emulator]":
    # Imported here: every pytest run on this machine loads this plugin, few use the fixture.
    from .emulator import Emulator

    with Emulator() as hub:
        yield hub


@pytest.fixture
def insights_hub(_insights_hub_session: "Emulator") -> "Emulator":
    """A hub over TLS that knows no agents, data or faults: one per session, cleared per test."""
    _insights_hub_session.clear()
    return _insights_hub_session
