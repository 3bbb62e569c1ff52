"""Two processes, a fork, a killed owner, another user's directory: one writes, the rest are told."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mcagent import Agent
from mcagent.buffer import Buffer
from mcagent.errors import AgentError
from tests.faults import harm
from tests.faults.oracle import Outcome, judge, small_settings
from tests.source_tree import ROOT

_NOBODY = 65534
_OWNER = textwrap.dedent(
    """
    import sys, time
    from mcagent import Agent
    agent = Agent.open(sys.argv[1])
    agent.record({"a": 1}, timestamp=1_767_600_000_000, durable=True)
    print("open", flush=True)
    time.sleep(60)
    """
)


def _owner(state):
    environment = dict(os.environ, PYTHONPATH=ROOT)
    child = subprocess.Popen(
        [sys.executable, "-c", _OWNER, state], stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout.readline() == b"open\n"
    return child


@pytest.mark.slow
def test_second_process_is_told_who_owns_it(tmp_path, row, long_run):
    """It is refused with the owner's pid; when that one is killed, the next one gets in."""
    outcomes = []
    for place in range(20 if long_run else 2):
        state = str(tmp_path / str(place))
        child = _owner(state)
        outcome = Outcome()
        with child:
            try:
                with pytest.raises(AgentError) as refused:
                    Agent.open(state)
                assert "pid %d" % child.pid in str(refused.value)
            finally:
                child.send_signal(signal.SIGKILL)
        with Agent.open(state) as agent:
            pending = agent.status().lanes["timeseries"]["records"]
            outcome.lost += pending != 1
        outcomes.append(outcome)
    row("process", "a second process; the first is killed", outcomes)


def test_fork(tmp_path, row):
    """The child of an owner writes nothing; the parent goes on, and every record is there once."""
    state = str(tmp_path / "state")
    outcome = Outcome()
    with Agent.open(state) as agent:
        agent.record({"a": 1}, timestamp=1_767_600_000_000)
        pid = os.fork()
        if not pid:
            try:
                agent.record({"a": 2}, timestamp=1_767_600_000_001)
                agent.close()
            except AgentError:
                os._exit(3)
            os._exit(0)
        _pid, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 3, "the child is told"
        agent.record({"a": 3}, timestamp=1_767_600_000_002, durable=True)
    with Agent.open(state) as agent:
        records = agent.status().lanes["timeseries"]["records"]
        outcome.lost, outcome.duplicates = max(2 - records, 0), max(records - 2, 0)
    row("process", "a fork", [outcome])


def test_directory_of_another_user(tmp_path_for_all, tool_missing, row):
    """It can be read and not written: a clear error for what comes in, nothing lost of the rest."""
    if os.geteuid() != 0:
        tool_missing("only root can become another user")
    filled = harm.Filled(tmp_path_for_all / "b", small_settings(), count=100, size=400)
    for base, folders, files in os.walk(filled.directory):
        for each in folders:
            os.chmod(os.path.join(base, each), 0o755)
        for each in files:
            os.chmod(os.path.join(base, each), 0o644)
    os.chmod(filled.directory, 0o755)
    os.seteuid(_NOBODY)
    try:
        buffer = Buffer(filled.directory, settings=filled.settings)
        buffer.open()
        for lane in ("events", "timeseries"):
            with pytest.raises(OSError, match="denied"):
                buffer.append(lane, 1, b"{}", durable=True)
        buffer.abandon()
        with pytest.raises((OSError, AgentError), match=r"denied|permission"):
            Agent.open(str(tmp_path_for_all))
    finally:
        os.seteuid(0)
    outcome = judge(filled.directory, filled.ledger, settings=filled.settings)
    row("files", "a directory of another user", [outcome])
