"""A large machine on the page: hundreds of data points, long names, a hub that takes its time."""

import time

import pytest
from playwright.sync_api import expect

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator
from tests.emulator.application import Application

from .conftest import PATIENCE_MS


def test_of_many_variables_each_is_found_by_its_name(hub, open_page, tmp_path):
    names = [f"p{number:03d}" for number in range(200)]
    points = [DataPoint(name, "DOUBLE") for name in names]
    boarding = hub.create_agent("line", automap=True)
    with Agent.open(str(tmp_path / "a"), boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.onboard()
        agent.submit(DataModel("line", [DataSource("line", points)]))
        agent.record(dict.fromkeys(names, 1.5))
        assert agent.upload(timeout_s=60).pending == 0
    hub.settle()
    page = open_page(hub.url)
    chips = page.locator("#chips button")
    expect(chips).to_have_count(60)
    expect(page.locator("#chips")).to_contain_text("and 140 more")
    page.get_by_label("Find variables").fill("P19")
    expect(chips).to_have_count(10 + 4)  # p190 to p199, and those that are on
    page.get_by_role("button", name="line · p199").click()
    expect(page.locator("figure", has_text="p199").locator("canvas")).to_be_visible()
    page.get_by_label("Find variables").fill("")
    expect(chips).to_have_count(60 + 1)
    expect(page.get_by_role("button", name="line · p199")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_another_view_does_not_wait_for_what_the_one_before_cost(hub, press, open_page):
    """The pause between rounds grows with their cost; not for a person who goes somewhere."""
    page = open_page("")
    page.add_init_script(
        "const plain = fetch; window.fetch = async (what, ...rest) => {"
        " if (what.endsWith('/sources')) await new Promise((done) => setTimeout(done, 3000));"
        " return plain(what, ...rest); }"
    )
    for within in (200, 3500):  # in the middle of a round, and in the pause after it
        page.goto("about:blank")
        page.goto(hub.url)
        expect(page.locator("#agents li")).to_be_visible()
        page.wait_for_timeout(within)
        page.get_by_role("link", name="Data models").click()
        expect(page.locator("#models .card")).to_be_visible(timeout=7_500)  # the pause is 12 s


def put(hub, asset, *values):
    """Write values of the last seconds to aspect `m`, variable `v`."""
    now = int(time.time())
    rows = [
        {"_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - at)), "v": value}
        for at, value in enumerate(values)
    ]
    path = f"/api/iottimeseries/v3/timeseries/{asset}/m"
    assert Application(hub).call("PUT", path, rows).status == 204


ASPECTS = {"m": {"v": {"type": "DOUBLE"}}}


def test_a_tab_goes_on_with_another_hub_behind_the_same_address(chromium):
    """A hub in RAM was started anew: what the tab had chosen is gone; it shows what there is."""
    with Emulator(tls=False) as hub:
        port, url = hub.port, hub.url
        put(hub, hub.create_asset("old", ASPECTS), 1, 2)
        # Not `open_page`: what is refused meanwhile stands on the console.
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.locator("#source").select_option(label="old")
        expect(page.locator("figure .note")).to_contain_text("2 values")
        page.get_by_role("button", name="Zoom in").click()
        hub.disconnect()
    with Emulator(tls=False, port=port) as hub:
        expect(page.locator("#live")).to_have_text("live", timeout=60_000)
        put(hub, hub.create_asset("new", ASPECTS), 3, 4, 5)
        expect(page.locator("#source option:checked")).to_have_text("new")
        expect(page.locator("figure .note")).to_contain_text("3 values")
    page.close()


LONG = "W" * 128


@pytest.fixture
def plain_hub():
    with Emulator(tls=False) as hub:
        yield hub


@pytest.mark.parametrize("size", [(1280, 860), (320, 640)])
def test_long_names_widen_no_view(plain_hub, open_page, size):
    hub = plain_hub
    app = Application(hub)
    asset = hub.create_asset(LONG, {LONG: {"v" * 200: {"type": "DOUBLE", "unit": "U" * 32}}})
    path = f"/api/iottimeseries/v3/timeseries/{asset}/{LONG}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert app.call("PUT", path, [{"_time": now, "v" * 200: 1e100}]).status == 204
    assert app.call("PUT", f"/api/iotfile/v3/files/{asset}/{'f' * 900}", b"x").status == 201
    event = {"entityId": asset, "timestamp": now, "description": "d" * 255, "source": "s" * 255}
    assert app.call("POST", "/api/eventmanagement/v3/events", event).status == 201
    point = {"id": "i" * 36, "name": "N" * 64, "type": "DOUBLE", "unit": "U" * 32}
    source = {"name": "S" * 64, "description": "D" * 256, "dataPoints": [point]}
    model = {"configurationId": "C" * 36, "dataSources": [source]}
    hub.seed({"agents": [{"name": LONG, "configuration": model}]})
    hub.add_fault("status", match="GET /" + "m" * 300, label="L" * 200)
    page = open_page(hub.url, viewport=size)
    page.wait_for_selector("canvas")
    for view in ("home", "models", "events", "files", "requests"):
        page.goto(f"{hub.url}/#{view}")
        section = page.locator(f"[data-view={view}]:not([hidden])")
        expect(section.locator("ul > li, .card").first).to_be_visible()
        section.evaluate(
            "view => view.querySelectorAll('details').forEach(d => { d.open = true; })"
        )
        page.wait_for_timeout(300)  # until what was unfolded came
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], view
