"""examples/modbus_collector.py with pymodbus' server. `tox -e examples`."""

import pytest

from tests.examples import modbus
from tests.examples.scene import Scene, wait_for

BAD_NO_COMMUNICATION = str(0x80310000 - 2**32)
BAD_CONFIGURATION = str(0x80890000 - 2**32)


@pytest.mark.slow
def test_what_the_device_said_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, SIGKILL of collector and device; the clock does not drift."""
    lines = []
    for comparison in modbus.run(tmp_path, lines.append):
        figure("modbus_collector", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 60
        assert len(comparison.lost_in_flight) <= 5
    figure("modbus_collector", next(line for line in lines if line.startswith("drift")))


def collected(scene, *mode, more="", until=lambda: True, **changes):
    """Run the collector with the press in *mode* until it holds; give its output."""
    press = modbus.Press(scene, *mode)
    press.start()
    settings = {"port": press.port, "every_s": 0.1, "timeout_s": 0.5, **changes}
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
            assert running[when] is bool(strokes % 2)


WRONG = {
    "a register that does not exist": ("register = 5000", "exception 2", True),
    "a table of no name": ('register = 0\ntable = "holdings"', "holding, input", False),
    "a format of no name": ('register = 0\nformat = "REAL"', "FLOAT32", False),
    "a register that cannot be": ("register = 40001\noffset = 1\ntype = 'LONG'", "scaled", False),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_point_is_told_and_the_others_are_collected(tmp_path, wrong):
    """One line with the way out; what the device refuses is counted."""
    text, told, by_device = WRONG[wrong]
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(
            scene,
            more=f'\n[[points]]\nid = "extra"\n{text}\n',
            until=lambda: len(scene.stored("strokes")) > 10,
        )
        assert told in output
        assert ("troubles: extra 1" in output) is by_device  # 1, 10, 12 …: it goes on trying
        assert len(scene.stored("strokes")) > 10


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
        output = collected(scene, "garbage", until=scene.hub.events)
        assert scene.hub.stored() == []
        assert output.count("no connection, trying again") == 1


def test_a_device_slower_than_the_clock_costs_moments_and_they_are_counted(tmp_path):
    """Four registers at 0.15 s each do not fit into 0.1 s; what is read is right."""
    with Scene(tmp_path, "modbus_collector") as scene:
        output = collected(scene, "slow", until=lambda: len(scene.stored("strokes")) > 2)
        assert "'missed': 0" not in output
        assert quality_of(scene, "strokes") == {"0"}


def test_a_lost_device_leaves_its_last_values_with_a_quality_code(tmp_path):
    """Once, and as BadNoCommunication: nobody takes them for new ones."""
    with Scene(tmp_path, "modbus_collector") as scene:
        press = modbus.Press(scene)
        press.start()
        collector = scene.collector(port=press.port, every_s=0.1).start()
        wait_for(lambda: scene.stored("strokes"), collector.output)
        press.program.kill()
        wait_for(lambda: scene.stored("strokes", bad=True), collector.output)
        wait_for(scene.hub.events, collector.output)
        press.start()
        wait_for(lambda: len(scene.hub.events()) == 2, collector.output)
        assert collector.stop() == 0
        assert len(scene.stored("strokes", bad=True)) == 1
        assert quality_of(scene, "strokes") == {"0", BAD_NO_COMMUNICATION}
