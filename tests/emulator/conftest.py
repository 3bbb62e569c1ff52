"""One hub over plain http for the whole folder, cleared for every test."""

import pytest

from mcagent.emulator import Emulator


@pytest.fixture(scope="session")
def session_hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def hub(session_hub):
    session_hub.clear()
    return session_hub
