"""The benchmark of the emulator measures what it says: a moment of it, with two agents."""

import pytest

from tests.benchmarks import emulator


@pytest.mark.slow
def test_a_moment_of_the_benchmark_has_all_figures():
    figures = emulator.measure(["--http"], 2, 0.3)
    assert min(figures["rate"], figures["p50"], figures["resident"], figures["start"]) > 0
    assert figures["p50"] <= figures["p99"]
    text = emulator.report({"http": [figures]}, {"http": [figures["start"]]}, 2, 0.3, 1.0)
    assert text.count("\n| ") == len(emulator._ROWS) + 2
