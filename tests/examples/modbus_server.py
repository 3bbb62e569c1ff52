"""pymodbus' own server: a press that makes a stroke at each look at its counter, and writes it down.

python modbus_server.py PORT LOG [slow|garbage|nan]
"""

import asyncio
import os
import struct
import sys
import time

from pymodbus.server import StartAsyncTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

PORT, LOG = int(sys.argv[1]), sys.argv[2]
MODE = sys.argv[3] if len(sys.argv) > 3 else ""


def strokes_so_far():
    if not os.path.exists(LOG):
        return 0
    with open(LOG, encoding="utf-8") as log:
        return max((int(line.split()[1]) for line in log), default=0)


class Press:
    def __init__(self):
        self.strokes = strokes_so_far()
        self.log = open(LOG, "a", encoding="utf-8")  # noqa: SIM115 - until the end

    async def look(self, _function, _start, address, _count, registers, _values):
        """Set the registers before they are read."""
        if MODE == "slow":
            await asyncio.sleep(0.15)
        if address == 0:  # what a collector reads first
            self.strokes += 1
        if address == 2:
            self.log.write(f"{time.time_ns() // 1_000_000} {self.strokes}\n")
            self.log.flush()
        oil = -100 + self.strokes  # tenths of a degree
        pressure = float("nan") if MODE == "nan" else self.strokes / 8
        first = struct.unpack(">HH", struct.pack(">f", pressure))
        words = [oil & 0xFFFF, 0, self.strokes & 0xFFFF, self.strokes >> 16, *first]
        registers[: len(words)] = words
        registers[8] = 0xFFFF * (self.strokes % 2)  # sixteen coils


async def garbage():
    """What is no Modbus, whatever was asked."""

    async def answer(reader, writer):
        while await reader.read(260):
            writer.write(os.urandom(300))

    server = await asyncio.start_server(answer, "127.0.0.1", PORT)
    await server.serve_forever()


async def main():
    if MODE == "garbage":
        await garbage()
    device = SimDevice(
        id=1,
        simdata=[SimData(0, count=10, values=0, datatype=DataType.REGISTERS)],
        action=Press().look,
    )
    await StartAsyncTcpServer(device, address=("127.0.0.1", PORT))


asyncio.run(main())
