"""serial_line.py on a pseudo terminal, whose other end the test holds."""

import functools
import operator
import os
import tty

import pytest

BAD_NO_COMMUNICATION = str(0x80310000 - 2**32)  # as the platform shows it: signed


class Scale:
    def __init__(self):
        self.end, line = os.openpty()
        tty.setraw(line)
        self.device = os.ttyname(line)
        self._line = line  # open, so that the device stays there while nobody reads

    def say(self, text):
        checksum = functools.reduce(operator.xor, text.encode(), 0)
        os.write(self.end, f"{text}*{checksum:02X}\r\n".encode())

    def close(self):
        os.close(self.end)
        os.close(self._line)


@pytest.fixture
def scale():
    scale = Scale()
    yield scale
    scale.close()


def weights(hub):
    hub.settle()
    rows = sorted(hub.stored(), key=lambda row: row["_time"])
    return [row["values"]["weight"] for row in rows if row["quality"].get("weight") == "0"]


def test_lines_arrive_also_those_of_an_outage(insights_hub, collector, scale):
    script = collector("serial_line", device=scale.device)
    script.wait_for(lambda: scale.say("W=0.5;N=1") or weights(insights_hub))
    insights_hub.disconnect()
    known = script.durable()
    for number in range(10):
        scale.say(f"W={100 + number};N={number}")
    script.wait_for(lambda: script.durable() >= known + 10)
    insights_hub.reconnect()
    script.wait_for(lambda: weights(insights_hub)[-10:] == [100.0 + n for n in range(10)])
    assert script.stop() == 0


def test_lines_between_two_moments_add_up(insights_hub, collector, scale):
    """A device that says its fields in lines of their own: none takes the place of another."""
    script = collector("serial_line", device=scale.device, every_s=1.0)

    def both():
        scale.say("W=7.5")
        scale.say("N=3")
        rows = insights_hub.stored()
        return any(row["values"].keys() == {"weight", "pieces"} for row in rows)

    script.wait_for(both)
    assert script.stop() == 0


def test_a_damaged_line_is_told_and_the_next_arrives(insights_hub, collector, scale):
    script = collector("serial_line", device=scale.device)
    script.wait_for(lambda: scale.say("W=1.25;N=1") or weights(insights_hub))
    os.write(scale.end, b"W=9.99;N=1*00\r\n")
    scale.say("W=2.5;N=2")
    script.wait_for(lambda: 2.5 in weights(insights_hub))
    assert script.stop() == 0
    assert set(weights(insights_hub)) == {1.25, 2.5}
    assert "has the checksum b'00'" in script.output


def test_a_scale_that_is_silent_is_an_event_and_a_quality_code(insights_hub, collector, scale):
    script = collector("serial_line", device=scale.device, silent_s=1.0)
    script.wait_for(lambda: scale.say("W=1.25;N=1") or weights(insights_hub))
    script.wait_for(insights_hub.events)

    def codes():
        return [row["quality"].get("weight") for row in insights_hub.stored()]

    script.wait_for(lambda: BAD_NO_COMMUNICATION in codes())
    assert script.stop() == 0
