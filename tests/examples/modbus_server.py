"""pymodbus' own server: a press that makes a stroke at each look at its counter, and writes it down.

python modbus_server.py PORT LOG [MODE]

Registers 0 to 9 and 20 to 29 exist. MODE is slow, garbage, nan, idle (closes a connection that says
nothing for a second), nameless (each third answer is an exception without a code), short (no more than four registers a request), gateway (the device behind it is off).
"""

import asyncio
import itertools
import os
import signal
import struct
import sys
import time

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

PORT, LOG = int(sys.argv[1]), sys.argv[2]
MODE = sys.argv[3] if len(sys.argv) > 3 else ""
TEXT = struct.unpack(">4H", b"PRESS-7\0")


def strokes_so_far():
    if not os.path.exists(LOG):
        return 0
    with open(LOG, encoding="utf-8") as log:
        return max((int(line.split()[1]) for line in log), default=0)


class Press:
    def __init__(self):
        self.strokes = strokes_so_far()
        self.log = open(LOG, "a", encoding="utf-8")  # noqa: SIM115 - until the end

    async def look(self, function, start, address, count, registers, _values):
        """Set the registers before they are read."""
        if MODE == "slow":
            await asyncio.sleep(0.15)
        if MODE == "gateway":
            return ExcCodes.GATEWAY_NO_RESPONSE
        if MODE == "short" and count > 4:
            return ExcCodes.ILLEGAL_VALUE
        if address == 0:  # what a collector reads first
            self.strokes += 1
        if function == 3 and address <= 2 < address + count:
            self.log.write(f"{time.time_ns() // 1_000_000} {self.strokes} {address} {count}\n")
            self.log.flush()
        oil = -100 + self.strokes  # tenths of a degree
        pressure = float("nan") if MODE == "nan" else self.strokes / 8
        first = struct.unpack(">HH", struct.pack(">f", pressure))
        words = [oil & 0xFFFF, 0, self.strokes & 0xFFFF, self.strokes >> 16, *first, 0, 0]
        words += [0xFFFF * (self.strokes % 2), 0b0100]  # sixteen coils, and bits of a status
        for place, word in [*enumerate(words), *enumerate(TEXT, 20)]:
            if start <= place < start + len(registers):
                registers[place - start] = word
        return None


async def garbage():
    """What is no Modbus, whatever was asked."""

    async def answer(reader, writer):
        while await reader.read(260):
            writer.write(os.urandom(300))

    server = await asyncio.start_server(answer, "127.0.0.1", PORT)
    await server.serve_forever()


async def forgetful(behind):
    """Hand on what the server on the port *behind* says, and close what was idle."""

    async def serve(reader, writer):
        device, to_device = await asyncio.open_connection("127.0.0.1", behind)
        try:
            while request := await asyncio.wait_for(reader.read(260), 1):
                to_device.write(request)
                writer.write(await device.read(260))
        except asyncio.TimeoutError:
            pass
        writer.close()
        to_device.close()

    return await asyncio.start_server(serve, "127.0.0.1", PORT)


async def nameless(behind):
    """Hand on what the server on the port *behind* says, each third time an exception that is none."""
    count = itertools.count(1)

    async def serve(reader, writer):
        device, to_device = await asyncio.open_connection("127.0.0.1", behind)
        while request := await reader.read(260):
            to_device.write(request)
            answer = await device.read(260)
            if next(count) % 3 == 0:  # transaction, protocol, length 3; unit, function, 0
                answer = answer[:4] + bytes([0, 3, answer[6], answer[7] | 0x80, 0])
            writer.write(answer)
        writer.close()
        to_device.close()

    return await asyncio.start_server(serve, "127.0.0.1", PORT)


async def main():
    if MODE == "garbage":
        await garbage()
    simdata = [
        SimData(address, count=10, values=0, datatype=DataType.REGISTERS) for address in (0, 20)
    ]
    device = SimDevice(id=1, simdata=simdata, action=Press().look)
    port = PORT
    if MODE == "idle":
        port = int(sys.argv[4])
        await forgetful(port)
    if MODE == "nameless":
        port = int(sys.argv[4])
        await nameless(port)
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    await server.serve_forever(background=True)
    await end.wait()  # then in order: each connection is closed
    await server.shutdown()


asyncio.run(main())
