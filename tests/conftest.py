"""Shared by all tests: the figures they print, and what a fresh checkout lacks."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says what else this machine is doing.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell starts its background jobs deaf to Ctrl-C, and what they start is, too: tests that press
# it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--write-reliability",
        action="store_true",
        help="write what this complete run saw into docs/reliability.md",
    )


def pytest_collection_modifyitems(items):
    """Files with long tests first: at the end no worker waits for what another has just begun."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture
def figure(request):
    """`figure("wheel", "212 kB")`: a line in the report at the end of the run."""
    # With the test's report, which also comes from another process (pytest-xdist).
    lines = request.node.user_properties
    return lambda name, value: lines.append(("figure", (name, str(value))))


def pytest_terminal_summary(terminalreporter):
    figures = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for kind, line in report.user_properties
        if kind == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
        width = max(len(name) for name, _value in figures)
        for name, value in figures:
            terminalreporter.write_line(f"{name:{width}}  {value}")


@pytest.fixture(scope="session")
def tool_missing():
    """`tool_missing("git is not installed")`: skips here, fails where CI=true."""

    def missing(reason):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)

    return missing


@pytest.fixture
def tmp_path_for_all():
    """A directory of its own that a user may enter whom root becomes for a moment.

    Not below `tmp_path`: each start of pytest, also within a test, closes those to all others.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path
