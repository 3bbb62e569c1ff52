"""`mcagent diag`: secrets are planted wherever one can be, and looked for in the unpacked bundle."""

import base64
import json
import os
import stat
import tarfile
import zipfile

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, File
from mcagent.buffer import Buffer
from mcagent.credentials.keystore import Keystore
from mcagent.diagnosis.scrub import Scrubber
from mcagent.emulator import Emulator
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Response
from tests.cli.running import inside, mcagent, refused, write_json

VALUE = "Pl4nted-value-nobody-may-read"
REFUSED = "Pl4nted-value-that-was-refused"
PRIVATE = "Pl4nted-in-the-model"
PASSWORD = "Pl4nted/p@ssword"
IN_URL = "Pl4nted%2Fp%40ssword"
PARTS = {
    "README.txt",
    "doctor.json",
    "status.json",
    "versions.json",
    "settings.json",
    "files.txt",
    "buffer.json",
    "refused.json",
    "model.json",
}


@pytest.fixture
def hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


class Plant:
    """A device with secrets in every place, and the list of them."""

    def __init__(self, hub, folder, profile):
        self.state = folder / "state"
        boarding = hub.create_agent("press-7", security_profile=profile, automap=True)
        self.boarding = write_json(folder / "agentconfig.json", boarding)
        self.secrets = [boarding["content"]["iat"]]
        points = [
            DataPoint("strokes", "LONG", description=PRIVATE),
            DataPoint("note", "STRING", length=100, custom_data={"key": PRIVATE}),
        ]
        model = DataModel("press-7", [DataSource("press", points)])
        with Agent.open(self.state, boarding=boarding) as agent:
            agent.onboard()
            agent.keep_alive(rotate_before_s=10**9)  # the answer before is kept as well
            agent.submit(model)
            assert agent.upload().pending == 0
            agent.record({"strokes": 1, "note": REFUSED})
            agent.record({"strokes": 2, "note": VALUE})
            agent.submit(Event(VALUE, details={"more": VALUE}))
            file = folder / f"{VALUE}.txt"
            file.write_text(VALUE)
            agent.submit(File(str(file)))
            token = agent._outgoing._get().session.lifecycle._token.secrets()
        self._set_aside()
        self.secrets += token
        credentials = Keystore(str(self.state)).load()
        for answer in (credentials["current"], credentials["previous"]):
            self.secrets += [answer["secret"], answer["rat"]]
        assert all(len(secret) > 20 for secret in self.secrets)
        for name in ("damaged-1", "credentials.tmp"):
            (self.state / "credentials" / name).write_text(" ".join(self.secrets))
        (self.state / "inbox").mkdir(exist_ok=True)
        (self.state / "inbox" / "1.json").write_text(json.dumps({"description": VALUE}))
        self.log = folder / "service.log"
        pair = base64.b64encode(f"press7:{PASSWORD}".encode()).decode()
        self.secrets += [PASSWORD, IN_URL, pair, pair[:-3]]
        lines = [f"mcagent: sent {secret}" for secret in self.secrets]
        lines += [f"cut off: {secret[: len(secret) * 2 // 3]}" for secret in self.secrets[:-4]]
        lines += [f"Proxy-Authorization: Basic {pair}", f"via http://press7:{IN_URL}@proxy:3128"]
        lines += [f"the platform says that {REFUSED} is no note", "this line stays"]
        self.log.write_text("\n".join(lines))
        self.env = {
            "HTTPS_PROXY": f"http://press7:{IN_URL}@127.0.0.1:9",
            "NO_PROXY": "somewhere.else",
        }
        self.values = [VALUE, REFUSED, PRIVATE]

    def _set_aside(self):
        buffer = Buffer(str(self.state / "buffer"))
        buffer.open()
        reason = {"status": 400, "reason": f"HTTP 400: {REFUSED} is no note", "time_ms": 1}
        first = buffer.first_record("timeseries").sequence
        assert buffer.set_aside("timeseries", first, reason)
        buffer.close()

    def diag(self, out, *arguments):
        return mcagent("diag", out, *arguments, state=self.state, env=self.env)


@pytest.fixture
def plant(hub, tmp_path, request):
    return Plant(hub, tmp_path, getattr(request, "param", "SHARED_SECRET"))


def unpack(path):
    """Name to text."""
    if str(path).endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    else:
        with tarfile.open(path) as archive:
            found = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    assert all(name.startswith("mcagent-diag/") for name in found)
    return {name.partition("/")[2]: data.decode() for name, data in found.items()}


def grep(parts, words):
    """`(file, word)` for every word that stands anywhere, plain or as JSON writes it."""
    found = []
    for name, text in parts.items():
        for word in words:
            forms = {word, json.dumps(word)[1:-1], word[: len(word) // 2 + 1]}
            found += [(name, form) for form in forms if form in text]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "name"),
    [("SHARED_SECRET", "out.tar.gz"), ("RSA_3072", "out.zip")],
    indirect=["plant"],
)
def test_no_secret_and_no_value_is_in_the_bundle(plant, tmp_path, name):
    """Nor half of a secret; the log that was given is scrubbed, and the rest of it is there."""
    out = tmp_path / name
    proxy = f"http://press7:{IN_URL}@127.0.0.1:9"
    result = plant.diag(out, "--log", plant.log, "--boarding", plant.boarding, "--proxy", proxy)
    assert result.code == 0, result
    assert grep({"terminal": result.out + result.err}, plant.secrets + plant.values) == []
    parts = unpack(out)
    assert grep(parts, plant.secrets + plant.values) == []
    assert set(parts) == PARTS | {"log.txt"}
    assert "this line stays" in parts["log.txt"]
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600


def test_what_helps_is_in_it(plant, tmp_path):
    """The steps, the lanes, the versions, the files, the proxy without its password."""
    out = tmp_path / "out.tar.gz"
    assert plant.diag(out).code == 0
    parts = unpack(out)
    steps = {step["step"]: step["verdict"] for step in json.loads(parts["doctor.json"])["steps"]}
    assert steps["credentials"] == "pass"
    status = json.loads(parts["status.json"])
    assert status["lanes"]["timeseries"]["records"] == 1
    assert json.loads(parts["versions.json"])["mcagent"]
    settings = json.loads(parts["settings.json"])
    assert settings["environment"]["HTTPS_PROXY"] == "http://[left out]@127.0.0.1:9"
    assert settings["mount"]
    assert "credentials/credentials.copy" in parts["files.txt"]
    assert json.loads(parts["buffer.json"])["lanes"]["timeseries"]["records"] == 1
    (record,) = json.loads(parts["refused.json"])["records"]
    assert (record["lane"], record["status"]) == ("timeseries", 400)
    assert json.loads(parts["model.json"])["points"]["strokes"][0] == "LONG"
    assert all(name in parts["README.txt"] for name in PARTS - {"README.txt"})


def test_values_come_along_when_they_are_asked_for(plant, tmp_path):
    """And still no secret."""
    out = tmp_path / "out.zip"
    assert plant.diag(out, "--with-payloads", "--log", plant.log).code == 0
    parts = unpack(out)
    assert grep(parts, plant.secrets) == []
    assert {name for name, _word in grep(parts, [VALUE, REFUSED])} == {"payloads.jsonl"}
    assert parts["payloads.jsonl"].count("\n") >= 3


def test_beside_a_service(plant, tmp_path):
    """The status is the running service's own; a refusal that it has just met is scrubbed."""
    with Agent.open(plant.state) as agent:
        agent._outgoing._get()._dispatch.last_error = f"HTTP 400: {REFUSED} is no note"
        agent._outgoing._get()._dispatch.lanes["events"].reason = f"held: {VALUE} is refused"
        agent.start()
        result = plant.diag(tmp_path / "out.zip")
        assert result.code == 0
        assert grep({"terminal": result.out + result.err}, plant.secrets + plant.values) == []
        parts = unpack(tmp_path / "out.zip")
    assert json.loads(parts["status.json"])["pid"] == os.getpid()
    assert grep(parts, plant.secrets + plant.values) == []


@pytest.mark.slow
def test_a_gateway_that_quotes_what_it_was_sent(plant, tmp_path):
    """Neither the token that came with a request, nor a value, nor an order to the terminal."""

    class Echo(Urllib3Transport):
        def send(self, request):
            answer = super().send(request)
            if not request.url.endswith("/exchange"):
                return answer
            text = f"{VALUE} came \x1b[31m with {request.headers['Authorization']}"
            return Response(
                400, {"content-type": "application/json"}, json.dumps({"message": text}).encode()
            )

    with Agent.open(plant.state, transport=Echo()) as agent:
        agent.upload()
        token = agent._outgoing._get().session.lifecycle.secrets()[-1]
        status = agent.status().upload
        assert VALUE in status["held"]["events"]
        assert token[:40] not in str(status)
        agent.start()
        result = plant.diag(tmp_path / "out.zip")
    assert result.code == 0
    assert "the doctor found: delivery" in result.out
    assert "\x1b" not in result.out
    parts = {**unpack(tmp_path / "out.zip"), "terminal": result.out + result.err}
    assert grep(parts, [*plant.secrets, token[:60], *plant.values]) == []


def test_before_anything_is_there(tmp_path):
    """What cannot be collected is named, and the rest is."""
    result = mcagent("diag", "--json", tmp_path / "o.zip", state=tmp_path / "none")
    assert result.code == 0
    parts = unpack(tmp_path / "o.zip")
    assert {"doctor.json", "versions.json", "trouble.txt"} < set(parts)
    assert "status.json" in parts["trouble.txt"]
    assert result.json["files"] == sorted(parts)


def test_names_that_are_none(tmp_path):
    state = tmp_path / "state"
    refused(inside("diag", tmp_path / "out.rar", state=state), 2, "out.rar", ".tar.gz")
    (tmp_path / "there.zip").write_text("mine")
    refused(inside("diag", tmp_path / "there.zip", state=state), 2, "there already")
    assert (tmp_path / "there.zip").read_text() == "mine"
    refused(inside("diag", tmp_path / "no" / "x.zip", state=state), 4, "No such file")
    log = tmp_path / "no.log"
    refused(inside("diag", tmp_path / "x.zip", "--log", log, state=state), 4, "no.log")


def test_the_scrubber_by_itself():
    """Keys also in part; words whole; what looks like a credential although nobody knows it."""
    scrubber = Scrubber(["AAAABBBBCCCCDDDD", "short"], ["a word"])
    assert scrubber.scrub("x AAAABBBBCCCCDDDD y") == "x [left out] y"
    assert scrubber.scrub("x AAAABBBBCCCCDD") == "x [left out]"
    assert scrubber.scrub("AAAABBBB") == "AAAABBBB"  # says nothing
    assert scrubber.scrub("this is a word, and wor") == "this is [left out], and wor"
    assert scrubber.scrub("Bearer abc.def") == "Bearer [left out]"
    assert scrubber.scrub("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOi") == "[left out]"
    assert scrubber.scrub('{"client_secret": "k3Wq"}').count("k3Wq") == 0
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert scrubber.scrub(f"a {pem} b") == "a [left out] b"
    assert scrubber.scrub_all({"a": ['say "a word"', 5, None]}) == {
        "a": ['say "[left out]"', 5, None]
    }
    assert Scrubber([], []).scrub("nothing is known") == "nothing is known"
