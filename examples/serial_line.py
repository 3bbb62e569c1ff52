"""Read the lines that a scale or a weather station sends, and send their values to Insights Hub.

    pip install mcagent pyserial
    python serial_line.py serial_line.toml

Lines that are damaged, and a device that is unplugged, leave the last values once more with a
quality code that says so. It runs until Ctrl-C or SIGTERM.
"""

import binascii
import re
import termios
import time
from functools import reduce
from operator import xor

import serial

from mcagent import AgentError, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector
from mcagent.collectorfile import value_of
from mcagent.latest import BAD_DECODING, BAD_NO_COMMUNICATION, BAD_SENSOR, Latest

SERIAL = {
    "device": str,
    "baud": 9600,
    "format": "8N1",
    "every_s": 0.0,
    "silent_s": 10.0,
    "layout": "pairs",
    "separator": ";",
    "checksum": "",
    "ask": "",
}
POINT = {"field": str}
# Of the bytes before the *, without a leading $; and its hexadecimal digits.
CHECKSUMS = {
    "xor": (lambda data: reduce(xor, data, 0), 2),
    "sum": (lambda data: sum(data) % 256, 2),
    "crc16": (lambda data: binascii.crc_hqx(data, 0), 4),
}
TICK_S = 0.05  # the kernel keeps 4 kB, a third of a second at 115 200 baud
LONGEST_LINE = 1000
NAMED_AFTER = 20  # lines in which a field should have occurred
RETRY_S = 1.0


class Device:
    """The line, what has come of the next one, and the last value of each point."""

    def __init__(self, file, agent):
        self.peer, self.points, self.troubles = file.peer, file.points, file.troubles
        self.agent, self.link = agent, Link(agent, f"serial {file.peer.device}")
        self.port, self.half, self.joined, self.retry_s = None, b"", False, 0.0
        self.latest, self.bad, self.fields, self.lines_read = Latest(), None, set(), 0
        self.heard_s = self.due_s = time.monotonic()

    def tick(self):
        now_s = time.monotonic()
        if self.port is None and now_s < self.retry_s:
            return
        try:
            lines = self.receive(now_s)
            moment = now_s >= self.due_s
            if moment and self.peer.every_s:  # late once is not late for ever
                self.due_s += self.peer.every_s * ((now_s - self.due_s) // self.peer.every_s + 1)
            if moment and self.peer.ask:
                self.port.write(self.peer.ask.encode())
        except (serial.SerialException, OSError, termios.error, ValueError) as error:
            self.close()
            self.retry_s = now_s + RETRY_S
            self.lost(error)
            return
        for line in lines:
            self.heard_s = now_s
            self.take(line)
            if not self.peer.every_s:
                self.say()
        if now_s - self.heard_s > self.peer.silent_s:
            self.lost(f"no line for {self.peer.silent_s:g} s")
        elif lines:
            self.link.made()
        if moment:
            self.say()

    def receive(self, now_s):
        """Whole lines that came since the last time."""
        if self.port is None:
            bits, parity, stop = self.peer.format[0], self.peer.format[1], self.peer.format[2:]
            settings = int(bits), parity, float(stop)
            device, baud = self.peer.device, self.peer.baud
            self.port = serial.Serial(device, baud, *settings, timeout=0, write_timeout=1)
            self.half, self.joined, self.heard_s = b"", False, now_s
        *lines, self.half = re.split(rb"[\r\n]+", self.half + self.port.read(65536))
        if len(self.half) > LONGEST_LINE:
            hint = "are baud rate and format those of the device?"
            self.troubles.tell("line", f"{LONGEST_LINE} bytes without an end", hint=hint)
            self.half, self.joined = b"", False
        if lines and not self.joined:
            self.joined = True  # the first may be the end of one: only a checksum can tell
            lines = lines if is_proven(self.peer, lines[0]) else lines[1:]
        return [line for line in lines if line]

    def close(self):
        if self.port is not None:
            self.port.close()
            self.port = None

    def take(self, line):
        """What *line* says, for the next moment."""
        try:
            fields = fields_of(self.peer, line)
        except InvalidMessage as error:
            self.troubles.tell("line", str(error), hint=error.hint)
            self.spoilt(BAD_DECODING)
            return
        for point in self.points:
            if point.field in fields:
                try:
                    self.latest.good(point.id, value(point, fields[point.field]))
                except InvalidMessage as error:
                    self.troubles.tell(point.id, str(error), hint=error.hint)
                    self.latest.bad(point.id, BAD_SENSOR)
        self.bad = None
        self.lines_read += 1
        self.fields.update(list(fields)[: LONGEST_LINE - len(self.fields)])
        if self.lines_read == NAMED_AFTER:
            for point in self.points:
                if point.field not in self.fields:
                    hint = f"there are {', '.join(sorted(self.fields))[:200]}"
                    self.troubles.tell(point.id, f"no line has a field {point.field!r}", hint=hint)

    def lost(self, reason):
        self.link.lost(reason)
        self.spoilt(BAD_NO_COMMUNICATION)
        self.say()

    def spoilt(self, code):
        """The last values as bad ones, once: nonsense and silence may last."""
        self.say()  # what was good before
        said, self.bad = self.bad, code
        if said != code:
            self.latest.all_bad(code)

    def say(self):
        try:
            sample = self.latest.sample()
            if sample is not None:
                self.agent.submit(sample)
        except AgentError as error:  # a full disk; the lines after this one are still to be said
            self.troubles.tell("lost", str(error), hint=error.hint)


def value(point, text):
    """What stands in "+  1.50 kg"."""
    text = text.strip().removesuffix(point.unit).strip()
    text = text if "STRING" in point.type else text.replace(" ", "")
    return value_of(point.type, text, length=point.length)


def fields_of(peer, line):
    """Name, or number from 1, to text.

    Raises InvalidMessage for a line that is damaged.
    """
    hint = "is the wiring sound, and are baud rate, format and checksum those of the device?"
    if peer.checksum:
        compute, digits = CHECKSUMS[peer.checksum]
        line, mark, given = line.removeprefix(b"$").partition(b"*")
        wanted = b"%0*X" % (digits, compute(line))
        if not mark or given.strip().upper() != wanted:
            text = f"{line[:60]!r} has the checksum {given[:8]!r}, not {wanted!r}"
            raise InvalidMessage(text, hint=hint)
    try:
        parts = line.decode().split(peer.separator)
        if peer.layout == "csv":
            return {str(number): text for number, text in enumerate(parts, 1)}
        pairs = [part.split("=", 1) for part in parts if part.strip()]
        return {name.strip(): text for name, text in pairs}
    except ValueError:  # no text, or no =
        raise InvalidMessage(f"cannot read {line[:60]!r}", hint=hint) from None


def is_proven(peer, line):
    try:
        return bool(peer.checksum and fields_of(peer, line))
    except InvalidMessage:
        return False


def main(path):
    file = CollectorFile(path, "serial", SERIAL, POINT)
    peer = file.peer
    for wrong, hint in (
        (not re.fullmatch(r"[5-8][NEOMS](1|1\.5|2)", peer.format), 'format: such as "8N1"'),
        (peer.layout not in ("pairs", "csv"), 'layout: "pairs" or "csv"'),
        (peer.checksum not in ("", *CHECKSUMS), f"checksum: {', '.join(CHECKSUMS)}, or none"),
        (not peer.separator or peer.every_s < 0 or peer.silent_s <= 0, "a separator; seconds > 0"),
        (bool(peer.ask) and not peer.every_s, "ask: every_s says how often"),
    ):
        if wrong:
            raise ConfigurationError(f"{peer.where}: cannot be read like this", hint=hint)
    with file.open_agent() as agent:
        device = Device(file, agent)
        agent.run(device.tick, every_s=TICK_S)
        device.close()
        print(f"lines read: {device.lines_read}; {file.troubles}")


if __name__ == "__main__":
    run_collector(main, __doc__)
