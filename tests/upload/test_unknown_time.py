# portable
"""What arrives of a device that did not know the time: record → wire, with a clock of 1970."""

from mcagent.messages.event import Event
from mcagent.messages.file import File
from mcagent.messages.kinds import SAMPLE
from tests.helpers import TemporaryDirectory
from tests.upload.wrongclock import TRUE_MS, Device

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def test_samples_of_1970_arrive_with_their_time():
    """The platform's answer tells the time; distances stay exact, the second is the platform's."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1, 2, 3, every_ms=1234)
        device.clock.sleep_ms(3 * HOUR_MS)
        device.record(4)
        assert device.upload().pending == 0
        errors = device.errors_ms()
        assert sorted(errors) == [1, 2, 3, 4]
        assert set(errors.values()) == {errors[1]}
        assert abs(errors[1]) <= 500
        device.agent.close()


def test_a_clock_that_was_set_corrects_to_the_millisecond():
    """NTP came before the upload: its word is finer than the platform's seconds."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1, 2)
        device.clock.sleep_ms(2 * DAY_MS)
        device.record(3)
        device.clock.set()
        device.record(4)
        assert device.upload().pending == 0
        assert device.errors_ms() == {1: 0, 2: 0, 3: 0, 4: 0}
        device.agent.close()


def test_a_clock_set_wrong_by_hand_is_not_believed_against_the_platform():
    """Plausible, and 40 days off what the platform says: the samples of 1970 go by the platform."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.agent.onboard()
        device.record(1)
        device.clock.set(device.clock.true_ms() + 40 * DAY_MS)
        assert device.upload().pending == 0
        assert abs(device.errors_ms()[1]) <= 500
        device.agent.close()


def test_a_clock_that_is_wrong_but_possible_is_followed_and_told():
    """What Raspberry Pi OS restores at the start: a day behind, and it looks right."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.clock.set(device.clock.true_ms() - DAY_MS)
        device.agent.onboard()
        device.record(1)
        assert device.agent.status().upload["clock"]["wrong"] == ""
        assert device.upload().pending == 0
        assert device.errors_ms() == {1: -DAY_MS}
        device.agent.upload()
        told = device.agent.status().upload["clock"]["wrong"]
        assert "(1.0 days) behind the platform's, and samples carry its times" in told, told
        device.clock.set()
        device.agent.upload()
        assert device.agent.status().upload["clock"]["wrong"] == ""
        device.agent.close()


def test_the_buffer_keeps_what_the_clock_said():
    """Only the outgoing copy is corrected."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1)
        before = device.agent._buffer.first_record("timeseries").payload
        device.hub.loses = 1
        device.upload()
        assert device.hub.lost
        device.hub.offline = True
        device.record(2)
        device.upload()
        device.restart()
        left = device.agent._buffer.first_record("timeseries")
        assert b"1970-01-01T00:00:05.000Z" in before
        assert left is None or b"1970-01-01" in left.payload
        device.agent.close()


def test_a_sample_sent_twice_has_one_time():
    """Fixed once: neither NTP, nor another answer, nor a restart, nor a power cut moves it."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.upload()  # the model
        device.record(1, 2)
        seen = []
        for change in (
            lambda: device.clock.set(device.clock.true_ms() + 7000),
            device.restart,
            lambda: device.clock.set(device.clock.true_ms() - 9000),
            device.power_cut,
        ):
            device.hub.loses = 1
            device.agent._outgoing._get()._dispatch.pause_until_ms = 0
            device.agent.step(0)
            for _ in range(5):
                if device.hub.loses:
                    device.clock.sleep_ms(1000)
                    device.agent.step(0)
            seen.append(device.hub.times(device.hub.lost))
            device.hub.lost = []
            change()
        assert seen[0]
        assert seen == [seen[0]] * len(seen)
        assert device.upload().pending == 0
        assert device.hub.times() == seen[0]
        device.agent.close()


def test_what_a_boot_left_behind_is_corrected_in_the_next_ones():
    """The time was known in that boot, and the link was gone."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.agent.onboard()  # its answer tells the time
        device.record(1, 2)
        device.agent.step(0)
        device.hub.offline = True
        device.record(3)
        device.power_cut(DAY_MS)
        device.power_cut(DAY_MS)
        device.record(4)
        device.hub.offline = False
        assert device.upload().pending == 0
        errors = device.errors_ms()
        assert sorted(errors) == [1, 2, 3, 4]
        assert max(abs(error) for error in errors.values()) <= 500
        device.agent.close()


def test_a_script_that_only_records_remembers_the_time():
    """NTP came between two runs, and the power went before the upload."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1)
        device.restart()
        device.clock.set()
        device.restart()
        device.record(2)
        device.power_cut()
        assert device.upload().pending == 0
        assert device.errors_ms() == {1: 0, 2: 0}
        device.agent.close()


def lost_boot(path, **settings):
    """Two samples of a boot that ended without a time, then one of the next."""
    device = Device(path, **settings)
    device.hub.offline = True
    device.record(1, 2)
    device.power_cut()
    device.record(3)
    device.hub.offline = False
    return device


def test_samples_of_a_lost_boot_are_kept_back_and_block_nothing():
    """The default: in the rejected store, with the reason; what follows goes out, corrected."""
    with TemporaryDirectory() as path:
        device = lost_boot(path)
        assert device.upload().pending == 0
        assert list(device.errors_ms()) == [3]
        status = device.agent.status()
        assert device.agent._buffer.status()["rejected"]["records"] == 2
        assert status.upload["clock"]["kept"] == 2
        assert "earlier start" in status.upload["clock"]["note"]
        assert "rejected" in status.upload["clock"]["note"]
        kept = device.agent._buffer.cut("rejected", max_bytes=1000, max_records=1)
        payload = list(kept.records())[0].payload  # noqa: RUF015 - no next() with a default there
        assert b"nobody knows when" in payload.split(b"\n")[0]
        assert b"1970-01-01T00:00:05.000Z" in payload.split(b"\n")[1]
        device.agent._buffer.release(kept)
        device.agent.close()


def test_samples_of_a_lost_boot_are_sent_as_they_are_where_that_is_wanted():
    with TemporaryDirectory() as path:
        device = lost_boot(path, unknown_time="send")
        assert device.upload().pending == 0
        times = device.hub.times()
        assert (times[1], times[2]) == (5000, 6000)
        assert abs(times[3] - device.truth[3]) <= 500
        device.agent.close()


def test_samples_of_a_lost_boot_are_counted_where_they_are_given_up():
    with TemporaryDirectory() as path:
        device = lost_boot(path, unknown_time="drop")
        assert device.upload().pending == 0
        assert list(device.errors_ms()) == [3]
        status = device.agent.status()
        assert status.lanes["timeseries"]["dropped"]["age"]["records"] == 2
        assert device.agent._buffer.status()["rejected"]["records"] == 0
        device.clock.sleep_ms(6000)
        device.upload()
        assert any(b"records-lost" in body for body in device.hub.bodies), "and told"
        device.agent.close()


def test_a_lost_boot_larger_than_one_batch_goes_in_order():
    """Hundreds of them, and one with the time of a better clock between."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.hub.offline = True
        device.record(*range(230), every_ms=10)
        device.record(230, timestamp=TRUE_MS - HOUR_MS)
        device.record(*range(231, 260))
        device.power_cut()
        device.record(700)
        device.hub.offline = False
        assert device.upload().pending == 0
        assert device.hub.times()[230] == TRUE_MS - HOUR_MS
        assert sorted(device.hub.times()) == [230, 700]
        assert device.agent._buffer.status()["rejected"]["records"] == 259
        device.agent.close()


def test_times_of_a_better_clock_stay_as_they_are():
    """A PLC's own time, and history, are no reading of this device's clock; its own reading is."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.clock.sleep_ms(HOUR_MS)
        plc_ms, history_ms = device.clock.true_ms(), 1_550_000_000_000
        device.record(1, timestamp=plc_ms)
        device.record(2, timestamp=history_ms)
        read_ms = device.clock.now_ms() - 600_000
        device.record(3, timestamp=read_ms)
        truth_ms = device.truth[3] - 600_000
        assert device.upload().pending == 0
        times = device.hub.times()
        assert times[1] == plc_ms
        assert times[2] == history_ms
        assert abs(times[3] - truth_ms) <= 1500
        device.agent.close()


def test_events_and_files_are_corrected_too():
    """And go out as they are where their boot is lost: an alarm with an odd time is an alarm."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.hub.offline = True
        device.agent.submit(Event('lost "timestamp":"1999"'[:4]))
        device.agent.submit(File(b"x", name="lost.txt"))
        device.power_cut()
        truth_ms = device.clock.true_ms()
        device.agent.submit(Event("early", correlation_id='"timestamp":"1999'))
        device.agent.submit(Event("given", timestamp=TRUE_MS))
        device.agent.submit(File(b"x", name="early.txt"))
        device.clock.sleep_ms(HOUR_MS)
        device.hub.offline = False
        assert device.upload().pending == 0
        events, files = device.hub.event_times(), device.hub.file_times()
        assert abs(events["early"] - truth_ms) <= 500
        assert events["given"] == TRUE_MS
        assert abs(files["early.txt"] - truth_ms) <= 500
        assert events["lost"] == files["lost.txt"] == 5000
        device.agent.close()


def test_never_a_clock_at_all():
    """Nobody tells the time: alarms go out, samples wait with a word, and go once it is known."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.hub.tells = False
        device.record(1, 2)
        device.agent.submit(Event("stop"))
        assert device.upload().pending == 2
        assert list(device.hub.event_times()) == ["stop"]
        held = device.agent.status().upload["held"]["timeseries"]
        assert "1970-01-01T00:0" in held
        assert "no answer of the platform named a time" in held
        device.clock.set()
        device.record(3)
        assert device.upload().pending == 0
        assert device.errors_ms() == {1: 0, 2: 0, 3: 0}
        device.agent.close()


def test_a_suspended_device_keeps_its_distances():
    """Eight hours asleep between two samples of a clock that was not set."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1)
        device.clock.sleep_ms(8 * HOUR_MS)  # the steady clock counts sleep
        device.record(2)
        assert device.upload().pending == 0
        times = device.hub.times()
        assert times[2] - times[1] == 8 * HOUR_MS + 1000
        device.agent.close()


def test_jumps_of_a_clock_that_may_be_right_are_followed():
    """Each way, far or by a little: a sample has the time of the clock, and none meets another."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.clock.set()
        expected, number = {}, 0
        for jump_ms in (0, HOUR_MS, -2 * HOUR_MS, 700, -700, 40 * DAY_MS, -40 * DAY_MS - 7, -1):
            device.clock.set(device.clock.now_ms() + jump_ms)
            for _ in range(3):
                expected[number] = device.clock.now_ms()
                device.record(number, every_ms=100)
                number += 1
            if number == 12:
                assert device.upload().pending == 0
        assert device.upload().pending == 0
        times = device.hub.times()
        assert len(times) == len(expected)
        assert len(set(times.values())) == len(expected)
        for number, expected_ms in expected.items():
            assert 0 <= times[number] - expected_ms <= 1000, number
        device.agent.close()


def test_the_clock_jumps_back_to_1970_and_forth():
    """A battery that fails while the device runs: what it says meanwhile is corrected."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.clock.set()
        device.record(1)
        device.clock.set(86_400_000)
        device.record(2, 3)
        device.clock.set()
        device.record(4)
        assert device.upload().pending == 0
        assert device.errors_ms() == {1: 0, 2: 0, 3: 0, 4: 0}
        device.agent.close()


def test_the_year_2038_is_a_year_like_any_other():
    """Across 2 ** 31 seconds, recorded, corrected, signed and sent."""
    with TemporaryDirectory() as path:
        device = Device(path)
        edge_ms = 2**31 * 1000
        device.clock.set(edge_ms - 1500)
        device.record(1, 2, 3)
        assert device.upload().pending == 0
        assert device.hub.times() == {1: edge_ms - 1500, 2: edge_ms - 500, 3: edge_ms + 500}
        device.agent.close()
    with TemporaryDirectory() as path:
        device = Device(path)
        device.clock._began_ms = edge_ms - 5000 - 1500
        device.record(1, 2, 3)
        assert device.upload().pending == 0
        errors = device.errors_ms()
        assert max(abs(error) for error in errors.values()) <= 500
        device.agent.close()


def test_a_disk_that_refuses_the_entry_costs_only_time():
    """Nothing is corrected before it is durable; other lanes go on, and samples do once it is."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1)
        device.agent.submit(Event("stop"))
        boots = device.agent._buffer.boots
        write = boots._fix

        def refuse(*_args):
            raise OSError(28, "No space left on device")

        boots._fix = refuse
        assert device.upload().pending == 1
        assert "No space left" in device.agent.status().upload["held"]["timeseries"]
        assert list(device.hub.event_times()) == ["stop"]
        boots._fix = write
        device.clock.sleep_ms(60_000)
        assert device.upload().pending == 0
        assert abs(device.errors_ms()[1]) <= 500
        device.agent.close()


def test_a_refused_sample_keeps_its_correction():
    """What the store keeps is what the clock said, and how far it was off."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1, 666, 2, 3)
        device.hub.refuses = b'"value":"666"'
        assert device.upload().pending == 0
        assert sorted(device.hub.times()) == [1, 2, 3]
        assert max(abs(error) for error in device.errors_ms().values()) <= 500
        kept = device.agent._buffer.cut("rejected", max_bytes=1000, max_records=1)
        head, payload = list(kept.records())[0].payload.split(b"\n")  # noqa: RUF015
        assert b"1970-01-01" in payload
        shift_ms = int(head.split(b'"shift_ms": ')[1].split(b"}")[0].split(b",")[0])
        assert abs(shift_ms + 6000 - device.truth[666]) <= 500
        assert kept.kind == SAMPLE
        device.agent._buffer.release(kept)
        device.agent.close()
