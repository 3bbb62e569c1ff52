"""Read registers of a Modbus TCP device on a steady clock and send them to Insights Hub.

    pip install mcagent pymodbus
    python modbus_collector.py modbus_collector.toml

A device that does not answer is an event, and its last values go out once more with a quality code
that says so. It runs until Ctrl-C or SIGTERM.
"""

from decimal import Decimal

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient

from mcagent import ConfigurationError, InvalidMessage, TimeSeries
from mcagent.collector import CollectorFile, Link, run_collector
from mcagent.collectorfile import value_of

MODBUS = {"host": str, "port": 502, "unit_id": 1, "every_s": 1.0, "timeout_s": 1.0}
POINT = {
    "table": "holding",
    "register": int,
    "format": "UINT16",
    "word_order": "big",
    "scale": 1.0,
    "offset": 0.0,
}
FORMATS = ("INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "FLOAT32", "FLOAT64")
READERS = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete": "read_discrete_inputs",
}
# OPC UA part 4, table 183: the quality of a value that could not be read anew.
BAD_NO_COMMUNICATION, BAD_CONFIGURATION, BAD_DEVICE = 0x80310000, 0x80890000, 0x808B0000
OUR_MISTAKE = (1, 2, 3)  # Modbus: illegal function, address, value


class Device:
    """The device, and the last value of each of its points."""

    def __init__(self, file, agent):
        peer = self.peer = file.peer
        self.points, self.troubles, self.last = file.points, file.troubles, {}
        self.link = Link(agent, f"modbus {peer.host}:{peer.port}")
        self.client = ModbusTcpClient(peer.host, port=peer.port, timeout=peer.timeout_s, retries=0)

    def collect(self):
        """One sample of all points, or None where there is nothing new to say."""
        codes = {}
        try:
            self.connect()
            for point in self.points:
                try:
                    self.last[point.id], codes[point.id] = self.read(point), 0
                except InvalidMessage as error:  # this point alone
                    self.troubles.tell(point.id, str(error), hint=error.hint)
                    codes[point.id] = getattr(error, "code", BAD_DEVICE)
        except (ModbusException, OSError) as error:
            self.client.close()  # an answer that comes late must not be taken for the next
            if self.link.up is False:
                return None  # said already
            self.link.lost(error)
            codes = dict.fromkeys(self.last, BAD_NO_COMMUNICATION)
        else:
            self.link.made()
        codes = {name: code for name, code in codes.items() if name in self.last}
        values = {name: self.last[name] for name in codes}
        return TimeSeries(values, quality_code=codes) if values else None

    def connect(self):
        if not self.client.connected and not self.client.connect():
            raise ModbusException("it refuses the connection, or is not there")

    def read(self, point):
        words = self.client.DATATYPE[point.format].value[1]
        bits = point.table in ("coil", "discrete")
        count = 1 if bits else words
        reader = getattr(self.client, READERS[point.table])
        answer = reader(point.register, count=count, device_id=self.peer.unit_id)
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            error = InvalidMessage(
                f"the device refuses {point.table} {point.register} with exception {code}",
                hint="is the register in the device's manual, counted from 0?",
            )
            error.code = BAD_CONFIGURATION if code in OUR_MISTAKE else BAD_DEVICE
            raise error
        if bits:
            return value_of(point.type, answer.bits[0])
        if len(answer.registers) != count:
            raise ModbusException(f"{len(answer.registers)} registers instead of {count}")
        raw = self.client.convert_from_registers(
            answer.registers, self.client.DATATYPE[point.format], word_order=point.word_order
        )
        if (point.scale, point.offset) != (1, 0):  # as decimals: 3 times 0.1 is 0.3
            raw = Decimal(str(raw)) * Decimal(str(point.scale)) + Decimal(str(point.offset))
        return value_of(point.type, raw)


def check(point):
    whole = point.type in ("INT", "LONG")
    for wrong, text in (
        (point.table not in READERS, f"table {point.table!r}: one of {', '.join(READERS)}"),
        (point.format not in FORMATS, f"format {point.format!r}: one of {', '.join(FORMATS)}"),
        (point.word_order not in ("big", "little"), 'word_order: "big" or "little"'),
        (not 0 <= point.register <= 65535, f"register {point.register}: 0 to 65535"),
        (whole and (point.scale, point.offset) != (1, 0), f"a scaled {point.type}: take DOUBLE"),
    ):
        if wrong:
            raise ConfigurationError(text, hint="see docs/collectors/modbus_collector.md")


def main(path):
    file = CollectorFile(path, "modbus", MODBUS, POINT, check=check)
    with file.open_agent() as agent:
        device = Device(file, agent)
        agent.run(device.collect, every_s=file.peer.every_s)
        device.client.close()
        print(file.troubles, "loop:", agent.status().loop)


if __name__ == "__main__":
    run_collector(main, __doc__)
