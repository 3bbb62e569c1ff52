"""examples/opcua_collector.py with asyncua's server. `tox -e examples`."""

import os
import socket
import threading

import pytest

from tests.examples import opcua
from tests.examples.scene import Scene, free_port, wait_for


@pytest.mark.slow
def test_what_the_server_said_is_stored_whoever_is_killed(tmp_path, figure):
    """Value, source time and status; an outage of the link, SIGKILL of collector and server."""
    for comparison in opcua.run(tmp_path):
        figure("opcua_collector", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.stored) > 60
        assert {code for _when, _value, code in comparison.stored} == {0, 0x40900000}


def collected(scene, point):
    """Run the collector with one more *point* until it has told of it; give its output."""
    press = opcua.Press(scene)
    press.start()
    url = f"opc.tcp://127.0.0.1:{press.port}"
    more = f'\n[[points]]\nid = "extra"\n{point}\n'
    collector = scene.collector(more=more, url=url, publish_every_s=0.1).start()
    wait_for(lambda: len(opcua.stored(scene, "strokes")) > 5, collector.output)
    assert collector.stop() == 0
    assert "Traceback" not in collector.output()
    return collector.output()


WRONG = {
    "a node that does not exist": ('node = "ns=2;s=none"', "BadNodeIdUnknown"),
    "a node id that is none": ('node = "ns=two;s=strokes"', "ns=two"),
    "a name for a node id": ('node = "oil"', "no node id"),
    "text for a number": ('node = "ns=2;s=label"', "'press' is no DOUBLE"),
    "a float that is none": ('node = "ns=2;s=broken"', "nan is outside DOUBLE"),
    "an object for a variable": ('node = "i=85"', "BadAttributeIdInvalid"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_point_is_told_and_the_others_are_collected(tmp_path, wrong):
    """One line, with the point's name or its place in the file."""
    point, told = WRONG[wrong]
    with Scene(tmp_path, "opcua_collector") as scene:
        output = collected(scene, point)
        lines = [line for line in output.splitlines() if not line.startswith("troubles: ")]
        (line,) = [line for line in lines if told in line]
        assert "extra" in line or "point 3" in line
        assert "troubles: none" not in output


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
