"""An agent that a test kills while it sends a large file; events go on beside it.

Run as a program: ``python -m tests.faults.filesender STATE BOARDING CA [FILE]``. Prints a line of
JSON some ten times a second: whether all is delivered, how much of the file is there, and its RSS.
"""

import json
import sys
import time

from mcagent import Agent, Event, File


def main(state: str, boarding: str, ca_file: str, path: str = "") -> None:
    with Agent.open(state, boarding=boarding, ca_file=ca_file) as agent:
        agent.onboard()
        if path:
            receipt = agent.submit(File(path, created=1_795_262_400_000))
            print(json.dumps({"durable": receipt.durable}), flush=True)
        for number in range(10_000):
            agent.submit(Event(f"beside {time.time_ns()}"))
            agent.upload(timeout_s=0.5 if number else 0)
            status = agent.status()
            sending = status.upload["sending"]
            line = {
                "done": status.lanes["files"]["records"] == 0,
                "sent": sending["sent"] if sending else 0,
                "rss_kb": _rss_kb(),
            }
            print(json.dumps(line), flush=True)
            if line["done"]:
                return


def _rss_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
