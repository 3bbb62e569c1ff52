"""The agent on its own: in, out, model, clock, inbox, errors. No network here."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mcagent import (
    Agent,
    AgentError,
    BufferFull,
    BufferSettings,
    ConfigurationError,
    DataModel,
    DataPoint,
    DataSource,
    Event,
    File,
    InvalidMessage,
    LaneSettings,
    NotOnboarded,
    TimeSeries,
    UploadSettings,
)
from mcagent.emulator import Emulator
from mcagent.inbox import Inbox
from mcagent.intake import MAX_LEAD_MS
from mcagent.messages.kinds import SAMPLE
from mcagent.observer import read_status
from mcagent.runtime import Clock, FileSystem

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])


class StoppedClock(Clock):
    """A wall clock that moves only when a test moves it; the rest is real."""

    def __init__(self, now_ms=1_790_000_000_000):
        super().__init__()
        self.wall_ms = now_ms

    def now_ms(self):
        return self.wall_ms


def stored(agent, lane="timeseries"):
    """Payloads of a lane, parsed, oldest first."""
    agent.flush()
    batch = agent._buffer.cut(lane, max_bytes=10_000_000, max_records=100_000)
    if batch is None:
        return []
    rows = json.loads(b"[" + b"".join(batch.chunks()) + b"]")
    agent._buffer.release(batch)
    return rows


VALID = b'{"timestamp":"2026-01-01T00:00:00.000Z","values":[]}'


def test_recording_works_before_onboarding_and_without_a_boarding_file(tmp_path):
    """`record` and `submit` store; `upload` says what is missing."""
    with Agent.open(str(tmp_path)) as agent:
        receipt = agent.record({"temperature": 21.4}, durable=True)
        agent.submit(Event("coolant low"))
        assert receipt.durable
        assert not receipt.delivered
        assert agent.status().pending == 2
        with pytest.raises(NotOnboarded) as caught:
            agent.upload(timeout_s=0)
        assert "boarding" in caught.value.hint


@pytest.mark.parametrize("left", ["gone", "empty", "spoiled", "a folder"])
def test_a_device_that_was_onboarded_does_without_its_boarding_file(tmp_path, left):
    """Somebody tidied up: it goes on recording and sending, and says so."""
    path = tmp_path / "agentconfig.json"
    with Emulator(tls=False) as hub:
        path.write_text(json.dumps(hub.create_agent("press-7", automap=True)))
        with Agent.open(tmp_path / "state", boarding=path) as agent:
            assert agent.onboard()
        path.unlink()
        if left == "a folder":
            path.mkdir()
        elif left != "gone":
            path.write_text("" if left == "empty" else '{"content": {}}')
        with Agent.open(tmp_path / "state", boarding=path) as agent:
            agent.submit(MODEL)
            agent.record({"strokes": 7})
            assert agent.upload().pending == 0
            (note,) = agent.status().notes
        assert "agentconfig.json" in note
        assert "needs none" in note


def test_a_device_that_never_was_is_told_what_is_wrong_with_the_file(tmp_path):
    for path, words in (("gone.json", "there is no boarding"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationError, match=words):
            Agent.open(tmp_path / "state", boarding=path)


def test_what_was_recorded_is_there_after_reopening(tmp_path):
    """Leaving `with` flushes."""
    with Agent.open(str(tmp_path)) as agent:
        agent.record({"strokes": 7}, timestamp=1_790_000_000_000)
    with Agent.open(str(tmp_path)) as agent:
        (row,) = stored(agent)
    assert row["timestamp"] == "2026-09-21T14:13:20.000Z"
    assert row["values"] == [{"dataPointId": "strokes", "value": "7", "qualityCode": "0"}]


def test_default_timestamps_never_repeat(tmp_path):
    """The same millisecond twice would replace a record on the platform."""
    with Agent.open(str(tmp_path), clock=StoppedClock()) as agent:
        for number in range(100):
            agent.record({"n": number})
        times = [row["timestamp"] for row in stored(agent)]
    assert len(set(times)) == 100
    assert times == sorted(times)


def test_a_lead_of_more_than_a_second_is_an_error_that_says_why(tmp_path):
    """The 1 001st sample of one stopped millisecond is still allowed, the next is refused."""
    with Agent.open(str(tmp_path), clock=StoppedClock()) as agent:
        for number in range(MAX_LEAD_MS + 1):
            agent.record({"n": number})
        with pytest.raises(InvalidMessage, match="explicit timestamps"):
            agent.record({"n": 0})
        agent._clock.wall_ms += 1
        agent.record({"n": 1})
        assert len(stored(agent)) == MAX_LEAD_MS + 2


def test_a_clock_that_is_set_back_is_followed(tmp_path):
    """An NTP correction of an hour must not make every call fail for an hour."""
    clock = StoppedClock()
    with Agent.open(str(tmp_path), clock=clock) as agent:
        agent.record({"n": 1})
        clock.wall_ms -= 3_600_000
        agent.record({"n": 2})
        first, second = stored(agent)
    assert second["timestamp"] < first["timestamp"]


def test_times_do_not_repeat_across_a_restart(tmp_path):
    """The lead of a burst is remembered."""
    clock = StoppedClock()
    with Agent.open(str(tmp_path), clock=clock) as agent:
        for number in range(500):
            agent.record({"n": number})
    with Agent.open(str(tmp_path), clock=clock) as agent:
        agent.record({"n": 500})
        times = [row["timestamp"] for row in stored(agent)]
    assert len(set(times)) == 501


def test_record_many_counts_rows_of_a_long_list(tmp_path):
    """A list is stored in parts; the row is named by its place in the whole."""
    with Agent.open(str(tmp_path)) as agent:
        rows = [(1_790_000_000_000 + number, {"a": number}) for number in range(350)]
        assert agent.record_many(rows) == 350
        rows[230] = (1_790_000_000_000, {"a": object()})
        with pytest.raises(InvalidMessage, match="row 230"):
            agent.record_many(rows)
        rows[230] = (1_790_000_000_000, {})
        rows[120] = (1_790_000_000_000, {"a": "x" * 900_000})
        small = BufferSettings(timeseries=LaneSettings(64 * 1024))
    with Agent.open(str(tmp_path / "small"), buffer=small) as agent:
        with pytest.raises(InvalidMessage, match="row 120"):
            agent.record_many(rows)
        assert agent.status().lanes["timeseries"]["next_sequence"] == 121
    with Agent.open(str(tmp_path)) as agent:
        assert agent.status().lanes["timeseries"]["next_sequence"] == 581


def test_record_many_names_the_row_and_keeps_those_before_it(tmp_path):
    """A bad row ends the call; the good rows before it are stored."""
    rows = [(1_790_000_000_000, {"n": 1}), (1_790_000_000_001, {"n": float("nan")})]
    with Agent.open(str(tmp_path)) as agent:
        with pytest.raises(InvalidMessage, match=r"^row 1: ") as caught:
            agent.record_many(rows)
        assert caught.value.hint
        assert len(stored(agent)) == 1
        assert agent.record_many(rows[:1]) == 1


def test_a_sample_is_checked_against_the_model_before_anything_is_written(tmp_path):
    """Unknown point and wrong type are refused at the door, also after a restart."""
    with Agent.open(str(tmp_path)) as agent:
        agent.submit(MODEL)
    with Agent.open(str(tmp_path)) as agent:
        with pytest.raises(InvalidMessage, match="temperature"):
            agent.record({"temperature": 1.0})
        with pytest.raises(InvalidMessage, match="strokes"):
            agent.record({"strokes": "many"})
        assert stored(agent) == []


def test_an_unchanged_model_is_stored_once(tmp_path):
    """A script submits its model at each start; a PUT each time would delete mappings."""
    for _ in range(3):
        with Agent.open(str(tmp_path)) as agent:
            receipt = agent.submit(MODEL)
            assert receipt.sequence == 1
            assert agent.status().lanes["models"]["records"] == 1


def test_a_changed_length_is_in_force_without_another_model(tmp_path):
    """Lengths are not sent, so the platform need not hear of them; they are checked here."""

    def model(length):
        point = DataPoint("serial", "STRING", length=length)
        return DataModel("press-7", [DataSource("press", [point])])

    with Agent.open(str(tmp_path)) as agent:
        agent.submit(model(5))
        with pytest.raises(InvalidMessage, match="serial"):
            agent.record({"serial": "123456"})
        agent.submit(model(6))
        agent.record({"serial": "123456"})
        assert agent.status().lanes["models"]["records"] == 1
    with Agent.open(str(tmp_path)) as agent:
        agent.record({"serial": "123456"})


def test_the_models_lane_is_right_when_model_json_is_older(tmp_path):
    """A cut between the two leaves the new model in force."""
    with Agent.open(str(tmp_path)) as agent:
        agent.submit(MODEL)
    os.unlink(tmp_path / "model.json")
    with Agent.open(str(tmp_path)) as agent:
        assert agent.model == MODEL


def test_a_damaged_model_file_is_said_and_not_fatal(tmp_path):
    """Recording goes on, unchecked."""
    (tmp_path / "model.json").write_bytes(b"{")
    with Agent.open(str(tmp_path)) as agent:
        agent.record({"anything": 1})
        assert any("model.json" in note for note in agent.status().notes)


def test_a_second_owner_is_refused_with_the_name_of_the_first(tmp_path):
    """The error names the process that holds the directory."""
    with Agent.open(str(tmp_path)):
        with pytest.raises(ConfigurationError, match="pid %d" % os.getpid()):
            Agent.open(str(tmp_path))
    Agent.open(str(tmp_path)).close()


def test_an_unusable_directory_is_a_clear_error(tmp_path):
    """A file where the directory should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        Agent.open(str(tmp_path / "state"))
    assert str(tmp_path / "state") in caught.value.message
    assert caught.value.hint


def test_something_that_is_no_message_is_refused(tmp_path):
    """A dict handed to `submit` is told to go to `record`."""
    with Agent.open(str(tmp_path)) as agent:
        with pytest.raises(InvalidMessage) as caught:
            agent.submit({"temperature": 1})
    assert "record()" in caught.value.hint


def test_a_file_survives_the_deletion_of_its_original(tmp_path):
    """The receipt is durable because the content was copied."""
    original = tmp_path / "report.txt"
    original.write_bytes(b"shift report")
    with Agent.open(str(tmp_path / "state")) as agent:
        receipt = agent.submit(File(str(original)))
        original.unlink()
        assert receipt.durable
        assert agent.status().lanes["files"]["records"] == 1


def test_closing_twice_is_harmless(tmp_path):
    """`close` inside `with`."""
    with Agent.open(str(tmp_path)) as agent:
        agent.close()


def test_the_inbox_of_another_process_is_taken_in(tmp_path):
    """Left by `put`, stored at the next step, gone from the inbox."""
    header = {"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}
    payload = TimeSeries({"n": 1}, timestamp=1_790_000_000_000)
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(str(tmp_path)) as agent:
        inbox.put(
            header,
            [
                agent._intake._encoder.encode(
                    payload.values, 1_790_000_000_000, payload.quality_code
                )
            ],
        )
        assert agent.status().inbox == 1
        agent.step(0)
        assert agent.status().inbox == 0
        assert [row["values"][0]["value"] for row in stored(agent)] == ["1"]


def test_two_threads_take_a_message_of_the_inbox_once(tmp_path, monkeypatch):
    """The background thread, and `upload` in the script's."""
    header = {"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(str(tmp_path)) as agent:
        for number in range(20):
            at_ms = 1_790_000_000_000 + number
            inbox.put(header, [agent._intake._encoder.encode({"n": number}, at_ms, None)])
        take = agent._intake._take

        def slowly(message, note):
            time.sleep(0.002)
            take(message, note)

        monkeypatch.setattr(agent._intake, "_take", slowly)
        threads = [threading.Thread(target=agent.step, args=(0,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [row["values"][0]["value"] for row in stored(agent)]
        assert sorted(found, key=int) == [str(number) for number in range(20)]


def test_a_damaged_inbox_message_is_kept_aside_and_the_rest_taken(tmp_path):
    """One bad file does not stop the others."""
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(str(tmp_path)) as agent:
        inbox.put({"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}, [VALID])
        (tmp_path / "inbox" / "000000000000000-bad.msg").write_bytes(b"not json\n")
        agent.step(0)
        assert agent.status().inbox == 0
        assert agent.status().lanes["timeseries"]["records"] == 1
    assert (tmp_path / "inbox" / "000000000000000-bad.bad").exists()


def test_an_inbox_that_nobody_empties_is_full_with_a_reason(tmp_path, monkeypatch):
    """A dead service is noticed by the commands that feed it."""
    monkeypatch.setattr("mcagent.inbox.MAX_MESSAGES", 2)
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    for _ in range(2):
        inbox.put({"lane": "events"}, [b"{}"])
    with pytest.raises(BufferFull) as caught:
        inbox.put({"lane": "events"}, [b"{}"])
    assert "service" in caught.value.hint


def test_an_error_of_the_background_thread_reaches_status_and_stop(tmp_path, monkeypatch):
    """Nothing is swallowed: the thread goes on, `status` shows it, `stop` raises it."""
    monkeypatch.setattr("mcagent.worker._WAIT_AFTER_ERROR_MS", 250)
    with Agent.open(str(tmp_path)) as agent:

        def fail(_budget_ms):
            raise ZeroDivisionError("planted")

        agent.step = fail
        agent.start()
        _until(lambda: agent.status().worker["errors"] >= 2)
        assert agent.status().worker["alive"]
        assert "planted" in agent.status().worker["last_error"]
        with pytest.raises(ZeroDivisionError):
            agent.stop()


def test_run_counts_errors_tells_the_first_and_the_tenth_and_goes_on(tmp_path, caplog):
    """A sensor that fails now and then does not end the service."""
    calls = []

    def collect():
        calls.append(len(calls))
        if len(calls) == 24:
            os.kill(os.getpid(), signal.SIGTERM)
        if len(calls) % 2:
            raise ValueError("sensor")
        return {"n": len(calls)}

    with Agent.open(str(tmp_path)) as agent:
        agent.run(collect, every_s=0.01)
        assert agent.status().loop["errors"] == {"ValueError": 12}
        assert agent.status().loop["samples"] == 12
        assert len(stored(agent)) == 12
    told = [one.getMessage() for one in caplog.records if "collect failed" in one.message]
    assert [text.endswith("sensor (10 times)") for text in told] == [False, True]


def test_run_that_is_stopped_ends_well_whatever_its_thread_met(tmp_path, monkeypatch, caplog):
    """`systemctl stop` of a service that was refused is no failure: the error stands in the log."""
    monkeypatch.setattr("mcagent.worker._WAIT_AFTER_ERROR_MS", 250)
    with Agent.open(str(tmp_path)) as agent:

        def fail(_budget_ms):
            raise ConfigurationError("planted", hint="dig it out")

        def collect():
            if agent.status().worker["errors"]:
                os.kill(os.getpid(), signal.SIGTERM)

        agent.step = fail
        agent.run(collect, every_s=0.01)
        assert agent.status().worker is None
    assert (
        "ended; the last error of the upload thread was ConfigurationError" in caplog.messages[-1]
    )
    assert "dig it out" in caplog.messages[-1]


def test_run_refuses_a_period_that_is_none(tmp_path):
    """0 and negative periods."""
    with Agent.open(str(tmp_path)) as agent:
        for every_s in (0, -1):
            with pytest.raises(ConfigurationError, match="every_s"):
                agent.run(dict, every_s=every_s)


_CHILD = """
import sys, time
from mcagent import Agent
agent = Agent.open(sys.argv[1])
agent.record({"n": 1})
print("ready", flush=True)
if sys.argv[2] == "exit":
    sys.exit(0)
time.sleep(600)
"""


@pytest.mark.parametrize("way", ["exit", "sigterm"])
def test_the_end_of_the_process_flushes(tmp_path, way):
    """Interpreter exit and SIGTERM keep what was only in RAM; SIGTERM still ends the process."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path), way], stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    if way == "sigterm":
        child.send_signal(signal.SIGTERM)
    assert child.wait(90) == (0 if way == "exit" else -signal.SIGTERM)
    child.stdout.close()
    with Agent.open(str(tmp_path)) as agent:
        assert len(stored(agent)) == 1


def test_a_full_disk_is_buffer_full_with_a_way_out(tmp_path):
    """ENOSPC at the append: nothing accepted is lost, the error says what to do."""

    class FullDisk(FileSystem):
        full = False

        def open(self, path, **mode):
            if self.full and mode.get("create"):
                raise OSError(28, "No space left on device")
            return super().open(path, **mode)

    fs = FullDisk()
    with Agent.open(str(tmp_path), fs=fs) as agent:
        agent.record({"n": 1}, durable=True)
        fs.full = True
        with pytest.raises(AgentError) as caught:
            agent.submit(Event("first of its lane"))
        assert isinstance(caught.value, BufferFull)
        assert "space" in caught.value.hint
        fs.full = False
        agent.submit(Event("again"))
        assert agent.status().pending == 2


def _until(condition, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_status_is_read_without_the_lock_and_changes_nothing(tmp_path):
    """A second process sees what is on disk while the owner goes on."""
    with Agent.open(str(tmp_path)) as agent:
        agent.submit(MODEL)
        for number in range(5):
            agent.record({"strokes": number}, durable=True)
        before = _snapshot(tmp_path)
        status = read_status(str(tmp_path))
        assert status.lanes["timeseries"]["records"] == 5
        assert status.model == "press-7"
        assert status.to_dict()["upload"]["session"]["onboarded"] is False
        assert _snapshot(tmp_path) == before
        agent.record({"strokes": 6}, durable=True)
    with pytest.raises(ConfigurationError, match="no state directory"):
        read_status(str(tmp_path / "nowhere"))


def _snapshot(directory):
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_a_closed_agent_touches_nothing(tmp_path):
    """Another process may own the directory by then, and use its credentials."""
    agent = Agent.open(str(tmp_path))
    agent.close()
    calls = [
        lambda: agent.record({"n": 1}),
        lambda: agent.submit(Event("late")),
        agent.onboard,
        lambda: agent.upload(timeout_s=0),
        lambda: agent.step(0),
        agent.start,
        agent.status,
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match="closed"):
            call()


def test_run_ends_when_the_agent_is_closed(tmp_path):
    """Also in a thread that hears no signals."""
    agent = Agent.open(str(tmp_path))
    thread = threading.Thread(target=agent.run, args=(lambda: {"n": 1},), kwargs={"every_s": 0.01})
    thread.start()
    _until(lambda: agent.status().loop is not None and agent.status().loop["samples"] > 2)
    agent.close()
    thread.join(60)
    assert not thread.is_alive()


def test_the_directory_may_be_a_path_and_must_have_a_name(tmp_path):
    """An unset variable must not become the root directory."""
    with Agent.open(tmp_path / "state") as agent:
        assert agent.directory == str(tmp_path / "state")
    with pytest.raises(ConfigurationError, match="no name"):
        Agent.open("")


def test_rows_that_are_no_pairs_are_named(tmp_path):
    """The common mistake: samples without a time."""
    with Agent.open(tmp_path) as agent:
        for rows in ([{"a": 1}], [5], [(1, 2, 3)]):
            with pytest.raises(InvalidMessage, match="row 0: "):
                agent.record_many(rows)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"kind": SAMPLE},
        {"kind": SAMPLE, "lane": "nowhere"},
        {"kind": 4, "lane": "models"},
        {"kind": 5, "lane": "files"},
        {"kind": "x", "lane": "events"},
    ],
)
def test_a_message_of_unknown_shape_blocks_nobody(tmp_path, header):
    """Kept aside, noted; what stands behind it is taken in."""
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(tmp_path) as agent:
        inbox.put(header, [b"{}"])
        inbox.put({"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}, [VALID])
        agent.step(0)
        assert agent.status().inbox == 0
        assert agent.status().lanes["timeseries"]["records"] == 1
        assert any("refused" in note for note in agent.status().notes)


def test_half_written_messages_of_killed_commands_are_swept(tmp_path):
    """Old ones; a command may be writing a young one just now."""
    (tmp_path / "inbox").mkdir()
    young = "%015d-aaaa.tmp" % Clock().now_ms()
    for name in ("000001767600000-aaaa.tmp", young):
        (tmp_path / "inbox" / name).write_bytes(b"half")
    Agent.open(tmp_path).close()
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == [young]


def test_a_forked_child_owns_nothing_and_ends(tmp_path):
    """It would write into the parent's segment, and wait for locks of threads it has not."""
    with Agent.open(tmp_path) as agent:
        agent.start()
        agent.record({"n": 1}, durable=True)
        child = os.fork()
        if child == 0:
            try:
                agent.record({"n": 2}, durable=True)
            except ConfigurationError:
                os.execvp("true", ["true"])
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        agent.record({"n": 3}, durable=True)
        agent.stop()
        assert [row["values"][0]["value"] for row in stored(agent)] == ["1", "3"]


_FORKING_CHILD = """
import os, sys
from mcagent import Agent
agent = Agent.open(sys.argv[1])
agent.start()
agent.record({"n": 1})
child = os.fork()
if child == 0:
    sys.exit(0)
print(os.waitpid(child, 0)[1], flush=True)
"""


def test_a_forked_child_ends_by_itself_at_exit(tmp_path):
    """Its interpreter's exit hooks do not touch the parent's buffer."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKING_CHILD, str(tmp_path)],
        capture_output=True,
        timeout=90,
        check=True,
    )
    assert done.stdout == b"0\n"


def test_rows_may_come_from_a_generator_that_records(tmp_path):
    """No lock is held while it runs."""
    with Agent.open(tmp_path) as agent:

        def rows():
            for number in range(3):
                agent.record({"n": 100 + number})
                yield 1_790_000_000_000 + number, {"n": number}

        assert agent.record_many(rows()) == 3
        assert len(stored(agent)) == 6


def test_an_unreadable_inbox_is_noted_and_stops_nothing(tmp_path):
    """A directory where a message should be stands for another user's file: tests run as root."""
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(tmp_path) as agent:
        (tmp_path / "inbox").mkdir()
        (tmp_path / "inbox" / "000000000000000-dir.msg").mkdir()
        inbox.put({"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}, [VALID])
        agent.step(0)
        assert agent.status().lanes["timeseries"]["records"] == 1
        assert any("cannot be read" in note for note in agent.status().notes)


@pytest.mark.parametrize("total_kib", [256, 512, 2048])
def test_a_small_total_quota_leaves_room_for_every_lane(tmp_path, total_kib):
    """Each lane has an open segment; together they keep to the total."""
    settings = BufferSettings(total_quota_bytes=total_kib * 1024)
    with Agent.open(tmp_path, buffer=settings) as agent:
        agent.submit(MODEL)
        agent.record({"strokes": 1}, durable=True)
        agent.submit(Event("e"))
        agent.submit(File(b"abc", name="x"))
        lanes = agent.status().lanes
        assert [lanes[name]["records"] for name in sorted(lanes)] == [1, 1, 1, 1]
        assert sum(lane["bytes"] for lane in lanes.values()) <= total_kib * 1024


def test_closing_ends_an_upload_of_another_thread(tmp_path):
    """What it sends could not be acknowledged any more, so it must not go on."""
    with Emulator() as hub:
        boarding = hub.create_agent("closing", automap=True)
        agent = Agent.open(
            tmp_path,
            boarding=boarding,
            ca_file=hub.ca_file,
            upload=UploadSettings(max_samples=10, backoff_base_s=0.05),
        )
        agent.submit(MODEL)
        agent.record({"strokes": 0})
        assert agent.upload(timeout_s=60).pending == 0
        agent.record_many((1_790_000_000_000 + n, {"strokes": n}) for n in range(100))
        exchange = "POST /api/mindconnect/v3/exchange"
        hub.set_faults([{"match": exchange, "action": "status", "status": 503, "times": 10_000}])
        errors = []

        def upload():
            try:
                agent.upload(timeout_s=60)
            except ConfigurationError as error:
                errors.append(error.message)

        thread = threading.Thread(target=upload)
        thread.start()
        _until(lambda: hub.faults()[0]["hits"] >= 2)
        agent.close()
        hub.set_faults([])
        thread.join(60)
        assert not thread.is_alive()
        assert errors == ["this agent is closed"]
        hub.settle(60)
        sent = [row for row in hub.received(kind="timeseries") if row["seq"] > 2]
        assert len(sent) <= 10
        with Agent.open(tmp_path, ca_file=hub.ca_file) as second:
            assert second.upload(timeout_s=20).pending == 0


def test_an_endless_inbox_message_is_refused_whole(tmp_path):
    """Cut off at a limit it would be other bytes than were left there."""
    inbox = Inbox(str(tmp_path), FileSystem(), Clock())
    with Agent.open(tmp_path) as agent:
        header = {"lane": "timeseries", "kind": SAMPLE, "configuration_id": ""}
        inbox.put(header, [b"x" * 1_000_000] * 11)
        agent.step(0)
        assert agent.status().lanes["timeseries"]["records"] == 0
        assert any("more than 10000000" in note for note in agent.status().notes)


def test_a_file_that_cannot_fit_drops_nothing(tmp_path):
    """It is refused before anything gives way in vain."""
    settings = BufferSettings(files=LaneSettings(1024 * 1024))
    with Agent.open(tmp_path, buffer=settings) as agent:
        for number in range(8):
            agent.submit(File(b"f" * 100_000, name="%d" % number))
        with pytest.raises(InvalidMessage, match="1048576"):
            agent.submit(File(b"f" * 1_000_000, name="large"))
        lane = agent.status().lanes["files"]
        assert (lane["records"], lane["dropped"]) == (8, {})
