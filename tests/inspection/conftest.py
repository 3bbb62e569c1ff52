"""A buffer with something of everything."""

import pytest

from tests.inspection import scene


@pytest.fixture
def state(tmp_path):
    return str(scene.build(tmp_path / "state"))
