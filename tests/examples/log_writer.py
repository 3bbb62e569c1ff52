"""A machine that writes two logs: it opens one anew on SIGHUP, and never the other.

log_writer.py FOLDER. Each line has a number of its own, which is in `said.txt` a moment before.
"""

import os
import signal
import sys
import time

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND
EVERY_S = 0.002


def opened(folder, name):
    return os.open(os.path.join(folder, name), FLAGS, 0o644)


def main(folder):
    asked = {}
    signal.signal(signal.SIGHUP, lambda *_: asked.update(again=True))
    signal.signal(signal.SIGTERM, lambda *_: asked.update(end=True))
    said = opened(folder, "said.txt")
    press, gauge = opened(folder, "press.log"), opened(folder, "gauge.log")
    with open(os.path.join(folder, "writer.pid"), "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    with open(os.path.join(folder, "said.txt"), encoding="utf-8") as file:
        number = sum(1 for _line in file)
    while "end" not in asked:
        if asked.pop("again", False):
            os.close(press)
            press = opened(folder, "press.log")
        number += 1
        os.write(said, b"%d\n" % number)
        os.write(press, b"%d the press struck once more, as it does all day long\n" % number)
        os.write(gauge, b"%d the gauge shows %d\n" % (number, number * 7919 % 1000))
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(sys.argv[1])
