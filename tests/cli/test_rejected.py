"""`mcagent rejected` as a user has it."""

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from mcagent import Agent
from mcagent.buffer import Buffer, LaneSettings
from mcagent.cli import rejected
from mcagent.credentials.keystore import StateLock
from mcagent.messages import kinds
from tests.buffer.world import small_settings
from tests.cli.running import ROOT, inside, mcagent, refused
from tests.inspection.scene import open_buffer, sample

ACTIONS = ("ls", "show", "replay", "drop")
REASON = {
    "status": 400,
    "reason": "HTTP 400, something in the body is refused: not like this",
    "time_ms": 1_767_600_000_000,
    "correlation_id": "0123456789abcdef",
}


def build(state):
    """Refused: two samples, an event, a file and a model; of the lanes, one sample waits."""
    os.makedirs(state, exist_ok=True)
    buffer = open_buffer(state)
    buffer.append("models", kinds.MODEL, b"\x01\x00\x00\x00\x00\x00\x00\x00{}")
    for number in (1, 2, 3):
        buffer.append("timeseries", kinds.SAMPLE, sample(number), configuration_id="m-1")
    buffer.append("events", kinds.EVENT, '{"description":"zu heiß"}'.encode())
    meta = {"name": "log.txt", "type": "text/plain", "created_ms": 5}
    buffer.append_file(meta, io.BytesIO(b"content"))
    buffer.flush()
    for lane, sequence in (
        ("timeseries", 1),
        ("events", 1),
        ("files", 1),
        ("timeseries", 2),
        ("models", 1),
    ):
        assert buffer.set_aside(lane, sequence, REASON)
    buffer.close()
    return str(state)


NAMES = ["timeseries/1", "events/1", "files/1", "timeseries/2", "models/1"]


@pytest.fixture
def state(tmp_path):
    return build(tmp_path / "state")


def names(state, *arguments):
    return [
        r["record"]
        for r in inside("rejected", "ls", "--json", *arguments, state=state).json["records"]
    ]


def lane_records(state):
    lanes = inside("status", "--json", state=state).json["lanes"]
    return {name: lane["records"] for name, lane in lanes.items() if lane["records"]}


def test_without_an_action_it_shows_its_help():
    result = mcagent("rejected", state="/nowhere")
    assert (result.code, result.out) == (2, "")
    assert all(action in result.lines[-1] for action in ACTIONS)


def test_documentation_names_every_action_and_option():
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
        text = file.read()
    section = re.search(
        r"^## `mcagent rejected.*?(?=^## )", text, re.MULTILINE | re.DOTALL
    ).group()
    for action in ACTIONS:
        assert f"| `{action}" in section
        shown = mcagent("rejected", action, "--help")
        assert shown.code == 0
        for option in set(re.findall(r"(?<![\w-])--[a-z-]+", shown.out)):
            known = section if option not in ("--help", "--debug", "--state", "--json") else text
            assert f"`{option}" in known, (action, option)
    assert tuple(sorted(rejected._ACTIONS)) == tuple(sorted(ACTIONS))


def test_ls_has_a_line_for_each(state):
    result = inside("rejected", "ls", state=state)
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == NAMES
    assert "400" in lines[1]
    assert "not like this" in lines[1]
    assert "2026-01-05T08:00:00.000Z" in lines[1]


def test_show_says_what_the_clock_said_and_what_is_made_of_it(tmp_path):
    """A device of 1970 that learned the time: both, so that nobody takes the payload's for it."""
    os.makedirs(tmp_path / "state")
    buffer = open_buffer(str(tmp_path / "state"))
    buffer.append("timeseries", kinds.SAMPLE, sample(1), configuration_id="m-1")
    buffer.flush()
    assert buffer.set_aside("timeseries", 1, dict(REASON, shift_ms=3_600_000))
    buffer.close()
    shown = inside("rejected", "show", "1", "--json", state=tmp_path / "state").json["records"][0]
    assert shown["shift_ms"] == 3_600_000
    people = inside("rejected", "show", "1", state=tmp_path / "state").out
    before = people.split("the payload has ")[1].split(",")[0]
    assert shown["recorded"][11:13] != before[11:13]
    assert "corrected: by 3600000 ms" in people
    assert shown["recorded"] in people


def test_ls_as_json_and_by_lane(state):
    assert names(state) == NAMES
    assert names(state, "--lane", "timeseries") == ["timeseries/1", "timeseries/2"]
    record = inside("rejected", "ls", "--json", state=state).json["records"][0]
    assert record["lane"] == "timeseries"
    assert record["sequence"] == 1
    assert record["kind"] == "sample"
    assert record["status"] == 400
    assert record["reason"] == REASON["reason"]
    assert record["correlation_id"] == REASON["correlation_id"]
    assert record["refused"] == "2026-01-05T08:00:00.000Z"
    assert record["recorded"] is not None
    assert record["configuration_id"] == "m-1"
    assert record["obstacle"] == ""
    assert "payload" not in record


def test_show_says_everything(state):
    """Lane, number, time, kind, payload, status, the platform's words, when, correlation id."""
    result = inside("rejected", "show", "timeseries/1", "events/1", "files/1", state=state)
    assert result.code == 0
    for words in (
        "timeseries/1: sample",
        "recorded: 20",
        "data model: m-1",
        "refused: 2026-01-05T08:00:00.000Z",
        "status: 400",
        "not like this",
        "correlation id: 0123456789abcdef",
        '"n": 1',
        "zu heiß",
        "log.txt, 7 bytes",
    ):
        assert words in result.out, words
    records = inside("rejected", "show", "--all", "--json", state=state).json["records"]
    assert [record["record"] for record in records] == NAMES
    assert records[0]["payload"]["values"] == [{"n": 1}]
    assert records[1]["payload"] == {"description": "zu heiß"}
    assert records[2]["file"]["size"] == 7
    assert "newer data model" in records[4]["obstacle"]


def test_a_record_whose_clock_was_not_set_has_no_time(tmp_path):
    """1970 would be a lie."""

    class Clock:
        now_ms = staticmethod(lambda: 5_000)
        monotonic_ms = staticmethod(lambda: 5_000)
        trusted = staticmethod(lambda: False)
        boot_id = staticmethod(lambda: bytes(16))

    os.makedirs(tmp_path / "state")
    buffer = open_buffer(tmp_path / "state", clock=Clock)
    buffer.append("events", kinds.EVENT, b"{}")
    buffer.set_aside("events", 1, REASON)
    buffer.close()
    record = inside("rejected", "ls", "--json", state=tmp_path / "state").json["records"][0]
    assert (record["recorded"], record["refused"]) == (None, "2026-01-05T08:00:00.000Z")
    assert "clock was not trusted" in inside("rejected", "show", "1", state=tmp_path / "state").out


def test_nothing_refused(device):
    """Of a device that has recorded nothing, too."""
    assert inside("rejected", "ls", state=device).out == "nothing is refused\n"
    for action in ("replay", "drop"):
        result = inside("rejected", action, "--all", state=device)
        assert (result.code, result.out) == (0, "nothing is refused\n")


@pytest.mark.parametrize("action", ["show", "replay", "drop"])
@pytest.mark.parametrize(
    ("records", "words"),
    [
        ((), ("no record was named", "--all")),
        (("timeseries/9",), ("timeseries/9", "ls")),
        (("nonsense",), ("nonsense",)),
        (("1",), ("may be", "timeseries/1 or events/1")),
        (("--all", "events/1"), ("two choices",)),
        (("--lane", "events", "timeseries/1"), ("timeseries/1",)),
        (("--lane", "rejected", "--all"), ("--help",)),
    ],
)
def test_wrong_command_lines(state, action, records, words):
    refused(inside("rejected", action, *records, state=state), 2, *words)
    assert names(state) == NAMES


@pytest.mark.parametrize("action", ACTIONS)
def test_wrong_directories(tmp_path, state, action):
    arguments = () if action == "ls" else ("--all",)
    refused(inside("rejected", action, *arguments, state=tmp_path / "no"), 4, "no state directory")
    os.makedirs(tmp_path / "other")
    refused(inside("rejected", action, *arguments, state=tmp_path / "other"), 4, "holds no buffer")
    if action in ("replay", "drop"):
        buffer = os.path.join(state, "buffer")
        refused(
            inside("rejected", action, "--all", state=buffer), 2, "without its state directory"
        )


def test_replay_by_name_puts_them_at_the_end_of_their_lanes(state):
    result = inside("rejected", "replay", "2", "files/1", state=state)
    assert result.code == 0, result
    assert result.out == "2 refused records put back to be sent\n"
    assert sorted(names(state)) == ["events/1", "models/1", "timeseries/1"]
    assert lane_records(state) == {"timeseries": 2, "files": 1}
    shown = inside(
        "buffer", "peek", "--lane", "timeseries", "--newest", "--json", state=state
    ).json
    assert shown["records"][0]["payload"]["values"] == [{"n": 2}]
    assert shown["records"][0]["configuration_id"] == "m-1"
    assert inside("buffer", "verify", state=state).code == 0


def test_replay_all_leaves_what_cannot_go_and_says_why(state):
    result = inside("rejected", "replay", "--all", "--json", state=state)
    assert result.code == 1
    assert result.json["records"] == NAMES[:-1]
    assert result.json["kept"][0]["record"] == "models/1"
    assert "models/1 stays where it is: a newer data model" in result.err
    assert names(state) == ["models/1"]
    assert lane_records(state) == {"timeseries": 3, "events": 1, "files": 1}


def test_replay_by_lane(state):
    result = inside("rejected", "replay", "--all", "--lane", "timeseries", state=state)
    assert result.code == 0
    assert sorted(names(state)) == ["events/1", "files/1", "models/1"]


def test_drop_asks(state):
    """Without a terminal it refuses; a no drops nothing."""
    refused(mcagent("rejected", "drop", "events/1", state=state, stdin="y\n"), 2, "--yes")
    code, text = at_a_terminal(state, "n\n", "rejected", "drop", "events/1", "files/1")
    assert code == 1
    assert "Drop 2 refused records for ever?" in text
    assert names(state) == NAMES
    code, text = at_a_terminal(state, "y\n", "rejected", "drop", "events/1", "files/1")
    assert code == 0
    assert "2 refused records dropped" in text
    assert sorted(names(state)) == ["models/1", "timeseries/1", "timeseries/2"]
    assert inside("rejected", "drop", "--all", "--yes", state=state).code == 0
    assert names(state) == []
    assert lane_records(state) == {"timeseries": 1}
    assert inside("buffer", "verify", state=state).code == 0


def at_a_terminal(state, typed, *arguments):
    """Run `mcagent` with a terminal as its standard input; (code, all that it said)."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mcagent", *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, MCAGENT_STATE=state, PYTHONPATH=ROOT),
            text=True,
        )
        os.write(ours, typed.encode())
        text, _ = process.communicate(timeout=180)
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, text


def test_ls_says_what_the_store_had_to_give_up(tmp_path):
    state = str(tmp_path / "state")
    os.makedirs(state)
    settings = small_settings(rejected=LaneSettings(32 * 1024))
    buffer = Buffer(state + "/buffer", settings=settings)
    buffer.open()
    for number in range(1, 201):
        buffer.append("events", kinds.EVENT, b'{"description":"%s"}' % (b"x" * 400))
        buffer.set_aside("events", number, REASON)
    lost = buffer.status()["rejected"]["dropped"]["quota"]["records"]
    buffer.close()
    result = inside("rejected", "ls", "--json", state=state)
    assert result.json["notes"] == [f"{lost} refused records gone from the store (quota)"]
    assert len(result.json["records"]) + lost == 200


def test_ls_and_show_need_no_lock_and_write_nothing(state):
    before = tree(state)
    lock = StateLock(state)
    lock.acquire()
    try:
        assert names(state) == NAMES
        assert inside("rejected", "show", "--all", state=state).code == 0
    finally:
        lock.release()
    after = tree(state)
    after.pop("lock", None)
    before.pop("lock", None)
    assert after == before


def tree(state):
    found = {}
    for folder, _folders, files in os.walk(state):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, state)] = file.read()
    return found


def test_damage_is_named_and_the_rest_shown(state):
    """One record in the middle cannot be read."""
    (segment,) = [
        os.path.join(state, "buffer", "rejected", name)
        for name in os.listdir(os.path.join(state, "buffer", "rejected"))
        if name.endswith(".seg")
    ]
    with open(segment, "r+b") as file:
        offset = file.read().index("zu heiß".encode())
        os.pwrite(file.fileno(), b"X", offset)
    result = inside("rejected", "ls", "--json", state=state)
    assert result.code == 1
    assert [r["record"] for r in result.json["records"]] == [n for n in NAMES if n != "events/1"]
    assert "damage: " in result.err
    assert inside("rejected", "replay", "timeseries/2", state=state).code == 0
    assert lane_records(state) == {"timeseries": 2}


def test_the_whole_way_against_a_hub(hub, operator, boarding, device):
    """Refused, looked at, the cause mended, sent again beside the running service: it arrives."""
    assert inside("upload", "--ca", hub.ca_file, "--boarding", boarding, state=device).code == 0
    rule = {"match": "POST /api/mindconnect/v3/exchange", "contains": '"value":"13"'}
    rule.update(action="status", status=400, times=1000)
    operator._call("PUT", "/_emulator/faults", [rule])
    try:
        with Agent.open(str(device), ca_file=hub.ca_file) as agent:
            for number in range(20):
                agent.record({"strokes": number}, timestamp=1_767_600_000_000 + number)
            assert agent.upload().set_aside == 1
            (name,) = names(device)
            shown = inside("rejected", "show", name, "--json", state=device).json["records"][0]
            assert shown["status"] == 400
            assert shown["payload"]["values"][0]["value"] == "13"
            assert len(shown["correlation_id"]) >= 16
            operator._call("PUT", "/_emulator/faults", [])
            result = inside("rejected", "replay", "--all", "--wait", "0", "--json", state=device)
            assert (result.code, result.json["place"]) == (0, "inbox")
            assert names(device) == [name], "the owner does it"
            report = agent.upload()
            assert (report.delivered, report.pending) == (1, 0)
            assert names(device) == []
    finally:
        operator._call("PUT", "/_emulator/faults", [])


@pytest.mark.parametrize("content", ["[]", "{", '[["events"]]', '[["events", "x"]]', "5"])
def test_a_spoiled_command_in_the_inbox_harms_nothing(state, content):
    """Put aside as every message that nobody can read; an empty one is done."""
    from mcagent.inbox import Inbox
    from mcagent.runtime import Clock, FileSystem

    inbox = Inbox(state, FileSystem(), Clock())
    inbox.put({"rejected": "drop"}, iter([content.encode()]))
    inbox.put({"rejected": "fly"}, iter([b'[["events", 1]]']))
    with Agent.open(state) as agent:
        agent._intake.take(agent._inbox, agent._note)
        assert len(agent.status().notes) == (1 if content == "[]" else 2)
    assert names(state) == NAMES
    left = sorted(name[-4:] for name in os.listdir(os.path.join(state, "inbox")))
    assert left == [".bad"] * (1 if content == "[]" else 2)


def test_a_full_lane_leaves_the_inbox_open(state, monkeypatch):
    """What comes back waits in its store; what else is in the inbox does not wait for it."""
    from mcagent.errors import BufferFull
    from mcagent.inbox import Inbox
    from mcagent.runtime import Clock, FileSystem

    def full(_self, decide, _most):
        decide(_self.first_record("rejected"))
        return 0, BufferFull("no room in the lane timeseries")

    inbox = Inbox(state, FileSystem(), Clock())
    inbox.put({"rejected": "replay"}, iter([b'[["timeseries", 1]]']))
    monkeypatch.setattr(Buffer, "resolve_rejected", full)
    with Agent.open(state) as agent:
        agent._intake.take(agent._inbox, agent._note)
        assert "no room in the lane timeseries" in agent.status().notes[0]
        assert len(agent._inbox) == 0
    assert names(state) == NAMES
    result = inside("rejected", "replay", "timeseries/1", state=state)
    assert result.code == 8
    assert "1 refused record left where they are" in result.err
