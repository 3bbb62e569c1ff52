"""How long the rest takes: out of what came and went, or of what is known from before."""

from mcagent.pulse import KEPT_UP, LAST_MINUTE, Pulse


class Counts:
    """What a status counts."""

    def __init__(self, recorded, pending):
        self.lanes = {"timeseries": {"next_sequence": recorded + 1}}
        self.pending = pending


class Device:
    """Records *come* a second, sends *goes* a second; a count every five seconds."""

    def __init__(self, come=10):
        self.pulse = Pulse()
        self.come = come
        self.seconds = self.recorded = self.done = 0

    def live(self, seconds, goes):
        for _ in range(seconds // 5):
            self.seconds += 5
            self.recorded += 5 * self.come
            self.done = min(self.recorded, self.done + 5 * goes)
            self.pulse.take(self.seconds * 1000, Counts(self.recorded, self.recorded - self.done))
        return self.pulse.to_dict()


def test_drain_time_by_what_comes_and_goes():
    """100 left, 12 a second leave and 2 come: ten seconds."""
    pulse = Pulse()
    assert pulse.to_dict()["drained_in_s"] is None
    pulse.take(0, Counts(1000, 200))
    assert pulse.to_dict()["drained_in_s"] is None
    assert "too little" in pulse.to_dict()["drained_basis"]
    pulse.take(10_000, Counts(1020, 100))
    assert pulse.to_dict() == {
        "recorded_per_s": 2,
        "delivered_per_s": 12,
        "drained_in_s": 10,
        "drained_basis": LAST_MINUTE,
    }


def test_drain_time_where_more_comes_than_goes_and_where_nothing_is_left():
    pulse = Pulse()
    pulse.take(0, Counts(0, 0))
    pulse.take(10_000, Counts(2000, 1100))
    assert pulse.to_dict()["drained_in_s"] is None
    assert pulse.to_dict()["drained_basis"] == "no more leave than come"
    pulse.take(20_000, Counts(100, 0))
    assert pulse.to_dict()["drained_in_s"] == 0
    for second in range(30, 300, 5):
        pulse.take(second * 1000, Counts(100, 0))
    assert pulse.to_dict() == {
        "recorded_per_s": 0,
        "delivered_per_s": 0,
        "drained_in_s": 0,
        "drained_basis": "nothing is buffered",
    }


def test_a_device_that_keeps_up_is_not_called_one_that_does_not():
    """Ten come and ten go, and a few are always on their way: nothing is wrong."""
    pulse = Pulse()
    for second in range(0, 60, 5):
        pulse.take(second * 1000, Counts(10 * second + 7, 7))
    rates = pulse.to_dict()
    assert rates["delivered_per_s"] == rates["recorded_per_s"] == 10
    assert rates["drained_in_s"] == 0.7
    assert rates["drained_basis"] == KEPT_UP


def test_in_an_outage_the_speed_of_the_last_backlog_counts():
    """An hour away, drained at 500 a second, and away again for two: 72 000 left, 490 net."""
    device = Device()
    device.live(3600, goes=0)
    device.live(60, goes=500)
    device.live(600, goes=500)
    rates = device.live(7200, goes=0)
    assert rates["delivered_per_s"] == 0
    assert abs(rates["drained_in_s"] - 72_000 / 490) < 1
    assert (
        rates["drained_basis"] == "once it is sent again, at 500 a second as measured 129 min ago"
    )


def test_a_link_that_was_only_kept_up_with_tells_no_speed():
    """Ten came and ten went: what the link can do nobody has seen."""
    device = Device()
    device.live(3600, goes=500)
    rates = device.live(600, goes=0)
    assert rates["drained_in_s"] is None
    assert "no backlog was sent" in rates["drained_basis"]


def test_the_moment_in_which_an_outage_begins_is_no_measure():
    """A second of it still delivered: that is not how fast the link is."""
    device = Device()
    device.live(600, goes=500)
    device.live(5, goes=1)
    rates = device.live(600, goes=0)
    assert rates["drained_in_s"] is None
    assert "no backlog was sent" in rates["drained_basis"]


def test_an_outage_from_the_start_on():
    rates = Device().live(600, goes=0)
    assert rates["drained_in_s"] is None
    assert "no backlog was sent" in rates["drained_basis"]


def test_a_device_that_records_more_than_its_link_carried():
    """It is said, and nothing is divided by less than nothing."""
    device = Device(come=10)
    device.live(3600, goes=4)
    rates = device.live(120, goes=0)
    assert rates["drained_in_s"] is None
    assert rates["drained_basis"] == "more come than left when a backlog was last sent: 4 a second"


def test_one_count_that_met_a_pause_does_not_decide():
    device = Device()
    device.live(3600, goes=0)
    device.live(40, goes=300)
    device.live(5, goes=3)
    rates = device.live(120, goes=0)
    assert rates["drained_basis"].startswith("once it is sent again, at 300 a second")
