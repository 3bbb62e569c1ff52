"""A running agent tells its status to other processes of the device, and stops when it stops."""

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, TransportError, live
from mcagent.live import StatusServer, read_live, why_silent
from mcagent.transport.fake import FakeTransport

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Of a machine that is busy with other things."""
    monkeypatch.setattr(live, "_PATIENCE_S", 60)


@pytest.fixture
def agent(tmp_path):
    with Agent.open(tmp_path / "state", transport=FakeTransport([])) as agent:
        agent.submit(MODEL)
        yield agent


def ask(directory):
    """As another process does."""
    code = "import json, sys; from mcagent.live import read_live\n"
    code += "print(json.dumps(read_live(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, directory], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_another_process_sees_what_only_ram_knows(agent):
    """Samples of the open group window, what the uploader waits for, who it is."""
    agent.start()
    agent.record({"strokes": 1})
    status = ask(agent.directory)
    assert status["pid"] == os.getpid()
    assert status["pending"] == 2
    assert status["worker"]["alive"]
    assert status["upload"]["session"]["proxy"] is None
    here = agent.status().to_dict()
    assert set(status) == {*here, "pid"}
    for volatile in ("upload", "worker"):
        assert set(status[volatile]) == set(here[volatile])


def test_nobody_else_may_ask(agent):
    agent.start()
    mode = os.stat(agent.directory + "/status.sock").st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_nothing_answers_before_start_and_after_stop(agent):
    assert read_live(agent.directory) is None
    agent.start()
    assert read_live(agent.directory) is not None
    agent.stop()
    assert read_live(agent.directory) is None
    assert not os.path.exists(agent.directory + "/status.sock")
    agent.start()
    assert read_live(agent.directory) is not None


class Hanging(FakeTransport):
    """A request that is under way for as long as the test wants."""

    def __init__(self):
        super().__init__([])
        self.sending, self.over = threading.Event(), threading.Event()

    def send(self, request):
        self.sending.set()
        self.over.wait(90)
        raise TransportError("broken off", kind="aborted")

    def close(self):
        self.over.set()


def test_the_status_is_told_while_a_request_hangs(tmp_path):
    """It has a thread of its own: the worker's waits for the platform then."""
    transport = Hanging()
    boarding = {
        "content": {
            "baseUrl": "https://hub.test",
            "iat": "unused",
            "clientCredentialProfile": ["SHARED_SECRET"],
            "clientId": "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3",
            "tenant": "acmedev",
        }
    }
    with Agent.open(tmp_path / "state", transport=transport, boarding=boarding) as agent:
        agent.submit(MODEL)
        agent.start()
        assert transport.sending.wait(60)
        assert read_live(agent.directory)["pending"] == 1
        assert not transport.over.is_set()


def test_who_connects_and_says_nothing_is_in_nobodys_way(agent):
    agent.start()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(agent.directory + "/status.sock")
        for _ in range(5):
            assert read_live(agent.directory)["pending"] == 1


def test_a_killed_owner_leaves_a_socket_that_stops_nobody(tmp_path):
    """kill -9: the next question is answered by nobody, at once, and the next owner by itself."""
    state = str(tmp_path / "state")
    code = (
        "import sys, time; from mcagent import Agent\n"
        "from mcagent.transport.fake import FakeTransport\n"
        "agent = Agent.open(sys.argv[1], transport=FakeTransport([])); agent.start()\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, state], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert ask(state)["pid"] == process.pid
        process.send_signal(signal.SIGKILL)
    assert os.path.exists(state + "/status.sock")
    began_s = time.monotonic()
    assert read_live(state) is None
    assert time.monotonic() - began_s < 30  # who waits is patient for 60
    with Agent.open(state, transport=FakeTransport([])) as agent:
        agent.start()
        assert read_live(state)["pid"] == os.getpid()


@pytest.mark.slow
def test_a_process_without_a_descriptor_left_can_be_asked_when_it_has_one(tmp_path):
    """Nobody restarts a service because `mcagent status` had no answer for a while."""
    state = str(tmp_path / "state")
    code = (
        "import sys, time; import mcagent; from mcagent import Agent\n"
        "from mcagent.transport.fake import FakeTransport\n"
        "mcagent.log_to_stderr()\n"
        "agent = Agent.open(sys.argv[1], transport=FakeTransport([])); agent.start()\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, state],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            process.stdout.readline()
            assert ask(state)["pid"] == process.pid
            limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            for _ in range(2):  # the call that waits has its descriptor already
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.connect(state + "/status.sock")
            os.set_blocking(process.stderr.fileno(), False)
            told, until_s = b"", time.monotonic() + 60
            while b"no status: [Errno 24]" not in told:
                assert time.monotonic() < until_s, told
                try:
                    told += os.read(process.stderr.fileno(), 65_536)
                except BlockingIOError:
                    time.sleep(0.05)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
            until_s = time.monotonic() + 60
            while (status := read_live(state)) is None:
                assert time.monotonic() < until_s
            assert status["pid"] == process.pid
        finally:
            process.kill()


def test_a_deep_state_directory(tmp_path):
    """Addresses of sockets have room for 107 bytes."""
    state = tmp_path / ("deep" * 20) / ("er" * 40) / "state"
    with Agent.open(state, transport=FakeTransport([])) as agent:
        agent.start()
        assert read_live(str(state))["directory"] == str(state)


def test_a_file_system_without_sockets_costs_the_answers_only(agent, monkeypatch):
    """FAT has none: the service runs all the same."""

    def refuse(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    server = StatusServer(agent)
    assert not server.listening
    assert read_live(agent.directory) is None
    server.stop()


def test_a_forked_child_does_not_answer_for_its_parent(agent):
    """Its copy of the socket is closed: after the parent's end nobody waits for an answer."""
    agent.start()
    listener = agent._worker._server._socket.fileno()
    child = os.fork()
    if not child:
        try:
            os.fstat(listener)
        except OSError:
            os._exit(0)
        os._exit(1)
    _pid, code = os.waitpid(child, 0)
    assert code == 0
    assert read_live(agent.directory) is not None


def test_why_nobody_answers_is_told(agent, monkeypatch):
    """No thread; a thread that is stuck; somebody else's."""
    assert why_silent(agent.directory) == "only Agent.start() and Agent.run() tell it"
    agent.start()
    status, asked_in_vain = agent.status, threading.Event()
    monkeypatch.setattr(agent, "status", lambda: asked_in_vain.wait(60) and status())
    monkeypatch.setattr(live, "_PATIENCE_S", 0.2)
    assert read_live(agent.directory) is None
    asked_in_vain.set()
    assert why_silent(agent.directory) == "it did not answer within 0.2 s"
    monkeypatch.setattr(
        "mcagent.live.os.access", lambda _path, _mode: False
    )  # root may everything
    assert "own user and root" in why_silent(agent.directory)


def test_a_status_that_fails_once_is_told_the_next_time(agent, monkeypatch, caplog):
    """Whatever is wrong with one: the thread that answers does not end with it."""
    agent.start()
    status = agent.status

    def broken():  # not for the thread that uploads, which looks now and then
        return status() if threading.current_thread().name == "mcagent" else {}["a bug"]

    with monkeypatch.context() as patch:
        patch.setattr(agent, "status", broken)
        assert read_live(agent.directory) is None
    assert read_live(agent.directory)["pending"] == 1
    assert "KeyError" in caplog.text


def test_rubbish_is_no_status(tmp_path, monkeypatch):
    """Whatever else listens there: None, in bounded time."""
    monkeypatch.setattr(live, "_PATIENCE_S", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "status.sock"))
        listener.listen(1)
        began_s = time.monotonic()
        assert read_live(str(tmp_path)) is None
        assert time.monotonic() - began_s < 30
