"""The store: what survives a restart, and what a million samples cost to read."""

import sqlite3
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.emulator import Emulator, worker
from mcagent.emulator.assets import create_asset
from mcagent.emulator.store import Store
from mcagent.emulator.timeseries import (
    Span,
    delete_range,
    read_page,
    stored_records,
    variables_of,
    write_records,
)
from mcagent.emulator.timeseries_counts import change_counts, held_at, read_counts
from tests.patience import wait_until, with_more_time

from .device import exchange_body, file_item, onboarded, ready, sample, timeseries

SHAPE = {"rpm": {"type": "INT"}, "load": {"type": "DOUBLE"}, "state": {"type": "STRING"}}
T0 = 1767600000000


@pytest.fixture
def store():
    store = Store()
    yield store
    store.close()


def filled(store, records, shape=SHAPE):
    """Make an asset with aspect `motor` and write {time: {variable: value}}."""
    with store.transaction() as db:
        asset = create_asset(db, "pump", "localdev", {"motor": shape})
        series = {variable.name: variable.series for variable in variables_of(db, asset, "motor")}
        write_records(
            db,
            {
                ((asset, "motor"), time_ms): {
                    series[name]: (value, None) for name, value in values.items()
                }
                for time_ms, values in records.items()
            },
            now_ms=T0,
            replace=True,
        )
    return asset


def times(page):
    return [time_ms for time_ms, _ in page.records]


def test_a_page_excludes_its_start_and_includes_its_end(store):
    asset = filled(store, {n: {"rpm": n} for n in (1, 2, 3, 4)})
    with store.reading() as db:
        variables = variables_of(db, asset, "motor")
        assert times(read_page(db, variables, Span(1, 3), limit=10, now_ms=0)) == [2, 3]


def test_a_page_is_cut_by_records_not_by_values(store):
    """Sparse records: the second variable begins where the first ends."""
    asset = filled(store, {1: {"rpm": 1}, 2: {"load": 2.0}, 3: {"rpm": 3, "load": 3.0}})
    with store.reading() as db:
        variables = variables_of(db, asset, "motor")
        page = read_page(db, variables, Span(), limit=2, now_ms=0)
        assert page.records == [(1, {"rpm": (1, None)}), (2, {"load": (2.0, None)})]
        assert page.more
        page = read_page(db, variables, Span(), limit=2, now_ms=0, descending=True)
        assert times(page) == [3, 2]
        assert not read_page(db, variables, Span(), limit=3, now_ms=0).more


def test_replacing_takes_what_the_new_record_does_not_have(store):
    asset = filled(store, {1: {"rpm": 1, "load": 1.0}, 2: {"rpm": 2}})
    with store.transaction() as db:
        load = variables_of(db, asset, "motor")[1].series
        for replace, left in ((False, {"rpm": 1, "load": 5.0}), (True, {"load": 5.0})):
            record = {((asset, "motor"), 1): {load: (5.0, None)}}
            write_records(db, record, now_ms=T0, replace=replace)
            found = read_page(db, variables_of(db, asset, "motor"), Span(), limit=1, now_ms=0)
            assert {name: value for name, (value, _) in found.records[0][1].items()} == left


def test_values_wait_until_they_may_be_seen(store):
    asset = filled(store, {})
    with store.transaction() as db:
        (rpm, *_) = variables = variables_of(db, asset, "motor")
        record = {((asset, "motor"), 1): {rpm.series: (1, None)}}
        write_records(db, record, now_ms=T0, replace=True, visible_ms=T0 + 5)
        assert times(read_page(db, variables, Span(), limit=1, now_ms=T0 + 4)) == []
        assert times(read_page(db, variables, Span(), limit=1, now_ms=T0 + 5)) == [1]
    assert len(list(stored_records(store))) == 1  # the control interface sees everything


def test_reading_everything_leaves_the_store_to_others_and_repeats_nothing(store):
    filled(store, {n: {"rpm": n} for n in range(2500)})
    lines = stored_records(store)
    first = next(lines)
    filled(store, {1: {"rpm": 1}})  # no lock is held between two blocks
    assert [first["values"]["rpm"], *(line["values"]["rpm"] for line in lines)] == list(
        range(2500)
    )


def test_a_file_of_another_version_is_refused_with_a_way_out(tmp_path):
    path = str(tmp_path / "hub.sqlite")
    Store(path).close()
    Store(path).close()  # its own it takes again
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 7")
    db.close()
    with pytest.raises(sqlite3.DatabaseError, match=r"another version .* move it away"):
        Store(path)


def test_a_restart_finds_agents_keys_mappings_and_values(tmp_path):
    def facts(hub, device):
        answer = device.call("GET", "/api/mindconnect/v3/dataPointMappings")
        assert answer.status == 200
        return answer.json["content"], hub.stored(), hub.received(), hub.state()["onboarded"]

    with Emulator(tls=False, data=tmp_path, settings={"processing_delay_s": 0.0}) as hub:
        device = ready(hub)
        onboarded(hub, "other")
        device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1", CNT="2")))
        hub.settle()
        before, port = facts(hub, device), hub.port
        assert len(before[0]) == 2
        assert len(before[1]) == 1
    with Emulator(tls=False, data=tmp_path, port=port) as hub:
        device.hub = hub
        assert facts(hub, device) == before  # with the token that the first one gave
        assert device.rotate().status == 200
        assert device.ask_token().status == 200


def test_a_full_disk_refuses_what_comes_and_loses_nothing_that_was_accepted(tmp_path, caplog):
    """503 while there is no room; what was answered 200 before is processed once there is."""
    samples = [
        sample(f"2026-01-05T08:00:00.{n:03d}Z", P1=f"{n:03d}" + "x" * 200) for n in range(300)
    ]

    def fill_up(processing_delay_s):
        caplog.clear()
        data, delay = (
            tmp_path / str(processing_delay_s),
            {"processing_delay_s": processing_delay_s},
        )
        with Emulator(tls=False, data=data, settings=delay) as hub:
            device = ready(hub, P1="STRING")
            device.send(timeseries(*samples))
            with hub._running.store.transaction() as db:
                full = db.execute("PRAGMA page_count").fetchone()[0]
                db.execute(f"PRAGMA max_page_count = {full}")
            refused = device.exchange(exchange_body(file_item("large", bytes(100_000))))
            assert refused.status == 503
            assert refused.json["message"] == (
                "The hub cannot write its database: database or disk is full."
            )
            waits = "what was accepted waits: database or disk is full"
            wait_until(lambda: waits in caplog.messages)
            with pytest.raises(TimeoutError):
                hub.settle(0.8)  # it is tried again meanwhile
            assert hub.stored() == []
            with hub._running.store.transaction() as db:
                db.execute(f"PRAGMA max_page_count = {full + 1000}")
            hub.settle(60)
            assert len(hub.stored()) == 300
            assert hub.files() == []
        said = [text for text in caplog.messages if "strict mode" not in text]
        assert said == [
            "POST /api/mindconnect/v3/exchange was refused: database or disk is full",
            waits,
            "what was accepted is processed again",
        ]

    # What is accepted must not be processed before the disk is full.
    with_more_time(fill_up, 0.2, 1.6, 6.4)


def test_what_the_hub_stumbles_over_is_told_and_holds_up_nothing(tmp_path, monkeypatch, caplog):
    """An item of which processing makes a mistake of ours waits for the next start, alone."""

    def stumble(db, row, content, **how):
        if "stone" in str(content):
            raise ZeroDivisionError
        return process_item(db, row, content, **how)

    process_item = worker.process_item
    monkeypatch.setattr(worker, "process_item", stumble)
    with Emulator(tls=False, data=tmp_path) as hub:
        device = ready(hub, P1="STRING")
        for text in ("stone", "sand"):
            device.send(timeseries(sample(f"2026-01-05T08:00:0{len(text)}Z", P1=text)))
        hub.settle()
        assert [record["values"] for record in hub.stored()] == [{"P1": "sand"}]
    assert "passed over" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    with Emulator(tls=False, data=tmp_path) as hub:
        hub.settle()
        assert [record["values"] for record in hub.stored()] == [{"P1": "sand"}, {"P1": "stone"}]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "merge", "delete"]),
        st.dictionaries(
            st.integers(0, 12),
            st.dictionaries(st.sampled_from(sorted(SHAPE)), st.just("1"), max_size=3),
            max_size=4,
        ),
        st.integers(-1, 12),
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_counts_are_those_of_the_rows_after_any_writes_and_deletions(steps):
    """Two aspects, so that no count is of the other; what is written may be empty."""
    store = Store()
    with store.transaction() as db:
        asset = create_asset(db, "pump", "localdev", {"motor": SHAPE, "other": SHAPE})
        for number, (action, records, end) in enumerate(steps):
            place = (asset, ("motor", "other")[number % 2])
            variables = variables_of(db, *place)
            named = {variable.name: variable.series for variable in variables}
            if action == "delete":
                # Not all of the variables: one that came later keeps its values.
                delete_range(db, place, variables[: 1 + number % 3], Span(end, end + 4))
                continue
            written = {
                (place, time_ms): {named[name]: (value, None) for name, value in values.items()}
                for time_ms, values in records.items()
            }
            write_records(db, written, now_ms=T0, replace=action == "put")
        rows = db.execute(
            "SELECT count(DISTINCT asset || aspect || time_ms), count(*)"
            " FROM stored JOIN series ON id = series"
        ).fetchone()
        assert read_counts(db) == tuple(rows)
    store.close()


@pytest.mark.parametrize("number", [1, 40])
def test_what_is_held_is_found_in_a_full_range_and_in_a_sparse_one(store, number):
    asset = filled(store, {n: {"rpm": n} for n in range(200)})
    with store.reading() as db:
        rpm, load, _ = (variable.series for variable in variables_of(db, asset, "motor"))
        asked = [*range(0, 200, 200 // number), 500]
        assert held_at(db, [rpm, load], asked) == {n: {rpm} for n in asked if n != 500}
        assert held_at(db, [rpm], []) == {}


@pytest.mark.slow
def test_a_million_samples_stay_quick_to_read(tmp_path, figure):
    """A page, the newest values and a plot: none of them may read what it does not show."""
    store = Store(str(tmp_path / "hub.sqlite"))
    number = 1_000_000
    with store.transaction() as db:
        shape = {name: {"type": "DOUBLE"} for name in "abc"}
        asset = create_asset(db, "pump", "localdev", {"motor": shape})
        variables = variables_of(db, asset, "motor")
        fill(db, variables, number)

    def took(function):
        begun = time.process_time()
        function()
        return (time.process_time() - begun) * 1000

    middle = Span(T0 + number * 50, T0 + number * 75)
    with store.reading() as db:
        page_ms = min(
            took(lambda: read_page(db, variables, middle, limit=2000, now_ms=T0)) for _ in range(3)
        )
        last = lambda: read_page(db, variables, Span(), limit=1, now_ms=T0, descending=True)  # noqa: E731
        last_ms = min(took(last) for _ in range(3))
    store.close()
    figure(
        "emulator store: 1 000 000 samples x 3 values",
        f"page of 2 000 {page_ms:.1f} ms, newest {last_ms:.2f} ms",
    )
    assert page_ms < 200
    assert last_ms < 5


def fill(db, variables, number):
    """Store *number* values of each variable, as `write_records` does; SQLite is ten times as quick."""
    db.executemany(
        "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?)"
        " INSERT INTO stored SELECT ?, ? + n * 100, n * 0.5, '0', ?, 0 FROM n",
        [(number, variable.series, T0, T0) for variable in variables],
    )


@pytest.mark.slow
def test_the_state_is_quick_beside_a_million_samples_that_are_written_to(figure):
    """Promise: who asks each second takes nothing from those who write."""
    number, worst_ms = 1_000_000, 0.0
    with Emulator(tls=False) as hub:
        store = hub._running.store
        with store.transaction() as db:
            asset = create_asset(db, "pump", "localdev", {"motor": SHAPE})
            rpm, load, _ = variables_of(db, asset, "motor")
            fill(db, (rpm, load), number)
            change_counts(db, (asset, "motor"), records=number, values=2 * number)
        for n in range(5):
            values = {rpm.series: (1, "0"), load.series: (2.0, "0")}
            with store.transaction() as db:
                # The first one is of a time that is there already.
                write_records(db, {((asset, "motor"), T0 - n): values}, now_ms=T0, replace=False)
            begun = time.process_time()
            state = hub.state()
            worst_ms = max(worst_ms, (time.process_time() - begun) * 1000)
    assert (state["records"], state["values"]) == (number + 4, 2 * (number + 4))
    figure("emulator: state beside 1 000 000 samples", f"{worst_ms:.1f} ms after a write")
    assert worst_ms < 100


def test_settling_waits_for_what_was_accepted_before_alone():
    """A device that keeps on sending always has something pending."""
    with Emulator(tls=False) as hub:
        jobs, ran = hub._running.worker, []

        def one_more(_db):
            ran.append(1)
            jobs.later(one_more, 0.01)

        jobs.later(one_more, 0.2)
        hub.settle()
        assert ran
        assert jobs.pending()
