"""tests/benchmarks/services.py on a small scale: it compares, and it would see a difference."""

import csv

import pytest

from tests.benchmarks import services
from tests.helpers import raises

RECORDS = 400


@pytest.mark.slow
def test_what_was_written_is_read_exported_and_imported(tmp_path):
    """Both contestants, one run each; the round trip compares byte by byte."""
    hub = services.Hub(str(tmp_path))
    try:
        results, few = services.compete(hub, RECORDS, 1)
        trip = services.round_trip(
            hub, results["ours"][0]["asset"], str(tmp_path), RECORDS, draw=False
        )
    finally:
        hub.close()
    text = services.report(results, few, trip, RECORDS)
    assert "**mcagent.services**" in text
    _spoil(tmp_path / "out.csv")
    raises(AssertionError, services.compare_csv, str(tmp_path / "out.csv"), RECORDS)


def _spoil(path):
    """One cell of thousands is another."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[123][3] += "1"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
