"""examples/modbus_collector.py with pymodbus' server. `tox -e examples`."""

import re
import struct

import pytest

from tests.examples import modbus
from tests.examples.scene import Scene, free_port, wait_for

BAD_NO_COMMUNICATION = str(0x80310000 - 2**32)
BAD_CONFIGURATION = str(0x80890000 - 2**32)


@pytest.mark.slow
def test_what_the_device_said_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, restart of the device, SIGKILL of both; the clock does not drift."""
    lines = []
    for comparison in modbus.run(tmp_path, lines.append):
        figure("modbus_collector", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 60
        assert len(comparison.lost_in_flight) <= 5
    figure("modbus_collector", next(line for line in lines if line.startswith("drift")))


def test_a_loop_that_sleeps_is_not_steady():
    """The measure sees 2 ms a reading, in as few readings as it is asked for; and no lateness."""
    assert modbus.steadiness([52 * number for number in range(26)], 50)[0] < 0.1
    late = [50 * number + 30 * (number % 3 == 0) for number in range(100)]
    steady, drift_ms = modbus.steadiness(late, 50)
    assert steady > 0.4
    assert abs(drift_ms) < 2


def collected(scene, *mode, more="", until=lambda: True, **changes):
    """Run the collector with the press in *mode* until it holds; give its output."""
    press = modbus.Press(scene, *mode)
    press.start()
    # A busy machine answers late; who wants to see a loss sets a shorter time.
    settings = {"port": press.port, "every_s": 0.1, "timeout_s": 20.0, **changes}
    collector = scene.collector(more=more, **settings).start()
    wait_for(until, collector.output)
    wait_for(lambda: scene.hub.events() or scene.hub.stored(), collector.output)
    assert collector.stop() == 0
    assert "Traceback" not in collector.output()
    return collector.output()


def quality_of(scene, variable):
    return {
        row["quality"].get(variable) for row in scene.hub.stored() if variable in row["values"]
    }


def test_values_come_as_the_table_says(tmp_path):
    """Sign, scale, word order, floats and coils, of one moment."""
    with Scene(tmp_path, "modbus_collector") as scene:
        collected(scene, until=lambda: len(scene.stored("strokes")) > 5)
        pressure, running = scene.stored("pressure"), scene.stored("running")
        oil = scene.stored("oil_temperature")
        for when, strokes in scene.stored("strokes").items():
            assert oil[when] == (strokes - 100) / 10  # exactly: 0.3 is 0.3
            assert pressure[when] == strokes / 8
            assert running[when] is bool((strokes - 1) % 2)  # the coils are read first


# What the table says, what is told of it, and whether it is the device that refuses.
WRONG = {
    "absent": ("register = 5000", "holding 5000 with exception 2; is it in its manual", True),
    "table": ('register = 0\ntable = "holdings"', "no table 'holdings'; one of: 'holding'", False),
    "format": ('register = 0\nformat = "REAL"', "no format 'REAL'; one of: 'UINT16'", False),
    "scaled": ("register = 1\noffset = 1\ntype = 'LONG'", "a scaled LONG: take DOUBLE", False),
    "far": ("register = 400001", "register 400001: 0 to 65535", False),
    "bit": ('register = 9\nbit = 16\ntype = "BOOLEAN"', "bit: 0 to 15 of a register", False),
    "coil": ('register = 9\nbit = 1\ntable = "coil"', "bit: 0 to 15 of a register", False),
    "endless": ('register = 20\nformat = "STRING"\ntype = "STRING"', "characters of", False),
    "number": ('register = 20\nformat = "STRING"', "STRING gives no DOUBLE", False),
    "text": (
        'register = 4\nformat = "STRING"\ntype = "STRING"\nlength = 4\nbyte_order = "little"',
        "is no UTF-8; is byte_order right?",
        True,
    ),
}


def test_wrong_points_are_told_and_the_others_are_collected(tmp_path):
    """Each in one line with the way out; what the device refuses is counted as it goes on."""
    more = "".join(f'\n[[points]]\nid = "{name}"\n{text}\n' for name, (text, *_) in WRONG.items())
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, more=more, until=lambda: len(scene.stored("strokes")) > 10)
        lines = [line for line in output.splitlines() if not line.startswith("troubles: ")]
        for name, (_text, told, by_device) in WRONG.items():
            found = [line for line in lines if told in line]
            assert found, (told, output)
            assert len(found) <= 3 if by_device else len(found) <= 2, found  # 1, 10, 100
            counted = re.search(rf"troubles: .*\b{name} (\d+)", output)
            assert bool(counted) is by_device, name
            assert counted is None or int(counted[1]) > 5, name


def test_a_float_that_is_none_spoils_no_other_point(tmp_path):
    """A broken sensor is often NaN; a sample with it would be refused as a whole."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, "nan", until=lambda: len(scene.stored("strokes")) > 3)
        assert "pressure: " in output
        assert "nan is outside DOUBLE" in output
        assert scene.stored("pressure") == {}


def test_a_device_that_answers_garbage_is_not_there(tmp_path):
    """Nothing is made of it; one line and one event."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, "garbage", until=scene.hub.events, timeout_s=0.5)
        assert scene.hub.stored() == []
        assert output.count("no connection, trying again") == 1


MORE = """
[[points]]
id = "label"
type = "STRING"
register = 20
format = "STRING"
length = 8

[[points]]
id = "swapped"
register = 4
format = "UINT32"
byte_order = "little"

[[points]]
id = "valve"
type = "BOOLEAN"
register = 9
bit = 2

[[points]]
id = "fault"
type = "BOOLEAN"
register = 9
bit = 3
"""


def test_texts_bits_and_swapped_bytes_are_read(tmp_path):
    """What manuals call ASCII, status word and BADC."""
    with Scene(tmp_path, "modbus_collector") as scene:
        collected(scene, more=MORE, until=lambda: len(scene.stored("label")) > 2)
        assert set(scene.stored("label").values()) == {"PRESS-7"}
        assert set(scene.stored("valve").values()) == {True}
        assert set(scene.stored("fault").values()) == {False}
        pressure = scene.stored("pressure")
        for when, number in scene.stored("swapped").items():
            words = struct.unpack("<HH", struct.pack(">I", int(number)))
            assert struct.unpack(">f", struct.pack(">HH", *words)) == (pressure[when],)


@pytest.mark.parametrize(
    ("mode", "changes", "first", "then"),
    [
        ("", {}, (0, 10), (0, 10)),  # neighbours and small gaps, one request
        ("", {"gap": 1}, (0, 6), (0, 6)),
        ("", {"largest": 4}, (0, 4), (0, 4)),
        ("", {"gap": 100}, (0, 6), (0, 6)),  # registers 10 to 19 do not exist: refused, halved
        ("short", {}, (2, 4), (2, 4)),  # no more than four at once, whatever Modbus says
    ],
)
def test_registers_are_read_in_blocks_that_the_device_takes(tmp_path, mode, changes, first, then):
    """As few requests as it can be; a refused block costs no value, and is not tried each time."""
    with Scene(tmp_path, "modbus_collector") as scene:
        press = modbus.Press(scene, *filter(None, [mode]))
        press.start()
        settings = {"port": press.port, "every_s": 0.1, "timeout_s": 20.0, **changes}
        collector = scene.collector(more=MORE, **settings).start()
        wait_for(lambda: len(scene.stored("strokes")) > 3, collector.output)
        assert collector.stop() == 0
        looks = [(begin, count) for _at, _strokes, begin, count in press.rows()]
        assert looks[0] == first
        assert set(looks[1:]) == {then}
        assert "troubles: none" in collector.output()
        assert set(scene.stored("label").values()) == {"PRESS-7"}
        assert len(scene.stored("label")) == len(scene.stored("strokes"))


@pytest.mark.slow
def test_a_device_that_closes_idle_connections_is_not_lost(tmp_path):
    """Each reading then has a connection of its own; none is missing."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(
            scene,
            *("idle", free_port()),
            until=lambda: len(scene.stored("strokes")) > 3,
            every_s=2.0,
        )
        assert "no connection" not in output
        assert scene.hub.events() == []
        assert scene.stored("strokes", bad=True) == {}


def test_an_exception_that_is_none_costs_no_point(tmp_path):
    """Code 0 is neither a value nor a reason: the connection is made anew, and all points are read."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(
            scene,
            *("nameless", free_port()),
            until=lambda: len(scene.stored("strokes")) > 6,
        )
        assert "trying again: Modbus Error: an exception without a code" in output
        assert "collect failed" not in output
        assert scene.stored("running").keys() == scene.stored("strokes").keys()


def test_a_device_that_is_off_behind_its_gateway_is_lost(tmp_path):
    """It is no mistake in the table."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, "gateway", until=scene.hub.events)
        assert output.count("the gateway has no answer of unit 1") == 1
        assert "troubles: none" in output


def test_a_device_slower_than_the_clock_costs_moments_and_they_are_counted(tmp_path):
    """Two requests of 0.15 s do not fit into 0.1 s; what is read is right."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, "slow", until=lambda: len(scene.stored("strokes")) > 2)
        assert "'missed': 0" not in output
        assert quality_of(scene, "strokes") == {"0"}


def test_a_lost_device_leaves_its_last_values_with_a_quality_code(tmp_path):
    """Once, and as BadNoCommunication: nobody takes them for new ones."""
    with Scene(tmp_path, "modbus_collector") as scene:
        press = modbus.Press(scene)
        press.start()
        collector = scene.collector(port=press.port, every_s=0.1, timeout_s=20.0).start()
        wait_for(lambda: scene.stored("strokes"), collector.output)
        press.program.kill()
        wait_for(lambda: scene.stored("strokes", bad=True), collector.output)
        wait_for(scene.hub.events, collector.output)
        press.start()
        wait_for(lambda: len(scene.hub.events()) == 2, collector.output)
        assert collector.stop() == 0
        assert len(scene.stored("strokes", bad=True)) == 1
        assert quality_of(scene, "strokes") == {"0", BAD_NO_COMMUNICATION}
