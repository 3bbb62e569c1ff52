"""Everything that is left, exactly; with states, reasons and files."""

import base64
import io
import json
import os

import pytest

from mcagent.inspection.entry import json_text
from mcagent.inspection.export import Export, safe_name
from mcagent.inspection.survey import Survey
from mcagent.messages import CustomData, kinds
from tests.buffer import independent_reader
from tests.inspection import scene


def export(state, lanes=None, **options):
    """(objects, the export)."""
    work = Export(Survey(str(state)), lambda _size: None, **options)
    return [json.loads(entry.to_line()) for entry in work.entries(lanes)], work


def test_what_waits_is_what_an_independent_reader_would_deliver(state):
    """Lane by lane: numbers, payloads, times, data models."""
    found, work = export(state)
    for lane in ("events", "timeseries"):
        expected = [
            (sequence, json.loads(payload), configuration_id or None)
            for sequence, _kind, payload, _ms, configuration_id in independent_reader.read_lane(
                os.path.join(state, "buffer"), lane
            )
        ]
        assert expected == [
            (entry["sequence"], entry["payload"], entry["configuration_id"])
            for entry in found
            if entry["lane"] == lane
        ]
    assert {entry["state"] for entry in found if entry["lane"] != "rejected"} == {"waiting"}
    assert len(found) == work.records == 1 + 29 + 1300 + 3 + 1
    assert work.damage == []


def test_all_tells_what_became_of_each(state):
    """Delivered, set aside, waiting."""
    found = export(state, everything=True)[0]
    samples = {e["sequence"]: e["state"] for e in found if e["lane"] == "timeseries"}
    assert max(samples) == scene.SAMPLES
    assert all(state == "delivered" for n, state in samples.items() if n <= scene.ACKED)
    assert all(state == "waiting" for n, state in samples.items() if n > scene.ACKED)
    assert min(samples) <= scene.ACKED
    events = [entry for entry in found if entry["lane"] == "events"]
    assert [entry["state"] for entry in events] == ["rejected"] + ["waiting"] * 29


def test_rejected_record_has_its_reason_and_its_payload(state):
    """The line before the payload is taken apart."""
    (entry,) = export(state, ["rejected"])[0]
    assert entry["state"] == "rejected"
    rejected = entry["rejected"]
    assert (rejected["lane"], rejected["sequence"]) == ("events", 1)
    assert rejected["reason"] == scene.REASON
    assert entry["payload"] == json.loads(scene.event(1))


def test_files_are_copied_out(state, tmp_path):
    """Name, size, SHA-256, and the bytes."""
    folder = tmp_path / "out"
    folder.mkdir()
    found, work = export(state, ["files"], folder=str(folder))
    assert work.files == 3
    for number, entry in enumerate(found, 1):
        assert entry["file"]["name"] == f"log {number}.txt"
        assert entry["file"]["size"] == len(scene.CONTENT)
        assert entry["file"]["spool"] == f"files/spool/{number:016d}"
        assert scene.read(entry["file"]["copy"]) == scene.CONTENT
        assert os.stat(entry["file"]["copy"]).st_mode & 0o777 == 0o600


def test_damaged_files_are_copied_and_named(state, tmp_path):
    """One gone, one short, and one whose record is damaged."""
    spool = os.path.join(state, "buffer", "files", "spool")
    os.unlink(os.path.join(spool, "0000000000000001"))
    os.truncate(os.path.join(spool, "0000000000000002"), 10)
    path = scene.segments(state, "files")[0]
    scene.flip(path, scene.record_at(path, 2) + 20)
    found, work = export(state, ["files"], folder=str(tmp_path))
    assert [entry["file"]["copy"] is None for entry in found] == [True, False]
    assert scene.read(found[1]["file"]["copy"]) == scene.CONTENT[:10]
    assert scene.read(tmp_path / "files-0000000000000003-without-record") == scene.CONTENT
    text = "\n".join(work.damage)
    assert "0000000000000001: cannot be copied" in text
    assert "holds 10 bytes" in text
    assert "0000000000000003: no intact record" in text
    assert "bytes at the end are torn" in text


def test_damage_is_told_and_the_rest_exported(state):
    """A missing segment, a flipped bit, no cursor."""
    paths = scene.segments(state)
    scene.flip(paths[-1], scene.record_at(paths[-1], 2) + 20)
    os.unlink(paths[-3])
    os.unlink(os.path.join(state, "buffer", "cursor"))
    found, work = export(state, ["timeseries"])
    first, after = (int(os.path.basename(path)[:16]) for path in (paths[-3], paths[-2]))
    text = "\n".join(work.damage)
    assert "no whole cursor" in text
    assert f"records {first} to {after - 1} cannot be read" in text
    assert f"record {int(os.path.basename(paths[-1])[:16]) + 2} cannot be read" in text
    start = int(os.path.basename(paths[0])[:16])
    assert len(found) == scene.SAMPLES - start + 1 - (after - first) - 1


def test_untrusted_time_has_the_monotonic_clock(tmp_path):
    """No timestamp is made up."""
    from tests.buffer.memoryfs import FakeClock

    clock = FakeClock()
    clock.is_trusted = False
    buffer = scene.open_buffer(tmp_path, clock=clock)
    buffer.append("events", kinds.EVENT, b"{}")
    buffer.close()
    (entry,) = export(tmp_path)[0]
    assert entry["timestamp"] is None
    assert entry["trusted"] is False
    assert entry["monotonic_ms"] == clock.monotonic_ms()
    assert bytes.fromhex(entry["boot"]) == clock.boot_id()


def test_payloads_of_every_kind(tmp_path):
    """JSON stands as it is, digit by digit; the rest in base64."""
    buffer = scene.open_buffer(tmp_path)
    payloads = [b'{"v":1.10,"v":2,\n"w":"\\u2028"}', b"\xff\x00", b"NaN", b"[" * 20_000]
    for payload in payloads:
        buffer.append("events", kinds.EVENT, payload)
    custom = CustomData("waveform", b"\x00\x01", content_type="application/x-pcm")
    buffer.append("events", kinds.CUSTOM, custom.fragment())
    buffer.append("events", kinds.CUSTOM, b"x")
    buffer.append("models", kinds.MODEL, scene.join_model(7, b'{"configurationId":"m"}'))
    buffer.append("models", 99, b"{}")
    buffer.close()
    work = Export(Survey(str(tmp_path)), lambda _size: None)
    lines = [entry.to_line() for entry in work.entries()]
    assert all(line.count("\n") == 0 for line in lines)
    model, other, first, *rest = [json.loads(line) for line in lines]
    assert (model["payload"], model["before_sample"]) == ({"configurationId": "m"}, 7)
    assert other["kind"] == "kind 99"
    assert first["payload"] == {"v": 2, "w": "\u2028"}
    assert '"v":1.10,"v":2, "w":"\\u2028"' in lines[2]
    for payload, entry in zip(payloads[1:], rest):
        assert entry["payload"] is None
        assert base64.b64decode(entry["payload_base64"]) == payload
    assert rest[3]["metadata"]["type"] == "waveform"
    assert rest[3]["content_type"] == "application/x-pcm"
    assert base64.b64decode(rest[3]["payload_base64"]) == b"\x00\x01"
    assert base64.b64decode(rest[4]["payload_base64"]) == b"x"


def test_lost_ranges_make_the_past_uncertain(state):
    """Between dropped records "delivered" cannot be known, and is not said."""
    buffer = scene.open_buffer(state)
    for number in range(4000):
        buffer.append("timeseries", 1, scene.sample(number))
    batch = buffer.cut("timeseries", max_bytes=1000, max_records=5)
    buffer.ack(batch)
    buffer.close()
    found = export(state, ["timeseries"], everything=True)[0]
    states = {entry["sequence"]: entry["state"] for entry in found}
    assert states[batch.first] in ("delivered", "delivered or dropped")
    assert states[batch.last + 1] == "waiting"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("log 1.txt", "log_1.txt"),
        ("../../etc/passwd", "passwd"),
        ("c:\\x\\y.csv", "y.csv"),
        ("--force", "force"),
        ("..", ""),
        ("ü" * 300, "_"),
        ("a" * 300, "a" * 100),
    ],
)
def test_names_of_copies_stay_in_their_folder(name, safe):
    assert safe_name(name) == safe


def test_json_text_takes_what_json_takes():
    """And nothing that only Python's reader does."""
    assert json_text(b'{"a": 1}') == '{"a": 1}'
    for payload in (b"", b"{", b"\xff", b"Infinity", b"-Infinity", b"NaN", b'{"a": NaN}'):
        assert json_text(payload) is None


def test_an_empty_name_and_a_file_that_is_already_there(tmp_path):
    """Replaced: exporting twice is harmless."""
    buffer = scene.open_buffer(tmp_path / "state")
    buffer.append_file({"name": "..", "type": "", "created_ms": 1}, io.BytesIO(b"x"))
    buffer.close()
    for _ in range(2):
        (entry,) = export(tmp_path / "state", folder=str(tmp_path))[0]
        assert scene.read(entry["file"]["copy"]) == b"x"
