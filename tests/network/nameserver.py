"""A name server that knows one name, and is as slow as a test wants."""

import select
import socket
import threading
import time

_A, _AAAA = 1, 28


class NameServer:
    """`NameServer(place, name, address)` answers on port 53 of *place* until `stop`.

    Attributes:
        delay_s: Before each answer.
        questions: How many came.
    """

    def __init__(self, place, name, address, *, delay_s=0.0):
        self.delay_s = delay_s
        self.questions = 0
        self._name = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        self._address = socket.inet_aton(address)
        self._socket = place.call(self._open, place.address)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _open(self, address):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, 53))
        return made

    def _serve(self):
        waiting = []
        while not self._stopping.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                question, peer = self._socket.recvfrom(512)
                self.questions += 1
                waiting.append((time.monotonic() + self.delay_s, question, peer))
            while waiting and waiting[0][0] <= time.monotonic():
                _when, question, peer = waiting.pop(0)
                self._socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        """RFC 1035, 4.1: the header, the question again, an address where it was asked for."""
        end = question.index(0, 12)
        known = question[12:end].lower() == self._name
        kind = int.from_bytes(question[end + 1 : end + 3], "big")
        count = 1 if known and kind == _A else 0
        flags = b"\x85\x80" if known else b"\x85\x83"  # authoritative; no such name
        head = question[:2] + flags + b"\x00\x01" + count.to_bytes(2, "big") + bytes(4)
        answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04" + self._address
        return head + question[12 : end + 5] + answer * count

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self._socket.close()
