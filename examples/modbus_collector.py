"""Read registers of a Modbus TCP device on a steady clock and send them to Insights Hub.

    pip install mcagent pymodbus
    python modbus_collector.py modbus_collector.toml

A device that does not answer is an event, and its last values go out once more with a quality code
that says so. It runs until Ctrl-C or SIGTERM.
"""

import logging
import struct
from decimal import Decimal

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException

from mcagent import ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector
from mcagent.collectorfile import value_of
from mcagent.latest import BAD_CONFIGURATION, BAD_DEVICE, BAD_NO_COMMUNICATION, Latest

READERS = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete": "read_discrete_inputs",
}
BITS = ("coil", "discrete")
FORMATS = {"UINT16": "H", "INT16": "h", "INT32": "i", "UINT32": "I", "INT64": "q", "UINT64": "Q"}
FORMATS |= {"FLOAT32": "f", "FLOAT64": "d", "STRING": ""}
MODBUS = {"host": str, "port": 502, "unit_id": 1, "every_s": 1.0, "timeout_s": 1.0}
MODBUS |= {"gap": 8, "largest": 125}
ORDERS = ("big", "little")
POINT = {"table": tuple(READERS), "register": int, "format": tuple(FORMATS), "bit": -1}
POINT |= {"word_order": ORDERS, "byte_order": ORDERS, "scale": 1.0, "offset": 0.0}
# Modbus exceptions. Some devices say FAILURE of a block that is too long for them.
OUR_MISTAKE, FAILURE, NOT_BEHIND_GATEWAY = (1, 2, 3), 4, (10, 11)


class Device:
    """The device, and the last value of each of its points."""

    def __init__(self, file, agent):
        peer = self.peer = file.peer
        self.points, self.troubles, self.latest = file.points, file.troubles, Latest()
        self.link = Link(agent, f"modbus {peer.host}:{peer.port}")
        self.client = ModbusTcpClient(peer.host, port=peer.port, timeout=peer.timeout_s, retries=0)

    def collect(self):
        """One sample of all points, or None where there is nothing new to say."""
        old = self.client.connected
        try:
            try:
                self.read()
            except (ConnectionException, OSError):
                self.client.close()
                if not old:
                    raise
                self.read()  # many devices close a connection that was idle
        except (ModbusException, OSError) as error:
            self.client.close()  # an answer that comes late must not be taken for the next
            if isinstance(error, ModbusIOException):
                error = f"no right answer within {self.peer.timeout_s} s"
            if self.link.up is False:
                return None  # said already
            self.link.lost(error)
            self.latest.all_bad(BAD_NO_COMMUNICATION)
        else:
            self.link.made()
        return self.latest.sample()

    def read(self):
        """Read each block, and take what it says of its points."""
        if not self.client.connected:
            if not self.client.connect():
                raise ConnectionException("it refuses the connection, or is not there")
            self.blocks = blocks_of(self.points, self.peer)
        todo, blocks = list(self.blocks), []
        while todo:
            block = todo.pop(0)
            data, code = self.request(block)
            if code in (*OUR_MISTAKE, FAILURE) and len(block) > 1:
                half = len(block) // 2  # and so until the next connection
                todo[:0] = block[:half], block[half:]
                continue
            blocks.append(block)
            for point in block:
                self.take(point, data, block[0].register, code)
        self.blocks = blocks

    def request(self, block):
        """Registers or bits of *block*, and the exception that the device says instead, or 0."""
        table, begin, count = block[0].table, block[0].register, end_of(block) - block[0].register
        reader = getattr(self.client, READERS[table])
        answer = reader(begin, count=count, device_id=self.peer.unit_id)
        if answer.isError():
            if answer.exception_code in NOT_BEHIND_GATEWAY:
                raise ModbusException(f"the gateway has no answer of unit {self.peer.unit_id}")
            if not answer.exception_code:
                raise ModbusException("an exception without a code")
            return [], answer.exception_code
        data = answer.bits if table in BITS else answer.registers
        if len(data) < count:
            raise ModbusException(f"{len(data)} values instead of {count}")
        return data, 0

    def take(self, point, data, begin, code):
        """Keep the value of *point* in *data*, or why there is none."""
        if code:
            told = f"the device refuses {point.table} {point.register} with exception {code}"
            hint = "is it in its manual? counted from 0: what is called 40001 is holding 0"
            self.troubles.tell(point.id, told, hint=hint)
            self.latest.bad(point.id, BAD_CONFIGURATION if code in OUR_MISTAKE else BAD_DEVICE)
            return
        place = point.register - begin
        try:
            raw = decoded(point, data[place : place + size_of(point)])
            self.latest.good(point.id, value_of(point.type, raw))
        except InvalidMessage as error:  # this point alone
            self.troubles.tell(point.id, str(error), hint=error.hint)
            self.latest.bad(point.id, BAD_DEVICE)


def blocks_of(points, peer):
    """Lists of points that one request can read: with small gaps, and not too many registers."""
    blocks = []
    for point in sorted(points, key=lambda point: (point.table, point.register)):
        last = blocks[-1] if blocks else [point]
        most = peer.largest * (16 if point.table in BITS else 1)
        near = point.table == last[0].table and point.register <= end_of(last) + peer.gap
        if blocks and near and end_of([*last, point]) - last[0].register <= most:
            last.append(point)
        else:
            blocks.append([point])
    return blocks


def end_of(block):
    return max(point.register + size_of(point) for point in block)


def size_of(point):
    """Registers, or bits."""
    if point.format == "STRING":
        return (point.length + 1) // 2
    return 1 if point.table in BITS else struct.calcsize(FORMATS[point.format]) // 2


def decoded(point, words):
    if point.table in BITS:
        return int(words[0])
    if point.bit >= 0:
        return words[0] >> point.bit & 1
    words = words[::-1] if point.word_order == "little" else words
    text = struct.pack(f"{'>' if point.byte_order == 'big' else '<'}{len(words)}H", *words)
    if point.format == "STRING":
        try:
            return text[: point.length].split(b"\0")[0].decode().rstrip()
        except UnicodeDecodeError as error:
            raise InvalidMessage(f"{text!r} is no UTF-8", hint="is byte_order right?") from error
    (raw,) = struct.unpack(">" + FORMATS[point.format], text)
    if (point.scale, point.offset) != (1, 0):  # as decimals: 3 times 0.1 is 0.3
        raw = Decimal(str(raw)) * Decimal(str(point.scale)) + Decimal(str(point.offset))
    return raw


def check(point):
    scaled = (point.scale, point.offset) != (1, 0)
    text, wants_text = point.format == "STRING", point.type in ("STRING", "BIG_STRING")
    bit = point.table in BITS or point.bit >= 0
    for wrong, told in (
        (not 0 <= point.register <= 65535, f"register {point.register}: 0 to 65535"),
        (scaled and point.type in ("INT", "LONG"), f"a scaled {point.type}: take DOUBLE"),
        (scaled and (text or bit), "scale and offset are for numbers"),
        (text is not wants_text, f"{point.format} gives no {point.type}: STRING to STRING"),
        (text and not 0 < point.length <= 250, "length: characters of the text, 1 to 250"),
        (bit and point.format != "UINT16", "a bit has no format"),
        (not -1 <= point.bit < (0 if point.table in BITS else 16), "bit: 0 to 15 of a register"),
    ):
        if wrong:
            raise ConfigurationError(told, hint="see docs/collectors/modbus_collector.md")


def main(path):
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a line a try; the link says it
    file = CollectorFile(path, "modbus", MODBUS, POINT, check=check)
    if not 1 <= file.peer.largest <= 125 or file.peer.timeout_s <= 0:
        hint = "largest: registers of one request, 1 to 125; timeout_s: seconds, above 0"
        raise ConfigurationError(f"{file.peer.where}: a number that cannot be", hint=hint)
    with file.open_agent() as agent:
        device = Device(file, agent)
        agent.run(device.collect, every_s=file.peer.every_s)
        device.client.close()
        print(file.troubles, "loop:", agent.status().loop)


if __name__ == "__main__":
    run_collector(main, __doc__)
