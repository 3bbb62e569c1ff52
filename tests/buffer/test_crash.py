"""A sample of what `tox -e crash` enumerates: no power cut loses what was durable.

The whole, how it is built and what is judged: tests/crash.
"""

import pytest

from tests.crash.enumeration import Enumeration, report
from tests.crash.plants import PLANTS, find
from tests.crash.story import KINDS

# Shares that give 20 000 states in all.
_SHARES = {"plain": 0.029, "no truncate": 0.003, "no preallocate": 0.031, "neither": 0.001}
_STATES = 20_000


@pytest.fixture(scope="module")
def enumerations():
    return {kind: Enumeration(kind) for kind in KINDS}


def test_the_story_holds_all_that_a_disk_does(enumerations):
    """What the enumeration is worth depends on what happens in the run."""
    for kind, enumeration in enumerations.items():
        story = enumeration.story
        kinds = [operation[0] for operation in enumeration.log]
        assert len(kinds) >= 400
        assert story.drops >= 3
        assert story.faults >= 10
        assert story.restarts >= 2
        assert {"write", "sync", "sync failed", "entry", "rename", "sync_dir", "make_dir"} <= {
            *kinds
        }
        assert ("truncate" in kinds) == ("truncate" not in kind and kind != "neither")
        assert ("preallocate" in kinds) == ("preallocate" not in kind and kind != "neither")
        begun = [op[1] for op in enumeration.log if op[0] == "entry" and op[2] is not None]
        for lane in ("models", "events", "timeseries", "files", "rejected"):
            assert any(path.startswith(f"/s/buffer/{lane}/") for path in begun)
        rolls = [path for path in begun if path.endswith(".seg")]
        assert len(rolls) >= 5 + 5
        assert story.short_writes >= 2
        ways = {fact[-1] for fact in story.ledger.facts if fact[1] == "gone"}
        assert ways == {"delivered", "dropped", "set aside"}


@pytest.mark.slow
def test_no_cut_at_any_operation_loses_what_was_durable(enumerations, figure):
    """A fixed sample of the states, of every kind of file system."""
    total = None
    for kind, enumeration in enumerations.items():
        result = enumeration.check_all(share=_SHARES[kind])
        total = total.add(result) if total else result
    figure("crash states", f"{total}, seed {enumeration.seed}, {total.seconds:.0f} s")
    assert not total.violations, report(total)
    assert total.distinct + total.second >= _STATES


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_planted_bugs_are_caught(plant, figure):
    """The enumeration sees what it is for."""
    found = find(plant)
    assert found is not None
    figure(f"planted: {plant.__name__}", f"{found[0]} states, " + found[1].partition("\n")[0][:70])


@pytest.mark.slow
def test_without_a_plant_the_same_states_are_right():
    """What catches the plants is not a fault of the harness."""
    assert find(lambda patches: None) is None
