"""A hub over TLS for the whole folder, cleared for every test, and sessions with real tokens."""

import pytest

from mcagent.emulator import Emulator
from tests.services.platform import Platform


@pytest.fixture(scope="session")
def services_hub():
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def platform(services_hub):
    services_hub.clear()
    platform = Platform(services_hub)
    yield platform
    platform.close()
