"""A scale on a serial line: a pty that is there while this program runs.

station.py DEVICE SAID EVERY_S [mode ...]. DEVICE becomes a link to the pty. Each line has a number of its
own, which is in the file SAID a moment before. Modes:

- torn: each line comes in two halves; a damaged copy and noise follow each tenth
- csv: columns, without a checksum
- asked: a line only for each line that it is asked with
- mute: says nothing
- flood: no line ends
- unfit: every third weight is no number
"""

import functools
import operator
import os
import sys
import time
import tty


def line_of(number, modes):
    """Its weight is an eighth of the number: exact in binary."""
    weight = "------" if "unfit" in modes and number % 3 == 0 else f"{number / 8:+10.3f} kg"
    if "csv" in modes:
        return f"ST,{weight},{number}\r\n".encode()
    text = f"W={weight};N={number}".encode()
    return b"$%s*%02X\r\n" % (text, functools.reduce(operator.xor, text))


def damaged(number):
    """What it would say of another number, with the checksum of this one; and noise."""
    good = line_of(number, ())
    return (
        good.replace(b"N=%d" % number, b"N=%d" % (number + 9_000_000)) + b"\xff\x00\xc3garbage\r\n"
    )


def main(device, said_path, every_s, *modes):
    master, slave = os.openpty()
    tty.setraw(slave)
    fresh = device + ".new"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    os.symlink(os.ttyname(slave), fresh)
    os.replace(fresh, device)
    os.set_blocking(master, "asked" in modes)
    said = os.open(said_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    with open(said_path, encoding="utf-8") as file:
        number = sum(1 for _line in file)

    def send(data):
        try:
            os.write(master, data)
        except BlockingIOError:
            pass  # nobody listens, and what was not heard is full

    while True:
        if "asked" in modes:
            while not os.read(master, 100).endswith(b"\r\n"):
                pass
        else:
            time.sleep(float(every_s))
        if "mute" in modes:
            continue
        if "flood" in modes:
            send(b"U" * 700)
            continue
        number += 1
        os.write(said, b"%d\n" % number)
        line = line_of(number, modes)
        if "torn" in modes:
            send(line[:7])
            time.sleep(0.003)
            line = line[7:]
        send(line)
        if "torn" in modes and number % 10 == 0:
            send(damaged(number))


if __name__ == "__main__":
    main(*sys.argv[1:])
