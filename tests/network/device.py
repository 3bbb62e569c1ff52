"""An agent as a process of its own: what `ip netns exec` starts, with its own resolv.conf.

    python -m tests.network.device STATE BOARDING CA_FILE COUNT

Records COUNT samples, uploads them, and prints a line of JSON whenever the last error changes, and
one at the end.
"""

import json
import sys
import time

from mcagent import Agent, UploadSettings
from mcagent.transport.cpython import Urllib3Transport
from tests.network.conftest import FIRST_MS, MODEL


def main(state, boarding, ca_file, count):
    transport = Urllib3Transport(ca_file=ca_file, proxy="", read_timeout_s=3)
    settings = UploadSettings(min_interval_s=0)
    with Agent.open(state, boarding=boarding, transport=transport, upload=settings) as agent:
        agent.submit(MODEL)
        agent.record_many((FIRST_MS + number, {"strokes": number}) for number in range(int(count)))
        agent.flush()
        agent.start()
        error = ""
        while agent.status().pending:
            if agent.status().upload["last_error"] != error:
                error = agent.status().upload["last_error"]
                print(json.dumps({"error": error}), flush=True)
            time.sleep(0.02)
        print(json.dumps({"pending": 0}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
