"""A kill, or an error of the kernel, at each call that the buffer makes."""

import pytest

from tests.faults import strace

_SAMPLE = 15  # of the ordinary run; the long one takes all


@pytest.fixture(scope="module")
def positions(tmp_path_factory, tool_missing):
    missing = strace.usable()
    if missing:
        tool_missing(missing)
    return strace.positions(str(tmp_path_factory.mktemp("calls")), strace.CALLS)


def _sample(positions, rng, long_run, calls=strace.CALLS):
    chosen = [position for position in positions if position[0] in calls]
    return chosen if long_run else rng.sample(chosen, min(_SAMPLE, len(chosen)))


@pytest.mark.slow
def test_kill_at_every_system_call(positions, tmp_path, rng, row, long_run):
    """The process ends before the call is done; all calls before it are."""
    outcomes = []
    for call, number in _sample(positions, rng, long_run):
        outcome, ended = strace.try_injected(str(tmp_path), call, "signal=KILL", number)
        assert not ended, (call, number)
        outcomes.append(outcome)
    row("process", "kill at each system call", outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
def test_disk_full_at_a_call(error, positions, tmp_path, rng, row, long_run):
    """Once, wherever a file system may say so; the writer goes on and all is delivered."""
    calls = ("pwrite64", "fallocate", "mkdir", "fdatasync", "fsync", "rename")
    outcomes = []
    for call, number in _sample(positions, rng, long_run, calls):
        outcomes.append(strace.try_injected(str(tmp_path), call, "error=" + error, number)[0])
    if error == "ENOSPC":
        row("space", "ENOSPC at each call that changes something", outcomes)
    else:
        row("space", "EDQUOT at each call that changes something", outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_no_change_works_from_a_call_on(error, positions, tmp_path, rng, row, long_run):
    """The disk is full, ill or read-only from one call on, until the next process."""
    outcomes = []
    for call, number in _sample(positions, rng, long_run, strace.CHANGING):
        when = "%d+" % number
        outcomes.append(strace.try_injected(str(tmp_path), call, "error=" + error, when)[0])
    if error == "ENOSPC":
        row("space", "ENOSPC from each call on", outcomes)
    elif error == "EIO":
        row("media", "EIO on every change from each call on", outcomes)
    else:
        row("space", "EROFS from each call on", outcomes)


@pytest.mark.slow
def test_medium_error_at_a_call(positions, tmp_path, rng, row, long_run):
    """EIO once, from any call that reaches the medium."""
    calls = (*strace.CHANGING, "openat", "pread64")
    outcomes = []
    for call, number in _sample(positions, rng, long_run, calls):
        outcome, _ended = strace.try_injected(str(tmp_path), call, "error=EIO", number)
        outcomes.append(outcome)
    row("media", "EIO at each call, once", outcomes)
