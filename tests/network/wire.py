"""Two network namespaces and a wire between them that does what a test says, packet by packet.

The wire is a thread that carries IP packets from one TUN device to another; `tc netem` would need a
kernel module that many machines lack, and could not be told "after 40 000 bytes".
"""

import ctypes
import fcntl
import heapq
import math
import os
import random
import select
import struct
import subprocess
import threading
import time

DEVICE, PLATFORM = 0, 1
ADDRESSES = ("10.77.0.1", "10.77.0.2")

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU = 1500


class NoNamespaces(Exception):
    """This machine or this user cannot have network namespaces."""


def _ip(*arguments):
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoNamespaces(f"ip (Debian: iproute2): {error}") from error
    if done.returncode:
        raise NoNamespaces(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _enter(name):
    """Move this thread into the network namespace *name*."""
    with open(f"/var/run/netns/{name}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
            raise NoNamespaces(f"setns: {os.strerror(ctypes.get_errno())}")


def _payload_bytes(packet):
    if packet[0] >> 4 != 4 or packet[9] != 6:  # TCP in IPv4
        return 0
    head = (packet[0] & 15) * 4
    return len(packet) - head - (packet[head + 12] >> 4) * 4


class Place:
    """One network namespace with a TUN device at its end of the wire."""

    def __init__(self, side):
        self.address = ADDRESSES[side]
        self.name = f"mcagent-{os.getpid()}-{side}"
        _ip("netns", "add", self.name)
        try:
            _ip("-n", self.name, "link", "set", "lo", "up")
            self.fd = self.call(self._open)
            peer = ADDRESSES[1 - side]
            _ip("-n", self.name, "addr", "add", self.address, "peer", peer, "dev", "wire")
            self.link(up=True)
        except BaseException:
            self.remove()
            raise

    def _open(self):
        try:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH", b"wire", _IFF_TUN | _IFF_NO_PI))
        except OSError as error:
            raise NoNamespaces(f"/dev/net/tun: {error}") from error
        return fd

    def link(self, *, up):
        """Pull the plug, or put it in again: routes go with it."""
        _ip("-n", self.name, "link", "set", "wire", "up" if up else "down")

    def call(self, function, *arguments):
        """What *function* returns or raises in a thread inside of this namespace.

        Threads and sockets that it makes stay here.
        """
        results = []

        def run():
            try:
                _enter(self.name)
                results.append((function(*arguments), None))
            except BaseException as error:
                results.append((None, error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        value, error = results[0]
        if error is not None:
            raise error
        return value

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        if hasattr(self, "fd"):
            os.close(self.fd)


class Wire:
    """`with Wire() as wire:` connects `wire.places[DEVICE]` with `wire.places[PLATFORM]`.

    Attributes, each to be set at any time, for both directions:
        loss, reorder: Share of packets lost, or overtaken by those behind them.
        delay_s: One way.
        bits_per_s: None for as fast as the machine.
        silent: Sides whose packets vanish.
        carried: Bytes of TCP payload of each side that came through.
    """

    def __init__(self, seed=7):
        self.loss = self.reorder = self.delay_s = 0.0
        self.bits_per_s = None
        self.queue_bytes = 64_000  # what a modem holds; more is dropped
        self.silent = set()
        self.carried = [0, 0]
        self._cut_at = None
        self._random = random.Random(seed)
        self._free_s = [0.0, 0.0]
        self._flying = []
        self._number = 0
        self._wake = os.pipe()
        self.places = []
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def __enter__(self):
        try:
            for side in (DEVICE, PLATFORM):
                self.places.append(Place(side))
        except BaseException:
            self._remove()
            raise
        self._thread.start()
        return self

    def __exit__(self, *exc):
        os.write(self._wake[1], b".")
        self._thread.join()
        self._remove()

    def _remove(self):
        for place in self.places:
            place.remove()
        for fd in self._wake:
            os.close(fd)

    def cut_after(self, side, count):
        """Carry *count* more payload bytes from *side*, then nothing more in either direction."""
        self._cut_at = (side, self.carried[side] + count)

    def wait_for_cut(self, timeout_s=90):
        until = time.monotonic() + timeout_s
        while not self.silent:
            assert time.monotonic() < until, "so much was never sent"
            time.sleep(0.01)

    def drop(self):
        """From now on everything vanishes, and nobody is told."""
        self.silent = {DEVICE, PLATFORM}

    def heal(self):
        """Carry again."""
        self._cut_at = None
        self.silent = set()

    def _run(self):
        sides = {place.fd: side for side, place in enumerate(self.places)}
        poll = select.poll()  # select() knows no descriptor beyond 1023
        for fd in (*sides, self._wake[0]):
            poll.register(fd, select.POLLIN)
        while True:
            wait_s = max(0.0, self._flying[0][0] - time.monotonic()) if self._flying else None
            most_ms = None if wait_s is None else math.ceil(wait_s * 1000)
            ready = [fd for fd, _event in poll.poll(most_ms)]
            if self._wake[0] in ready:
                return
            for fd in ready:
                try:
                    self._take(sides[fd], os.read(fd, _MTU + 100))
                except OSError:
                    time.sleep(0.01)  # its link is down
            now_s = time.monotonic()
            while self._flying and self._flying[0][0] <= now_s:
                _when, _number, side, packet = heapq.heappop(self._flying)
                try:
                    os.write(self.places[side].fd, packet)
                except OSError:
                    pass  # its link is down

    def _take(self, side, packet):
        if side in self.silent:
            return
        carried = self.carried[side] + _payload_bytes(packet)
        if self._cut_at and side == self._cut_at[0] and carried > self._cut_at[1]:
            self.silent = {DEVICE, PLATFORM}
            return
        if self._random.random() < self.loss:
            return
        now_s = time.monotonic()
        leaves_s = now_s
        if self.bits_per_s:
            begins_s = max(now_s, self._free_s[side])
            if (begins_s - now_s) * self.bits_per_s / 8 > self.queue_bytes:
                return
            leaves_s = self._free_s[side] = begins_s + len(packet) * 8 / self.bits_per_s
        self.carried[side] = carried
        delay_s = self.delay_s
        if self._random.random() < self.reorder:
            delay_s += 0.02 + self.delay_s
        self._number += 1
        heapq.heappush(self._flying, (leaves_s + delay_s, self._number, 1 - side, packet))
