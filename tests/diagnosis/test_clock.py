"""What the doctor says of a clock, with a clock and a service that are made up."""

from mcagent.diagnosis import clock
from mcagent.diagnosis.case import Case
from tests.upload.fakes import FakeClock

DAY_MS = 86_400_000
SERVICE = {
    "trusted": False,
    "unknown": True,
    "kept": 3,
    "note": "3 samples were kept",
    "wrong": "",
}


def look(tmp_path, *, wall_ms=1_795_262_400_000, offset_ms=None, live=None):
    case = Case(str(tmp_path), clock=FakeClock(wall_ms))
    case.offset_ms = offset_ms
    case.live = live
    try:
        return clock.look(case)
    finally:
        case.transport.close()


def test_samples_of_a_clock_that_is_possible_carry_its_times(tmp_path):
    step = look(tmp_path, offset_ms=3 * DAY_MS)
    assert step.verdict == "fail"
    assert "3.0 days behind" in step.measured
    assert "samples get this device's" in step.remedy


def test_samples_of_1970_are_corrected_and_nobody_is_told_otherwise(tmp_path):
    step = look(tmp_path, wall_ms=0, offset_ms=20_000 * DAY_MS)
    assert step.verdict == "fail"
    assert "corrected on its way out" in step.remedy
    assert "samples get this device's" not in step.remedy


def test_what_the_service_makes_of_the_time_is_told(tmp_path):
    step = look(tmp_path, wall_ms=0, live={"upload": {"clock": SERVICE}})
    assert "holds samples until it knows the time" in step.details[0]
    assert "3 samples were kept" in step.details[1]
    assert look(tmp_path, offset_ms=0, live={"upload": {}}).details == []
