"""examples/gpio_events.py with gpiozero's mock pins. `tox -e examples`."""

import datetime as dt
import os
import subprocess
import sys

import pytest

from tests.examples import gpio
from tests.examples.scene import ENVIRONMENT, EXAMPLES, Scene, example_settings, wait_for

BAD_DEVICE = str(0x808B0000 - 2**32)


@pytest.mark.slow
def test_each_edge_and_each_pulse_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, SIGKILL of the collector twice; a pulse lasts a millisecond."""
    for comparison in gpio.run(tmp_path):
        figure("gpio_events", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 50


@pytest.fixture
def scene(tmp_path):
    with Scene(tmp_path, "gpio_events") as scene:
        yield scene


def started(scene, **changes):
    """The collector, and who moves its inputs; its first values are stored."""
    collector = gpio.collector_of(scene, **changes).start()
    wait_for(lambda: scene.stored("oil_temperature"), collector.output)
    return collector, gpio.Cabinet(scene)


def events(scene):
    rows = sorted(scene.hub.events(), key=lambda row: row["event"]["timestamp"])
    return [row["event"]["description"] for row in rows]


def values(scene, name):
    return [value for _when, value in sorted(scene.stored(name).items())]


def test_a_pulse_shorter_than_the_sampling_is_not_lost(scene):
    """Sampled once in ten seconds: ten pulses of a moment are ten counts."""
    collector, cabinet = started(scene, every_s=10.0)
    for _ in range(10):
        cabinet.drive("GPIO27", 0)
        cabinet.drive("GPIO27", 1)
    wait_for(lambda: 10 in values(scene, "strokes"), collector.output)
    assert collector.stop() == 0
    assert values(scene, "strokes") == list(range(11))


@pytest.mark.slow
def test_edges_are_events_and_bouncing_is_one(scene):
    """The first edge counts at once; the state that is left when it is quiet is the last one."""
    # No sync between two edges: a disk that is busy would make one long of it.
    collector, cabinet = started(scene, debounce_s=2.0, every_s=0.25, sync_every_s=60.0)

    def bounce(*levels):
        """Then it is quiet for longer than it may bounce."""
        cabinet.drive("GPIO17", *levels)
        now = dt.datetime.now(dt.timezone.utc).isoformat()

        def quiet():  # what was sampled before and arrives late says nothing
            return len([when for when in scene.stored("oil_temperature") if when > now]) > 10

        wait_for(quiet, collector.output)

    bounce(0, 1, 0, 1, 0)  # it opens
    assert values(scene, "door_open") == [False, True]
    bounce(1, 0, 1, 0, 1)  # it closes
    assert values(scene, "door_open") == [False, True, False]
    bounce(0, 1)  # it opens and closes in less than that
    wait_for(lambda: len(events(scene)) == 4, collector.output)
    assert collector.stop() == 0
    assert values(scene, "door_open") == [False, True, False, True, False]
    assert events(scene) == ["cabinet door open", "cabinet door open: over"] * 2


def test_a_threshold_is_two_events_whatever_trembles(scene):
    """Ten bits through the chip's protocol: 405 of 1023 are 80.6 °C."""
    collector, cabinet = started(scene)
    for raw in (400, 405, 395, 405, 387, 400):

        def there(raw=raw):
            return any(
                round((value + 50) / 330 * 1023) == raw
                for value in values(scene, "oil_temperature")[-3:]
            )

        cabinet.drive("adc 0", raw)
        wait_for(there, collector.output)
    wait_for(lambda: len(events(scene)) == 2, collector.output)
    assert collector.stop() == 0
    assert [text.partition(":")[0] for text in events(scene)] == ["oil too hot"] * 2
    assert "is above 80 °C" in events(scene)[0]
    assert "is below 75 °C" in events(scene)[1]


def test_an_analog_input_that_breaks_is_a_quality_code(scene):
    """Its last value, told once; the pins go on."""
    collector, cabinet = started(scene)
    cabinet.drive("adc 0", "broken")
    wait_for(lambda: scene.stored("oil_temperature", bad=True), collector.output)
    cabinet.drive("GPIO27", 0)
    wait_for(lambda: 1 in values(scene, "strokes"), collector.output)
    assert collector.stop() == 0
    codes = {row["quality"].get("oil_temperature") for row in scene.hub.stored()}
    assert BAD_DEVICE in codes
    assert "oil_temperature: cannot be read: no answer on SPI; is SPI switched on?" in (
        collector.output()
    )
    assert "Traceback" not in collector.output()


WRONG = {
    "a pin that does not exist": ('type = "BOOLEAN"\npin = "GPIO99"', "GPIO99 is not a valid pin"),
    "a pin that is taken": ('type = "BOOLEAN"\npin = "GPIO17"', "GPIO17 is already in use"),
    "a pin without a type": ('pin = "GPIO5"', "a pin is BOOLEAN, or LONG to count"),
    "neither pin nor channel": ('type = "BOOLEAN"', "give pin, or channel"),
    "an event without limits": ('channel = 1\nevent = "hot"', "wants event_on and event_off"),
    "a channel too many": ("channel = 8", "channel 8: 0 to 7"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_input_is_told_and_the_others_are_collected(scene, wrong):
    text, told = WRONG[wrong]
    collector = gpio.collector_of(scene, more=f'\n[[points]]\nid = "extra"\n{text}\n').start()
    wait_for(lambda: scene.stored("oil_temperature"), collector.output)
    assert collector.stop() == 0
    (line,) = [line for line in collector.output().splitlines() if told in line]
    assert "; " in line  # and a way out
    assert scene.stored("extra") == {}
    assert "Traceback" not in collector.output()


@pytest.mark.parametrize("factory", ["", "rpigpio"])
def test_a_machine_without_inputs_is_told_in_a_line(scene, factory):
    """Not for ever tried, and no traceback: this is no Raspberry Pi."""
    toml = example_settings(scene.folder, "gpio_events")
    run = subprocess.run(
        [sys.executable, os.path.join(EXAMPLES, "gpio_events.py"), toml],
        env={**ENVIRONMENT, **({"GPIOZERO_PIN_FACTORY": factory} if factory else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1, run.stderr
    assert "none of the inputs can be opened" in run.stderr
    assert "hint:" in run.stderr
    assert "Traceback" not in run.stderr
