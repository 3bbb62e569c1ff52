"""Records that come back: from the inbox, or from the rejected store, with a clock of 1970."""

from mcagent.inbox import Inbox
from mcagent.messages.kinds import SAMPLE
from mcagent.messages.timeseries import SampleEncoder
from mcagent.rejected import resolve
from mcagent.runtime import FileSystem
from tests.helpers import TemporaryDirectory
from tests.upload.wrongclock import MODEL, Device

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def test_messages_of_other_processes_have_their_own_clock():
    """Left in the inbox in 1970, taken in when the clock is set, or after a power cut."""
    with TemporaryDirectory() as path:
        device = Device(path)
        inbox = Inbox(path, FileSystem(), device.clock)

        def leave(number):
            device.truth[number] = device.clock.true_ms()
            sample = SampleEncoder(MODEL).encode({"n": number}, device.clock.now_ms())
            header = {"lane": "timeseries", "kind": SAMPLE, "configuration_id": "m1"}
            inbox.put(header, iter([sample]))
            device.clock.sleep_ms(1000)

        leave(1)
        device.agent.step(0)  # in 1970
        leave(2)
        device.clock.set()
        assert device.upload().pending == 0  # after it
        leave(3)
        device.power_cut()
        leave(4)
        assert device.upload().pending == 0  # in the next boot, which is in 1970 again
        device.clock.sleep_ms(HOUR_MS)
        leave(5)
        device.power_cut()
        assert device.upload().pending == 0
        errors = device.errors_ms()
        assert max(abs(error) for error in errors.values()) <= 500
        assert sorted(errors) == [1, 2, 3, 4, 5]


def test_a_message_of_a_lost_boot_is_kept_aside():
    """It must not be dated by the boot that takes it in."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.hub.offline = True
        inbox = Inbox(path, FileSystem(), device.clock)
        sample = SampleEncoder(MODEL).encode({"n": 1}, device.clock.now_ms())
        inbox.put({"lane": "timeseries", "kind": SAMPLE, "configuration_id": "m1"}, iter([sample]))
        device.agent._buffer.abandon()
        device.agent._state_lock.release()
        device.agent.closed = True
        device.agent = None
        device.clock.start(wall_ms=60_000)
        device.open()
        device.hub.offline = False
        assert device.upload().pending == 0
        assert device.hub.times() == {}
        assert any("nobody knows when" in note for note in device.agent.status().notes)
        device.agent.close()


def test_a_refused_sample_that_is_sent_again_has_its_true_time():
    """`mcagent rejected replay`, days and a power cut later."""
    with TemporaryDirectory() as path:
        device = Device(path)
        device.record(1, 666, 2, 3)
        device.hub.refuses = b'"value":"666"'
        device.upload()
        device.power_cut(DAY_MS)
        device.clock.set()
        device.hub.refuses = b"\0"
        outcome = resolve(device.agent._buffer, "replay", [("timeseries", 2)])
        assert len(outcome.done) == 1
        assert device.upload().pending == 0
        assert abs(device.errors_ms()[666]) <= 500
        device.agent.close()
