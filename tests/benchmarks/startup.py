"""What `import mcagent`, open and one record cost on an onboarded SHARED_SECRET state.

``python -m tests.benchmarks.startup [--runs 21] [--json]``: fresh processes, a bare interpreter
and the agent in turn; milliseconds from process start to the end of the work, and peak resident
memory (VmHWM, which exec resets). Budget: at most 25 ms more than bare, at most 14 MB in all.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator

BUDGET_MS = 25
BUDGET_MB = 14

_PEAK = """
with open("/proc/self/status") as status:
    print([line.split()[1] for line in status if line.startswith("VmHWM")][0])
"""
_BARE = "pass" + _PEAK
# `close` is not measured: the budget is the way to the first record, and a service stays open.
_AGENT = (
    """
import os
from mcagent import Agent
agent = Agent.open({state!r}, boarding={boarding!r})
agent.record({{"temperature": 21.4, "strokes": 1204}})
"""
    + _PEAK
    + """
import sys
forbidden = {{"urllib3", "jwt", "cryptography", "ssl", "hashlib", "mcagent.emulator"}}
loaded = sorted(forbidden & set(sys.modules))
print(" ".join(loaded))
sys.stdout.flush()
os._exit(0)
"""
)
MODEL = DataModel(
    "press-7",
    [
        DataSource(
            "press", [DataPoint("temperature", "DOUBLE", unit="°C"), DataPoint("strokes", "LONG")]
        )
    ],
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        state = directory + "/state"
        boarding = directory + "/agentconfig.json"
        _prepare(state, boarding)
        agent_code = _AGENT.format(state=state, boarding=boarding)
        bare, ours = [], []
        # Byte code as an installation has it, whatever this shell says about writing it.
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=directory + "/bytecode")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(arguments.runs + 1):
            bare.append(_run(_BARE, environment))
            ours.append(_run(agent_code, environment))
    # The first pair fills caches (byte code, pages) and is not counted.
    result = _summary(bare[1:], ours[1:])
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print("%-24s %s" % (name, value))
    return 0


def _prepare(state: str, boarding: str) -> None:
    with Emulator() as hub:
        with open(boarding, "w") as file:
            json.dump(hub.create_agent("bench", automap=True), file)
        with Agent.open(state, boarding=boarding, ca_file=hub.ca_file) as agent:
            agent.onboard()
            agent.submit(MODEL)
            agent.record({"temperature": 21.4, "strokes": 1204})
            agent.upload(timeout_s=20)


def _run(code: str, environment: "dict[str, str]") -> "tuple[float, float]":
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    elapsed_ms = (time.perf_counter() - begin) * 1000
    lines = done.stdout.splitlines()
    if len(lines) > 1 and lines[1]:
        raise SystemExit("loaded before the first request: " + lines[1])
    return elapsed_ms, int(lines[0]) / 1024


def _summary(
    bare: "list[tuple[float, float]]", ours: "list[tuple[float, float]]"
) -> "dict[str, object]":
    more = [after[0] - before[0] for before, after in zip(bare, ours)]
    return {
        "runs": len(bare),
        "bare_ms": round(statistics.median(row[0] for row in bare), 1),
        "agent_ms": round(statistics.median(row[0] for row in ours), 1),
        "more_ms_median": round(statistics.median(more), 1),
        "more_ms_min": round(min(more), 1),
        "more_ms_max": round(max(more), 1),
        "budget_ms": BUDGET_MS,
        "bare_rss_mb": round(statistics.median(row[1] for row in bare), 1),
        "agent_rss_mb": round(statistics.median(row[1] for row in ours), 1),
        "budget_rss_mb": BUDGET_MB,
    }


if __name__ == "__main__":
    sys.exit(main())
