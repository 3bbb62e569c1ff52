"""A device script that tells a serial line which of its records are durable.

    collect.py --state DIRECTORY --boarding FILE --ca FILE --witness /dev/ttyS1

Ten samples a second, numbered, and an event with every tenth, through restarts. A line such as
`sample 17` on the witness: from now on it may not be lost. What was written there and lost with
the power is more than what can be compared.
"""

import argparse
import os
import termios

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, log_to_stderr


class Script:
    def __init__(self, agent, state, witness):
        self.agent, self.waiting = agent, []
        self.witness = os.open(witness, os.O_WRONLY | os.O_NOCTTY)
        mode = termios.tcgetattr(self.witness)
        mode[1] &= ~termios.OPOST
        mode[4] = mode[5] = termios.B115200
        termios.tcsetattr(self.witness, termios.TCSANOW, mode)
        # A thousand numbers for each start: none is used twice, whatever the disk remembers.
        with open("/proc/sys/kernel/random/boot_id") as file:
            self.start = f"{file.read()[:8]}-{os.getpid()}"
        self.count = 0

    def collect(self):
        self.count += 1
        name = f"{self.start}-{self.count}"
        self.waiting.append(("sample", name, self.agent.record({"name": name, "n": self.count})))
        if self.count % 10 == 0:
            receipt = self.agent.submit(Event("ten", details={"name": name}))
            self.waiting.append(("event", name, receipt))
        still = []
        for kind, name, receipt in self.waiting:
            if receipt.durable:
                os.write(self.witness, f"{kind} {name}\n".encode())
            else:
                still.append((kind, name, receipt))
        self.waiting = still


def main():
    parser = argparse.ArgumentParser()
    for name in ("--state", "--boarding", "--ca", "--witness"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    log_to_stderr()
    points = [DataPoint("name", "STRING"), DataPoint("n", "LONG")]
    with Agent.open(options.state, boarding=options.boarding, ca_file=options.ca) as agent:
        agent.submit(DataModel("press-7", [DataSource("press", points)]))
        agent.run(Script(agent, options.state, options.witness).collect, every_s=0.1)


if __name__ == "__main__":
    main()
