"""Where uploads of the benchmark end: answers exchanges as fast as sockets go, and keeps nothing.

``python -m tests.benchmarks.uploadsink`` reads commands, one JSON object a line, and answers each
with one. Everything that is not a large exchange goes to an emulator in the same process, which
is idle meanwhile: registration, tokens, data models, mappings. An exchange is read to its end into
one array, and answered 200.
"""

import http.client
import json
import re
import socket
import sys
import threading
import time

from mcagent.emulator import Emulator
from mcagent.emulator.authority import Authority

_LARGEST = 11_000_000
_EXCHANGE = b"POST /api/mindconnect/v3/exchange"
_LOOK = 700  # a data model says so in the metadata at the begin of its exchange
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_TIMES = re.compile(rb'"timestamp":\s*"([^"]+)"')


class Sink:
    """Two ports, http and https, and what came in since the last `count`."""

    def __init__(self):
        self._authority = Authority(None)
        self._hub = Emulator(tls=False, settings={"processing_delay_s": 0.0})
        self._hub.start()
        self.origins = {}
        self._times = None
        self._reset()
        for scheme in ("http", "https"):
            context = self._authority.server_context("localhost") if scheme == "https" else None
            listener = socket.create_server(("127.0.0.1", 0))
            host = "localhost" if context else "127.0.0.1"
            self.origins[scheme] = f"{scheme}://{host}:{listener.getsockname()[1]}"
            self._start(self._accept, listener, context)

    @property
    def about(self):
        return {"ca_file": self._authority.ca_file, "origins": self.origins}

    def boarding(self, name, scheme):
        """A new agent behind the port of *scheme*."""
        self._hub.change_settings(public_url=self.origins[scheme])
        return self._hub.create_agent(name, automap=True)

    def count(self, check):
        """What came in since the last time; *check*: look at the records of the next ones."""
        (begin_s, begin_cpu_s), (end_s, end_cpu_s) = self._first, self._last
        found = {
            "exchanges": self._exchanges,
            "bytes": self._bytes,
            "busy": (end_cpu_s - begin_cpu_s) / ((end_s - begin_s) or 1),
            "records": None if self._times is None else len(self._times),
            "different": None if self._times is None else len(set(self._times)),
        }
        self._times = [] if check else None
        self._reset()
        return found

    def _reset(self):
        self._exchanges = self._bytes = 0
        self._first = self._last = (0.0, 0.0)  # exchange: when it was answered, CPU until then

    def _start(self, target, *arguments):
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self, listener, context):
        while True:
            sock = listener.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, sock, context)

    def _serve(self, sock, context):
        try:
            if context:
                sock = context.wrap_socket(sock, server_side=True)
            with sock:
                self._talk(sock)
        except OSError:
            pass  # the client is gone

    def _talk(self, sock):
        body = memoryview(bytearray(_LARGEST))
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65_536)
                if not more:
                    return
                data += more
            head, _end, data = data.partition(b"\r\n\r\n")
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            body[: len(data)] = data
            have = len(data)
            while have < length:
                got = sock.recv_into(body[have:length])
                if not got:
                    return
                have += got
            data = b""
            exchange = head.startswith(_EXCHANGE)
            if exchange and b"dataSourceConfiguration" not in bytes(body[: min(length, _LOOK)]):
                self._exchanges += 1
                self._bytes += length
                if self._times is not None:
                    self._times += _TIMES.findall(bytes(body[:length]))
                sock.sendall(_OK)
                self._last = (time.perf_counter(), time.process_time())
                if self._exchanges == 1:
                    self._first = self._last
            else:
                sock.sendall(self._forward(head, bytes(body[:length])))

    def _forward(self, head, body):
        """The emulator's answer, as it would have come from itself."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        connection = http.client.HTTPConnection("127.0.0.1", self._hub.port)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        kept = [
            "%s: %s" % header
            for header in answer.getheaders()
            if header[0].lower() not in ("content-length", "transfer-encoding", "connection")
        ]
        kept.append("Content-Length: %d" % len(content))
        text = "HTTP/1.1 %d %s\r\n%s\r\n\r\n" % (answer.status, answer.reason, "\r\n".join(kept))
        return text.encode("latin-1") + content


def main():
    sink = Sink()
    print(json.dumps(sink.about), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "boarding":
            answer = sink.boarding(command["name"], command["scheme"])
        else:
            answer = sink.count(command["check"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
