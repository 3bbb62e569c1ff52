"""No stampede: a herd that lost its platform asks seldom, comes back apart, and loses nothing.

`tox -e herd` runs a hundred agents through ten minutes of each outage; the suite forty through five
minutes of one.
"""

import os
from statistics import median

import pytest

from mcagent.upload.backoff import Backoff
from mcagent.upload.linkprobe import LinkProbe
from tests import reliability
from tests.herd.herd import Herd, bunch, distance_from, far_bunch, full_jitter, probed

LONG = os.environ.get("MCAGENT_HERD") == "long"
SIZE, OUTAGE_MS = (100, 600_000) if LONG else (40, 300_000)
LINK_CAP_MS, SERVICE_CAP_MS = 60_000, 300_000
# Kolmogorov and Smirnov: a true herd is farther off once in a million runs.
FAR = (14.5 / 2 / SIZE) ** 0.5
ASKED = {"match": "* /api/*"}
HEAD = (
    "outage",
    "requests of one agent, median (most)",
    "connections tried by one without a request, median (most)",
    "most requests of all in a second",
    "first request after the return, s: median (last)",
    "most first requests in a second",
    "all drained after, s",
    "samples",
    "lost",
    "delivered twice",
)


def refuse(hub):
    hub.disconnect()


def answer_503(hub):
    hub.set_faults([dict(ASKED, action="status", status=503)])


def answer_429(hub):
    header = {"Retry-After": "120"}
    hub.set_faults([dict(ASKED, action="status", status=429, headers=header)])


def mend(hub):
    hub.set_faults([])
    hub.reconnect()


@pytest.fixture(scope="module")
def rows(request):
    """The table; written where a complete long run was asked to."""
    found = {}
    yield found
    if request.config.getoption("--write-reliability") and LONG:
        assert set(found) == {row[0] for row in OUTAGES}, "a part of the table is missing"
        reliability.write("herd", reliability.table(HEAD, found.values()))


def run(folder, name, cut, rows, figure):
    herd = Herd(SIZE, OUTAGE_MS, str(folder), cut, mend)
    requests = [len(times) for times in herd.during]
    row = [
        name,
        "%d (%d)" % (median(requests), max(requests)),
        "%d (%d)" % (median(herd.probes), max(herd.probes)),
        bunch([at for times in herd.during for at in times]),
        "%.1f (%.1f)" % (median(herd.first) / 1000, max(herd.first) / 1000),
        bunch(herd.first),
        max(herd.drained) / 1000,
        herd.recorded,
        herd.lost,
        herd.duplicates,
    ]
    rows[name] = row
    for what, value in zip(HEAD[1:], row[1:]):
        figure(f"herd of {SIZE}, {name}: {what}", reliability.number(value))
    return herd


# What they meet; bound of the wait between two requests; and what the platform asked for, s.
OUTAGES = [
    ("connection refused", refuse, LINK_CAP_MS, 0),
    ("HTTP 503", answer_503, SERVICE_CAP_MS, 0),
    ("HTTP 429, Retry-After: 120", answer_429, SERVICE_CAP_MS, 120_000),
]
MET = OUTAGES if LONG else OUTAGES[:1]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cut", "cap_ms", "asked_ms"), MET)
def test_a_herd_comes_back_apart(tmp_path, rows, figure, name, cut, cap_ms, asked_ms):
    """Few requests while nobody answers, none of them in step, everything drained, nothing lost."""
    herd = run(tmp_path, name, cut, rows, figure)
    assert (herd.lost, herd.stuck) == (0, 0)
    assert all(herd.during)  # it was an outage for each of them
    # Full jitter up to a cap: about log2(cap) tries while the bound doubles, then one in cap / 2.
    expected = 10 + OUTAGE_MS / max(cap_ms / 2, asked_ms)
    assert sum(map(len, herd.during)) / SIZE <= expected
    assert max(map(len, herd.during)) <= 3 * expected
    assert max(herd.probes) <= 10 + OUTAGE_MS / 2500  # every 2.5 s at the most (docs/transport.md)
    assert max(herd.first) <= asked_ms + cap_ms
    assert max(herd.drained) <= asked_ms + cap_ms + 60_000
    if cap_ms != LINK_CAP_MS:
        assert bunch(herd.first) <= 5 + SIZE * 0.12
    else:  # long enough at its cap to know how they have to be spread
        # Each tries a connection after a fortieth of the outage, more or less (docs/transport.md).
        spread = probed(cap_ms, OUTAGE_MS / 40)
        assert distance_from(herd.first, spread) < FAR
        assert bunch(herd.first) <= far_bunch(SIZE, spread, cap_ms)
        assert max(herd.first) <= 1.5 * OUTAGE_MS / 40 + 1000


@pytest.mark.slow
def test_a_herd_without_jitter_is_caught(tmp_path, monkeypatch, figure):
    """The judge sees what it is for: agents that all wait as long as they may."""

    def bound(self, cap_ms, retry_after_ms=0):
        self.failures += 1
        return retry_after_ms + min(cap_ms, 1000 * 2 ** min(self.failures - 1, 20))

    monkeypatch.setattr(Backoff, "next_ms", bound)
    monkeypatch.setattr(LinkProbe, "paused", lambda *_: None)  # it has jitter of its own
    # Halfway between two rounds of theirs.
    herd = Herd(SIZE, 325_000, str(tmp_path), refuse, mend)
    far = distance_from(herd.first, full_jitter(LINK_CAP_MS))
    figure("herd without jitter: distance from full jitter", "%.2f, caught from %.2f" % (far, FAR))
    assert far >= FAR


def test_the_judge_counts():
    """Windows are half open; the distance is that of the worst place."""
    assert bunch([0, 999, 1000, 1999, 5000]) == 2
    assert bunch([0, 10, 999]) == 3
    assert distance_from([0, 0, 0, 0], full_jitter(1000)) == 1
    even = [1000 * (1 - (1 - (place + 0.5) / 100) ** 0.5) for place in range(100)]
    assert distance_from(even, full_jitter(1000)) < 0.006
    assert distance_from([1000 * place / 100 for place in range(100)], full_jitter(1000)) > 0.2
    assert distance_from([250 + place for place in range(500)], probed(60_000, 500)) > 0.3
    assert probed(60_000, 500)(750) == 1
    assert 15 < far_bunch(40, probed(60_000, 7500), 60_000) < 21  # of forty at once, half is seen
    assert 0.8 < probed(60_000, 500)(500) < probed(60_000, 500)(600) < 1


@pytest.mark.skipif(
    "config.getoption('--write-reliability')", reason="this run writes what is compared"
)
def test_the_page_has_a_row_for_each_outage():
    """What docs/reliability.md says was found by these tests, and nothing was lost."""
    written = reliability.rows("herd")
    assert [row[0] for row in written] == [name for name, *_rest in OUTAGES]
    assert {row[HEAD.index("lost")] for row in written} == {"0"}
