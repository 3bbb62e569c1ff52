"""log_shipper.py: a rotated log arrives once, whatever it is called meanwhile."""

import hashlib

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


def arrived(hub):
    """SHA-256 of each file that the platform has."""
    hub.settle()
    return [file["sha256"] for file in hub.files()]


def test_a_rotated_log_arrives_and_a_live_one_does_not(insights_hub, collector, folder):
    (folder / "press.log").write_bytes(b"still written\n")
    (folder / "press.log.1").write_bytes(b"of yesterday\n")
    script = collector("log_shipper", settled_s=0.2, every_s=0.1)
    script.wait_for(lambda: arrived(insights_hub))
    assert script.stop() == 0
    assert arrived(insights_hub) == [hashlib.sha256(b"of yesterday\n").hexdigest()]


def test_a_kill_an_outage_and_another_name_send_nothing_twice(insights_hub, collector, folder):
    first, second = b"the first\n", b"the second\n"
    (folder / "press.log.1").write_bytes(first)
    insights_hub.disconnect()
    script = collector("log_shipper", settled_s=0.2, every_s=0.1)
    script.wait_for(lambda: "is in the buffer" in script.output)
    script.kill()
    (folder / "press.log.1").rename(folder / "press.log.2")
    (folder / "press.log.1").write_bytes(second)
    script = collector("log_shipper", settled_s=0.2, every_s=0.1)
    insights_hub.reconnect()
    script.wait_for(lambda: hashlib.sha256(second).hexdigest() in arrived(insights_hub))
    assert script.stop() == 0
    assert sorted(arrived(insights_hub)) == sorted(
        hashlib.sha256(content).hexdigest() for content in (first, second)
    )
