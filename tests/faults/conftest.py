"""The rows of docs/reliability.md: every test of a fault reports what it saw."""

import os
import random

import pytest

from tests.faults import table

LONG = os.environ.get("MCAGENT_FAULTS") == "long"
ROWS = pytest.StashKey()


@pytest.fixture(scope="session")
def long_run():
    """True in `tox -e faults`: every position instead of a sample."""
    return LONG


@pytest.fixture
def rng():
    """Another seed each time; a failure prints it. MCAGENT_FAULTS_SEED takes one up again."""
    seed = int(os.environ.get("MCAGENT_FAULTS_SEED") or random.randrange(2**32))
    print("MCAGENT_FAULTS_SEED", seed)
    return random.Random(seed)


@pytest.fixture
def row(request):
    """`row("media", "a flipped bit", outcomes)`: one line of the table; it must be all zeros.

    *positions* is given where one outcome judges several of them.
    """

    def note(area, fault, outcomes, positions=None):
        rows = request.config.stash.setdefault(ROWS, {})
        line = rows.setdefault((area, fault), table.Row(area, fault))
        line.add(outcomes, positions)
        assert line.positions, "no position was tried"
        assert line.clean, line.notes()

    return note


def pytest_sessionfinish(session, exitstatus):
    config = session.config
    if not config.getoption("--write-reliability", default=False):
        return
    rows = config.stash.setdefault(ROWS, {})
    missing = table.rows_of_tests() - set(rows)
    if exitstatus or missing:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(
            "\ndocs/reliability.md is written by a whole, green run; missing: %s" % sorted(missing)
        )
        session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR
        return
    table.write(rows.values(), "every position" if LONG else "a sample of the positions")
