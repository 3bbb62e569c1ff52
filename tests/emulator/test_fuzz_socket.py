"""A sample of what `tox -e fuzz` sends for longer: raw bytes on the socket of a hub that runs."""

import pytest

from .device import AGENTS, call, event, ready
from .fuzz_socket import storm


@pytest.mark.slow
def test_raw_bytes_never_stop_the_hub(hub, figure):
    device = ready(hub)
    statuses = storm(hub.port, 600, seed=20260107, token=device.token, asset=device.id)
    figure("emulator: raw bytes on the socket by status", dict(sorted(statuses.items(), key=str)))
    assert statuses[200] > 20
    assert statuses[400] > 50
    assert call(hub.url, "GET", AGENTS + "/oauth/token_key").status == 200
    device.send(event(id="after the storm"))
    hub.settle()
    assert any(one["event"]["id"] == "after the storm" for one in hub.events())
