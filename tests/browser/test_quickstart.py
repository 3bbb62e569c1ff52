"""docs/quickstart.md, "Watch a device in the browser", as a newcomer does it: word for word."""

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from playwright.sync_api import expect

from .conftest import ROOT, wait_for

DOCS = os.path.join(ROOT, "docs", "quickstart.md")
MINUTES_MAX = 3


def chapter():
    with open(DOCS, encoding="utf-8") as file:
        text = file.read()
    return text.partition("## Watch a device in the browser\n")[2].partition("\n## ")[0]


def commands():
    """The shell's lines of the chapter, for this Python instead of `.venv`."""
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", chapter(), re.DOTALL | re.MULTILINE)
    lines = [line for _, block in blocks for line in textwrap.dedent(block).splitlines()]
    here = os.path.dirname(sys.executable)
    return [shlex.split(line.replace(".venv/bin", here)) for line in lines]


def edit(path):
    """Change the lines of *path* that the chapter names, whether they are commented out or not."""
    (block,) = re.findall(r"^ *```toml\n(.*?)^ *```$", chapter(), re.DOTALL | re.MULTILINE)
    text = path.read_text()
    for line in textwrap.dedent(block).splitlines():
        name = line.partition(" = ")[0]
        text, found = re.subn(rf"^(# )?{name} = .*$", line, text, count=1, flags=re.MULTILINE)
        assert found, line
    path.write_text(text)


@pytest.fixture
def started(tmp_path):
    """Start a command beside the examples; all end with the test, by Ctrl-C."""
    os.symlink(os.path.join(ROOT, "examples"), tmp_path / "examples")
    processes = []

    def start(command):
        environment = {**os.environ, "PYTHONWARNINGS": ""}
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    codes = []
    for process in reversed(processes):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
        codes.append(process.returncode)
    assert codes == [0] * len(codes)


def test_a_newcomer_sees_a_plot_within_three_minutes(
    started, open_page, picture, tmp_path, figure
):
    install, emulator, copy, example = commands()
    assert install[0] == ".ci/venv"  # done: this Python has it
    words = re.findall(r"\*\*(.*?)\*\*", chapter())
    assert words == ["New agent", "Create", "Boarding file", "Link is cut", "Exchanges"]
    begun = time.monotonic()

    hub = started([*emulator, "--port", "0"])  # 8443 may be taken where tests run
    while "Page" not in (line := hub.stdout.readline()):
        assert line
    page = open_page(line.split()[-1], viewport=(1280, 740))
    page.get_by_role("button", name="New agent").click()
    page.get_by_label("Name").fill("press-07")
    page.get_by_role("button", name="Create", exact=True).click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Boarding file").click()
    caught.value.save_as(tmp_path / caught.value.suggested_filename)
    subprocess.run(copy, cwd=tmp_path, check=True)
    edit(tmp_path / copy[-1])
    started(example)
    expect(page.locator("#agents")).to_contain_text("onboarded")
    chart = page.locator("figure").first
    note = chart.locator(".note")

    def count():
        found = re.match(r"\d+", note.inner_text()) if note.count() else None
        return int(found[0]) if found else 0

    wait_for(lambda: count() >= 10, "ten values")
    figure("quickstart: from nothing to ten values", f"{time.monotonic() - begun:.0f} s")
    picture(page, "quickstart-plots")

    switch = page.get_by_role("switch", name="Link is cut")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")

    def stands_still():
        """One value comes a second: none in four is a link that is cut."""
        before = count()
        time.sleep(4)
        return count() == before

    wait_for(stands_still, "the end of what was on its way")
    at = count()
    time.sleep(6)
    assert count() == at
    switch.click()
    expect(note).to_contain_text("came late", timeout=60_000)
    assert "gap" not in note.inner_text()
    time.sleep(3)
    page.evaluate("document.getElementById('plots-title').scrollIntoView()")
    picture(page, "quickstart-late")
    page.get_by_role("link", name="Exchanges").click()
    expect(page.locator("#exchanges")).to_contain_text("time series")
    took = time.monotonic() - begun
    figure("quickstart: all of it", f"{took:.0f} s")
    assert took < MINUTES_MAX * 60
