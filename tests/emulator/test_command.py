"""`python -m mcagent.emulator` as a process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import NamedTuple

import pytest

from mcagent.emulator import Emulator, serve

from .device import Device, call, configuration, file_item, sample, timeseries

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Address(NamedTuple):
    """A hub in another process, as `Device` takes it."""

    url: str


def start(*options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "mcagent.emulator", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_and_ends_with_0(number, tmp_path):
    with start("--json", "--strict", "--data", str(tmp_path / "hub")) as process:
        ready = json.loads(process.stdout.readline())
        assert ready["url"].startswith("https://localhost:")
        assert ready["ca_file"] == str(tmp_path / "hub" / "ca.pem")
        state = call(ready["url"], "GET", "/_emulator/state", ca_file=ready["ca_file"]).json
        assert state["settings"]["replace_records"] is True
        process.send_signal(number)
        rest, errors = process.communicate(timeout=90)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_over_http_with_settings_for_people(tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text('{"token_life_s": 5}')
    options = ["--http", "--settings", str(settings), "--public-url", "http://hub.example"]
    with start(*options) as process:
        line = process.stdout.readline()
        url = line.split()[-1]
        assert url.startswith("http://127.0.0.1:")
        assert process.stdout.readline() == "Only this machine reaches it (--host 127.0.0.1).\n"
        page = process.stdout.readline().split()[-1]
        assert page == url + "/"
        assert b"<!doctype html>" in call(page, "GET", "/").body
        state = call(url, "GET", "/_emulator/settings").json
        assert (state["token_life_s"], state["public_url"]) == (5, "http://hub.example")
        process.terminate()
        process.communicate(timeout=90)


def test_beyond_loopback_it_says_so():
    with start("--http", "--host", "0.0.0.0") as process:
        process.stdout.readline()
        assert process.stdout.readline().startswith("Bound beyond loopback: anyone")
        process.terminate()
        process.communicate(timeout=90)


@pytest.mark.parametrize("content", ["[]", "{", '{"color": 1}'])
def test_bad_settings_end_with_4_a_line_and_a_hint(content, tmp_path, capsys):
    settings = tmp_path / "settings.json"
    settings.write_text(content)
    assert serve(["--settings", str(settings)]) == 4
    what, hint = capsys.readouterr().err.splitlines()
    assert what.startswith("mcagent: cannot start: ")
    assert hint.startswith("  hint: ")


def test_a_taken_port_ends_with_4(session_hub, capsys):
    assert serve(["--http", "--port", str(session_hub.port)]) == 4
    assert "cannot start" in capsys.readouterr().err


def test_a_host_that_is_not_of_this_machine_ends_with_4(capsys):
    assert serve(["--http", "--port", "0", "--host", "192.0.2.1"]) == 4
    assert "--host" in capsys.readouterr().err


def test_data_that_cannot_be_used_ends_with_4(tmp_path, capsys):
    (tmp_path / "file").write_text("no directory")
    assert serve(["--http", "--port", "0", "--data", str(tmp_path / "file")]) == 4
    what, hint = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in what
    assert "--data" in hint


@pytest.mark.parametrize("program", ["from mcagent.emulator import Emulator", ""])
def test_without_the_extra_it_says_what_to_install(program):
    without = "import sys; sys.modules['uvicorn'] = None; sys.modules['starlette'] = None\n"
    program = program or "import runpy; runpy.run_module('mcagent.emulator', run_name='__main__')"
    process = subprocess.run(
        [sys.executable, "-c", without + program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert process.returncode == 1
    assert "pip install 'mcagent[emulator]'" in process.stderr.splitlines()[-1]


def test_wrong_usage_ends_with_2(capsys):
    assert serve(["--nope"]) == 2
    assert serve(["--help"]) == 0
    capsys.readouterr()


def test_broken_requests_are_no_lines_on_standard_error():
    """Whoever starts the hub and reads nothing of it must not stop it by a full pipe."""
    with start("--http", "--json") as process:
        port = int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(b"no HTTP\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        process.terminate()
        _, errors = process.communicate(timeout=90)
    assert errors == ""


def test_two_hubs_never_share_a_directory(tmp_path, capsys):
    """Both would process what is pending, and forget what the other one gave out."""
    data = ["--http", "--port", "0", "--data", str(tmp_path)]
    with Emulator(tls=False, data=tmp_path) as hub:
        assert serve(data) == 4
        assert capsys.readouterr().err == (
            f"mcagent: cannot start: cannot use {tmp_path}: another hub runs on it\n"
            "  hint: end the other hub, or name another directory with --data\n"
        )
        assert call(hub.url, "GET", "/_emulator/state").status == 200
    with Emulator(tls=False, data=tmp_path):
        pass  # the lock went with the first one


def test_what_was_answered_is_there_after_a_kill(tmp_path):
    """Killed while devices and applications write; nothing that got its answer is gone."""
    options = ["--http", "--json", "--data", str(tmp_path)]
    sent, put = [], []
    with start(*options) as process:
        hub = Address(json.loads(process.stdout.readline())["url"])
        boarding = call(hub.url, "POST", "/_emulator/agents", {"name": "a", "automap": True}).json
        device = Device(hub, boarding)
        assert device.register().status == 201
        assert device.ask_token().status == 200
        assert device.put_configuration(configuration(P1="LONG")).status == 200
        aspects = {"side": {"n": {"type": "LONG"}}}
        asset = call(hub.url, "POST", "/_emulator/assets", {"name": "b", "aspects": aspects}).json
        token = call(hub.url, "POST", "/_emulator/token", {}).json["access_token"]
        path = f"/api/iottimeseries/v3/timeseries/{asset['id']}/side"
        killer = threading.Timer(0.3, process.kill)
        killer.start()
        with pytest.raises((OSError, http.client.HTTPException)):
            while True:
                time_ = f"2026-01-05T08:{len(sent) // 60:02d}:{len(sent) % 60:02d}.000Z"
                value = str(len(sent))
                device.send(timeseries(sample(time_, P1=value)), file_item("f" + value, b"x"))
                sent.append((device.id, time_, len(sent)))
                body = [{"_time": time_, "n": len(put)}]
                answer = call(
                    hub.url, "PUT", path, body, headers={"Authorization": f"Bearer {token}"}
                )
                assert answer.status == 204
                put.append((asset["id"], time_, len(put)))
        process.communicate(timeout=90)
    assert sent
    assert put
    with Emulator(tls=False, data=tmp_path) as again:
        again.settle()
        stored = {(row["asset"], row["_time"], *row["values"].values()) for row in again.stored()}
        files = {file["name"] for file in again.files()}
    assert set(sent + put) <= stored
    assert {f"f{value}" for _, _, value in sent} <= files


def test_a_full_disk_is_named_and_no_half_of_a_key_is_left(tmp_path, capsys):
    os.symlink("/dev/full", tmp_path / "ca-key.pem.new")
    assert serve(["--port", "0", "--data", str(tmp_path)]) == 4
    assert capsys.readouterr().err == (
        f"mcagent: cannot start: cannot use {tmp_path}: its disk is full\n  hint: make room there\n"
    )
    assert os.listdir(tmp_path) == ["hub.lock"]
    with Emulator(data=tmp_path):
        pass  # nothing is in the way of the next start


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "signing-key.pem"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_named_with_a_way_out(tmp_path, capsys, name, content):
    with Emulator(data=tmp_path):
        pass
    (tmp_path / name).write_bytes(content)
    assert serve(["--port", "0", "--data", str(tmp_path)]) == 4
    said = capsys.readouterr().err
    named = "ca.pem" if name == "ca-key.pem" else name  # they belong together
    assert (
        f"is no key or certificate of a hub; without it the hub makes a new one: '{tmp_path}/{named}'"
        in said
    )
    (tmp_path / named).unlink()
    with Emulator(data=tmp_path) as hub:
        assert call(hub.local_url, "GET", "/_emulator/state", ca_file=hub.ca_file).status == 200
