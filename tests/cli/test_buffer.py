"""`mcagent buffer` as a user has it."""

import io
import json
import os
import re
import subprocess
import sys

import pytest

from mcagent.cli import buffer
from tests.cli.running import ROOT, inside, mcagent, refused
from tests.inspection import scene

ACTIONS = ("ls", "peek", "verify", "export", "stats")


@pytest.fixture
def state(tmp_path):
    return str(scene.build(tmp_path / "state"))


def test_without_an_action_it_shows_its_help():
    """On standard error, with the hint and exit code 2."""
    result = mcagent("buffer", state="/nowhere")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("usage: mcagent buffer")
    assert result.lines[-2] == "mcagent: mcagent buffer does nothing by itself"
    assert all(action in result.lines[-1] for action in ACTIONS)


def test_documentation_names_every_action_and_option():
    """docs/cli.md has what `--help` shows, and the guide has every action."""
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
        text = file.read()
    section = re.search(r"^## `mcagent buffer.*?(?=^## )", text, re.MULTILINE | re.DOTALL).group()
    for action in ACTIONS:
        shown = mcagent("buffer", action, "--help")
        assert shown.code == 0
        for option in set(re.findall(r"(?<![\w-])--[a-z-]+", shown.out)):
            known = section if option not in ("--help", "--debug", "--state") else text
            assert f"`{option}" in known, (action, option)
    assert tuple(sorted(buffer._ACTIONS)) == tuple(sorted(ACTIONS))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fly",), ("--help",)),
        (("ls", "--lane", "x"), ("--help",)),
        (("peek", "--count", "0"), ("1 or more",)),
        (("peek", "--sequence", "-1"), ("--help",)),
        (("peek", "--raw", "--payload"), ("--raw",)),
        (("peek", "--newest", "--sequence", "3"), ("--newest",)),
    ],
)
def test_wrong_command_lines(state, arguments, words):
    refused(mcagent("buffer", *arguments, state=state), 2, *words)


@pytest.mark.parametrize("action", ACTIONS)
def test_wrong_directories(tmp_path, action):
    """Not there, and of something else."""
    refused(inside("buffer", action, state=tmp_path / "no"), 4, "no state directory")
    refused(inside("buffer", action, state=tmp_path), 4, "holds no buffer")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_device_that_has_recorded_nothing(device, action):
    """No error, and nothing to show but that."""
    result = inside("buffer", action, state=device)
    assert result.code == 0


def test_ls(state):
    """What each file holds."""
    result = inside("buffer", "ls", state=state)
    assert result.code == 0
    assert "partly delivered" in result.out
    assert "content of record 2" in result.out
    listing = inside("buffer", "ls", "--json", state=state).json
    (segment,) = listing["lanes"]["events"]["segments"]
    assert (segment["first"], segment["last"], segment["records"]) == (1, 30, 30)
    assert (segment["waiting"], segment["state"]) == (29, "partly delivered")
    assert listing["lanes"]["rejected"]["segments"][0]["state"] == "rejected"
    assert [file["sequence"] for file in listing["lanes"]["files"]["files"]] == [1, 2, 3]
    only = inside("buffer", "ls", "--json", "--lane", "events", "--lane", "files", state=state)
    assert list(only.json["lanes"]) == ["events", "files"]


def test_ls_shows_damage_and_foreign_things(state):
    """In the state of each file."""
    path = scene.segments(state)[-1]
    scene.flip(path, scene.record_at(path, 3) + 20)
    scene.touch(os.path.join(state, "buffer", "events", "x"))
    os.mkdir(os.path.join(state, "buffer", "damaged"))
    scene.touch(os.path.join(state, "buffer", "damaged", "events-1-2.bin"))
    out = inside("buffer", "ls", state=state).out
    assert "waiting, 1 damaged part\n" in out
    assert re.search(r"^x +.*not of mcagent$", out, re.MULTILINE)
    assert re.search(r"^damaged/events-1-2.bin .*kept aside for people$", out, re.MULTILINE)


def test_peek(state):
    """The next of each lane; refused ones only when asked for."""
    out = inside("buffer", "peek", state=state).out
    assert "timeseries 701: sample, waiting, " in out
    assert "data model m-1" in out
    assert "events 2: event, waiting" in out
    assert "log 1.txt: 15000 bytes, files/spool/0000000000000001" in out
    assert "rejected" not in out
    out = inside("buffer", "peek", "--lane", "rejected", state=state).out
    assert "was events 1; refused: status 400, message typeId is unknown" in out


def test_peek_chooses(state):
    """By number, from the end, whole, as JSON."""

    def sequences(*arguments):
        found = inside("buffer", "peek", "--json", "--lane", "timeseries", *arguments, state=state)
        return [(entry["sequence"], entry["state"]) for entry in found.json["records"]]

    assert sequences("--count", "2") == [(701, "waiting"), (702, "waiting")]
    assert sequences("--newest", "--count", "3") == [(n, "waiting") for n in (1998, 1999, 2000)]
    assert sequences("--newest", "--count", "900")[0] == (1101, "waiting")
    assert sequences("--sequence", "700", "--count", "2") == [(700, "delivered"), (701, "waiting")]
    assert sequences("--sequence", "2001") == []
    raw = mcagent("buffer", "peek", "--raw", "--lane", "timeseries", "--count", "2", state=state)
    assert raw.out.encode() == scene.sample(701) + b"\n" + scene.sample(702) + b"\n"


def test_peek_says_that_nothing_waits(device):
    """An empty answer could be an error."""
    result = inside("buffer", "peek", "--lane", "events", state=device)
    assert (result.code, result.out, result.err) == (0, "", "nothing waits in events\n")


def test_stats_tell_what_the_platform_heard_of(tmp_path):
    """As `Buffer` counts it."""
    opened = scene.open_buffer(tmp_path)
    for number in range(5000):
        opened.append("timeseries", 1, scene.sample(number))
    opened.losses_reported("timeseries", 1000)
    opened.close()
    stats = inside("buffer", "stats", "--json", state=tmp_path).json["lanes"]["timeseries"]
    assert stats["reported"] == 1000
    assert stats["reported_ms"] > 1_767_600_000_000
    assert stats["dropped"]["quota"]["records"] > 1000
    out = inside("buffer", "stats", state=tmp_path).out
    assert "timeseries: the platform was told of 1000 lost records" in out


def test_peek_shortens_what_is_long(tmp_path):
    """Unless it is asked for whole."""
    opened = scene.open_buffer(tmp_path)
    opened.append("events", 2, b'{"text":"%s"}' % (b"x" * 5000))
    opened.close()
    out = inside("buffer", "peek", state=tmp_path).out
    assert "5011 bytes in all: --payload shows them" in out
    assert len(out) < 1000
    assert "x" * 5000 in inside("buffer", "peek", "--payload", state=tmp_path).out


def test_what_a_terminal_would_obey_is_written_out(tmp_path):
    """A name, a data model and a payload cannot move the cursor of who looks."""
    opened = scene.open_buffer(tmp_path)
    opened.append("events", 2, '{"a":"\x9b2J\u202e"}'.encode(), configuration_id="m\x1b[1m")
    opened.append_file({"name": "n\x07", "type": "", "created_ms": 1}, io.BytesIO(b"x"))
    opened.close()
    scene.touch(os.path.join(os.fsencode(tmp_path), b"buffer", b"\xff\x1b[31m"))
    for action in ("peek", "ls", "verify", "stats"):
        result = mcagent("buffer", action, state=tmp_path)
        assert result.code == 0
        assert all(char.isprintable() for char in result.out.replace("\n", "")), result
    assert "m\\x1b[1m" in mcagent("buffer", "peek", state=tmp_path).out
    assert "\\udcff\\x1b[31m" in mcagent("buffer", "ls", "--json", state=tmp_path).json["others"]


def test_verify_ends_with_0_or_1(state):
    """Clean, damaged; and as JSON."""
    result = inside("buffer", "verify", state=state)
    assert result.code == 0, result
    assert "clean; read" in result.out
    path = scene.segments(state)[-1]
    scene.flip(path, scene.record_at(path, 3) + 20)
    result = inside("buffer", "verify", state=state)
    assert result.code == 1
    assert "DAMAGED in 1 place, 1 record lost that waited" in result.out
    result = inside("buffer", "verify", "--json", state=state)
    assert result.code == 1
    assert result.json["clean"] is False
    (finding,) = result.json["findings"]
    assert finding["level"] == "damage"
    assert finding["file"].startswith("timeseries/")


def test_export(state, tmp_path):
    """To standard output and to a file: the same lines."""
    out = mcagent("buffer", "export", state=state)
    assert out.code == 0
    entries = [json.loads(line) for line in out.out.splitlines()]
    assert len(entries) == 1334
    assert "grün 2" in out.out
    to_file = inside("buffer", "export", "--output", tmp_path / "x", state=state)
    assert (to_file.code, to_file.out) == (0, f"exported 1334 records to {tmp_path / 'x'}\n")
    assert scene.read(tmp_path / "x").decode() == out.out
    assert os.stat(tmp_path / "x").st_mode & 0o777 == 0o600


def test_export_of_a_damaged_buffer_ends_with_1(state):
    """All that is intact, and a line about what is not."""
    os.unlink(os.path.join(state, "buffer", "cursor"))
    result = inside("buffer", "export", state=state)
    assert result.code == 1
    assert "damage: there is no whole cursor" in result.err
    assert len(result.out.splitlines()) > 1334


def test_export_refuses_to_write_into_the_state_directory(state):
    """By any name of it."""
    before = scene.fingerprint(state)
    for option in ("--output", "--files"):
        for path in (os.path.join(state, "x"), os.path.join(state, "buffer", "..", "x")):
            refused(inside("buffer", "export", option, path, state=state), 2, option)
            named = inside("buffer", "export", option, path, state=os.path.join(state, "buffer"))
            refused(named, 2, option)
    assert scene.fingerprint(state) == before


def test_export_files(state, tmp_path):
    """The folder is made."""
    result = inside("buffer", "export", "--files", tmp_path / "a" / "b", state=state)
    assert result.code == 0
    assert "copied 3 files" in result.err
    assert len(os.listdir(tmp_path / "a" / "b")) == 3


def test_stats(state):
    """Figures that add up."""
    stats = inside("buffer", "stats", "--json", state=state).json
    lane = stats["lanes"]["timeseries"]
    assert (lane["records"], lane["done_with"]) == (1300, 700)
    assert lane["on_disk"] >= 1300
    assert lane["disk_bytes"] == sum(os.path.getsize(path) for path in scene.segments(state))
    size = len(scene.sample(1234)) + 16
    assert abs(lane["bytes_per_record"] - size) < 1
    assert abs(lane["bytes"] / 1300 - size) < 1
    assert stats["lanes"]["files"]["files"] == 3
    text = inside("buffer", "stats", state=state).out
    assert re.search(r"^timeseries +1300 ", text, re.MULTILINE)


def test_stats_tell_rate_room_and_losses(tmp_path):
    """One record a second; a lane that overflowed."""
    from tests.buffer.memoryfs import FakeClock

    clock = FakeClock()
    opened = scene.open_buffer(tmp_path, clock=clock)
    for number in range(5000):
        opened.append("timeseries", 1, scene.sample(number))
        clock.pass_ms(1000)
    opened.close()
    lane = inside("buffer", "stats", "--json", state=tmp_path).json["lanes"]["timeseries"]
    assert abs(lane["records_per_minute"] - 60) < 0.1
    left = (lane["default_quota_bytes"] - lane["disk_bytes"]) / lane["bytes_per_record"]
    assert abs(lane["room_lasts_s"] - left) < left / 100
    assert lane["dropped"]["quota"]["records"] == 5000 - lane["records"]
    out = inside("buffer", "stats", state=tmp_path).out
    assert re.search(
        r"^timeseries: \d+ records lost \(quota\), between 1 and \d+, ", out, re.MULTILINE
    )


@pytest.mark.parametrize(
    "arguments", [("status", "--json"), ("buffer", "ls"), ("buffer", "export")]
)
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_end_quietly(state, arguments, closed):
    """No traceback, no word, and nothing in a file that got the number of a stream."""
    before = scene.fingerprint(os.path.join(state, "buffer"))
    command = f'exec "{sys.executable}" -m mcagent {" ".join(arguments)} {closed}'
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(os.environ, PYTHONPATH=ROOT, MCAGENT_STATE=state),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert scene.fingerprint(os.path.join(state, "buffer")) == before


def test_a_full_standard_output_is_an_error_like_others(state, tool_missing):
    """`mcagent buffer export > /dev/full`."""
    if not os.path.exists("/dev/full"):
        tool_missing("this system has no /dev/full")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mcagent", "buffer", "export"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            env=dict(os.environ, PYTHONPATH=ROOT, MCAGENT_STATE=state),
        )
    assert done.returncode == 8
    assert done.stderr.startswith("mcagent: No space left on device\n  hint: ")
    assert len(done.stderr.splitlines()) == 2


def test_a_reader_that_has_seen_enough(state):
    """`| head -1`."""
    command = f'"{sys.executable}" -m mcagent buffer export | head -1'
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=dict(os.environ, PYTHONPATH=ROOT, MCAGENT_STATE=state),
    )
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
