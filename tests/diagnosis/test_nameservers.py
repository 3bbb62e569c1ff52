"""Questions to one name server, and what the files behind the resolver say."""

import socket
import struct
import threading

import pytest

from mcagent.diagnosis import nameservers
from mcagent.diagnosis.nameservers import ask, hosts_file, name_servers


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Of a machine that is busy with other things."""
    monkeypatch.setattr(nameservers, "_WAIT_S", 60.0)


@pytest.fixture
def answering():
    """`port = answering(function)`: a server that sends *function* of the question."""
    sockets = []

    def start(function):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)

        def run():
            question, peer = sock.recvfrom(512)
            answer = function(question)
            if answer is not None:
                sock.sendto(answer, peer)

        threading.Thread(target=run, daemon=True).start()
        return sock.getsockname()[1]

    yield start
    for sock in sockets:
        sock.close()


def reply(question, *records, code=0, name=b"\xc0\x0c"):
    head = question[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + struct.pack("!H", len(records))
    body = b"".join(
        name + struct.pack("!HHIH", kind, 1, 5, len(data)) + data for kind, data in records
    )
    return head + bytes(4) + question[12:] + body


def test_addresses_behind_an_alias(answering):
    """CNAME first, as content networks answer; the question is a recursive one for A records."""
    seen = []

    def answer(question):
        seen.append(question)
        return reply(
            question, (5, b"\3cdn\4test\0"), (1, b"\x4b\x02\x6f\xe2"), (1, b"\x0a\x00\x00\x01")
        )

    port = answering(answer)
    assert ask("127.0.0.1", "hub.test", port=port).startswith("75.2.111.226, 10.0.0.1 (")
    assert seen[0][2:] == b"\1\0\0\1\0\0\0\0\0\0\3hub\4test\0\0\1\0\1"


@pytest.mark.parametrize(
    ("code", "words"), [(2, "SERVFAIL"), (3, "no such name"), (5, "refuses"), (9, "code 9")]
)
def test_refusals(answering, code, words):
    port = answering(lambda question: reply(question, code=code))
    assert words in ask("127.0.0.1", "hub.test", port=port)


def test_a_name_without_an_address(answering):
    port = answering(reply)
    assert "no IPv4 address" in ask("127.0.0.1", "hub.test", port=port)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda question: b"",
        lambda question: b"xx" + reply(question)[2:],
        lambda question: reply(question, (1, b"1234"))[:-9],
        lambda question: reply(question, (1, b"1234"), name=b"\x3f" * 300),
        lambda question: reply(question)[:7] + b"\xff" + reply(question)[8:],
    ],
)
def test_rubbish_is_named_as_that(answering, spoil):
    assert "no answer" in ask("127.0.0.1", "hub.test", port=answering(spoil))


def test_silence_is_measured(answering, monkeypatch):
    monkeypatch.setattr(nameservers, "_WAIT_S", 0.1)
    port = answering(lambda question: None)
    assert ask("127.0.0.1", "hub.test", port=port) == "no answer in 0.1 s"


def test_what_cannot_be_asked():
    """Nothing listens; a server that is none; a name that cannot be one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert "refused" in ask("127.0.0.1", "hub.test", port=port)
    assert "cannot be asked" in ask("not-an-address.invalid", "hub.test")
    assert "cannot be asked" in ask("127.0.0.1", "a" * 300 + ".test")


def test_files(tmp_path):
    """Comments, capitals, aliases, lines of other kinds, files that are not there."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("# comment\nnameserver 10.0.0.1 # ours\nsearch plant\nnameserver\n")
    assert name_servers(str(resolv)) == ["10.0.0.1"]
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.9  Hub.Test hub # hub.other\n\n::1 hub.test\n")
    assert hosts_file("hub.test", str(hosts)) == ["10.0.0.9", "::1"]
    assert hosts_file("hub.other", str(hosts)) == []
    assert name_servers(str(tmp_path / "none")) == []
