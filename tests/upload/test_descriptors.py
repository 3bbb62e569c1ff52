"""An exchange leaves no file open: a service runs for years, and the collector seldom comes by."""

import gc
import os

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, UploadSettings
from mcagent.emulator import Emulator

MODEL = DataModel("m1", [DataSource("press", [DataPoint("strokes", "LONG")])])
EXCHANGE = "POST /api/mindconnect/v3/exchange"


@pytest.fixture
def hub():
    with Emulator(tls=False) as hub:
        yield hub


@pytest.fixture
def no_collector():
    gc.disable()
    yield
    gc.enable()


def open_files(state):
    """Of those below *state*."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue  # it was that of the listing
        if target.startswith(str(state)):
            found.append(target)
    return sorted(found)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks /proc")
def test_exchanges_leave_no_file_open(hub, tmp_path, no_collector):
    """Of events, which are read one by one; answered, refused, and cut in between."""
    boarding = hub.create_agent("press-7", automap=True)
    settings = UploadSettings(min_interval_s=0, backoff_base_s=0.001)
    with Agent.open(tmp_path, boarding=boarding, upload=settings) as agent:
        agent.submit(MODEL)
        agent.submit(Event("the first"))
        agent.record({"strokes": 1})
        assert agent.upload().pending == 0
        before = open_files(tmp_path)
        for fault in ([], ["status"], ["drop_before", "drop_after"], ["drop_before"] * 4):
            for number in range(3):
                agent.submit(Event("event %d" % number))
            hub.set_faults([{"match": EXCHANGE, "action": one, "times": 1} for one in fault])
            assert agent.upload().pending == 0
            assert open_files(tmp_path) == before
