"""The list of the Node client's operations: which test shows which, and what is not offered here.

`@shows("TimeSeriesClient.PutTimeSeries", compared="…")` stands on a test. The rows of docs/interop.md
are these, so a row cannot be there without a test, and test_complete.py holds that every public
method and every command of the client has a row, sends nothing, or is named in outside.py.
"""

import importlib
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = {}  # operation -> what is compared
RESULTS = {}  # (operation, scheme) -> list of outcomes
SCHEMES = ("http", "https")


def load():
    """Import all tests here, so that their rows are there: pytest may run some, or elsewhere."""
    for name in sorted(os.listdir(HERE)):
        if name.startswith("test_") and name.endswith(".py"):
            importlib.import_module("%s.%s" % (__package__, name[:-3]))


def shows(*operations, compared):
    """Mark a test as the one that drives *operations* and compares *compared*."""

    def mark(test):
        test.operations = getattr(test, "operations", ()) + operations
        for operation in operations:
            if operation in ROWS:
                raise ValueError("%s is shown twice" % operation)
            ROWS[operation] = compared
        return test

    return mark


def of_test(item):
    """Give the operations that a pytest item shows."""
    return getattr(getattr(item, "function", None), "operations", ())


def collect(stats):
    """Read the outcomes out of pytest's reports: of the test itself, and of what failed around it."""
    for reports in stats.values():
        for report in reports:
            for kind, shown in getattr(report, "user_properties", ()):
                if kind == "interop" and (report.when == "call" or report.failed):
                    scheme, names = shown
                    for name in names:
                        RESULTS.setdefault((name, scheme), []).append(report.passed)


def verdict(operation, scheme):
    """Give `yes`, `no`, or `""` where it was not tried."""
    outcomes = RESULTS.get((operation, scheme))
    if not outcomes:
        return ""
    return "yes" if all(outcomes) else "no"
