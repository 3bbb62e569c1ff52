"""What arrived against what was noted."""

import math

from mcagent.cli.comparison import Comparison

PLACES = {"cpu_load": ("cpu", "load"), "memory_used": ("memory", "used")}
NOTES = [(1, {"cpu_load": 12.5, "memory_used": 7}), (2, {"cpu_load": 0.1, "memory_used": 8})]
STORED = {
    (1, "cpu", "load"): 12.5,
    (1, "memory", "used"): 7,
    (2, "cpu", "load"): 0.1,
    (2, "memory", "used"): 8,
}


def compare(**changes):
    stored = {**STORED, **changes.pop("stored", {})}
    for key in changes.pop("without", ()):
        del stored[key]
    return Comparison(changes.pop("notes", NOTES), stored, PLACES)


def test_equal_when_everything_arrived():
    """Every value, none else."""
    found = compare()
    assert found.equal
    assert (found.readings, found.complete, found.values) == (2, 2, 4)
    assert found.examples == []


def test_a_missing_value_is_not_equal():
    """A reading counts as stored only whole."""
    found = compare(without=[(2, "memory", "used")])
    assert not found.equal
    assert (found.complete, found.missing) == (1, 1)
    assert "memory_used of 2" in found.examples[0]


def test_the_least_difference_counts():
    """The next float is another value."""
    found = compare(stored={(2, "cpu", "load"): math.nextafter(0.1, 1)})
    assert not found.equal
    assert found.different == 1


def test_what_was_never_read_counts():
    """A value that nobody noted is as wrong as one that is missing."""
    found = compare(stored={(3, "cpu", "load"): 1.0})
    assert not found.equal
    assert found.unexpected == 1


def test_nothing_is_not_equal():
    """No reading and no value is no success."""
    assert not Comparison([], {}, PLACES).equal
