# ruff: noqa: PT009 - unittest is what this example is about
"""Unit-test a device script with the standard library's unittest, against a local Insights Hub.

    pip install 'mcagent[emulator]'
    python -m unittest unittest_your_script.py

The same with pytest, shorter: unit_test_your_script.py.
"""

import tempfile
import unittest

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator

# -- the device script under test; yours would be imported

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("temperature", "DOUBLE")])])


def send_readings(state, boarding, readings, *, ca_file=None, timeout_s=20):
    """Record (timestamp_ms, temperature) pairs, and upload what can be uploaded."""
    with Agent.open(state, boarding=boarding, ca_file=ca_file) as agent:
        agent.submit(MODEL)
        for timestamp_ms, temperature in readings:
            agent.record({"temperature": temperature}, timestamp=timestamp_ms)
        return agent.upload(timeout_s=timeout_s)


# -- its tests

READINGS = [(1_767_600_000_000, 71.5), (1_767_600_060_000, 83.25)]


class SendReadings(unittest.TestCase):
    def setUp(self):
        self.hub = self.enter(Emulator())
        self.state = self.enter(tempfile.TemporaryDirectory())
        # automap: the hub maps each data point by itself; on the platform a person does it.
        self.boarding = self.hub.create_agent("press-7", automap=True)

    def enter(self, context):
        """`enterContext` of Python 3.11, for 3.10."""
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def send(self, readings, **options):
        return send_readings(
            self.state, self.boarding, readings, ca_file=self.hub.ca_file, **options
        )

    def stored(self):
        """Temperatures that the platform kept, which it decides after its answer."""
        self.hub.settle()
        return [record["values"]["temperature"] for record in self.hub.stored(aspect="press")]

    def test_readings_arrive(self):
        report = self.send(READINGS)
        self.assertEqual(report.pending, 0)
        self.assertEqual(self.stored(), [71.5, 83.25])

    def test_an_outage_delays_and_loses_nothing(self):
        self.hub.disconnect()  # the port is closed: nothing answers
        self.assertEqual(self.send(READINGS, timeout_s=1).delivered, 0)
        self.hub.reconnect()
        self.assertEqual(self.send([]).pending, 0)
        self.assertEqual(self.stored(), [71.5, 83.25])

    def test_a_refusal_is_tried_again(self):
        self.hub.add_fault(
            "status", match="POST /api/mindconnect/v3/exchange", status=503, times=1
        )
        self.assertEqual(self.send(READINGS).pending, 0)
        self.assertEqual(self.stored(), [71.5, 83.25])

    def test_a_clock_that_is_an_hour_wrong_is_no_reason_to_stop(self):
        self.hub.set_clock(3600)
        self.assertEqual(self.send(READINGS).pending, 0)
        self.assertEqual(self.stored(), [71.5, 83.25])


if __name__ == "__main__":
    unittest.main()
