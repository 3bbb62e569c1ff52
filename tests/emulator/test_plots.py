"""Plots: few points, and yet every peak, gap and delay of all that is stored."""

import asyncio
import random
import time

import pytest

from mcagent.emulator.plots import LATE_MS, RANGES, RAW_MAX, Dot, drawn, plot_point, plot_series
from mcagent.emulator.store import Store
from mcagent.emulator.timeseries import Span

from .device import call, configuration, onboarded, sample
from .device import timeseries as series

T0 = 1_767_600_000_000


@pytest.fixture
def store():
    store = Store()
    yield store
    store.close()


def filled(store, rows, kind="DOUBLE"):
    """Store (time_ms, value, received_ms) in one variable; give its key."""
    with store.transaction() as db:
        cursor = db.execute(
            "INSERT INTO series (asset, aspect, variable, type, unit)"
            " VALUES ('a', 'b', 'c', ?, '')",
            (kind,),
        )
        key = cursor.lastrowid
        db.executemany(
            "INSERT INTO stored (series, time_ms, value, ingested_ms) VALUES (?, ?, ?, ?)",
            ((key, *row) for row in rows),
        )
    return key


def plotted(store, key, span=None):
    return asyncio.run(plot_series(store, key, span or Span()))


def test_few_values_come_one_by_one(store):
    rows = [(T0 + i * 1000, float(i), T0 + i * 1000 + 50) for i in range(100)]
    plot = plotted(store, filled(store, rows))
    assert plot["time_ms"] == [row[0] for row in rows]
    assert plot["value"] == [row[1] for row in rows]
    assert set(plot["delay_ms"]) == {50}
    assert (plot["count"], plot["late"], plot["gaps"], plot["reduced"]) == (100, 0, 0, False)


def test_a_gap_is_a_break_in_the_line_and_a_delay_is_told(store):
    rows = [(T0 + i * 1000, 1.0, T0 + i * 1000) for i in range(60) if not 20 <= i < 30]
    rows = [(t, v, r + 40_000 if t >= T0 + 50_000 else r) for t, v, r in rows]
    plot = plotted(store, filled(store, rows))
    assert plot["value"].count(None) == plot["gaps"] == 1
    at = plot["value"].index(None)
    assert plot["time_ms"][at - 1 : at + 2 : 2] == [T0 + 19_000, T0 + 30_000]
    assert (plot["late"], plot["longest_ms"]) == (10, 40_000)


def test_what_came_late_is_no_gap(store):
    """Store-and-forward: measured all the time, delivered after the outage."""
    rows = [(T0 + i * 1000, 1.0, max(T0 + i * 1000, T0 + 40_000)) for i in range(60)]
    plot = plotted(store, filled(store, rows))
    assert (plot["gaps"], None in plot["value"]) == (0, False)
    assert plot["late"] == 35  # 5 s is still in time
    assert LATE_MS == 5000


def test_a_single_peak_among_many_survives(store):
    rows = [(T0 + i * 100, 5.0, T0 + i * 100) for i in range(50_000)]
    rows[31_337] = (rows[31_337][0], 999.0, rows[31_337][0] + 77_000)
    plot = plotted(store, filled(store, rows))
    assert plot["reduced"]
    assert plot["count"] == 50_000
    assert max(plot["value"]) == 999.0
    assert (plot["late"], plot["longest_ms"], max(plot["delay_ms"])) == (1, 77_000, 77_000)
    assert len(plot["value"]) <= 2 * RANGES + 1


def test_reduced_is_what_a_slow_walk_over_all_values_finds(store):
    """Against brute force, with gaps, clusters and values that come late."""
    dice = random.Random(7)
    rows, now = [], T0
    for _ in range(RAW_MAX * 5):
        now += dice.choice([1, 10, 10, 10, 500, 60_000 if dice.random() < 0.003 else 10])
        rows.append((now, dice.gauss(0, 100), now + dice.choice([0, 0, 0, 60_000])))
    plot = plotted(store, filled(store, rows))
    first, last = rows[0][0], rows[-1][0]
    width = -(-(last - first + 1) // RANGES)
    ranges = {}
    for row in rows:
        ranges.setdefault((row[0] - first) // width, []).append(row)
    got = [
        (t, v, d)
        for t, v, d in zip(plot["time_ms"], plot["value"], plot["delay_ms"])
        if v is not None
    ]
    wanted = []
    for _, held in sorted(ranges.items()):
        low, high = min(row[1] for row in held), max(row[1] for row in held)
        delay = max(row[2] - row[0] for row in held)
        wanted.append((held[0][0], low, delay))
        if low != high:
            wanted.append((held[-1][0], high, delay))
    assert got == wanted
    assert plot["time_ms"] == sorted(plot["time_ms"])
    assert plot["late"] == sum(row[2] - row[0] > LATE_MS for row in rows)
    assert plot["gaps"] == plot["value"].count(None) > 0


@pytest.mark.parametrize("count", [10, 2 * RAW_MAX])
def test_texts_of_a_variable_that_had_another_type_are_not_drawn(store, count):
    """Promise: a plot of numbers holds numbers; one text among them failed all plots of the page."""
    rows = [(T0 + i * 1000, "open" if i % 2 else float(i), T0 + i * 1000) for i in range(count)]
    plot = plotted(store, filled(store, rows))
    assert plot["count"] == count // 2
    assert all(isinstance(value, float) for value in plot["value"])


def test_a_range_is_drawn_alone(store):
    rows = [(T0 + i * 1000, float(i), T0 + i * 1000) for i in range(RAW_MAX * 3)]
    key = filled(store, rows)
    plot = plotted(store, key, Span(T0 + 9_999, T0 + 19_000))
    assert plot["value"] == [float(i) for i in range(10, 20)]
    many = plotted(store, key, Span(T0 - 1, T0 + (RAW_MAX + 50) * 1000))
    assert (many["reduced"], many["count"]) == (True, RAW_MAX + 51)
    assert plotted(store, key, Span(T0 - 100, T0 - 50))["count"] == 0


def test_texts_and_unknown_variables(store):
    key = filled(store, [(T0 + i, f"<b>{i}", T0 + i + 9) for i in range(300)], "STRING")
    plot = plotted(store, key)
    assert plot["texts"][0] == {"time_ms": T0 + 299, "value": "<b>299", "delay_ms": 9}
    assert len(plot["texts"]) == 200
    assert plotted(store, 99) is None
    assert plot_point(store, "nobody", "x", Span()) is None


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_to_know_a_step_have_no_gap(count):
    dots = [Dot(T0 + i * 10**9, T0 + i * 10**9, (1.0,), 0) for i in range(count)]
    plot = drawn("DOUBLE", dots, count, 0, reduced=False)
    assert (plot["gaps"], len(plot["value"])) == (0, count)


def test_a_point_is_plotted_as_it_was_sent_also_without_a_mapping(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="INT"))
    device.send(series(sample("2026-01-05T08:00:00.000Z", P1="7"), sample("junk", P1="8")))
    device.send(series(sample("2026-01-05T08:00:01.000Z", P1="9"), {"values": 5}, 3))
    path = f"/_emulator/page/point?agent={device.id}&point="
    plot = call(hub.url, "GET", path + "P1").json
    assert plot["value"] == [7, 9]
    assert all(delay > 0 for delay in plot["delay_ms"])
    assert call(hub.url, "GET", path + "nothing").json["count"] == 0
    assert call(hub.url, "GET", "/_emulator/page/point?agent=x&point=P1").status == 404


def test_bad_ranges_and_numbers_are_refused(hub):
    for query in ("from=x", "to=1.5", "from=" + "9" * 40, "to=--"):
        got = call(hub.url, "GET", "/_emulator/page/series/1?" + query)
        assert got.status == 400, query
    for key in ("99", "9" * 40):
        assert call(hub.url, "GET", f"/_emulator/page/series/{key}").status == 404


@pytest.mark.slow
def test_a_million_values_are_plotted_quickly_and_devices_are_served_between(store, figure):
    """Half a second for the whole plot; no device waits for more than a block of it."""
    count = 1_000_000
    key = filled(store, [])
    with store.transaction() as db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)"
            " INSERT INTO stored (series, time_ms, value, ingested_ms)"
            " SELECT ?, ? + i * 1000, (i % 1000) / 10.0, ? + i * 1000 FROM n",
            (count, key, T0, T0),
        )
    longest = 0.0

    async def watched():
        nonlocal longest
        work = asyncio.ensure_future(plot_series(store, key, Span()))
        while not work.done():
            begun = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - begun)
        return await work

    begun, cpu = time.perf_counter(), time.process_time()
    plot = asyncio.run(watched())
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    begun = time.perf_counter()
    zoomed = plotted(store, key, Span(T0, T0 + 1_500_000))
    near = time.perf_counter() - begun
    assert (plot["count"], zoomed["count"]) == (count, 1500)
    assert len(plot["value"]) == 2 * RANGES
    figure("page: plot of 1 000 000 values", f"{took * 1000:.0f} ms, {2 * RANGES} points")
    figure("page: others wait meanwhile for at most", f"{longest * 1000:.0f} ms")
    figure("page: 1500 of the million", f"{near * 1000:.1f} ms")
    assert cpu < 3  # measured: 0.3 s
    assert longest < took / 2
