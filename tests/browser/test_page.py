"""The page with a device that sends: what a person sees and does."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from mcagent import Event, File, Severity
from tests.emulator.device import call

from .conftest import Press, wait_for

EXCHANGE = "POST /api/mindconnect/v3/exchange"
VIEWS = ("models", "events", "files", "exchanges", "requests", "rules")


def go(page, name):
    page.get_by_role("link", name=name).click()


def test_an_agent_is_made_boarded_and_plotted(hub, open_page, tmp_path):
    """Create, download, onboard with that very file, and see the values come."""
    page = open_page(hub.url)
    expect(page.locator("#live")).to_have_text("live")
    page.get_by_role("button", name="New agent").click()
    page.get_by_label("Name").fill("press-07")
    page.get_by_role("button", name="Create", exact=True).click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Boarding file of press-07").click()
    assert caught.value.suggested_filename == "agentconfig-press-07.json"
    config = tmp_path / "agentconfig.json"
    caught.value.save_as(config)
    row = page.locator("#agents li")
    expect(row).to_contain_text("waits for its device")
    press = Press(hub, str(tmp_path / "state"), str(config))
    press.begin()
    try:
        expect(row).to_contain_text("onboarded")
        expect(row).to_contain_text("4 data points, 4 mapped")
        expect(row).to_contain_text("seen just now")
        chart = page.locator("figure", has_text="temperature")
        expect(chart.locator("canvas")).to_be_visible()
        first = int(re.match(r"\d+", chart.locator(".note").inner_text())[0])
        wait_for(
            lambda: int(re.match(r"\d+", chart.locator(".note").inner_text())[0]) > first + 10,
            "the next values",
        )
        assert "°C" in chart.get_by_role("img").get_attribute("aria-label")
    finally:
        press.end()


def colours(page, chart):
    """Count the pixels of a plot that have the colour of each class of delays."""
    return chart.locator("canvas").evaluate(
        """(canvas) => {
          const style = getComputedStyle(document.documentElement);
          const wanted = Object.fromEntries(["live", "late1", "late2", "late3"].map((name) => {
            const hex = style.getPropertyValue("--" + name).trim();
            return [name, [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))];
          }));
          const counts = { live: 0, late1: 0, late2: 0, late3: 0 };
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          for (let at = 0; at < pixels.length; at += 4) {
            if (pixels[at + 3] < 250) continue;
            for (const [name, rgb] of Object.entries(wanted)) {
              if (rgb.every((part, of) => Math.abs(pixels[at + of] - part) < 6)) counts[name]++;
            }
          }
          return counts;
        }"""
    )


def test_a_fault_is_switched_on_by_a_click_and_its_delay_shows(hub, press, open_page, picture):
    """The link is cut for seconds: the values come late, in another colour, and all of them."""
    press.begin()
    page = open_page(hub.url, viewport=(1280, 760))
    chart = page.locator("figure", has_text="temperature")
    wait_for(lambda: chart.count() and colours(page, chart)["live"] > 50, "values in time")
    assert colours(page, chart)["late1"] == 0
    switch = page.get_by_role("switch", name="Link is cut")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.locator("#faulty")).to_have_text("1 fault on")
    time.sleep(9)  # so much is late
    wait_for(lambda: hub.faults()[0]["hits"] > 0, "a try of the agent")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.locator("#faulty")).to_be_hidden()
    press.agent.notify_online()  # not to wait for its next try
    note = chart.locator(".note")
    expect(note).to_contain_text("came late", timeout=90_000)
    wait_for(lambda: colours(page, chart)["late1"] > 50, "late values in their colour")
    wait_for(lambda: colours(page, chart)["live"] > 50, "values in time once more")
    assert "gap" not in note.inner_text()
    time.sleep(4)  # some values in time behind them, for the picture
    picture(page, "page-late")
    press.end()
    hub.settle()
    assert len(hub.stored()) == press.recorded
    press.end = lambda: None


def test_what_was_never_measured_is_a_gap(hub, press, open_page):
    now = int(time.time() * 1000)
    for number in range(120):
        if not 40 <= number < 60:
            press.record(number, timestamp=now - 240_000 + number * 2000)
    press.agent.upload(timeout_s=60)
    page = open_page(hub.url)
    note = page.locator("figure", has_text="temperature").locator(".note")
    expect(note).to_contain_text("100 values")
    expect(note).to_contain_text("1 gap")


def test_every_view_shows_what_came(hub, press, open_page, picture, tmp_path):
    agent = press.agent
    for number in range(30):
        press.record(number)
    agent.submit(Event("coolant below minimum", severity=Severity.WARNING, details={"litres": 3}))
    report = tmp_path / "report.csv"
    report.write_text("shift,strokes\nnight,1204\n")
    agent.submit(File(str(report)))
    image = tmp_path / "thermal.png"
    agent.upload(timeout_s=60)
    page = open_page(hub.url)
    image.write_bytes(page.screenshot(clip={"x": 0, "y": 0, "width": 64, "height": 40}))
    agent.submit(File(str(image)))
    agent.upload(timeout_s=60)
    hub.settle()

    go(page, "Data models")
    tree = page.locator("#models")
    expect(tree).to_contain_text("temperature")
    expect(tree).to_contain_text("→ press-07 / press / temperature")
    tree.locator("summary").first.click()
    expect(tree.get_by_text("DOUBLE")).to_be_hidden()
    tree.locator("summary").first.press("Enter")
    expect(tree.get_by_text("DOUBLE")).to_be_visible()

    go(page, "Events")
    expect(page.locator("#events")).to_contain_text("coolant below minimum")
    expect(page.locator("#events .pill")).to_have_text("warning")
    page.get_by_text("As it came").click()
    expect(page.locator("#events pre")).to_contain_text('"litres": 3')

    go(page, "Files")
    row = page.locator("#files > li", has_text="report.csv")
    row.get_by_text("Preview").click()
    expect(row.locator("pre")).to_have_text(report.read_text())
    with page.expect_download() as caught:
        row.get_by_role("link", name="Save report.csv").click()
    saved = tmp_path / "saved"
    caught.value.save_as(saved)
    assert saved.read_bytes() == report.read_bytes()
    shown = page.locator("#files > li", has_text="thermal.png")
    shown.get_by_text("Preview").click()
    wait_for(lambda: shown.locator("img").evaluate("(i) => i.naturalWidth") == 64, "the picture")

    go(page, "Exchanges")
    item = page.locator(".items > li", has_text="time series").first
    page.set_viewport_size({"width": 1180, "height": 640})
    expect(item).to_contain_text("30 samples")
    expect(item).to_contain_text("dropped: 0")
    item.get_by_text("Raw bytes").click()
    expect(item.locator("pre")).to_contain_text('"dataPointId":"temperature"')
    picture(page, "page-exchanges")

    hub.set_faults([{"action": "status", "status": 503, "match": EXCHANGE, "times": 1}])
    press.record(31)
    agent.upload(timeout_s=60)
    go(page, "Requests")
    refused = page.locator("#requests > li").filter(has=page.locator(".pill", has_text="503"))
    expect(refused).to_contain_text("fault: status")
    refused.get_by_text("Raw bytes").click()
    expect(refused.locator("pre")).to_contain_text("Content-Type:")


def test_faults_and_clock_are_set_by_a_person(hub, open_page):
    page = open_page(hub.url)
    page.get_by_text("Other rules").click()
    rule = {"action": "status", "status": 507, "match": EXCHANGE, "label": "disk full"}
    page.get_by_label("A rule, as JSON").fill(json.dumps(rule))
    page.get_by_role("button", name="Add").click()
    other = page.get_by_role("switch", name="disk full")
    expect(other).to_have_attribute("aria-checked", "true")
    assert hub.faults()[0]["status"] == 507
    other.click()
    expect(other).to_have_attribute("aria-checked", "false")
    assert hub.faults()[0]["enabled"] is False
    page.get_by_role("button", name="Remove disk full").click()
    expect(other).to_have_count(0)
    assert hub.faults() == []
    page.get_by_label("Ahead of this machine, in seconds").fill("-7200")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#clock-offset")).to_have_text("2 h behind this machine")
    assert hub.state()["clock_offset_s"] == -7200
    page.get_by_role("button", name="Right again").click()
    expect(page.locator("#clock-offset")).to_have_text("as this machine's")


def test_a_broken_rule_is_told(hub, open_page):
    page = open_page(hub.url)
    go(page, "Broken rules")
    expect(page.get_by_text("None was broken.")).to_be_visible()
    fields = {"Authorization": f"Bearer {hub.operator_token(['asm.r'])}", "Accept": "text/plain"}
    path = "/api/assetmanagement/v3/assets"
    assert call(hub.url, "GET", path, headers=fields, ca_file=hub.ca_file).status == 200
    expect(page.locator("#breaches li")).to_contain_text("strict_accept")


def test_a_million_samples_are_drawn_quickly(hub, open_page, figure):
    count = 1_000_000
    now = int(time.time() * 1000)
    asset = hub.create_asset("mill", {"drive": {"rpm": {"type": "DOUBLE", "unit": "1/min"}}})
    with hub._running.store.transaction() as db:
        (key,) = db.execute("SELECT id FROM series WHERE asset = ?", (asset,)).fetchone()
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO stored (series, time_ms, value, ingested_ms)"
            " SELECT ?, ? - i * 1000, CASE i WHEN 500000 THEN 9999 ELSE i % 1000 END, ? - i * 1000"
            " FROM n",
            (count, key, now, now),
        )
    page = open_page(hub.url)
    page.get_by_role("button", name="All").click()
    begun = time.monotonic()
    note = page.locator("figure .note")
    expect(note).to_contain_text("1,000,000 values", timeout=60_000)
    took = time.monotonic() - begun
    figure("browser: a million samples drawn", f"{took * 1000:.0f} ms after the click")
    assert took < 8
    label = page.locator("figure .picture").get_attribute("aria-label")
    assert "drawn by the least and the greatest" in label


@pytest.mark.parametrize("size", [(390, 844), (320, 640)])
def test_a_phone_needs_no_sideways_scrolling(hub, press, open_page, picture, size):
    now = int(time.time() * 1000)
    for number in range(40):
        press.record(number, timestamp=now - 40_000 + number * 1000)
    press.agent.submit(Event("x" * 200, severity=Severity.ERROR))
    press.agent.upload(timeout_s=60)
    page = open_page(hub.url, viewport=size, is_mobile=True, has_touch=True)
    page.wait_for_selector("canvas")
    if size[0] == 390:
        page.wait_for_timeout(500)
        picture(page, "page-phone")
    for view in ("home", *VIEWS):
        page.goto(f"{hub.url}/#{view}")
        page.wait_for_selector(f"[data-view={view}]:not([hidden])")
        page.wait_for_timeout(300)  # until it was asked for
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], view
        for button in page.locator("button:visible").all():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= 24, view
