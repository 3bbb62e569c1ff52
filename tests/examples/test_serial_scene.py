"""examples/serial_line.py with a scale on a pty. `tox -e examples`."""

import itertools
import os
import signal

import pytest

from mcagent.messages.timestamp import parse_text
from tests.examples import serialline
from tests.examples.scene import Scene, wait_for

BAD_NO_COMMUNICATION = str(0x80310000 - 2**32)
BAD_DECODING = str(0x80070000 - 2**32)
BAD_SENSOR = str(0x808C0000 - 2**32)


@pytest.mark.slow
def test_what_the_scale_said_is_stored_whoever_is_killed(tmp_path, figure):
    """Half lines, damaged ones, an outage of the link, kills, a cable that is pulled."""
    lines = []
    for comparison in serialline.run(tmp_path, lines.append):
        figure("serial_line", comparison)
        assert comparison.equal, str(comparison)
        assert len(set(comparison.said) & set(comparison.stored)) > 100
    (line,) = [line for line in lines if line.startswith("quality codes")]
    assert BAD_DECODING in line
    assert BAD_NO_COMMUNICATION in line


def weighed(scene, line_every_s, *modes, until, more="", **changes):
    """Run the collector with the scale in *modes* until it holds; give its output."""
    scale = serialline.Scale(scene, line_every_s, *modes)
    scale.plug()
    collector = scene.collector(more=more, device=scale.device, **changes).start()
    wait_for(until, collector.output)
    wait_for(lambda: scene.hub.stored() or scene.hub.events(), collector.output)
    assert collector.stop() == 0
    assert "Traceback" not in collector.output()
    return collector.output(), scale


def told(collector_output, text):
    return [line for line in collector_output.splitlines() if text in line]


def log(scene):
    path = os.path.join(scene.folder, "serial_line.log")
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def test_columns_are_numbered_and_units_are_none_of_the_value(tmp_path):
    """A scale without a checksum: the rest of a line that nobody can judge is not taken."""
    with Scene(tmp_path, "serial_line") as scene:
        point = '\n[[points]]\nid = "stable"\ntype = "STRING"\nfield = "1"\n'
        _output, scale = weighed(
            scene,
            0.05,
            "csv",
            until=lambda: len(scene.stored("stable")) > 10,
            more=point + '\n[[points]]\nid = "mass"\nunit = "kg"\nfield = "2"\n'
            '\n[[points]]\nid = "number"\ntype = "LONG"\nfield = "3"\n',
            layout="csv",
            separator=",",
            checksum="",
        )
        masses = scene.stored("mass")
        for when, number in scene.stored("number").items():
            assert number in scale.said()
            assert masses[when] == number / 8
        assert set(scene.stored("stable").values()) == {"ST"}


def test_a_scale_faster_than_the_sampling_leaves_the_last_of_each_period(tmp_path, figure):
    """A hundred lines a second, five samples: steady, in order, none twice."""
    with Scene(tmp_path, "serial_line") as scene:
        _output, scale = weighed(
            scene, 0.01, until=lambda: len(scene.stored("pieces")) > 16, every_s=0.2
        )
        numbers = [number for _when, number in sorted(scene.stored("pieces").items())]
        assert numbers == sorted(set(numbers))
        assert set(numbers) <= set(scale.said())
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        figure("serial_line", f"lines between two samples: {sorted(steps)}")
        times = [parse_text(when) for when in sorted(scene.stored("pieces"))]
        phases = [(when - times[0] + 100) % 200 for when in times]
        drift_ms = min(phases[-8:]) - min(phases[:8])
        figure("serial_line", f"drift of the clock, {len(times)} samples: {drift_ms:+d} ms")
        assert abs(drift_ms) < 100, phases
        # A machine that is busy makes some of them longer, and none of them short for that.
        assert sorted(steps)[len(steps) // 2] > 4


def test_a_scale_slower_than_the_sampling_is_stored_once_a_line(tmp_path):
    """No line, no sample: a value is not said again and again as a new one."""
    with Scene(tmp_path, "serial_line") as scene:
        _output, scale = weighed(
            scene, 0.3, until=lambda: len(scene.stored("pieces")) > 4, every_s=0.05
        )
        numbers = list(scene.stored("pieces").values())
        assert len(set(numbers)) == len(numbers)
        assert set(numbers) <= set(scale.said())
        assert scene.stored("pieces", bad=True) == {}


def test_a_scale_that_must_be_asked_is_asked_on_the_clock(tmp_path):
    """One answer for each question."""
    with Scene(tmp_path, "serial_line") as scene:
        _output, scale = weighed(
            scene,
            0,
            "asked",
            until=lambda: len(scene.stored("pieces")) > 4,
            every_s=0.1,
            ask="S\r\n",
        )
        numbers = list(scene.stored("pieces").values())
        assert numbers == scale.said()[: len(numbers)]


def test_a_value_that_is_none_has_a_quality_code_and_spoils_no_other(tmp_path):
    """The weight of before, marked as that of a broken sensor; the pieces are good."""
    with Scene(tmp_path, "serial_line") as scene:
        output, _scale = weighed(
            scene, 0.05, "unfit", until=lambda: len(scene.stored("weight", bad=True)) > 2
        )
        assert told(output, "weight: '------' is no DOUBLE")
        pieces = scene.stored("pieces")
        bad = scene.stored("weight", bad=True)
        assert len(pieces) > len(bad)
        assert set(bad) <= set(pieces)
        for record in scene.hub.stored():
            if record["_time"] in bad:
                assert record["quality"]["weight"] == BAD_SENSOR


WRONG = {
    "a field that does not occur": ('field = "M"', "no line has a field 'M'; there are N, W"),
    "another type": ('field = "W"\ntype = "LONG"', "is no LONG"),
    "a short one": ('field = "W"\ntype = "STRING"\nlength = 3', "the data point's own length"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_point_is_told_and_the_others_are_collected(tmp_path, wrong):
    """One line with the way out."""
    text, words = WRONG[wrong]
    with Scene(tmp_path, "serial_line") as scene:
        output, _scale = weighed(
            scene,
            0.02,
            until=lambda: words in log(scene),
            more=f'\n[[points]]\nid = "extra"\n{text}\n',
        )
        assert "extra " in output.splitlines()[-1]
        assert scene.stored("pieces")


def test_a_wrong_checksum_in_the_file_stores_nothing_and_names_what_to_look_at(tmp_path):
    """Both sums stand in the line of the log."""
    with Scene(tmp_path, "serial_line") as scene:
        scale = serialline.Scale(scene, 0.02)
        scale.plug()
        collector = scene.collector(device=scale.device, checksum="sum").start()
        wait_for(lambda: "(10 times)" in collector.output(), collector.output)
        assert collector.stop() == 0
        assert "has the checksum b'" in collector.output()
        assert scene.hub.stored() == []


def test_noise_without_an_end_takes_no_memory(tmp_path):
    """Another baud rate looks like this."""
    with Scene(tmp_path, "serial_line") as scene:
        scale = serialline.Scale(scene, 0.01, "flood")
        scale.plug()
        collector = scene.collector(device=scale.device).start()
        wait_for(lambda: "bytes without an end (10 times)" in collector.output(), collector.output)
        assert collector.stop() == 0
        assert scene.hub.stored() == []


@pytest.mark.slow
def test_a_device_that_is_silent_or_not_there_is_lost_and_comes_back(tmp_path):
    """Plugged in later, silent, pulled: the last values each time, once, with a quality code."""
    with Scene(tmp_path, "serial_line") as scene:
        scale = serialline.Scale(scene, 0.05)
        collector = scene.collector(device=scale.device, silent_s=3.0).start()

        def more_is_stored():
            known = max(scene.stored("pieces").values(), default=0)
            wait_for(
                lambda: max(scene.stored("pieces").values(), default=0) > known + 2,
                collector.output,
            )

        wait_for(scene.hub.events, collector.output)
        scale.plug()
        more_is_stored()
        scale.program.signal(signal.SIGSTOP)
        wait_for(lambda: len(scene.stored("pieces", bad=True)) == 1, collector.output)
        assert told(collector.output(), "no connection, trying again: no line for 3 s")
        scale.program.signal(signal.SIGCONT)
        more_is_stored()
        scale.program.signal(signal.SIGSTOP)
        last = scale.said()[-2:]  # the very last may not have left it
        wait_for(lambda: last[0] in scene.stored("pieces").values(), collector.output)
        scale.unplug()  # all that left it has been read
        wait_for(lambda: len(scene.stored("pieces", bad=True)) == 2, collector.output)
        scale.plug()
        more_is_stored()
        assert collector.stop() == 0
        bad = sorted(scene.stored("pieces", bad=True).items())
        assert len(bad) == 2
        assert bad[1][1] in last
        codes = {record["quality"]["weight"] for record in scene.hub.stored()}
        assert codes == {"0", BAD_NO_COMMUNICATION}
        assert len(told(collector.output(), "no connection, trying again")) == 3
        events = [row["event"]["description"] for row in scene.hub.events()]
        assert len(events) == 2, "one pair a minute"
        assert "connected again, 1 losses" in events[1]


WRONG_SETTINGS = [
    ({"format": "8X1"}, 'such as "8N1"'),
    ({"layout": "table"}, '"pairs" or "csv"'),
    ({"checksum": "md5"}, "xor, sum, crc16"),
    ({"ask": "S"}, "every_s says how often"),
]


@pytest.mark.parametrize(("changes", "hint"), WRONG_SETTINGS)
def test_a_wrong_setting_ends_it_with_the_way_out(tmp_path, changes, hint):
    with Scene(tmp_path, "serial_line") as scene:
        collector = scene.collector(device="/dev/null", **changes).start()
        wait_for(collector.ended, collector.output)
        assert collector.stop() == 1
        assert hint in collector.output()
        assert "Traceback" not in collector.output()
