"""The commands one after another as a user types them, over TLS, to a hub in another process."""

import json
import sys

import pytest

from mcagent import Agent
from tests.cli.running import MODEL, mcagent

NOON = "2026-01-05T12:00:00.000Z"


@pytest.fixture
def received(operator, boarding):
    """What the hub got from this test's agent."""
    agent = json.loads(boarding.read_text())["content"]["clientId"]

    def received(kind):
        operator.settle()
        return operator.received(agent, kind)

    return received


def test_from_onboarding_to_the_hub(hub, boarding, device, received, tmp_path):
    """onboard, record, event, file, upload, status: everything arrives as it was typed."""
    ca = ("--ca", hub.ca_file)
    result = mcagent("onboard", boarding, *ca, state=device)
    assert (result.code, result.out, result.err) == (0, "onboarded\n", "")
    assert mcagent("onboard", *ca, state=device).code == 0  # again, without the file

    result = mcagent(
        "record", "temperature=21.40", "strokes=1204", "running=true", "note=ä b", "--time", NOON,
        state=device,
    )  # fmt: skip
    assert (result.code, result.out, result.err) == (0, "recorded 1 sample\n", "")
    result = mcagent(
        "event", "coolant low", "--severity", "warning", "--detail", "source=press-7",
        "--details", '{"level": 3}', "--correlation-id", "c-1", "--time", NOON, "--json",
        state=device,
    )  # fmt: skip
    assert result.code == 0
    path = tmp_path / "report.txt"
    path.write_text("all is well\n")
    assert mcagent("file", path, "--type", "text/plain", state=device).out == "stored report.txt\n"
    path.unlink()

    status = mcagent("status", "--json", state=device).json
    assert status["pending"] == 4
    upload = mcagent("upload", *ca, "--json", state=device)
    assert upload.code == 0, upload
    assert upload.json["delivered"] == 4
    assert upload.json["pending"] == 0
    assert mcagent("status", "--json", state=device).json["pending"] == 0

    (sample,) = received("timeseries")
    assert sample["timestamp"] == NOON
    assert {value["dataPointId"]: value["value"] for value in sample["values"]} == {
        "temperature": "21.40",
        "strokes": "1204",
        "running": "true",
        "note": "ä b",
    }
    (event,) = received("event")
    assert event["event"]["id"] == result.json["id"]
    assert event["event"]["severity"] == 30
    assert event["event"]["details"] == {"source": "press-7", "level": 3}
    assert event["event"]["correlationId"] == "c-1"
    (file,) = received("file")
    assert (file["name"], file["type"], file["size"]) == ("report.txt", "text/plain", 12)
    (model,) = received("model")
    assert model["model"]["configurationId"] == "press-7"


def test_csv_to_the_hub(hub, boarding, device, received, tmp_path):
    """Many rows, by file and by standard input."""
    lines = ["time;strokes", *(f"{1_767_600_000_000 + row};{row}" for row in range(3000))]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines[:2001]))
    result = mcagent("record", "--csv", path, "--delimiter", ";", "--json", state=device)
    assert (result.code, result.json["recorded"]) == (0, 2000)
    rest = "\n".join([lines[0], *lines[2001:]])
    result = mcagent("record", "--csv", "-", "--delimiter", ";", stdin=rest, state=device)
    assert (result.code, result.out) == (0, "recorded 1000 samples\n")
    result = mcagent("upload", "--boarding", boarding, "--ca", hub.ca_file, state=device)
    assert result.code == 0, result
    assert result.out == "delivered 3001 records, 0 pending\n"
    values = [int(row["values"][0]["value"]) for row in received("timeseries")]
    assert values == list(range(3000))


def test_before_any_model_and_any_platform(tmp_path):
    """A device records from its first minute; what it measures can be described later."""
    state = tmp_path / "state"
    assert mcagent("record", "a=1", "b=x", "c=1.5", state=state).code == 0
    assert mcagent("event", "started", state=state).code == 0
    status = mcagent("status", "--json", state=state).json
    assert (status["pending"], status["model"]) == (2, "")
    result = mcagent("model", state=state)
    assert result.code == 3
    assert "no data model" in result.err


def test_upload_without_a_model_holds_and_says_why(hub, boarding, tmp_path):
    """The platform would answer 200 and drop it: not complete, exit code 1, and the reason."""
    state = tmp_path / "state"
    assert mcagent("record", "a=1", state=state).code == 0
    result = mcagent(
        "upload", "--boarding", boarding, "--ca", hub.ca_file, "--timeout", 5, "--json",
        state=state,
    )  # fmt: skip
    assert result.code == 1, result
    assert result.json["pending"] == 1
    assert "timeseries" in result.json["held"]
    assert "timeseries held" in result.err
    assert "mcagent model FILE" in result.err
    assert result.err.count("no data source configuration") == 1
    assert len(result.lines) == 2


def test_upload_that_runs_out_of_time_says_so(hub, boarding, device):
    """Nothing is wrong: the same command goes on."""
    assert mcagent("record", "temperature=1", state=device).code == 0
    ca = ("--ca", hub.ca_file)
    assert mcagent("onboard", boarding, *ca, state=device).code == 0
    result = mcagent("upload", *ca, "--timeout", 0, state=device)
    assert (result.code, result.out) == (1, "delivered 0 records, 2 pending\n")
    what, hint = result.lines
    assert what == "mcagent: 2 pending when the 0 s were over"
    assert "--timeout" in hint


def test_upload_with_a_refused_record_sets_it_aside_and_says_so(
    hub, operator, boarding, device, received
):
    """What the platform refuses alone does not stop the rest: exit code 1, the others delivered."""
    for text in ("fine", "poison", "fine too"):
        assert mcagent("event", text, state=device).code == 0
    rule = {"match": "POST /api/mindconnect/v3/exchange", "contains": '"poison"', "times": 1000}
    operator._call("PUT", "/_emulator/faults", [dict(rule, action="status", status=400)])
    try:
        result = mcagent(
            "upload", "--boarding", boarding, "--ca", hub.ca_file, "--json", state=device
        )
    finally:
        operator._call("PUT", "/_emulator/faults", [])
    assert result.code == 1, result
    assert (result.json["set_aside"], result.json["pending"]) == (1, 0)
    assert "1 record set aside" in result.err
    assert [row["event"]["description"] for row in received("event")] == ["fine", "fine too"]
    assert "set aside" in mcagent("status", state=device).out


def test_model_is_shown_and_not_stored_twice(device, model_file):
    """As a table, as JSON; the same again changes nothing."""
    shown = mcagent("model", state=device)
    assert shown.code == 0
    assert "temperature" in shown.out
    assert "°C" in shown.out
    value = mcagent("model", "--json", state=device).json
    points = value["dataSources"][0]["dataPoints"]
    assert [point["id"] for point in points] == [
        point["id"] for point in MODEL["dataSources"][0]["dataPoints"]
    ]
    assert points[5]["length"] == 20
    before = mcagent("status", "--json", state=device).json["pending"]
    again = mcagent("model", "-", "--json", stdin=model_file.read_text(), state=device)
    assert again.json == {"model": "press-7", "points": 8, "changed": False}
    assert mcagent("status", "--json", state=device).json["pending"] == before


def test_status_for_people(device):
    """A table of lanes and what there is to say."""
    mcagent("record", "temperature=1", state=device)
    result = mcagent("status", state=device)
    assert result.code == 0
    assert f"{device}: 2 records pending" in result.out
    assert "timeseries" in result.out
    assert "press-7" in result.out


def test_state_option_before_and_after_the_command(device):
    """`--state` wins over MCAGENT_STATE."""
    for arguments in (("--state", device, "status"), ("status", "--state", device)):
        result = mcagent(*arguments, state="/nowhere")
        assert result.code == 0, result
        assert str(device) in result.out


def test_beside_a_service_by_the_inbox(hub, boarding, device, received, tmp_path):
    """record, event, file and CSV while a service owns the directory: it delivers them."""
    attachment = tmp_path / "photo.bin"
    attachment.write_bytes(bytes(range(256)) * 1000)
    rows = tmp_path / "rows.csv"
    rows.write_text(f"time,strokes\n{NOON},7\nbad,8\n2026-01-05T12:00:01Z,9\n")
    with Agent.open(str(device), boarding=str(boarding), ca_file=hub.ca_file) as agent:
        result = mcagent("record", "temperature=1.5", "--time", "100000000000", state=device)
        assert result.code == 0, result
        assert "inbox" in result.out
        assert "pid" in result.out
        result = mcagent("record", "temperature=2.5", "--json", state=device)
        assert result.json["place"] == "inbox"
        assert mcagent("event", "door open", state=device).code == 0
        assert mcagent("file", attachment, state=device).code == 0
        result = mcagent("record", "--csv", rows, "--json", state=device)
        assert (result.code, result.json["recorded"]) == (3, 2)
        result = mcagent("record", "pressure=1", state=device)
        assert result.code == 3  # checked against the model without the lock
        assert "pressure" in result.err
        assert mcagent("status", "--json", state=device).json["inbox"] == 6
        report = agent.upload(timeout_s=30)
        assert report.pending == 0, report
    samples = received("timeseries")
    assert [row["values"][0]["value"] for row in samples] == ["1.5", "2.5", "7", "9"]
    (event,) = received("event")
    assert event["event"]["description"] == "door open"
    (file,) = received("file")
    assert (file["name"], file["size"]) == ("photo.bin", 256_000)
    assert mcagent("status", "--json", state=device).json["inbox"] == 0


def test_record_starts_fast(device, figure):
    """No network, no emulator, no rich: a cron job on a small machine runs it every second."""
    program = (
        "import sys; from mcagent.cli.main import main\n"
        f"main(['record', 'temperature=1', '--state', {str(device)!r}])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    import os
    import subprocess

    from tests.cli.running import ROOT

    process = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=ROOT),
        check=True,
    )
    loaded = set(process.stderr.split())
    figure("modules loaded by `mcagent record`", str(len(loaded)))
    assert not {"urllib3", "ssl", "rich", "psutil", "jwt", "cryptography", "csv"} & loaded
    assert not [
        name
        for name in loaded
        if name.startswith(("mcagent.emulator", "mcagent.transport.cpython"))
    ]
