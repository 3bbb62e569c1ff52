"""Run host_metrics.py, and write down what the machine said before the script hears it.

python host_readings.py LOG SCRIPT TOML
"""

import json
import runpy
import sys

from mcagent.cli.readings import HostReadings

path, script, toml = sys.argv[1:]
log = open(path, "a", encoding="utf-8")  # noqa: SIM115 - until the end
take = HostReadings.take


def written(readings):
    values = take(readings)
    log.write(json.dumps(values) + "\n")
    log.flush()
    return values


HostReadings.take = written
sys.argv = [script, toml]
runpy.run_path(script, run_name="__main__")
