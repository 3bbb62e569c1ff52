"""What the files and the servers behind the system's resolver say, each by itself.

The resolver gives one answer and does not tell whose it is; a wrong name server shows only when
each is asked.
"""

import os
import socket
import struct
from time import monotonic

_WAIT_S = 2.0
_A = 1
_NO_SUCH_NAME = 3
# RFC 1035, 4.1.1: RCODE
_CODES = {1: "calls the question malformed", 2: "has a failure of its own (SERVFAIL)"}
_CODES.update({_NO_SUCH_NAME: "no such name", 5: "refuses to answer"})


def name_servers(path: str = "/etc/resolv.conf") -> "list[str]":
    """Addresses of the name servers, in their order."""
    return [words[1] for words in _lines(path) if words[0] == "nameserver" and len(words) > 1]


def hosts_file(name: str, path: str = "/etc/hosts") -> "list[str]":
    """Addresses that the file gives *name*."""
    return [words[0] for words in _lines(path) if name.lower() in [w.lower() for w in words[1:]]]


def ask(server: str, name: str, *, port: int = 53) -> str:
    """What *server* says about *name*, in words; it gets 2 s."""
    try:
        question, number = _question(name)
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        began_s = monotonic()
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(_WAIT_S)
            sock.connect((server, port))
            sock.send(question)
            answer = sock.recv(4096)
        if len(answer) < 12 or answer[:2] != number:
            return "answers with something that is no answer"
        words = _read(answer, len(question))
        return f"{words} ({(monotonic() - began_s) * 1000:.0f} ms)"
    except TimeoutError:
        return f"no answer in {_WAIT_S:g} s"
    except (OSError, UnicodeError) as error:
        return f"cannot be asked: {getattr(error, 'strerror', None) or error}"
    except (IndexError, struct.error):
        return "answers with something that is no answer"


def _question(name: str) -> "tuple[bytes, bytes]":
    """RFC 1035, 4.1: a recursive question for the A records of *name*, and its number."""
    number = os.urandom(2)
    labels = name.rstrip(".").encode("idna").split(b".")
    text = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return number + b"\x01\x00" + b"\0\x01" + bytes(6) + text + struct.pack("!HH", _A, 1), number


def _read(answer: bytes, at: int) -> str:
    """The A records behind the question that ends at *at*."""
    code = answer[3] & 15
    if code:
        return _CODES.get(code, f"answers with code {code}")
    found = []
    for _ in range(struct.unpack_from("!H", answer, 6)[0]):
        at = _behind_name(answer, at)
        kind, _class, _life, length = struct.unpack_from("!HHIH", answer, at)
        at += 10
        if kind == _A and length == 4:
            found.append(socket.inet_ntoa(answer[at : at + 4]))
        at += length
    return ", ".join(found) or "knows the name, but no IPv4 address of it"


def _behind_name(answer: bytes, at: int) -> int:
    while True:
        length = answer[at]
        if length >= 0xC0:  # 4.1.4: a pointer ends the name
            return at + 2
        at += 1 + length
        if not length:
            return at


def _lines(path: str) -> "list[list[str]]":
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return []
    return [words for words in lines if words]
