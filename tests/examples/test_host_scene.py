"""examples/host_metrics.py with what the machine said. `tox -e examples`."""

import pytest

from tests.examples import host


@pytest.mark.slow
def test_what_the_machine_said_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, SIGKILL twice: no more is lost than a sync's time of readings."""
    for comparison in host.run(tmp_path):
        figure("host_metrics", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 50
