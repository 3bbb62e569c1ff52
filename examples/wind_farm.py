"""Commission a wind farm from one file, then send what its computer measures to the turbine.

    python wind_farm.py --credentials credentials.json --state ./state

Twice is harmless: what is there is not made again, and the device goes on where it was.
"""

import argparse
import os
import time

from mcagent import Agent, AgentError, Event, Severity
from mcagent.cli.readings import HostReadings
from mcagent.services.assets import Assets
from mcagent.services.commissioning import Commissioning, load_plant
from mcagent.services.credentials import read_credentials
from mcagent.services.events import Events
from mcagent.services.session import Session
from mcagent.services.timeseries import TimeSeries

PLANT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wind_farm.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--credentials", required=True, help="of an application or service user")
    parser.add_argument("--state", required=True, help="directory that belongs to the agent")
    parser.add_argument("--ca", help="PEM file to trust instead of the system's, for an emulator")
    parser.add_argument("--readings", type=int, default=10, help="how many, one a second")
    options = parser.parse_args()

    credentials, gateway = read_credentials(options.credentials)
    with Session(gateway, credentials, ca_file=options.ca) as session:
        plant = load_plant(PLANT, tenant=credentials.tenant)
        commissioning = Commissioning(session, plant)
        for change in commissioning.apply(commissioning.plan()):
            print(change)
        boarding = dict(commissioning.save_boarding(os.path.join(options.state, "boarding")))
        begin_ms = now_ms()
        collect(plant.agents[0].model, boarding.get("turbine-01"), options)
        show(session, begin_ms, options.readings)


def now_ms() -> int:
    """By the clock that stamps the readings; the platform's is known to the second only."""
    return time.time_ns() // 1_000_000


def collect(model, boarding, options) -> None:
    """What the device in the tower does."""
    readings = HostReadings()
    state = os.path.join(options.state, "turbine-01")
    with Agent.open(state, boarding=boarding, ca_file=options.ca) as agent:
        agent.onboard()
        agent.submit(model)
        source = {"source": "controller of turbine 01"}
        agent.submit(
            Event("started", severity=Severity.INFORMATION, type="TurbineEvent", details=source)
        )
        for number in range(options.readings):
            time.sleep(1 if number else 0)
            values = readings.take()
            agent.record({point: values[point] for point in model.points if point in values})
        print(agent.upload(timeout_s=60))


def show(session, begin_ms, readings) -> None:
    """What is on the turbine now; the platform stores it a moment after its 200."""
    turbine = Assets(session).find("Turbine 01")
    series = TimeSeries(session)
    for attempt in range(20):
        time.sleep(0.5 if attempt else 0)
        records = list(series.read(turbine.id, "memory", begin_ms, now_ms()))
        if len(records) >= readings:
            break
    for record in records:
        print(record.timestamp.isoformat(), record.values)
    for event in Events(session).list(entity_id=turbine.id):
        print(event.timestamp, event.severity, event.description)


if __name__ == "__main__":
    try:
        main()
    except AgentError as error:
        raise SystemExit(f"{error}\n  hint: {error.hint}") from error
