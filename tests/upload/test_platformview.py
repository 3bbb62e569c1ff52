"""What the platform would do with samples, and how often it is asked."""

import json
from itertools import pairwise

import pytest

from mcagent.transport.http import Response
from mcagent.upload.platformview import PlatformView
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    add_model,
    add_samples,
    configuration,
)
from tests.upload.test_uploader import MODEL_1, Bench

MINUTE_MS = 60_000


def mapping(point, *reasons, kept=True):
    status = "INVALID" if reasons else "VALID"
    return {
        "dataPointId": point,
        "keepMapping": kept,
        "validity": {"status": status, "reasons": list(reasons)},
    }


def typed(configuration_id, **points):
    value = configuration(configuration_id, *points)
    for point in value["dataSources"][0]["dataPoints"]:
        point["type"] = points[point["id"]]
    return value


def sample(*points):
    values = [{"dataPointId": point, "value": "1", "qualityCode": "0"} for point in points]
    return json.dumps({"timestamp": "2026-01-05T08:00:00.000Z", "values": values}).encode()


class Look:
    """A view of a platform, read once."""

    def __init__(self, platform, *, unmapped="hold_if_none", local=None):
        fragment = None if local is None else json.dumps(local).encode()
        self.view = PlatformView(
            FakeSession(platform, FakeClock()), unmapped=unmapped, local_model=lambda: fragment
        )
        self.read()

    def read(self):
        assert self.view.read_configuration() is None
        assert self.view.read_mappings() is None

    def reason(self, recorded="m1", payload=b"{}"):
        return self.view.hold_reason(recorded, payload)


# -- what ended between two looks ---------------------------------------------------------------


def test_a_mapping_that_ended_between_two_looks_is_told_with_both_times(caplog):
    """Nobody can tell from a 200: the samples of that time may be gone, and it is said."""
    bench = Bench(FakePlatform(MODEL_1, mapped=["a", "b"]))
    add_samples(bench.buffer, [1])
    bench.upload()
    first_ms = bench.session.now_ms()
    assert bench.uploader.status()["vanished"] == {}
    bench.platform.mapped = [mapping("a"), mapping("b", "INVALID_TYPE")]
    bench.clock.sleep_ms(16 * MINUTE_MS)
    add_samples(bench.buffer, [2])
    bench.upload()
    assert bench.uploader.status()["vanished"] == {"b": [first_ms, bench.session.now_ms()]}
    assert "the mapping of b ended, or became invalid, after 2026-" in caplog.text
    bench.platform.mapped = ["a", "b"]
    bench.clock.sleep_ms(16 * MINUTE_MS)
    add_samples(bench.buffer, [3])
    bench.upload()
    assert list(bench.uploader.status()["vanished"]) == ["b"], "what was dropped stays dropped"


def test_mappings_that_another_model_ended_are_its_matter():
    """The device's own new model: no sample is sent between its PUT and the look after it."""
    platform = FakePlatform(MODEL_1, mapped=["a", mapping("b", kept=False)])
    bench = Bench(platform, lose_mappings=True)
    add_samples(bench.buffer, [1])
    bench.upload()
    add_model(bench.buffer, configuration("m2", "a", "b", "c"))
    add_samples(bench.buffer, [2], configuration_id="m2")
    bench.upload()
    assert bench.platform.samples == [1, 2]
    assert bench.platform.mapped == ["a"]
    assert bench.uploader.status()["vanished"] == {}


# -- which points -------------------------------------------------------------------------------


def test_an_invalid_mapping_is_none_and_its_reasons_are_told():
    look = Look(FakePlatform(MODEL_1, mapped=[mapping("a"), mapping("b", "INVALID_TYPE")]))
    assert look.reason() == ""
    assert look.view.unmapped == {"b": "its mapping is invalid: INVALID_TYPE"}


def test_with_invalid_mappings_only_samples_are_held_with_the_reasons():
    mapped = [mapping("a", "INVALID_UNIT", "MISSING_PROPERTY"), mapping("b", "INVALID_TYPE")]
    reason = Look(FakePlatform(MODEL_1, mapped=mapped)).reason()
    assert "2 of 2 data points have none" in reason
    assert "a: its mapping is invalid: INVALID_UNIT, MISSING_PROPERTY" in reason


@pytest.mark.parametrize("order", [1, -1])
def test_one_valid_mapping_of_a_point_is_enough(order):
    mapped = [mapping("a", "INVALID_TYPE"), mapping("a"), mapping("b")][::order]
    look = Look(FakePlatform(MODEL_1, mapped=mapped))
    assert look.reason() == ""
    assert look.view.unmapped == {}


@pytest.mark.parametrize(
    "odd",
    [
        "a",
        {"dataPointId": "a", "validity": None},
        {"dataPointId": "a", "validity": {"status": "VALID"}},
        {"dataPointId": "a", "validity": "VALID"},
    ],
)
def test_a_mapping_that_says_nothing_of_its_validity_counts(odd):
    look = Look(FakePlatform(MODEL_1, mapped=[odd, "b", 5, None, "b"]), unmapped="hold")
    assert look.reason() == ""


def test_an_invalid_mapping_without_reasons_is_invalid():
    odd = {"dataPointId": "a", "validity": {"status": "INVALID", "reasons": None}}
    look = Look(FakePlatform(MODEL_1, mapped=[odd, "b"]))
    assert look.reason() == ""
    assert look.view.unmapped == {"a": "its mapping is invalid: no reason given"}


def test_mappings_that_a_new_model_deletes_are_named():
    """Each of them, also where another one of its point stays, or where it is invalid."""
    target = {"entityId": "9a41", "propertySetName": "Press", "propertyName": "force"}
    lost = dict(mapping("b", kept=False), **target)
    mapped = [mapping("a", "INVALID_TYPE", kept=False), lost, mapping("b")]
    look = Look(FakePlatform(MODEL_1, mapped=mapped))
    assert look.view.not_kept == ["a -> ? ?.?", "b -> 9a41 Press.force"]


def test_a_model_that_somebody_changed_on_the_platform_holds_what_it_cannot_take():
    """A value that a wider type takes goes; the others are named with both types."""
    local = typed("m1", a="LONG", b="BOOLEAN", c="DOUBLE", d="INT", e="DOUBLE")
    theirs = typed("p2", a="DOUBLE", b="STRING", c="LONG", d="BOOLEAN")
    look = Look(FakePlatform(theirs, mapped=list("abcde")), local=local)
    assert look.reason() == ""
    assert look.view.unmapped == {
        "c": "recorded as DOUBLE, the platform's data model says LONG",
        "d": "recorded as INT, the platform's data model says BOOLEAN",
        "e": "the platform's data model does not have it",
    }
    worse = Look(FakePlatform(theirs, mapped=list("abcd")), local=typed("m1", c="DOUBLE", e="INT"))
    assert "recorded as DOUBLE, the platform's data model says LONG" in worse.reason()


def test_samples_of_an_older_model_are_not_judged_by_the_newest():
    """They go first and the new model waits behind them: holding them for it would never end."""
    newest = typed("m2", x="LONG", y="LONG")
    look = Look(FakePlatform(MODEL_1, mapped=["a", "b"]), unmapped="hold", local=newest)
    assert look.reason("m1") == ""
    assert look.view.unmapped == {}


def test_a_new_model_behind_old_samples_goes_out_whatever_policy():
    for policy in ("hold", "hold_if_none"):
        bench = Bench(unmapped=policy)
        newest = configuration("m2", "x")
        bench.local_model = json.dumps(newest).encode()
        add_samples(bench.buffer, [1, 2])
        add_model(bench.buffer, newest)
        add_samples(bench.buffer, [3], "m2")
        report = bench.upload()
        assert bench.platform.samples == [1, 2]
        assert bench.platform.configuration == newest
        assert report.pending == 1
        assert "x" in report.reason


def test_a_point_recorded_without_a_model_is_named_and_does_not_hold_the_others():
    look = Look(FakePlatform(MODEL_1, mapped=["a"]))
    assert look.reason("", sample("a", "typo")) == ""
    assert look.view.unmapped == {
        "b": "no mapping",
        "typo": "the platform's data model does not have it",
    }
    assert look.reason("", sample("a")) == ""
    assert look.view.unmapped == {"b": "no mapping"}
    none = Look(FakePlatform(MODEL_1))
    assert "3 of 3 data points" in none.reason("", sample("typo"))


# -- how often ----------------------------------------------------------------------------------


def looks(bench, minutes):
    """Run the uploader for so long, as a service does; return when mappings were read, in ms."""
    began_ms = bench.clock.ms
    seen = []
    while bench.clock.ms - began_ms <= minutes * MINUTE_MS:
        before = bench.platform.count("GET", "dataPointMappings")
        wait_ms = bench.uploader.step(1000)
        if bench.platform.count("GET", "dataPointMappings") > before:
            seen.append(bench.clock.ms - began_ms)
        bench.clock.sleep_ms(min(wait_ms if wait_ms is not None else 10_000, 10_000))
    return seen


def test_held_samples_look_each_minute_and_after_ten_each_six():
    bench = Bench(platform=FakePlatform(MODEL_1))
    add_samples(bench.buffer, [1])
    seen = looks(bench, 120)
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    assert gaps[:10] == [MINUTE_MS] * 10
    assert set(gaps[10:]) == {6 * MINUTE_MS}
    # A hundred agents that wait stay below the tenant's 1 050 reads an hour.
    assert 100 * sum(1 for ms in seen if ms > 60 * MINUTE_MS) <= 1050


@pytest.mark.parametrize("minutes", [0.5, 5, 30, 600])
def test_a_mapping_made_at_any_time_releases_within_the_documented_minutes(minutes):
    bench = Bench(platform=FakePlatform(MODEL_1))
    add_samples(bench.buffer, [1])
    looks(bench, minutes)
    assert bench.platform.samples == []
    bench.platform.mapped = ["a"]
    looks(bench, 1 if minutes < 10 else 6)
    assert bench.platform.samples == [1]


def test_an_operator_who_is_at_it_is_followed_closely():
    """Each step that changes something begins the quick looks again."""
    bench = Bench(platform=FakePlatform(MODEL_1), unmapped="hold")
    add_samples(bench.buffer, [1])
    looks(bench, 300)
    bench.platform.mapped = ["a"]
    looks(bench, 6)
    assert bench.uploader.status()["unmapped"] == ["b"]
    bench.platform.mapped = ["a", "b"]
    looks(bench, 1)
    assert bench.platform.samples == [1]


# -- what cannot be read ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_mapping_service_does_not_stop_what_was_mapped_a_quarter_of_an_hour_ago(status):
    bench = Bench()
    add_samples(bench.buffer, [1])
    assert bench.upload().pending == 0
    bench.clock.sleep_ms(16 * MINUTE_MS)
    bench.platform.mappings_status = status
    add_samples(bench.buffer, [2])
    assert bench.upload().pending == 0
    assert f"mappings could not be read again (HTTP {status}" in bench.uploader.status()["note"]


def test_a_busy_mapping_service_releases_nothing():
    bench = Bench(platform=FakePlatform(MODEL_1))
    add_samples(bench.buffer, [1])
    assert bench.upload().pending == 1
    bench.platform.mappings_status = 429
    looks(bench, 30)
    assert bench.platform.samples == []
    assert "2 of 2 data points have none" in bench.uploader.status()["reason"]


def test_a_mapping_service_that_never_answered_is_waited_for():
    bench = Bench()
    bench.platform.mappings_status = 503
    add_samples(bench.buffer, [1])
    assert bench.upload(timeout_s=5).pending == 1
    assert bench.platform.samples == []


def test_what_may_not_be_read_is_named_with_what_to_grant():
    platform = FakePlatform(MODEL_1)
    platform.mappings_status = 403
    view = Look(platform).view
    assert view.note.endswith("samples are sent unchecked; grant the agent the scope map.r")
    platform.configuration_status = 403
    view.read_configuration()
    assert view.note.endswith("grant it the scope dsc.r")


def test_a_right_that_is_taken_away_ends_what_was_known():
    platform = FakePlatform(MODEL_1, mapped=[mapping("a", kept=False)])
    look = Look(platform)
    look.reason()
    assert look.view.unmapped == {"b": "no mapping"}
    platform.mappings_status = 403
    look.read()
    assert (look.view.unmapped, look.view.not_kept, look.reason()) == ({}, None, "")


def test_an_answer_that_is_no_page_is_not_taken_for_no_mappings():
    platform = FakePlatform(MODEL_1)
    view = Look(platform).view
    platform.send = lambda _request: Response(200, {}, b'{"content": 5}')
    assert view.read_mappings().status == 200
