"""Bad input of every kind: one line and a hint, an exit code, and nothing accepted is lost."""

import contextlib
import json
import os
import socket
import subprocess

import pytest

from mcagent import Agent
from mcagent.cli import main
from mcagent.cli.hubclient import HubClient
from mcagent.cli.hubprocess import HubProcess
from mcagent.messages.file import File
from mcagent.messages.multipart import max_file_bytes
from tests.cli.running import inside as mcagent
from tests.cli.running import refused, write_json

NOON = "2026-01-05T12:00:00Z"


@pytest.fixture
def accepted(device):
    """A device that has accepted one sample, which must still be there when the test is over."""
    assert mcagent("record", "temperature=21.4", "--time", NOON, state=device).code == 0
    yield device
    status = mcagent("status", "--json", state=device).json
    assert status["lanes"]["timeseries"]["records"] == 1
    assert sum(sum(loss.values()) for loss in _losses(status)) == 0


def _losses(status):
    return [loss for lane in status["lanes"].values() for loss in lane["dropped"].values()]


def changed(boarding, path, **changes):
    """A copy of a boarding file with other content members; None removes one."""
    configuration = json.loads(boarding.read_text())
    for name, value in changes.items():
        part = configuration if name == "expiration" else configuration["content"]
        part[name] = value
        if value is None:
            del part[name]
    return write_json(path, configuration)


def _model(*sources):
    return json.dumps({"configurationId": "x", "dataSources": sources})


# -- boarding


def test_no_boarding_file(accepted, tmp_path):
    """Neither named nor there."""
    refused(mcagent("onboard", state=accepted), 5, "boarding", "mcagent onboard FILE")
    refused(mcagent("onboard", tmp_path / "none.json", state=accepted), 4, "none.json")
    refused(mcagent("upload", state=accepted), 5, "boarding")


@pytest.mark.parametrize(
    ("content", "word"),
    [("", "JSON"), ("{", "JSON"), ("[]", ""), ('{"content": {}}', ""), ("\x00\xff", "text")],
)
def test_broken_boarding_file(accepted, tmp_path, content, word):
    """Not JSON, or not a boarding configuration; the path is named."""
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="latin-1")
    refused(mcagent("onboard", path, state=accepted), 4, "broken.json", word)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"baseUrl": None}, "baseUrl"),
        ({"iat": None}, "iat"),
        ({"tenant": None}, "tenant"),
        ({"clientCredentialProfile": ["X509"]}, "X509"),
        ({"baseUrl": "http://southgate.example"}, "http://"),
    ],
)
def test_flawed_boarding_file(accepted, boarding, tmp_path, changes, word):
    """Each flaw is named by its member."""
    path = changed(boarding, tmp_path / "flawed.json", **changes)
    refused(mcagent("onboard", path, state=accepted), 4, word)


def test_expired_boarding_file(accepted, tmp_path):
    """Seven days are over: only an operator can help."""
    with HubProcess() as hub, HubClient(hub.url, hub.ca_file) as operator:
        path = write_json(tmp_path / "old.json", operator.create_agent("old", "SHARED_SECRET"))
        operator._call("POST", "/_emulator/clock", {"offset_s": 8 * 86_400})
        result = mcagent("onboard", path, "--ca", hub.ca_file, state=accepted)
    refused(result, 5, "expired", "operator")


def test_used_boarding_file(hub, accepted, boarding, tmp_path):
    """It works once; the second device is told so."""
    first = mcagent("onboard", boarding, "--ca", hub.ca_file, state=tmp_path / "first")
    assert first.code == 0, first
    result = mcagent("onboard", boarding, "--ca", hub.ca_file, state=accepted)
    refused(result, 5, "used")
    secret = json.loads(boarding.read_text())["content"]["iat"]
    assert secret not in result.err


# -- network


def test_wrong_ca(accepted, boarding, tmp_path):
    """The platform's certificate is not trusted: the hint speaks of --ca or the CA file."""
    trustme = pytest.importorskip("trustme")
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    result = mcagent("onboard", boarding, "--ca", other, state=accepted)
    refused(result, 6, "certificate", "--ca FILE")
    refused(mcagent("onboard", boarding, state=accepted), 6, "certificate", "--ca FILE")
    command = ["upload", "--timeout", "1", "--boarding", boarding, "--ca", other]
    result = mcagent(*command, state=accepted)
    assert result.code == 6, result
    assert result.out == "delivered 0 records, 2 pending\n"
    what, hint = result.lines
    assert what.startswith("mcagent: not delivered: the certificate of ")
    assert hint.startswith("  hint: ")
    assert "--ca FILE" in hint
    assert "Try again in " in hint
    assert ".;" not in result.err
    assert ".." not in result.err


def test_ca_file_that_is_none(accepted, boarding, tmp_path):
    """Not there, or not PEM."""
    refused(mcagent("onboard", boarding, "--ca", "no.pem", state=accepted), 4, "no.pem")
    path = write_json(tmp_path / "ca.json", {})
    refused(mcagent("onboard", boarding, "--ca", path, state=accepted), 4, "ca.json")


def test_no_network(hub, accepted, boarding, tmp_path):
    """Nothing listens: offline is no loss, and the same command works later."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    path = changed(boarding, tmp_path / "away.json", baseUrl=f"https://localhost:{port}")
    refused(mcagent("onboard", path, "--ca", hub.ca_file, state=accepted), 6, "localhost")
    result = mcagent("upload", "--boarding", path, "--timeout", 2, "--json", state=accepted)
    assert result.code == 6, result
    assert result.json["delivered"] == 0
    assert result.json["pending"] == 2  # the model and the sample
    assert result.json["reason"]
    (what, hint) = result.lines
    assert what.startswith("mcagent: not delivered: ")
    assert "Everything is kept." in hint


def test_name_that_does_not_resolve(accepted, boarding, tmp_path):
    """DNS is named as the cause."""
    path = changed(boarding, tmp_path / "away.json", baseUrl="https://no-such-host.invalid")
    refused(mcagent("onboard", path, state=accepted), 6, "no-such-host.invalid")


# -- state directory


def test_full_disk(tmp_path, model_file):
    """New samples push out old ones, counted; where there are none, a message says so."""
    mount = tmp_path / "disk"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "mcagent-test", mount],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can make a small file system")
    try:
        state = mount / "state"
        assert mcagent("model", model_file, state=state).code == 0
        assert mcagent("record", "temperature=1", state=state).code == 0
        ballast = mount / "ballast"
        _fill(ballast)
        rows = tmp_path / "rows.csv"
        lines = [f"{1_767_600_000_000 + i},{i},{'x' * 50_000}" for i in range(200)]
        rows.write_text("\n".join(["time,temperature,report", *lines]))
        assert mcagent("record", "--csv", rows, state=state).code == 0
        lane = mcagent("status", "--json", state=state).json["lanes"]["timeseries"]
        before = lane["records"]
        assert before >= 1
        assert before + lane["dropped"]["space"]["records"] == 201
        refused(mcagent("event", "the first event", state=state), 8, "space")
        ballast.unlink()
        assert mcagent("record", "temperature=2", state=state).code == 0
        after = mcagent("status", "--json", state=state).json["lanes"]["timeseries"]["records"]
        assert after == before + 1
    finally:
        subprocess.run(["umount", mount], check=True)


def _fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass


def test_state_directory_that_cannot_be_used(tmp_path, boarding):
    """A file where the directory should be; a path below it."""
    (tmp_path / "file").write_text("")
    for state in (tmp_path / "file", tmp_path / "file" / "state"):
        refused(mcagent("record", "a=1", state=state), 4, str(state))
        refused(mcagent("onboard", boarding, state=state), 4, str(state))


def test_unwritable_state_directory(tmp_path_for_all, capsys):
    """Another user's directory. Root may write anywhere, so root becomes nobody for a moment."""
    assert main.main(["record", "a=1", "--state", str(tmp_path_for_all / "own")]) == 0
    state = tmp_path_for_all / "state"
    state.mkdir(mode=0o555)
    capsys.readouterr()
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        code = main.main(["record", "a=1", "--state", str(state)])
    finally:
        if was_root:
            os.seteuid(0)
    error = capsys.readouterr().err
    assert code == 4
    assert str(state) in error
    assert "hint: " in error


def test_second_process(hub, accepted, boarding, model_file):
    """The lock names its owner; what can go by the inbox does, the rest is refused."""
    with Agent.open(str(accepted)):
        owner = f"pid {os.getpid()}"
        ca = ("--ca", hub.ca_file)
        refused(mcagent("onboard", boarding, *ca, state=accepted), 4, owner)
        refused(mcagent("upload", *ca, state=accepted), 4, owner)
        refused(mcagent("model", model_file, state=accepted), 4, owner)
        assert mcagent("status", state=accepted).code == 0
        assert mcagent("model", state=accepted).code == 0


# -- samples


BAD_SAMPLES = [
    (("pressure=1",), "pressure"),
    (("temperature=nan",), "temperature"),
    (("temperature=-inf",), "temperature"),
    (("temperature=warm",), "warm"),
    (("strokes=1.5",), "strokes"),
    (("strokes=9223372036854775808",), "LONG"),
    (("running=1",), "running"),
    (("note=" + "x" * 21,), "20"),
    (("note=",), "empty"),
    (("note=", "report="), "empty"),
    (("temperature=1", "temperature=2"), "twice"),
    (("since=2026-01-05T08:00:00",), "offset"),
    (("temperature=1", "--time", "2026-01-05T12:00:00"), "offset"),
    (("temperature=1", "--time", "noon"), "not a time"),
    (("temperature=1", "--time", "-1"), "milliseconds"),
    (("temperature=1", "--time", "1767600006"), "seconds?"),
    (("temperature=1", "--time", "9" * 5000), "not a time"),
    (("strokes=" + "9" * 5000,), "strokes"),
    (("temperature=" + "9" * 5000,), "temperature"),
    (("since=1767600006",), "'since'"),
    (("since=" + "9" * 5000,), "'since'"),
    (("temperature=1", "--quality", "good"), "quality"),
]


@pytest.mark.parametrize(("arguments", "word"), BAD_SAMPLES)
def test_bad_sample(accepted, arguments, word):
    """Unknown point, NaN, naive time, wrong type, too long, empty: refused by name."""
    refused(mcagent("record", *arguments, state=accepted), 3, word)


def test_endless_number_without_a_model_names_its_point(tmp_path):
    """No type is known, but no number type has 5 000 digits."""
    refused(mcagent("record", "x=" + "9" * 5000, state=tmp_path / "new"), 3, "'x'", "5000")


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1", "1e300", "soon"])
def test_upload_timeout_that_is_none(accepted, timeout):
    """A wrong command line, before anything is opened."""
    refused(mcagent("upload", "--timeout", timeout, state=accepted), 2, "--timeout")


def test_nan_is_refused_without_a_model_too(tmp_path):
    """Nobody knows the type yet, but the platform takes no NaN in any."""
    refused(mcagent("record", "x=NaN", state=tmp_path / "new"), 3, "x")


def test_record_of_200_000_counted_bytes_passes_and_200_001_does_not(device):
    """2 bytes a character, 1 a Boolean."""
    sample = ["report=" + "x" * 99_999, "running=true", "second=false"]
    assert mcagent("record", *sample, state=device).code == 0
    refused(mcagent("record", *sample, "third=true", state=device), 3, "200001")
    status = mcagent("status", "--json", state=device).json
    assert status["lanes"]["timeseries"]["records"] == 1


# -- files and events


def test_file_at_the_maximum_passes_and_one_byte_more_does_not(device, tmp_path):
    """What the file service cannot take has to fit into an exchange, and the message says so."""
    most = max_file_bytes("log.bin", "größe")
    path = tmp_path / "log.bin"
    with open(path, "wb") as file:
        file.truncate(most)
    assert mcagent("file", path, "--type", "größe", state=device).code == 0
    with open(path, "ab") as file:
        file.write(b"x")
    asked = mcagent("file", path, "--type", "größe", state=device)
    refused(asked, 3, str(most), str(most + 1), "ASCII")
    assert mcagent("file", path, "--type", "text/plain", state=device).code == 0


def test_file_that_no_lane_can_hold(device, tmp_path):
    """The quota says no before anything is copied; the inbox of a service has a bound of its own."""
    path = tmp_path / "log.bin"
    with open(path, "wb") as file:
        file.truncate(300 * 1024 * 1024)
    refused(mcagent("file", path, state=device), 3, "268435456", "quota")
    with Agent.open(str(device)):
        refused(mcagent("file", path, state=device), 3, "100000000", "inbox")
        os.truncate(path, 11_000_000)
        assert mcagent("file", path, state=device).code == 0
    assert mcagent("status", "--json", state=device).json["lanes"]["files"]["records"] == 0
    with Agent.open(str(device)) as agent:
        agent.step(0)
        assert agent.status().lanes["files"]["records"] == 1


def test_file_beside_a_service_has_the_same_maximum(device, tmp_path):
    """The inbox door measures before it copies, and leaves nothing of a refused file behind."""
    most = max_file_bytes("log.bin", "größe")
    path = tmp_path / "log.bin"
    with open(path, "wb") as file:
        file.truncate(most + 1)
    with Agent.open(str(device)):
        asked = mcagent("file", path, "--type", "größe", state=device)
        refused(asked, 3, str(most), str(most + 1))
        os.truncate(path, most)
        assert mcagent("file", path, "--type", "größe", state=device).code == 0
        (message,) = (device / "inbox").iterdir()
        with open(message, "rb") as file:
            header = json.loads(file.readline())
    assert header["max_bytes"] == most


@pytest.mark.parametrize("served", [False, True])
def test_file_that_grows_beyond_the_maximum_while_it_is_read(
    device, tmp_path, monkeypatch, served
):
    """By either door it is refused where it passes the limit, and nothing of it stays."""
    path = tmp_path / "log.bin"
    path.write_bytes(b"x" * 300_000)

    def small_maximum(self):  # as if the file had had this size when it was looked at
        self.max_bytes = 100_000

    monkeypatch.setattr(File, "require_fit", small_maximum)
    with Agent.open(str(device)) if served else contextlib.nullcontext():
        refused(mcagent("file", path, state=device), 3, "100000")
    left = [name for _, _, names in os.walk(device) for name in names]
    assert not [name for name in left if name.endswith((".tmp", ".msg"))]
    assert mcagent("status", "--json", state=device).json["lanes"]["files"]["records"] == 0


def test_file_that_is_none(accepted, tmp_path):
    """A pipe that nobody writes, a device that never ends: refused before they are opened."""
    os.mkfifo(tmp_path / "pipe")
    refused(mcagent("file", tmp_path / "pipe", state=accepted), 3, "regular file")
    refused(mcagent("file", "/dev/zero", state=accepted), 3, "regular file")


def test_file_that_cannot_be_read(accepted, tmp_path):
    """Not there, or a directory."""
    missing = mcagent("file", tmp_path / "none.txt", state=accepted)
    refused(missing, 3, "none.txt", "No such file or directory")
    refused(mcagent("file", tmp_path, state=accepted), 3, "directory")
    refused(mcagent("file", __file__, "--name", "a/b", state=accepted), 3, "a/b")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("x" * 256,), "255"),
        (("",), "description"),
        (("hot", "--details", "[1]"), "--details"),
        (("hot", "--details", "{"), "--details"),
        (("hot", "--time", "2026-01-05T12:00:00"), "offset"),
    ],
)
def test_bad_event(accepted, arguments, word):
    """Too long, empty, details that are no object, a naive time."""
    refused(mcagent("event", *arguments, state=accepted), 3, word)


def test_detail_without_a_name(accepted):
    """A usage error with an example."""
    refused(mcagent("event", "hot", "--detail", "abc", state=accepted), 2, "'abc'", "--detail")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "JSON"),
        ("{}", "configuration"),
        (_model(), "data source"),
        (_model({"name": "a", "dataPoints": []}), "data point"),
        (_model({"name": "a", "dataPoints": [{"id": "p", "type": "FLOAT"}]}), "FLOAT"),
    ],
)
def test_bad_model(accepted, tmp_path, content, word):
    """The present model stays in force."""
    path = tmp_path / "bad-model.json"
    path.write_text(content)
    result = mcagent("model", path, state=accepted)
    assert result.code == 3, result
    assert word in result.err
    assert mcagent("model", "--json", state=accepted).json["configurationId"] == "press-7"


# -- CSV


def test_csv_with_bad_rows_keeps_the_good_ones(device, tmp_path):
    """Row and column of each bad one; the others are stored."""
    path = tmp_path / "shift.csv"
    path.write_text(
        "timestamp,temperature,strokes,note\r\n"
        f"{NOON},21.5,1,good\r\n"
        f"{NOON},warm,2,\r\n"
        "2026-01-05T12:00:00,1,3,\r\n"
        "2026-01-05T12:00:01Z,2,9223372036854775808,\r\n"
        "2026-01-05T12:00:02Z,,,\r\n"
        "2026-01-05T12:00:03Z,3\r\n"
        f"2026-01-05T12:00:04Z,4,4,{'x' * 21}\r\n"
        "2026-01-05T12:00:05Z,nan,5,\r\n"
        "2026-01-05T12:00:06Z,6.5,6,last\r\n"
    )
    result = mcagent("record", "--csv", path, state=device)
    assert result.code == 3
    assert result.out == "recorded 2 samples\n"
    bad = [line for line in result.lines if line.startswith("mcagent: ")]
    for line, row, column in zip(
        bad,
        range(3, 10),
        ("temperature", "timestamp", "strokes", "", "strokes", "note", "temperature"),
        strict=True,
    ):
        assert f"row {row}" in line, line
        assert not column or f"column '{column}'" in line, line
    status = mcagent("status", "--json", state=device).json
    assert status["lanes"]["timeseries"]["records"] == 2

    result = mcagent("record", "--csv", path, "--json", state=device)
    assert result.code == 3
    assert result.json["recorded"] == 2
    assert [(bad["row"], bad["column"]) for bad in result.json["refused"]][:2] == [
        (3, "temperature"),
        (4, "timestamp"),
    ]


def test_csv_that_cannot_be_used_stores_nothing(accepted, tmp_path):
    """No file, no header, an unknown column, binary rubbish."""
    refused(mcagent("record", "--csv", tmp_path / "none.csv", state=accepted), 3, "none.csv")
    path = tmp_path / "x.csv"
    for content, word in [
        (b"", "empty"),
        (b"temperature\n1\n", "times"),
        (b"time,preassure\n1,1\n", "preassure"),
        (b"\x89PNG\r\n\x1a\n\0\0", "row 1"),
    ]:
        path.write_bytes(content)
        refused(mcagent("record", "--csv", path, state=accepted), 3, word)


def test_csv_in_another_encoding_is_refused_by_row(device, tmp_path):
    """A cell that is not UTF-8 is named; the rows around it are stored."""
    path = tmp_path / "latin.csv"
    path.write_bytes(f"time,note\n{NOON},ok\n{NOON},\xe4\n{NOON},ok\n".encode("latin-1"))
    result = mcagent("record", "--csv", path, "--json", state=device)
    assert result.code == 3, result
    assert result.json["recorded"] == 2
    assert [(bad["row"], bad["column"]) for bad in result.json["refused"]] == [(3, "note")]
    assert "UTF-8" in result.json["refused"][0]["message"]
    assert "iconv" in result.err


def test_bad_combinations_of_record(accepted, tmp_path):
    """Pairs and a file, neither, a time for a file."""
    refused(mcagent("record", state=accepted), 2, "POINT=VALUE")
    refused(mcagent("record", "a=1", "--csv", "x", state=accepted), 2, "not both")
    refused(mcagent("record", "a", state=accepted), 2, "POINT=VALUE")
    result = mcagent("record", "--csv", "x", "--time", "1", state=accepted)
    refused(result, 2, "--time")
    for delimiter in ("", ";;", "\n", '"'):
        result = mcagent("record", "--csv", "x", "--delimiter", delimiter, state=accepted)
        refused(result, 2, "--delimiter")


def test_csv_headers_name_file_and_remedy(accepted, tmp_path):
    """The file that cannot be used, and what to do: another delimiter, another encoding."""
    path = tmp_path / "shift.csv"
    for content, word in [
        (b"time;temperature\n1;1\n", "--delimiter ';'"),
        (b"time\ttemperature\n1\t1\n", "--delimiter $'\\t'"),
        ("time,wärme\n1,1\n".encode("latin-1"), "UTF-8"),
        ("time,temperature\n1,1\n".encode("utf-16"), "UTF-8"),
        (b"time,temperature,temperature\n", "twice"),
        (b"time,\n", "no name"),
        (b"time\n", "no data point"),
    ]:
        path.write_bytes(content)
        refused(mcagent("record", "--csv", path, state=accepted), 3, "shift.csv: row 1", word)


def test_csv_rows_of_seconds_and_of_endless_numbers(device, tmp_path):
    """Named by row and column, the other rows are stored."""
    path = tmp_path / "shift.csv"
    nines = "9" * 5000
    path.write_text(f"time,strokes\n{NOON},1\n1767600006,2\n{NOON},{nines}\n{nines},3\n{NOON},4\n")
    result = mcagent("record", "--csv", path, "--json", state=device)
    assert result.code == 3, result
    assert result.json["recorded"] == 2
    assert [(bad["row"], bad["column"]) for bad in result.json["refused"]] == [
        (3, "time"),
        (4, "strokes"),
        (5, "time"),
    ]
    assert "seconds?" in result.err
    assert result.err.count("  hint: ") == 3


@pytest.mark.parametrize("command", ["status", "model", "record", "upload"])
def test_state_that_is_a_file(tmp_path, command):
    """Not a matter of permissions, and said so."""
    path = tmp_path / "report.txt"
    path.write_text("")
    arguments = ["a=1"] if command == "record" else []
    refused(mcagent(command, *arguments, state=path), 4, "report.txt is a file")
