"""SIGKILL at any moment: nothing that was reported durable is lost, nothing else comes out."""

import random
import time

import pytest

from tests.faults import children
from tests.faults.oracle import Ledger, judge

_NUMBERS = 1_000_000  # of a child, so that no two records of a run are equal


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path, rng, row, long_run):
    """In the middle of appends, rolls, drops, files, acknowledgements and restarts."""
    outcomes = []
    kills = 1000 if long_run else 50
    directory = tmp_path / "buffer"
    ledger = Ledger()
    for count in range(kills):
        seed = rng.randrange(2**32)
        _run_and_kill(directory, seed, count * _NUMBERS, ledger)
        if rng.random() < 0.4 or count == kills - 1:
            # Else the next child starts on what this one left.
            outcomes.append(judge(str(directory), ledger))
            assert outcomes[-1].clean, (seed, outcomes[-1].notes)
            ledger = Ledger()
            directory = tmp_path / ("buffer-%d" % count)
    row("process", "SIGKILL at a random moment", outcomes, positions=kills)


def _run_and_kill(directory, seed, start, ledger):
    child = children.start(children.command("endless", directory, seed, start))
    with child:
        first = child.stdout.readline()  # it works: from here the kill comes at any moment
        assert first, child.stderr.read().decode()
        time.sleep(random.Random(seed).uniform(0, 0.06))
        child.kill()
        output = child.stdout.read()
    ledger.read(first + output)
