"""examples/mqtt_bridge.py with mosquitto. `tox -e examples`."""

import json
import os
import re
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
import trustme

from mcagent import InvalidMessage
from tests.examples import mqtt
from tests.examples.scene import ENVIRONMENT, EXAMPLES, Scene, answers, wait_for
from tests.faults import mounts


@pytest.fixture(autouse=True)
def broker_is_installed(tool_missing):
    if mqtt.mosquitto() is None:
        tool_missing("mosquitto is not installed")


@pytest.mark.slow
def test_what_the_broker_took_is_stored_whoever_is_killed(tmp_path, figure):
    """An outage of the link, SIGKILL of the bridge twice, the broker restarted and killed."""
    for comparison in mqtt.run(tmp_path):
        figure("mqtt_bridge", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 50


BAD = [
    ("press/7/oil", b"n/a", "'n/a' is no DOUBLE"),
    ("press/7/oil", b"", "'' is no DOUBLE"),
    ("press/7/oil", b"NaN", "nan is outside DOUBLE"),
    ("press/7/oil", b"\xff\x00", "cannot read"),
    ("press/7/state", b"{", "cannot read"),
    ("press/7/state", b'{"counters": 1, "at": "2026-01-05T08:00:00Z"}', "cannot read"),
    ("press/7/state", b'{"counters": {"strokes": 1}}', "'at'"),
    ("press/7/state", b'{"counters": {"strokes": 1}, "at": "noon"}', "'noon' is no time"),
    (
        "press/7/state",
        b'{"counters": {"strokes": 9223372036854775808}, "at": "2026-01-05T08:00:00Z"}',
        "9223372036854775808",
    ),
    ("press/7/state", b'{"counters": {"strokes": ' + b"[" * 50_000 + b"}}", "cannot read"),
    ("press/7/state", b'{"counters": {"strokes": 1}, "at": "1965-01-05T08:00:00Z"}', "years 1970"),
]
WRONG_POINTS = {
    "group": ('topic = "press/+/oil"', "'press/+/oil' is no single topic; one line for each"),
    "shared": ('topic = "$share/us/press/7/oil"', "is no single topic"),
    "empty": ('topic = ""', "topic = '' says nothing; give text"),
    "long": (f'topic = "{"x" * 70_000}"', "a topic that is too long; 65535 bytes"),
    "untimed": ('topic = "press/7/x"\ntime = "at"', "so field must be named"),
    "clock": ('topic = "x"\nfield = "f"\ntime = "at"\ntime_format = "unix"', "one of: 'iso', 's'"),
    "typeless": ('topic = "press/7/x"\ntype = "FLOAT"', "FLOAT"),
}
STATE = {"at": "2026-01-05T08:00:01Z", "counters": {"strokes": 12}}


def bridged(scene, *, broker_more=mqtt.OPEN + mqtt.KEEPS, more="", **changes):
    """A broker, and a bridge that has subscribed to it; and the port."""
    broker, port = mqtt.broker_of(scene, broker_more)
    broker.start()
    wait_for(lambda: answers(port), broker.output)
    bridge = scene.collector(port=port, more=more, **changes).start()
    wait_for(lambda: "Received SUBSCRIBE" in broker.output(), bridge.output)
    return broker, bridge, port


def test_what_nobody_can_use_is_told_and_the_rest_goes_on(tmp_path):
    """Each in one line, counted, and acknowledged: the broker would send it for ever."""
    more = "".join(
        f'\n[[points]]\nid = "{name}"\n{text}\n' for name, (text, _) in WRONG_POINTS.items()
    )
    with Scene(tmp_path, "mqtt_bridge") as scene:
        _broker, bridge, port = bridged(scene, more=more)
        machine = mqtt.Publisher(port)
        for topic, payload, _text in BAD:
            machine.send(topic, payload)
        machine.send("press/7/state", json.dumps(STATE))
        machine.send("press/7/oil", "7.25")
        wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
        machine.close()
        assert bridge.stop() == 0
        output = bridge.output()
        assert "Traceback" not in output
        assert "press/7/oil → oil_temperature 4" in output
        assert "press/7/state → strokes 7" in output
        for told in [text for _text, text in WRONG_POINTS.values()] + [BAD[0][2], BAD[4][2]]:
            assert told in output, told
        assert list(scene.stored("oil_temperature").values()) == [7.25]
        assert scene.stored("strokes") == {"2026-01-05T08:00:01.000Z": 12}


@pytest.mark.parametrize("bad", BAD, ids=[text for _topic, _payload, text in BAD])
def test_a_payload_that_nobody_can_use_is_named(bad):
    """With what is wrong in it, and the way out."""
    script = runpy.run_path(os.path.join(EXAMPLES, "mqtt_bridge.py"), run_name="mqtt_bridge")
    topic, payload, text = bad
    oil = topic.endswith("oil")
    point = SimpleNamespace(
        type="DOUBLE" if oil else "LONG",
        field="" if oil else "counters.strokes",
        time="" if oil else "at",
        time_format="iso",
        length=0,
    )
    with pytest.raises(InvalidMessage, match=re.escape(text)) as caught:
        script["read"](point, SimpleNamespace(payload=payload, retain=False))
    assert caught.value.hint


def test_each_quality_of_service_arrives_and_old_news_does_not(tmp_path):
    """QoS 0, 1 and 2; a retained message without a time of its own says what was, not when."""
    with Scene(tmp_path, "mqtt_bridge") as scene:
        broker, port = mqtt.broker_of(scene)
        broker.start()
        wait_for(lambda: answers(port), broker.output)
        machine = mqtt.Publisher(port)
        machine.send("press/7/oil", "66.5", retain=True)
        machine.send("press/7/state", json.dumps(STATE), retain=True)
        bridge = scene.collector(port=port).start()
        wait_for(lambda: scene.stored("strokes"), bridge.output)
        assert scene.stored("strokes") == {"2026-01-05T08:00:01.000Z": 12}
        for qos in (0, 1, 2):
            machine.send("press/7/oil", str(qos), qos=qos)
        wait_for(lambda: len(scene.stored("oil_temperature")) == 3, bridge.output)
        assert sorted(scene.stored("oil_temperature").values()) == [0, 1, 2]
        machine.close()
        assert bridge.stop() == 0
        assert "a retained message says not from when it is" in bridge.output()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Files of a broker that asks for certificate and password, and what it is told of them."""
    folder = tmp_path_factory.mktemp("broker")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("127.0.0.1", "bridge.example"):
        issued = authority.issue_cert(name)
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    passwords = ["mosquitto_passwd", "-b", "-c", "-H", "sha512", "passwords", "press", "planted"]
    subprocess.run(passwords, cwd=folder, check=True, capture_output=True)
    os.chmod(folder / "passwords", 0o700)
    return folder


def lock(folder):
    return (
        mqtt.KEEPS
        + "allow_anonymous false\nrequire_certificate true\n"
        + f"password_file {folder}/passwords\ncafile {folder}/ca.pem\n"
        + f"certfile {folder}/127.0.0.1.pem\nkeyfile {folder}/127.0.0.1.key\n"
    )


def test_a_broker_with_tls_certificates_and_users_is_bridged(tmp_path, secured, monkeypatch):
    """It is checked by its authority; the bridge shows certificate, user and password."""
    monkeypatch.setitem(ENVIRONMENT, "MQTT_PASSWORD", "planted")
    files = [
        str(secured / name) for name in ("ca.pem", "bridge.example.pem", "bridge.example.key")
    ]
    keys = dict(zip(("tls_ca", "tls_certificate", "tls_key"), files))
    with Scene(tmp_path, "mqtt_bridge") as scene:
        _broker, bridge, port = bridged(scene, broker_more=lock(secured), username="press", **keys)
        machine = mqtt.Publisher(port, tls=files, user=("press", "planted"))
        machine.send("press/7/oil", "7.25")
        wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
        machine.close()
        assert bridge.stop() == 0
        assert "planted" not in bridge.output()


REFUSED = {
    "a wrong password": ({}, "wr0ng-planted", "Not authorized"),
    "no certificate": ({"tls_certificate": "", "tls_key": ""}, "planted", ""),
    "another authority": ({"tls_ca": "hub"}, "planted", "certificate verify failed"),
    "no tls": (dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), ""), "planted", ""),
    "the system's authorities": ({"tls_ca": "system"}, "planted", "certificate verify failed"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_a_broker_that_refuses_is_told_without_the_password(
    tmp_path, secured, monkeypatch, refused
):
    """One line and one event; the way in is not tried without its lock."""
    changes, password, told = REFUSED[refused]
    monkeypatch.setitem(ENVIRONMENT, "MQTT_PASSWORD", password)
    files = [
        str(secured / name) for name in ("ca.pem", "bridge.example.pem", "bridge.example.key")
    ]
    keys = {**dict(zip(("tls_ca", "tls_certificate", "tls_key"), files)), **changes}
    with Scene(tmp_path, "mqtt_bridge") as scene:
        if keys["tls_ca"] == "hub":
            keys["tls_ca"] = scene.hub.ca_file
        broker, port = mqtt.broker_of(scene, lock(secured))
        broker.start()
        wait_for(lambda: answers(port), broker.output)
        bridge = scene.collector(port=port, username="press", **keys).start()
        wait_for(scene.hub.events, bridge.output)
        assert bridge.stop() == 0
        (line,) = [line for line in bridge.output().splitlines() if "trying again" in line]
        assert told in line
        assert "planted" not in bridge.output()
        assert "Received SUBSCRIBE" not in broker.output()


def test_files_of_tls_that_are_none_end_it_with_a_hint(tmp_path, monkeypatch):
    """And so does a user without a password."""
    monkeypatch.delitem(ENVIRONMENT, "MQTT_PASSWORD", raising=False)
    with Scene(tmp_path, "mqtt_bridge") as scene:
        for changes, told in (
            ({"tls_ca": "none.pem"}, "No such file"),
            ({"tls_ca": "agentconfig.json"}, "[mqtt]"),
            ({"tls_ca": scene.hub.ca_file, "tls_key": "key.pem"}, "TLS that is not whole"),
            ({"tls_ca": "", "tls_key": "key.pem", "tls_certificate": "cert.pem"}, "not whole"),
            (
                {"tls_key": "", "tls_certificate": "", "username": "press"},
                "there is no MQTT_PASSWORD",
            ),
        ):
            bridge = scene.collector(**changes).start()
            wait_for(bridge.ended, bridge.output)
            assert bridge.stop() == 1
            told_now = bridge.output().splitlines()[-2:]
            assert told in told_now[0]
            assert told_now[1].startswith("  hint: ")
        assert "Traceback" not in bridge.output()


def test_what_a_full_disk_does_not_take_stays_with_the_broker(tmp_path, tool_missing):
    """It is not acknowledged, and comes when there is room again; then the bridge is killed, too."""
    try:
        disk = mounts.tmpfs(tmp_path / "state", "size=40m,mode=700")
    except OSError as error:
        tool_missing(f"no file system of our own: {error}")
    with Scene(tmp_path, "mqtt_bridge") as scene, disk:
        more = mqtt.OPEN + mqtt.KEEPS + "max_queued_messages 100000\n"
        _broker, bridge, port = bridged(scene, broker_more=more, quota_mib=1)
        machine = mqtt.Publisher(port)
        machine.every_s = 0.001
        machine.start()
        wait_for(lambda: scene.stored("strokes"), bridge.output)
        scene.hub.disconnect()
        mounts.fill(tmp_path / "state" / "ballast")
        wait_for(lambda: "BufferFull" in bridge.output(), bridge.output)
        bridge.kill()
        told = bridge.output().count("BufferFull")  # at the first time, the tenth …
        bridge.start()
        wait_for(lambda: bridge.output().count("BufferFull") > told, bridge.output)
        machine.stop()
        os.remove(tmp_path / "state" / "ballast")
        scene.hub.reconnect()
        for name, said in machine.said.items():
            wait_for(
                lambda name=name, said=said: set(said) == set(scene.stored(name).values()),
                bridge.output,
            )
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.output()


def test_a_broker_that_forgot_the_session_is_told_of(tmp_path):
    """What it kept is lost; what it had handed out is not."""
    with Scene(tmp_path, "mqtt_bridge") as scene:
        broker, bridge, port = bridged(scene, broker_more=mqtt.OPEN + "persistence false\n")
        machine = mqtt.Publisher(port)
        machine.send("press/7/oil", "1")
        wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
        broker.kill()
        broker.start()
        wait_for(lambda: "the broker forgot what it kept for us" in bridge.output(), bridge.output)
        wait_for(lambda: broker.output().count("Received SUBSCRIBE") > 1, bridge.output)
        machine.send("press/7/oil", "2")
        wait_for(lambda: len(scene.stored("oil_temperature")) == 2, bridge.output)
        machine.close()
        assert bridge.stop() == 0
        assert "troubles: session 1\n" in bridge.output()


LABELLED = """
[[points]]
id = "label"
type = "STRING"
topic = "press/7/report"
field = "label"
time = "at"
time_format = "s"

[[points]]
id = "count"
type = "LONG"
topic = "press/7/report"
field = "count"
time = "at"
time_format = "s"
"""


def test_a_value_that_cannot_be_sent_takes_no_other_along(tmp_path):
    """A text that is too long, of the same payload; a time that no clock ever showed, of another."""
    with Scene(tmp_path, "mqtt_bridge") as scene:
        _broker, bridge, port = bridged(scene, more=LABELLED)
        machine = mqtt.Publisher(port)
        report = {"at": 1_767_600_000, "label": "x" * 300, "count": 7}
        machine.send("press/7/report", json.dumps(report))
        machine.send("press/7/report", json.dumps({**report, "at": "1e999999"}))
        machine.send("press/7/report", json.dumps({**report, "at": 1_767_600_000_000}))
        machine.send("press/7/report", json.dumps({"at": 1_767_600_001, "label": "", "count": 8}))
        wait_for(lambda: len(scene.stored("count")) == 2, bridge.output)
        machine.close()
        assert bridge.stop() == 0
        assert list(scene.stored("count").values()) == [7, 8]
        assert scene.stored("label") == {}
        assert "has 300 characters, a STRING holds 255" in bridge.output()
        assert "press/7/report → count: '1e999999' is no time of format 's'" in bridge.output()
        assert "collect failed" not in bridge.output()
        assert "Traceback" not in bridge.output()


@pytest.mark.slow
def test_a_topic_that_nobody_uses_is_told_once(tmp_path):
    """The broker takes any name: a mistake in the table would never be seen."""
    wrong = '\n[[points]]\nid = "extra"\ntopic = "Press/7/oil"\n'
    told = "Press/7/oil: nothing has come for 3 s; is it spelled as the sender spells it"
    with Scene(tmp_path, "mqtt_bridge") as scene:
        _broker, bridge, port = bridged(scene, more=wrong, silent_s=3600.0)
        machine = mqtt.Publisher(port)
        bridge.kill()
        machine.send("press/7/oil", "7.25")
        machine.send("press/7/state", json.dumps(STATE))
        bridge = scene.collector(more=wrong, port=port, silent_s=3.0).start()
        wait_for(lambda: told in bridge.output(), bridge.output)
        wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
        machine.close()
        assert bridge.stop() == 0
        assert bridge.output().endswith("troubles: Press/7/oil 1\n")


def test_a_file_of_tls_that_is_not_there_is_named(tmp_path):
    with Scene(tmp_path, "mqtt_bridge") as scene:
        bridge = scene.collector(tls_ca="none.pem").start()
        wait_for(bridge.ended, bridge.output)
        assert f"{tmp_path}/none.pem: [Errno 2] No such file" in bridge.output()


BROKEN = """
import runpy, sys
from paho.mqtt.client import Client

def broken(*_):
    raise RuntimeError("a mistake in the library")

Client._handle_publish = broken
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_listener_that_has_ended_ends_the_bridge(tmp_path):
    """The service manager starts it again; nobody would see a bridge that hears nothing any more."""
    with Scene(tmp_path, "mqtt_bridge") as scene:
        broker, bridge, port = bridged(scene)
        assert bridge.stop() == 0
        script = os.path.join(EXAMPLES, "mqtt_bridge.py")
        toml = os.path.join(scene.folder, "mqtt_bridge.toml")
        broken = scene.program("broken", sys.executable, "-c", BROKEN, script, toml).start()
        wait_for(lambda: broker.output().count("Received SUBSCRIBE") > 1, broken.output)
        machine = mqtt.Publisher(port)
        machine.send("press/7/oil", "7.25")
        wait_for(broken.ended, broken.output)
        assert broken.stop() == 1
        assert "the thread that listens to the broker has ended" in broken.output()
        bridge.start()
        wait_for(lambda: scene.stored("oil_temperature"), bridge.output)
        machine.close()
        assert bridge.stop() == 0
