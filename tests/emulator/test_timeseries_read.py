"""Reading time series: ends of a range, limit, select, sort, links, newest values (1.3)."""

import pytest

from mcagent.emulator.times import format_time

from .application import Application
from .device import ready, sample
from .device import timeseries as series
from .plant import BASE, DAY_S, Plant, at


@pytest.fixture
def plant(hub):
    return Plant(hub)


@pytest.fixture
def five(plant):
    """Five records, a second apart, of which every other has a load."""
    plant.write(
        *({"_time": at(n), "rpm": n} | ({"load": n / 2} if n % 2 else {}) for n in range(1, 6))
    )
    return plant


def seconds(records):
    return [int(record["_time"][17:19]) for record in records]


def test_a_range_excludes_from_and_includes_to(five):
    assert seconds(five.read(start=at(2), to=at(4))) == [3, 4]
    assert seconds(five.read(start=at(1, 999), to=at(3, 999))) == [2, 3]
    assert five.read(start=at(6), to=at(9)) == []


def test_records_are_sparse_and_times_are_short(plant):
    """A variable never written is absent, not null; a fraction of zero is left out."""
    plant.write(
        {"_time": at(1), "rpm": 5, "rpm_qc": 0},
        {"_time": "2026-01-05T09:00:02.5+01:00", "load": 1},
        {"_time": "2026-01-05T08:00:03.123999", "on": True},  # no offset: UTC; digits cut off
    )
    assert plant.read(start=at(0)) == [
        {"_time": "2026-01-05T08:00:01Z", "rpm": 5, "rpm_qc": 0},
        {"_time": "2026-01-05T08:00:02.500Z", "load": 1.0},
        {"_time": "2026-01-05T08:00:03.123Z", "on": True},
    ]


def test_without_a_range_the_newest_record_alone(five):
    assert five.read() == [{"_time": at(5), "rpm": 5, "load": 2.5}]
    assert seconds(five.read(limit=3)) == [5, 4, 3]
    assert seconds(five.read(limit=3, sort="asc")) == [3, 4, 5]
    assert five.get(limit=3).headers.get("link") is None


def test_without_a_range_nothing_older_than_twelve_months(plant):
    now_s = plant.call("GET", "/_emulator/clock").json["now_ms"] // 1000
    old, young = (format_time((now_s - 365 * DAY_S + shift) * 1000) for shift in (-60, 60))
    plant.write({"_time": old, "rpm": 1})
    assert plant.read() == []
    plant.write({"_time": young, "rpm": 2})
    assert [record["rpm"] for record in plant.read(limit=5)] == [2]
    assert len(plant.read(start="2000-01-01T00:00:00Z")) == 2


def test_from_alone_reads_everything_after_it(five):
    assert seconds(five.read(start=at(3))) == [4, 5]
    assert seconds(five.read(start="2020-01-01T00:00:00Z")) == [1, 2, 3, 4, 5]


def test_to_alone_reads_the_90_days_before_it(five):
    assert seconds(five.read(to=at(3))) == [1, 2, 3]
    assert seconds(five.read(to="2026-04-05T08:00:02Z")) == [3, 4, 5]
    assert five.read(to="0001-01-01T00:00:01Z", sort="desc", limit=1) == []


def test_select_restricts_the_variables_and_takes_their_quality_along(plant):
    plant.write({"_time": at(1), "rpm": 1, "rpm_qc": 4, "load": 2.0, "load_qc": 8})
    plant.write({"_time": at(2), "on": False})
    assert plant.read(start=at(0), select="load") == [{"_time": at(1), "load": 2.0, "load_qc": 8}]
    assert len(plant.read(start=at(0), select="load, on")) == 2
    assert len(plant.read(start=at(0), select="")) == 2


def test_an_unknown_name_in_select_is_refused_by_switch(five):
    got = five.get(start=at(0), select="rpm,Rpm")
    assert got.status == 400
    assert "Rpm" in got.json["message"]
    five.hub.change_settings(refuse_unknown_select=False)
    assert five.read(start=at(4), select="rpm,Rpm") == [{"_time": at(5), "rpm": 5}]
    assert five.read(start=at(4), select="Rpm") == []


def test_sort_desc_begins_at_the_end(five):
    assert seconds(five.read(start=at(1), to=at(4), sort="desc", limit=2)) == [4, 3]


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize("ends", [{}, {"start": at(0), "to": at(5)}, {"start": at(0)}])
def test_links_lead_through_all_pages_and_end(five, sort, limit, ends):
    pages = five.everything(limit=limit, sort=sort, select="rpm", **ends)
    assert [len(page) for page in pages] == [limit] * (5 // limit) + [5 % limit] * (5 % limit > 0)
    found = [record["rpm"] for page in pages for record in page]
    assert found == ([1, 2, 3, 4, 5] if sort == "asc" else [5, 4, 3, 2, 1])


def test_a_full_last_page_has_no_link(five):
    assert "link" not in five.get(start=at(0), limit=5).headers
    assert "link" in five.get(start=at(0), limit=4).headers


def test_a_link_keeps_what_was_asked(five):
    got = five.get(start=at(0), to="2026-01-05T10:00:00+01:00", select="rpm,load", limit=2)
    address = f"{five.hub.url}{five.path()}"
    query = f"from={at(2)}&to=2026-01-05T09:00:00Z&select=rpm,load&limit=2"
    assert got.headers["link"] == f'<{address}?{query}>; rel="next"'


def test_links_can_be_switched_off(five):
    five.hub.change_settings(link_paging=False)
    assert "link" not in five.get(start=at(0), limit=2).headers


def test_2001_records_are_two_pages(plant):
    """The limit at its value and one beyond: 2000 are the default and the most."""
    records = [{"_time": at(n // 1000, n % 1000), "rpm": n} for n in range(2001)]
    plant.write(*records)
    pages = plant.everything()
    assert [len(page) for page in pages] == [2000, 1]
    assert pages[1][0]["rpm"] == 2000
    assert len(plant.read(start=at(0), limit=2000)) == 2000
    got = plant.get(start=at(0), limit=2001)
    assert got.status == 400
    words = "[6009] Input limit[2001] can't exceed max configured limit of - 2000"
    assert got.json["message"] == words


def test_a_range_of_90_days_is_the_longest(plant):
    start = "2026-01-01T00:00:00Z"
    assert plant.read(start=start, to="2026-04-01T00:00:00Z") == []
    got = plant.get(start=start, to="2026-04-01T00:00:00.001Z")
    assert got.status == 400
    assert got.json["message"].startswith("[6009] ")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "9" * 5000},
        {"limit": ""},
        {"sort": "up"},
        {"latestValue": "yes"},
        {"start": "yesterday"},
        {"start": ""},
        {"to": "2026-13-01T00:00:00Z"},
        {"start": at(1), "to": at(1)},
        {"start": at(2), "to": at(1)},
    ],
)
def test_bad_parameters_are_refused(plant, query):
    got = plant.get(**query)
    assert got.status == 400, got.body
    assert got.json["status"] == 400


def test_an_offset_sent_with_a_bare_plus_is_refused_with_a_hint(five):
    path = f"{five.path()}?from=2026-01-05T09:00:00"
    assert "%2B" in five.call("GET", f"{path}+01:00").json["message"]
    assert five.call("GET", f"{path}%2B01:00").status == 200


def test_errors_have_the_shape_that_was_observed(plant):
    got = plant.get(aspect="motr")
    assert got.status == 404
    body = got.json
    assert sorted(body) == ["error", "message", "path", "status", "timestamp"]
    assert body["timestamp"].endswith("+00:00")
    assert body["status"] == 404
    assert body["error"] == "Not found"
    assert body["message"] == "[6410] Unable to find the property set - motr"
    assert body["path"] == f"/v3/timeseries/{plant.asset}/motr"
    plant.hub.change_settings(timeseries_error_shape="id")
    assert sorted(plant.get(aspect="motr").json) == ["id", "message"]


@pytest.mark.parametrize("entity", ["0" * 32, "x" * 32, "0" * 31, "0" * 33])
def test_an_unknown_asset_is_not_found(plant, entity):
    assert plant.call("GET", f"{BASE}/{entity}/motor").status == 404


def test_an_asset_may_be_written_in_capitals(five):
    assert five.call("GET", f"{BASE}/{five.asset.upper()}/motor").json == five.read()


def test_what_is_not_offered_is_refused(plant):
    assert plant.call("PATCH", plant.path(), []).status == 405
    assert plant.call("GET", BASE).status == 405


# -- latest values ------------------------------------------------------------------------------


def test_latest_values_come_grouped_by_time_without_text_and_quality(plant):
    plant.write(
        {"_time": at(1), "rpm": 1, "rpm_qc": 0, "load": 1.0, "on": True, "total": 9},
        {"_time": at(2), "rpm": 2, "load": 2.0, "state": "RUN", "log": "x", "since": at(0)},
        {"_time": at(3), "rpm": 3, "rpm_qc": 4},
    )
    assert plant.read(latestValue="true") == [
        {"_time": at(3), "rpm": 3},
        {"_time": at(2), "load": 2.0},
        {"_time": at(1), "total": 9, "on": True},
    ]
    assert plant.read(latestValue="true", select="load,rpm") == [
        {"_time": at(3), "rpm": 3},
        {"_time": at(2), "load": 2.0},
    ]


@pytest.mark.parametrize("name", ["state", "log", "since"])
def test_latest_values_of_text_and_time_are_not_available(plant, name):
    got = plant.get(latestValue="true", select=name)
    assert got.status == 400
    assert name in got.json["message"]


def test_latest_value_has_no_effect_beside_a_range(five):
    assert five.read(latestValue="true", start=at(3)) == five.read(start=at(3))


def test_the_window_of_latest_values_is_one_of_arrival(hub):
    """2 hours to 30 days in strict mode, at their ends; the values' own times do not count."""
    hub.change_settings(latest_min_age_s=2 * 3600, latest_max_age_s=30 * DAY_S)
    plant = Plant(hub)
    hub.set_clock(-100 * DAY_S)
    plant.renew().write({"_time": "1999-01-01T00:00:00Z", "rpm": 7})
    # Calls take time: five seconds before and after each end.
    for age_s, seen in (
        (2 * 3600 - 5, False),
        (2 * 3600 + 5, True),
        (30 * DAY_S - 5, True),
        (30 * DAY_S + 5, False),
    ):
        hub.set_clock(-100 * DAY_S + age_s)
        found = plant.renew().read(latestValue="true")
        assert bool(found) == seen, age_s


# -- who may read -------------------------------------------------------------------------------


def test_another_tenants_values_are_refused(hub, five):
    stranger = Application(hub, tenant="otherdev")
    for method, body in (("GET", None), ("PUT", []), ("DELETE", None)):
        path = f"{five.path()}?from={at(0)}&to={at(9)}"
        got = stranger.call(method, path, body)
        assert got.status == 403, method
        assert got.json["path"] == f"/v3/timeseries/{five.asset}/motor"
    assert len(five.read(start=at(0))) == 5


def test_an_agents_token_reads_only_by_switch(hub):
    device = ready(hub)
    path = f"{BASE}/{device.id}/press"
    assert device.call("GET", path).status == 403
    hub.change_settings(agent_reads_timeseries=True)
    assert device.call("GET", path).status == 200


def test_what_a_device_sends_is_read_back_on_the_mapped_asset(hub):
    """One store: typed values and codes of the exchange come out of the service."""
    device = ready(hub, D="DOUBLE", B="BOOLEAN", T="TIMESTAMP", S="STRING")
    first = sample(at(1), "80340000", D="182.5", B="true")
    second = sample(at(2), "2150891520", T=at(0), S="ä")
    device.send(series(first, second), series(sample(at(3), "-2144075776", D="1")))
    hub.settle()
    got = Application(hub).call("GET", f"{BASE}/{device.id}/press?from={at(0)}")
    # Eight digits may be decimal; 0x80340000 as a signed number is -2144075776.
    assert got.json == [
        {"_time": at(1), "D": 182.5, "D_qc": 80340000, "B": True, "B_qc": 80340000},
        {"_time": at(2), "T": at(0), "T_qc": -2144075776, "S": "ä", "S_qc": -2144075776},
        {"_time": at(3), "D": 1.0, "D_qc": -2144075776},
    ]
