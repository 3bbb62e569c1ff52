"""What this process holds, each thing by its own name, so that two looks can be compared.

A count would not do: what an earlier test forgot may go at any moment.
"""

import os
import threading


def descriptors():
    """(number, what it leads to) of all open files and sockets, for Linux."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add((number, os.readlink("/proc/self/fd/" + number)))
        except OSError:  # the listing's own
            pass
    return found


def threads():
    return set(threading.enumerate())
