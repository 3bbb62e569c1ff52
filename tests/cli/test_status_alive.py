"""`mcagent status --alive`: what the health check of a container asks."""

import threading
import time

import pytest

from mcagent import Agent
from mcagent.cli.statusalive import why_not
from tests.cli.running import inside


@pytest.fixture
def service(device):
    """A service in a thread, offline; `hang` makes its collect wait."""
    with Agent.open(device) as agent:
        go_on = threading.Event()
        go_on.set()
        begun = threading.Event()

        def collect():
            begun.set()
            go_on.wait(60)

        thread = threading.Thread(target=agent.run, args=(collect,), kwargs={"every_s": 0.05})
        thread.start()
        assert begun.wait(90)
        yield go_on
        go_on.set()
        agent.close()
        thread.join(90)


def test_a_service_that_goes_on_is_well_without_a_platform(service, device):
    """Offline is no illness that a restart would mend."""
    assert inside("status", "--alive", "30", state=device).code == 0


def test_a_service_whose_collect_hangs_is_not_well(service, device):
    """Its status is still told, by a thread of its own."""
    service.clear()
    until = time.monotonic() + 60
    while (done := inside("status", "--alive", "1", state=device)).code == 0:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert done.code == 1
    assert "mcagent: collect hangs since" in done.err


def test_where_no_service_answers_nothing_is_well(device):
    """The files of one that has ended are no sign of life."""
    with Agent.open(device) as agent:
        agent.record({"strokes": 1})
    done = inside("status", "--alive", "30", state=device)
    assert done.code == 1
    assert "mcagent: no service answers" in done.err


def test_an_upload_thread_hangs_once_its_requests_deadline_has_passed():
    """Megabytes on a slow link may take hours."""

    def why(**members):
        worker = {"alive": True, "silent_s": 0.1} | members
        left_s = worker.pop("left_s", None)
        status = {
            "loop": None,
            "worker": worker,
            "upload": {"network": {"request_left_s": left_s}},
        }
        return why_not(status, True, 30)

    assert why() == ""
    assert why(silent_s=4000, left_s=10) == ""
    assert why(silent_s=400, left_s=-5) == "the upload thread hangs since 400 s"
    assert why(silent_s=400) == "the upload thread hangs since 400 s"
    assert why(alive=False) == "the upload thread has ended"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "86401"])
def test_a_time_that_is_none_is_named(text, device):
    """Before anything is read."""
    done = inside("status", "--alive", text, state=device)
    assert done.code == 2
    assert text in done.err
