"""asyncua's own server: a press that counts, with times and states of its own, written down.

python opcua_server.py PORT LOG
"""

import asyncio
import datetime as dt
import itertools
import os
import sys

from asyncua import Server, ua

PORT, LOG = int(sys.argv[1]), sys.argv[2]
EVERY_S = 0.05
KINDS = {"strokes": ua.VariantType.Int64, "oil_temperature": ua.VariantType.Double}
UNCERTAIN = 0x40900000  # Uncertain_LastUsableValue


def strokes_so_far():
    if not os.path.exists(LOG):
        return 0
    with open(LOG, encoding="utf-8") as log:
        return max((int(line.split()[1]) for line in log), default=0)


def open_log():
    return open(LOG, "a", encoding="utf-8")


async def main():
    server = Server()
    log = open_log()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{PORT}")
    await server.register_namespace("urn:press")
    number = strokes_so_far()
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
        for name, value in (("strokes", number), ("oil_temperature", number / 8)):
            told = ua.DataValue(
                Value=ua.Variant(value, KINDS[name]),
                StatusCode=ua.StatusCode(status),
                SourceTimestamp=now,
            )
            await nodes[name].write_value(told)

    await change(number + 1)  # before anybody can ask: all that is ever seen is written down
    async with server:
        for later in itertools.count(number + 2):
            await asyncio.sleep(EVERY_S)
            await change(later)


asyncio.run(main())
