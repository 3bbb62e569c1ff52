"""asyncua's own server: a press that counts, with times and states of its own, written down.

python opcua_server.py PORT LOG [history|refuse] [fast] [secure CERTIFICATE KEY]

SIGUSR1: nothing changes any more. SIGTERM: it ends in order.

*history*: it hands out what it said, a hundred values at a time, across its ends; *refuse*: it refuses to. *secure*: only with
Basic256Sha256, and only the user `press` with the password `planted`.
"""

import asyncio
import datetime as dt
import os
import signal
import sys

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.history import HistoryStorageInterface
from asyncua.server.user_managers import UserManager

PORT, LOG, MODE = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
EVERY_S = 0.005 if "fast" in MODE else 0.05
KINDS = {"strokes": ua.VariantType.Int64, "oil_temperature": ua.VariantType.Double}
UNCERTAIN = 0x40900000  # Uncertain_LastUsableValue


class Doorman(UserManager):
    def get_user(self, _server, username=None, password=None, certificate=None):
        good = (username, password) == ("press", "planted")
        return User(role=UserRole.User, name=username) if good else None


def said():
    """[(time, strokes, status)] of the runs before."""
    if not os.path.exists(LOG):
        return []
    with open(LOG, encoding="utf-8") as log:
        lines = [line.split() for line in log]
    return [(dt.datetime.fromisoformat(at), int(n), int(status)) for at, n, status in lines]


def value_of(name, row):
    now, number, status = row
    return ua.DataValue(
        Value=ua.Variant(number if name == "strokes" else number / 8, KINDS[name]),
        StatusCode=ua.StatusCode(status),
        SourceTimestamp=now,
    )


class Kept(HistoryStorageInterface):
    """What was written down, by asyncua's service HistoryRead."""

    def __init__(self, rows):
        self.rows = rows

    async def read_node_history(self, node_id, start, end, nb_values):
        if "refuse" in MODE:
            raise ua.uaerrors.BadHistoryOperationUnsupported
        rows = [row for row in self.rows if start <= row[0] <= end][: nb_values or None]
        more = rows[100][0] if len(rows) > 100 else None
        return [value_of(node_id.Identifier, row) for row in rows[:100]], more

    async def init(self):
        pass

    async def stop(self):
        pass

    async def new_historized_node(self, *_):
        pass

    async def save_node_value(self, *_):
        pass

    async def new_historized_event(self, *_):
        pass

    async def save_event(self, *_):
        pass

    async def read_event_history(self, *_):
        return [], None


def open_log():
    return open(LOG, "a", encoding="utf-8")


async def secured(server, certificate, key):
    await server.load_certificate(certificate)
    await server.load_private_key(key)
    server.set_security_policy(
        [
            ua.SecurityPolicyType.Basic256Sha256_Sign,
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
        ]
    )
    server.set_identity_tokens([ua.UserNameIdentityToken])


async def main():
    secure = "secure" in MODE
    server = Server(user_manager=Doorman()) if secure else Server()
    log = open_log()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{PORT}")
    if secure:
        await secured(server, *MODE[MODE.index("secure") + 1 :][:2])
    await server.register_namespace("urn:press")
    rows = said()
    number = max((number for _at, number, _status in rows), default=0)
    if "history" in MODE or "refuse" in MODE:
        server.iserver.history_manager.set_storage(Kept(rows))
    nodes = {}
    for name, value in (
        ("strokes", 0),
        ("oil_temperature", 0.0),
        ("label", "press"),
        ("broken", float("nan")),
    ):
        node = await server.nodes.objects.add_variable(ua.NodeId(name, 2), name, value)
        nodes[name] = node

    async def change(number):
        status = UNCERTAIN if number % 10 == 0 else 0
        now = dt.datetime.now(dt.timezone.utc)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        log.write(f"{now.isoformat(timespec='milliseconds')} {number} {status}\n")
        log.flush()
        rows.append((now, number, status))
        for name in KINDS:
            await nodes[name].write_value(value_of(name, rows[-1]))

    end, silent = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, silent.set)
    number += 1
    await change(number)  # before anybody can ask: all that is ever seen is written down
    async with server:  # which ends in order
        while not end.is_set():
            await asyncio.sleep(EVERY_S)
            if silent.is_set():
                print("silent", flush=True)
                await end.wait()
                break
            number += 1
            await change(number)


asyncio.run(main())
