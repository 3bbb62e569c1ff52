"""The list of the Node client's operations: which test shows which, and what is not offered here.

`@shows("TimeSeriesClient.PutTimeSeries", compared="…")` stands on a test. The rows of docs/interop.md
are these, so a row cannot be there without a test, and test_complete.py holds that every public
method and every command of the client has a row, sends nothing, or is named in outside.py.
"""

ROWS = {}  # operation -> what is compared
RESULTS = {}  # (operation, scheme) -> list of outcomes
SCHEMES = ("http", "https")


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


def record(operations, scheme, passed):
    for operation in operations:
        RESULTS.setdefault((operation, scheme), []).append(passed)


def verdict(operation, scheme):
    """Give `yes`, `no`, or `""` where it was not tried."""
    outcomes = RESULTS.get((operation, scheme))
    if not outcomes:
        return ""
    return "yes" if all(outcomes) else "no"
