"""`python -m tests.examples NAME`: start peer, hub and collector, break things, compare."""

import importlib
import sys
import tempfile
import time

SCENES = {
    "host_metrics": "host",
    "mqtt_bridge": "mqtt",
    "modbus_collector": "modbus",
    "opcua_collector": "opcua",
    "csv_backfill": "history",
    "wind_turbine": "turbine",
    "gpio_events": "gpio",
    "log_shipper": "logs",
    "serial_line": "serialline",
}


def main():
    names = sys.argv[1:]
    if not names or any(name not in SCENES for name in names):
        raise SystemExit(f"name one of: {' '.join(SCENES)}")
    failed = []
    for name in names:
        scene = importlib.import_module(f"tests.examples.{SCENES[name]}")
        begin_s = time.monotonic()

        def say(line, begin_s=begin_s):
            print(f"{time.monotonic() - begin_s:6.1f} s  {line}", flush=True)

        with tempfile.TemporaryDirectory(prefix="mcagent-example-") as folder:
            comparisons = scene.run(folder, say)
        for comparison in comparisons:
            print(comparison)
        if not all(comparison.equal for comparison in comparisons):
            failed.append(name)
        print(f"{name}: {'EQUAL' if name not in failed else 'NOT EQUAL'}")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
