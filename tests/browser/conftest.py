"""The page in a real browser: Debian's Chromium, driven by Playwright. `tox -e browser`.

Every page is watched: an error on the console, an exception, a breach of the content security policy
or a dialog fails the test at its end, whatever it is about.
"""

import os
import shutil
import threading
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator

from .shrink import shrunk

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PICTURES = os.path.join(ROOT, "docs", "pictures")
PICTURE_MAX_BYTES = 120_000
PATIENCE_MS = 60_000  # a busy machine draws late; what comes costs no more for that

if "MCAGENT_BROWSER" not in os.environ:
    collect_ignore_glob = ["test_*.py"]  # Playwright is in the tox environment `browser` alone


def pytest_addoption(parser):
    parser.addoption(
        "--write-pictures", action="store_true", help="write the pictures of the docs anew"
    )


@pytest.fixture(scope="session")
def chromium(tool_missing):
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        tool_missing("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            # A foreign name that its owner makes point here; test_foreign.py.
            args=["--no-sandbox", "--host-resolver-rules=MAP rebound.example 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """`open_page(url, **options of a context)`: a page whose faults fail the test."""
    contexts, faults = [], []

    def opened(url, *, viewport=(1280, 860), **options):
        width, height = viewport
        context = chromium.new_context(
            ignore_https_errors=True,  # a person accepts the certificate once
            viewport={"width": width, "height": height},
            **options,
        )
        contexts.append(context)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => console.error("
            "`policy: ${event.violatedDirective} ${event.blockedURI}`))"
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: _note(faults, message))
        page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        if url:
            page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _note(faults, message):
    # The tests themselves read the pixels of a plot.
    if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
        faults.append(f"{message.type}: {message.text} {message.location.get('url', '')}")


@pytest.fixture
def hub():
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        yield hub


class Press:
    """A device of a user: an agent that records four values ten times a second."""

    POINTS = (
        DataPoint("temperature", "DOUBLE", unit="°C"),
        DataPoint("strokes", "LONG"),
        DataPoint("door open", "BOOLEAN"),
        DataPoint("state", "STRING"),
    )

    def __init__(self, hub, state, boarding):
        self.agent = Agent.open(state, boarding=boarding, ca_file=hub.ca_file)
        self.agent.onboard()
        self.agent.submit(DataModel("press-07", [DataSource("press", list(self.POINTS))]))
        self.recorded = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def begin(self):
        self.agent.start()
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            self.record(self.recorded)

    def record(self, number, timestamp=None):
        self.agent.record(
            {
                "temperature": 24 + (number % 50) / 10 - (number % 7) / 4,
                "strokes": 1204 + number,
                "door open": number % 60 < 9,
                "state": "running" if number % 40 else "tool change",
            },
            timestamp=timestamp,
        )
        self.recorded += 1

    def end(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.agent.stop()
        self.agent.upload(timeout_s=60)
        self.agent.close()


@pytest.fixture
def press(hub, tmp_path):
    """A press that sends; its agent is the hub's first."""
    press = Press(hub, str(tmp_path / "press"), hub.create_agent("press-07", automap=True))
    yield press
    press.end()


@pytest.fixture
def picture(request):
    """`picture(page, "name")`: a picture of the docs, written only with --write-pictures."""
    write = request.config.getoption("--write-pictures")

    def taken(page, name, **options):
        shot = page.screenshot(animations="disabled", **options)
        assert shot.startswith(b"\x89PNG")
        if write:
            shot = shrunk(shot)
            assert len(shot) < PICTURE_MAX_BYTES
            os.makedirs(PICTURES, exist_ok=True)
            with open(os.path.join(PICTURES, f"{name}.png"), "wb") as file:
                file.write(shot)

    return taken


def wait_for(condition, what, timeout_s=90):
    """Wait until *condition()* is true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)
