"""Deletes: both sides of each rule that can be seen from here, and the words for the others."""

import pytest

from mcagent.errors import ConfigurationError, InvalidMessage, RemoteError, TransportError
from mcagent.services.deletions import UNCHECKED, check_deletion
from mcagent.services.timeseries import TimeSeries
from mcagent.transport.http import Response
from tests.helpers import raises
from tests.services.plant import DAY_MS, HOUR_MS, T0, calls, make_asset, make_series, samples

RANGE_MAX_MS = AGE_MS = 7 * DAY_MS
NOW = T0 + 60 * DAY_MS  # on the hour


@pytest.mark.parametrize(
    ("after", "until", "latest", "word", "hint"),
    [
        (T0, T0 + HOUR_MS, None, "", ""),
        (T0, T0 + HOUR_MS, NOW + DAY_MS, "", ""),  # noted by a clock that was wrong
        (T0, T0 + HOUR_MS, NOW + DAY_MS - 1, "one a day", ""),
        (T0 + 1, T0 + HOUR_MS, None, "whole UTC hours", "no legal range"),
        (
            T0,
            T0 + HOUR_MS + 1,
            None,
            "whole UTC hours",
            "2026-01-05T08:00:00.000Z to 2026-01-05T09:00:00.000Z",
        ),
        (T0, T0 + RANGE_MAX_MS, None, "", ""),
        (
            T0,
            T0 + RANGE_MAX_MS + HOUR_MS,
            None,
            "longer than 7 days",
            "2026-01-05T08:00:00.000Z to 2026-01-12T08:00:00.000Z",
        ),
        (NOW - AGE_MS - HOUR_MS, NOW - AGE_MS, None, "", ""),
        (
            NOW - AGE_MS,
            NOW - AGE_MS + HOUR_MS,
            None,
            "less than 7 days ago",
            "from 2026-03-06T09:00:00.000Z on",
        ),
        (
            NOW - AGE_MS - HOUR_MS,
            NOW - AGE_MS + HOUR_MS,
            None,
            "less than 7 days ago",
            "2026-02-27T07:00:00.000Z to 2026-02-27T08:00:00.000Z",
        ),
        (T0, T0 + HOUR_MS, NOW - DAY_MS, "", ""),
        (T0, T0 + HOUR_MS, NOW - DAY_MS + 1, "one a day", "2026-03-06T08:00:00.001Z"),
    ],
)
def test_both_sides_of_each_rule(after, until, latest, word, hint):
    """What is legal passes; what is not names the next legal range or time."""
    if not word:
        check_deletion(after, until, NOW, latest)
        return
    error = raises(InvalidMessage, check_deletion, after, until, NOW, latest)
    assert word in error.message
    assert hint in error.hint


def old(series):
    """The start of an hour more than a week ago."""
    return (series.session.now_ms() - 20 * DAY_MS) // HOUR_MS * HOUR_MS


def test_a_legal_range_is_deleted_to_the_millisecond(platform):
    """Its start stays, its end goes, for all variables; and what was not checked is said."""
    platform.hub.change_settings(delete_rules=True)
    series, asset = make_series(platform)
    start = old(series)
    times = (start, start + 1, start + HOUR_MS, start + HOUR_MS + 1)
    series.write(asset, "motor", [(t, {"rpm": 1, "load": 2.0}) for t in times])
    platform.hub.set_clock(8 * 86_400)
    series = TimeSeries(platform.session())
    deletion = series.delete(asset, "motor", start, start + HOUR_MS)
    assert deletion.unchecked == UNCHECKED
    left = [r.timestamp_ms for r in series.read(asset, "motor", start - 1)]
    assert left == [start, start + HOUR_MS + 1]
    gone = [(start + 1, {"rpm": 1})]
    assert series.wait_visible(asset, "motor", gone, gone=True, timeout_s=60)


def test_the_second_delete_of_a_day_is_stopped_here(platform, tmp_path):
    """By the log, which outlives the process; another tenant's is not meant."""
    log = str(tmp_path / "deep" / "deletes.json")
    asset = make_asset(platform)
    session = platform.session()
    series = TimeSeries(session, delete_log=log)
    series.session = session
    start = old(series)
    series.delete(asset, "motor", start, start + HOUR_MS)
    again = TimeSeries(session, delete_log=log)
    error = raises(InvalidMessage, again.delete, asset, "ambient", start, start + HOUR_MS)
    assert "one a day" in error.message
    assert len(calls(series, "DELETE")) == 1
    assert TimeSeries(session)._log.latest_ms("other") is None


def test_a_dry_run_deletes_and_notes_nothing(platform):
    """It says what would be done."""
    series, asset = make_series(platform)
    start = old(series)
    series.write(asset, "motor", samples(2, start_ms=start + 1))
    deletion = series.delete(asset, "motor", start, start + HOUR_MS, dry_run=True)
    assert (deletion.after_ms, deletion.until_ms) == (start, start + HOUR_MS)
    assert calls(series, "DELETE") == []
    series.delete(asset, "motor", start, start + HOUR_MS)


def test_data_submitted_a_moment_ago_are_refused_by_the_platform_and_explained(platform):
    """Their times are old; only the platform knows when they came."""
    platform.hub.change_settings(delete_rules=True)
    series, asset = make_series(platform)
    start = old(series)
    series.write(asset, "motor", samples(2, start_ms=start + 1))
    error = raises(RemoteError, series.delete, asset, "motor", start, start + HOUR_MS)
    assert error.status == 400
    assert "submitted less than 7 days ago" in error.hint
    assert "possible from" in error.hint


def test_a_delete_of_another_client_is_explained(platform):
    """429: the day is used up; a refusal is not noted as a delete of ours."""
    platform.hub.change_settings(delete_rules=True)
    series, asset = make_series(platform)
    start = old(series)
    other = TimeSeries(platform.session())
    other.delete(asset, "motor", start, start + HOUR_MS)
    session = platform.session(attempts=1)
    here = TimeSeries(session)
    error = raises(RemoteError, here.delete, asset, "motor", start, start + HOUR_MS)
    assert error.status == 429
    assert "another client" in error.hint
    assert here._log.latest_ms(f"{session.credentials.tenant} at {session.gateway}") is None


def test_a_lost_answer_counts_as_the_delete_of_the_day(platform):
    """It is not sent twice: the second would be refused for the first."""
    series, asset = make_series(platform)
    series.aspects.of(asset)
    start = old(series)
    platform.hub.set_faults([{"action": "drop_after", "match": "DELETE *", "times": 1}])
    error = raises(TransportError, series.delete, asset, "motor", start, start + HOUR_MS)
    assert "not known whether" in error.hint
    raises(InvalidMessage, series.delete, asset, "motor", start, start + HOUR_MS)


def test_a_log_that_cannot_be_read_stops_the_delete(platform, tmp_path):
    """It may hold today's."""
    log = tmp_path / "deletes.json"
    log.write_text("{")
    asset = make_asset(platform)
    series = TimeSeries(platform.session(), delete_log=str(log))
    error = raises(ConfigurationError, series.delete, asset, "motor", T0, T0 + HOUR_MS)
    assert str(log) in error.message


def test_wrong_names_and_ranges_are_found_before_the_request(platform):
    """As for reads."""
    series, asset = make_series(platform)
    raises(InvalidMessage, series.delete, asset, "motr", T0, T0 + HOUR_MS)
    raises(InvalidMessage, series.delete, asset, "motor", T0 + HOUR_MS, T0)
    raises(InvalidMessage, series.delete, "no id", "motor", T0, T0 + HOUR_MS)
    assert calls(series, "DELETE") == []


def test_a_missing_scope_is_named(platform):
    """iot.tim.d, and the role."""
    series, asset = make_series(platform, scopes=["mdsp:core:iot.timUser"])
    error = raises(RemoteError, series.delete, asset, "motor", T0, T0 + HOUR_MS)
    assert "iot.tim.d is missing" in error.message
    assert Response(403).status == error.status
