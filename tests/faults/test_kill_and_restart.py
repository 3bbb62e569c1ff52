"""A recorder killed in an outage, again and again: nothing that was reported durable is lost."""

import json
import random
import subprocess
import sys
import time

import pytest

from mcagent import Agent
from mcagent.cli.relay import Relay
from mcagent.emulator import Emulator

KILLS = 20


@pytest.mark.slow
def test_every_durable_record_reaches_the_hub_through_twenty_kills(tmp_path):
    """SIGKILL in the outage, 20 times: each sample with a durable receipt is at the hub."""
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    print("seed", seed)
    state = str(tmp_path / "state")
    promised: "dict[int, int]" = {}
    with Emulator() as hub, Relay(hub.port) as relay:
        boarding = hub.create_agent("recorder", automap=True)
        boarding["content"]["baseUrl"] = "https://localhost:%d" % relay.port
        boarding_file = tmp_path / "agentconfig.json"
        boarding_file.write_text(json.dumps(boarding))
        with Agent.open(state, boarding=str(boarding_file), ca_file=hub.ca_file) as agent:
            assert agent.onboard().onboarded
        relay.cut()
        start = 0
        for _ in range(KILLS):
            count = _record_and_kill(
                [state, str(boarding_file), hub.ca_file], start, promised, rng
            )
            start += count + 1_000_000  # numbers that were printed by no one are never used again
        relay.restore()
        with Agent.open(state, boarding=str(boarding_file), ca_file=hub.ca_file) as agent:
            report = agent.upload(timeout_s=60)
            assert report.pending == 0, report
        hub.settle(10)
        arrived = {}
        for row in hub.received(kind="timeseries"):
            for value in row["values"]:
                arrived[int(value["value"])] = row["timestamp"]
    missing = [number for number in promised.values() if number not in arrived]
    assert len(promised) > KILLS
    assert missing == []


def _record_and_kill(arguments, start, promised, rng):
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.recorder", *arguments, str(start), "1000000"],
        stdout=subprocess.PIPE,
    )
    try:
        first = child.stdout.readline()  # it works: from here the kill comes at any moment
        assert first, "the recorder ended by itself"
        time.sleep(rng.uniform(0.0, 0.2))
    finally:
        child.kill()
    lines = [first, *child.stdout.read().splitlines(keepends=True)]
    child.wait()
    child.stdout.close()
    numbers = []
    for line in lines:
        if line.endswith(b"\n"):
            timestamp_ms, number = json.loads(line)
            promised[timestamp_ms] = number
            numbers.append(number)
    return max(numbers) - start
