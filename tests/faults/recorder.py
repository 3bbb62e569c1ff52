"""A recorder that a test kills: prints each sample once its receipt says durable.

Run as a program: ``python -m tests.faults.recorder STATE BOARDING CA START COUNT``. Values are the
running number, so that a reader of the hub can tell every sample apart.
"""

import json
import sys

from mcagent import Agent, DataModel, DataPoint, DataSource

MODEL = DataModel("recorder-1", [DataSource("recorder", [DataPoint("number", "LONG")])])


def main(state: str, boarding: str, ca_file: str, start: int, count: int) -> None:
    with Agent.open(state, boarding=boarding, ca_file=ca_file) as agent:
        agent.submit(MODEL)
        agent.start()
        waiting = []
        timestamp_ms = 1_767_600_000_000 + start * 10
        for number in range(start, start + count):
            timestamp_ms += 10
            receipt = agent.record(
                {"number": number}, timestamp=timestamp_ms, durable=number % 50 == 0
            )
            waiting.append((receipt, timestamp_ms, number))
            while waiting and waiting[0][0].durable:
                _, noted_ms, noted = waiting.pop(0)
                # What stands on this line is promised: the parent looks for it at the hub.
                print(json.dumps([noted_ms, noted]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
