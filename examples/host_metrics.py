"""Collect readings of this machine and send them to Insights Hub: copy it, read your own device.

    python host_metrics.py --state ./state --boarding agentconfig.json

It runs until Ctrl-C or SIGTERM, with or without a network, and goes on where it was when it is
started again. Replace `HostReadings` by your own: a model, and a function that returns values.
"""

import argparse

from mcagent import Agent, ConfigurationError, Event, OnboardingRefused, Severity, log_to_stderr
from mcagent.cli.readings import HostReadings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", required=True, help="directory that belongs to this agent")
    parser.add_argument("--boarding", help="agentconfig.json; needed until it is onboarded")
    parser.add_argument("--ca", help="PEM file to trust instead of the system's, for an emulator")
    parser.add_argument("--every", type=float, default=10, help="seconds between two readings")
    options = parser.parse_args()
    log_to_stderr()

    readings = HostReadings()
    with Agent.open(options.state, boarding=options.boarding, ca_file=options.ca) as agent:
        agent.submit(readings.model("host-metrics-1"))  # an unchanged model is not sent again
        agent.submit(Event("collector started", severity=Severity.INFORMATION))
        agent.run(readings.take, every_s=options.every)
        print(agent.status())


if __name__ == "__main__":
    try:
        main()
    except (ConfigurationError, OnboardingRefused) as error:
        raise SystemExit(f"{error}\n  hint: {error.hint}") from error
