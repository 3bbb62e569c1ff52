"""Usable by keyboard alone and with a screen reader."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mcagent import Event, File, Severity

from .conftest import wait_for

UNFOLD = "(view) => view.querySelectorAll('details').forEach((part) => { part.open = true; })"
VIEWS = ("home", "models", "events", "files", "exchanges", "requests", "rules")


@pytest.fixture
def filled(hub, press, tmp_path):
    for number in range(20):
        press.record(number)
    press.agent.submit(Event("coolant below minimum", severity=Severity.ERROR))
    report = tmp_path / "report.csv"
    report.write_text("a,b\n1,2\n")
    press.agent.submit(File(str(report)))
    press.agent.upload(timeout_s=60)
    hub.settle()
    hub.create_agent("second")
    hub.set_faults([{"action": "delay", "seconds": 0, "label": "mine", "match": "GET /nothing"}])
    return hub


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 860), (390, 844)])
def test_axe_finds_nothing(filled, open_page, scheme, size):
    """Names, roles, contrast, structure: WCAG 2.1 AA and best practices, each view unfolded."""
    page = open_page(filled.url, viewport=size, color_scheme=scheme)
    page.wait_for_selector("canvas")
    for view in VIEWS:
        page.goto(f"{filled.url}/#{view}")
        page.wait_for_selector(f"[data-view={view}]:not([hidden])")
        section = page.locator(f"[data-view={view}]")
        if view == "home":
            page.get_by_role("button", name="New agent").click()
        page.wait_for_timeout(400)
        section.evaluate(UNFOLD)
        page.wait_for_timeout(400)
        found = Axe().run(page).response["violations"]
        told = [
            (fault["id"], node["target"], node["failureSummary"])
            for fault in found
            for node in fault["nodes"]
        ]
        assert told == [], view


def focused(page):
    return page.evaluate(
        "(document.activeElement.getAttribute('aria-label')"
        " || document.activeElement.textContent || document.activeElement.name || '').trim()"
    )


def tab_to(page, name, most=60):
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached with the Tab key")


def test_an_agent_is_made_and_a_fault_switched_without_a_mouse(hub, open_page):
    page = open_page(hub.url)
    expect(page.locator("#live")).to_have_text("live")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "New agent")
    page.keyboard.press("Enter")
    page.keyboard.type("press-07")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("press-07 was created")  # for six seconds
    expect(page.locator("#agents")).to_contain_text("press-07")
    assert focused(page) == "New agent"
    tab_to(page, "Slow answers")
    page.keyboard.press("Space")
    switch = page.get_by_role("switch", name="Slow answers")
    expect(switch).to_have_attribute("aria-checked", "true")
    assert hub.faults()[0]["action"] == "delay"
    assert focused(page) == "Slow answers"
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    # The line around what is focused can be seen.
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_focus_stays_while_values_come(hub, press, open_page):
    press.begin()
    page = open_page(hub.url)
    page.wait_for_selector("canvas")
    chip = page.get_by_role("button", name="press · state")
    chip.focus()
    page.keyboard.press("Space")
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator("figure", has_text="state").locator("tbody")).to_contain_text("running")
    before = page.locator("figure .note").first.inner_text()
    wait_for(lambda: page.locator("figure .note").first.inner_text() != before, "more values")
    assert focused(page) == "press · state"
    agent = page.get_by_role("button", name="Plot press-07")
    agent.focus()
    time.sleep(2)
    assert focused(page) == "Plot press-07"


def test_a_plot_is_told_in_words_and_zoomed_with_keys(hub, press, open_page):
    now = int(time.time() * 1000)
    for number in range(100):
        press.record(number, timestamp=now - 100_000 + number * 1000)
    press.agent.upload(timeout_s=60)
    page = open_page(hub.url)
    chart = page.locator("figure", has_text="strokes")
    words = re.compile(
        r"press · strokes: 100 values · (9\d|100) came late, up to .* Latest: 1303\."
    )
    expect(chart.get_by_role("img")).to_have_attribute("aria-label", words)
    chart.get_by_text("Latest values as a table").focus()
    page.keyboard.press("Enter")
    expect(chart.locator("tbody tr").first).to_contain_text("1303")
    page.get_by_role("button", name="Zoom in").focus()
    page.keyboard.press("Enter")
    expect(chart.locator(".note")).not_to_contain_text("100 values")
    assert focused(page) == "Zoom in"
