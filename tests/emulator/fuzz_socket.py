"""Raw bytes on the sockets of a hub that runs: damaged HTTP, many connections at once.

`storm` sends them and gives what came back; a 5xx is a bug as much as a hub that is gone.
"""

import asyncio
import contextlib
import random
import re
import struct
from collections import Counter

from .device import AGENTS, CONNECT, EXCHANGE, TOKEN
from .fuzz_targets import TARGETS, damaged

_AT_ONCE = 40
_PATIENCE_S = 0.1  # for an answer to what may be no complete request
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_HTTP = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b"\x00",
        b"\xff",
        b"\xe9",
        b"%",
        b"%ff",
    ),
    *(b"HTTP/1.0", b"HTTP/2.0", b"GET ", b"PRI * HTTP/2.0", b"Transfer-Encoding: chunked\r\n"),
    *(
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999\r\n",
    ),
    *(b"Expect: 100-continue\r\n", b"Connection: upgrade\r\nUpgrade: websocket\r\n", b"0\r\n\r\n"),
    *(b"fffffffffffffffff\r\n", b"Host: \r\n", b"Range: bytes=0-\r\n", b"A: " + b"x" * 70_000),
    *(b"..%2f..", b"//", b"?" * 50, b"A: b\r\n" * 250),
)


def requests(token, asset):
    """Good requests, bodies and all, that are then damaged."""
    bodies = [(EXCHANGE, "POST", "multipart/mixed; boundary=OUT", TARGETS["multipart"][1][0][32:])]
    json = "application/json"
    bodies += [("/_emulator/faults/none", "PATCH", json, one) for one in TARGETS["fault rule"][1]]
    bodies += [(TOKEN, "POST", "application/x-www-form-urlencoded", b"client_assertion=a.b.c")]
    bodies += [
        (f"/api/assetmanagement/v3/assets?filter={one}", "GET", json, b"")
        for one in ("%7B%22name%22:%22x%22%7D", "%7B")
    ]
    bodies += [
        (f"{AGENTS}/agents/{asset}/dataSourceConfiguration", "PUT", json, TARGETS["JSON"][1][0]),
        (f"{CONNECT}/dataPointMappings", "POST", json, b'{"agentId":"a"}'),
        (f"/api/iottimeseries/v3/timeseries/{asset}/press", "PUT", json, b'[{"_time":"x"}]'),
        (f"/api/iotfile/v3/files/{asset}/f?part=1", "PUT", json, b"x" * 100),
        ("/api/eventmanagement/v3/events", "POST", json, b'{"entityId":"a"}'),
        (f"{AGENTS}/register", "POST", json, b"{}"),
        ("/_emulator/received?after=0", "GET", json, b""),
        ("/", "GET", "text/html", b""),
    ]
    for path, method, content_type, body in bodies:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nIf-Match: 0\r\n\r\n"
        )
        yield head.encode(), body


def one_input(good, dice):
    """Bytes for one connection: one to three requests, most of them damaged."""
    sent = b""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        head, body = dice.choice(good)
        if dice.random() < 0.3:
            body = damaged(body, dice) if body else body
            head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
        head = bytearray(head)
        for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
            at = dice.randrange(len(head) + 1)
            head[at : at + dice.choice((0, 0, 1, 3, 20))] = dice.choice(_HTTP)
        sent += bytes(head) + body
    if dice.random() < 0.1:
        sent = dice.randbytes(dice.randrange(2000))
    return sent[: dice.randrange(len(sent) + 1)] if dice.random() < 0.2 else sent


async def _talk(port, sent, dice, statuses):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = b""
    try:
        cut = dice.randrange(len(sent) + 1)
        for piece in (sent[:cut], sent[cut:]):
            writer.write(piece)
            await asyncio.sleep(0)
        if dice.random() < 0.1:  # gone before the answer, with a reset
            connection = writer.get_extra_info("socket")
            connection.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
            writer.transport.abort()
            return
        answered = await _heard(reader)
        if not answered and not reader.at_eof():
            await _answer_to_another(port)  # what can be answered has been by then
            answered = await _heard(reader)
    except OSError:
        pass
    finally:
        writer.transport.abort()
    found = _STATUS.findall(answered)
    statuses.update(int(status) for status in found)
    statuses["no answer"] += not found
    for status in found:
        if status.startswith(b"5"):
            raise AssertionError(f"{status.decode()} to {sent!r}: {answered[-500:]!r}")


async def _heard(reader):
    """What comes until there is silence for a while."""
    answered = b""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        while piece := await asyncio.wait_for(reader.read(65536), _PATIENCE_S):
            answered += piece
    return answered


async def _answer_to_another(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /_emulator/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    try:
        assert await reader.read()
    finally:
        writer.transport.abort()


async def _storm(port, number, seed, token, asset):
    dice, statuses = random.Random(seed), Counter()
    good = list(requests(token, asset))
    for start in range(0, number, _AT_ONCE):
        batch = [one_input(good, dice) for _ in range(min(_AT_ONCE, number - start))]
        await asyncio.gather(*(_talk(port, sent, dice, statuses) for sent in batch))
    return statuses


def storm(port, number, *, seed, token, asset):
    """Send *number* inputs; give how many answers there were by status.

    Raises:
        AssertionError: The hub answered with a 5xx; the text has the input.
        OSError: It takes no connections any more.
    """
    return asyncio.run(_storm(port, number, seed, token, asset))
