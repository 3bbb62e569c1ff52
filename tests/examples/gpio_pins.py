"""Run gpio_events.py on gpiozero's mock pins, which others drive through a socket.

python gpio_pins.py SOCKET SCRIPT TOML

A line `GPIO17 1 0` drives a pin, high and low, `adc 0 512` sets what the MCP3008 will say, `adc 0 broken` breaks it. The
answer is a line of two times in ms since 1970: before and after the edge, with all callbacks that belong to it.
"""

import os
import runpy
import socketserver
import sys
import threading
import time
import warnings

import gpiozero
from gpiozero.pins.mock import MockFactory, MockSPIDevice


class Mcp3008(MockSPIDevice):
    """The chip, bit by bit: a start bit, single or differential, three bits of channel."""

    def __init__(self, *pins):
        super().__init__(*pins)
        self.values, self.broken = [0] * 8, False

    def on_start(self):
        super().on_start()
        if self.broken:
            raise OSError("no answer on SPI")
        self.begun = False

    def on_bit(self):
        if not self.begun:
            self.begun = bool(self.rx_buf[-1])
            self.rx_buf = []
        elif len(self.rx_buf) == 4:
            self.tx_word(self.values[self.rx_word() & 7], 12)  # a bit to wait, a zero, ten bits


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            words = line.decode().split()
            before = time.time_ns() // 1_000_000
            if words[0] == "adc":
                adc.broken = words[2] == "broken"
                if not adc.broken:
                    adc.values[int(words[1])] = int(words[2])
            else:
                while not listened_to(words[0]):
                    time.sleep(0.001)
                before = time.time_ns() // 1_000_000
                pin = factory.pin(words[0])
                for level in words[1:]:
                    (pin.drive_high if level == "1" else pin.drive_low)()
            self.wfile.write(f"{before} {time.time_ns() // 1_000_000}\n".encode())


def listened_to(name):
    """The collector has opened the pin: what moved before is not for it."""
    with factory._res_lock:
        found = [device() for device in factory._reservations.get(factory.pin(name).info, ())]
    return any(device is not None and device.when_deactivated for device in found)


address, script, toml = sys.argv[1:]
warnings.simplefilter("ignore", gpiozero.SPISoftwareFallback)  # there is no /dev/spidev
factory = gpiozero.Device.pin_factory = MockFactory()
adc = Mcp3008(11, 10, 9, 8)
if os.path.exists(address):
    os.unlink(address)
server = socketserver.ThreadingUnixStreamServer(address, Lines)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.argv = [script, toml]
sys.path.insert(0, os.path.dirname(script))
runpy.run_path(script, run_name="__main__")
