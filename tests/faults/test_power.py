"""The power goes, as far as a real file system can show it: its own stop without a flush.

What was written and not synced is gone, the journal is replayed by the next mount. Every state that
a cut may leave is enumerated elsewhere (`tox -e crash`).
"""

import os
import random
import time

import pytest

from tests.faults import children, mounts
from tests.faults.oracle import Ledger, judge

_NUMBERS = 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_power_cuts_at_random_moments(kind, tmp_path, tool_missing, rng, row, long_run):
    """In the middle of appends, rolls, drops, files, acknowledgements and restarts."""
    try:
        mount = mounts.image(tmp_path, kind, 320 if kind == "xfs" else 32)
    except OSError as error:
        tool_missing("no %s can be mounted: %s" % (kind, error))
    outcomes = []
    with mount:
        ledger, directory = Ledger(), mount.path + "/buffer-0"
        cuts = 100 if long_run else 8
        for count in range(cuts):
            seed = rng.randrange(2**32)
            before, after = _run_and_cut(mount, directory, seed, count * _NUMBERS)
            ledger.read(before)
            ledger.read(after, promised=False)
            mount.switch_on()
            if rng.random() < 0.5 or count == cuts - 1:
                outcomes.append(judge(directory, ledger))
                assert outcomes[-1].clean, (seed, outcomes[-1].notes)
                ledger, directory = Ledger(), mount.path + "/buffer-%d" % (count % 4)
                children.run(["rm", "-rf", directory])
    if kind == "ext4":
        row("power", "power cut at a random moment, ext4", outcomes, positions=cuts)
    else:
        row("power", "power cut at a random moment, xfs", outcomes, positions=cuts)


def _run_and_cut(mount, directory, seed, start):
    """What the writer said before the cut, and what it said while its file system was dying.

    A real cut takes the writer along. Here it goes on for a moment, and a sync that is under way
    may still return although its bytes are gone: what is said from then on is no promise.
    """
    child = children.start(children.command("endless", directory, seed, start))
    with child:
        before = child.stdout.readline()  # it works: from here the cut comes at any moment
        assert before, child.stderr.read().decode()
        time.sleep(random.Random(seed).uniform(0, 0.15))
        os.set_blocking(child.stdout.fileno(), False)
        before += child.stdout.read() or b""
        mount.cut_power()
        child.kill()
        os.set_blocking(child.stdout.fileno(), True)
        after = child.stdout.read()
    whole = before.rfind(b"\n") + 1
    return before[:whole], before[whole:] + after


def test_the_cut_is_one(tmp_path, tool_missing):
    """What was synced stays, what was not is gone: else the test above would prove nothing."""
    try:
        mount = mounts.image(tmp_path, "ext4")
    except OSError as error:
        tool_missing("no ext4 can be mounted: %s" % error)
    with mount:
        with open(mount.path + "/synced", "wb", buffering=0) as synced:
            synced.write(b"synced")
            os.fsync(synced.fileno())
        with open(mount.path + "/hasty", "wb", buffering=0) as hasty:
            hasty.write(b"hasty")
        mount.cut_power()
        mount.switch_on()
        with open(mount.path + "/synced", "rb") as synced:
            assert synced.read() == b"synced"
        assert not os.path.exists(mount.path + "/hasty")
