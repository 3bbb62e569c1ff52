"""One connection of the machine to a port of this one: QEMU starts it with a socket as 0 and 1."""

import contextlib
import socket
import sys
import threading


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def main():
    with contextlib.suppress(OSError):  # nobody listens: the machine sees its connection closed
        there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
        here = socket.socket(fileno=0)
        back = threading.Thread(target=_copy, args=(there, here), daemon=True)
        back.start()
        _copy(here, there)
        back.join()


if __name__ == "__main__":
    main()
