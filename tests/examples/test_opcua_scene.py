"""examples/opcua_collector.py with asyncua's server. `tox -e examples`."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

from tests.examples import opcua
from tests.examples.scene import ENVIRONMENT, ROOT, Scene, free_port, wait_for
from tests.faults import mounts


@pytest.mark.slow
def test_what_the_server_said_is_stored_whoever_is_killed(tmp_path, figure):
    """Value, source time and status; outages on both sides, restart and SIGKILL of both."""
    for comparison in opcua.run(tmp_path):
        figure("opcua_collector", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.lost_in_flight) <= 1
        assert len(comparison.stored) > 60
        assert {code for _when, _value, code in comparison.stored} == {0, 0x40900000}


def started(scene, press, *, more="", **changes):
    # A busy machine answers late, and a connection that is made anew tells all once more.
    settings = {"publish_every_s": 0.1, "timeout_s": 30.0, **changes}
    url = f"opc.tcp://127.0.0.1:{press.port}"
    return scene.collector(more=more, url=url, **settings).start()


WRONG = {
    "unknown": ('node = "ns=2;s=none"', "BadNodeIdUnknown"),
    "namespace": ('node = "ns=two;s=strokes"', "ns=two"),
    "name": ('node = "oil"', "parsing string oil"),
    "text": ('node = "ns=2;s=label"', "'press' is no DOUBLE"),
    "float": ('node = "ns=2;s=broken"', "nan is outside DOUBLE"),
    "object": ('node = "i=85"', "BadAttributeIdInvalid"),
    "twice": ('node = "ns=2;s=strokes"', "is that of 'strokes' already; each node is one point's"),
}


def test_wrong_points_are_told_and_the_others_are_collected(tmp_path):
    """One line each, with the point's name or its place in the file."""
    more = "".join(f'\n[[points]]\nid = "{name}"\n{text}\n' for name, (text, _) in WRONG.items())
    with Scene(tmp_path, "opcua_collector") as scene:
        press = opcua.Press(scene)
        press.start()
        collector = started(scene, press, more=more)
        wait_for(lambda: len(opcua.stored(scene, "strokes")) > 5, collector.output)
        for _text, told in WRONG.values():
            wait_for(lambda told=told: told in collector.output(), collector.output)
        assert collector.stop() == 0
        output = collector.output()
        assert "Traceback" not in output
        assert "troubles: none" not in output
        lines = [line for line in output.splitlines() if not line.startswith("troubles: ")]
        for name, (_text, told) in WRONG.items():
            (line,) = [line for line in lines if told in line]
            place = f"point {3 + list(WRONG).index(name)}:"
            assert name in line or place in line


@pytest.mark.parametrize(
    ("mode", "told"), [("refuse", "BadHistoryOperationUnsupported"), ("none", "nothing since 20")]
)
def test_a_server_without_history_is_told_of_and_listened_to(tmp_path, mode, told):
    """What changed meanwhile is lost, and that is said; `history = false` asks for none."""
    with Scene(tmp_path, "opcua_collector") as scene:
        press = opcua.Press(scene, mode)
        press.start()
        progress = tmp_path / "state" / "opcua_progress.json"
        collector = started(scene, press)
        wait_for(lambda: len(written(progress)) == 2, collector.output)
        collector.kill()
        at_kill = len(press.said())
        collector.start()
        wait_for(lambda: told in collector.output(), collector.output)
        wait_for(
            lambda: set(press.said()[at_kill:]) & set(opcua.stored(scene, "strokes")),
            collector.output,
        )
        assert collector.stop() == 0
        lines = collector.output().splitlines()
        (line,) = [line for line in lines if "history of strokes: " in line]
        assert told in line
        assert "history = false" in line
        quiet = started(scene, press, history=False)
        wait_for(lambda: quiet.output().count(opcua.CONNECTED) == 3, quiet.output)
        assert quiet.stop() == 0
        assert quiet.output().endswith("troubles: none\n")


def written(progress):
    return json.loads(progress.read_text()) if progress.exists() else {}


def test_what_a_full_disk_refused_is_read_once_more(tmp_path, tool_missing):
    """The server keeps it; it comes when there is room again."""
    try:
        disk = mounts.tmpfs(tmp_path / "state", "size=40m,mode=700")
    except OSError as error:
        tool_missing(f"no file system of our own: {error}")
    with Scene(tmp_path, "opcua_collector") as scene, disk:
        press = opcua.Press(scene, "history", "fast")
        press.start()
        # A small quota has small segments, of which the next one finds no room.
        collector = started(scene, press, more="", quota_mib=1)
        wait_for(lambda: len(opcua.stored(scene, "strokes")) > 5, collector.output)
        first = opcua.stored(scene, "strokes")[0]
        scene.hub.disconnect()
        mounts.fill(tmp_path / "state" / "ballast")
        wait_for(lambda: "strokes: " in collector.output(), collector.output)
        refused = press.said()[-1]
        os.remove(tmp_path / "state" / "ballast")
        scene.hub.reconnect()
        wait_for(lambda: refused in opcua.stored(scene, "strokes"), collector.output)
        said = press.silenced()
        said = said[said.index(first) :]
        wait_for(lambda: set(said) <= set(opcua.stored(scene, "strokes")), collector.output)
        assert collector.stop() == 0
        assert "Traceback" not in collector.output()


def certificate(folder, name):
    """PEM files as docs/collectors/opcua_collector.md makes them, with *name* for press-9."""
    with open(os.path.join(ROOT, "docs/collectors/opcua_collector.md"), encoding="utf-8") as page:
        (command,) = re.findall(
            r"^```sh\n(openssl .*?)^```$", page.read(), re.MULTILINE | re.DOTALL
        )
    target = os.path.join(folder, name)
    os.mkdir(target)
    command = command.replace("press-9", name)
    subprocess.run(["bash", "-ec", command], cwd=target, check=True, capture_output=True)
    return [os.path.join(target, file) for file in ("cert.pem", "key.pem")]


@pytest.fixture
def keys(tmp_path, tool_missing):
    if shutil.which("openssl") is None:
        tool_missing("openssl is not installed")
    return {name: certificate(tmp_path, name) for name in ("collector", "server")}


def secured(scene, keys, monkeypatch, **changes):
    monkeypatch.setitem(ENVIRONMENT, "OPCUA_PASSWORD", "planted")
    press = opcua.Press(scene, "history", "secure", *keys["server"])
    press.start()
    return started(scene, press, **{**security(keys), **changes})


def security(keys):
    return {
        "security": "Basic256Sha256",
        "certificate": keys["collector"][0],
        "key": keys["collector"][1],
        "server_certificate": keys["server"][0],
        "username": "press",
    }


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
def test_a_server_with_security_and_users_is_listened_to(tmp_path, keys, monkeypatch, mode):
    """Basic256Sha256, certificates on both sides, user and password."""
    with Scene(tmp_path, "opcua_collector") as scene:
        collector = secured(scene, keys, monkeypatch, mode=mode)
        wait_for(lambda: len(opcua.stored(scene, "strokes")) > 5, collector.output)
        assert collector.stop() == 0
        assert "planted" not in collector.output()


REFUSED = {
    "a wrong password": ("wr0ng-planted", {}, "User"),
    "no security": ("planted", {"security": "None"}, ""),
    "another server": ("planted", {"server_certificate": "collector"}, ""),
}


def test_what_a_server_refuses_is_told_without_the_password(tmp_path, keys, monkeypatch):
    """No connection, in one line and an event; and nothing of it is believed."""
    with Scene(tmp_path, "opcua_collector") as scene:
        press = opcua.Press(scene, "history", "secure", *keys["server"])
        press.start()
        for number, (password, changes, told) in enumerate(REFUSED.values(), 1):
            monkeypatch.setitem(ENVIRONMENT, "OPCUA_PASSWORD", password)
            files = {"server_certificate": keys["server"][0], "timeout_s": 4.0, **changes}
            if files["server_certificate"] == "collector":
                files["server_certificate"] = keys["collector"][0]
            collector = started(scene, press, **{**security(keys), **files})
            wait_for(lambda number=number: len(scene.hub.events()) == number, collector.output)
            assert collector.stop() == 0
            lines = [line for line in collector.output().splitlines() if "trying again" in line]
            assert len(lines) == number
            assert told in lines[-1]
        assert "planted" not in collector.output()
        assert scene.hub.stored() == []


def test_settings_of_security_that_cannot_be_end_it_with_a_hint(tmp_path, keys, monkeypatch):
    """A line, not a collector that never connects."""
    monkeypatch.setitem(ENVIRONMENT, "OPCUA_PASSWORD", "planted")
    not_one = tmp_path / "not.pem"
    not_one.write_text("-----BEGIN CERTIFICATE-----\n")
    good = dict(
        zip(("certificate", "key"), keys["collector"]), server_certificate=keys["server"][0]
    )
    with Scene(tmp_path, "opcua_collector") as scene:
        for changes, told in (
            ({"server_certificate": ""}, "security needs certificate, key, server_certificate"),
            ({"certificate": str(tmp_path / "none.pem")}, "none.pem"),
            ({"certificate": str(not_one)}, "not.pem"),
            ({"security": "Basic128Rsa15"}, "there is no security 'Basic128Rsa15'"),
        ):
            settings = {"security": "Basic256Sha256", **good, **changes}
            collector = scene.collector(url="opc.tcp://127.0.0.1:9", **settings).start()
            wait_for(collector.ended, collector.output)
            assert collector.stop() == 1
            last = collector.output().splitlines()[-2:]
            assert told in " ".join(last)
            assert last[1].startswith("  hint: ")
        assert "Traceback" not in collector.output()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("10.0.0.7:4840", "no url '10.0.0.7:4840'"),
        ("http://10.0.0.7:4840", "no url 'http"),
        ("opc.tcp://10.0.0.7", "no url 'opc"),
        ("opc.tcp://10.0.0.7:70000", "no url 'opc"),
        ("opc.tcp://press:planted@10.0.0.7:4840", "url names a user"),
    ],
)
def test_a_url_that_leads_nowhere_ends_it_with_a_hint(tmp_path, url, told):
    """Not a collector that never connects; a password in it is not shown."""
    with Scene(tmp_path, "opcua_collector") as scene:
        collector = scene.collector(url=url).start()
        wait_for(collector.ended, collector.output)
        assert collector.stop() == 1
        error, hint = collector.output().splitlines()
        assert f"[opcua]: {told}" in error
        assert hint.startswith("  hint: ")
        assert "planted" not in collector.output()


def test_a_server_that_comes_late_is_waited_for(tmp_path):
    """No connection is one line and an event, not the end."""
    with Scene(tmp_path, "opcua_collector") as scene:
        press = opcua.Press(scene)
        url = f"opc.tcp://127.0.0.1:{press.port}"
        collector = scene.collector(url=url).start()
        wait_for(scene.hub.events, collector.output)
        press.start()
        wait_for(lambda: opcua.stored(scene, "strokes"), collector.output)
        wait_for(lambda: len(scene.hub.events()) == 2, collector.output)
        assert collector.stop() == 0
        assert collector.output().count("no connection, trying again") == 1
        assert "Traceback" not in collector.output()


def test_a_server_that_answers_garbage_is_not_there(tmp_path):
    """It is left and tried again; SIGTERM ends the collector all the same."""
    with Scene(tmp_path, "opcua_collector") as scene, socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()

        def talk():
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(os.urandom(300))

        talker = threading.Thread(target=talk)
        talker.start()
        url = f"opc.tcp://127.0.0.1:{listener.getsockname()[1]}"
        collector = scene.collector(url=url, timeout_s=0.5).start()
        try:
            wait_for(scene.hub.events, collector.output)
            assert collector.stop() == 0
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            talker.join()
        assert collector.output().count("no connection, trying again") == 1
        assert "Traceback" not in collector.output()
