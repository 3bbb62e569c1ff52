"""What was read from the platform a while ago is read again before it holds or names anything."""

from mcagent.messages.kinds import SAMPLE
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    MemoryBuffer,
    configuration,
)


class Bench:
    """Samples that are recorded without a data model: the platform's counts alone."""

    def __init__(self, unmapped):
        self.platform = FakePlatform(configuration("m1", "a"), mapped=["a"])
        self.buffer = MemoryBuffer()
        self.clock = FakeClock()
        self.uploader = Uploader(
            self.buffer,
            FakeSession(self.platform, self.clock),
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=UploadSettings(unmapped=unmapped, min_interval_s=0),
            sleep_ms=self.clock.sleep_ms,
        )

    def record(self, point):
        payload = '{"n":0,"values":[{"dataPointId":"%s","value":"1"}]}' % point
        self.buffer.append("timeseries", SAMPLE, payload.encode(), configuration_id="")

    def step(self):
        while self.uploader.step(0) == 0:
            pass

    def add_point(self, point):
        """Somebody else changes the model on the platform, and maps the new point."""
        self.platform.configuration = configuration("m1", "a", point)
        self.platform.mapped.append(point)

    @property
    def looks(self):
        return self.platform.count("GET", "/dataPointMappings")


def test_a_point_that_somebody_added_meanwhile_goes_at_once():
    """Not after the hold of a minute that its absence would be."""
    bench = Bench("hold")
    bench.record("a")
    bench.step()
    bench.add_point("b")
    bench.clock.sleep_ms(120_000)  # what is known counts for a quarter of an hour
    bench.record("b")
    bench.step()
    assert bench.buffer.lanes["timeseries"] == []
    assert bench.uploader.status()["unmapped"] == []
    assert bench.looks == 2


def test_a_point_that_is_missing_still_is_held_after_one_look():
    """The look is no loop: the miss is the platform's word then."""
    bench = Bench("hold")
    bench.record("a")
    bench.step()
    bench.record("c")
    bench.step()
    assert len(bench.buffer.lanes["timeseries"]) == 1
    assert bench.uploader.status()["unmapped"] == ["c"]
    assert bench.looks == 2


def test_a_point_is_named_only_after_a_look():
    """Where samples go all the same, the status does not complain of what was mended."""
    bench = Bench("hold_if_none")
    bench.record("a")
    bench.step()
    bench.add_point("b")
    bench.record("b")
    bench.step()
    assert bench.uploader.status()["unmapped"] == []
    assert bench.looks == 2


def test_invented_names_do_not_use_up_the_reads_of_the_tenant():
    """A miss is worth one look a minute."""
    bench = Bench("hold_if_none")
    for number in range(50):
        bench.record("a")
        bench.step()
        bench.record("invented-%d" % number)
        bench.step()
        bench.clock.sleep_ms(1000)
    assert bench.buffer.lanes["timeseries"] == []
    assert 2 <= bench.looks <= 3
