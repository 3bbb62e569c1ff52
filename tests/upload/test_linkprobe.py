# portable
from mcagent.upload.linkprobe import LinkProbe


class Link:
    """A link, a clock, and a probe of it."""

    def __init__(self, random=0.5):
        self.ms = 1_000_000
        self.up = True
        self.tries = 0
        self.probe = LinkProbe(self.reach, lambda: random)

    def reach(self):
        self.tries += 1
        return self.up

    def wait(self, duration_ms):
        """Call as a pause does; when the link was found back, None for never."""
        end_ms = self.ms + duration_ms
        while self.ms < end_ms:
            if self.probe.came_back(lambda: self.ms):
                return duration_ms - (end_ms - self.ms)
            self.ms += 100
        return None


def test_a_link_that_was_down_and_is_back_ends_the_wait_within_seconds():
    link = Link()
    link.up = False
    link.probe.paused("timeout", link.ms, None)
    assert link.wait(60_000) is None
    assert 10 <= link.tries <= 13
    link.up = True
    assert link.wait(60_000) <= 5_000


def test_a_failed_connection_is_a_link_that_was_down():
    for kind in ("dns", "connect"):
        link = Link()
        link.probe.paused(kind, link.ms, None)
        assert link.wait(60_000) == 5_000


def test_a_host_that_takes_connections_and_does_not_answer_is_left_alone():
    """One connection in a pause, and no request before the back-off is over."""
    link = Link()
    for _ in range(5):
        link.probe.paused("timeout", link.ms, None)
        assert link.wait(60_000) is None
    assert link.tries == 5


def test_what_a_link_cannot_cause_is_not_probed():
    for kind in ("certificate", "body", "aborted", "other"):
        link = Link()
        link.probe.paused(kind, link.ms, None)
        assert link.wait(600_000) is None
        assert link.tries == 0


def test_a_link_that_comes_and_goes_is_tried_less_and_less():
    """Requests die although connections stand: no more than one a minute comes of it."""
    link = Link()
    waits = []
    for _ in range(8):
        link.probe.paused("connect", link.ms, None)
        waits.append(link.wait(1_000_000))
    assert waits[0] == 5_000
    assert waits == sorted(waits)
    assert waits[-1] == 60_000


def test_a_success_makes_the_next_outage_a_first_one():
    link = Link()
    for _ in range(6):
        link.probe.paused("connect", link.ms, None)
        link.wait(1_000_000)
    success_ms = link.ms + 1
    link.ms += 1000
    link.probe.paused("connect", link.ms, success_ms)
    assert link.wait(60_000) == 5_000


def test_after_a_long_outage_the_tries_are_rarer():
    """Whoever was cut off together is spread over fifteen seconds."""
    link = Link()
    link.up = False
    link.probe.paused("connect", link.ms, None)
    link.wait(3_600_000)
    tries = link.tries
    link.wait(150_000)
    assert link.tries - tries == 10


def test_nobody_can_tell():
    link = Link()
    link.up = None
    link.probe.paused("connect", link.ms, None)
    assert link.wait(600_000) is None
    assert link.tries == 1


def test_devices_do_not_try_in_step():
    found = []
    for number in range(100):
        link = Link(random=number / 100)
        link.probe.paused("connect", link.ms, None)
        found.append(link.wait(60_000))
    assert min(found) <= 2_600
    assert 7_000 <= max(found) <= 7_600
    assert len(set(found)) > 40
